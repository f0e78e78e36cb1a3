"""Service staff as they see themselves and each other."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import ApiModel, ImageUrl, OutModel
from app.schemas.users import AccountIn, PersonName

Right = Annotated[str, Field(max_length=32)]


class StaffIn(AccountIn):
    """A new member of staff."""

    role: Literal["manager", "owner"] = "manager"
    allows: list[Right] = Field(default_factory=list, max_length=32)


class StaffPatch(ApiModel):
    """What the owner changes of a member of staff: what is absent stays."""

    role: Literal["manager", "owner"] | None = None
    allows: list[Right] | None = Field(default=None, max_length=32)
    is_active: bool | None = Field(default=None, description="False: may sign in no longer; all sessions end.")


class ProfilePatch(ApiModel):
    """What a member of staff changes of themselves: what is absent stays, null clears."""

    name: PersonName | None = None
    lastname: PersonName | None = None
    sex: Literal["female", "male"] | None = None


class StaffQuery(ApiModel):
    """Which colleagues."""

    everybody: bool = Field(default=False, description="Also those who may sign in no longer.")


class ColleagueOut(OutModel):
    """A member of staff, as all of them may see."""

    id: int
    uuid: str
    name: str
    role: Literal["manager", "owner"]
    is_active: bool = True


class ColleaguesOut(OutModel):
    """Members of staff by id."""

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
    image: ImageUrl
    sex: str | None
    is_active: bool
    creation_time: datetime
    edit_time: datetime
