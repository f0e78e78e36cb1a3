"""What an account is made of: names that are nobody else's, and what a guest had before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.actor import Audience
from app.errors import Conflict
from app.schemas.sessions import MergedLineOut, MergedOut
from app.schemas.users import AccountIn, normal_name
from app.services.store_events import CartChanged
from app.session_changes import Begun, Changes, Person, actor_of
from db.models.users import User
from db.outbox import add_effect
from db.queries import carts
from db.queries import users as queries


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What came of a sign-in or a registration. ``replaced`` is the session that the new one took the place of."""

    begun: Begun
    replaced: str = ""
    merged: MergedOut | None = None


def names_of(form: AccountIn) -> dict[str, str]:
    """The names that an account takes, by field, as they are compared."""
    return {"username": normal_name(form.username), "email": normal_name(form.email)}


def refuse_taken(names: Mapping[str, str], taken: Mapping[str, object]) -> None:
    """Raise Conflict with the field whose name is somebody's already."""
    for field, name in names.items():
        if name in taken:
            raise Conflict(f"This {field} is taken.", field=field)


def add_account(session: Session, form: AccountIn, hashed: str, guest_id: int | None, now: datetime) -> int:
    """Make a user, of the guest if there is one; returns the id. Raises Conflict."""
    names = names_of(form)
    refuse_taken(names, queries.list_logins(session, names.values()))
    user = queries.access_user(session, guest_id) if guest_id is not None else None
    if user is None:
        user = User(creation_time=now)
        session.add(user)
    user.role, user.hashed_password, user.edit_time = "user", hashed, now
    user.username, user.email, user.name, user.lastname = form.username, form.email, form.name, form.lastname
    session.flush()
    queries.add_logins(session, "user", user.id, names.values())
    return user.id


def enter(
    session: Session, changes: Changes, person: Person, current: Mapping[Audience, str], now: datetime
) -> SignedIn:
    """Begin a person's session in the place of the one that came with the request, and take over what a guest had."""
    kind, person_id = person
    audience: Audience = "staff" if kind == "staff" else "shop"
    old = current.get(audience, "")
    row = changes.get(old)
    before = actor_of(row) if row else None
    merged = None
    if before is not None and before.kind == "guest" and before.id is not None:
        merged = merge_guest(session, changes, before.id, person_id, now)
        changes.end_person("guest", before.id, keep=old)
    begun = changes.begin(audience, person, row.data if row else None)
    changes.replace(old, begun)
    return SignedIn(begun, old, merged)


def merge_guest(session: Session, changes: Changes, guest_id: int, user_id: int, now: datetime) -> MergedOut | None:
    """Give a user what a guest had: the cart here, the chats by an effect in MESSANGER. None if it was done before."""
    if not queries.mark_merged(session, guest_id, user_id, now):
        return None
    merged = carts.merge_carts(session, guest_id, user_id, now)
    if merged is not None:
        changes.events.append(CartChanged(user_id, merged.version))
    payload = {"guest_id": guest_id, "user_id": user_id}
    add_effect(session, kind="merge_customer", key=f"customer/{guest_id}", payload=payload)
    lines = [MergedLineOut.model_validate(line) for line in merged.lines] if merged else []
    return MergedOut(guest_id=guest_id, cart_lines=lines)
