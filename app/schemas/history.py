"""The work history: who did what when."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from app.schemas.base import ApiModel, Id, Moment, OutModel

Word = Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]


class HistoryQuery(ApiModel):
    """Deeds, newest first. ``before`` is ``next`` of the page before."""

    staff: Id | None = Field(default=None, description="Whose deeds; the owner's to ask, others see their own.")
    kind: list[Word] | None = Field(default=None, max_length=20)
    object_kind: Word | None = None
    object_id: Id | None = None
    since: Moment | None = None
    until: Moment | None = None
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class ActionOut(OutModel):
    """One deed. ``before`` and ``after`` hold what it changed."""

    id: int
    staff_id: int | None = Field(description="None: done on the command line.")
    staff_name: str | None
    kind: str = Field(description="Such as price_up, create_product, set_rights.")
    object_kind: str
    object_id: int | None = Field(description="An article where it is a product.")
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    creation_time: datetime


class HistoryOut(OutModel):
    """A page of the history; ``next`` is null on the last one."""

    items: list[ActionOut]
    next: int | None
