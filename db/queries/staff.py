"""Statements on service staff and on what they did."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select
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


def list_active(connection: Connection) -> Sequence[AnyRow]:
    """Everybody who may sign in at the staff's door, by id."""
    statement = _person.where(ServicePerson.is_active).order_by(ServicePerson.id).limit(MOST_STAFF)
    return connection.execute(statement).all()


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


def list_actions(connection: Connection, object_id: int, limit: int = 50) -> Sequence[AnyRow]:
    """The latest actions on a member of staff, newest first."""
    statement = (
        select(StaffAction.id, StaffAction.service_person_id, StaffAction.kind, StaffAction.before, StaffAction.after)
        .where(StaffAction.object_kind == "staff", StaffAction.object_id == object_id)
        .order_by(StaffAction.id.desc())
        .limit(limit)
    )
    return connection.execute(statement).all()
