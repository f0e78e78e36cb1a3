"""Customers: how a visitor becomes a guest, a guest a user, and a user one who is signed in."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Literal, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.actor import Actor, Audience
from app.clock import Clock
from app.errors import Busy as PasswordsBusy
from app.errors import Conflict, NotFound, Unauthorized
from app.limits import Throttle, address_key
from app.passwords import Passwords
from app.schemas.sessions import DeviceOut, DevicesOut, SignInIn
from app.schemas.users import (
    AccountIn,
    AvailabilityIn,
    AvailabilityOut,
    UserOut,
    UserPatch,
    normal_name,
)
from app.services.accounts import SignedIn, add_account, enter, names_of, refuse_taken
from app.services.credentials import person_of
from app.services.names import NameBook
from app.session_changes import Begun, Changes, actor_of
from app.sessions import SessionStore
from app.settings import Limits
from db.database import Busy, Database
from db.queries import users as queries
from db.queries.sessions import list_alive
from ws.limits import Rate

T = TypeVar("T")

logger = logging.getLogger(__name__)

AFTER_EFFECTS_S = 2.0
AVAILABILITY_PER_MINUTE = 30
WRONG = "The name or the password is not right."


async def _no_effects() -> None:
    return None


class UsersService:
    """Registers, signs in and out, and keeps customers' own data.

    after_effects: called after a merge was written; applies what waits in the outbox of USERS.
    find_open_chat: the open chat of a customer after a merge, for the answer.
    on_identity_changed: told of each session whose holder became somebody else, after the answer has left.
    """

    def __init__(
        self,
        users: Database,
        sessions: SessionStore,
        passwords: Passwords,
        names: NameBook,
        clock: Clock,
        limits: Limits,
        *,
        after_effects: Callable[[], Awaitable[object]] = _no_effects,
        find_open_chat: Callable[[int], Awaitable[int | None]] | None = None,
        on_identity_changed: Callable[[str, Actor, Actor], object] | None = None,
    ) -> None:
        self._users, self._sessions, self._passwords, self._names, self._clock = (
            users,
            sessions,
            passwords,
            names,
            clock,
        )
        self._after_effects, self._find_open_chat = after_effects, find_open_chat
        if on_identity_changed is not None:
            sessions.on_replaced(on_identity_changed)
        attempts = Rate.per_minutes(limits.sign_in_attempts, 10)
        self._by_name, self._by_address = Throttle(attempts, clock), Throttle(attempts, clock)
        self._new_guests = Throttle(Rate.per_minutes(limits.guest_sessions, 10), clock)
        self._new_users = Throttle(Rate.per_minutes(limits.registrations, 10), clock)
        self._questions = Throttle(Rate.per_minutes(AVAILABILITY_PER_MINUTE, 1), clock)

    # Guests

    async def begin_guest(self, address: str) -> Begun:
        """Begin a guest's session. Raises RateLimited when one address begins too many."""
        self._new_guests.check(address_key(address))
        return await self._sessions.begin_guest()

    async def ensure_guest(self, actor: Actor) -> Actor:
        """Give a guest the row that a chat or a cart belongs to; others stay as they are.

        It can be called again and at the same time: one session has one row. A session that went on as another one
        meanwhile gives the actor of that one.

        Raises:
            Unauthorized: the session is over.
        """
        if actor.kind != "guest" or actor.id is not None:
            return actor
        known = self._sessions.find(actor.session)
        if known is not None and known.actor.id is not None:
            return known.actor
        now = self._clock.now()

        def work(session: Session, changes: Changes) -> Actor:
            found = changes.get_following(actor.session)
            guest = actor_of(found) if found else None
            if guest is None:
                raise Unauthorized
            if guest.kind != "guest" or guest.id is not None:
                return guest
            guest_id = queries.add_guest(session, now)
            changes.adopt(guest.session, guest_id)
            return replace(guest, id=guest_id)

        return await self._sessions.write(work)

    # Accounts

    async def register(self, form: AccountIn, address: str, current: str = "") -> SignedIn:
        """Make an account and sign in. A guest becomes a user in place: the same id, chats and cart.

        current: the hash of the shop session that the request came with.

        Raises:
            Conflict: a name is taken; ``field`` says which.
            RateLimited: one address registers too many.
        """
        self._new_users.check(address_key(address))
        await self._require_free(form)  # before the costly hash; the write looks again
        hashed = await self._passwords.hash(form.password)
        now = self._clock.now()

        def work(session: Session, changes: Changes) -> SignedIn:
            row = changes.get(current)
            guest = actor_of(row) if row else None
            guest_id = guest.id if guest and guest.kind == "guest" else None
            user_id = add_account(session, form, hashed, guest_id, now)
            if guest_id is not None:
                changes.end_person("guest", guest_id, keep=current)
            begun = changes.begin("shop", ("user", user_id), row.data if row else None)
            changes.replace(current, begun)
            return SignedIn(begun, current)

        signed_in = await self._write_names(work)
        self._names.invalidate("customer", signed_in.begun.actor.id or 0)
        logger.info("user %s registered", signed_in.begun.actor.id)
        return signed_in

    async def add_user(self, form: AccountIn) -> int:
        """Make an account without signing in; returns the user's id. Raises Conflict like `register`."""
        hashed = await self._passwords.hash(form.password)
        now = self._clock.now()
        return await self._write_names(lambda session, changes: add_account(session, form, hashed, None, now))

    async def get_availability(self, actor: Actor, form: AvailabilityIn, address: str) -> AvailabilityOut:
        """Whether names are free.

        Raises:
            Unauthorized: asked about an e-mail without being signed in: that would tell who the customers are.
            RateLimited: too many questions.
        """
        if form.email is not None and actor.kind not in ("user", "staff"):
            raise Unauthorized("Sign in to ask about an e-mail.")
        self._questions.check(address_key(address))
        asked = {"username": form.username, "email": form.email}
        normal = {field: normal_name(value) for field, value in asked.items() if value is not None}
        taken = await self._users.read(lambda connection: queries.list_logins(connection, normal.values()), hot=True)
        return AvailabilityOut(**{field: name not in taken for field, name in normal.items()})

    # Signing in and out

    async def sign_in(
        self, form: SignInIn, address: str, current: Mapping[Audience, str], door: Audience = "shop"
    ) -> SignedIn:
        """Sign in a user or a member of staff. A guest's cart and chats go to the user's account.

        current: hashes of the living sessions that came with the request, by audience.
        door: the staff's door is for staff only, so that signing in there leaves the guest in the next tab alone.

        Raises:
            Unauthorized: no such name, the wrong password, or somebody who may not enter: one answer, in one time.
            RateLimited: too many failures for the name or from the address.
        """
        name = normal_name(form.login)
        # The address first: one that may try no more must not use up the attempts of somebody else's name.
        keys = ((self._by_address, address_key(address)), (self._by_name, name))
        for throttle, key in keys:
            throttle.check(key)
        found = await self._users.read(lambda connection: queries.get_credentials(connection, name), hot=True)
        try:
            matches = await self._passwords.verify(found.hashed_password if found else None, form.password)
        except PasswordsBusy:
            _give_back(keys)  # nothing was tried
            raise
        if found is None or not matches or not found.may_enter or (door == "staff" and found.kind != "staff"):
            logger.info("a sign-in failed from %s", address)
            raise Unauthorized(WRONG)
        _give_back(keys)
        kind: Literal["user", "staff"] = found.kind
        hashed: str = found.hashed_password
        rehashed = await self._passwords.hash(form.password) if self._passwords.needs_rehash(hashed) else None
        now = self._clock.now()

        def work(session: Session, changes: Changes) -> SignedIn:
            # Between the check of the password and this, the password or the right to enter may have changed.
            now_found = queries.get_credentials(session, name)
            if now_found is None or now_found.hashed_password != hashed or not now_found.may_enter:
                raise Unauthorized(WRONG)
            if rehashed is not None:
                queries.upgrade_hash(session, kind, found.person_id, hashed, rehashed)
            return enter(session, changes, (kind, found.person_id), current, now)

        signed_in = await self._sessions.write(work)
        logger.info("%s %s signed in", kind, found.person_id)
        return await self._report_merge(signed_in)

    async def sign_out(self, actor: Actor) -> None:
        """End the actor's session; its sockets are closed."""
        await self._sessions.end(actor.session)

    async def sign_out_everywhere(self, actor: Actor) -> None:
        """End all sessions of the person, this one too."""
        kind, person_id, own = actor.kind, actor.id, actor.session

        def work(session: Session, changes: Changes) -> None:
            changes.end(own)
            if kind != "visitor" and person_id is not None:
                changes.end_person(kind, person_id)

        if own:
            await self._sessions.write(work)

    # Oneself

    async def require(self, user_id: int) -> None:
        """Raises: NotFound: there is no such guest or user, or another account has taken them in."""
        if await self._users.read(lambda connection: queries.get_user(connection, user_id), hot=True) is None:
            raise NotFound("There is no such customer.")

    async def get_me(self, actor: Actor) -> UserOut:
        """A user's own data. Raises NotFound if the account has just gone."""
        row = await self._users.read(lambda connection: queries.get_user(connection, actor.id or 0), hot=True)
        if row is None:
            raise NotFound
        return UserOut.model_validate(row)

    async def update_me(self, actor: Actor, form: UserPatch) -> UserOut:
        """Change a user's own data: only what the form names. Raises NotFound if the account has just gone."""
        changed = form.model_dump(exclude_unset=True)
        now = self._clock.now()

        def work(session: Session, changes: Changes) -> UserOut:
            user = queries.access_user(session, actor.id or 0)
            if user is None or not user.is_active:
                raise NotFound
            for name, value in changed.items():
                setattr(user, name, value)
            user.edit_time = now
            changes.rename("user", user.id)
            return UserOut.model_validate(user)

        out = await self._sessions.write(work)
        self._names.invalidate("customer", out.id)
        return out

    async def list_devices(self, actor: Actor) -> DevicesOut:
        """The person's living sessions."""
        person, now = person_of(actor), self._clock.now()
        rows = await self._users.read(lambda connection: list_alive(connection, person, now), hot=True)
        items = [
            DeviceOut(
                is_current=row.token_hash == actor.session,
                creation_time=row.creation_time,
                last_seen_time=row.last_seen_time,
            )
            for row in rows
        ]
        return DevicesOut(items=items)

    async def set_image(self, actor: Actor, name: str | None) -> None:
        """Give the person another picture, or none."""
        kind, person_id = person_of(actor)
        now = self._clock.now()

        def work(session: Session, changes: Changes) -> None:
            queries.set_image(session, kind, person_id, name, now)

        await self._sessions.write(work)

    async def delete_me(self, actor: Actor) -> None:
        """Close the account: names, e-mail, cart and sessions go; orders, comments and chats stay without a name.

        The username and the e-mail are free again.
        """
        now, user_id = self._clock.now(), actor.id or 0

        def work(session: Session, changes: Changes) -> None:
            queries.anonymise(session, user_id, now)
            changes.end_person("user", user_id)

        await self._sessions.write(work)
        self._names.invalidate("customer", user_id)
        logger.info("user %s has closed the account", user_id)

    # Within

    async def _report_merge(self, signed_in: SignedIn) -> SignedIn:
        """Have the merge reach the chats before the answer does; if that fails now, the relay does it later."""
        if signed_in.merged is None:
            return signed_in
        user_id = signed_in.begun.actor.id
        try:
            async with asyncio.timeout(AFTER_EFFECTS_S):
                await self._after_effects()
                chat = await self._find_open_chat(user_id) if self._find_open_chat and user_id else None
        except (TimeoutError, Busy):
            logger.warning("the chats of guest %s will follow later", signed_in.merged.guest_id)
            return signed_in
        return replace(signed_in, merged=signed_in.merged.model_copy(update={"chat": chat}))

    async def _require_free(self, form: AccountIn) -> None:
        names = names_of(form)
        taken = await self._users.read(lambda connection: queries.list_logins(connection, names.values()), hot=True)
        refuse_taken(names, taken)

    async def _write_names(self, work: Callable[[Session, Changes], T]) -> T:
        try:
            return await self._sessions.write(work)
        except IntegrityError:  # two databases' clients at once; within one, the write itself looks first
            raise Conflict("This name is taken.", field="username") from None


def _give_back(keys: Iterable[tuple[Throttle, str]]) -> None:
    for throttle, key in keys:
        throttle.give_back(key)
