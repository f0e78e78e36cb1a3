"""A customer's way through the shop: finding, the cart, an order, the account, reviews."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.conftest import Demo, MakeContext
from tests.browser.test_accessibility import complaints
from tests.browser.test_keyboard import Keyboard
from tests.browser.test_layout import require_fit
from tests.conftest import PASSWORD, Person
from tests.pictures import make_picture
from tests.visitors import visiting

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PHONE = {"width": 360, "height": 740}
_names = count(1)


class Customer:
    """Somebody at the shop's pages."""

    def __init__(self, page: Page, demo: Demo) -> None:
        self.page, self.demo = page, demo

    async def go(self, path: str) -> None:
        await self.page.goto(self.demo.url + path)

    async def goods(self, most: int) -> list[str]:
        """Paths of products of which there are enough."""
        async with visiting(self.demo.url) as shop:
            page = await (await shop.visitor()).call("GET", "/api/v1/products?in_stock=true&limit=100", status=200)
        return [f"/products/{one['article']}" for one in page["items"] if one["remains"] > 20][:most]

    async def put_in_cart(self, path: str, quantity: int = 1) -> None:
        await self.go(path)
        await self.page.locator("#quantity-more").wait_for()
        await self.page.locator("#quantity").fill(str(quantity))
        await self.page.locator("#buy").click()
        await expect(self.page.locator(".offer__there")).to_be_visible()

    async def register(self) -> str:
        """Make an account by the form that stands on the page."""
        name = f"buyer{next(_names)}"
        form = self.page.locator("main").get_by_test_id("register-form")
        await form.locator("[name=username]").fill(name)
        await form.locator("[name=email]").fill(f"{name}@example.org")
        await form.locator("[name=password]").fill(PASSWORD)
        await form.locator("[type=submit]").click()
        await expect(form).to_have_count(0)
        return name

    async def sign_in(self, name: str) -> None:
        account = self.page.locator("main account-form")
        await account.locator(".tab").last.click()
        await account.locator("[name=login]").fill(name)
        await account.locator("[name=password]").fill(PASSWORD)
        await account.locator("[type=submit]").click()
        await expect(account).to_have_count(0)

    async def fill_in_checkout(self) -> None:
        await self.page.locator("[name='contact/name']").fill("Лиза Смирнова")
        await self.page.locator("[name='contact/phone']").fill("+7 916 123-45-67")
        await self.page.locator("[name='delivery/address']").fill("Москва, Тверская, 1")

    async def count_in_cart(self, pieces: int) -> None:
        place = self.page.locator(".top__count")
        await (expect(place).to_contain_text(str(pieces)) if pieces else expect(place).to_have_count(0))


@pytest.fixture
async def phone(demo: Demo, make_context: MakeContext) -> Customer:
    context = await make_context(viewport=PHONE, reduced_motion="reduce", has_touch=True)
    return Customer(await context.new_page(), demo)


@asynccontextmanager
async def manager(demo: Demo) -> AsyncIterator[Person]:
    """The owner, by REST."""
    async with visiting(demo.url) as shop:
        person = await shop.visitor()
        person.audience = "staff"
        form = {"login": "vera", "password": demo.passwords["vera"], "token": True}
        person.token = (await person.call("POST", "/api/v1/session", json=form, status=200))["token"]
        yield person


async def set_price(owner: Person, path: str, amount: int) -> None:
    """Have the product cost so much, without a discount."""
    async with owner.request("GET", "/api/v1" + path) as answer:
        match = {"If-Match": answer.headers["ETag"]}
    form = {"price": {"amount": amount}, "discount": 0}
    await owner.call("PUT", f"/api/v1{path}/price", json=form, headers=match, status=200)


def orders_sent(page: Page) -> list[str]:
    """The keys of the orders that the page sends from now on."""
    keys: list[str] = []
    page.on(
        "request",
        lambda request: (
            keys.append(request.headers["idempotency-key"])
            if request.method == "POST" and request.url.endswith("/api/v1/orders")
            else None
        ),
    )
    return keys


async def test_a_customer_on_a_phone_searches_fills_a_cart_and_orders(phone: Customer) -> None:
    page = phone.page
    await phone.go("/")
    await require_fit(page, "home")
    await page.locator(".search__input").press_sequentially("куртк", delay=20)
    await expect(page.locator(".search__option").first).to_be_visible()
    await page.locator(".search__input").press("Enter")
    await expect(page.locator("h1")).to_contain_text("куртк")
    await require_fit(page, "search")
    await page.locator(".filters__open").click()
    await page.locator("#filter-in_stock-true").check()
    await expect(page).to_have_url(re.compile("q=.*in_stock=true"))
    await page.locator(".card:not(.card--gone) .card__link").first.click()
    await page.wait_for_url(re.compile("/products/"))  # else the heading read is still that of the list

    name = await page.locator("h1").inner_text()
    await page.locator("#buy").click()
    await phone.count_in_cart(1)
    await page.locator(".offer__there a").click()
    await expect(page.locator(".line__name")).to_have_text(name)
    await require_fit(page, "cart")
    await page.locator(".bill__go").click()

    await phone.fill_in_checkout()
    await require_fit(page, "checkout")
    await expect(page.locator("#place-order")).to_be_disabled()
    await phone.register()
    await expect(page.locator("[name='delivery/address']")).to_have_value("Москва, Тверская, 1")  # nothing was lost
    total = await page.locator(".bill__total b").inner_text()
    keys = orders_sent(page)
    await page.locator("#place-order").dblclick()

    await expect(page.get_by_test_id("order-status")).to_have_text("Принят")
    await expect(page.locator(".line__name")).to_have_text(name)
    await expect(page.locator(".bill__total b")).to_have_text(total)
    await require_fit(page, "order")
    assert len(keys) == 1
    await phone.count_in_cart(0)
    await phone.go("/orders")
    await expect(page.locator(".order-row")).to_have_count(1)
    await page.locator(".order-row__link").click()
    await page.locator("#cancel summary").click()
    await page.locator("[name=reason]").fill("Передумала")
    await page.locator("[data-cancel] [type=submit]").click()
    await expect(page.get_by_test_id("order-status")).to_have_text("Отменён")
    await expect(page.locator(".order__lead")).to_contain_text("Передумала")


@pytest.mark.slow
async def test_an_order_needs_no_mouse(demo: Demo, make_context: MakeContext) -> None:
    customer = Customer(await (await make_context(viewport=PHONE, reduced_motion="reduce")).new_page(), demo)
    page, keyboard = customer.page, Keyboard(customer.page)
    await customer.go("/")
    await page.get_by_test_id("chat-bubble").wait_for()
    await keyboard.go_to(page.locator(".search__input"))
    await keyboard.type("куртка")
    await page.locator(".search__option").first.wait_for()
    await keyboard.press("ArrowDown")
    chosen = page.locator(".search__option[aria-selected=true]")
    await expect(chosen).to_have_count(1)
    await expect(page.locator(".search__input")).to_have_attribute("aria-activedescendant", "suggestion-0")
    await keyboard.press("Escape")
    await expect(page.locator(".search__list")).to_be_hidden()
    await expect(page.locator(".search__input")).to_have_value("куртка")

    (path,) = await customer.goods(1)
    await customer.go(path)
    await page.locator("#quantity-more").wait_for()
    await keyboard.go_to(page.locator("#quantity-more"))
    await keyboard.press("Enter")
    await expect(page.locator("#quantity")).to_have_value("2")
    await keyboard.go_to(page.locator("#buy"))
    await keyboard.press("Enter")
    await customer.count_in_cart(2)
    await expect(page.locator("#buy")).to_be_focused()  # the place is kept although the offer was drawn anew
    await keyboard.go_to(page.locator(".offer__there a"))
    await keyboard.press("Enter")
    await page.locator(".bill__go").wait_for()
    await keyboard.go_to(page.locator(".bill__go"))
    await keyboard.press("Enter")
    await page.locator("main account-form form").wait_for()
    await customer.register()
    await expect(page.locator("[name='contact/name']")).to_be_focused()
    await keyboard.go_to(page.locator("#place-order"))
    await keyboard.press("Enter")
    await expect(page.locator("[name='contact/name']")).to_be_focused()  # the first that is missing
    await keyboard.type("Лиза")
    await keyboard.press("Tab")
    await keyboard.type("123")
    await keyboard.go_to(page.locator("[name='delivery/address']"))
    await keyboard.type("Москва")
    await keyboard.press("Tab", "Tab", "Tab", "Enter")
    phone = page.locator("[name='contact/phone']")
    await expect(phone).to_be_focused()
    await expect(phone).to_have_attribute("aria-invalid", "true")
    await keyboard.press("Control+a")
    await keyboard.type("89161234567")
    await keyboard.go_to(page.locator("#place-order"))
    await keyboard.press("Enter")
    await expect(page.get_by_test_id("order-status")).to_be_visible()


async def test_an_order_whose_answer_was_lost_is_made_once(demo: Demo, make_context: MakeContext) -> None:
    customer = Customer(await (await make_context()).new_page(), demo)
    page = customer.page
    (path,) = await customer.goods(1)
    await customer.put_in_cart(path)
    await customer.go("/checkout")
    await customer.register()
    await customer.fill_in_checkout()
    keys = orders_sent(page)

    async def lose(route: Any) -> None:
        await route.fetch()  # it arrives, and is done
        await route.abort()

    await page.route("**/api/v1/orders", lose)
    await page.locator("#place-order").click()
    await expect(page.locator("[data-checkout] [data-error]")).to_contain_text("Нет связи")
    await page.unroute("**/api/v1/orders")
    await page.locator("#place-order").click()

    await expect(page.get_by_test_id("order-status")).to_be_visible()
    assert len(keys) == 2 and len(set(keys)) == 1
    await customer.go("/orders")
    await expect(page.locator(".order-row")).to_have_count(1)


async def test_an_order_at_an_old_price_names_the_line_and_the_new_total(demo: Demo, make_context: MakeContext) -> None:
    customer = Customer(await (await make_context()).new_page(), demo)
    page = customer.page
    await page.route_web_socket("**/ws", lambda socket: None)  # it hears of nothing
    path = (await customer.goods(5))[4]
    await customer.put_in_cart(path)
    name = await page.locator("h1").inner_text()
    await customer.go("/checkout")
    await customer.register()
    await customer.fill_in_checkout()
    async with manager(demo) as owner:
        await set_price(owner, path, 9876_00)

    await page.locator("#place-order").click()

    problem = page.locator("[data-checkout] [data-error]")
    await expect(problem).to_contain_text(name)
    await expect(problem).to_contain_text("Новая сумма")
    total = await page.locator(".bill__total b").inner_text()
    assert total in await problem.inner_text()
    await page.locator("#place-order").click()
    await expect(page.get_by_test_id("order-status")).to_be_visible()
    await expect(page.locator(".bill__total b")).to_have_text(total)


@pytest.mark.slow
async def test_a_change_is_drawn_at_once_and_leaves_the_keyboard_where_it_was(
    demo: Demo, make_context: MakeContext
) -> None:
    customer = Customer(await (await make_context()).new_page(), demo)
    page, path = customer.page, (await customer.goods(3))[2]
    await customer.put_in_cart(path)
    await page.locator("#buy").focus()
    async with manager(demo) as owner:
        await set_price(owner, path, 4321_00)
        await expect(page.locator(".offer .price__now")).to_contain_text("4\u202f321")
        await expect(page.locator("#buy")).to_be_focused()
        await page.locator("#quantity-more").click()
        await expect(page.locator("#quantity")).to_have_value("2")

        await customer.go("/checkout")
        await page.locator("main account-form form").wait_for()
        await set_price(owner, path, 5432_00)
        await expect(page.locator(".bill__total b")).to_contain_text("5\u202f432")
        await expect(page.locator("[data-status]")).to_contain_text("Сумма изменилась")


@pytest.mark.slow
async def test_a_cart_is_changed_cleared_and_put_back(demo: Demo, make_context: MakeContext) -> None:
    customer = Customer(await (await make_context()).new_page(), demo)
    page = customer.page
    for path in await customer.goods(3):
        await customer.put_in_cart(path)
    await customer.go("/cart")
    lines = page.locator(".line")
    await expect(lines).to_have_count(3)

    await lines.first.locator("[data-quantity]").fill("3")
    await lines.first.locator("[data-quantity]").press("Enter")
    await customer.count_in_cart(5)
    await lines.first.locator("[data-quantity]").fill("999")
    await lines.first.locator("[data-quantity]").press("Enter")
    await expect(lines.first.locator("[data-problem]")).to_contain_text("Столько нет")
    await expect(lines.first.locator("[data-quantity]")).to_have_value("3")
    await lines.nth(0).locator("[data-choose]").check()
    await lines.nth(1).locator("[data-choose]").check()
    await page.locator("[data-remove-chosen]").click()
    await expect(lines).to_have_count(1)
    await page.locator("[data-restore]:not(#restore-all)").first.click()
    await expect(lines).to_have_count(2)
    await page.locator("[data-clear]").click()
    await expect(lines).to_have_count(0)
    await expect(page.locator(".empty")).to_be_visible()
    await page.locator("#restore-all").click()
    await expect(lines).to_have_count(3)
    await customer.count_in_cart(5)
    # Only what is selected goes to the checkout.
    await lines.nth(1).locator("[data-choose]").check()
    await page.locator(".bill__go").click()
    await expect(page.locator(".bill__line")).to_have_count(1)


@pytest.mark.slow
async def test_two_carts_become_one_at_the_sign_in(demo: Demo, make_context: MakeContext) -> None:
    goods = await Customer(await (await make_context()).new_page(), demo).goods(2)
    home = Customer(await (await make_context()).new_page(), demo)
    await home.go("/account")
    name = await home.register()
    await home.put_in_cart(goods[0], 2)

    away = Customer(await (await make_context()).new_page(), demo)
    await away.put_in_cart(goods[0], 5)
    await away.put_in_cart(goods[1])
    await away.go("/account")
    await away.sign_in(name)
    await expect(away.page.locator("[data-status]")).to_contain_text("объединили")
    await away.count_in_cart(6)
    await away.go("/cart")
    await expect(away.page.locator("[data-merged]")).to_contain_text("здесь 5, в аккаунте 2, теперь 5")
    await away.page.reload()
    await expect(away.page.locator("[data-merged]")).to_be_hidden()  # told once


@pytest.mark.slow
async def test_a_review_is_written_looked_at_changed_and_deleted(demo: Demo, make_context: MakeContext) -> None:
    author = Customer(await (await make_context()).new_page(), demo)
    page, path = author.page, (await author.goods(8))[7]
    await author.go("/account")
    await author.register()
    await author.go(path)
    await page.locator("#write summary").click()
    await page.locator("[data-review-form] [type=submit]").click()
    await expect(page.locator("[data-field=rating] [data-problem]")).to_have_text("Заполните это поле.")
    await page.locator("#rate-4").check(force=True)
    await page.locator("#review-text").fill("Тёплая и <b>лёгкая</b>")
    photo = {"name": "photo.png", "mimeType": "image/png", "buffer": make_picture()}
    await page.locator("#review-photos").set_input_files(photo)  # type: ignore[arg-type]
    await expect(page.locator("[data-photo]")).to_have_count(1)
    await page.locator("[data-review-form] [type=submit]").click()
    await expect(page.locator(".own__state")).to_contain_text("на проверке")
    await expect(page.locator(".own .review__text")).to_have_text("Тёплая и <b>лёгкая</b>")

    async with manager(demo) as owner:
        queue = await owner.call("GET", "/api/v1/comments?limit=100", status=200)
        (comment,) = [one for one in queue["items"] if one["text"].startswith("Тёплая и <b>")]
        match = {"If-Match": f'"{comment["version"]}"'}
        url = f"/api/v1/comments/{comment['id']}"
        await owner.call("PATCH", url, json={"status": "approved"}, headers=match, status=200)
    reader = Customer(await (await make_context()).new_page(), demo)
    await reader.go("/account")
    await reader.register()
    await reader.go(path)
    review = reader.page.locator(f"[data-comment='{comment['id']}']")
    await expect(review).to_contain_text("Тёплая и <b>лёгкая</b>")
    await expect(review.locator(".review__photos img")).to_be_visible()
    await review.locator("[data-useful]").click()
    await expect(review.locator("[data-useful]")).to_have_attribute("aria-pressed", "true")
    await expect(review.locator("[data-useful] b")).to_have_text("1")

    await page.reload()
    await page.locator("#write summary").click()
    await page.locator("#rate-2").check(force=True)
    await page.locator("[data-review-form] [type=submit]").click()
    await expect(page.locator(".own__state")).to_contain_text("на проверке")
    await page.locator("#unwrite summary").click()
    await page.locator("[data-delete-review]").click()
    await expect(page.locator(".own")).to_have_count(0)
    await expect(page.locator("#write")).to_be_visible()


@pytest.mark.slow
async def test_an_account_is_kept_and_closed(demo: Demo, make_context: MakeContext) -> None:
    customer = Customer(await (await make_context()).new_page(), demo)
    page = customer.page
    await customer.go("/account")
    name = await customer.register()
    await page.locator("#field-name").fill("Лиза")
    await page.locator("#field-lastname").fill("Смирнова")
    await page.locator("#save-profile").click()
    await expect(page.locator("h1")).to_have_text("Лиза")
    await page.locator("#clear-name").click()
    await expect(page.locator("h1")).to_have_text(name)
    await expect(page.locator("#field-lastname")).to_have_value("Смирнова")
    picture = {"name": "me.png", "mimeType": "image/png", "buffer": make_picture()}
    await page.locator("#avatar").set_input_files(picture)  # type: ignore[arg-type]
    await expect(page.locator(".face img")).to_be_visible()
    await page.locator("#avatar").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"no"})
    await expect(page.locator("[data-field=file] [data-problem]")).to_contain_text("не картинка")
    await page.locator("[data-avatar-off]").click()
    await expect(page.locator(".face img")).to_have_count(0)

    await page.locator("[name=old_password]").fill("not this one at all")
    await page.locator("[name=new_password]").fill(PASSWORD + "!")
    await page.locator("form[data-password] [type=submit]").click()
    await expect(page.locator("[data-field=old_password] [data-problem]")).to_have_text("Неверный пароль.")
    await page.locator("[name=old_password]").fill(PASSWORD)
    await page.locator("form[data-password] [type=submit]").click()
    await expect(page.locator("[data-status]")).to_contain_text("Пароль изменён")

    await page.locator("#close-account summary").click()
    await page.locator("#confirm-password").fill("wrong password")
    await page.locator("[data-delete] [type=submit]").click()
    await expect(page.locator("[data-field=password] [data-problem]")).to_have_text("Неверный пароль.")
    await page.locator("#confirm-password").fill(PASSWORD + "!")
    await page.locator("[data-delete] [type=submit]").click()
    await expect(page).to_have_url(demo.url + "/")
    await expect(page.locator("[data-account-name]")).to_have_text("Войти")


@pytest.mark.slow
async def test_signing_out_everywhere_ends_other_windows_too(demo: Demo, make_context: MakeContext) -> None:
    first = Customer(await (await make_context()).new_page(), demo)
    await first.go("/account")
    name = await first.register()
    second = Customer(await (await make_context()).new_page(), demo)
    await second.go("/orders")
    await second.sign_in(name)
    await expect(second.page.locator(".empty")).to_be_visible()
    await first.go("/account")
    await expect(first.page.locator(".device")).to_have_count(2)

    await first.page.locator("[data-sign-out-all]").click()

    for page in (first.page, second.page):
        await expect(page.locator("main account-form")).to_be_visible()


@pytest.mark.slow
async def test_a_link_gives_a_new_password_once(demo: Demo, make_context: MakeContext) -> None:
    customer = Customer(await (await make_context()).new_page(), demo)
    await customer.go("/account")
    name = await customer.register()
    async with manager(demo) as owner:
        confirmation = {"password": demo.passwords["vera"]}
        await owner.call("POST", "/api/v1/session/confirmation", json=confirmation, status=200)
        reset = await owner.call("POST", "/api/v1/password-resets", json={"login": name}, status=201)
    page = await (await make_context()).new_page()
    await page.goto(demo.url + "/password#" + reset["url"].partition("#")[2])
    await page.locator("[name=new_password]").fill("short")
    await page.locator("[data-reset-form] [type=submit]").click()
    await expect(page.locator("[data-field=new_password] [data-problem]")).to_have_text("Не короче 10 знаков.")
    await page.locator("[name=new_password]").fill(PASSWORD + "?")
    await page.locator("[data-reset-form] [type=submit]").click()
    await expect(page.locator("[data-done]")).to_be_visible()
    assert "#" not in page.url


@pytest.mark.slow
async def test_filters_stand_in_the_address_and_can_be_taken_back(demo: Demo, make_context: MakeContext) -> None:
    customer = Customer(await (await make_context()).new_page(), demo)
    page = customer.page
    await customer.go("/catalogue")
    everything = await page.locator("[data-count]").inner_text()
    await page.locator("[name=group]").first.check()
    await expect(page.locator(".chip--off")).to_have_count(1)
    await expect(page.locator("[name=group]").first).to_be_focused()
    await page.locator("#filter-sort").select_option("price")
    await expect(page).to_have_url(re.compile("group=.*sort=price"))
    first = await page.locator(".card__name").first.inner_text()
    await page.reload()
    await expect(page.locator(".card__name").first).to_have_text(first)
    await expect(page.locator("#filter-sort")).to_have_value("price")
    await page.locator(".chip--off").click()
    await expect(page.locator("[data-count]")).to_have_text(everything)
    await page.go_back()
    await expect(page.locator(".chip--off")).to_have_count(1)

    await customer.go("/catalogue")
    await page.locator("[rel=next]").click()
    await expect(page.locator(".card")).to_have_count(48)
    await page.locator("#filter-from").fill("99000000")
    await page.locator("#filter-from").press("Enter")
    await expect(page.locator(".empty")).to_be_visible()
    await page.locator(".empty .button").first.click()
    await expect(page.locator("[data-count]")).to_have_text(everything)


@pytest.mark.slow
async def test_the_pictures_of_a_product_are_turned_by_keys(demo: Demo, make_context: MakeContext) -> None:
    customer = Customer(await (await make_context(reduced_motion="reduce")).new_page(), demo)
    async with visiting(demo.url) as shop:
        found = await (await shop.visitor()).call("GET", "/api/v1/products?limit=100", status=200)
    article = next(one["article"] for one in found["items"] if len(one["images"]) > 1)
    await customer.go(f"/products/{article}")
    thumbs = customer.page.locator("[data-thumb]")
    await thumbs.first.focus()
    await customer.page.keyboard.press("ArrowRight")
    await expect(thumbs.nth(1)).to_be_focused()
    await expect(thumbs.nth(1)).to_have_attribute("aria-current", "true")
    await expect(customer.page.locator("#picture-2 img")).to_be_in_viewport(ratio=0.5)


LOOKS = [("ru", "light"), ("en", "dark")]


@pytest.mark.slow
@pytest.mark.parametrize(("language", "scheme"), LOOKS)
async def test_everybody_can_use_the_customers_pages(
    demo: Demo, make_context: MakeContext, language: str, scheme: str
) -> None:
    context: BrowserContext = await make_context(
        locale="ru-RU" if language == "ru" else "en-GB", color_scheme=scheme, reduced_motion="reduce"
    )
    customer = Customer(await context.new_page(), demo)
    page, found = customer.page, {}

    async def look(name: str, path: str) -> None:
        await customer.go(path)
        await page.get_by_test_id("chat-bubble").wait_for()
        found[name] = await complaints(page)

    await look("catalogue", "/catalogue?in_stock=true")
    await look("nothing", "/search?q=zzzzqqqq&in_stock=true")
    await look("empty cart", "/cart")
    await page.locator(".search__input").press_sequentially("куртка", delay=20)
    await page.locator(".search__option").first.wait_for()
    found["suggestions"] = await complaints(page)
    for path in await customer.goods(2):
        await customer.put_in_cart(path)
    found["product in the cart"] = await complaints(page)
    await customer.go("/cart")
    await page.locator("[data-remove]").first.click()
    await page.locator(".removed__line").wait_for()
    found["cart"] = await complaints(page)
    await look("sign in", "/account")
    await look("checkout", "/checkout")
    await customer.register()
    await page.locator("#place-order").click()
    await page.locator("[aria-invalid=true]").first.wait_for()
    found["mistakes"] = await complaints(page)
    await customer.fill_in_checkout()
    await page.locator("#place-order").click()
    await page.get_by_test_id("order-status").wait_for()
    await page.locator("#cancel summary").click()
    found["order"] = await complaints(page)
    await look("orders", "/orders")
    await look("account", "/account")
    await look("password", "/password#x")
    await customer.go(await demo.product_path())
    await page.locator("#write summary").click()
    found["review"] = await complaints(page)
    assert not {name: faults for name, faults in found.items() if faults}
