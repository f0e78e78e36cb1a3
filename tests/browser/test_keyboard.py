"""The shop and the desk without a mouse: everything is reached, the place is seen, and it is never lost."""

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import STAFF, Demo, DeskPage, MakeContext, ShopPage, shows
from tests.conftest import PASSWORD, Person
from tests.faults.server_process import ServerProcess
from tests.visitors import visiting

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

MOST_STOPS = 90
# Where the keyboard is, and whether a person can see it: a ring around it or its card, and nothing in front of it.
SEE_FOCUS = """async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
  const element = document.activeElement
  const name = `${element.tagName} ${element.className} ${element.textContent.trim().slice(0, 30)}`
  const ring = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
  const hasRing = ring(getComputedStyle(element)) || ring(getComputedStyle(element, "::after"))
  const box = element.getBoundingClientRect()
  const [x, y] = [box.left + box.width / 2, box.top + Math.min(box.height, innerHeight) / 2]
  const top = document.elementFromPoint(x, y)
  const label = element.labels?.[0]
  const isInFront = top && (element.contains(top) || top.contains(element) || label?.contains(top))
  return { name, seen: Boolean(hasRing && isInFront), box: [x, y, box.width, box.height], hasRing }
}"""


class Keyboard:
    """A person at a page who has no mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def type(self, text: str) -> None:
        await self.page.keyboard.type(text)

    async def go_to(self, place: Locator, key: str = "Tab") -> None:
        """Press Tab (or Shift+Tab) until the place has the focus."""
        for _ in range(MOST_STOPS):
            await self.press(key)
            if await is_focused(place):
                return
        pytest.fail(f"{key} never comes to {place}")

    async def stops(self, most: int = MOST_STOPS) -> list[dict[str, object]]:
        """Every place that Tab comes to, from here to the end of the page."""
        found: list[dict[str, object]] = []
        for _ in range(most):
            await self.press("Tab")
            if await self.page.evaluate("document.activeElement === document.body"):
                break
            found.append(await self.page.evaluate(SEE_FOCUS))
        return found


async def is_focused(place: Locator) -> bool:
    return await place.count() == 1 and bool(await place.evaluate("node => node === document.activeElement"))


async def test_a_guest_writes_and_leaves_without_a_mouse(server: ServerProcess, make_context: MakeContext) -> None:
    page = await (await make_context()).new_page()
    guest, keyboard = ShopPage(page), Keyboard(page)
    bubble, box = page.get_by_test_id("chat-bubble"), page.get_by_test_id("chat-input")
    await page.goto(server.url + "/")
    await bubble.wait_for()

    await keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await expect(page.locator(".skip")).to_be_in_viewport()
    await keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await keyboard.go_to(bubble)
    await keyboard.press("Enter")
    await expect(box).to_be_focused()
    await keyboard.type("Здравствуйте")
    await keyboard.press("Shift+Enter")
    await keyboard.type("вторая строка")
    await keyboard.press("Enter")
    await shows(guest, ["Здравствуйте\nвторая строка"])
    await expect(page.locator("[data-testid=message][data-seq]")).to_have_count(1)
    await expect(box).to_be_focused()

    await keyboard.type("черновик")
    await keyboard.press("Escape")
    await expect(box).to_be_hidden()
    await expect(bubble).to_be_focused()
    await keyboard.press("Space")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("черновик")


@pytest.mark.slow
async def test_staff_sign_in_claim_answer_close_and_reopen_without_a_mouse(
    server: ServerProcess, make_context: MakeContext
) -> None:
    async with visiting(server.url) as shop:
        first, second = await shop.guest(), await shop.guest()
        chat = await open_chat(first, "Где мой заказ?")
        other = await open_chat(second, "Есть ли 48 размер?")
        page = await (await make_context()).new_page()
        desk, keyboard = DeskPage(page), Keyboard(page)
        box, notices = page.get_by_test_id("chat-input"), page.locator(".chat-notice")
        await page.goto(server.url + "/staff")
        await expect(page.locator("[name=login]")).to_be_focused()
        await keyboard.type(STAFF[0])
        await keyboard.press("Tab")
        await keyboard.type(STAFF[1])
        await keyboard.press("Enter")

        await expect(page.locator("[data-filter=queue]")).to_be_focused()
        row = page.locator(f"[data-chat='{chat}']")
        await row.wait_for()
        await keyboard.go_to(row)
        await keyboard.press("Enter")
        await shows(desk, ["Где мой заказ?"])
        await expect(box).to_be_focused()

        await keyboard.go_to(page.get_by_test_id("claim"), "Shift+Tab")
        await keyboard.press("Enter")
        await expect(page.get_by_test_id("claim")).to_have_count(0)
        await expect(box).to_be_focused()  # and not on "close", where a second Enter would do harm
        await keyboard.type("Уже едет")
        await keyboard.press("Enter")
        await shows(desk, ["Где мой заказ?", "Уже едет"])

        await keyboard.go_to(page.get_by_test_id("close-chat"), "Shift+Tab")
        await keyboard.press("Space")
        await expect(page.get_by_test_id("reopen-chat")).to_be_focused()
        assert (await first.call("GET", f"/api/v1/chats/{chat}"))["status"] == "closed"
        await keyboard.press("Enter")
        await expect(page.get_by_test_id("close-chat")).to_be_visible()
        await expect(box).to_be_focused()
        assert (await first.call("GET", f"/api/v1/chats/{chat}"))["status"] == "active"
        await expect(notices).to_have_count(0)

        await keyboard.press("Alt+j")
        await shows(desk, ["Есть ли 48 размер?"])
        await expect(box).to_be_focused()
        assert page.url.endswith(f"#chat-{other}")
        await keyboard.go_to(page.locator("[lang=en]"), "Shift+Tab")
        await keyboard.press("Enter")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await shows(desk, ["Есть ли 48 размер?"])  # in another language, but where one was
        await keyboard.go_to(page.get_by_test_id("staff-logout"))
        await keyboard.press("Enter")
        await expect(page.locator("[name=login]")).to_be_focused()


@pytest.mark.slow
async def test_rows_that_are_sorted_anew_take_the_keyboard_along(
    server: ServerProcess, make_context: MakeContext
) -> None:
    async with visiting(server.url) as shop:
        people = [await shop.guest() for _ in range(3)]
        chats = [await open_chat(person, f"Вопрос {number}") for number, person in enumerate(people)]
        page = await (await make_context()).new_page()
        desk, rows, keyboard = DeskPage(page), page.get_by_test_id("inbox-row"), Keyboard(page)
        await page.goto(server.url + "/staff")
        await desk.sign_in()
        await page.locator("[data-filter=all]").click()
        await expect(rows).to_have_count(3)

        # The first of three answered: nobody waits there any more, and it moves to the end under the keyboard.
        first = page.locator(f"[data-chat='{chats[0]}']")
        await keyboard.go_to(first)
        staff = await shop.visitor()
        staff.audience = "staff"
        form = {"login": STAFF[0], "password": STAFF[1], "token": True}
        staff.token = (await staff.call("POST", "/api/v1/session", json=form))["token"]
        answer = {"client_id": "answer", "text": "Отвечаем"}
        await staff.call("POST", f"/api/v1/chats/{chats[0]}/messages", json=answer, status=201)

        await expect(rows.last).to_have_attribute("data-chat", str(chats[0]))
        await expect(first).to_be_focused()


@pytest.mark.slow
async def test_an_account_is_made_and_left_without_a_mouse(server: ServerProcess, make_context: MakeContext) -> None:
    page = await (await make_context()).new_page()
    keyboard, panel = Keyboard(page), page.locator(".panel")
    await page.goto(server.url + "/")
    await page.get_by_test_id("chat-bubble").wait_for()
    await keyboard.go_to(page.locator("[data-account]"))
    await keyboard.press("Enter")
    await expect(panel).to_be_visible()
    await keyboard.go_to(page.locator("[name=username]"))
    await keyboard.type("lisa")
    await keyboard.press("Tab")
    await keyboard.type("lisa@example.org")
    await keyboard.press("Tab")
    await keyboard.type("short")
    await keyboard.press("Tab", "Space")

    password = page.locator("[name=password]")
    await expect(password).to_be_focused()  # where something is to be mended
    await expect(password).to_have_attribute("aria-invalid", "true")
    await keyboard.press("Control+a")
    await keyboard.type(PASSWORD)
    await keyboard.press("Tab", "Space")
    await expect(page.get_by_test_id("chat-input")).to_be_focused()

    await keyboard.go_to(page.get_by_test_id("account"), "Shift+Tab")
    await keyboard.press("Enter")
    leave = panel.locator("account-form button")
    await expect(leave).to_be_focused()
    await keyboard.press("Enter")
    await expect(page.get_by_test_id("register-form")).to_be_visible()
    assert await panel.evaluate("panel => panel.contains(document.activeElement)")
    await keyboard.press("Escape")
    await expect(page.get_by_test_id("chat-bubble")).to_be_focused()


@pytest.mark.slow
async def test_a_phone_keeps_the_keyboard_in_the_panel(server: ServerProcess, make_context: MakeContext) -> None:
    page = await (await make_context(viewport={"width": 390, "height": 844})).new_page()
    keyboard = Keyboard(page)
    await page.goto(server.url + "/")
    await ShopPage(page).open_chat()
    await expect(page.get_by_test_id("chat-input")).to_be_focused()
    for _ in range(12):
        await keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.matches('body, chat-widget *')")

    await page.set_viewport_size({"width": 844, "height": 390})  # turned on its side the page is there again
    await expect(page.locator("main")).not_to_have_attribute("inert", "")
    await page.set_viewport_size({"width": 390, "height": 844})
    await expect(page.locator("main")).to_have_attribute("inert", "")
    await page.get_by_test_id("chat-input").press("Escape")
    await expect(page.get_by_test_id("chat-bubble")).to_be_focused()
    await expect(page.locator("main")).not_to_have_attribute("inert", "")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_focus_is_seen_wherever_it_goes(demo: Demo, make_context: MakeContext, scheme: str) -> None:
    context = await make_context(color_scheme=scheme, reduced_motion="reduce")
    await demo.sign_in(context)
    page = await context.new_page()
    keyboard = Keyboard(page)
    for path in ("/", "/demo", "/staff"):
        await page.goto(demo.url + path)
        await page.locator("[data-testid=chat-bubble], .guide, [data-testid=inbox-row]").first.wait_for()
        stops = await keyboard.stops()
        assert len(stops) >= 4
        assert [stop for stop in stops if not stop["seen"]] == [], path

    await page.get_by_test_id("inbox-row").first.click()
    await page.get_by_test_id("message").first.wait_for()
    stops = await keyboard.stops()
    assert stops and [stop for stop in stops if not stop["seen"]] == []
    await page.goto(demo.url + "/")
    await ShopPage(page).open_chat()
    await keyboard.press("Shift+Tab", "Shift+Tab", "Shift+Tab")
    stops = await keyboard.stops()
    assert stops and [stop for stop in stops if not stop["seen"]] == []


async def open_chat(person: Person, text: str) -> int:
    answer = await person.call("POST", "/api/v1/chats", json={"client_id": "first", "text": text}, status=201)
    return int(answer["chat"])
