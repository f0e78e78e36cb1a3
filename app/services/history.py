"""The work history: who did what when, before and after. Kept in USERS; deeds elsewhere get there by the outbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from app.actor import Actor
from db.database import Done
from db.outbox import add_effect
from db.queries import staff as queries

EFFECT = "staff_action"

ObjectKind = Literal[
    "product", "group", "category", "promotion", "announcement", "comment", "order", "import", "export", "user", "staff"
]


def record(
    session: Session,
    by: Actor | None,
    kind: str,
    object_kind: ObjectKind,
    object_id: int,
    now: datetime,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write a deed down, in the transaction of the deed in PRODUCTS or MESSANGER. ``by`` None is the command line.

    ``kind`` is a word of the seed (price_up, create_product …) or one like it; a product's ``object_id`` is its
    article. ``before`` and ``after`` hold what has changed, and nothing that must not be kept.
    """
    payload = {
        "by": by.id if by else None,
        "kind": kind,
        "object_kind": object_kind,
        "object_id": object_id,
        "before": None if before is None else dict(before),
        "after": None if after is None else dict(after),
        "time": now.isoformat(),
    }
    add_effect(session, kind=EFFECT, key=f"{object_kind}/{object_id}", payload=payload)


def apply_action(session: Session, payload: dict[str, Any]) -> Done[None]:
    """The effect in USERS."""
    queries.add_action(
        session,
        by=payload["by"],
        kind=payload["kind"],
        object_kind=payload["object_kind"],
        object_id=payload["object_id"],
        before=payload["before"],
        after=payload["after"],
        now=datetime.fromisoformat(payload["time"]),
    )
    return Done(None)
