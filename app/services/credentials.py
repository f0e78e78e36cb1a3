"""Passwords of users and staff: changed, given once more, and chosen anew by a link."""

import secrets
from datetime import datetime, timedelta
from typing import Literal

from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.errors import Invalid, NotFound
from app.limits import Throttle, address_key
from app.passwords import Passwords
from app.schemas.users import PasswordIn, ResetIn, normal_name, require_fit
from app.session_changes import Changes, hash_token
from app.sessions import SessionStore
from app.settings import Limits
from db.database import Database, Done
from db.queries import users as queries
from ws.limits import Rate

RESET_LIFE = timedelta(hours=24)


class CredentialService:
    """What becomes of passwords once there is an account."""

    def __init__(
        self, users: Database, sessions: SessionStore, passwords: Passwords, clock: Clock, limits: Limits
    ) -> None:
        self._users, self._sessions, self._passwords, self._clock = users, sessions, passwords, clock
        attempts = Rate.per_minutes(limits.sign_in_attempts, 10)
        self._attempts, self._resets = Throttle(attempts, clock), Throttle(attempts, clock)

    async def change_password(self, actor: Actor, form: PasswordIn) -> None:
        """Change a user's or member of staff's password and end the person's other sessions.

        Raises:
            Invalid: the old password is not right, or the new one is the username or the e-mail.
            RateLimited: too many failures.
        """
        kind, person_id = person_of(actor)
        old = await self._require_password(actor, form.old_password, "old_password")
        names = await self._users.read(lambda connection: queries.get_names(connection, kind, person_id), hot=True)
        try:
            require_fit(form.new_password, *names)
        except PydanticCustomError as error:
            raise _invalid("new_password", error.type, error.message()) from None
        hashed = await self._passwords.hash(form.new_password)
        now = self._clock.now()

        def work(session: Session, changes: Changes) -> None:
            if queries.get_password(session, kind, person_id) != old:
                raise _invalid("old_password", "wrong", "The old password is not right")
            queries.set_password(session, kind, person_id, hashed, now)
            changes.end_person(kind, person_id, keep=actor.session)

        await self._sessions.write(work)

    async def confirm(self, actor: Actor, password: str) -> datetime:
        """Take the person's password once more, for what asks for it; returns until when that holds.

        Raises:
            Invalid: it is not right.
            RateLimited: too many failures.
        """
        await self._require_password(actor, password, "password")
        return await self._sessions.confirm(actor.session)

    async def begin_reset(self, login: str) -> tuple[str, datetime]:
        """Permit the person who signs in by ``login`` to choose a password once; returns the token and its end.

        For the owner to hand over; the old password goes on until the new one is chosen.

        Raises:
            NotFound: nobody signs in by that name.
        """
        name, token, now = normal_name(login), secrets.token_urlsafe(32), self._clock.now()

        def work(session: Session) -> Done[None]:
            found = queries.get_credentials(session, name)
            if found is None:
                raise NotFound("Nobody signs in by this name.")
            queries.add_reset(session, hash_token(token), found.kind, found.person_id, now, now + RESET_LIFE)
            return Done(None)

        await self._users.write(work)
        return token, now + RESET_LIFE

    async def finish_reset(self, form: ResetIn, address: str) -> None:
        """Choose a password by such a token; all sessions of the person end.

        Raises:
            NotFound: the token is not good, or no longer.
            Invalid: the password is the username or the e-mail.
            RateLimited: one address tries too many tokens.
        """
        self._resets.check(address_key(address))
        hashed = await self._passwords.hash(form.new_password)
        now = self._clock.now()

        def work(session: Session, changes: Changes) -> None:
            found = queries.take_reset(session, hash_token(form.token), now)
            if found is None:
                raise NotFound("This link is not good, or no longer.")
            try:
                require_fit(form.new_password, *queries.get_names(session, found.person_kind, found.person_id))
            except PydanticCustomError as error:
                raise _invalid("new_password", error.type, error.message()) from None
            queries.set_password(session, found.person_kind, found.person_id, hashed, now)
            changes.end_person(found.person_kind, found.person_id)

        await self._sessions.write(work)

    async def _require_password(self, actor: Actor, password: str, field: str) -> str:
        """Check the person's own password; returns its hash. Raises Invalid and RateLimited."""
        kind, person_id = person_of(actor)
        key = f"{kind}/{person_id}"
        self._attempts.check(key)
        hashed = await self._users.read(lambda connection: queries.get_password(connection, kind, person_id), hot=True)
        if hashed is None or not await self._passwords.verify(hashed, password):
            raise _invalid(field, "wrong", "The password is not right")
        self._attempts.give_back(key)
        return hashed


def person_of(actor: Actor) -> tuple[Literal["user", "staff"], int]:
    """A user or member of staff; guests have no password and are not let in here."""
    assert actor.id is not None and actor.kind in ("user", "staff")
    return ("staff" if actor.is_staff else "user"), actor.id


def _invalid(field: str, code: str, detail: str) -> Invalid:
    return Invalid(errors=[{"pointer": f"/{field}", "code": code, "detail": detail}])
