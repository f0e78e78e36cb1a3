"""Log lines: readable or JSON, with request ids, without anybody's words, and never in the way of the loop."""

import asyncio
import io
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from app import logs
from app.logs import LINES_KEPT, AccessLogger, LineHandler, access_log, request_id, set_up_logging
from app.middlewares import MIDDLEWARES
from app.requests import parse_body
from app.schemas.base import ApiModel

SECRET = "my secret message"  # by name: a traceback quotes the line of code, never the value


class Form(ApiModel):
    count: int


async def post_form(request: web.Request) -> web.Response:
    logging.getLogger("app.test").info("Working for %s", "somebody")
    if "broken" in request.query:
        with create_engine("sqlite://").connect() as connection:
            connection.execute(text("INSERT INTO Message VALUES (:text)"), {"text": SECRET})
    await parse_body(request, Form)
    return web.Response(text="done")


@pytest.fixture
def start_logging(monkeypatch) -> Iterator[Callable[[str], tuple[LineHandler, io.StringIO]]]:
    """Set logging up on a stream that the test reads; put everything back afterwards."""
    root, server = logging.getLogger(), logging.getLogger("aiohttp.server")
    before, level, handlers = list(root.handlers), root.level, []

    def start(log_format: str) -> tuple[LineHandler, io.StringIO]:
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        for handler in before:
            root.removeHandler(handler)  # or basicConfig would close pytest's own
        handlers.append(set_up_logging(log_format))  # type: ignore[arg-type]
        return handlers[-1], stream

    yield start
    for handler in handlers:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    server.filters.clear()


@asynccontextmanager
async def serve(application: web.Application) -> AsyncIterator[tuple[str, int]]:
    runner = web.AppRunner(application, access_log_class=AccessLogger, access_log=access_log)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][:2]
    await runner.cleanup()


async def make_requests(*addresses: str, **options) -> None:
    application = web.Application(middlewares=MIDDLEWARES)
    application.router.add_post("/api/v1/form", post_form)
    async with serve(application) as (host, port), ClientSession() as session:
        for address in addresses:
            async with session.post(f"http://{host}:{port}{address}", **options) as response:
                await response.read()


async def test_json_lines_share_the_id_of_their_request(start_logging):
    handler, stream = start_logging("json")

    await make_requests("/api/v1/form?q=private-words", json={"count": 5})

    handler.flush()
    work, access = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert work["message"] == "Working for somebody"
    assert (work["logger"], work["level"]) == ("app.test", "info")
    assert (access["method"], access["path"], access["status"]) == ("POST", "/api/v1/form", 200)
    assert access["bytes"] > len("done")  # what was sent, with the headers
    assert access["request"] == work["request"] and len(work["request"]) == 12
    assert access["remote"] == "127.0.0.1"
    assert access["ms"] >= 0
    assert access["time"].endswith("Z") and len(access["time"]) == len("2026-03-08T09:30:00.000Z")
    assert "private-words" not in stream.getvalue()


async def test_lines_in_a_terminal_are_for_people(start_logging):
    handler, stream = start_logging("text")

    await make_requests("/api/v1/form", json={"count": 5})

    handler.flush()
    work, access = stream.getvalue().splitlines()
    assert work.endswith("app.test: Working for somebody")
    assert "POST /api/v1/form 200" in access
    assert work.split()[1:3] == access.split()[1:3]  # level and request id stand in columns


async def test_nobodys_words_come_into_the_log(start_logging):
    handler, stream = start_logging("json")

    cookie = {"Cookie": "cts_shop=secret-cookie", "Authorization": "Bearer secret-token"}
    await make_requests("/api/v1/form", "/api/v1/form?broken=1", json={"count": "secret words"}, headers=cookie)

    handler.flush()
    assert "OperationalError" in stream.getvalue()
    assert "no such table" in stream.getvalue()
    assert "secret" not in stream.getvalue()


async def test_a_driver_error_inside_a_message_loses_its_values(start_logging):
    handler, stream = start_logging("text")

    with pytest.raises(OperationalError) as error, create_engine("sqlite://").connect() as connection:
        connection.execute(text("INSERT INTO Message VALUES (:text)"), {"text": SECRET})
    logging.getLogger("db.writer").error("MESSANGER cannot be written: %s", error.value)

    handler.flush()
    assert "no such table" in stream.getvalue()
    assert "secret" not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_a_client_cannot_forge_lines_nor_repaint_the_terminal(start_logging, log_format):
    handler, stream = start_logging(log_format)

    logging.getLogger("app.test").warning("Somebody is called %s", "x\n12:00:00 info root: all is well\x1b[2J")
    await make_requests("/api/v1/%0aforged%1b%22", '/api/v1/"quoted"', json={})

    handler.flush()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert "\x1b" not in stream.getvalue()
    if log_format == "json":
        assert all(json.loads(line) for line in lines)


async def test_what_is_not_http_is_one_line_without_a_traceback(start_logging):
    handler, stream = start_logging("text")

    async with serve(web.Application()) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nbroken header\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 2)
        writer.close()
        await writer.wait_closed()

    handler.flush()
    assert b" 400 " in answer.splitlines()[0]
    assert "A request that is not HTTP came from 127.0.0.1" in stream.getvalue()
    assert "Traceback" not in stream.getvalue()


def test_a_stderr_that_nobody_reads_holds_up_nobody():
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    handler = LineHandler(stream, as_text=True)
    started = time.perf_counter()

    for number in range(LINES_KEPT * 3):
        handler.write(f"line {number} " + "x" * 100)  # far more than the pipe holds

    assert time.perf_counter() - started < 2
    received: list[str] = []

    def read() -> None:
        with os.fdopen(reading) as lines:
            received.extend(lines)

    reader = threading.Thread(target=read)
    reader.start()  # somebody reads again: what was kept comes, in order, with a word on what was not
    handler.flush()
    handler.close()
    stream.close()
    reader.join(timeout=5)
    numbers = [int(line.split()[1]) for line in received if line.startswith("line")]
    assert numbers == sorted(numbers)
    assert LINES_KEPT <= len(numbers) < LINES_KEPT * 3
    assert any("lines were dropped" in line for line in received)


def test_a_stderr_that_went_away_is_not_our_problem():
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    handler = LineHandler(stream, as_text=True)
    os.close(reading)

    handler.write("nobody hears this")
    handler.flush()
    handler.write("nor this")
    handler.close()

    with pytest.raises(BrokenPipeError):  # the stream still holds it; the handler did not mind
        stream.close()


def test_the_rest_is_written_at_exit():
    code = "from app.logs import set_up_logging\nimport logging\nset_up_logging('text')\nlogging.info('the last words')"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)

    assert done.stderr.endswith("info     -            root: the last words\n")


def test_a_second_is_written_out_once():
    calls: list[float] = []
    stamp = logs._Stamp("%S", lambda second: calls.append(second) or time.gmtime(second))

    assert [stamp(moment) for moment in (7.001, 7.25, 7.999, 8.5)] == ["07.001", "07.250", "07.999", "08.500"]
    assert calls == [7, 8]


def test_outside_of_a_request_there_is_no_id():
    assert request_id.get() == ""
