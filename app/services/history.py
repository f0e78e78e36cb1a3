"""The work history: who did what when, before and after. Kept in USERS; deeds elsewhere get there by the outbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from app.actor import Actor
from app.errors import Forbidden
from app.schemas.history import ActionOut, HistoryOut, HistoryQuery
from app.services.names import NameBook
from db.database import Database, Done
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


class HistoryService:
    """Reads of the history."""

    def __init__(self, users: Database, names: NameBook) -> None:
        self._users, self._names = users, names

    async def list_actions(self, actor: Actor, query: HistoryQuery) -> HistoryOut:
        """A page of deeds, newest first: of everybody for the owner, of their own for the others.

        Raises:
            Forbidden: somebody else's deeds, for anybody but the owner.
        """
        staff = query.staff if actor.is_owner else actor.id
        if query.staff not in (None, staff):
            raise Forbidden("Only the owner sees what others did.")
        found = queries.ActionFilter(
            staff, tuple(query.kind or ()), query.object_kind, query.object_id, query.since, query.until
        )
        rows = await self._users.read(lambda c: queries.list_actions(c, found, query.before, query.limit + 1))
        shown = rows[: query.limit]
        await self._names.load(("staff", row.service_person_id) for row in shown if row.service_person_id)
        items = [
            ActionOut(
                id=row.id,
                staff_id=row.service_person_id,
                staff_name=self._names.get("staff", row.service_person_id) if row.service_person_id else None,
                kind=row.kind,
                object_kind=row.object_kind,
                object_id=row.object_id,
                before=row.before,
                after=row.after,
                creation_time=row.creation_time,
            )
            for row in shown
        ]
        return HistoryOut(items=items, next=shown[-1].id if len(rows) > query.limit else None)
