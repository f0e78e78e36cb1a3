"""Service staff as they see themselves and each other."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.schemas.base import OutModel
from app.schemas.users import AccountIn


class StaffIn(AccountIn):
    """A new member of staff."""

    role: Literal["manager", "owner"] = "manager"
    allows: list[str] = Field(default_factory=list)


class ColleagueOut(OutModel):
    """A member of staff, as all of them may see."""

    id: int
    uuid: str
    name: str
    role: Literal["manager", "owner"]


class ColleaguesOut(OutModel):
    """Everybody on the staff who may sign in."""

    items: list[ColleagueOut]


class StaffOut(OutModel):
    """A member of staff's own data."""

    id: int
    uuid: str
    username: str
    email: str
    role: Literal["manager", "owner"]
    allows: list[str]
    name: str | None
    lastname: str | None
    image: str | None
    sex: str | None
    is_active: bool
    creation_time: datetime
    edit_time: datetime
