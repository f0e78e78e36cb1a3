"""A real Chromium, and pages in it as two people would have them open."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from app.settings import Limits
from tests.faults.server_process import ENVIRONMENT, ServerProcess
from tests.visitors import visiting

# As root Chromium needs --no-sandbox; the rest keeps it from asking the network for things of its own.
CHROMIUM_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WAIT_MS = 15_000
STAFF = ("anna", "a long password of anna")
# The limits as they are by default: the pages have to live with them.
LIMITS = {
    name: str(Limits.model_fields[name.removeprefix("CTS_LIMIT_").lower()].default)
    for name in ENVIRONMENT
    if name.startswith("CTS_LIMIT_")
}


@pytest.fixture(scope="session")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_OPTIONS)
        yield browser
        await browser.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """`run.py serve` on a folder of its own, with an owner called anna."""
    server = ServerProcess(tmp_path / "data", env=LIMITS)
    await server.add_owner(*STAFF)
    async with server:
        yield server


@dataclass
class Demo:
    """A running demo and the passwords of its people, by login."""

    url: str
    passwords: dict[str, str]

    async def sign_in(self, context: BrowserContext, login: str = "anna") -> None:
        """Have this browser signed in, past the form."""
        form = {"login": login, "password": self.passwords[login]}
        headers = {"Origin": self.url}  # as a page of the shop would send it
        answer = await context.request.post(f"{self.url}/api/v1/session", data=form, headers=headers)
        assert answer.ok, await answer.text()

    async def product_path(self) -> str:
        """The page of some product."""
        async with visiting(self.url) as shop:
            products = await (await shop.visitor()).call("GET", "/api/v1/products?limit=1", status=200)
        return f"/products/{products['items'][0]['article']}"


@pytest.fixture(scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """The made-up shop, one for all tests that look at full pages."""
    data = tmp_path_factory.mktemp("demo") / "data"
    async with ServerProcess(data, command=("demo",)) as server:
        accounts = json.loads((data / "demo-accounts.json").read_text(encoding="utf-8"))
        yield Demo(server.url, {account["login"]: account["password"] for account in accounts})


MakeContext = Callable[..., Awaitable[BrowserContext]]


@pytest.fixture
async def make_context(browser: Browser) -> AsyncIterator[MakeContext]:
    """Opens a browser profile; whatever a page logs as an error, and whatever breaks the CSP, fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def make(**options: Any) -> BrowserContext:
        context = await browser.new_context(
            **{"locale": "ru-RU", "viewport": {"width": 1280, "height": 900}, **options}
        )
        context.set_default_timeout(WAIT_MS)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        contexts.append(context)
        return context

    yield make
    await asyncio.gather(*(context.close() for context in contexts))
    assert not complaints


class ShopPage:
    """The shop with its widget, in the hands of a customer."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def open_chat(self) -> None:
        await self.page.get_by_test_id("chat-bubble").click()
        await self.page.get_by_test_id("chat-input").wait_for()

    async def write(self, text: str) -> None:
        box = self.page.get_by_test_id("chat-input")
        await box.fill(text)
        await box.press("Enter")

    async def texts(self) -> list[str]:
        return await self.page.get_by_test_id("message").locator(".message__text").all_inner_texts()


class DeskPage(ShopPage):
    """The dashboard, in the hands of staff."""

    async def sign_in(self) -> None:
        form = self.page.get_by_test_id("staff-login")
        await form.locator("[name=login]").fill(STAFF[0])
        await form.locator("[name=password]").fill(STAFF[1])
        await form.locator("button").click()
        await self.page.get_by_test_id("presence").wait_for()


async def shows(page: ShopPage, texts: list[str], timeout_s: float = 30) -> None:
    """Wait until the thread shows exactly these texts in this order."""
    seen: list[str] = []
    try:
        async with asyncio.timeout(timeout_s):
            while (seen := await page.texts()) != texts:
                await page.page.wait_for_timeout(50)
    except TimeoutError:
        raise AssertionError(f"the thread shows {seen}, not {texts}") from None
