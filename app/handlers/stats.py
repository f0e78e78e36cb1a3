"""/stats: the shop in figures, as JSON or, where Accept names it, as CSV."""

from collections.abc import Iterable

from aiohttp import web

from app.auth import require_staff
from app.cells import money_cell
from app.keys import STATS
from app.openapi import describe
from app.requests import parse_query
from app.responses import json_response
from app.schemas.stats import (
    PeriodQuery,
    SalesOut,
    SalesQuery,
    StaffStatsOut,
    SummaryOut,
    TopProductsOut,
    TopQuery,
)
from app.tables import csv_response, wants_csv

routes = web.RouteTableDef()
NO_STORE = {"Cache-Control": "no-store"}
RIGHT = "reports"


@routes.get("/api/v1/stats/summary")
@describe(
    summary="A period in figures", query=PeriodQuery, returns={200: SummaryOut}, who="staff:reports", tags=("stats",)
)
async def get_summary(request: web.Request) -> web.Response:
    """Orders, revenue, new users; what waits for moderation and what is nearly sold out."""
    await require_staff(request, RIGHT)
    return json_response(await request.app[STATS].get_summary(parse_query(request, PeriodQuery)), headers=NO_STORE)


@routes.get("/api/v1/stats/sales")
@describe(
    summary="Sales by day, week or month",
    query=SalesQuery,
    returns={200: SalesOut},
    who="staff:reports",
    tags=("stats",),
)
async def list_sales(request: web.Request) -> web.Response:
    """In the shop's time zone. As CSV if Accept names text/csv."""
    await require_staff(request, RIGHT)
    out = await request.app[STATS].list_sales(parse_query(request, SalesQuery))
    if not wants_csv(request):
        return json_response(out, headers=NO_STORE)
    rows = ({**item.model_dump(), "revenue": money_cell(item.revenue.amount)} for item in out.items)
    return csv_response("sales", ("day", "orders", "cancelled", "quantity", "revenue"), rows)


@routes.get("/api/v1/stats/products")
@describe(
    summary="What sold best",
    query=TopQuery,
    returns={200: TopProductsOut},
    who="staff:reports",
    tags=("stats",),
)
async def list_top(request: web.Request) -> web.Response:
    """By revenue or by pieces. As CSV if Accept names text/csv."""
    await require_staff(request, RIGHT)
    out = await request.app[STATS].list_top(parse_query(request, TopQuery))
    if not wants_csv(request):
        return json_response(out, headers=NO_STORE)
    rows = ({**item.model_dump(), "revenue": money_cell(item.revenue.amount)} for item in out.items)
    return csv_response("products", ("article", "name", "quantity", "revenue"), rows)


@routes.get("/api/v1/stats/staff")
@describe(
    summary="What members of staff did",
    query=PeriodQuery,
    returns={200: StaffStatsOut},
    who="staff:reports",
    tags=("stats",),
)
async def list_staff(request: web.Request) -> web.Response:
    """Counted from the history, by kind. As CSV if Accept names text/csv: a line for each person and kind."""
    await require_staff(request, RIGHT)
    out = await request.app[STATS].list_staff(parse_query(request, PeriodQuery))
    if not wants_csv(request):
        return json_response(out, headers=NO_STORE)
    return csv_response("staff", ("name", "kind", "times"), _activity_rows(out))


def _activity_rows(out: StaffStatsOut) -> Iterable[dict[str, object]]:
    for item in out.items:
        for kind, times in sorted(item.kinds.items()):
            yield {"name": item.name, "kind": kind, "times": times}
