"""Who is asking. Made from a session by `app.auth`; services and commands see nothing else of the caller."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["visitor", "guest", "user", "staff"]
Side = Literal["customer", "staff"]
Audience = Literal["shop", "staff"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A visitor without a session, a guest, a signed-in user, or a member of staff.

    ``id`` is User.id or ServicePerson.id, and None for visitors and for a guest whose row has not been needed yet.
    ``session`` is the hash of the session's token, "" for visitors.
    """

    kind: Kind = "visitor"
    id: int | None = None
    name: str = ""
    role: Literal["", "manager", "owner"] = ""
    rights: frozenset[str] = frozenset()
    session: str = ""
    audience: Audience = "shop"

    @property
    def is_customer(self) -> bool:
        return self.kind == "guest" or self.kind == "user"

    @property
    def is_staff(self) -> bool:
        return self.kind == "staff"

    @property
    def is_owner(self) -> bool:
        return self.role == "owner"

    @property
    def side(self) -> Side:
        """The side of a chat on which the actor writes: guests and users are both *customer*."""
        return "staff" if self.kind == "staff" else "customer"

    def has(self, right: str) -> bool:
        """Whether the actor may do what ``right`` names. The owner may do everything."""
        return self.role == "owner" or right in self.rights


VISITOR = Actor()
