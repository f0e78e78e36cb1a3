"""The document about the interface is whole, valid, committed, and true.

``python -m tests.test_openapi`` writes docs/openapi.json anew.
"""

import asyncio
import inspect
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar, web
from openapi_spec_validator import validate

from app.main import create_app
from app.openapi import describe, list_routes, make_document
from app.pages.handlers import PAGES as PAGE_TABLES
from app.schemas.base import MAX_INT, ApiModel
from app.settings import ROOT, Settings
from tests.conftest import PASSWORD, HandClock, Shop
from tests.conftest import make_settings as make_shop_settings

COMMITTED = ROOT / "docs" / "openapi.json"
PAGES = {route.path for table in PAGE_TABLES for route in table} | {"/docs", "/ws", "/images/{name}"}
"""What people and sockets use: addresses outside of the interface."""


def make_settings(folder: Path) -> Settings:
    return Settings(_env_file=None, data=folder, secret="x" * 40, password_cost="test")


def generate(folder: Path = ROOT / "data") -> dict[str, Any]:
    return make_document(list_routes(create_app(make_settings(folder)).router))


def write_out(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return generate()


@pytest.fixture
async def address(tmp_path) -> AsyncIterator[str]:
    runner = web.AppRunner(create_app(make_settings(tmp_path)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def shop(tmp_path) -> AsyncIterator[Shop]:
    """A shop that reads longer addresses than `serve` does: whoever makes them up knows no end."""
    clock = HandClock()
    app = create_app(make_shop_settings(tmp_path / "data"), clock)
    runner = web.AppRunner(app, max_line_size=2**20)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with ClientSession(cookie_jar=DummyCookieJar()) as http:
        yield Shop(app, f"http://127.0.0.1:{runner.addresses[0][1]}", clock, http)
    await runner.cleanup()


def test_the_document_is_valid(document):
    validate(document)


def test_the_committed_document_is_the_present_one(document):
    assert COMMITTED.read_text(encoding="utf-8") == write_out(document), "run: python -m tests.test_openapi"


def test_every_route_is_documented_or_a_page(tmp_path, document):
    assert not any(path.startswith(("/api/", "/health/")) for path in PAGES)
    for route in create_app(make_settings(tmp_path)).router.routes():
        path = route.resource.canonical if route.resource else ""
        if path in PAGES or path.startswith("/static/") or route.method == "HEAD":
            continue
        assert route.method.lower() in document["paths"].get(path, {}), f"{route.method} {path}"


def test_every_operation_says_what_it_does_and_for_whom(document):
    for operation in operations(document):
        assert operation["summary"] and operation["tags"] and operation["x-who"], operation
        assert any(status.startswith("2") for status in operation["responses"])


def test_the_document_knows_which_requests_take_a_key_or_the_version_that_was_seen(tmp_path):
    for route in list_routes(create_app(make_settings(tmp_path)).router):
        source = inspect.getsource(route.handler)
        takes_key, is_required = "read_key(" in source, "is_required=True" in source
        assert route.api.key == ("required" if is_required else "optional" if takes_key else None), route
        takes_version = bool(re.search(r"read_version\(|read_tag\(|_seen\(|read_seen_version\(", source))
        assert takes_version == ("stale" in route.api.errors), route


def test_every_accepted_integer_has_bounds_that_javascript_keeps(document):
    schemas = document["components"]["schemas"]
    accepted = [parameter["schema"] for one in operations(document) for parameter in one.get("parameters", ())]
    accepted += [one["requestBody"] for one in operations(document) if "requestBody" in one]
    seen: set[str] = set()
    integers = 0
    while accepted:
        for part in walk(accepted.pop()):
            name = part.get("$ref", "").rpartition("/")[2]
            if name and name not in seen:
                seen.add(name)
                accepted.append(schemas[name])
            if part.get("type") == "integer":
                integers += 1
                assert -MAX_INT <= part["minimum"] <= part["maximum"] <= MAX_INT, part
    assert integers > 3


def test_a_route_without_a_description_stops_the_document():
    async def forgotten(request: web.Request) -> web.Response:
        raise NotImplementedError

    application = web.Application()
    application.router.add_get("/api/v1/forgotten", forgotten)

    with pytest.raises(LookupError, match="/api/v1/forgotten"):
        list_routes(application.router)


@pytest.mark.parametrize("wrong", [{"who": "everyone"}, {"who": "staff:"}, {"errors": ("no_such_code",)}])
def test_a_description_uses_the_words_there_are(wrong):
    with pytest.raises(ValueError, match=r"Who is|No such codes"):
        describe(summary="Wrong", **wrong)


def test_what_follows_from_a_route_is_added_to_what_it_says():
    class NoteIn(ApiModel):
        text: str

    @describe(summary="Add a note", body=NoteIn, returns={201: None}, who="staff:chats.answer", errors=("closed",))
    async def add_note(request: web.Request) -> web.Response:
        raise NotImplementedError

    application = web.Application()
    application.router.add_post("/api/v1/chats/{chat_id}/notes", add_note)

    document = make_document(list_routes(application.router))

    validate(document)
    operation = document["paths"]["/api/v1/chats/{chat_id}/notes"]["post"]
    assert sorted(operation["responses"]) == ["201", "400", "401", "403", "404", "409", "413", "415", "422", "503"]
    assert operation["security"] == [{"staffCookie": []}, {"bearer": []}]
    assert operation["requestBody"]["required"] is True
    assert operation["parameters"][0]["schema"] == {"type": "integer", "minimum": 1, "maximum": MAX_INT}


async def test_the_document_is_served_and_can_be_asked_about(address, document):
    async with ClientSession() as session:
        async with session.get(f"{address}/api/v1/openapi.json") as response:
            assert response.status == 200
            assert await response.json() == document
            known = {"If-None-Match": response.headers["ETag"]}
        async with session.get(f"{address}/api/v1/openapi.json", headers=known) as response:
            assert response.status == 304


async def test_the_page_shows_every_operation_and_its_links_lead_somewhere(address, document):
    async with ClientSession() as session, session.get(f"{address}/docs") as response:
        page = await response.text()
        assert (response.status, response.content_type) == (200, "text/html")
        stylesheet = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
        async with session.get(address + stylesheet) as style:
            assert (style.status, style.content_type) == (200, "text/css")
    assert "<script" not in page and "style=" not in page  # the policy would refuse them
    anchors = {part.partition('"')[0] for part in page.split('id="')[1:]}
    links = {part.partition('"')[0] for part in page.split('href="#')[1:]}
    assert {one["operationId"] for one in operations(document)} <= anchors
    assert links <= anchors


# Each operation is asked by somebody for whom it is; test_authorisation asks all of them as everybody.
ASKERS = {
    "visitor": ("all",),
    "user": ("customer", "user", "account", "person", "author", "members", "orders"),
    "owner": ("staff", "owner"),
}
# Refusals that schemathesis does not expect by itself: of what was seen (412, 428), and 409 of what there is.
EXPECTED = """
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 415, 422, 428, 429, 503]
missing_required_header.expected-statuses = [400, 401, 403, 404, 415, 422, 428]
"""
LEFT_OUT = re.compile("/session(/all)?$|/password$")
"""They end the asker's own session. What is outside of /api and /health is no operation."""


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", ASKERS)
async def test_the_server_does_what_the_document_says(shop, document, who, tmp_path):
    """Schemathesis makes up requests, good and bad, and compares the answers with the document."""
    (tmp_path / "schemathesis.toml").write_text(EXPECTED)
    # 1.0 is an integer for JSON Schema and not for us; and what is well formed may still be refused.
    skipped = "positive_data_acceptance"
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{shop.url}/api/v1/openapi.json", "--no-color",
        "--max-examples", "10", "--phases", "coverage,fuzzing", "--generation-database", "none",
    ]  # fmt: skip
    if who != "visitor":
        person = await (shop.owner() if who == "owner" else shop.user("anna"))
        if who == "owner":  # a user who had said the password once more would close the account
            await person.call("POST", "/api/v1/session/confirmation", json={"password": PASSWORD}, status=200)
        command += ["--header", f"Authorization: Bearer {person.token}"]
        skipped += ",ignored_auth"  # it adds a made-up cookie to the token, which is good all the same
    for name in operations_for(document, who):
        command += ["--include-operation-id", name]

    process = await asyncio.create_subprocess_exec(
        *command, "--exclude-checks", skipped, cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()


def test_every_operation_is_asked_by_somebody(document):
    asked = [name for who in ASKERS for name in operations_for(document, who)]
    kept = [
        operation["operationId"]
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if not LEFT_OUT.search(path)
    ]
    assert sorted(asked) == sorted(kept)


def operations_for(document: dict[str, Any], who: str) -> list[str]:
    """The ids of the operations that somebody like that may use."""
    return [
        operation["operationId"]
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if operation["x-who"].partition(":")[0] in ASKERS[who] and not LEFT_OUT.search(path)
    ]


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def walk(part: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a schema, without following references."""
    if isinstance(part, dict):
        yield part
        for inner in part.values():
            yield from walk(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from walk(inner)


if __name__ == "__main__":
    COMMITTED.parent.mkdir(exist_ok=True)
    COMMITTED.write_text(write_out(generate()), encoding="utf-8")
