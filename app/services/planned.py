"""What promotions and announcements have in common: staff plan them, everybody sees them while they last."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar

from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.cursors import Cursors
from app.errors import Forbidden, Invalid, NotFound, Stale
from app.schemas.base import ApiModel, OutModel
from app.schemas.planned import PlannedQuery
from app.services import history
from app.services.once import Keyed, Once, once
from db.database import Database, Done
from db.queries import promotions as queries

Out = TypeVar("Out", bound=OutModel)


class PlannedService(Generic[Out]):
    """Keeps rows that are there from ``starts_at`` up to ``ends_at``. `PromotionService` says what is special there."""

    model: ClassVar[queries.Planned]
    object_kind: ClassVar[Literal["promotion", "announcement"]]
    deed: ClassVar[str]  # what the work history calls the making of one
    cleared: ClassVar[Mapping[str, Any]]  # what null stands for in a change
    out: type[Out]

    def __init__(self, products: Database, clock: Clock, secret: str) -> None:
        self._products, self._clock, self._cursors = products, clock, Cursors(secret)

    async def list_planned(self, actor: Actor, query: PlannedQuery) -> tuple[list[Out], str | None]:
        """One page, newest first, and the cursor of the next one.

        Raises:
            BadRequest: the cursor is damaged or belongs to another list.
            Forbidden: a period that only staff may see.
        """
        if query.period != "active" and not actor.is_staff:
            raise Forbidden("Only what is on now is shown to everybody.")
        place, before = f"{self.object_kind} {query.period}", None
        if query.cursor is not None:
            _, before = self._cursors.open(place, query.cursor)
        now = self._clock.now()
        rows = await self._products.read(
            lambda c: queries.list_planned(c, self.model, query.period, now, before, query.limit + 1)
        )
        shown = rows[: query.limit]
        following = self._cursors.seal(place, (0, shown[-1].id)) if len(rows) > query.limit else None
        return [self.out.model_validate(row) for row in shown], following

    async def get(self, actor: Actor, planned_id: int) -> Out:
        """One of them. Raises NotFound: there is none, or it is not on now and the actor is not staff."""
        row = await self._products.read(lambda c: queries.get_planned(c, self.model, planned_id), hot=True)
        if row is None or not (actor.is_staff or row.starts_at <= self._clock.now() < row.ends_at):
            raise NotFound
        return self.out.model_validate(row)

    async def add(self, by: Actor, form: ApiModel, keyed: Keyed | None) -> Once[Out]:
        """Plan one.

        Raises:
            Conflict: the Idempotency-Key was used for something else.
            Invalid: it ends before it starts, or has ended; or as `check` says.
        """
        now = self._clock.now()
        values = form.model_dump()
        if values["ends_at"] <= now:
            raise invalid("/ends_at", "past", "This is over already")

        def work(session: Session) -> Done[Out]:
            row = queries.add_planned(
                session, self.model, {**self._checked(session, values), "creation_time": now, "edit_time": now}
            )
            history.record(session, by, self.deed, self.object_kind, row.id, now, after=_plain(values))
            self.in_transaction(session)
            return Done(self.out.model_validate(row))

        added = await self._products.write(once(keyed, self.out, now, work))
        await self.committed()
        return added

    async def change(self, by: Actor, planned_id: int, version: int, form: ApiModel) -> Out:
        """Change one that was seen at ``version``.

        Raises:
            Invalid: as `add`, but it may be made to end now.
            NotFound: there is none.
            Stale: somebody else changed it; carries the present version.
        """
        changes = {
            name: self.cleared[name] if value is None else value
            for name, value in form.model_dump(exclude_unset=True).items()
        }

        def work(session: Session) -> Done[Out]:
            row = self._access(session, planned_id, version)
            before = {name: getattr(row, name) for name in changes}
            if changes == before:
                return Done(self.out.model_validate(row))
            names = type(form).model_fields
            values = self._checked(session, {**{name: getattr(row, name) for name in names}, **changes})
            now = self._clock.now()
            row = queries.change_planned(session, self.model, planned_id, {**values, "edit_time": now})
            deed = f"edit_{self.object_kind}"
            history.record(
                session, by, deed, self.object_kind, planned_id, now, before=_plain(before), after=_plain(changes)
            )
            self.in_transaction(session)
            return Done(self.out.model_validate(row))

        changed = await self._products.write(work)
        await self.committed()
        return changed

    async def remove(self, by: Actor, planned_id: int, version: int) -> None:
        """Take one away that was seen at ``version``. Raises NotFound and Stale, as `change`."""

        def work(session: Session) -> Done[None]:
            row = self._access(session, planned_id, version)
            queries.remove_planned(session, self.model, planned_id)
            before = self.out.model_validate(row).model_dump(mode="json")
            deed = f"remove_{self.object_kind}"
            history.record(session, by, deed, self.object_kind, planned_id, self._clock.now(), before=before)
            self.in_transaction(session)
            return Done(None)

        await self._products.write(work)
        await self.committed()

    def check(self, session: Session, values: dict[str, Any]) -> None:
        """Refuse what the schema cannot know. Raises Invalid."""

    def in_transaction(self, session: Session) -> None:
        """What else belongs into the transaction of a change."""

    async def committed(self) -> None:
        """What must have happened before the change is answered."""

    def _checked(self, session: Session, values: dict[str, Any]) -> dict[str, Any]:
        if values["starts_at"] >= values["ends_at"]:
            raise invalid("/ends_at", "period", "It ends before it has started")
        self.check(session, values)
        return values

    def _access(self, session: Session, planned_id: int, version: int) -> Any:
        row = queries.get_planned(session.connection(), self.model, planned_id)
        if row is None:
            raise NotFound
        if row.version != version:
            raise Stale(version=row.version)
        return row


def invalid(pointer: str, code: str, detail: str) -> Invalid:
    """The refusal of one value."""
    return Invalid(errors=[{"pointer": pointer, "code": code, "detail": detail}])


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As the work history keeps them: times as text."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
