"""People who come to a server in another process: ``async with visiting(server.url) as shop``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.conftest import HandClock, Shop


@asynccontextmanager
async def visiting(url: str) -> AsyncIterator[Shop]:
    """Guests, users and staff by REST and sockets. What needs the application itself (`staff`, `owner`) is not here."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Shop(None, url, HandClock(), http)  # type: ignore[arg-type]
