"""Announcements: what the shop tells everybody, from its first moment to its last."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.market import HOUR, NOW, TICK, Market, open_market, stamp

PATH = "/api/v1/announcements"


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    async with open_market(tmp_path / "data") as market:
        yield market


async def announce(market: Market, **values: Any) -> dict[str, Any]:
    form = {"title": "Каникулы", "starts_at": stamp(NOW + HOUR), "ends_at": stamp(NOW + 2 * HOUR), **values}
    return dict(await market.owner.call("POST", PATH, json=form, status=201))


async def test_an_announcement_is_shown_from_its_start_up_to_its_end(market: Market) -> None:
    made = await announce(market, text="Отдыхаем\nдо пятницы")

    shown = {}
    for moment in (NOW, NOW + HOUR - TICK, NOW + HOUR, NOW + 2 * HOUR - TICK, NOW + 2 * HOUR):
        market.clock.time = moment
        listed = (await market.visitor.call("GET", PATH, status=200))["items"]
        async with market.visitor.request("GET", f"{PATH}/{made['id']}") as response:
            assert (response.status == 200) == bool(listed)
        shown[moment] = listed

    assert list(shown.values()) == [[], [], [made], [made], []]


async def test_staff_see_what_is_planned_and_over(market: Market) -> None:
    made = await announce(market)

    for moment, period in ((NOW, "planned"), (NOW + HOUR, "active"), (NOW + 2 * HOUR, "ended")):
        market.clock.time = moment
        for asked in ("planned", "active", "ended", "all"):
            listed = await market.owner.call("GET", f"{PATH}?period={asked}", status=200)
            assert listed["items"] == ([made] if asked in (period, "all") else [])
    await market.visitor.call("GET", f"{PATH}?period=all", status=403)


async def test_an_announcement_changes_and_goes_and_history_keeps_it(market: Market) -> None:
    path = f"{PATH}/{(await announce(market, text='Отдыхаем'))['id']}"

    changed = await market.change(path, {"title": "  Праздник  весны ", "text": None})
    assert (changed["title"], changed["text"], changed["version"]) == ("Праздник весны", "", 2)
    await market.change(path, method="DELETE", status=204)

    await market.owner.call("GET", path, status=404)
    deeds = await market.deeds()
    assert [deed["kind"] for deed in deeds] == ["announce_event", "edit_announcement", "remove_announcement"]
    assert deeds[1]["before"] == {"title": "Каникулы", "text": "Отдыхаем"}


async def test_whoever_changes_an_announcement_has_seen_it(market: Market) -> None:
    path = f"{PATH}/{(await announce(market))['id']}"
    await market.change(path, {"text": "Отдыхаем"})

    await market.owner.call("PATCH", path, json={"text": ""}, status=428)
    await market.owner.call("DELETE", path, headers={"If-Match": '"1"'}, status=412)
    assert (await market.owner.call("GET", path, status=200))["text"] == "Отдыхаем"


async def test_a_key_makes_one_announcement(market: Market) -> None:
    form = {"title": "Каникулы", "starts_at": stamp(NOW), "ends_at": stamp(NOW + HOUR)}
    for _ in range(2):
        await market.owner.call("POST", PATH, json=form, headers={"Idempotency-Key": "k"}, status=201)

    assert len((await market.visitor.call("GET", PATH, status=200))["items"]) == 1


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"title": ""}, "/title"),
        ({"title": "a" * 201}, "/title"),
        ({"text": "\0"}, "/text"),
        ({"ends_at": stamp(NOW + HOUR)}, "/ends_at"),
        ({"starts_at": stamp(NOW - 2 * HOUR), "ends_at": stamp(NOW)}, "/ends_at"),
        ({"starts_at": 0}, "/starts_at"),
        ({"version": 5}, "/version"),
    ],
)
async def test_an_announcement_that_makes_no_sense_is_invalid(
    market: Market, wrong: dict[str, Any], pointer: str
) -> None:
    form = {"title": "Каникулы", "starts_at": stamp(NOW + HOUR), "ends_at": stamp(NOW + 2 * HOUR), **wrong}

    problem = await market.owner.call("POST", PATH, json=form, status=422)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
