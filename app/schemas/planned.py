"""What lists of promotions and announcements are asked by: both are there for some time."""

from typing import Literal

from pydantic import Field

from app.schemas.base import ApiModel

Period = Literal["active", "planned", "ended", "all"]


class PlannedQuery(ApiModel):
    """Query of such a list, newest first. ``cursor`` is ``next`` of the page before, with the same filter."""

    limit: int = Field(default=24, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=200)
    period: Period = Field(default="active", description="Staff only, except active.")
