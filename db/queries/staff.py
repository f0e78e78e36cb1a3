"""Statements on service staff and on what they did."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select
from sqlalchemy.orm import Session

from db.models.users import ServicePerson, StaffAction

AnyRow = Row[*tuple[Any, ...]]
_person = select(
    ServicePerson.id,
    ServicePerson.uuid,
    ServicePerson.username,
    ServicePerson.email,
    ServicePerson.role,
    ServicePerson.allows,
    ServicePerson.name,
    ServicePerson.lastname,
    ServicePerson.image,
    ServicePerson.sex,
    ServicePerson.is_active,
    ServicePerson.creation_time,
    ServicePerson.edit_time,
)
MOST_STAFF = 500


def get_person(connection: Connection, person_id: int) -> AnyRow | None:
    """A member of staff by id, active or not."""
    return connection.execute(_person.where(ServicePerson.id == person_id)).one_or_none()


def find_person(connection: Connection, uuid: str) -> AnyRow | None:
    """The same by uuid."""
    return connection.execute(_person.where(ServicePerson.uuid == uuid)).one_or_none()


def list_active(connection: Connection) -> Sequence[AnyRow]:
    """Everybody who may sign in at the staff's door, by id."""
    statement = _person.where(ServicePerson.is_active).order_by(ServicePerson.id).limit(MOST_STAFF)
    return connection.execute(statement).all()


def list_everybody(connection: Connection) -> Sequence[AnyRow]:
    """The same with those who may sign in no longer."""
    return connection.execute(_person.order_by(ServicePerson.id).limit(MOST_STAFF)).all()


def access_person(session: Session, uuid: str) -> ServicePerson | None:
    """The member of staff to be changed in this transaction."""
    return session.execute(select(ServicePerson).where(ServicePerson.uuid == uuid)).scalar_one_or_none()


def count_owners(session: Session) -> int:
    """How many owners could sign in."""
    owners = select(func.count(ServicePerson.id)).where(ServicePerson.role == "owner", ServicePerson.is_active)
    return session.execute(owners).scalar_one()


def add_action(
    session: Session,
    *,
    by: int | None,
    kind: str,
    object_id: int,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    now: datetime,
    object_kind: str = "staff",
) -> None:
    """Write down who did what, in the transaction of the deed. ``by`` is None for the command line."""
    session.execute(
        insert(StaffAction).values(
            service_person_id=by,
            kind=kind,
            object_kind=object_kind,
            object_id=object_id,
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
            creation_time=now,
        )
    )


@dataclass(frozen=True, slots=True)
class ActionFilter:
    """Which deeds: None and () leave out nothing."""

    staff: int | None = None
    kinds: tuple[str, ...] = ()
    object_kind: str | None = None
    object_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        if self.staff is not None:
            yield StaffAction.service_person_id == self.staff
        if self.kinds:
            yield StaffAction.kind.in_(self.kinds)
        if self.object_kind is not None:
            yield StaffAction.object_kind == self.object_kind
        if self.object_id is not None:
            yield StaffAction.object_id == self.object_id
        if self.since is not None:
            yield StaffAction.creation_time >= self.since
        if self.until is not None:
            yield StaffAction.creation_time < self.until


def list_actions(
    connection: Connection, asked: ActionFilter, before: int | None = None, limit: int = 50
) -> Sequence[AnyRow]:
    """Deeds, newest first, below ``before`` if given."""
    statement = select(
        StaffAction.id,
        StaffAction.service_person_id,
        StaffAction.kind,
        StaffAction.object_kind,
        StaffAction.object_id,
        StaffAction.before,
        StaffAction.after,
        StaffAction.creation_time,
    )
    if before is not None:
        statement = statement.where(StaffAction.id < before)
    return connection.execute(statement.where(*asked.conditions()).order_by(StaffAction.id.desc()).limit(limit)).all()


def count_actions(connection: Connection, since: datetime, until: datetime) -> Sequence[AnyRow]:
    """How often each member of staff did each kind of thing: service_person_id, kind, times."""
    times = func.count(StaffAction.id).label("times")
    statement = (
        select(StaffAction.service_person_id, StaffAction.kind, times)
        .where(StaffAction.creation_time >= since, StaffAction.creation_time < until)
        .group_by(StaffAction.service_person_id, StaffAction.kind)
        .order_by(StaffAction.service_person_id, StaffAction.kind)
    )
    return connection.execute(statement).all()
