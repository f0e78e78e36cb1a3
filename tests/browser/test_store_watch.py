"""A page that watches a product, in the hands of somebody who has not even looked into the chat."""

from playwright.async_api import BrowserContext, Page, WebSocket, expect

from app.pages.texts import get_texts
from tests.browser.conftest import Demo, MakeContext, ShopPage


async def set_price(demo: Demo, desk: BrowserContext, path: str, amount: int) -> int:
    """Set a product's own price; returns what it costs then."""
    product = f"{demo.url}/api/v1{path}"
    seen = await desk.request.get(product)
    headers = {"Origin": demo.url, "If-Match": seen.headers["etag"]}
    answer = await desk.request.put(f"{product}/price?as=staff", data={"price": {"amount": amount}}, headers=headers)
    assert answer.ok, await answer.text()
    return int((await answer.json())["price"]["amount"])


async def shows(page: Page, amount: int) -> None:
    await expect(page.locator(".offer .price__now")).to_have_text(get_texts("ru").money(amount))


async def test_a_visitor_is_told_of_a_price_before_and_after_there_is_a_session(
    demo: Demo, make_context: MakeContext
) -> None:
    desk, shopper = await make_context(), await make_context()
    await demo.sign_in(desk, "vera")
    path, page = await demo.product_path(), await shopper.new_page()
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    await page.goto(demo.url + path)
    await page.wait_for_function("() => document.querySelector('.quantity__step')")

    await shows(page, await set_price(demo, desk, path, 123_400))
    assert len(sockets) == 1 and await shopper.cookies() == []

    await ShopPage(page).open_chat()  # begins a session, whose socket takes over
    await shows(page, await set_price(demo, desk, path, 134_500))
    assert [socket.is_closed() for socket in sockets] == [True, False]


async def test_an_open_list_shows_what_has_come_to_it(demo: Demo, make_context: MakeContext) -> None:
    desk, page = await make_context(), await (await make_context()).new_page()
    await demo.sign_in(desk, "vera")
    path = await demo.product_path()
    article = path.rpartition("/")[2]
    await page.goto(demo.url + "/catalogue?price_from=9000000")
    await expect(page.locator(".empty")).to_be_visible()

    await set_price(demo, desk, path, 99_000_000_00)

    await expect(page.locator(f".card[data-article='{article}']")).to_be_visible(timeout=10_000)
    await set_price(demo, desk, path, 134_500)
    await expect(page.locator(".card")).to_have_count(0, timeout=10_000)
