"""What the health checks answer."""

from typing import Literal

from app.schemas.base import OutModel


class LiveOut(OutModel):
    """The process runs and its loop turns."""

    status: Literal["ok"]


class ReadyOut(OutModel):
    """Whether requests should be sent here, and if not, what is in the way."""

    status: Literal["ok", "draining", "failing"]
    databases: dict[str, Literal["ok", "unreadable", "unwritable"]]
