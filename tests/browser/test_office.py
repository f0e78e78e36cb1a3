"""The sections of the office as their people use them: what is done there, customers see in the shop."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import FilePayload, Locator, Page, expect

from app.pages.office import SECTIONS
from app.pages.texts import get_texts
from tests.browser.conftest import Demo, MakeContext
from tests.browser.test_accessibility import LOCALES, LOOKS, complaints
from tests.browser.test_layout import require_fit
from tests.conftest import PASSWORD, Person, Shop
from tests.goods import buy
from tests.keeping import make_category, make_place, make_product
from tests.pictures import make_picture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

TEXTS = get_texts("ru")
Enter = Callable[..., Awaitable[Page]]


def picture(colour: str) -> FilePayload:
    return {"name": f"{colour}.png", "mimeType": "image/png", "buffer": make_picture(colour=colour)}


@pytest.fixture
def enter(shop: Shop, make_context: MakeContext) -> Enter:
    """Opens a section in a browser of its own, where a member of staff is signed in; "" is a page that asks first."""

    async def open_page(login: str, path: str) -> Page:
        context = await make_context()
        headers = {"Origin": shop.url}
        form = {"login": login, "password": PASSWORD}
        answer = await context.request.post(f"{shop.url}/api/v1/session", data=form, headers=headers)
        assert answer.ok, await answer.text()
        page = await context.new_page()
        await page.goto(f"{shop.url}/staff/{path}")
        return page

    return open_page


def button(place: Page | Locator, key: str, **values: object) -> Locator:
    """The button that says so; what follows the words for those who listen does not count."""
    return place.get_by_role("button", name=TEXTS(key, **values)).first


async def says(page: Page, text: str) -> None:
    await expect(page.locator("main [role=status] .notice")).to_contain_text(text)


async def test_a_product_goes_from_the_form_through_review_into_the_open_shop(shop: Shop, enter: Enter) -> None:
    await make_place(await shop.owner("vera"))
    await shop.staff("petr", allows=("products.edit",))
    window = await enter("petr", "products")
    customer = await window.context.new_page()
    await customer.goto(shop.url + "/")
    await expect(customer.locator(".card")).to_have_count(0)

    page = window
    await page.get_by_role("link", name=TEXTS("goods.add")).click()
    form = page.locator("[data-product]")
    await form.locator("[name=name]").fill("Ушанка «Полюс»")
    await form.locator("[name=category]").select_option("shapki")
    await form.locator("[name=price]").fill("1 299,90")
    await form.locator("[name=remains]").fill("7")
    await form.locator("[name=colors]").fill("серый, синий")
    await form.locator("[name=further]").fill("season: зима")
    await page.locator("[name=pictures]").set_input_files([picture("teal"), picture("maroon")])
    await form.locator("[type=submit]").click()
    images = page.locator("[data-pictures] img")
    await expect(images).to_have_count(2)
    first = await images.nth(0).get_attribute("src")
    await button(page, "goods.picture_later", n=1).click()
    await expect(images.nth(1)).to_have_attribute("src", str(first))
    await images.nth(1).drag_to(images.nth(0))
    await expect(images.nth(0)).to_have_attribute("src", str(first))
    await button(page, "goods.picture_remove", n=1).click()
    await expect(images).to_have_count(1)
    await expect(button(page, "goods.picture_remove", n=1)).to_be_focused()
    await expect(button(page, "goods.publish")).to_have_count(0)  # that is another right
    await button(page, "goods.send").click()
    await says(page, TEXTS("goods.done_review"))
    article = int(page.url.partition("#")[2])

    owner = await enter("vera", f"products#{article}")
    await button(owner, "goods.publish").click()
    await says(owner, TEXTS("goods.done_published"))

    await customer.reload()
    card = customer.locator(".card")
    await expect(card).to_contain_text("Ушанка «Полюс»")
    await expect(card).to_contain_text("1\u202f299,90")
    await expect(card.locator("img")).to_be_visible()
    product = await (await shop.visitor()).call("GET", f"/api/v1/products/{article}", status=200)
    assert product["remains"] == 7 and product["specifications"]["season"] == "зима"
    assert product["specifications"]["colors"] == ["серый", "синий"]


@pytest.mark.slow
async def test_products_are_found_by_status_and_words(shop: Shop, enter: Enter) -> None:
    owner = await shop.owner("vera")
    await make_place(owner)
    await make_product(owner, name="Шапка зимняя", publish=True)
    await make_product(owner, name="Панама летняя")
    page = await enter("vera", "products")
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(2)
    await page.locator("select").first.select_option("draft")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("Панама летняя")
    await page.reload()  # the address keeps what was chosen
    await expect(rows).to_have_count(1)
    await page.locator("select").first.select_option("")
    await page.get_by_role("searchbox").fill("зимняя")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("Шапка зимняя")
    await page.get_by_role("searchbox").fill("чайник")
    await expect(page.locator(".nothing")).to_have_text(TEXTS("goods.nothing"))


@pytest.mark.slow
async def test_a_list_goes_on_where_it_ended_and_says_when_the_shop_is_away(shop: Shop, enter: Enter) -> None:
    owner = await shop.owner("vera")
    await make_place(owner)
    for number in range(25):
        await make_product(owner, name=f"Шапка {number}")
    page = await enter("vera", "products")
    rows, alert = page.locator("tbody tr"), page.locator("main .nothing[role=alert]")
    await expect(rows).to_have_count(24)
    await page.context.set_offline(True)
    await button(page, "office.more").click()
    await expect(page.locator(".listing [role=alert]")).to_have_text(TEXTS("error.disconnected"))
    await page.context.set_offline(False)
    await button(page, "office.more").click()
    await expect(rows).to_have_count(25)
    await expect(rows.nth(24)).to_be_focused()  # the first of the new ones, as the button is gone

    await page.route("**/api/v1/products?*", lambda route: route.abort())
    await page.reload()
    await expect(alert).to_contain_text(TEXTS("error.disconnected"))
    await page.unroute("**/api/v1/products?*")
    await button(alert, "office.again").click()
    await expect(rows).to_have_count(24)


@pytest.mark.slow
async def test_what_a_colleague_has_changed_is_shown_and_what_was_typed_stays(shop: Shop, enter: Enter) -> None:
    owner = await shop.owner("vera")
    await make_place(owner)
    product = await make_product(owner, country_origin="Россия")
    path = f"/api/v1/products/{product['article']}"
    page = await enter("vera", f"products#{product['article']}")
    form = page.locator("[data-product]")
    await form.locator("[name=name]").fill("Моя шапка")
    headers = {"If-Match": f'"{product["version"]}"'}
    await owner.call("PATCH", path, json={"name": "Их шапка", "country_origin": "Китай"}, headers=headers, status=200)

    await form.locator("[type=submit]").click()

    conflict = page.locator("[data-conflict]")
    await expect(conflict).to_contain_text("Их шапка")
    await expect(form.locator("[name=name]")).to_have_value("Моя шапка")
    await expect(form.locator("[name=country_origin]")).to_have_value("Китай")
    await form.locator("[type=submit]").click()
    await says(page, TEXTS("goods.done_save"))
    await expect(conflict).to_have_count(0)
    now = await owner.call("GET", path, status=200)
    assert (now["name"], now["country_origin"]) == ("Моя шапка", "Китай")


@pytest.mark.slow
async def test_price_and_stock_are_changed_beside_the_form(shop: Shop, enter: Enter) -> None:
    owner = await shop.owner("vera")
    await make_place(owner)
    product = await make_product(owner, remains=5)
    page = await enter("vera", f"products#{product['article']}")
    dialog = page.locator("dialog")

    await button(page, "goods.set_price").click()
    await dialog.locator("[name=price]").fill("дорого")
    await dialog.locator("[type=submit]").click()
    await expect(dialog.locator(".field__problem")).to_have_text(TEXTS("error.price"))
    await dialog.locator("[name=price]").fill("250,50")
    await dialog.locator("[name=discount]").fill("10")
    await dialog.locator("[type=submit]").click()
    await expect(dialog).to_have_count(0)
    await expect(button(page, "goods.set_price")).to_be_focused()  # where one was before

    await button(page, "goods.move_stock").click()
    await dialog.locator("[name=quantity]").fill("-6")
    await dialog.locator("[type=submit]").click()
    await expect(dialog.locator("[role=alert]")).to_have_text(TEXTS("refused.out_of_stock"))
    await dialog.locator("[name=quantity]").fill("-2")
    await dialog.locator("[type=submit]").click()
    await says(page, TEXTS("goods.done_stock", n=3))

    now = await owner.call("GET", f"/api/v1/products/{product['article']}", status=200)
    assert (now["remains"], now["old_price"]["amount"], now["price"]["amount"]) == (3, 25050, 22545)


@pytest.mark.slow
async def test_a_category_goes_and_its_products_stay(shop: Shop, enter: Enter) -> None:
    owner = await shop.owner("vera")
    await make_place(owner)
    await make_category(owner, "Панамы")
    product = await make_product(owner, category="panamy")
    page = await enter("vera", "groups")
    dialog = page.locator("dialog")
    await page.get_by_role("button", name=f"{TEXTS('shelf.remove')} Панамы").click()
    await dialog.locator("[type=submit]").click()
    await expect(dialog.locator("[role=alert]")).to_have_text(TEXTS("refused.not_empty"))
    await dialog.locator("select").select_option("shapki")
    await dialog.locator("[type=submit]").click()
    await expect(page.locator(".shelf__name")).to_have_text(["Шапки"])
    now = await owner.call("GET", f"/api/v1/products/{product['article']}", status=200)
    assert now["category"]["slug"] == "shapki"

    await button(page, "shelf.add_category").click()
    await dialog.locator("[name=name]").fill("шапки")  # whatever the spelling
    await dialog.locator("[type=submit]").click()
    await expect(dialog.locator(".field__problem")).to_have_text(TEXTS("error.taken"))
    await dialog.locator("[name=name]").fill("Береты")
    await dialog.locator("[name=image]").set_input_files(picture("teal"))
    await dialog.locator("[type=submit]").click()
    await expect(page.locator(".shelf__name")).to_have_text(["Шапки", "Береты"])
    await page.get_by_role("button", name=f"{TEXTS('shelf.earlier')} Береты").click()
    await expect(page.locator(".shelf__name")).to_have_text(["Береты", "Шапки"])


@pytest.mark.slow
async def test_a_promotion_of_some_products_lowers_their_price(shop: Shop, enter: Enter) -> None:
    owner = await shop.owner("vera")
    await make_place(owner)
    cheap, dear = [await make_product(owner, name=name, publish=True) for name in ("Панама", "Ушанка")]
    page = await enter("vera", "promotions")
    dialog = page.locator("dialog")
    await button(page, "promotion.add").click()
    await dialog.locator("[name=name]").fill("Неделя панам")
    await dialog.locator("[name=value]").fill("12,5")
    await dialog.locator("[name=scope]").select_option("products")
    await dialog.get_by_role("searchbox").fill("Панама")
    await dialog.get_by_label("Панама").check()
    await dialog.locator("[name=starts_at]").fill("2020-01-01T00:00")
    await dialog.locator("[name=ends_at]").fill("2099-01-01T00:00")
    await dialog.locator("[type=submit]").click()
    await expect(page.locator(".deeds > li")).to_contain_text("−12,5 %")

    prices = [
        (await owner.call("GET", f"/api/v1/products/{one['article']}", status=200))["price"]["amount"]
        for one in (cheap, dear)
    ]
    assert prices == [8750, 10000]
    await button(page, "planned.end").click()
    await expect(page.locator(".badge")).to_have_text(TEXTS("planned.state_ended"))


@pytest.mark.slow
async def test_an_announcement_is_planned_changed_and_removed(shop: Shop, enter: Enter) -> None:
    await shop.staff("petr", allows=("announcements",))
    page = await enter("petr", "announcements")
    dialog = page.locator("dialog")
    await button(page, "announcement.add").click()
    await dialog.locator("[name=title]").fill("С Новым годом!")
    await dialog.locator("[name=starts_at]").fill("2098-12-31T00:00")
    await dialog.locator("[name=ends_at]").fill("2099-01-08T00:00")
    await dialog.locator("[type=submit]").click()
    row = page.locator(".deeds > li")
    await expect(row.locator(".badge")).to_have_text(TEXTS("planned.state_planned"))
    await button(row, "planned.edit").click()
    await dialog.locator("[name=title]").fill("С наступающим!")
    await dialog.locator("[type=submit]").click()
    await expect(row.locator("h2")).to_have_text("С наступающим!")
    await button(row, "planned.remove").click()
    await dialog.locator("[type=submit]").click()
    await expect(page.locator(".nothing")).to_have_text(TEXTS("planned.nothing"))


async def comment_on(shop: Shop, article: int, username: str, text: str) -> Person:
    person = await shop.user(username)
    form = {"text": text, "rating": 4}
    await person.call("POST", f"/api/v1/products/{article}/comments", json=form, status=201)
    return person


@pytest.mark.slow
async def test_comments_are_approved_hidden_and_answered(shop: Shop, enter: Enter) -> None:
    owner = await shop.owner("vera")
    await make_place(owner)
    article = (await make_product(owner, publish=True))["article"]
    await comment_on(shop, article, "olga", "Тёплая")
    await comment_on(shop, article, "igor", "Реклама <b>чужого</b>")
    await shop.staff("petr", allows=("comments",))
    page = await enter("petr", "comments")
    rows, dialog = page.locator("[data-comment]"), page.locator("dialog")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(1)).to_contain_text("Реклама <b>чужого</b>")  # text, never markup

    await button(rows.nth(0), "moderation.approve").click()
    await expect(rows).to_have_count(1)
    await expect(rows).to_be_focused()  # the next one
    await button(rows, "moderation.hide").click()
    await dialog.locator("[name=reason]").fill("реклама")
    await dialog.locator("[type=submit]").click()
    await expect(page.locator(".nothing")).to_have_text(TEXTS("moderation.nothing_waits"))
    await page.locator("select").select_option("approved")
    await button(rows, "moderation.reply").click()
    await dialog.locator("[name=text]").fill("Носите на здоровье")
    await dialog.locator("[type=submit]").click()
    await expect(rows.locator(".reply")).to_contain_text("Носите на здоровье")

    shown = await (await shop.visitor()).call("GET", f"/api/v1/products/{article}/comments", status=200)
    assert [one["text"] for one in shown["items"]] == ["Тёплая"]
    assert shown["items"][0]["reply"]["text"] == "Носите на здоровье"


@pytest.mark.slow
async def test_a_comment_that_its_author_has_changed_is_read_again_first(shop: Shop, enter: Enter) -> None:
    owner = await shop.owner("vera")
    await make_place(owner)
    article = (await make_product(owner, publish=True))["article"]
    author = await comment_on(shop, article, "olga", "Тёплая")
    page = await enter("vera", "comments")
    row = page.locator("[data-comment]")
    number = await row.get_attribute("data-comment")
    await author.call("PATCH", f"/api/v1/comments/{number}", json={"text": "Холодная"}, status=200)
    await button(row, "moderation.approve").click()
    await says(page, TEXTS("moderation.stale"))
    await expect(row).to_contain_text("Холодная")
    await button(row, "moderation.approve").click()
    await expect(row).to_have_count(0)


async def make_order(shop: Shop, owner: Person) -> tuple[Person, dict[str, Any]]:
    """A customer, and what the customer has ordered."""
    await make_place(owner)
    article = (await make_product(owner, publish=True, remains=10))["article"]
    customer = await shop.user("olga")
    return customer, await buy(customer, **{f"a{article}": 2})


@pytest.mark.slow
async def test_an_order_moves_over_the_board_and_is_paid(shop: Shop, enter: Enter) -> None:
    customer, order = await make_order(shop, await shop.owner("vera"))
    await shop.staff("petr", allows=("orders",))
    page = await enter("petr", "orders")
    lists = {status: page.get_by_label(TEXTS(f"sale.status_{status}"), exact=True) for status in ("placed", "packed")}
    await expect(lists["placed"]).to_contain_text(order["number"])
    await button(lists["placed"], "sale.move_packed").click()
    await expect(lists["packed"]).to_contain_text(order["number"])
    await expect(lists["placed"].locator(".card-order")).to_have_count(0)
    await expect(page.get_by_role("link", name=order["number"])).to_be_focused()

    await page.get_by_role("link", name=order["number"]).click()
    await expect(page.locator(".facts")).to_contain_text("Москва, Тверская, 1")
    await button(page, "sale.pay_paid").click()
    await says(page, TEXTS("sale.done_paid", number=order["number"]))
    await button(page, "sale.move_shipped").click()
    await says(page, TEXTS("sale.is_shipped"))
    await expect(button(page, "sale.move_cancelled")).to_have_count(0)  # too late: only legal moves are offered
    now = await customer.call("GET", f"/api/v1/orders/{order['id']}", status=200)
    assert (now["status"], now["payment"]["status"]) == ("shipped", "paid")


@pytest.mark.slow
async def test_who_was_slower_with_an_order_is_told_where_it_is_now(shop: Shop, enter: Enter) -> None:
    customer, order = await make_order(shop, await shop.owner("vera"))
    page = await enter("vera", f"orders#{order['id']}")
    await page.locator(".facts").wait_for()
    await customer.call("POST", f"/api/v1/orders/{order['id']}/cancellation", json={"reason": "передумала"}, status=200)
    await button(page, "sale.move_packed").click()
    await says(page, TEXTS("sale.is_cancelled"))
    await expect(page.locator("main")).to_contain_text("передумала")
    await expect(page.locator("main")).to_contain_text(TEXTS("sale.no_moves"))


@pytest.mark.slow
async def test_an_order_is_cancelled_with_a_reason(shop: Shop, enter: Enter) -> None:
    customer, order = await make_order(shop, await shop.owner("vera"))
    page = await enter("vera", f"orders#{order['id']}")
    await button(page, "sale.move_cancelled").click()
    await page.locator("dialog [name=reason]").fill("нет на складе")
    await page.locator("dialog [type=submit]").click()
    await says(page, TEXTS("sale.is_cancelled"))
    now = await customer.call("GET", f"/api/v1/orders/{order['id']}", status=200)
    assert (now["status"], now["cancel_reason"]) == ("cancelled", "нет на складе")


async def test_statistics_agree_with_the_orders(shop: Shop, enter: Enter) -> None:
    customer, first = await make_order(shop, await shop.owner("vera"))
    article = first["lines"][0]["article"]
    second = await buy(customer, **{f"a{article}": 3})
    page = await enter("vera", "stats")
    await expect(page.locator("[data-figure=orders] dd")).to_have_text("2")
    revenue = first["total"]["amount"] + second["total"]["amount"]
    await expect(page.locator("[data-figure=revenue] dd")).to_have_text(
        TEXTS.money(revenue).replace("\u202f", "\u00a0")
    )
    await expect(page.locator("[data-figure=quantity] dd")).to_have_text("5")
    best = page.locator(f"tr:has([href='/products/{article}'])").first
    await expect(best).to_contain_text("5")
    async with page.expect_download() as download:
        await button(page, "stats.csv").click()
    path = await (await download.value).path()
    assert "500,00" in path.read_text(encoding="utf-8-sig")


@pytest.mark.slow
async def test_the_owner_adds_somebody_with_rights_and_takes_one_back(shop: Shop, enter: Enter) -> None:
    await shop.owner("vera")
    page = await enter("vera", "staff")
    dialog = page.locator("dialog")
    await button(page, "people.add").click()
    await dialog.locator("[name=username]").fill("petr")
    await dialog.locator("[name=email]").fill("petr@example.org")
    await dialog.locator("[name=password]").fill(PASSWORD)
    await dialog.get_by_label(TEXTS("right.orders")).check()
    await dialog.locator("[type=submit]").click()
    await expect(dialog).to_have_count(2)
    again = dialog.last  # the password once more
    await again.locator("[name=password]").fill(PASSWORD)
    await button(again, "office.confirm").click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator("tbody tr")).to_have_count(2)

    colleague = await enter("petr", "orders")
    await expect(colleague.locator(".menu__link")).to_have_text(
        [TEXTS("office.chats"), *(TEXTS(f"section.{slug}") for slug in ("orders", "history", "me"))]
    )
    row = page.locator("tbody tr").filter(has_text="petr")
    await button(row, "people.edit").click()
    await dialog.get_by_label(TEXTS("right.orders")).uncheck()
    await dialog.locator("[type=submit]").click()
    await expect(dialog).to_have_count(0)
    await colleague.reload()
    await expect(colleague.get_by_test_id("staff-login")).to_be_visible()  # nobody acts on an old right


async def test_a_section_without_the_right_is_neither_in_the_menu_nor_there(shop: Shop, enter: Enter) -> None:
    await shop.staff("petr", allows=("comments",))
    page = await enter("petr", "comments")
    await expect(page.get_by_role("link", name=TEXTS("section.products"))).to_have_count(0)
    for section in SECTIONS:
        answer = await page.goto(f"{shop.url}/staff/{section.slug}")
        assert answer is not None
        assert answer.status == (200 if section.slug in ("comments", "history", "me") else 403), section.slug
        if answer.status == 403:
            await expect(page.locator("h1")).to_have_text(TEXTS("problem.forbidden"))


@pytest.mark.slow
async def test_a_blocked_customer_stands_in_the_history(shop: Shop, enter: Enter) -> None:
    await shop.owner("vera")
    olga = await shop.user("olga")
    page = await enter("vera", "customers")
    await page.get_by_role("searchbox").fill("olga")
    await button(page, "customers.block").click()
    await page.locator("dialog [type=submit]").click()
    await expect(page.locator(".badge").first).to_have_text(TEXTS("customers.state_blocked"))
    await olga.call("GET", "/api/v1/users/me", status=401)
    await page.get_by_role("link", name=TEXTS("section.history")).click()
    await expect(page.locator(".deed").first).to_contain_text(TEXTS("history.kind_block_user"))


@pytest.mark.slow
async def test_one_changes_name_picture_and_password(shop: Shop, enter: Enter) -> None:
    await shop.staff("petr")
    page = await enter("petr", "me")
    await page.locator("[name=name]").fill("Пётр")
    await button(page, "office.save").click()
    await says(page, TEXTS("own.saved"))
    await page.locator("[type=file]").set_input_files(picture("teal"))
    await expect(page.locator(".portrait")).to_be_visible()
    await page.locator("[name=old_password]").fill("not this one at all")
    await page.locator("[name=new_password]").fill("another " + PASSWORD)
    await button(page, "own.change_password").click()
    await expect(page.locator(".field__problem")).to_have_text(TEXTS("error.wrong"))
    await expect(page.locator("[name=old_password]")).to_be_focused()
    await page.locator("[name=old_password]").fill(PASSWORD)
    await button(page, "own.change_password").click()
    await says(page, TEXTS("own.password_done"))
    await page.reload()
    await expect(page.locator("[name=name]")).to_have_value("Пётр")


@pytest.mark.slow
async def test_a_file_with_a_broken_row_is_checked_reported_and_taken_in(shop: Shop, enter: Enter) -> None:
    owner = await shop.owner("vera")
    await make_place(owner)
    await shop.staff("petr", allows=("import",))
    page = await enter("petr", "import")
    table = "Артикул;Название;Категория;Цена;Остаток\r\n4711;Ушанка;Шапки;1 299,90;12\r\n4712;Берет;Нигде;5;1\r\n"
    file: FilePayload = {"name": "goods.csv", "mimeType": "text/csv", "buffer": table.encode("cp1251")}
    await page.locator("[name=file]").set_input_files(file)
    await button(page.locator("[data-take]"), "import.start").click()
    job = page.locator("[data-job]").first
    await expect(job.locator(".badge").last).to_have_text(TEXTS("import.status_done"))
    await expect(job).to_contain_text(f"{TEXTS('import.refused')}: 1")
    await button(job, "import.report").click()
    await expect(job.locator("tbody tr")).to_have_count(1)
    await expect(job.locator("tbody td").first).to_have_text("3")  # the line in the file
    await expect(job.locator("tbody tr")).to_contain_text(TEXTS("import.code_unknown"))
    await owner.call("GET", "/api/v1/products/4711", status=404)  # it was a rehearsal

    await button(job, "import.really").click()
    await says(page, TEXTS("import.begun", name="goods.csv"))
    await expect(page.locator("[data-job]")).to_have_count(2)
    await expect(job.locator(".badge").last).to_have_text(TEXTS("import.status_done"))
    product = await owner.call("GET", "/api/v1/products/4711", status=200)
    assert (product["name"], product["price"]["amount"], product["remains"]) == ("Ушанка", 129990, 12)


@pytest.mark.slow
async def test_products_leave_as_a_file_once_the_password_is_given(shop: Shop, enter: Enter) -> None:
    owner = await shop.owner("vera")
    await make_place(owner)
    product = await make_product(owner, name="Ушанка")
    page = await enter("vera", "import")
    async with page.expect_download() as download:
        await button(page, "import.give_csv").click()
        await page.locator("dialog [name=password]").fill(PASSWORD)
        await button(page.locator("dialog"), "office.confirm").click()
    path = await (await download.value).path()
    assert str(product["article"]) in path.read_text(encoding="utf-8-sig")


@pytest.mark.slow
@pytest.mark.parametrize(("language", "scheme"), LOOKS)
async def test_everybody_can_use_each_section(
    demo: Demo, make_context: MakeContext, language: str, scheme: str
) -> None:
    context = await make_context(locale=LOCALES[language], color_scheme=scheme, reduced_motion="reduce")
    await demo.sign_in(context, "vera")
    page = await context.new_page()
    found = {}
    for section in SECTIONS:
        await open_section(page, demo, section.slug)
        found[section.slug] = await complaints(page)
    for path, words in DIALOGS.items():
        await open_section(page, demo, path)
        await button_in(page, language, words).click()
        await page.locator("dialog[open]").wait_for()
        found[f"{path} {words}"] = await complaints(page)
    for path in ("products", "orders"):
        await open_section(page, demo, path)
        await page.locator("main table a, main .card-order a").first.click()
        await page.locator("[data-product-title], [data-order-title]").wait_for()
        found[f"one of {path}"] = await complaints(page)
    assert not {name: faults for name, faults in found.items() if faults}


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_no_section_scrolls_sideways(demo: Demo, make_context: MakeContext, width: int) -> None:
    context = await make_context(viewport={"width": width, "height": 800}, reduced_motion="reduce")
    await demo.sign_in(context, "vera")
    page = await context.new_page()
    for section in SECTIONS:
        await open_section(page, demo, section.slug)
        await require_fit(page, section.slug)
    for path, words in DIALOGS.items():
        await open_section(page, demo, path)
        await button_in(page, "ru", words).click()
        await page.locator("dialog[open]").wait_for()
        await require_fit(page, f"{path} {words}")
    for path in ("products", "orders"):
        await open_section(page, demo, path)
        await page.locator("main table a, main .card-order a").first.click()
        await page.locator("[data-product-title], [data-order-title]").wait_for()
        await require_fit(page, f"one of {path}")


# A section, and the button that opens a dialog there.
DIALOGS = {
    "staff": "people.add",
    "promotions": "promotion.add",
    "announcements": "announcement.add",
    "groups": "shelf.add_group",
    "comments": "moderation.reply",
    "customers": "customers.block",
}


def button_in(page: Page, language: str, key: str) -> Locator:
    return page.locator("main").get_by_role("button", name=get_texts(language)(key)).first  # type: ignore[arg-type]


async def open_section(page: Page, demo: Demo, slug: str) -> None:
    """Open a section and wait until its script has drawn what it was told."""
    await page.goto(f"{demo.url}/staff/{slug}")
    await page.wait_for_load_state("networkidle")
    await expect(page.locator("main .nothing[role=status]")).to_have_count(0)
    await expect(page.locator("main .nothing[role=alert]")).to_have_count(0)
