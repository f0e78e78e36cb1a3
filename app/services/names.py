"""What people are called, kept at hand: events and inbox rows carry names, and must not ask the database for each."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Literal

from app.clock import Clock
from db.database import Database
from db.queries import users as queries

Kind = Literal["customer", "staff"]
MOST_NAMES = 50_000
# Somebody may rename themselves through another process; this is how long the old name can linger here.
KEEP_S = 600


def display_name(name: str | None, lastname: str | None, username: str | None) -> str:
    """Name and last name, else the username. "" for a guest: how to call one depends on the reader's language."""
    return " ".join(part for part in (name, lastname) if part) or username or ""


class NameBook:
    """Display names of customers and staff by id. `get` is immediate; `load` before it asks for what is missing."""

    def __init__(self, users: Database, clock: Clock, most: int = MOST_NAMES) -> None:
        self._users, self._clock, self._most = users, clock, most
        self._names: OrderedDict[tuple[Kind, int], tuple[str, float]] = OrderedDict()
        self._generation = 0

    def get(self, kind: Kind, person_id: int) -> str | None:
        """The name, or None while it has not been loaded."""
        found = self._names.get((kind, person_id))
        return found[0] if found else None

    async def load(self, people: Iterable[tuple[Kind, int]]) -> None:
        """Read the names that are missing or old. Nobody's id has the name ""."""
        now = self._clock.monotonic()
        wanted: dict[Kind, set[int]] = {"customer": set(), "staff": set()}
        for kind, person_id in people:
            found = self._names.get((kind, person_id))
            if found is None or found[1] < now:
                wanted[kind].add(person_id)
        for kind, ids in wanted.items():
            if ids:
                await self._read(kind, ids)

    def remember(self, kind: Kind, person_id: int, name: str) -> None:
        """Keep a name that the caller has just been told, so that what this person writes now can be shown at once."""
        self._names[kind, person_id] = (name, self._clock.monotonic() + KEEP_S)

    def invalidate(self, kind: Kind, person_id: int) -> None:
        """Forget a name because it has changed."""
        self._generation += 1
        self._names.pop((kind, person_id), None)

    async def _read(self, kind: Kind, ids: set[int]) -> None:
        generation = self._generation
        rows = await self._users.read(lambda connection: queries.list_names(connection, kind, ids), hot=len(ids) < 50)
        if generation != self._generation:  # somebody was renamed while we read: what we hold may be the old name
            return await self._read(kind, ids)
        names = dict.fromkeys(ids, "") | {row.id: display_name(row.name, row.lastname, row.username) for row in rows}
        until = self._clock.monotonic() + KEEP_S
        for person_id, name in names.items():
            self._names[kind, person_id] = (name, until)
            self._names.move_to_end((kind, person_id))
        while len(self._names) > self._most:
            self._names.popitem(last=False)
