"""Changes of sessions: what a write may do to them, in the transaction of whatever else it does."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy.orm import Session

from app.actor import Actor, Audience
from app.errors import Unauthorized
from app.services.names import display_name
from app.services.store_events import StoreEvent
from db.models.users import RIGHTS
from db.queries import sessions as queries

Person = tuple[Literal["user", "staff"], int]

# The longest that browsers keep a cookie; a guest who comes back after a year finds the chat again.
GUEST_LIFE = timedelta(days=400)
USER_IDLE = timedelta(days=30)
STAFF_IDLE = timedelta(hours=12)


def lifetime(kind: str) -> timedelta:
    """How long a session of a guest lasts, or one of a user or member of staff without being used."""
    return {"staff": STAFF_IDLE, "user": USER_IDLE}.get(kind, GUEST_LIFE)


def hash_token(token: str) -> str:
    """What is kept of a token. It is random and long, so a plain hash will do."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def actor_of(row: queries.AnyRow) -> Actor | None:
    """Who a session is. None when the person is gone, blocked or no longer active."""
    if row.person_kind == "staff":
        if not row.staff_is_active:
            return None
        rights = RIGHTS if row.staff_role == "owner" else row.allows
        name = display_name(row.staff_name, row.staff_lastname, row.staff_username)
        return Actor("staff", row.staff_id, name, row.staff_role, frozenset(rights), row.token_hash, "staff")
    if row.user_id is None:
        return None if row.person_kind else Actor("guest", session=row.token_hash)
    if not row.is_active or row.blocked_time is not None:
        return None
    kind: Literal["user", "guest"] = "user" if row.person_kind else "guest"
    return Actor(kind, row.user_id, display_name(row.name, row.lastname, row.username), session=row.token_hash)


def former_actor(row: queries.AnyRow) -> Actor:
    """Who a session was that another one took the place of; a guest's row may already be a user's, or merged."""
    if row.person_kind:
        return actor_of(row) or Actor("user", row.user_id, session=row.token_hash)
    return Actor("guest", row.user_id, session=row.token_hash)


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that just began. The token is told once, to whom it belongs."""

    token: str = field(repr=False)
    actor: Actor


class Changes:
    """Changes of sessions within one write: made in the writer's thread, taking effect on the loop after the commit.

    ``events`` takes what else has changed, to be published with the commit.
    """

    def __init__(self, session: Session, now: datetime) -> None:
        self.rev = queries.next_rev(session)
        self.ended: set[str] = set()
        self.stale: set[str] = set()
        self.replaced: dict[str, tuple[Actor, Actor]] = {}
        self.events: list[StoreEvent] = []
        self._session, self._now = session, now

    def begin(self, audience: Audience, person: Person | None = None, data: Mapping[str, Any] | None = None) -> Begun:
        """Begin a session of a person, or of a guest who has no row yet. Raises Unauthorized if they may not enter."""
        token = secrets.token_urlsafe(32)
        token_hash = hash_token(token)
        queries.add_session(
            self._session,
            token_hash,
            audience=audience,
            person=person,
            guest_user_id=None,
            data=data or {},
            now=self._now,
            expiry_time=self._now + lifetime(person[0] if person else "guest"),
        )
        row = queries.get_session(self._session, token_hash)
        actor = actor_of(row) if row else None
        if actor is None:
            raise Unauthorized  # whoever this was may not enter, and not half-way either: all of the write is undone
        return Begun(token, actor)

    def get(self, token_hash: str) -> queries.AnyRow | None:
        """The session as it is in this transaction, if it is alive."""
        row = queries.get_session(self._session, token_hash) if token_hash else None
        return row if row and row.revoked_time is None and row.expiry_time > self._now else None

    def get_following(self, token_hash: str) -> queries.AnyRow | None:
        """The session, or the one that goes on in its place, if it is alive."""
        row = queries.get_session(self._session, token_hash)
        return self.get(row.replaced_by or token_hash) if row else None

    def replace(self, token_hash: str, begun: Begun) -> None:
        """End a session in whose place another one goes on: its sockets learn who they are now."""
        row = self.get(token_hash)
        if row is None:
            return
        queries.revoke(self._session, token_hash, self._now, self.rev, replaced_by=begun.actor.session)
        self.replaced[token_hash] = former_actor(row), begun.actor

    def end(self, token_hash: str) -> None:
        """End one session."""
        if queries.revoke(self._session, token_hash, self._now, self.rev):
            self.ended.add(token_hash)

    def end_person(self, kind: Literal["user", "staff", "guest"], person_id: int, keep: str = "") -> None:
        """End all sessions of somebody, except perhaps one."""
        self.ended.update(queries.revoke_person(self._session, (kind, person_id), self._now, self.rev, keep))

    def adopt(self, token_hash: str, guest_id: int) -> None:
        """Give the session of a guest the row that was made for it."""
        queries.set_guest(self._session, token_hash, guest_id, self.rev)
        self.stale.add(token_hash)

    def keep_data(self, token_hash: str, data: Mapping[str, Any]) -> None:
        """Replace what pages keep in a session."""
        queries.set_data(self._session, token_hash, data, self.rev)
        self.stale.add(token_hash)

    def rename(self, kind: Literal["user", "staff"], person_id: int) -> None:
        """Have everybody read the sessions of a person again, who is called something else now."""
        self.stale.update(queries.mark_changed(self._session, (kind, person_id), self.rev))
