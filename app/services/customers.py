"""Customers as staff see them: found, blocked and let in again."""

from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.errors import NotFound
from app.schemas.users import CustomerOut, CustomerPatch, CustomersOut, UsersQuery, normal_name
from app.session_changes import Changes
from app.sessions import SessionStore
from db.database import Database
from db.queries import staff as deeds
from db.queries import users as queries


class CustomerService:
    """Reads and blocks customers."""

    def __init__(self, users: Database, sessions: SessionStore, clock: Clock) -> None:
        self._users, self._sessions, self._clock = users, sessions, clock

    async def list_customers(self, query: UsersQuery) -> CustomersOut:
        """A page of users, the newest first; guests have nothing to be found by."""
        beginning = normal_name(query.q) if query.q else None
        user_id = int(query.q) if query.q and query.q.isascii() and query.q.isdigit() and len(query.q) < 16 else None
        rows = await self._users.read(
            lambda c: queries.list_customers(c, beginning, user_id, query.blocked, query.before, query.limit + 1)
        )
        shown = rows[: query.limit]
        return CustomersOut(
            items=[CustomerOut.model_validate(row) for row in shown],
            next=shown[-1].id if len(rows) > query.limit else None,
        )

    async def update_customer(self, by: Actor, user_id: int, form: CustomerPatch) -> CustomerOut:
        """Block a guest or user, whose sessions end then, or let them in again.

        Raises:
            NotFound: there is no such customer, or not any more.
        """
        now = self._clock.now()

        def work(session: Session, changes: Changes) -> CustomerOut:
            user = queries.set_blocked(session, user_id, now if form.blocked else None)
            if user is None:
                raise NotFound
            if form.blocked:
                changes.end_person("user", user_id)
                changes.end_person("guest", user_id)
            deeds.add_action(
                session,
                by=by.id,
                kind="block_user" if form.blocked else "unblock_user",
                object_kind="user",
                object_id=user_id,
                before=None,
                after=None,
                now=now,
            )
            return CustomerOut.model_validate(user)

        return await self._sessions.write(work)
