"""A page that watches a product, in the hands of somebody who has not even looked into the chat."""

from playwright.async_api import BrowserContext, Page, WebSocket

from tests.browser.conftest import Demo, MakeContext, ShopPage

# Watches the product on the page, and keeps the prices that the page is told of.
WATCH = """async (article) => {
  window.prices = []
  document.addEventListener("product-updated", ({ detail }) => window.prices.push(detail.price.amount))
  const { watchStore } = await import(document.querySelector("script[src*='/js/shop.js']").src)
  watchStore({ products: [article] })
}"""


async def set_price(demo: Demo, desk: BrowserContext, path: str, amount: int) -> int:
    """Set a product's own price; returns what it costs then."""
    product = f"{demo.url}/api/v1{path}"
    seen = await desk.request.get(product)
    headers = {"Origin": demo.url, "If-Match": seen.headers["etag"]}
    answer = await desk.request.put(f"{product}/price?as=staff", data={"price": {"amount": amount}}, headers=headers)
    assert answer.ok, await answer.text()
    return int((await answer.json())["price"]["amount"])


async def told(page: Page, amount: int) -> None:
    await page.wait_for_function("(amount) => window.prices.at(-1) === amount", arg=amount)


async def test_a_visitor_is_told_of_a_price_before_and_after_there_is_a_session(
    demo: Demo, make_context: MakeContext
) -> None:
    desk, shopper = await make_context(), await make_context()
    await demo.sign_in(desk, "vera")
    path, page = await demo.product_path(), await shopper.new_page()
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    await page.goto(demo.url + path)
    await page.evaluate(WATCH, int(path.rpartition("/")[2]))
    await page.wait_for_function(
        "() => window.prices.length === 1"
    )  # how it is now: the page has not said what it shows

    first = await set_price(demo, desk, path, 123_400)
    await told(page, first)
    assert len(sockets) == 1 and await shopper.cookies() == []

    await ShopPage(page).open_chat()  # begins a session, whose socket takes over
    second = await set_price(demo, desk, path, 134_500)
    await told(page, second)
    assert [socket.is_closed() for socket in sockets] == [True, False]
    assert (await page.evaluate("window.prices"))[1:] == [first, second]
