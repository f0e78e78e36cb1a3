"""Comments: who may say what when, what everybody is shown, and stars that always agree with it."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.keys import DATABASES
from db.database import Done
from db.models.products import Comment, CommentVote, Order, OrderLine, Product
from db.models.users import StaffAction
from db.queries import products as product_queries
from tests.conftest import PASSWORD, Person, Shop

ARTICLE, OTHER, DRAFT = 1001, 1002, 1003
EVIL = "<script>alert(1)</script> <img src=x onerror=alert(1)> {{ 7*7 }} \u202eтекст"


@pytest.fixture(autouse=True)
async def products(shop: Shop) -> None:
    """Two published products and a draft."""

    def work(session: Any) -> Done[None]:
        group = product_queries.add_groups(session, [{"slug": "winter", "name": "Зима", "position": 1}])["winter"]
        row = {"slug": "hats", "name": "Шапки", "group_id": group, "position": 1}
        category = product_queries.add_categories(session, [row])["hats"]
        now = shop.clock.now()
        shape = {
            "category_id": category, "group_id": group, "price_minor": 1000, "effective_minor": 1000,
            "creation_time": now, "edit_time": now,
        }  # fmt: skip
        status = {ARTICLE: "published", OTHER: "published", DRAFT: "draft"}
        rows = [{**shape, "article": one, "name": f"Шапка {one}", "status": status[one]} for one in status]
        product_queries.add_products(session, rows)
        return Done(None)

    await shop.app[DATABASES].products.write(work)


@pytest.fixture
async def moderator(shop: Shop) -> Person:
    return await shop.staff("anna", allows=("comments",))


def comments_of(article: int = ARTICLE) -> str:
    return f"/api/v1/products/{article}/comments"


async def say(person: Person, rating: int = 5, article: int = ARTICLE, **form: Any) -> dict[str, Any]:
    body = {"text": "Тёплая", "rating": rating, **form}
    answer: dict[str, Any] = await person.call("POST", comments_of(article), json=body, status=201)
    return answer


async def decide(person: Person, comment: dict[str, Any], status: str = "approved", **form: Any) -> dict[str, Any]:
    """Approve or hide a comment as it is now."""
    path = f"/api/v1/comments/{comment['id']}"
    now = await person.call("GET", path, status=200)
    headers = {"If-Match": f'"{now["version"]}"'}
    answer: dict[str, Any] = await person.call(
        "PATCH", path, json={"status": status, **form}, headers=headers, status=200
    )
    return answer


async def page_of(person: Person, article: int = ARTICLE, **query: Any) -> dict[str, Any]:
    page: dict[str, Any] = await person.call("GET", comments_of(article), params=query, status=200)
    return page


async def walk(person: Person, **query: Any) -> list[int]:
    """The ids on all pages."""
    page = await page_of(person, **query)
    ids = [item["id"] for item in page["items"]]
    while page["next"]:
        page = await page_of(person, **query, cursor=page["next"])
        ids += [item["id"] for item in page["items"]]
    return ids


async def rating_of(shop: Shop, article: int = ARTICLE) -> tuple[float | None, int]:
    product = await (await shop.visitor()).call("GET", f"/api/v1/products/{article}", status=200)
    return product["rating"], product["rating_count"]


async def add_approved(shop: Shop, count: int, **values: Any) -> list[int]:
    """Comments of users who are not there, a minute apart, straight into the table; returns their ids."""

    def work(session: Any) -> Done[list[int]]:
        product = session.execute(select(Product.id).where(Product.article == ARTICLE)).scalar_one()
        known = len(session.execute(select(Comment.id)).all())
        now = shop.clock.now()
        rows = [
            {
                "product_id": product, "user_id": 10_000 + known + number, "rating": 1 + number % 5,
                "useful": number % 3, "status": "approved",
                "creation_time": now + timedelta(minutes=(known + number) // 2), "edit_time": now,
                **values,
            }
            for number in range(count)
        ]  # fmt: skip
        return Done(list(session.execute(insert(Comment).returning(Comment.id), rows).scalars()))

    return await shop.app[DATABASES].products.write(work)


# Saying something


async def test_a_new_comment_is_its_authors_alone_until_it_is_approved(shop: Shop, moderator: Person) -> None:
    author, other = await shop.user("olga"), await shop.user("dmitry")

    comment = await say(author, 4)

    assert (comment["status"], comment["is_mine"], comment["author"]["name"]) == ("pending", True, "olga")
    assert (await page_of(author))["mine"] == comment
    for person in (other, await shop.visitor()):
        page = await page_of(person)
        assert (page["items"], page["mine"], page["ratings"]["count"]) == ([], None, 0)
        await person.call("GET", f"/api/v1/comments/{comment['id']}", status=404)
    assert await rating_of(shop) == (None, 0)

    await decide(moderator, comment)

    page = await page_of(other)
    assert [item["id"] for item in page["items"]] == [comment["id"]]
    assert page["ratings"] == {"mean": 4.0, "count": 1, "histogram": [0, 0, 0, 1, 0]}
    assert not page["items"][0]["is_mine"] and page["items"][0]["author"] == {"name": "olga", "id": None}
    assert await rating_of(shop) == (4.0, 1)


async def test_a_second_comment_on_the_same_product_names_the_first(shop: Shop) -> None:
    author, other = await shop.user("olga"), await shop.user("dmitry")
    first = await say(author)

    refusal = await author.call("POST", comments_of(), json={"rating": 1}, status=409)
    await say(author, article=OTHER)
    await say(other)

    assert (refusal["code"], refusal["comment"]) == ("conflict", first["id"])


async def test_of_two_comments_at_once_one_is_kept(shop: Shop) -> None:
    author = await shop.user("olga")

    async def post() -> int:
        async with author.request("POST", comments_of(), json={"rating": 3}) as response:
            return int(response.status)

    assert sorted(await asyncio.gather(*(post() for _ in range(8)))) == [201] + [409] * 7


async def test_a_comment_sent_again_with_its_key_is_one_comment(shop: Shop) -> None:
    author = await shop.user("olga")
    keyed = {"headers": {"Idempotency-Key": "k1"}}

    first = await author.call("POST", comments_of(), json={"rating": 3}, status=201, **keyed)
    async with author.request("POST", comments_of(), json={"rating": 3}, **keyed) as again:
        assert (again.status, again.headers["Idempotent-Replay"], await again.json()) == (201, "true", first)
    refusal = await author.call("POST", comments_of(), json={"rating": 4}, status=409, **keyed)

    assert refusal["reason"] == "key_reused"


@pytest.mark.parametrize("article", [DRAFT, 999_999])
async def test_nobody_comments_on_what_is_not_on_sale(shop: Shop, article: int) -> None:
    author = await shop.user("olga")

    await author.call("POST", comments_of(article), json={"rating": 5}, status=404)
    await author.call("GET", comments_of(article), status=404)


REFUSED = [
    ({}, "/rating"), ({"rating": 0}, "/rating"), ({"rating": 6}, "/rating"), ({"rating": 4.5}, "/rating"),
    ({"rating": "5"}, "/rating"), ({"rating": None}, "/rating"), ({"rating": 5, "text": "а" * 4001}, "/text"),
    ({"rating": 5, "text": "\x00"}, "/text"), ({"rating": 5, "name": "Вера"}, "/name"),
    ({"rating": 5, "status": "approved"}, "/status"), ({"rating": 5, "photos": ["../x"]}, "/photos/0"),
    ({"rating": 5, "photos": ["0" * 32] * 6}, "/photos"), ({"rating": 5, "photos": ["0" * 32]}, "/photos/0"),
]  # fmt: skip


async def test_what_is_no_comment_is_refused_by_name(shop: Shop) -> None:
    author = await shop.user("olga")

    for form, pointer in REFUSED:
        refusal = await author.call("POST", comments_of(), json=form, status=422)
        assert [error["pointer"] for error in refusal["errors"]] == [pointer], form

    assert (await page_of(author))["mine"] is None


async def test_text_stays_text(shop: Shop, moderator: Person) -> None:
    author = await shop.user("olga")

    await decide(moderator, await say(author, text=EVIL))

    async with author.request("GET", comments_of()) as response:
        assert response.content_type == "application/json"
        assert [item["text"] for item in (await response.json())["items"]] == [EVIL]


async def test_whose_account_is_gone_has_no_name(shop: Shop, moderator: Person) -> None:
    author = await shop.user("olga")
    await author.call("PATCH", "/api/v1/users/me", json={"name": "Ольга", "lastname": "Кузнецова"}, status=200)
    comment = await decide(moderator, await say(author))
    assert comment["author"]["name"] == "Ольга Кузнецова"

    await author.call("POST", "/api/v1/session/confirmation", json={"password": PASSWORD}, status=200)
    await author.call("DELETE", "/api/v1/users/me", status=204)

    page = await page_of(await shop.visitor())
    assert [item["author"]["name"] for item in page["items"]] == [None]


# Verified purchases


async def order(shop: Shop, user_id: int, status: str, article: int = ARTICLE) -> None:
    def work(session: Any) -> Done[None]:
        product = session.execute(select(Product).where(Product.article == article)).scalar_one()
        now = shop.clock.now()
        made = Order(
            number=f"N{user_id}{status}", user_id=user_id, status=status, contact_name="Ольга", contact_phone="1",
            delivery_method="pickup", payment_method="on_delivery", total_minor=1000, sold_on=now.date(),
            creation_time=now, edit_time=now,
        )  # fmt: skip
        session.add(made)
        session.flush()
        line = OrderLine(
            order_id=made.id, product_id=product.id, article=article, name="Шапка", price_minor=1000, quantity=1
        )
        session.add(line)
        return Done(None)

    await shop.app[DATABASES].products.write(work)


@pytest.mark.parametrize(("status", "is_verified"), [("placed", True), ("delivered", True), ("cancelled", False)])
async def test_who_has_ordered_the_product_is_marked(shop: Shop, status: str, is_verified: bool) -> None:
    buyer, other = await shop.user("olga"), await shop.user("dmitry")
    await order(shop, buyer.me["id"], status)

    assert (await say(buyer))["verified_purchase"] is is_verified
    assert (await say(buyer, article=OTHER))["verified_purchase"] is False
    assert (await say(other))["verified_purchase"] is False


async def test_who_orders_later_is_marked_with_the_next_edit(shop: Shop) -> None:
    buyer = await shop.user("olga")
    comment = await say(buyer)
    await order(shop, buyer.me["id"], "placed")

    edited = await buyer.call("PATCH", f"/api/v1/comments/{comment['id']}", json={"text": "Пришла"}, status=200)

    assert edited["verified_purchase"] is True


# Changing one's mind


@pytest.mark.parametrize("form", [{"text": "Села после стирки"}, {"text": None}, {"rating": 1}])
async def test_an_edited_comment_waits_for_a_moderator_again(
    shop: Shop, moderator: Person, form: dict[str, Any]
) -> None:
    author = await shop.user("olga")
    comment = await decide(moderator, await say(author, 5))

    edited = await author.call("PATCH", f"/api/v1/comments/{comment['id']}", json=form, status=200)

    assert (edited["status"], edited["version"]) == ("pending", comment["version"] + 1)
    assert edited["text"] == (form["text"] or "" if "text" in form else comment["text"])
    assert await rating_of(shop) == (None, 0)
    await decide(moderator, edited)
    assert await rating_of(shop) == (form.get("rating", 5), 1)


async def test_an_edit_that_changes_nothing_leaves_it_approved(shop: Shop, moderator: Person) -> None:
    author = await shop.user("olga")
    comment = await decide(moderator, await say(author, 5))
    same = {"text": comment["text"], "rating": 5, "photos": []}

    edited = await author.call("PATCH", f"/api/v1/comments/{comment['id']}", json=same, status=200)

    assert (edited["status"], edited["version"]) == ("approved", comment["version"])


async def test_an_author_who_says_what_they_have_seen_is_held_to_it(shop: Shop) -> None:
    author = await shop.user("olga")
    path = f"/api/v1/comments/{(await say(author))['id']}"

    async with author.request("PATCH", path, json={"rating": 4}, headers={"If-Match": '"1"'}) as response:
        assert response.status == 200
        assert response.headers["ETag"].startswith('"2.')
    stale = {"headers": {"If-Match": '"1"'}}
    refusal = await author.call("PATCH", path, json={"rating": 3}, status=412, **stale)
    await author.call("DELETE", path, status=412, **stale)

    assert (refusal["code"], refusal["version"]) == ("stale", 2)
    await author.call("DELETE", path, status=204)


async def test_the_last_comment_takes_the_rating_along(shop: Shop, moderator: Person) -> None:
    author, reader = await shop.user("olga"), await shop.user("dmitry")
    comment = await decide(moderator, await say(author, 5))
    path = f"/api/v1/comments/{comment['id']}"
    await reader.call("POST", f"{path}/useful", status=200)

    await author.call("DELETE", path, status=204)

    assert await rating_of(shop) == (None, 0)
    await author.call("GET", path, status=404)
    await author.call("DELETE", path, status=404)
    await say(author, 2)


async def test_nobody_changes_somebody_elses_comment(shop: Shop, moderator: Person) -> None:
    author, other = await shop.user("olga"), await shop.user("dmitry")
    comment = await say(author)
    path = f"/api/v1/comments/{comment['id']}"

    await other.call("PATCH", path, json={"rating": 1}, status=404)  # it is not there for them
    await other.call("DELETE", path, status=404)
    await decide(moderator, comment)
    await other.call("PATCH", path, json={"rating": 1}, status=403)
    await other.call("DELETE", path, status=403)
    await author.call("PATCH", path, json={"status": "approved"}, status=403)
    await moderator.call("PATCH", path, json={"text": "Прекрасно"}, headers={"If-Match": '"2"'}, status=403)

    assert await rating_of(shop) == (5.0, 1)


# Moderation


async def test_the_queue_shows_who_has_waited_longest_first(shop: Shop, moderator: Person) -> None:
    comments = []
    for name in ("olga", "dmitry", "irina"):
        comments.append(await say(await shop.user(name)))
        shop.clock.advance(60)
    await decide(moderator, comments[1], "hidden")

    first = await moderator.call("GET", "/api/v1/comments?limit=1", status=200)
    second = await moderator.call("GET", "/api/v1/comments", params={"limit": 1, "cursor": first["next"]}, status=200)
    hidden = await moderator.call("GET", "/api/v1/comments?status=hidden", status=200)

    [item] = first["items"]
    assert (item["id"], item["author"]["name"], item["product"]) == (
        comments[0]["id"], "olga", {"article": ARTICLE, "name": f"Шапка {ARTICLE}"},
    )  # fmt: skip
    assert item["author"]["id"] is not None
    assert ([item["id"] for item in second["items"]], second["next"]) == ([comments[2]["id"]], None)
    assert [item["id"] for item in hidden["items"]] == [comments[1]["id"]]
    await moderator.call("GET", "/api/v1/comments", params={"status": "hidden", "cursor": first["next"]}, status=400)


async def test_staff_say_which_version_they_have_read(shop: Shop, moderator: Person) -> None:
    author = await shop.user("olga")
    path = f"/api/v1/comments/{(await say(author))['id']}"
    await author.call("PATCH", path, json={"text": "Совсем другое"}, status=200)
    read = {"headers": {"If-Match": '"1"'}}

    assert (await moderator.call("PATCH", path, json={"status": "approved"}, status=428))["code"] == "if_match_required"
    assert (await moderator.call("PATCH", path, json={"status": "approved"}, status=412, **read))["version"] == 2
    await moderator.call("PUT", f"{path}/reply", json={"text": "Спасибо"}, status=412, **read)
    await moderator.call("DELETE", f"{path}/reply", status=428)
    assert await rating_of(shop) == (None, 0)


async def test_of_two_moderators_at_once_one_decides(shop: Shop, moderator: Person) -> None:
    comments = [await say(await shop.user(f"user{number}"), 1 + number % 5) for number in range(5)]
    second = await shop.owner()

    async def try_to(person: Person, comment: dict[str, Any], status: str) -> int:
        path, headers = f"/api/v1/comments/{comment['id']}", {"If-Match": '"1"'}
        async with person.request("PATCH", path, json={"status": status}, headers=headers) as response:
            return int(response.status)

    for comment in comments:
        statuses = await asyncio.gather(
            try_to(moderator, comment, "approved"), try_to(second, comment, "hidden"),
            try_to(second, comment, "approved"),
        )  # fmt: skip
        assert sorted(statuses) == [200, 412, 412]

    assert await rating_of(shop) == await expected_rating(shop)


async def test_decisions_and_replies_are_in_the_history(shop: Shop, moderator: Person) -> None:
    comment = await say(await shop.user("olga"))
    await decide(moderator, comment)
    await decide(moderator, comment)  # again is nothing
    now = await decide(moderator, comment, "hidden", reason="Реклама")
    path = f"/api/v1/comments/{comment['id']}/reply"
    await moderator.call("PUT", path, json={"text": "Спасибо"}, headers={"If-Match": f'"{now["version"]}"'}, status=200)

    async def actions() -> list[Any]:
        statement = select(StaffAction).where(StaffAction.object_kind == "comment").order_by(StaffAction.id)
        return list(await shop.app[DATABASES].users.read(lambda connection: connection.execute(statement).all()))

    async with asyncio.timeout(5):
        while len(await actions()) < 3:
            await asyncio.sleep(0.05)
    assert [(row.kind, row.object_id, row.before, row.after) for row in await actions()] == [
        ("approve_comment", comment["id"], {"status": "pending"}, {"status": "approved"}),
        ("hide_comment", comment["id"], {"status": "approved"}, {"status": "hidden", "reason": "Реклама"}),
        ("reply_comment", comment["id"], {"reply": None}, {"reply": "Спасибо"}),
    ]
    assert {row.service_person_id for row in await actions()} == {moderator.me["id"]}


async def test_the_shop_answers_under_the_comment_and_takes_it_back(shop: Shop, moderator: Person) -> None:
    comment = await decide(moderator, await say(await shop.user("olga")))
    path = f"/api/v1/comments/{comment['id']}"
    seen = {"headers": {"If-Match": '"2"'}}

    answered = await moderator.call("PUT", f"{path}/reply", json={"text": "Спасибо!"}, status=200, **seen)
    [shown] = (await page_of(await shop.visitor()))["items"]
    assert (shown["reply"]["text"], shown["reply"]["author"]) == ("Спасибо!", "anna")
    assert (answered["version"], answered["status"]) == (3, "approved")
    await moderator.call("PUT", f"{path}/reply", json={"text": " "}, headers={"If-Match": '"3"'}, status=422)

    withdrawn = await moderator.call("DELETE", f"{path}/reply", headers={"If-Match": '"3"'}, status=200)
    assert withdrawn["reply"] is None
    assert await rating_of(shop) == (5.0, 1)


# Useful


async def test_a_comment_is_useful_once_to_each_and_not_to_its_author(shop: Shop, moderator: Person) -> None:
    author, one, two = [await shop.user(name) for name in ("olga", "dmitry", "irina")]
    comment = await say(author)
    path = f"/api/v1/comments/{comment['id']}/useful"
    await one.call("POST", path, status=404)
    await decide(moderator, comment)

    await one.call("POST", path, status=200)
    again = await one.call("POST", path, status=200)
    both = await two.call("POST", path, status=200)
    await author.call("POST", path, status=403)

    assert (again["useful"], again["found_useful"], both["useful"]) == (1, True, 2)
    assert [item["found_useful"] for item in (await page_of(one))["items"]] == [True]
    assert [item["found_useful"] for item in (await page_of(author))["items"]] == [False]
    for _ in range(2):
        assert (await one.call("DELETE", path, status=200))["useful"] == 1
    votes = await shop.app[DATABASES].products.read(lambda c: c.execute(select(CommentVote)).all())
    assert [row.user_id for row in votes] == [two.me["id"]]


async def test_votes_at_once_are_all_counted(shop: Shop, moderator: Person) -> None:
    comment = await decide(moderator, await say(await shop.user("olga")))
    people = [await shop.user(f"reader{number}") for number in range(6)]
    path = f"/api/v1/comments/{comment['id']}/useful"

    await asyncio.gather(*(person.call("POST", path, status=200) for person in people for _ in range(3)))

    assert (await moderator.call("GET", f"/api/v1/comments/{comment['id']}", status=200))["useful"] == 6


# Pages


async def test_pages_show_every_comment_once_in_each_order(shop: Shop) -> None:
    reader = await shop.visitor()
    ids = await add_approved(shop, 11)
    shown = {item["id"]: item for item in (await page_of(reader, limit=100))["items"]}

    assert await walk(reader, limit=3) == ids[::-1]
    for sort in ("useful", "rating"):
        expected = sorted(ids, key=lambda one: (shown[one][sort], one), reverse=True)
        assert await walk(reader, limit=3, sort=sort) == expected
    assert (await page_of(reader, limit=11))["next"] is None


async def test_a_comment_added_while_paging_moves_nothing(shop: Shop) -> None:
    reader = await shop.visitor()
    ids = await add_approved(shop, 6)
    first = await page_of(reader, limit=3)

    await add_approved(shop, 2)
    second = await page_of(reader, limit=3, cursor=first["next"])

    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]


async def test_a_cursor_of_another_list_is_refused(shop: Shop) -> None:
    reader = await shop.visitor()
    await add_approved(shop, 3)
    cursor = (await page_of(reader, limit=1))["next"]

    for article, query in (
        (OTHER, {"cursor": cursor}), (ARTICLE, {"cursor": cursor, "sort": "useful"}), (ARTICLE, {"cursor": "x"}),
        (ARTICLE, {"cursor": cursor[:-2] + "AA"}), (ARTICLE, {"cursor": "яя"}),
    ):  # fmt: skip
        refusal = await reader.call("GET", comments_of(article), params=query, status=400)
        assert refusal["code"] == "bad_request"


# Stars


async def expected_rating(shop: Shop, article: int = ARTICLE) -> tuple[float | None, int]:
    """What the approved comments come to."""
    statement = select(Comment.rating).join(Product).where(Product.article == article, Comment.status == "approved")
    stars = await shop.app[DATABASES].products.read(lambda connection: connection.execute(statement).scalars().all())
    return (round(sum(stars) / len(stars), 2) if stars else None), len(stars)


@pytest.mark.parametrize("seed", range(3))
async def test_the_rating_is_the_mean_of_the_approved_comments_whatever_happens(
    shop: Shop, moderator: Person, seed: int
) -> None:
    """Everybody does something at the same time, sixty times over."""
    chance = random.Random(seed)
    people = [await shop.user(f"user{number}") for number in range(4)]
    staff = [moderator, await shop.owner()]

    async def act(person: Person) -> None:
        mine = (await page_of(person))["mine"]
        if mine is None:
            await say(person, chance.randint(1, 5))
        elif chance.random() < 0.25:
            await person.call("DELETE", f"/api/v1/comments/{mine['id']}")
        elif chance.random() < 0.5:
            form = {"rating": chance.randint(1, 5)}
            await person.call("PATCH", f"/api/v1/comments/{mine['id']}", json=form)

    async def judge(person: Person) -> None:
        for status in ("pending", "approved", "hidden"):
            found = (await person.call("GET", "/api/v1/comments", params={"status": status}, status=200))["items"]
            for comment in found:
                if chance.random() < 0.6:
                    form = {"status": chance.choice(["approved", "approved", "hidden"])}
                    headers = {"If-Match": f'"{comment["version"]}"'}
                    await person.call("PATCH", f"/api/v1/comments/{comment['id']}", json=form, headers=headers)

    seen = set()
    for _ in range(10):
        await asyncio.gather(*(act(person) for person in people), *(judge(person) for person in staff))
        rating = await rating_of(shop)
        assert rating == await expected_rating(shop)
        seen.add(rating)
    assert len(seen) > 1


async def test_lists_and_the_product_change_when_the_stars_do(shop: Shop, moderator: Person) -> None:
    visitor = await shop.visitor()

    async def tags() -> list[str]:
        found = []
        for path in ("/api/v1/products", f"/api/v1/products/{ARTICLE}"):
            async with visitor.request("GET", path) as response:
                found.append(response.headers["ETag"])
        return found

    before = await tags()
    comment = await say(await shop.user("olga"))
    assert await tags() == before

    await decide(moderator, comment)
    after = await tags()
    assert all(one != other for one, other in zip(before, after, strict=True))
    await decide(moderator, comment)
    assert await tags() == after


async def test_who_watches_is_told_of_the_product(shop: Shop, moderator: Person) -> None:
    heard: list[Any] = []
    shop.app[DATABASES].products.publish = heard.extend
    comment = await say(await shop.user("olga"))

    await decide(moderator, comment)

    product = await moderator.call("GET", f"/api/v1/products/{ARTICLE}", status=200)
    assert [(event.article, event.rev) for event in heard] == [(ARTICLE, product["rev"])]
