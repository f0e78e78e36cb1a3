"""Bad requests and bad luck over HTTP: each has its code, and the browser is told how to protect itself."""

import gzip
import json
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from io import BytesIO
from typing import Annotated

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import Field

from app import errors
from app.errors import ServiceError
from app.middlewares import ERROR_PAGE, MIDDLEWARES, security_headers
from app.requests import MAX_BODY_BYTES, parse_body, parse_query, path_int
from app.responses import json_response, tagged_response
from app.schemas.base import ApiModel, Count, FilledText, Line, Text
from app.violations import MAX_ERRORS
from db.writer import Busy as WriterBusy

JSON = {"Content-Type": "application/json"}


class LineIn(ApiModel):
    article: Count
    label: Line = ""


class FormIn(ApiModel):
    name: Annotated[Text, Field(max_length=10)] = "nobody"
    note: FilledText = "-"
    gift: bool = False
    count: Count = 0
    ratio: float = 0
    when: datetime | None = None
    lines: tuple[LineIn, ...] = ()


class WishQuery(ApiModel):
    limit: Annotated[int, Field(ge=1, le=100)] = 24
    on_sale: bool = False
    color: list[str] | None = None
    cursor: str | None = None


async def post_form(request: web.Request) -> web.Response:
    return json_response(await parse_body(request, FormIn))


async def post_line(request: web.Request) -> web.Response:
    return json_response(await parse_body(request, LineIn))


async def get_wishes(request: web.Request) -> web.Response:
    return json_response(parse_query(request, WishQuery))


async def get_thing(request: web.Request) -> web.Response:
    return json_response({"id": path_int(request, "id")})


async def get_tagged(request: web.Request) -> web.Response:
    return tagged_response(request, "v1", b"{}")


async def get_broken(request: web.Request) -> web.Response:
    raise KeyError("the secret is in the cellar")


async def get_busy(request: web.Request) -> web.Response:
    raise WriterBusy


async def get_limited(request: web.Request) -> web.Response:
    raise errors.RateLimited(1200)


async def get_conflict(request: web.Request) -> web.Response:
    raise errors.Conflict("Somebody wrote above.", reason="moved_on", code="mine", status=1)


async def get_half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"half")
    raise KeyError


async def get_framed(request: web.Request) -> web.Response:
    return web.Response(headers={"Content-Security-Policy": "frame-ancestors https://shop.example"})


def make_application(public_url: str = "") -> web.Application:
    application = web.Application(middlewares=MIDDLEWARES)
    application.on_response_prepare.append(security_headers(public_url))
    application.add_routes(
        [
            web.post("/api/v1/form", post_form),
            web.post("/api/v1/line", post_line),
            web.get("/api/v1/wishes", get_wishes),
            web.get("/api/v1/things/{id}", get_thing),
            web.get("/api/v1/tagged", get_tagged),
            web.get("/api/v1/broken", get_broken),
            web.get("/api/v1/busy", get_busy),
            web.get("/api/v1/limited", get_limited),
            web.get("/api/v1/conflict", get_conflict),
            web.get("/half", get_half),
            web.get("/framed", get_framed),
        ]
    )
    return application


@pytest.fixture
async def client() -> AsyncIterator[TestClient]:
    async with TestClient(TestServer(make_application())) as client:
        yield client


async def refusal_of(response) -> dict:
    assert response.content_type == "application/problem+json"
    problem = await response.json()
    assert problem["status"] == response.status
    assert problem["request_id"] == response.headers["X-Request-Id"]
    return problem


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} {}",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"ratio": NaN}',
        b'{"unknown": Infinity}',
        b'{"name": "\\ud800"}',
        b'{"name": "\xed\xa0\x80"}',
        b"[" * 100_000,
        b'{"name":' * 5000,
        b'{"count": ' + b"9" * 5000 + b"}",
        b"name=1&gift=2",
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_is_not_json_is_a_bad_request(client, body):
    response = await client.post("/api/v1/form", data=_chunks(body), headers=JSON)

    assert response.status == 400
    assert (await refusal_of(response))["code"] == "bad_request"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ("[]", "", "model_type"),
        ("null", "", "model_type"),
        ('{"gift": 1}', "/gift", "bool_type"),
        ('{"gift": "true"}', "/gift", "bool_type"),
        ('{"count": "1"}', "/count", "int_type"),
        ('{"count": 1.0}', "/count", "int_type"),
        ('{"count": false}', "/count", "int_type"),
        ('{"count": 9007199254740992}', "/count", "less_than_equal"),
        ('{"count": 123456789012345678901234567890}', "/count", "less_than_equal"),
        ('{"ratio": 1e999}', "/ratio", "finite_number"),
        ('{"when": 5}', "/when", "datetime_type"),
        ('{"name": null}', "/name", "string_type"),
        ('{"name": "12345678901"}', "/name", "string_too_long"),
        ('{"name": "a\\u0000b"}', "/name", "string_pattern_mismatch"),
        ('{"note": " \\n "}', "/note", "string_pattern_mismatch"),
        ('{"note": "a\\u0000b"}', "/note", "string_pattern_mismatch"),
        ('{"admin": true}', "/admin", "extra_forbidden"),
        ('{"a/b~": 1}', "/a~1b~0", "extra_forbidden"),
        ('{"lines": [{"article": 1}, {}]}', "/lines/1/article", "missing"),
        ('{"lines": [{"article": 1, "label": "a\\nb"}]}', "/lines/0/label", "string_pattern_mismatch"),
    ],
)
async def test_wrong_values_are_named_one_by_one(client, body, pointer, code):
    response = await client.post("/api/v1/form", data=body, headers=JSON)

    assert response.status == 422
    problem = await refusal_of(response)
    assert problem["code"] == "invalid"
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [(pointer, code)]


async def test_good_values_arrive(client):
    form = {"name": "Анна 🦊\nB", "note": " да\n", "gift": True, "count": 2**53 - 1, "when": "2026-03-08T09:30:00Z"}

    response = await client.post("/api/v1/form", json={**form, "lines": [{"article": 5}]})

    assert response.status == 200
    expected = {**form, "ratio": 0.0, "lines": [{"article": 5, "label": ""}]}
    assert await response.json() == expected


async def test_a_refusal_never_repeats_what_was_typed(client):
    body = json.dumps({"name": "hunter2-hunter2", "count": "hunter2", "when": "hunter2", "lines": ["hunter2"]})

    response = await client.post("/api/v1/form", data=body, headers=JSON)

    assert response.status == 422
    text = await response.text()
    assert len(json.loads(text)["errors"]) == 4
    assert "hunter2" not in text


async def test_a_flood_of_mistakes_gets_a_short_answer(client):
    body = json.dumps({f"field-{n}": 1 for n in range(50)})
    flood = json.dumps({f"f{n}": 1 for n in range(80_000)})

    response = await client.post("/api/v1/form", data=body, headers=JSON)
    flooded = await client.post("/api/v1/form", data=flood, headers=JSON)

    assert len((await refusal_of(response))["errors"]) == MAX_ERRORS
    assert (flooded.status, (await refusal_of(flooded))["errors"]) == (422, [])


async def test_no_body_at_all_means_every_default_or_what_is_missing(client):
    response = await client.post("/api/v1/form")
    missing = await client.post("/api/v1/line")

    assert (await response.json())["name"] == "nobody"
    assert [one["pointer"] for one in (await refusal_of(missing))["errors"]] == ["/article"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_only_json_is_understood(client, kind):
    response = await client.post("/api/v1/form", data=b"{}", headers={"Content-Type": kind})

    assert response.status == 415
    assert (await refusal_of(response))["code"] == "unsupported_media_type"


@pytest.mark.parametrize("way", ["declared", "chunked", "compressed"])
async def test_a_body_over_the_limit_is_refused_however_it_comes(client, way):
    body = b'{"name": "' + b"a" * (MAX_BODY_BYTES + 1)
    headers = dict(JSON)
    if way == "compressed":
        body = gzip.compress(body + b"a" * 30_000_000)
        headers["Content-Encoding"] = "gzip"

    data = _chunks(body) if way == "chunked" else BytesIO(body)
    response = await client.post("/api/v1/form", data=data, headers=headers)

    assert response.status == 413
    assert (await refusal_of(response))["code"] == "too_large"


async def test_a_damaged_compressed_body_is_a_bad_request(client):
    headers = {**JSON, "Content-Encoding": "gzip"}

    response = await client.post("/api/v1/form", data=b"this is not gzip", headers=headers)

    assert response.status == 400


@pytest.mark.parametrize(
    "value", ["0", "-1", "1.0", "abc", "01", "1_0", "+1", "%201", "٣", "9007199254740992", "9" * 99]
)
async def test_what_cannot_be_an_id_is_not_found_like_an_id_that_nobody_has(client, value):
    response = await client.get(f"/api/v1/things/{value}")
    good = await client.get("/api/v1/things/9007199254740991")

    assert (await refusal_of(response))["code"] == "not_found"
    assert await good.json() == {"id": 2**53 - 1}


@pytest.mark.parametrize(
    ("query", "wishes"),
    [
        ("", {}),
        ("limit=5&on_sale=true&cursor=abc", {"limit": 5, "on_sale": True, "cursor": "abc"}),
        ("color=red", {"color": ["red"]}),
        ("color=red&color=blue", {"color": ["red", "blue"]}),
    ],
)
async def test_a_query_is_read_by_its_model(client, query, wishes):
    response = await client.get(f"/api/v1/wishes?{query}")

    assert await response.json() == {"limit": 24, "on_sale": False, "color": None, "cursor": None, **wishes}


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=", "limit=1&limit=2", "on_sale=perhaps", "unknown=1"])
async def test_a_wrong_query_is_invalid(client, query):
    response = await client.get(f"/api/v1/wishes?{query}")

    assert response.status == 422
    assert (await refusal_of(response))["errors"][0]["pointer"] == "/" + query.split("=")[0]


async def test_unknown_addresses_and_methods_are_problems_too(client):
    nowhere = await client.get("/api/v1/nowhere")
    wrong = await client.delete("/api/v1/form")
    asked = await client.options("/api/v1/wishes")
    head = await client.head("/api/v1/wishes")

    assert (await refusal_of(nowhere))["code"] == "not_found"
    assert (wrong.status, wrong.headers["Allow"]) == (405, "OPTIONS, POST")
    assert (await refusal_of(wrong))["code"] == "method_not_allowed"
    assert (asked.status, asked.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    assert (head.status, await head.read()) == (200, b"")


async def test_what_nobody_foresaw_is_internal_and_in_the_log_under_its_id(client, caplog):
    with caplog.at_level(logging.ERROR):
        response = await client.get("/api/v1/broken")

    assert response.status == 500
    problem = await refusal_of(response)
    assert problem["code"] == "internal"
    assert "cellar" not in await response.text()
    assert "retry_after_ms" not in problem
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.name == "app.middlewares"


async def test_a_database_that_cannot_keep_anything_is_busy(client):
    response = await client.get("/api/v1/busy")

    problem = await refusal_of(response)
    assert (response.status, problem["code"], problem["retry_after_ms"]) == (503, "busy", 1000)
    assert response.headers["Retry-After"] == "1"


async def test_waiting_times_are_rounded_up_to_whole_seconds(client):
    response = await client.get("/api/v1/limited")

    assert (response.status, response.headers["Retry-After"]) == (429, "2")


async def test_a_refusal_carries_its_extra_but_keeps_its_own_code(client):
    problem = await refusal_of(await client.get("/api/v1/conflict"))

    assert problem == {
        "type": "/docs#error-conflict",
        "title": "Somebody was faster.",
        "status": 409,
        "detail": "Somebody wrote above.",
        "code": "conflict",
        "reason": "moved_on",
        "request_id": problem["request_id"],
    }


async def test_an_answer_that_has_begun_is_cut_off_and_nobody_else_notices(client):
    response = await client.get("/half")

    with pytest.raises(Exception, match="payload"):
        await response.read()
    assert (await client.get("/api/v1/things/1")).status == 200


async def test_people_get_a_page_and_programs_a_problem():
    async def show(request: web.Request, error: ServiceError, request_id: str) -> web.Response:
        return web.Response(text=f"<p>{error.code} {request_id}", content_type="text/html")

    application = make_application()
    application[ERROR_PAGE] = show
    async with TestClient(TestServer(application)) as client:
        browser = {"Accept": "text/html,application/xhtml+xml"}
        page = await client.get("/nowhere", headers=browser)
        program = await client.get("/api/v1/nowhere", headers=browser)
        script = await client.get("/nowhere")
        text = await page.text()

    assert (page.status, page.content_type) == (404, "text/html")
    assert text == f"<p>not_found {page.headers['X-Request-Id']}"
    assert program.content_type == script.content_type == "application/problem+json"


async def test_a_broken_error_page_still_gives_an_answer(caplog):
    async def show(request: web.Request, error: ServiceError, request_id: str) -> web.Response:
        raise KeyError("no template")

    application = make_application()
    application[ERROR_PAGE] = show
    async with TestClient(TestServer(application)) as client:
        response = await client.get("/nowhere", headers={"Accept": "text/html"})

    assert response.status == 404
    assert "The error page failed." in caplog.text


async def test_browsers_are_told_how_to_protect_themselves(client):
    for response in (await client.get("/api/v1/things/1"), await client.get("/nowhere")):
        assert response.headers["Content-Security-Policy"] == (
            "default-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; "
            "form-action 'self'; frame-ancestors 'self'"
        )
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in response.headers
    framed = await client.get("/framed")
    assert framed.headers.getall("Content-Security-Policy") == ["frame-ancestors https://shop.example"]


async def test_https_is_kept_where_the_shop_has_it():
    async with TestClient(TestServer(make_application("https://shop.example"))) as client:
        response = await client.get("/api/v1/things/1")

    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_answers_are_not_kept_unless_they_can_be_asked_about(client):
    plain = await client.get("/api/v1/things/1")
    tagged = await client.get("/api/v1/tagged")
    again = await client.get("/api/v1/tagged", headers={"If-None-Match": 'W/"v0", W/"v1"'})
    other = await client.get("/api/v1/tagged", headers={"If-None-Match": '"v2"'})

    assert plain.headers["Cache-Control"] == "no-store"
    assert (tagged.headers["ETag"], tagged.headers["Cache-Control"]) == ('"v1"', "private, no-cache")
    assert (again.status, again.headers["ETag"], await again.read()) == (304, '"v1"', b"")
    assert other.status == 200


async def test_request_ids_are_ours_and_differ(client):
    seen = {
        (await client.get("/api/v1/things/1", headers={"X-Request-Id": "theirs"})).headers["X-Request-Id"]
        for _ in range(5)
    }

    assert len(seen) == 5
    assert all(len(one) == 12 and set(one) <= set("0123456789abcdef") for one in seen)


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    """Without a declared length, so that an empty body is one too."""
    for start in range(0, max(len(body), 1), 50_000):
        yield body[start : start + 50_000]
