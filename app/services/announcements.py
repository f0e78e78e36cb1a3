"""Announcements: what the shop tells everybody for some time, the seed's events and holidays."""

from collections.abc import Mapping
from typing import Any, ClassVar

from app.schemas.announcements import AnnouncementOut
from app.services.planned import PlannedService
from db.models.products import Announcement


class AnnouncementService(PlannedService[AnnouncementOut]):
    model, out = Announcement, AnnouncementOut
    object_kind, deed = "announcement", "announce_event"
    cleared: ClassVar[Mapping[str, Any]] = {"text": ""}
