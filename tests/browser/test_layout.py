"""The pages fit every screen from 320 pixels up, without scripts, in the other language, and without motion."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Demo, MakeContext, ShopPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

WIDTHS = [320, pytest.param(390, marks=pytest.mark.slow), pytest.param(768, marks=pytest.mark.slow), 1280]
LONG = "Оченьдлинноесловобезпробелов" * 12
# How far the page can be pushed sideways, and what sticks out of it. A box that scrolls by itself may.
SIDEWAYS = """() => {
  const width = document.documentElement.clientWidth
  const scrolls = (node) =>
    node && (/auto|scroll/.test(getComputedStyle(node).overflowX) || scrolls(node.parentElement))
  const out = [...document.querySelectorAll("body *")].filter((node) => {
    const { left, right, width: own } = node.getBoundingClientRect()
    return own > 1 && (right > width + 1 || left < -1) && node.checkVisibility() && !node.closest(".hidden, .skip")
      && !scrolls(node.parentElement)
  })
  const names = out.map((node) => `${node.tagName}.${node.className}`)
  return { scroll: document.documentElement.scrollWidth - width, out: names }
}"""


async def require_fit(page: Page, name: str) -> None:
    found = await page.evaluate(SIDEWAYS)
    assert found == {"scroll": 0, "out": []}, name


@pytest.mark.parametrize("width", WIDTHS)
async def test_nothing_scrolls_sideways(demo: Demo, make_context: MakeContext, width: int) -> None:
    context = await make_context(viewport={"width": width, "height": 800}, reduced_motion="reduce")
    page = await context.new_page()
    guest = ShopPage(page)
    await page.goto(demo.url + "/")
    await require_fit(page, "shop")
    await guest.open_chat()
    await guest.write(LONG)
    await page.locator("[data-testid=message][data-seq]").wait_for()
    await require_fit(page, "chat")
    await page.get_by_test_id("account").click()
    await require_fit(page, "account")
    product = await demo.product_path()
    shop = (
        product,
        "/catalogue?group=zima&in_stock=true",
        "/search?q=zzzzqqqq",
        "/cart",
        "/checkout",
        "/orders",
        "/account",
    )
    for path in (*shop, "/password", "/demo", "/docs", "/nothing", "/staff"):
        await page.goto(demo.url + path)
        await require_fit(page, path)

    await demo.sign_in(context)
    await page.goto(demo.url + "/staff")
    row = page.get_by_test_id("inbox-row").filter(has_text=LONG[:20]).first
    await row.wait_for()
    await require_fit(page, "inbox")
    await row.click()
    await page.get_by_test_id("message").first.wait_for()
    await require_fit(page, "desk")
    await page.goto(demo.url + "/staff?lang=en")
    await page.get_by_test_id("inbox-row").first.wait_for()
    await require_fit(page, "inbox in English")


@pytest.mark.parametrize("size", [(390, 844), (320, 568)])
async def test_on_a_phone_the_panel_is_the_whole_screen(
    demo: Demo, make_context: MakeContext, size: tuple[int, int]
) -> None:
    width, height = size
    page = await (await make_context(viewport={"width": width, "height": height}, reduced_motion="reduce")).new_page()
    await page.goto(demo.url + "/")
    await ShopPage(page).open_chat()

    await expect(page.locator(".panel")).to_have_css("opacity", "1")
    assert await page.locator(".panel").bounding_box() == {"x": 0, "y": 0, "width": width, "height": height}
    await expect(page.get_by_test_id("chat-input")).to_be_in_viewport(ratio=1)
    await expect(page.get_by_test_id("chat-bubble")).to_be_hidden()
    await page.mouse.move(width / 2, height / 2)
    await page.mouse.wheel(0, 500)
    await page.locator(".panel__tool").last.click()
    await expect(page.locator(".panel")).to_be_hidden()
    assert await page.evaluate("scrollY") == 0  # the page behind it stayed where it was


async def test_on_a_low_wide_screen_all_of_the_panel_is_seen(demo: Demo, make_context: MakeContext) -> None:
    page = await (await make_context(viewport={"width": 1280, "height": 480})).new_page()
    await page.goto(demo.url + "/")
    await ShopPage(page).open_chat()

    await expect(page.locator(".panel")).to_be_in_viewport(ratio=1)
    await expect(page.get_by_test_id("chat-input")).to_be_in_viewport(ratio=1)
    await expect(page.get_by_test_id("chat-bubble")).to_be_in_viewport(ratio=1)


async def test_another_language_is_the_same_page(demo: Demo, make_context: MakeContext) -> None:
    page = await (await make_context()).new_page()
    html, english = page.locator("html"), page.locator(".languages [hreflang=en]")
    await page.goto(demo.url + "/catalogue?group=zima&sort=price")
    await ShopPage(page).open_chat()
    await page.get_by_test_id("chat-input").fill("недописанное")
    cards = await page.locator(".card__name").all_inner_texts()

    await english.click()

    await expect(html).to_have_attribute("lang", "en")
    assert await page.locator(".card__name").all_inner_texts() == cards and len(cards) > 3
    await expect(page.get_by_test_id("chat-input")).to_have_value("недописанное")
    await expect(page.get_by_test_id("chat-input")).to_have_attribute("placeholder", "Message")
    await page.goto(demo.url + await demo.product_path())  # and it stays so
    await expect(html).to_have_attribute("lang", "en")
    await page.locator(".languages [hreflang=ru]").click()
    await expect(html).to_have_attribute("lang", "ru")
    assert "/products/" in page.url


async def test_without_scripts_the_shop_is_still_a_shop(demo: Demo, make_context: MakeContext) -> None:
    page = await (await make_context(java_script_enabled=False)).new_page()
    await page.goto(demo.url + "/")
    await expect(page.locator(".card")).to_have_count(16)
    await expect(page.locator(".card img").first).to_be_visible()
    await expect(page.locator(".noscript")).to_be_visible()
    await page.locator(".search__input").fill("куртка")
    await page.locator(".search__go").click()
    await expect(page.locator(".card__name").first).to_contain_text("Куртка")
    await page.locator("#filter-in_stock-true").check()
    await page.locator("#filter-sort").select_option("price")
    await page.locator(".filters__go button").click()
    await expect(page.locator(".chip--off")).to_have_count(1)
    await expect(page.locator(".card--gone")).to_have_count(0)
    await page.goto(demo.url + "/")
    await page.get_by_role("link", name="Зима").click()
    await page.locator("[rel=next]").click()
    await page.locator(".card__link").first.click()
    await expect(page.locator(".product__name")).to_be_visible()
    await expect(page.locator(".price__now")).to_have_text(re.compile(r"\d.*₽"))
    for button in await page.locator("button:not(.search__go)").all():
        await expect(button).to_be_hidden()  # it would do nothing


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
async def test_motion_is_only_for_those_who_want_it(demo: Demo, make_context: MakeContext, motion: str) -> None:
    page = await (await make_context(reduced_motion=motion)).new_page()
    await page.goto(demo.url + "/")
    await ShopPage(page).open_chat()
    # Of everything on the page, seen or not: the longest time that anything moves, in ms.
    longest = await page.evaluate(
        """() => {
            for (const node of document.querySelectorAll("[hidden]")) node.hidden = false
            const ms = (text) => text.split(",").map((one) => parseFloat(one) * (/ms/.test(one) ? 1 : 1000))
            const nodes = [...document.querySelectorAll("body *")].map((node) => getComputedStyle(node))
            const times = nodes.flatMap((style) => style.animationName === "none" ? ms(style.transitionDuration)
                : style.animationIterationCount === "infinite" ? [Infinity] : ms(style.animationDuration))
            return String(Math.max(...times))
        }"""
    )
    assert longest == ("Infinity" if motion == "no-preference" else "1")
