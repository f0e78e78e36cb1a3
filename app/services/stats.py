"""The shop in figures, by days of the shop's time zone."""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from app.clock import Clock
from app.errors import Invalid
from app.schemas.products import Money
from app.schemas.stats import (
    LowStockOut,
    PeriodQuery,
    SalesOut,
    SalesQuery,
    SalesStepOut,
    StaffActivityOut,
    StaffStatsOut,
    SummaryOut,
    TopProductOut,
    TopProductsOut,
    TopQuery,
)
from app.services.names import NameBook
from db.database import Databases
from db.queries import staff as staff_queries
from db.queries import stats as queries
from db.queries import users as user_queries

USUAL = timedelta(days=29)
MOST_DAYS = 3700


class StatsService:
    """Reads of the rollups and the history."""

    def __init__(self, databases: Databases, names: NameBook, clock: Clock, time_zone: str) -> None:
        self._products, self._users, self._names, self._clock = databases.products, databases.users, names, clock
        self._zone = ZoneInfo(time_zone)

    async def get_summary(self, query: PeriodQuery) -> SummaryOut:
        """A period in figures. Raises Invalid: it ends before it begins, or is longer than ten years."""
        since, until = self._period(query)

        def read(connection: Connection) -> tuple[Any, ...]:
            return (
                queries.list_days(connection, since, until),
                queries.list_pieces(connection, since, until),
                queries.list_low_stock(connection),
                queries.count_waiting_comments(connection),
            )

        days, pieces, low, waiting = await self._products.read(read)
        begin, end = self._moments(since, until)
        new_users = await self._users.read(lambda connection: user_queries.count_new_users(connection, begin, end))
        placed, cancelled = sum(row.placed for row in days), sum(row.cancelled for row in days)
        revenue, orders = sum(row.revenue_minor for row in days), placed - cancelled
        return SummaryOut(
            since=since,
            until=until,
            orders=orders,
            cancelled=cancelled,
            quantity=sum(row.quantity for row in pieces),
            revenue=Money(amount=revenue),
            average_order=Money(amount=round(revenue / orders)) if orders else None,
            new_users=new_users,
            comments_waiting=waiting,
            low_stock=[LowStockOut.model_validate(row) for row in low],
        )

    async def list_sales(self, query: SalesQuery) -> SalesOut:
        """Sales in steps; a step without orders is there with zeros. Raises Invalid as `get_summary`."""
        since, until = self._period(query)

        def read(connection: Connection) -> tuple[Any, Any]:
            return queries.list_days(connection, since, until), queries.list_pieces(connection, since, until)

        days, pieces = await self._products.read(read)
        sums: dict[date, dict[str, int]] = {}
        day = since
        while day <= until:
            sums.setdefault(_step(day, query.step, since), defaultdict(int))
            day += timedelta(days=1)
        for row in days:
            found = sums[_step(row.day, query.step, since)]
            found["orders"] += row.placed - row.cancelled
            found["cancelled"] += row.cancelled
            found["revenue"] += row.revenue_minor
        for row in pieces:
            sums[_step(row.day, query.step, since)]["quantity"] += row.quantity
        return SalesOut(
            items=[
                SalesStepOut(
                    day=day,
                    orders=found["orders"],
                    cancelled=found["cancelled"],
                    quantity=found["quantity"],
                    revenue=Money(amount=found["revenue"]),
                )
                for day, found in sums.items()
            ]
        )

    async def list_top(self, query: TopQuery) -> TopProductsOut:
        """The products that sold best. Raises Invalid as `get_summary`."""
        since, until = self._period(query)
        rows = await self._products.read(lambda c: queries.list_top(c, since, until, query.sort, query.limit))
        return TopProductsOut(
            items=[
                TopProductOut(
                    article=row.article, name=row.name, quantity=row.quantity, revenue=Money(amount=row.revenue_minor)
                )
                for row in rows
            ]
        )

    async def list_staff(self, query: PeriodQuery) -> StaffStatsOut:
        """What members of staff did how often, by the history. Raises Invalid as `get_summary`."""
        begin, end = self._moments(*self._period(query))
        rows = await self._users.read(lambda connection: staff_queries.count_actions(connection, begin, end))
        await self._names.load(("staff", row.service_person_id) for row in rows if row.service_person_id)
        kinds: dict[int | None, dict[str, int]] = defaultdict(dict)
        for row in rows:
            kinds[row.service_person_id][row.kind] = row.times
        items = [
            StaffActivityOut(
                staff_id=staff_id,
                name=(self._names.get("staff", staff_id) or "") if staff_id else "",
                total=sum(found.values()),
                kinds=found,
            )
            for staff_id, found in kinds.items()
        ]
        return StaffStatsOut(items=sorted(items, key=lambda item: (-item.total, item.staff_id or 0)))

    def _period(self, query: PeriodQuery) -> tuple[date, date]:
        until = query.until or self._clock.now().astimezone(self._zone).date()
        since = query.since or until - USUAL
        if since > until or (until - since).days > MOST_DAYS:
            detail = "The period ends before it begins, or is longer than ten years"
            raise Invalid(errors=[{"pointer": "/to", "code": "period", "detail": detail}])
        return since, until

    def _moments(self, since: date, until: date) -> tuple[datetime, datetime]:
        """When the first day begins and the last has ended, in the shop's time zone."""
        return tuple(  # type: ignore[return-value]
            datetime.combine(day, time(), self._zone) for day in (since, until + timedelta(days=1))
        )


def _step(day: date, step: str, since: date) -> date:
    """The first day of the step that ``day`` lies in, but none before the period."""
    if step == "week":
        day -= timedelta(days=day.weekday())
    elif step == "month":
        day = day.replace(day=1)
    return max(day, since)
