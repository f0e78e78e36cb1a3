"""Search: that people find what they mean among ten thousand products, and that the index follows every write."""

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import delete, text, update

from app.demo.build import add_catalogue
from app.demo.generator import Catalogue, make_catalogue
from app.keys import DATABASES, FINDING
from db.database import Done
from db.models.products import Product, ProductCategory
from db.queries.products import raise_epoch
from db.search.vocabulary import Vocabulary
from db.search.words import distance, fold, other_script, split, stem, swap_layout, terms
from tests.conftest import Person, Shop, open_shop

# What is typed, and what the names of the first hits have in them, whatever their form.
RELEVANCE = """
куртка                        куртка           one word
шапка                         шапка
ушанка                        ушанка
рюкзак                        рюкзак
палатка                       палатка
термос                        термос
кардиган                      кардиган
тренч                         тренч
зимние ботинки                ботинки зимни    two words in any order
ботинки зимние                ботинки зимни
шерстяной шарф                шарф шерстян
кожаный ремень                ремень кожан
складной зонт                 зонт складн
льняное платье                платье льнян
походная кружка               кружка походн
куртки                        куртка           inflection
куртку                        куртка
курток                        куртка
куртками                      куртка
шапок                         шапка
шапки                         шапка
шапкой                        шапка
ботинок                       ботинки
ботинками                     ботинки
сапог                         сапоги
сапогами                      сапоги
платья                        платье
платьев                       платье
кроссовок                     кроссовки
рубашек                       рубашка
перчаток                      перчатки
сумок                         сумка
рюкзаков                      рюкзак
зонтом                        зонт
палаток                       палатка
тёплых курток                 куртка тепл
кожаными сапогами             сапоги кожан
красивый зонтик               зонт
тёплая куртка                 куртка тепл      е for ё and back
теплая куртка                 куртка тепл
шлёпанцы                      шлепанцы
шлепанцы                      шлепанцы
стёганый жилет                жилет стеган
стеганый жилет                жилет стеган
ёлочка                        елочка
светелка                      светелка
КУРТКА ТЁПЛАЯ                 куртка тепл      case
ПаНаМа                        панама
курткка                       куртка           typing errors
куртак                        куртка
кутрка                        куртка
курта                         куртка
шпака                         шапка
ботинкки                      ботинки
кросовки                      кроссовки
крассовки                     кроссовки
рюкзок                        рюкзак
рукзак                        рюкзак
палатко                       палатка
чимодан                       чемодан
пуховек                       пуховик
кордиган                      кардиган
вязанный шарф                 шарф вязан
тёплоя куртка                 куртка
велмора                       velmora
kivirnad                      kivirand
halvron                       halvorn
rehnrf                        куртка           the wrong keyboard layout
ifgrf                         шапка
,jnbyrb                       ботинки
gfkfnrf                       палатка
njgk.ik                       топлюшл          nothing
htvtym                        ремень
pjyn                          зонт
ntgkfz rehnrf                 куртка тепл
мудьщкф                       velmora
лшмшкфтв                      kivirand
рфдмщкт                       halvorn
рюк                           рюкзак           the beginning of the last word
тёплая кур                    куртка тепл
кросс                         кроссовки
велмор                        velmora
дождев                        дождевик
евик                          дождевик         inside a word
юкза                          рюкзак
алакла                        балаклава
одолаз                        водолазка
спадри                        эспадрильи
velmora                       velmora          brands in either alphabet
Velmora                       velmora
вельмора                      velmora
халворн                       halvorn
тундрек                       tundrek
осмелле                       osmelle
брисотто                      brisotto
кивиранд                      kivirand
миравенто                     miravento
siverko                       сиверко
kedrach                       кедрач
sukhovey                      суховей
lukomorka                     лукоморка
vetrogon                      ветрогон
куртка velmora                куртка velmora
куртка велмора                куртка velmora
рюкзак тундрек                рюкзак tundrek
шарф сиверко                  шарф сиверко
брусничный дом                брусничный дом
семь ветров                   семь ветров
kurtka                        куртка
shapka                        шапка
ryukzak                       рюкзак
куртка для зимы               куртка           small words
зонт от дождя                 зонт
сумка на выходные             сумка
"""
FIRST = 5


class Case:
    def __init__(self, line: str) -> None:
        self.query, words, *rest = (part for part in line.split("  ") if part.strip())
        self.query, self.words = self.query.strip(), words.split()
        self.finds_nothing = any(part.strip() == "nothing" for part in rest)

    def __repr__(self) -> str:
        return self.query


CASES = [Case(line) for line in RELEVANCE.strip().splitlines()]


class Big:
    """A shop with ten thousand products, all of them in the index."""

    def __init__(self, shop: Shop, visitor: Person, catalogue: Catalogue) -> None:
        self.shop, self.visitor, self.catalogue = shop, visitor, catalogue

    async def find(self, q: str, **query: Any) -> list[dict[str, Any]]:
        page = await self.visitor.call("GET", "/api/v1/products", params={"q": q, "limit": FIRST, **query}, status=200)
        return list(page["items"])


@pytest.fixture(scope="module")
async def big(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Big]:
    catalogue = make_catalogue(count=10_000)
    async with open_shop(tmp_path_factory.mktemp("search") / "data") as shop:
        products = shop.app[DATABASES].products
        await products.write(lambda session: Done(add_catalogue(session, catalogue, (), shop.clock)))
        await shop.app[FINDING].index_texts()
        yield Big(shop, await shop.visitor(), catalogue)


def test_the_suite_is_large_enough() -> None:
    assert len([case for case in CASES if not case.finds_nothing]) >= 80


@pytest.mark.parametrize("case", CASES, ids=repr)
async def test_what_is_typed_finds_what_is_meant(big: Big, case: Case) -> None:
    found = [fold(item["name"]) for item in await big.find(case.query)]

    if case.finds_nothing:
        assert found == []
        return
    assert len(found) == FIRST
    for name in found:
        assert all(word in name for word in case.words), found


async def test_an_article_finds_its_product_first(big: Big) -> None:
    for goods in big.catalogue.goods[::1000]:
        article = goods.row["article"]

        assert (await big.find(str(article)))[0]["article"] == article
        assert article in [item["article"] for item in await big.find(str(article)[:5], limit=100)]
        assert article in [item["article"] for item in await big.find(str(article)[1:], limit=100)]


async def test_a_colour_is_searched_though_no_name_has_it(big: Big) -> None:
    found = await big.find("красная шапка", limit=50)

    assert found
    for item in found:
        words = fold(" ".join([*item["specifications"]["colors"], item["description"], *item["tags"]]))
        assert "красн" in words and ("шапк" in fold(item["name"] + item["description"]))


async def test_search_filters_sort_and_counts_go_together(big: Big) -> None:
    cheap = await big.find("куртка", sort="price", limit=100, price_max=500_000)
    prices = [item["price"]["amount"] for item in cheap]
    facets = await big.visitor.call("GET", "/api/v1/facets", params={"q": "куртка", "facets": "group"})

    assert prices == sorted(prices) and prices[-1] <= 500_000
    assert sum(value["count"] for value in facets["values"]["group"]) == facets["total"]


async def test_relevance_pages_show_each_product_once_while_products_come(big: Big) -> None:
    seen: list[int] = []
    cursor, turn = None, 0
    while True:
        query = {"q": "палатка прочная", "limit": 7, **({"cursor": cursor} if cursor else {})}
        page = await big.visitor.call("GET", "/api/v1/products", params=query, status=200)
        seen += [item["article"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
        turn += 1
        if turn <= 3:
            await write(big.shop, copy_of_first(f"Палатка прочная {turn}", 10_000_000 + turn))
            await big.shop.app[FINDING].index_texts()

    assert len(seen) == len(set(seen)) > 20


async def test_nonsense_finds_nothing(big: Big) -> None:
    for q in ("qwrtplkj", "!!!", "«»", "٣", "\u200b", "x' OR 1=1 --", '"куртка', "куртка*", "NEAR(", "a:b", "()", "\\"):
        page = await big.visitor.call("GET", "/api/v1/products", params={"q": q}, status=200)
        assert len(page["items"]) in (0, 24)


async def test_suggestions_complete_the_last_word(big: Big) -> None:
    async def suggest(q: str) -> dict[str, Any]:
        answer: dict[str, Any] = await big.visitor.call("GET", "/api/v1/suggest", params={"q": q}, status=200)
        return answer

    assert all("куртк" in fold(product["name"]) for product in (await suggest("кур"))["products"])
    assert (await suggest("зим"))["groups"] == [{"slug": "zima", "name": "Зима"}]
    assert "zimnie-golovnye-ubory" in [one["slug"] for one in (await suggest("головные у"))["categories"]]
    assert "на дачу" in (await suggest("на дач"))["tags"]
    assert "Velmora" in (await suggest("velm"))["brands"]
    assert (await suggest("pbv"))["groups"] == [{"slug": "zima", "name": "Зима"}]  # on the other layout
    assert all(found == [] for found in (await suggest("qwrtplkj")).values())


# The index follows


def copy_of_first(name: str, article: int) -> Callable[[Any], Any]:
    """A write that adds a published product like the first one, past every service."""
    columns = [column for column in Product.__table__.columns.keys() if column not in ("id", "article", "name")]
    names = ", ".join(columns)
    return lambda session: session.execute(
        text(
            f"INSERT INTO Product (article, name, {names}) SELECT :article, :name, {names} FROM Product "
            "ORDER BY id LIMIT 1"
        ),
        {"article": article, "name": name},
    )


async def write(shop: Shop, work: Callable[[Any], Any]) -> None:
    """Do it, and say that lists have changed, as every write does."""
    await shop.app[DATABASES].products.write(lambda session: Done((work(session), raise_epoch(session))))


async def found_after(big: Big, q: str, wanted: list[int]) -> bool:
    """Whether search finds just these within two seconds."""
    for _ in range(40):
        if [item["article"] for item in await big.find(q)] == wanted:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_the_index_follows_every_write_within_two_seconds(big: Big) -> None:
    article = 20_000_001
    await write(big.shop, copy_of_first("Абракадабра", article))
    assert await found_after(big, "абракадабра", [article])

    one = Product.article == article
    await write(big.shop, lambda session: session.execute(update(Product).where(one).values(name="Тарабарщина")))
    assert await found_after(big, "абракадабра", [])
    assert await found_after(big, "тарабарщина", [article])

    await write(big.shop, lambda session: session.execute(update(Product).where(one).values(status="archived")))
    assert await found_after(big, "тарабарщина", [])

    await write(big.shop, lambda session: session.execute(delete(Product).where(one)))
    assert await found_after(big, str(article), [])


async def test_a_renamed_category_is_searched_by_its_new_name(big: Big) -> None:
    shoes = ProductCategory.slug == "letnyaya-obuv"

    await write(
        big.shop, lambda session: session.execute(update(ProductCategory).where(shoes).values(name="Мокроступы"))
    )
    await big.shop.app[FINDING].index_texts()

    page = await big.visitor.call(
        "GET", "/api/v1/products", params={"q": "мокроступы", "count": "capped", "facets": "category"}
    )
    of_category = sum(goods.row["category"] == "letnyaya-obuv" for goods in big.catalogue.goods)
    assert page["total"] == of_category
    assert page["facets"]["values"]["category"][0]["label"] == "Мокроступы"


async def test_a_list_of_hits_is_not_304_when_the_index_has_moved_on(big: Big) -> None:
    async def ask(tag: str = "") -> Any:
        headers = {"If-None-Match": tag} if tag else {}
        async with big.visitor.request("GET", "/api/v1/products?q=небылица", headers=headers) as response:
            return response.status, response.headers["ETag"]

    _, tag = await ask()
    assert (await ask(tag))[0] == 304
    await write(big.shop, copy_of_first("Небылица", 30_000_001))
    await big.shop.app[FINDING].index_texts()

    assert (await ask(tag))[0] == 200


async def test_an_index_made_by_another_normaliser_is_made_anew(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("anew") / "data"
    async with open_shop(folder) as shop:
        catalogue = make_catalogue(count=60)
        await write(shop, lambda session: add_catalogue(session, catalogue, (), shop.clock))
        await shop.app[FINDING].index_texts()
        await write(shop, lambda session: session.execute(text("UPDATE Meta SET value = '0:60' WHERE key = 'texts'")))
        await write(shop, lambda session: session.execute(text("DELETE FROM ProductText")))
    async with open_shop(folder) as shop:
        await shop.app[FINDING].index_texts()
        page = await (await shop.visitor()).call("GET", "/api/v1/products?q=куртка")
        assert page["items"]


# The normaliser


def test_what_the_eye_does_not_see_makes_no_difference() -> None:
    plain = "шапка-ушанка ёлочка"

    for same in (
        "ШАПКА-УШАНКА ЁЛОЧКА",
        unicodedata.normalize("NFD", plain),
        "шап\u00adка-ушан\u200bка елочка",
        "\ufeffшапка-ушанка ёлочка",
    ):
        assert split(same) == ["шапка", "ушанка", "елочка"]
    assert fold("Ёж Élan Straße Йод") == "еж elan strasse йод"


@pytest.mark.parametrize(
    "forms",
    ["куртка куртки куртку куртке курток", "ботинки ботинок ботинками", "тёплый тёплая тёплые теплых тёплого",
     "jacket jackets", "носок носки носком", "shoes shoe"],
)  # fmt: skip
def test_forms_of_a_word_have_one_stem(forms: str) -> None:
    assert len({stem(word) for word in split(forms)}) == 1


@pytest.mark.parametrize(
    ("latin", "russian"),
    [("nike", "найк"), ("adidas", "адидас"), ("puma", "пума"), ("reebok", "рибок"), ("converse", "конверс"),
     ("lacoste", "лакост"), ("siverko", "сиверко"), ("velmora", "велмора")],
)  # fmt: skip
def test_a_brand_is_written_by_ear_in_the_other_alphabet(latin: str, russian: str) -> None:
    assert russian in other_script(latin)
    assert russian in terms(latin, both_scripts=True)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("rehnrf", "куртка"), ("тшлу", "nike"), (",jnbyrb", "ботинки"), ("`krf", "ёлка"), ("RehnRF", "КуртКА"),
     ("12", "12")],
)  # fmt: skip
def test_the_same_keys_on_the_other_layout(typed: str, meant: str) -> None:
    assert swap_layout(typed) == meant


@pytest.mark.parametrize(
    ("one", "other", "mistakes"),
    [("куртка", "куртка", 0), ("куртка", "куртак", 1), ("куртка", "крутка", 1), ("куртка", "курткка", 1),
     ("куртка", "урта", 2), ("куртка", "шапка", 3), ("", "аб", 2), ("аб", "абвгд", 3)],
)  # fmt: skip
def test_mistakes_are_counted_as_hands_make_them(one: str, other: str, mistakes: int) -> None:
    assert distance(one, other, 2) == distance(other, one, 2) == mistakes


def test_a_vocabulary_finds_beginnings_insides_and_neighbours() -> None:
    vocabulary = Vocabulary()
    vocabulary.add(["куртка", "куртк", "шапка", "12345"])
    vocabulary.add(["дождевик"])

    assert "шапка" in vocabulary and "шляпа" not in vocabulary
    assert vocabulary.has_prefix("дожд") and not vocabulary.has_prefix("ожд")
    assert vocabulary.containing("урт") == ["куртк", "куртка"]
    assert vocabulary.containing("234") == ["12345"]
    assert vocabulary.like("куртак") == ["куртка"] or vocabulary.like("куртак") == ["куртк", "куртка"]
    assert vocabulary.like("12346") == [] == vocabulary.like("шпк")
