"""What announcements accept and send."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.schemas.base import ApiModel, Moment, OutModel, Text, Title

Headline = Annotated[Title, Field(max_length=200)]
Body = Annotated[Text, Field(max_length=5_000)]


class AnnouncementIn(ApiModel):
    """A new announcement, shown from ``starts_at`` up to, and no longer at, ``ends_at``."""

    title: Headline
    text: Body = ""
    starts_at: Moment
    ends_at: Moment


class AnnouncementPatch(ApiModel):
    """Changes of an announcement (merge patch): what is absent stays, null clears."""

    # Made by a factory, a default stands in no document: these may be left out, and null is refused.
    title: Headline = Field(default_factory=str)
    text: Body | None = None
    starts_at: Moment = Field(default_factory=lambda: datetime.max)
    ends_at: Moment = Field(default_factory=lambda: datetime.max)


class AnnouncementOut(OutModel):
    """What the shop tells everybody for some time: a holiday, an event."""

    id: int
    title: str
    text: str
    starts_at: datetime
    ends_at: datetime
    creation_time: datetime
    edit_time: datetime
    version: int = Field(description="Rises with each edit; the ETag, for If-Match.")


class AnnouncementPage(OutModel):
    """One page of announcements; ``next`` is null on the last one."""

    items: list[AnnouncementOut]
    next: str | None
