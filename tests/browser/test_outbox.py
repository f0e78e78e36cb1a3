"""What was written and not yet kept: it waits, survives, goes once and in order, and leaves with its writer."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, WebSocketRoute, expect

from tests.browser.conftest import LIMITS, STAFF, DeskPage, MakeContext, ShopPage, shows
from tests.conftest import PASSWORD, Person, Shop
from tests.delivery.conftest import read_log
from tests.faults.server_process import ServerProcess
from tests.visitors import visiting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

PENDING = "[data-testid=message][data-state=pending]"
FAILED = "[data-testid=message][data-state=failed]"
KEPT = "[data-testid=message][data-seq]"
# Everything that a page keeps in its browser, as text.
STORED = """async () => {
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  const kept = [{ ...localStorage }, { ...sessionStorage }]
  for (const { name } of await indexedDB.databases()) {
    const database = await done(indexedDB.open(name))
    for (const store of database.objectStoreNames) {
      kept.push(await done(database.transaction(store).objectStore(store).getAll()))
    }
    database.close()
  }
  return JSON.stringify(kept)
}"""


class Gate:
    """Lets pages load and ask, and their sockets connect only while it is open."""

    def __init__(self) -> None:
        self.is_open = True
        self._sockets: list[WebSocketRoute] = []

    async def guard(self, guarded: BrowserContext | Page) -> None:
        await guarded.route_web_socket(re.compile("/ws"), self._pass)

    async def close(self) -> None:
        self.is_open = False
        for socket in self._sockets:
            await socket.close()
        self._sockets.clear()

    def open(self) -> None:
        self.is_open = True

    async def _pass(self, socket: WebSocketRoute) -> None:
        if self.is_open:
            socket.connect_to_server()
            self._sockets.append(socket)
        else:
            await socket.close()


def stored_texts(server: ServerProcess) -> list[str]:
    """The messages on disk, chat by chat."""
    return [entry["text"] for log in read_log(server.data).values() for entry in log if entry["kind"] == "message"]


async def staff_of(shop: Shop) -> Person:
    person = await shop.visitor()
    person.audience = "staff"
    form = {"login": STAFF[0], "password": STAFF[1], "token": True}
    person.token = (await person.call("POST", "/api/v1/session", json=form, status=200))["token"]
    return person


async def test_what_is_written_offline_waits_survives_a_reload_and_goes_once(
    server: ServerProcess, make_context: MakeContext
) -> None:
    context, gate = await make_context(), Gate()
    await gate.guard(context)
    page = await context.new_page()
    guest = ShopPage(page)
    await page.goto(server.url + "/")
    await guest.open_chat()
    await guest.write("До обрыва")
    await expect(page.locator(KEPT)).to_have_count(1)

    await context.set_offline(True)
    for text in ("Без сети", "Опять без сети"):
        await guest.write(text)
    await expect(page.locator(PENDING)).to_have_count(2)
    await expect(page.locator(".panel__connection")).to_be_visible()  # and it is said

    gate.is_open = False
    await context.set_offline(False)
    await page.reload()
    await expect(page.locator(PENDING)).to_have_count(2)
    assert await guest.texts() == ["Без сети", "Опять без сети"]

    gate.open()
    await guest.write("Снова здесь")
    told = ["До обрыва", "Без сети", "Опять без сети", "Снова здесь"]
    await shows(guest, told)
    await expect(page.locator(KEPT)).to_have_count(4, timeout=30_000)
    assert stored_texts(server) == told


async def test_what_was_on_its_way_when_the_line_went_is_not_said_twice(
    server: ServerProcess, make_context: MakeContext
) -> None:
    context, gate = await make_context(), Gate()
    await gate.guard(context)
    page = await context.new_page()
    guest, told = ShopPage(page), [f"Строка {number}" for number in range(4)]
    await page.goto(server.url + "/")
    await guest.open_chat()
    for text in told:
        await guest.write(text)
        await gate.close()
        gate.open()
    await shows(guest, told)
    await expect(page.locator(KEPT)).to_have_count(4, timeout=30_000)
    assert stored_texts(server) == told


async def test_what_is_too_long_is_tried_again_or_discarded(tmp_path: Path, make_context: MakeContext) -> None:
    long, server = "много слов " * 10, ServerProcess(tmp_path / "data", env={**LIMITS, "CTS_LIMIT_TEXT_CHARS": "50"})
    async with server:
        page = await (await make_context()).new_page()
        guest, choices = ShopPage(page), page.locator(f"{FAILED} .message__choices button")
        await page.goto(server.url + "/")
        await guest.open_chat()
        await guest.write("Короткое")
        await guest.write(long)
        await expect(page.locator(FAILED)).to_contain_text("слишком длинное")
        await guest.write("Ещё одно")  # what failed holds up nobody
        await expect(page.locator(KEPT)).to_have_count(2)

        await page.reload()
        await expect(page.locator(FAILED)).to_have_count(1)
        await choices.first.click()
        await expect(page.locator(FAILED)).to_contain_text("слишком длинное")
        await choices.last.press("Enter")
        await expect(page.locator(FAILED)).to_have_count(0)
        await expect(page.get_by_role("log")).to_be_focused()  # the pressed button is gone, the keyboard stays
        await page.reload()
        await shows(guest, ["Короткое", "Ещё одно"])
        await expect(page.locator(FAILED)).to_have_count(0)
        assert stored_texts(server) == ["Короткое", "Ещё одно"]


async def test_what_comes_to_a_closed_chat_begins_another_one_or_is_discarded(
    server: ServerProcess, make_context: MakeContext
) -> None:
    context, gate = await make_context(), Gate()
    await gate.guard(context)
    page = await context.new_page()
    guest = ShopPage(page)
    await page.goto(server.url + "/")
    await guest.open_chat()
    await guest.write("Здравствуйте")
    await expect(page.locator(KEPT)).to_have_count(1)

    await gate.close()
    await guest.write("И вот ещё что")
    await guest.write("А это уже неважно")
    await expect(page.locator(PENDING)).to_have_count(2)
    async with visiting(server.url) as shop:
        staff = await staff_of(shop)
        [chat] = (await staff.call("GET", "/api/v1/chats", status=200))["items"]
        form = {"status": "closed", "client_id": "closing"}
        await staff.call("PATCH", f"/api/v1/chats/{chat['id']}", json=form, status=200)
    gate.open()
    await expect(page.locator(FAILED)).to_have_count(2, timeout=30_000)
    await expect(page.locator(FAILED).first).to_contain_text("чат уже завершён")

    await page.locator(FAILED).last.locator("button").last.click()
    await expect(page.locator(FAILED)).to_have_count(1)
    await page.locator(f"{FAILED} button").first.click()
    await shows(guest, ["Здравствуйте", "И вот ещё что"])
    await expect(page.locator(KEPT)).to_have_count(2)
    logs = read_log(server.data)
    assert [[entry["text"] for entry in log if entry["text"]] for log in logs.values()] == [
        ["Здравствуйте"],
        ["И вот ещё что"],
    ]


async def test_two_tabs_that_write_at_once_are_one_conversation(tmp_path: Path, make_context: MakeContext) -> None:
    count, server = 12, ServerProcess(tmp_path / "data")
    async with server:
        context = await make_context()
        tabs = [ShopPage(await context.new_page()) for _ in range(2)]
        for tab in tabs:
            await tab.page.goto(server.url + "/")  # both are nobody yet
            await tab.page.get_by_test_id("chat-bubble").wait_for()
        await asyncio.gather(*(tab.open_chat() for tab in tabs))

        async def write(name: str, tab: ShopPage) -> None:
            for number in range(count):
                await tab.write(f"{name} {number}")

        await asyncio.gather(*(write(name, tab) for name, tab in zip("аб", tabs, strict=True)))
        for tab in tabs:
            await expect(tab.page.locator(KEPT)).to_have_count(2 * count, timeout=30_000)
        texts = stored_texts(server)
        assert len(read_log(server.data)) == 1
        for name in "аб":
            assert [text for text in texts if text.startswith(name)] == [f"{name} {number}" for number in range(count)]
        assert len(texts) == 2 * count
        for tab in tabs:
            await shows(tab, texts)


async def test_who_signs_out_leaves_no_word_behind(server: ServerProcess, make_context: MakeContext) -> None:
    context, gate = await make_context(), Gate()
    page = await context.new_page()
    await gate.guard(page)
    guest = ShopPage(page)
    await sign_up(page, server)
    await guest.write("Тайна первая")
    await expect(page.locator(KEPT)).to_have_count(1)
    await gate.close()
    await guest.write("Тайна вторая")
    await expect(page.locator(PENDING)).to_have_count(1)
    await page.get_by_test_id("chat-input").press_sequentially("Тайна третья")
    kept = await page.evaluate(STORED)
    assert "Тайна вторая" in kept and "Тайна третья" in kept  # until now for good reason

    await page.get_by_test_id("account").click()
    await page.locator("account-form button").click()
    await expect(page.get_by_test_id("register-form")).to_be_visible()
    assert "Тайна" not in await page.evaluate(STORED)
    assert "Тайна" not in await page.content()
    assert await page.get_by_test_id("chat-input").input_value() == ""


@pytest.mark.slow
async def test_another_tab_is_left_as_clean(server: ServerProcess, make_context: MakeContext) -> None:
    context = await make_context()
    first, second = await context.new_page(), await context.new_page()
    await sign_up(first, server)
    await ShopPage(first).write("Тайна первая")
    await second.goto(server.url + "/")
    await ShopPage(second).open_chat()
    await expect(second.locator(KEPT)).to_have_count(1)
    await second.get_by_test_id("chat-input").press_sequentially("Тайна вторая")
    assert "Тайна вторая" in await second.evaluate(STORED)

    await first.get_by_test_id("account").click()
    await first.locator("account-form button").click()
    await expect(first.get_by_test_id("register-form")).to_be_visible()
    await expect(second.locator("[data-account-name]")).to_have_text("Войти")
    for page in (first, second):
        assert "Тайна" not in await page.evaluate(STORED)
        assert "Тайна" not in await page.content()


@pytest.mark.slow
async def test_staff_leave_no_word_behind_either(server: ServerProcess, make_context: MakeContext) -> None:
    context, gate = await make_context(), Gate()
    page = await context.new_page()
    await gate.guard(page)
    async with visiting(server.url) as shop:
        guest = await shop.guest()
        form = {"client_id": "first", "text": "Тайна гостя"}
        await guest.call("POST", "/api/v1/chats", json=form, status=201)
    desk = DeskPage(page)
    await page.goto(server.url + "/staff")
    await desk.sign_in()
    await page.get_by_test_id("inbox-row").click()
    await shows(desk, ["Тайна гостя"])
    await gate.close()
    await desk.write("Тайна ответа")
    await expect(page.locator(PENDING)).to_have_count(1)
    await page.get_by_test_id("chat-input").fill("Тайна черновика")
    assert "Тайна ответа" in await page.evaluate(STORED)

    await page.get_by_test_id("staff-logout").click()
    await expect(page.locator("[name=login]")).to_be_focused()
    assert "Тайна" not in await page.evaluate(STORED)
    assert "Тайна" not in await page.content()


async def sign_up(page: Page, server: ServerProcess) -> None:
    """Make an account by the form, and stand in the chat with it."""
    await page.goto(server.url + "/")
    await page.locator("[data-account]").click()
    form = page.get_by_test_id("register-form")
    await form.locator("[name=username]").fill("lisa")
    await form.locator("[name=email]").fill("lisa@example.org")
    await form.locator("[name=password]").fill(PASSWORD)
    await form.locator("[type=submit]").click()
    await page.get_by_test_id("chat-input").wait_for()
