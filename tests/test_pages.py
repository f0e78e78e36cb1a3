"""The pages as documents: they load, in both languages, under a strict policy, with files that are what they say."""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from app.demo.build import build_demo
from app.keys import CLOCK, DATABASES, SETTINGS
from app.pages.static_files import STATIC_FOLDER, tree_hash
from app.pages.texts import LANGUAGES, choose_language, get_texts, plural_form, script_texts
from app.settings import ROOT
from tests.conftest import Person, Shop, open_shop
from tests.goods import buy, fill, order_of, place
from tests.keeping import API
from tests.market import HOUR, NOW, Market, open_market, stamp

HTML = {"Accept": "text/html"}
TEXTS = ROOT / "app" / "pages" / "texts"
VOID = {"meta", "link", "img", "input", "br"}
CUSTOMER = ("/cart", "/checkout", "/orders", "/orders/1", "/account", "/password")


class Document(HTMLParser):
    """What a test wants to know of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline_code: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style") and data.strip():
            self.inline_code.append(data)

    def links_to_products(self) -> set[str | None]:
        return {one["href"] for one in self.all("a") if (one.get("href") or "").startswith("/products/")}

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
async def demo_shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path_factory.mktemp("pages"), demo=True) as shop:
        await build_demo(shop.app[DATABASES], shop.app[SETTINGS], shop.app[CLOCK])
        yield shop


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    async with open_market(tmp_path / "data") as market:
        yield market


async def get_page(shop: Shop, path: str, status: int = 200, **headers: str) -> tuple[str, Any]:
    async with shop.http.get(shop.url + path, headers={**HTML, **headers}) as response:
        text = await response.text()
        assert response.status == status, text[:500]
        return text, response


async def first_article(shop: Shop) -> int:
    async with shop.http.get(shop.url + "/api/v1/products?limit=1") as response:
        return int((await response.json())["items"][0]["article"])


async def page_paths(shop: Shop) -> list[str]:
    shop_pages = ("/", "/catalogue?group=zima&in_stock=true", "/search?q=zzzzqqqq", *CUSTOMER)
    return [*shop_pages, f"/products/{await first_article(shop)}", "/staff", "/demo"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_pages_are_whole_documents_without_inline_code(demo_shop: Shop, language: str) -> None:
    for path in await page_paths(demo_shop):
        text, response = await get_page(demo_shop, path, **{"Accept-Language": language})
        document = Document(text)
        assert document.all("html")[0]["lang"] == language
        assert len([1 for tag, _ in document.elements if tag == "title"]) == 1
        assert not document.inline_code
        for tag, attributes in document.elements:
            assert not [name for name in attributes if name.startswith("on") or name == "style"], (path, tag)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy


async def test_every_file_that_a_page_names_is_there_for_good_and_of_its_type(demo_shop: Shop) -> None:
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
    names = set()
    for path in await page_paths(demo_shop):
        names |= set(re.findall(r'"(/static/[^"]+)"', (await get_page(demo_shop, path))[0]))
    assert {Path(name).suffix for name in names} == set(types)
    for name in names:
        async with demo_shop.http.get(demo_shop.url + name) as response:
            assert response.status == 200, name
            assert response.content_type == types[Path(name).suffix]
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_nothing_but_the_static_folder_is_served(demo_shop: Shop) -> None:
    prefix = f"/static/{tree_hash(STATIC_FOLDER)}"
    for path in ("/../run.py", "/%2e%2e/run.py", "/..%2frun.py", "/js", "/js/", "/js/none.js", "/%00"):
        async with demo_shop.http.get(demo_shop.url + prefix + path) as response:
            assert response.status in (403, 404), path
            assert "immutable" not in response.headers.get("Cache-Control", "")


def test_the_tree_hash_changes_with_content_and_names(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    first = tree_hash(tmp_path)
    (tmp_path / "a.js").write_text("2")
    second = tree_hash(tmp_path)
    (tmp_path / "a.js").rename(tmp_path / "b.js")
    assert len({first, second, tree_hash(tmp_path)}) == 3


async def test_the_catalogue_shows_products_with_prices_and_pictures(demo_shop: Shop) -> None:
    text, _ = await get_page(demo_shop, "/catalogue")
    document = Document(text)
    cards = document.links_to_products()
    assert len(cards) == 24
    assert len([one for one in document.all("img") if (one.get("src") or "").startswith("/images/")]) == 24
    assert "₽" in text

    following = next(one["href"] for one in document.all("a") if one.get("rel") == "next")
    later = Document((await get_page(demo_shop, str(following)))[0]).links_to_products()
    assert len(later) == 24 and not cards & later


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_home_page_shows_what_is_on_new_and_reduced(market: Market, language: str) -> None:
    new = await market.make_product(name="Шапка новая")
    reduced = await market.make_product(name="Шапка дешёвая", discount_bp=5000)
    period = {"starts_at": stamp(NOW - HOUR), "ends_at": stamp(NOW + HOUR)}
    later = {"starts_at": stamp(NOW + HOUR), "ends_at": stamp(NOW + 2 * HOUR)}
    for title, times in (("Каникулы <b>", period), ("Ещё не скоро", later)):
        await market.owner.call("POST", f"{API}/announcements", json={"title": title, **times}, status=201)
    sale = {"name": "Зимняя акция", "kind": "percent", "value": 1000, "scope": "groups", "targets": ["winter"]}
    await market.owner.call("POST", f"{API}/promotions", json={**sale, **period}, status=201)

    text, _ = await get_page(market.shop, "/", **{"Accept-Language": language})

    document, texts = Document(text), get_texts(language)  # type: ignore[arg-type]
    assert "Каникулы &lt;b&gt;" in text and "Ещё не скоро" not in text
    assert "Зимняя акция" in text and {"href": "/catalogue?group=winter", "class": "note__link"} in document.all("a")
    assert document.links_to_products() == {f"/products/{new}", f"/products/{reduced}"}
    assert texts("shop.new") in text and texts("shop.reduced") in text
    assert "16:00" in text  # the end, in the shop's time zone


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_product_says_what_it_costs_until_when_and_what_others_say(market: Market, language: str) -> None:
    article = await market.make_product(price=1000_00, name="Шапка тёплая", tags=["зима"])
    period = {"starts_at": stamp(NOW - HOUR), "ends_at": stamp(NOW + HOUR)}
    sale = {"name": "Акция", "kind": "percent", "value": 1000, "scope": "products", "targets": [article]}
    await market.owner.call("POST", f"{API}/promotions", json={**sale, **period}, status=201)
    author = await market.shop.user("author")
    form = {"text": "Греет <i>", "rating": 4}
    comment = await author.call("POST", f"{API}/products/{article}/comments", json=form, status=201)
    texts = get_texts(language)  # type: ignore[arg-type]

    text, _ = await get_page(market.shop, f"/products/{article}", **{"Accept-Language": language})
    assert texts.money(900_00) in text and texts.money(1000_00) in text and "−10%" in text
    assert texts("shop.promotion", name="Акция") in text and "16:00" in text
    assert "Греет" not in text and texts("review.enter") in text
    async with author.request("GET", f"/products/{article}", headers={**HTML, "Accept-Language": language}) as response:
        assert texts("review.state_pending") in await response.text()

    match = {"If-Match": f'"{comment["version"]}"'}
    url = f"{API}/comments/{comment['id']}"
    await market.owner.call("PATCH", url, json={"status": "approved"}, headers=match, status=200)
    text, _ = await get_page(market.shop, f"/products/{article}", **{"Accept-Language": language})
    assert "Греет &lt;i&gt;" in text and texts("review.stars", n=4) in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_cart_and_an_order_can_be_read_without_a_script(market: Market, language: str) -> None:
    article = await market.make_product(price=100_00, name="Шапка тёплая")
    gone = await market.make_product(price=50_00, name="Шапка последняя", remains=1)
    texts = get_texts(language)  # type: ignore[arg-type]
    anna, other = await market.shop.user("anna"), await market.shop.user("other")

    async def read(person: Person, path: str, status: int = 200) -> str:
        headers = {**HTML, "Accept-Language": language}
        async with person.request("GET", path, headers=headers) as response:
            assert response.status == status
            return str(await response.text())

    assert texts("cart.empty") in await read(anna, "/cart")
    assert texts("cart.empty") in await read(anna, "/checkout")
    await fill(anna, **{f"a{article}": 2, f"a{gone}": 1})
    await buy(other, **{f"a{gone}": 1})
    text = await read(anna, "/cart")
    assert texts.money(200_00) in text and texts("cart.warning_sold_out") in text
    assert f'value="{article}"' in text and texts("cart.pieces", n=3) in text
    assert texts("cart.not_found") in await read(anna, "/cart?q=варежки")
    await anna.call("DELETE", f"{API}/cart/lines/{gone}", status=200)
    text = await read(anna, "/cart")
    assert texts("cart.removed") in text and "Шапка последняя" in text
    text = await read(anna, f"/checkout?line={article}")
    assert texts("checkout.place", total=texts.money(200_00)) in text and "anna@example.org" in text

    cart = await anna.call("GET", f"{API}/cart", status=200)
    order = await place(anna, order_of(cart))
    text = await read(anna, f"/orders/{order['id']}")
    assert order["number"] in text and texts("order.status_placed") in text and texts.money(200_00) in text
    assert order["number"] in await read(anna, "/orders")
    await read(other, f"/orders/{order['id']}", status=404)
    for path in ("/orders", f"/orders/{order['id']}", "/account"):
        text = await read(await market.shop.visitor(), path)
        assert texts("account.needed") in text and order["number"] not in text
        text = await read(market.owner, path)  # staff are no customers
        assert texts("account.needed") in text and order["number"] not in text
    assert "anna@example.org" in await read(anna, "/account")


async def test_the_address_of_a_list_is_what_it_shows(market: Market) -> None:
    colours = {"red": "красный", "blue": "синий"}
    made = {
        name: await market.make_product(name=f"Шапка {name}", price=price, specifications={"colors": [colours[name]]})
        for name, price in (("red", 100_00), ("blue", 300_00))
    }
    everything = {f"/products/{article}" for article in made.values()}
    for address, found in {
        "/catalogue": everything,
        "/catalogue?q=&price_from=&color=": everything,  # an empty form
        "/catalogue?utm_source=letter": everything,
        "/catalogue?color=красный": {f"/products/{made['red']}"},
        "/catalogue?color=красный&color=синий": everything,
        "/catalogue?price_from=200": {f"/products/{made['blue']}"},
        "/catalogue?price_to=200": {f"/products/{made['red']}"},
        "/catalogue?rating_min=4": set(),
        "/search?q=&group=winter&category=hats&sort=-price": everything,
    }.items():
        text, _ = await get_page(market.shop, address)
        assert Document(text).links_to_products() == found, address
    text, _ = await get_page(market.shop, "/catalogue?color=красный&price_to=200&cursor=")
    away = [one["href"] for one in Document(text).all("a") if "chip--off" in (one.get("class") or "")]
    assert [URL(str(one)).query_string for one in away] == ["price_to=200", "color=красный"]


async def test_what_is_not_there_is_a_page_that_says_so(demo_shop: Shop) -> None:
    lists = (
        "/catalogue?group=nothing",
        "/catalogue?category=nothing",
        "/catalogue?sort=odd",
        "/catalogue?price_to=much",
    )
    for path in ("/nothing", "/products/1", "/products/abc", *lists):
        text, response = await get_page(demo_shop, path, status=404)
        assert response.content_type == "text/html"
        assert get_texts("ru")("problem.not_found") in text
        assert response.headers["X-Request-Id"] in text
    async with demo_shop.http.get(demo_shop.url + "/api/v1/nothing", headers=HTML) as response:
        assert response.content_type == "application/problem+json"


async def test_a_bad_cursor_is_refused_by_a_page(demo_shop: Shop) -> None:
    for path in ("/catalogue?cursor=", f"/products/{await first_article(demo_shop)}?after="):
        await get_page(demo_shop, path + "x" * 300, status=400)


async def test_the_guide_belongs_to_the_demo(shop: Shop) -> None:
    await get_page(shop, "/demo", status=404)
    text, _ = await get_page(shop, "/")
    assert "/demo" not in text
    assert get_texts("ru")("shop.nothing") in text  # and an empty shop says so


async def test_the_language_of_the_address_is_remembered(demo_shop: Shop) -> None:
    text, response = await get_page(demo_shop, "/staff?lang=en", **{"Accept-Language": "ru"})
    assert get_texts("en")("staff.enter") in text
    cookie = response.cookies["cts_lang"]
    assert (cookie.value, cookie["samesite"]) == ("en", "Lax")
    text, _ = await get_page(demo_shop, "/staff", Cookie="cts_lang=en")
    assert get_texts("en")("staff.enter") in text


async def test_a_name_with_markup_in_it_stays_text(demo_shop: Shop) -> None:
    text, _ = await get_page(demo_shop, "/staff?lang=%22%3E%3Cscript%3E&x=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>" not in text


async def test_scripts_get_their_texts_under_a_version(demo_shop: Shop) -> None:
    for language in LANGUAGES:
        body, version = script_texts(language)
        async with demo_shop.http.get(f"{demo_shop.url}/texts/{language}.json?v={version}") as response:
            assert await response.read() == body
            assert "immutable" in response.headers["Cache-Control"]
        async with demo_shop.http.get(f"{demo_shop.url}/texts/{language}.json?v=old") as response:
            assert response.headers["Cache-Control"] == "no-cache"
    await get_page(demo_shop, "/texts/de.json", status=404)


def test_the_wish_of_the_address_comes_before_the_cookies_before_the_browsers() -> None:
    assert choose_language("en", "ru", "ru") == "en"
    assert choose_language(None, "en", "ru") == "en"
    assert choose_language("xx", None, "de;q=1, en-GB;q=0.8, ru;q=0.3") == "en"
    assert choose_language(None, None, "en;q=0, de") == "ru"
    assert choose_language(None, None, "en;q=nonsense,,;q=") == "ru"


def test_plurals_follow_the_language() -> None:
    texts = get_texts("ru")
    assert [texts("shop.reviews", n=n) for n in (1, 2, 5, 11, 21, 112)] == [
        "1 отзыв", "2 отзыва", "5 отзывов", "11 отзывов", "21 отзыв", "112 отзывов",
    ]  # fmt: skip
    assert [plural_form("en", n) for n in (0, 1, 2)] == ["other", "one", "other"]


def test_money_is_written_as_people_of_the_language_write_it() -> None:
    ru, en = get_texts("ru"), get_texts("en")
    assert ru.money(359990) == "3\u202f599,90\u00a0₽"
    assert ru.money(100000000) == "1\u202f000\u202f000\u00a0₽"
    assert en.money(359905) == "3,599.05\u00a0₽"
    assert ru.money(-50) == "\u22120,50\u00a0₽"


def test_both_languages_have_the_same_texts_with_the_same_places_in_them() -> None:
    files = {language: [path.name for path in sorted((TEXTS / language).glob("*.json"))] for language in LANGUAGES}
    assert files["ru"] == files["en"]
    for name in files["ru"]:
        ru, en = (json.loads((TEXTS / language / name).read_text(encoding="utf-8")) for language in LANGUAGES)
        compare_texts(ru, en)


def compare_texts(ru: dict[str, Any], en: dict[str, Any]) -> None:
    assert list(ru) == list(en)
    for key in ru:
        assert isinstance(ru[key], dict) == isinstance(en[key], dict), key
        places = [set(re.findall(r"\{(\w+)\}", json.dumps(texts[key]))) for texts in (ru, en)]
        assert places[0] == places[1], key
        if isinstance(ru[key], dict):
            assert (set(ru[key]), set(en[key])) == ({"one", "few", "many"}, {"one", "other"}), key


def test_every_text_is_used_and_every_text_used_is_there() -> None:
    sources = [path for folder in ("js", "components") for path in (STATIC_FOLDER / folder).rglob("*.js")]
    sources += [*(ROOT / "app" / "pages" / "templates").rglob("*.html"), *(ROOT / "app" / "pages").glob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    key = re.compile(r"""["'`]([a-z]+\.[a-z0-9_]+)["'`](?! ~)""")
    named = set(key.findall(code))
    said = {one for call in re.findall(r"\b(?:t|texts)\(([^()]*)", code) for one in key.findall(call)}
    # `chat.state_${state}` and t('problem.' ~ kind): the beginning of a key, the rest comes from a value
    beginnings = set(re.findall(r"""["'`]([a-z]+\.[a-z0-9_]*)(?:\$\{|' ~)""", code))
    beginnings |= {"spec.", "problem.", "error.", "section."}
    keys = set(get_texts("ru").entries)
    assert not said - keys
    assert not {one for one in keys - named if not one.startswith(tuple(beginnings))}


def test_files_of_others_are_those_that_are_listed() -> None:
    folder = STATIC_FOLDER / "vendor"
    listed = dict(re.findall(r"^\| (\S+) \| `([0-9a-f]{64})` \|$", (folder / "VENDORED.md").read_text(), re.M))
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "VENDORED.md"
    }
    assert found == listed
