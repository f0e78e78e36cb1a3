"""The main job, as two people do it: a guest asks, a manager answers, and no message is lost when the server dies."""

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.conftest import DeskPage, MakeContext, ShopPage, shows
from tests.faults.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

QUESTIONS = [f"Вопрос {number} 🙂 ёлка" for number in range(1, 10)]
MARKUP = "<img src=x onerror=alert(1)>"


async def test_guest_and_manager_in_two_browsers(server: ServerProcess, make_context: MakeContext) -> None:
    await talk(server, await make_context(), await make_context())


async def test_guest_and_manager_in_two_tabs_of_one_browser(server: ServerProcess, make_context: MakeContext) -> None:
    context = await make_context()
    await talk(server, context, context)


async def talk(server: ServerProcess, guests: BrowserContext, staffs: BrowserContext) -> None:
    guest, desk = ShopPage(await guests.new_page()), DeskPage(await staffs.new_page())
    for page in (guest.page, desk.page):
        page.on("dialog", fail_on_dialog)
    await desk.page.goto(server.url + "/staff")
    await desk.sign_in()
    await guest.page.goto(server.url + "/")
    await guest.open_chat()

    # Nine messages by Enter within two seconds, over the burst of five.
    for text in QUESTIONS:
        await guest.write(text)
    row = desk.page.get_by_test_id("inbox-row")
    await expect(row).to_have_count(1)  # without a reload
    await row.click()
    await shows(desk, QUESTIONS)
    await shows(guest, QUESTIONS)
    await expect(guest.page.locator("[data-testid=message][data-seq]")).to_have_count(9)

    await desk.page.get_by_test_id("claim").click()
    await expect(desk.page.get_by_test_id("claim")).to_have_count(0)
    await sees_typing(guest, desk)
    await desk.write(MARKUP)
    await shows(guest, [*QUESTIONS, MARKUP])  # text, never markup
    await expect(guest.page.get_by_test_id("read-mark")).not_to_have_count(0)
    await expect(desk.page.get_by_test_id("read-mark")).not_to_have_count(0)
    await sees_typing(desk, guest)

    # Killed in the middle: what is written while nobody is there waits, and both pages go on by themselves.
    await server.kill()
    await guest.write("Пока сервера нет")
    await expect(guest.page.locator("[data-testid=message][data-state=pending]")).to_have_count(1)
    await server.start()
    told = [*QUESTIONS, MARKUP, "Пока сервера нет"]
    await shows(desk, told)
    await desk.write("Мы снова здесь")
    told.append("Мы снова здесь")
    await shows(guest, told)
    await shows(desk, told)

    second = ShopPage(await guests.new_page())
    await second.page.goto(server.url + "/")
    if not await second.page.get_by_test_id("chat-input").is_visible():
        await second.open_chat()
    await shows(second, told)

    await register(guest.page)
    await shows(guest, told)
    await guest.write("Теперь с именем")
    told.append("Теперь с именем")
    for page in (guest, second, desk):
        await shows(page, told)
    seqs = await guest.page.get_by_test_id("message").evaluate_all("nodes => nodes.map(node => +node.dataset.seq)")
    assert seqs == sorted(set(seqs)) and 0 not in seqs


async def sees_typing(watcher: ShopPage, writer: ShopPage) -> None:
    box = writer.page.get_by_test_id("chat-input")
    await box.press_sequentially("пишу", delay=30)
    await expect(watcher.page.get_by_test_id("typing")).to_be_visible()
    await box.fill("")


async def register(page: Page) -> None:
    await page.get_by_test_id("account").click()
    form = page.get_by_test_id("register-form")
    await form.locator("[name=username]").fill("lisa")
    await form.locator("[name=email]").fill("lisa@example.org")
    await form.locator("[name=password]").fill("a long password of lisa")
    await form.locator("button[type=submit]").click()
    await page.get_by_test_id("chat-input").wait_for()


def fail_on_dialog(dialog: object) -> None:
    pytest.fail(f"a script ran: {dialog}")
