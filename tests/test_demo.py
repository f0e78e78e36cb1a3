"""The demo: words that agree, goods that are the same each time, chats that keep the log's promises, and its mark."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import func, select

from app.clock import Clock
from app.demo import ACCOUNTS_FILE, NotADemo, build, build_demo, describe_demo, is_demo, make_text
from app.demo.comments import make_comments
from app.demo.generator import FIRST_ARTICLE, Catalogue, make_catalogue
from app.demo.grammar import GENDERS, agree, inflect
from app.demo.mark import demo_mark
from app.demo.nouns import CARE, NOUNS, SIZES
from app.demo.pictures import SHAPES, draw
from app.demo.report import choose_language
from app.demo.talks import TALKS
from app.demo.words import ADJECTIVES, COLOURS, GROUPS
from app.main import open_databases
from app.passwords import Passwords
from app.services.pricing import discounted
from app.settings import Settings
from db.database import Busy, Databases, Done
from db.models.messanger import ChatMember, DeskState, Message, UserChat
from db.models.messanger import Counter as CounterRow
from db.models.products import Comment, CommentVote, Order, Product
from db.models.users import RIGHTS, Login, ServicePerson, User
from db.queries import users as user_queries
from tests.conftest import make_settings
from tests.goods import audit

# Written by hand: what `agree` must find by rule.
FORMS = """
тёплый тёплая тёплое тёплые · утеплённый утеплённая утеплённое утеплённые · зимний зимняя зимнее зимние
летний летняя летнее летние · стёганый стёганая стёганое стёганые · удлинённый удлинённая удлинённое удлинённые
укороченный укороченная укороченное укороченные · вязаный вязаная вязаное вязаные
шерстяной шерстяная шерстяное шерстяные · хлопковый хлопковая хлопковое хлопковые · льняной льняная льняное льняные
кожаный кожаная кожаное кожаные · замшевый замшевая замшевое замшевые · пушистый пушистая пушистое пушистые
непромокаемый непромокаемая непромокаемое непромокаемые · ветрозащитный ветрозащитная ветрозащитное ветрозащитные
городской городская городское городские · классический классическая классическое классические
спортивный спортивная спортивное спортивные · походный походная походное походные
дорожный дорожная дорожное дорожные · складной складная складное складные · лёгкий лёгкая лёгкое лёгкие
мягкий мягкая мягкое мягкие · уютный уютная уютное уютные · свободный свободная свободное свободные
вместительный вместительная вместительное вместительные · прочный прочная прочное прочные
компактный компактная компактное компактные · яркий яркая яркое яркие · однотонный однотонная однотонное однотонные
полосатый полосатая полосатое полосатые · клетчатый клетчатая клетчатое клетчатые · нарядный нарядная нарядное нарядные
повседневный повседневная повседневное повседневные · дышащий дышащая дышащее дышащие · плотный плотная плотное плотные
пляжный пляжная пляжное пляжные · соломенный соломенная соломенное соломенные
широкополый широкополая широкополое широкополые · резиновый резиновая резиновое резиновые
приталенный приталенная приталенное приталенные · высокий высокая высокое высокие
нескользящий нескользящая нескользящее нескользящие · весёлый весёлая весёлое весёлые
"""
ENDINGS = {"m": "(ый|ий|ой)", "f": "(ая|яя)", "n": "(ое|ее)", "p": "(ые|ие)"}
MASCULINE_IN_A_CONSONANT = re.compile("[бвгджзйклмнпрстфхцчшщь]$")
INDECLINABLE = {"пальто": "n", "худи": "n", "челси": "p"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return make_catalogue()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path, demo=True)


@pytest.fixture
async def databases(settings: Settings) -> AsyncIterator[Databases]:
    opened = await open_databases(settings)
    yield opened
    await opened.close()


# Words


def test_every_adjective_agrees_as_written_by_hand() -> None:
    rows = [row.split() for line in FORMS.strip().splitlines() for row in line.split(" · ")]

    assert {row[0] for row in rows} == set(ADJECTIVES)
    for masculine, *_ in rows:
        found = [agree(masculine, gender) for gender in GENDERS]
        assert found in rows


@pytest.mark.parametrize("word", ["тепло", "лёгкая", "зимнее", "синые"])
def test_what_is_no_masculine_adjective_is_refused(word: str) -> None:
    with pytest.raises(ValueError):
        agree(word, "f")


def test_the_gender_of_a_noun_fits_its_ending() -> None:
    for noun in NOUNS:
        if noun.name in INDECLINABLE:
            expected = INDECLINABLE[noun.name]
        elif re.search("[ая]$", noun.name):
            expected = "f"
        elif re.search("[оеё]$", noun.name):
            expected = "n"
        elif re.search("[ыи]$", noun.name):
            expected = "p"
        else:
            assert MASCULINE_IN_A_CONSONANT.search(noun.name), noun.name
            expected = "m"
        assert noun.gender == expected, noun.name


def test_every_thing_agrees_with_every_word_about_it() -> None:
    for noun in NOUNS:
        for name in noun.adjectives:
            assert re.search(f"{ENDINGS[noun.gender]}$", agree(name, noun.gender)), (noun.name, name)
            about = inflect(ADJECTIVES[name].about, noun.gender)
            assert about.endswith(".") and not set("[]|{}") & set(about)


def test_alternatives_are_chosen_by_number_and_gender() -> None:
    assert [inflect("[Греет|Греют] и [сшит|сшита|сшито|сшиты].", gender) for gender in GENDERS] == [
        "Греет и сшит.",
        "Греет и сшита.",
        "Греет и сшито.",
        "Греют и сшиты.",
    ]


def test_there_is_enough_of_everything() -> None:
    assert len(GROUPS) == 4
    assert [len(group.categories) for group in GROUPS] == [3, 3, 3, 3]
    assert set(Counter(noun.category for noun in NOUNS).values()) == {5}
    assert {noun.shape for noun in NOUNS} == set(SHAPES)
    assert all(len(set(noun.adjectives)) >= 5 for noun in NOUNS)
    assert set(CARE) <= {noun.sizes for noun in NOUNS} == set(SIZES)


# Goods


def test_the_same_seed_gives_the_same_goods(catalogue: Catalogue) -> None:
    assert make_catalogue().digest() == catalogue.digest()
    assert make_catalogue(seed=7).digest() != catalogue.digest()


def test_the_catalogue_is_as_large_and_as_varied_as_promised(catalogue: Catalogue) -> None:
    rows = [item.row for item in catalogue.goods]

    assert (len(catalogue.groups), len(catalogue.categories), len(rows)) == (4, 12, 300)
    assert set(Counter(row["category"] for row in rows).values()) == {25}
    assert len({row["article"] for row in rows}) == len({row["name"] for row in rows}) == 300
    assert 10 <= sum(row["remains"] == 0 for row in rows) <= 40
    assert 80 <= sum(row["discount_bp"] > 0 for row in rows) <= 130
    assert len({row["description"] for row in rows}) > 200


def test_articles_stay_different_in_a_large_catalogue() -> None:
    rows = [item.row for item in make_catalogue(count=5000).goods]

    assert len({row["article"] for row in rows}) == len({row["name"] for row in rows}) == 5000
    assert min(row["article"] for row in rows) >= FIRST_ARTICLE


def test_prices_look_like_prices(catalogue: Catalogue) -> None:
    for item in catalogue.goods:
        row = item.row
        assert row["price_minor"] % 1000 == 990  # … 9,90 ₽
        assert 99_90 <= row["price_minor"] <= 50_000_00
        assert row["effective_minor"] == discounted(row["price_minor"], row["discount_bp"])


def test_names_begin_with_the_thing_and_its_quality(catalogue: Catalogue) -> None:
    for item in catalogue.goods:
        plain = unicodedata.normalize("NFC", item.row["name"]).replace("\u00ad", "")
        thing, quality, brand = plain.split(" ", 2)
        assert thing.lower() == item.noun.name
        assert re.search(f"{ENDINGS[item.noun.gender]}$", quality), plain
        assert re.fullmatch("«.+»", brand)


def test_some_names_are_spelt_as_search_fears_it(catalogue: Catalogue) -> None:
    names = [item.row["name"] for item in catalogue.goods]

    assert any(not unicodedata.is_normalized("NFC", name) for name in names)
    assert any("\u00ad" in name for name in names)
    without_dots = {agree(word, gender).replace("ё", "е") for word in ADJECTIVES if "ё" in word for gender in GENDERS}
    assert any("ё" in name for name in names) and any(name.split(" ")[1] in without_dots for name in names)


# Pictures


def test_every_picture_is_there_and_harmless(catalogue: Catalogue) -> None:
    shown = {name for item in catalogue.goods for name in item.row["images"]}
    shown |= {row["image"] for row in (*catalogue.groups, *catalogue.categories)}

    assert shown == set(catalogue.pictures)
    for name, content in catalogue.pictures.items():
        assert re.fullmatch(r"[0-9a-f]{32}\.svg", name)
        assert len(content) < 20_000
        root = ElementTree.fromstring(content)  # well-formed
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "defs", "pattern", "rect", "circle", "ellipse", "path", "g"}
        values = [value for element in root.iter() for value in element.attrib.values()]
        assert not [value for value in values if re.search(r"url\((?!#cloth\))|http|nan|None", value)]


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_a_thing_looks_different_in_another_colour(shape: str) -> None:
    drawings = {draw(shape, colour, "#d9a441") for colour in COLOURS.values()}

    assert len(drawings) == len(COLOURS)
    assert draw(shape, COLOURS["синий"], "#d9a441") == draw(shape, COLOURS["синий"], "#d9a441")


# The whole demo


async def test_the_demo_has_what_it_promises(databases: Databases, settings: Settings) -> None:
    report = await build_demo(databases, settings, Clock())

    assert (report.groups, report.categories, report.products, report.chats) == (4, 12, 300, 12)
    assert Counter(account.role for account in report.accounts) == {"owner": 1, "manager": 2, "user": 5}
    assert await demo_mark(databases) == {"products": True, "users": True, "messanger": True}
    pictures = await databases.products.read(
        lambda connection: connection.execute(select(Product.images)).scalars().all()
    )
    assert all((settings.data / "images" / name).is_file() for names in pictures for name in names)


async def test_everybody_can_sign_in_with_the_printed_password(databases: Databases, settings: Settings) -> None:
    report = await build_demo(databases, settings, Clock())
    passwords = Passwords("test")

    for account in report.accounts:
        found = await databases.users.read(
            lambda connection, login=account.login: user_queries.get_credentials(connection, login)
        )
        assert found is not None and found.may_enter
        assert found.kind == ("user" if account.role == "user" else "staff")
        assert await passwords.verify(found.hashed_password, account.password)
    passwords.close()


async def test_managers_may_answer_chats_and_the_owner_everything(databases: Databases, settings: Settings) -> None:
    await build_demo(databases, settings, Clock())
    people = select(ServicePerson.role, ServicePerson.allows)

    staff = await databases.users.read(lambda connection: connection.execute(people).all())

    assert sorted(row.role for row in staff) == ["manager", "manager", "owner"]
    for row in staff:
        assert set(row.allows) <= set(RIGHTS)
        assert row.role == "owner" or {"chats.answer", "chats.assign"} <= set(row.allows)


async def test_a_second_start_shows_the_same_and_changes_nothing(databases: Databases, settings: Settings) -> None:
    first = await build_demo(databases, settings, Clock())
    before = await _count(databases)

    assert await build_demo(databases, settings, Clock()) == first
    assert await describe_demo(databases, settings) == first
    assert await _count(databases) == before


async def test_passwords_are_for_one_demo_and_for_one_pair_of_eyes(tmp_path: Path) -> None:
    reports = []
    for name in ("one", "two"):
        settings = make_settings(tmp_path / name, demo=True)
        databases = await open_databases(settings)
        reports.append(await build_demo(databases, settings, Clock()))
        await databases.close()
        assert (settings.data / ACCOUNTS_FILE).stat().st_mode & 0o777 == 0o600

    words = [account.password for report in reports for account in report.accounts]
    assert len(set(words)) == 16
    assert all(re.fullmatch("([b-z][aeiou]){3}[2-9]{4}", word) for word in words)


async def test_a_demo_without_its_passwords_says_so(databases: Databases, settings: Settings) -> None:
    await build_demo(databases, settings, Clock())
    (settings.data / ACCOUNTS_FILE).unlink()

    report = await build_demo(databases, settings, Clock())

    assert report.accounts == ()
    assert ACCOUNTS_FILE in make_text(report, "http://localhost", ACCOUNTS_FILE, "ru")


async def test_a_demo_broken_off_is_finished_by_the_next_start(
    databases: Databases, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> int:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken, pytest.raises(Busy):
        broken.setattr(build, "add_chats", fail)
        await build_demo(databases, settings, Clock())
    accounts = json.loads((settings.data / ACCOUNTS_FILE).read_text())

    report = await build_demo(databases, settings, Clock())

    assert report.chats == 12
    assert [account.password for account in report.accounts] == [account["password"] for account in accounts]


async def test_a_real_shop_is_left_alone(databases: Databases, settings: Settings) -> None:
    await databases.users.write(lambda session: Done(session.add(Login(name_normal="boss", kind="staff", person_id=1))))

    with pytest.raises(NotADemo):
        await build_demo(databases, settings, Clock())

    assert not await is_demo(databases)
    assert not (settings.data / "images").exists()


# Orders


async def test_the_orders_agree_with_stock_and_sales(databases: Databases, settings: Settings) -> None:
    await build_demo(databases, settings, Clock())

    sold_before = {item.row["article"]: item.row["sold"] for item in make_catalogue().goods}
    await databases.products.read(lambda connection: audit(connection, sold_before))
    orders = select(Order.status, Order.payment_status, Order.creation_time, Order.hold_until)
    rows = await databases.products.read(lambda connection: connection.execute(orders.order_by(Order.id)).all())
    assert len(rows) == 12
    assert {row.status for row in rows} == {"placed", "packed", "shipped", "delivered", "cancelled", "returned"}
    assert [row.creation_time for row in rows] == sorted(row.creation_time for row in rows)
    assert all(row.hold_until is None or row.hold_until > Clock().now() for row in rows)


# Chats


async def test_the_chats_keep_every_promise_of_the_log(databases: Databases, settings: Settings) -> None:
    await build_demo(databases, settings, Clock())
    chats, messages, marks, desks, rev = await _read_chats(databases)

    for chat in chats:
        log = [message for message in messages if message.chat_id == chat.id]
        said = [message for message in log if message.kind == "message"]
        by_customer = [message.seq for message in said if message.sender_kind == "customer"]
        by_staff = [message for message in said if message.sender_kind == "staff"]
        assert [message.seq for message in log] == list(range(1, chat.last_seq + 1))
        assert [message.creation_time for message in log] == sorted(message.creation_time for message in log)
        assert log[0].kind == "opened" and log[0].creation_time == chat.creation_time
        assert chat.last_entry_time == log[-1].creation_time
        assert chat.last_customer_seq == max(by_customer)
        assert chat.last_staff_seq == max((message.seq for message in by_staff), default=0)
        assert chat.first_reply_time == (by_staff[0].creation_time if by_staff else None)
        assert chat.preview == said[-1].data["text"][:120].strip()
        assert (chat.closed_time is not None) == (chat.status == "closed") == (log[-1].kind == "closed")
        assert (chat.waiting_since is not None) == (said[-1].sender_kind == "customer" and chat.status != "closed")
        assert (chat.service_person_id is None) == (chat.status == "queued")
        assert chat.state_version == 1 + sum(message.kind in ("assigned", "closed") for message in log)
        assert all(mark.read_seq <= mark.delivered_seq <= chat.last_seq for mark in marks if mark.chat_id == chat.id)
        assert {message.sender_id for message in log if message.sender_kind == "customer"} == {chat.user_id}
    assert sorted(chat.rev for chat in chats) == list(range(rev - len(chats) + 1, rev + 1))
    loads = Counter(chat.service_person_id for chat in chats if chat.status == "active")
    assert {desk.staff_id: desk.open_count for desk in desks if desk.open_count} == loads


async def test_one_waits_now_some_are_unread_and_most_are_history(databases: Databases, settings: Settings) -> None:
    clock = Clock()
    await build_demo(databases, settings, clock)
    chats, messages, marks, _, _ = await _read_chats(databases)
    now = clock.now()

    [waiting] = [chat for chat in chats if chat.status == "queued"]
    assert 0 < (now - waiting.waiting_since).total_seconds() < 600
    assert len({chat.service_person_id for chat in chats if chat.status == "active"}) == 2
    assert sum(chat.status == "closed" for chat in chats) == 8
    heads = {chat.id: chat.last_seq for chat in chats}
    assert sum(mark.kind == "staff" and mark.read_seq < heads[mark.chat_id] for mark in marks) == 2
    ages = [(now - message.creation_time).days for message in messages]
    assert min(ages) == 0 and max(ages) == 13
    assert all(message.creation_time < now for message in messages)


async def test_the_talks_name_goods_of_this_shop(databases: Databases, settings: Settings) -> None:
    await build_demo(databases, settings, Clock())
    articles = set(
        await databases.products.read(lambda connection: connection.execute(select(Product.article)).scalars().all())
    )
    _, messages, *_ = await _read_chats(databases)
    texts = [message.data["text"] for message in messages if message.kind == "message"]

    named = [int(number) for text in texts for number in re.findall(r"артикул (\d+)", text)]
    assert named and set(named) <= articles
    assert not [text for text in texts if set("{}") & set(text)]
    assert len(texts) == sum(len(talk.lines.strip().splitlines()) for talk in TALKS)


# Comments


async def test_every_star_is_somebodys_comment(databases: Databases, settings: Settings) -> None:
    await build_demo(databases, settings, Clock())

    products, comments, votes = await databases.products.read(
        lambda connection: tuple(
            connection.execute(select(model.__table__)).all() for model in (Product, Comment, CommentVote)
        )
    )

    for product in products:
        stars = Counter(row.rating for row in comments if row.product_id == product.id and row.status == "approved")
        assert [stars[number] for number in range(1, 6)] == [
            product.r1, product.r2, product.r3, product.r4, product.r5,
        ]  # fmt: skip
        assert all(product.creation_time < row.creation_time for row in comments if row.product_id == product.id)
    assert {row.id: row.useful for row in comments if row.useful} == Counter(vote.comment_id for vote in votes)
    assert sum(row.status == "pending" for row in comments) == 2
    assert len(comments) > 100 and len({row.user_id for row in comments}) == 5
    assert any(row.reply_text for row in comments)
    assert not [row.data_text for row in comments if set("[]|{}") & set(row.data_text)]


def test_the_same_seed_has_the_same_said(catalogue: Catalogue) -> None:
    assert make_comments(catalogue.goods, 1) == make_comments(catalogue.goods, 1)
    assert make_comments(catalogue.goods, 1) != make_comments(catalogue.goods, 2)


# What the terminal says


async def test_the_report_names_addresses_accounts_and_what_to_try(databases: Databases, settings: Settings) -> None:
    report = await build_demo(databases, settings, Clock())

    for language in ("ru", "en"):
        text = make_text(report, "http://127.0.0.1:8080", "data/demo/demo-accounts.json", language)
        assert all(f"http://127.0.0.1:8080{path}" in text for path in ("/", "/staff", "/demo"))
        assert all(account.login in text and account.password in text for account in report.accounts)
        assert all(f"  {number}. " in text for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("environment", "language"),
    [({"LANG": "ru_RU.UTF-8"}, "ru"), ({"LANG": "C.UTF-8"}, "en"), ({}, "en"),
     ({"LANG": "ru_RU.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"), ({"LANG": "en_US", "LC_MESSAGES": "ru_RU"}, "ru")],
)  # fmt: skip
def test_the_terminal_decides_the_language(environment: dict[str, str], language: str) -> None:
    assert choose_language(environment) == language


async def _count(databases: Databases) -> list[int]:
    counts = []
    for database, model in ((databases.products, Product), (databases.users, User), (databases.messanger, Message)):
        statement = select(func.count()).select_from(model)
        counts.append(await database.read(lambda connection, s=statement: connection.execute(s).scalar_one()))
    return counts


async def _read_chats(databases: Databases) -> tuple[Any, Any, Any, Any, int]:
    def read(connection: Any) -> tuple[Any, Any, Any, Any, int]:
        def rows(model: Any, *order: Any) -> Any:
            return connection.execute(select(model.__table__).order_by(*order)).all()

        return (
            rows(UserChat, UserChat.id),
            rows(Message, Message.chat_id, Message.seq),
            rows(ChatMember, ChatMember.chat_id),
            rows(DeskState, DeskState.staff_id),
            connection.execute(select(CounterRow.value).where(CounterRow.name == "rev")).scalar_one(),
        )

    return await databases.messanger.read(read)
