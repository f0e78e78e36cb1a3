"""Service staff: who they are, what they may do, and the record of every change of that."""

import logging
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from app.passwords import Passwords
from app.schemas.staff import ColleagueOut, ColleaguesOut, ProfilePatch, StaffIn, StaffOut, StaffPatch
from app.schemas.users import normal_name
from app.services.accounts import names_of, refuse_taken
from app.services.names import NameBook, display_name
from app.session_changes import Changes
from app.sessions import SessionStore
from db.database import Database
from db.models.users import RIGHTS, ServicePerson
from db.queries import staff as queries
from db.queries import users as people

logger = logging.getLogger(__name__)


class StaffService:
    """Keeps members of staff. ``by`` is the owner who does it; None is whoever may use the command line."""

    def __init__(
        self, users: Database, sessions: SessionStore, passwords: Passwords, names: NameBook, clock: Clock
    ) -> None:
        self._users, self._sessions, self._passwords, self._names, self._clock = (
            users,
            sessions,
            passwords,
            names,
            clock,
        )

    async def get_me(self, actor: Actor) -> StaffOut:
        """A member of staff's own data. Raises NotFound if the person has just gone."""
        row = await self._users.read(lambda connection: queries.get_person(connection, actor.id or 0), hot=True)
        if row is None:
            raise NotFound
        return StaffOut.model_validate(row)

    async def get_person(self, uuid: str) -> StaffOut:
        """Anybody on the staff, active or not. Raises NotFound."""
        row = await self._users.read(lambda connection: queries.find_person(connection, uuid), hot=True)
        if row is None:
            raise NotFound
        return StaffOut.model_validate(row)

    async def update_me(self, actor: Actor, form: ProfilePatch) -> StaffOut:
        """Change a member of staff's own data: only what the form names."""
        changed = form.model_dump(exclude_unset=True)

        def work(session: Session, changes: Changes) -> StaffOut:
            person = session.get_one(ServicePerson, actor.id)
            for name, value in changed.items():
                setattr(person, name, value)
            person.edit_time = self._clock.now()
            changes.rename("staff", person.id)
            return StaffOut.model_validate(person)

        out = await self._sessions.write(work)
        self._names.invalidate("staff", out.id)
        return out

    async def list_colleagues(self, everybody: bool = False) -> ColleaguesOut:
        """Everybody on the staff who may sign in, or really everybody."""
        rows = await self._users.read(queries.list_everybody if everybody else queries.list_active)
        return ColleaguesOut(
            items=[
                ColleagueOut(
                    id=row.id,
                    uuid=row.uuid,
                    name=display_name(row.name, row.lastname, row.username),
                    role=row.role,
                    is_active=row.is_active,
                )
                for row in rows
            ]
        )

    async def require_colleague(self, staff_id: int) -> None:
        """Raises: NotFound: nobody of that id works here, or not any more."""
        person = await self._users.read(lambda connection: queries.get_person(connection, staff_id), hot=True)
        if person is None or not person.is_active:
            raise NotFound("There is no such colleague.")
        self._names.remember("staff", staff_id, display_name(person.name, person.lastname, person.username))

    async def create_owner(self, form: StaffIn) -> StaffOut:
        """Make an owner, from the command line. Raises Conflict when a name is taken."""
        return await self.create_staff(form.model_copy(update={"role": "owner"}), by=None)

    async def create_staff(self, form: StaffIn, by: Actor | None) -> StaffOut:
        """Make a member of staff.

        Raises:
            Conflict: a name is taken, by whomever; ``field`` says which.
            Forbidden: somebody but the owner asks.
            Invalid: there is no such right.
        """
        _require_owner(by)
        _require_rights(form.allows)
        hashed = await self._passwords.hash(form.password)
        now = self._clock.now()

        def work(session: Session, changes: Changes) -> StaffOut:
            names = names_of(form)
            refuse_taken(names, people.list_logins(session, names.values()))
            person = ServicePerson(
                uuid=str(uuid4()),
                hashed_password=hashed,
                is_active=True,
                creation_time=now,
                edit_time=now,
                **form.model_dump(include={"username", "email", "role", "allows", "name", "lastname"}),
            )
            session.add(person)
            session.flush()
            people.add_logins(session, "staff", person.id, names.values())
            self._record(session, by, "create_staff", person, before=None)
            return StaffOut.model_validate(person)

        try:
            return await self._sessions.write(work)
        except IntegrityError:
            raise Conflict("This name is taken.", field="username") from None

    async def update_person(
        self, uuid: str, form: StaffPatch, by: Actor | None, version: int | None = None
    ) -> StaffOut:
        """Change what a member of staff may do, or whether they may sign in. The person's sessions end everywhere.

        version: what `version_of` said of the person that the owner has seen; None asks for none.

        Raises:
            Conflict: this is the last owner.
            Forbidden: somebody but the owner asks.
            Invalid: there is no such right.
            NotFound: there is no such person.
            Stale: somebody has changed the person meanwhile.
        """
        _require_owner(by)
        _require_rights(form.allows or ())
        changed = {name: value for name, value in form.model_dump(exclude_unset=True).items() if value is not None}
        kind = "set_active" if set(changed) == {"is_active"} else "set_rights"

        def work(session: Session, changes: Changes) -> StaffOut:
            person = queries.access_person(session, uuid)
            if person is None:
                raise NotFound
            if version not in (None, version_of(person.edit_time)):
                raise Stale(version=version_of(person.edit_time))
            before = _state(person)
            for name, value in changed.items():
                setattr(person, name, value)
            person.edit_time = self._clock.now()
            session.flush()
            if before["role"] == "owner" and queries.count_owners(session) == 0:
                raise Conflict("The last owner cannot be removed.")
            changes.end_person("staff", person.id)
            self._record(session, by, kind, person, before)
            return StaffOut.model_validate(person)

        out = await self._sessions.write(work)
        self._names.invalidate("staff", out.id)
        return out

    async def reset_password(self, login: str, password: str | None = None) -> str:
        """Give the person who signs in by ``login`` another password, from the command line; returns it.

        Works for staff and users; the person's sessions end everywhere.

        Raises:
            NotFound: nobody signs in by that name.
        """
        name = normal_name(login)
        chosen = password or secrets.token_urlsafe(12)
        hashed = await self._passwords.hash(chosen)
        now = self._clock.now()

        def work(session: Session, changes: Changes) -> None:
            found = people.get_credentials(session, name)
            if found is None:
                raise NotFound("Nobody signs in by this name.")
            people.set_password(session, found.kind, found.person_id, hashed, now)
            changes.end_person(found.kind, found.person_id)
            queries.add_action(
                session,
                by=None,
                kind="reset_password",
                object_kind=found.kind,
                object_id=found.person_id,
                before=None,
                after=None,
                now=now,
            )

        await self._sessions.write(work)
        return chosen

    def _record(
        self, session: Session, by: Actor | None, kind: str, person: ServicePerson, before: dict[str, Any] | None
    ) -> None:
        queries.add_action(
            session,
            by=by.id if by else None,
            kind=kind,
            object_id=person.id,
            before=before,
            after=_state(person),
            now=self._clock.now(),
        )


def version_of(edit_time: datetime) -> int:
    """What an ETag says of a person: the time of the last change in microseconds."""
    return int(edit_time.timestamp() * 1_000_000)


def _state(person: ServicePerson) -> dict[str, Any]:
    return {"role": person.role, "allows": list(person.allows), "is_active": person.is_active}


def _require_owner(by: Actor | None) -> None:
    if by is not None and not by.is_owner:
        raise Forbidden


def _require_rights(allows: Sequence[str]) -> None:
    for unknown in set(allows) - set(RIGHTS):
        raise Invalid(errors=[{"pointer": "/allows", "code": "right", "detail": f"There is no right {unknown[:64]}"}])
