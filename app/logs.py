"""Log lines: readable in a terminal, JSON otherwise, each with the id of its request.

A thread writes them, several at a time, so that a slow reader of stderr never holds up the event loop.
Nothing here sees message text, passwords, cookies or query strings: lines name things by id.
"""

import json
import logging
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from json.encoder import encode_basestring_ascii as _quoted
from typing import Literal, TextIO

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that this task works for, "" outside of one. Tasks started by a request inherit it."""

access_log = logging.getLogger("access")

LINES_KEPT = 20_000
"""Lines that may wait for a slow stderr (some 3 MB); beyond that new ones are counted and dropped."""
GATHER_S = 0.1
"""How long lines gather before they are written together."""
QUIET = {
    "alembic.runtime.migration": logging.WARNING,  # tells of each database at each start that it is SQLite
    "aiosqlite": logging.INFO,  # at debug it writes every statement with its values: names, hashes of tokens
}


def set_up_logging(log_format: Literal["auto", "text", "json"] = "auto", level: str = "info") -> "LineHandler":
    """Send all logging to stderr. The handler that it returns is flushed and closed at exit by `logging` itself."""
    handler = LineHandler(sys.stderr, as_text=log_format == "text" or (log_format == "auto" and sys.stderr.isatty()))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(least)
    logging.getLogger("aiohttp.server").addFilter(_calm_bad_http)
    return handler


class LineHandler(logging.Handler):
    """Gathers lines and lets a thread write them. ``write`` never waits."""

    def __init__(self, stream: TextIO, *, as_text: bool) -> None:
        super().__init__()
        self.as_text = as_text
        self.setFormatter(TextFormatter() if as_text else JsonFormatter())
        self._stream = stream
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._waiting = threading.Event()
        self._closing = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.write(self.format(record))
        except Exception:  # as every handler of the standard library does
            self.handleError(record)

    def write(self, line: str) -> None:
        """Take one line, without its line end."""
        if len(self._lines) >= LINES_KEPT:
            self._dropped += 1
            return
        self._lines.append(line)
        if not self._waiting.is_set():  # so that only the first line of a gathering pays for the lock
            self._waiting.set()

    def flush(self) -> None:
        """Write what has gathered, now."""
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if self._dropped:
                lines.append(f"({self._dropped} lines were dropped: nobody read them in time)")
                self._dropped = 0
            if not lines:
                return
            try:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
            except (OSError, ValueError):  # the reader has gone, or the stream is closed: serving matters more
                pass

    def close(self) -> None:
        """Write the rest and end the thread; a reader that still does not read is not waited for."""
        self._closing.set()
        self._waiting.set()
        self._thread.join(timeout=1)
        super().close()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._waiting.wait()
            self._closing.wait(GATHER_S)
            self._waiting.clear()  # before the lines are taken: one that comes now wakes us again
            self.flush()


class _Stamp:
    """The time of a line. Seconds are written out once each, not once a line."""

    def __init__(self, layout: str, zone: Callable[[float], time.struct_time]) -> None:
        self._layout = layout
        self._zone = zone
        self._second = -1
        self._text = ""

    def __call__(self, moment: float) -> str:
        second = int(moment)
        if second != self._second:
            self._second, self._text = second, time.strftime(self._layout, self._zone(second))
        return f"{self._text}.{int(moment * 1000) % 1000:03d}"


_local = _Stamp("%H:%M:%S", time.localtime)
_utc = _Stamp("%Y-%m-%dT%H:%M:%S", time.gmtime)

# What drivers put into their errors: the values of a statement, and the value that was there already.
_PRIVATE = re.compile(r"^(\[parameters:|DETAIL:).*$", re.MULTILINE)
# A line end or an escape sequence in an argument would forge a line or repaint the terminal.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127) if code != 9}


class TextFormatter(logging.Formatter):
    """``12:01:02.123 info     5f0c2a91b7d4 app.main: Listening on …``"""

    def format(self, record: logging.LogRecord) -> str:
        message = _message(record).translate(_CONTROLS)
        mark = request_id.get() or "-"
        line = f"{_local(record.created)} {record.levelname.lower():8} {mark:12} {record.name}: {message}"
        return line + ("\n" + _traceback(self, record) if record.exc_info else "")


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _utc(record.created) + "Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if mark := request_id.get():
            line["request"] = mark
        if record.exc_info:
            line["exception"] = _traceback(self, record)
        return json.dumps(line, ensure_ascii=False)


class AccessLogger(AbstractAccessLogger):
    """One line a request, made by hand and past the logging machinery, which would cost ten times as much.

    For ``web.AppRunner(access_log_class=AccessLogger, access_log=access_log)``; aiohttp makes one per connection.
    """

    def __init__(self, logger: logging.Logger, log_format: str) -> None:
        super().__init__(logger, log_format)
        handler = next((one for one in logging.getLogger().handlers if isinstance(one, LineHandler)), None)
        self._write: Callable[[str], None] = handler.write if handler else logger.info
        self._line = _access_text if handler is None or handler.as_text else _access_json

    @property
    def enabled(self) -> bool:
        return self.logger.isEnabledFor(logging.INFO)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        self._write(self._line(request, response, time * 1000))


def _access_text(request: web.BaseRequest, response: web.StreamResponse, ms: float) -> str:
    path = _quoted(request.rel_url.raw_path)[1:-1]
    return (
        f"{_local(time.time())} info     {request_id.get() or '-':12} "
        f"{request.method} {path} {response.status} {ms:.1f} ms {response.body_length} B"
    )


def _access_json(request: web.BaseRequest, response: web.StreamResponse, ms: float) -> str:
    # The path and the forwarded address are the client's; a method is a token, aiohttp sees to it.
    return (
        f'{{"time": "{_utc(time.time())}Z", "level": "info", "logger": "access", "request": "{request_id.get()}", '
        f'"method": "{request.method}", "path": {_quoted(request.rel_url.raw_path)}, "status": {response.status}, '
        f'"ms": {ms:.1f}, "bytes": {response.body_length}, "remote": {_quoted(request.remote or "")}}}'
    )


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    return _PRIVATE.sub(r"\1 hidden", message) if "\n" in message else message


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return _PRIVATE.sub(r"\1 hidden", formatter.formatException(record.exc_info)) if record.exc_info else ""


def _calm_bad_http(record: logging.LogRecord) -> bool:
    """Turn aiohttp's traceback about a request that is not HTTP into a line: scanners send them all day."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.msg, record.exc_info = "A request that is not HTTP came from %s", None
    return True
