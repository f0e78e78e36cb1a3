"""Statements on sessions: who they belong to, what changed, what ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, case, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from db.models.users import Counter, ServicePerson, SessionRow, User

AnyRow = Row[*tuple[Any, ...]]
COUNTER = "sessions"
CHANGES_AT_ONCE = 500

_user_id = case((SessionRow.person_kind == "user", SessionRow.person_id), else_=SessionRow.guest_user_id)
_staff_id = case((SessionRow.person_kind == "staff", SessionRow.person_id))
_record = (
    select(
        SessionRow.token_hash,
        SessionRow.audience,
        SessionRow.person_kind,
        SessionRow.data,
        SessionRow.creation_time,
        SessionRow.last_seen_time,
        SessionRow.expiry_time,
        SessionRow.revoked_time,
        SessionRow.replaced_by,
        SessionRow.rev,
        User.id.label("user_id"),
        User.role.label("user_role"),
        User.username,
        User.name,
        User.lastname,
        User.is_active,
        User.blocked_time,
        ServicePerson.id.label("staff_id"),
        ServicePerson.role.label("staff_role"),
        ServicePerson.allows,
        ServicePerson.username.label("staff_username"),
        ServicePerson.name.label("staff_name"),
        ServicePerson.lastname.label("staff_lastname"),
        ServicePerson.is_active.label("staff_is_active"),
    )
    .select_from(SessionRow)
    .outerjoin(User, User.id == _user_id)
    .outerjoin(ServicePerson, ServicePerson.id == _staff_id)
)
_session = _record.where(SessionRow.token_hash == bindparam("token_hash"))  # made once: building it costs most


def get_session(connection: Connection | Session, token_hash: str) -> AnyRow | None:
    """The session together with the person it belongs to, also when it is revoked or over."""
    return connection.execute(_session, {"token_hash": token_hash}).one_or_none()


def list_alive(connection: Connection, person: tuple[Literal["user", "staff"], int], now: datetime) -> Sequence[AnyRow]:
    """A person's living sessions, the latest used first; at most a hundred."""
    statement = (
        select(SessionRow.token_hash, SessionRow.creation_time, SessionRow.last_seen_time)
        .where(_alive_of(person), SessionRow.expiry_time > now)
        .order_by(SessionRow.last_seen_time.desc(), SessionRow.token_hash)
        .limit(100)
    )
    return connection.execute(statement).all()


def list_changes(connection: Connection, after: tuple[int, str]) -> Sequence[AnyRow]:
    """Sessions changed after the cursor ``(rev, token_hash)``, in the order of the changes."""
    rev, token_hash = after
    later = or_(SessionRow.rev > rev, and_(SessionRow.rev == rev, SessionRow.token_hash > token_hash))
    statement = (
        # the first condition says nothing new, but lets the index begin at the right place
        _record.where(SessionRow.rev >= rev, later)
        .order_by(SessionRow.rev, SessionRow.token_hash)
        .limit(CHANGES_AT_ONCE)
    )
    return connection.execute(statement).all()


def list_expired(connection: Connection, after: datetime, until: datetime) -> Sequence[str]:
    """Hashes of the sessions that ran out between the two times."""
    statement = (
        select(SessionRow.token_hash)
        .where(SessionRow.expiry_time > after, SessionRow.expiry_time <= until, SessionRow.revoked_time.is_(None))
        .order_by(SessionRow.expiry_time, SessionRow.token_hash)
        .limit(CHANGES_AT_ONCE)
    )
    return connection.execute(statement).scalars().all()


def get_rev(connection: Connection) -> int:
    """The number of the last change of any session."""
    return connection.execute(select(Counter.value).where(Counter.name == COUNTER)).scalar_one_or_none() or 0


def next_rev(session: Session) -> int:
    """Number a change. Comes first in every write that changes sessions: its row lock makes numbers follow commits."""
    bump = update(Counter).where(Counter.name == COUNTER).values(value=Counter.value + 1).returning(Counter.value)
    value = session.execute(bump).scalar_one_or_none()
    if value is None:  # the first change ever; two processes at once: the key refuses one, and its writer tries again
        session.execute(insert(Counter).values(name=COUNTER, value=1))
        value = 1
    return value


def add_session(
    session: Session,
    token_hash: str,
    *,
    audience: str,
    person: tuple[str, int] | None,
    guest_user_id: int | None,
    data: Mapping[str, Any],
    now: datetime,
    expiry_time: datetime,
) -> None:
    """Keep a session that just began. It takes no rev: nobody can have seen it before."""
    kind, person_id = person or (None, None)
    session.execute(
        insert(SessionRow).values(
            token_hash=token_hash,
            audience=audience,
            person_kind=kind,
            person_id=person_id,
            guest_user_id=guest_user_id,
            data=dict(data),
            creation_time=now,
            last_seen_time=now,
            expiry_time=expiry_time,
            rev=0,
        )
    )


def set_guest(session: Session, token_hash: str, guest_user_id: int, rev: int) -> None:
    """Give a guest's session the row that was made for it."""
    _set(session, [token_hash], guest_user_id=guest_user_id, rev=rev)


def set_data(session: Session, token_hash: str, data: Mapping[str, Any], rev: int) -> None:
    """Replace what pages keep in the session."""
    _set(session, [token_hash], data=dict(data), rev=rev)


def mark_changed(session: Session, person: tuple[str, int], rev: int) -> Sequence[str]:
    """Have every process read the person's sessions again, for example because of a new name."""
    statement = update(SessionRow).where(_alive_of(person)).values(rev=rev).returning(SessionRow.token_hash)
    return session.execute(statement).scalars().all()


def revoke(session: Session, token_hash: str, now: datetime, rev: int, replaced_by: str | None = None) -> bool:
    """End one session; whether it was still alive. ``replaced_by`` is the session that goes on in its place.

    Its time is over with it, so that `purge` needs to look at one column only.
    """
    statement = (
        update(SessionRow)
        .where(SessionRow.token_hash == token_hash, SessionRow.revoked_time.is_(None))
        .values(revoked_time=now, expiry_time=now, replaced_by=replaced_by, rev=rev)
        .returning(SessionRow.token_hash)
    )
    return session.execute(statement).scalar_one_or_none() is not None


def revoke_person(
    session: Session, person: tuple[Literal["user", "staff", "guest"], int], now: datetime, rev: int, keep: str = ""
) -> Sequence[str]:
    """End all sessions of a person but ``keep``; the hashes of those that ended."""
    statement = (
        update(SessionRow)
        .where(_alive_of(person), SessionRow.token_hash != keep)
        .values(revoked_time=now, expiry_time=now, rev=rev)
        .returning(SessionRow.token_hash)
    )
    return session.execute(statement).scalars().all()


def touch(session: Session, seen: Mapping[str, tuple[datetime, datetime]]) -> None:
    """Write down ``(last_seen_time, expiry_time)`` of sessions in use, by token_hash. No rev: it concerns nobody."""
    rows = [{"key": key, "seen": seen, "expiry": expiry} for key, (seen, expiry) in sorted(seen.items())]
    if rows:
        table = SessionRow.__table__
        statement = (
            update(SessionRow)
            .where(table.c.token_hash == bindparam("key"), table.c.revoked_time.is_(None))
            .values(last_seen_time=bindparam("seen"), expiry_time=bindparam("expiry"))
        )
        session.connection().execute(statement, rows)


def purge(session: Session, before: datetime, limit: int = 500) -> int:
    """Forget sessions that were over before the time given; how many they were, at most ``limit``."""
    old = (
        select(SessionRow.token_hash)
        .where(SessionRow.expiry_time < before)
        .order_by(SessionRow.expiry_time, SessionRow.token_hash)
        .limit(limit)
    )
    gone = delete(SessionRow).where(SessionRow.token_hash.in_(old)).returning(SessionRow.token_hash)
    return len(session.execute(gone).all())


def count_sessions(connection: Connection, person: tuple[str, int]) -> int:
    """How many sessions of a person are alive."""
    return connection.execute(select(func.count()).select_from(SessionRow).where(_alive_of(person))).scalar_one()


def _alive_of(person: tuple[str, int]) -> ColumnElement[bool]:
    kind, person_id = person
    if kind == "guest":
        return and_(SessionRow.guest_user_id == person_id, SessionRow.revoked_time.is_(None))
    return and_(SessionRow.person_kind == kind, SessionRow.person_id == person_id, SessionRow.revoked_time.is_(None))


def _set(session: Session, hashes: Sequence[str], **values: Any) -> None:
    session.execute(update(SessionRow).where(SessionRow.token_hash.in_(hashes)).values(**values))
