"""The people of the demo: an owner, two managers, five customers, two guests; passwords are made anew each time."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from sqlalchemy.orm import Session

from app.schemas.users import normal_name
from app.services.names import display_name
from db.models.users import ServicePerson, User
from db.queries import users as queries

Role = Literal["owner", "manager", "user"]

_CONSONANTS, _VOWELS, _DIGITS = "bdfgklmnprstvz", "aeiou", "23456789"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account. ``days`` is how long ago it was made."""

    username: str
    name: str
    lastname: str
    sex: Literal["female", "male"]
    role: Role
    days: int
    allows: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"

    @property
    def display(self) -> str:
        return display_name(self.name, self.lastname, self.username)


PEOPLE = (
    Person("vera", "Вера", "Соколова", "female", "owner", 400),
    Person("anna", "Анна", "Лебедева", "female", "manager", 320, (
        "products.edit", "stock", "comments", "orders", "chats.answer", "chats.assign", "customers.view",
    )),
    Person("pavel", "Павел", "Громов", "male", "manager", 210, (
        "products.edit", "products.publish", "prices", "promotions", "chats.answer", "chats.assign", "reports",
    )),
    Person("olga", "Ольга", "Кузнецова", "female", "user", 150),
    Person("dmitry", "Дмитрий", "Волков", "male", "user", 120),
    Person("irina", "Ирина", "Белова", "female", "user", 90),
    Person("sergey", "Сергей", "Орлов", "male", "user", 45),
    Person("maria", "Мария", "Зайцева", "female", "user", 20),
)  # fmt: skip
GUESTS = ("guest-1", "guest-2")
"""Customers without an account, by the names under which the chats know them."""


@dataclass(frozen=True, slots=True)
class Account:
    """What somebody needs to sign in as one of them."""

    role: Role
    name: str
    login: str
    password: str


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids in USERS: of staff and customers by username (guests by their name here), and the managers' UUIDs."""

    staff: Mapping[str, int]
    customers: Mapping[str, int]
    managers: tuple[str, ...]


def make_password() -> str:
    """Three syllables and four digits: easy to read out, 34 bits, and different in every demo."""
    syllables = (secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(3))
    return "".join(syllables) + "".join(secrets.choice(_DIGITS) for _ in range(4))


def make_accounts() -> list[Account]:
    """Everybody's account with a fresh password."""
    return [Account(person.role, person.display, person.username, make_password()) for person in PEOPLE]


def add_people(session: Session, hashes: Mapping[str, str], now: datetime) -> Ids:
    """Write everybody to USERS; ``hashes`` are of the passwords, by username."""
    staff: dict[str, int] = {}
    customers: dict[str, int] = {}
    managers: list[str] = []
    for person in PEOPLE:
        made = now - timedelta(days=person.days, minutes=len(person.username) * 37)
        row = _staff_row(person) if person.role != "user" else _user_row(person)
        row.hashed_password, row.creation_time, row.edit_time = hashes[person.username], made, made
        session.add(row)
        session.flush()
        names = {normal_name(person.username), normal_name(person.email)}
        if isinstance(row, ServicePerson):
            staff[person.username] = row.id
            managers += [row.uuid] if person.role == "manager" else []
            queries.add_logins(session, "staff", row.id, names)
        else:
            customers[person.username] = row.id
            queries.add_logins(session, "user", row.id, names)
    for guest in GUESTS:
        customers[guest] = queries.add_guest(session, now - timedelta(days=7))
    return Ids(staff, customers, tuple(managers))


def _staff_row(person: Person) -> ServicePerson:
    return ServicePerson(
        uuid=str(uuid4()),
        username=person.username,
        email=person.email,
        role=person.role,
        allows=list(person.allows),
        name=person.name,
        lastname=person.lastname,
        sex=person.sex,
    )


def _user_row(person: Person) -> User:
    return User(
        username=person.username,
        email=person.email,
        role="user",
        name=person.name,
        lastname=person.lastname,
        sex=person.sex,
        language="ru",
    )
