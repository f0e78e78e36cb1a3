"""Statements on customers and the names that everybody signs in by."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from db.models.users import Login, PasswordReset, ServicePerson, User
from db.queries.carts import delete_cart

AnyRow = Row[*tuple[Any, ...]]
PersonKind = Literal["user", "staff"]


# Names to sign in by


def list_logins(connection: Connection | Session, names: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Whose the normal names are: ``(kind, person_id)`` by name, without those that are free."""
    statement = select(Login.name_normal, Login.kind, Login.person_id).where(Login.name_normal.in_(sorted(set(names))))
    return {row.name_normal: (row.kind, row.person_id) for row in connection.execute(statement)}


def add_logins(session: Session, kind: PersonKind, person_id: int, names: Iterable[str]) -> None:
    """Give the names to a person. IntegrityError if one of them is somebody's."""
    rows = [{"name_normal": name, "kind": kind, "person_id": person_id} for name in sorted(set(names))]
    session.execute(insert(Login), rows)


def get_credentials(connection: Connection | Session, name_normal: str) -> AnyRow | None:
    """Person and password behind a name: kind, person_id, hashed_password, and may_enter (active, not blocked)."""
    user = (
        select(
            Login.kind,
            Login.person_id,
            User.hashed_password,
            (User.is_active & User.blocked_time.is_(None)).label("may_enter"),
        )
        .join(User, User.id == Login.person_id)
        .where(Login.kind == "user", Login.name_normal == name_normal)
    )
    staff = (
        select(Login.kind, Login.person_id, ServicePerson.hashed_password, ServicePerson.is_active.label("may_enter"))
        .join(ServicePerson, ServicePerson.id == Login.person_id)
        .where(Login.kind == "staff", Login.name_normal == name_normal)
    )
    # Both are asked whatever the first says, so that staff and unknown names cost the same.
    rows = [connection.execute(statement).one_or_none() for statement in (user, staff)]
    return rows[0] or rows[1]


def get_password(connection: Connection | Session, kind: PersonKind, person_id: int) -> str | None:
    """The hash of a person's password."""
    model = User if kind == "user" else ServicePerson
    return connection.execute(select(model.hashed_password).where(model.id == person_id)).scalar_one_or_none()


def get_names(connection: Connection | Session, kind: PersonKind, person_id: int) -> tuple[str, str]:
    """Username and e-mail of a person."""
    model = User if kind == "user" else ServicePerson
    row = connection.execute(select(model.username, model.email).where(model.id == person_id)).one()
    return row.username, row.email


def set_password(session: Session, kind: PersonKind, person_id: int, hashed: str, now: datetime) -> None:
    """Change a person's password; what could have reset the old one is void."""
    model = User if kind == "user" else ServicePerson
    session.execute(update(model).where(model.id == person_id).values(hashed_password=hashed, edit_time=now))
    session.execute(
        delete(PasswordReset).where(PasswordReset.person_kind == kind, PasswordReset.person_id == person_id)
    )


def upgrade_hash(session: Session, kind: PersonKind, person_id: int, old: str, new: str) -> None:
    """Replace the hash of the same password by a costlier one, unless the password has changed meanwhile."""
    model = User if kind == "user" else ServicePerson
    unchanged = update(model).where(model.id == person_id, model.hashed_password == old)
    session.execute(unchanged.values(hashed_password=new))


# Customers


def access_user(session: Session, user_id: int) -> User | None:
    """The customer to be changed in this transaction."""
    return session.get(User, user_id)


def get_user(connection: Connection, user_id: int) -> AnyRow | None:
    """What a customer may see of themselves."""
    statement = select(
        User.id,
        User.username,
        User.email,
        User.role,
        User.name,
        User.lastname,
        User.image,
        User.sex,
        User.language,
        User.creation_time,
        User.edit_time,
    ).where(User.id == user_id, User.is_active)
    return connection.execute(statement).one_or_none()


def add_guest(session: Session, now: datetime) -> int:
    """Make the row of a guest: a customer without credentials. Returns its id."""
    guest = User(role="guest", creation_time=now, edit_time=now)
    session.add(guest)
    session.flush()
    return guest.id


# Made once: every hello may need one.
_NAMES = {
    kind: select(model.id, model.name, model.lastname, model.username)
    .where(model.id.in_(bindparam("ids", expanding=True)))
    .order_by(model.id)
    for kind, model in (("customer", User), ("staff", ServicePerson))
}


def list_names(connection: Connection, kind: Literal["customer", "staff"], ids: Iterable[int]) -> Sequence[AnyRow]:
    """Columns id, name, lastname, username of the people asked for."""
    return connection.execute(_NAMES[kind], {"ids": sorted(set(ids))}).all()


def mark_merged(session: Session, guest_id: int, user_id: int, now: datetime) -> bool:
    """Note that the guest went on as a user. False if it was no guest or had done so before."""
    statement = (
        update(User)
        .where(User.id == guest_id, User.role == "guest", User.merged_into.is_(None))
        .values(merged_into=user_id, is_active=False, edit_time=now)
        .returning(User.id)
    )
    return session.execute(statement).scalar_one_or_none() is not None


def list_customers(
    connection: Connection, beginning: str | None, user_id: int | None, blocked: bool | None, before: int | None,
    limit: int,
) -> Sequence[AnyRow]:  # fmt: skip
    """Users, the newest first, below ``before``: those whose normal name begins so, or of that id."""
    columns = (
        User.id, User.username, User.email, User.name, User.lastname, User.is_active, User.blocked_time,
        User.creation_time,
    )  # fmt: skip
    statement = select(*columns).where(User.role == "user").order_by(User.id.desc()).limit(limit)
    if beginning is not None:
        # A range and not LIKE, which on SQLite neither folds Cyrillic nor walks this index.
        named = select(Login.person_id).where(
            Login.kind == "user", Login.name_normal >= beginning, Login.name_normal < beginning + "\U0010ffff"
        )
        statement = statement.where(or_(User.id.in_(named), User.id == (user_id or 0)))
    if blocked is not None:
        statement = statement.where(User.blocked_time.is_not(None) if blocked else User.blocked_time.is_(None))
    if before is not None:
        statement = statement.where(User.id < before)
    return connection.execute(statement).all()


def count_new_users(connection: Connection, since: datetime, until: datetime) -> int:
    """How many registered in that time."""
    statement = select(func.count(User.id)).where(
        User.role == "user", User.creation_time >= since, User.creation_time < until
    )
    return connection.execute(statement).scalar_one()


def set_blocked(session: Session, user_id: int, time: datetime | None) -> User | None:
    """Block or unblock a guest or user; None if there is none, or the account was deleted or merged."""
    user = session.get(User, user_id)
    if user is None or not user.is_active:
        return None
    user.blocked_time = time
    return user


def anonymise(session: Session, user_id: int, now: datetime) -> str | None:
    """Take away everything that says who the user was, and the cart; the row stays. Returns the picture's name."""
    user = session.get_one(User, user_id)
    image = user.image
    user.username = user.email = user.name = user.lastname = user.image = user.sex = user.language = None
    user.hashed_password, user.is_active, user.edit_time = None, False, now
    session.execute(delete(Login).where(Login.kind == "user", Login.person_id == user_id))
    delete_cart(session, user_id)
    return image


def set_image(session: Session, kind: PersonKind, person_id: int, image: str | None, now: datetime) -> None:
    """Change a person's picture."""
    model = User if kind == "user" else ServicePerson
    session.execute(update(model).where(model.id == person_id).values(image=image, edit_time=now))


# Passwords chosen anew


def add_reset(
    session: Session, token_hash: str, kind: PersonKind, person_id: int, now: datetime, expiry_time: datetime
) -> None:
    """Permit one new password. An earlier permission is void."""
    session.execute(
        delete(PasswordReset).where(PasswordReset.person_kind == kind, PasswordReset.person_id == person_id)
    )
    session.execute(
        insert(PasswordReset).values(
            token_hash=token_hash, person_kind=kind, person_id=person_id, creation_time=now, expiry_time=expiry_time
        )
    )


def take_reset(session: Session, token_hash: str, now: datetime) -> AnyRow | None:
    """Use a permission up: whose it was (person_kind, person_id), or None if it is not good or no longer."""
    statement = (
        update(PasswordReset)
        .where(
            PasswordReset.token_hash == token_hash,
            PasswordReset.used_time.is_(None),
            PasswordReset.expiry_time > now,
        )
        .values(used_time=now)
        .returning(PasswordReset.person_kind, PasswordReset.person_id)
    )
    return session.connection().execute(statement).one_or_none()


def count_guests(connection: Connection) -> int:
    """How many guests have a row of their own and have not become users."""
    statement = select(func.count()).select_from(User).where(User.role == "guest", User.merged_into.is_(None))
    return connection.execute(statement).scalar_one()
