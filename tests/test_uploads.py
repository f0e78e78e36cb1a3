"""Uploads: what is taken in, who may use it, and what becomes of it when nobody does."""

from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image
from sqlalchemy import select

from app.images import ImageStore
from app.keys import DATABASES, SETTINGS, UPLOADS
from app.services.uploads import MOST_UNUSED, UPLOADS_PER_10_MINUTES
from db.database import Done
from db.models.messanger import Upload
from db.queries import products as product_queries
from tests.conftest import PASSWORD, HandClock, Person, Shop, open_shop
from tests.pictures import make_picture

ARTICLE, OTHER = 1001, 1002
DAY_S = 24 * 3600.0


def form_of(content: bytes, field: str = "file") -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field(field, BytesIO(content), filename="photo.png", content_type="image/png")
    return form


async def send(person: Person, content: bytes | None = None, *, status: int = 201, **options: Any) -> dict[str, Any]:
    form = form_of(content if content is not None else make_picture())
    answer: dict[str, Any] = await person.call("POST", "/api/v1/uploads", data=form, status=status, **options)
    return answer


async def add_products(shop: Shop) -> None:
    def work(session: Any) -> Done[None]:
        group = product_queries.add_groups(session, [{"slug": "winter", "name": "Зима", "position": 1}])["winter"]
        row = {"slug": "hats", "name": "Шапки", "group_id": group, "position": 1}
        category = product_queries.add_categories(session, [row])["hats"]
        shape = {
            "name": "Шапка", "category_id": category, "group_id": group, "price_minor": 1, "effective_minor": 1,
            "creation_time": shop.clock.now(), "edit_time": shop.clock.now(), "status": "published",
        }  # fmt: skip
        product_queries.add_products(session, [{**shape, "article": one} for one in (ARTICLE, OTHER)])
        return Done(None)

    await shop.app[DATABASES].products.write(work)


async def say(person: Person, *photos: str, article: int = ARTICLE, status: int = 201) -> dict[str, Any]:
    path, form = f"/api/v1/products/{article}/comments", {"rating": 5, "photos": photos}
    answer: dict[str, Any] = await person.call("POST", path, json=form, status=status)
    return answer


async def is_there(shop: Shop, upload: dict[str, Any]) -> bool:
    found = set()
    for address in (upload["image"], upload["thumbnail"]):
        async with (await shop.visitor()).request("GET", address) as response:
            found.add(response.status == 200)
    [both] = found
    return both


async def rows(shop: Shop) -> list[Any]:
    statement = select(Upload).order_by(Upload.creation_time, Upload.id)
    return list(await shop.app[DATABASES].messanger.read(lambda connection: connection.execute(statement).all()))


# Taking in


async def test_a_picture_is_made_anew_and_has_a_small_version(shop: Shop) -> None:
    guest = await shop.guest()
    exif = Image.Exif()
    exif[0x010F] = "a camera that knows where it is"
    large = make_picture("JPEG", (1000, 1000), exif=exif)

    upload = await send(guest, large)

    async with guest.request("GET", upload["image"]) as response:
        assert (response.status, response.content_type) == (200, "image/webp")
        kept = Image.open(BytesIO(await response.read()))
        assert kept.size == (1000, 1000) and not kept.getexif()
    async with guest.request("GET", upload["thumbnail"]) as response:
        assert Image.open(BytesIO(await response.read())).size == (320, 320)
    [row] = await rows(shop)
    assert (row.id, row.owner_kind, row.size, row.used_in) == (upload["id"], "customer", len(large), None)


@pytest.mark.parametrize("kind", ["guest", "user", "staff"])
async def test_whoever_has_a_session_may_send_one(shop: Shop, kind: str) -> None:
    person = await {"guest": shop.guest, "user": lambda: shop.user("olga"), "staff": shop.staff}[kind]()

    await send(person)

    me = (await person.call("GET", "/api/v1/session", status=200))["me"]  # a guest is somebody from now on
    [row] = await rows(shop)
    assert (row.owner_kind, row.owner_id) == ("staff" if kind == "staff" else "customer", me["id"])


async def test_what_is_no_picture_is_refused(shop: Shop) -> None:
    person = await shop.guest()
    large = make_picture("JPEG", (400, 400))
    bomb = BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")

    for content in (b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", large[: len(large) // 2]):
        refusal = await send(person, content, status=422)
        assert [error["code"] for error in refusal["errors"]] == ["not_an_image"]
    assert (await send(person, bomb.getvalue(), status=413))["code"] == "too_large"
    assert (await send(person, b"\x00" * (10 * 2**20 + 1), status=413))["code"] == "too_large"
    await person.call("POST", "/api/v1/uploads", json={}, status=415)
    await person.call("POST", "/api/v1/uploads", data=form_of(make_picture(), "picture"), status=400)

    assert await rows(shop) == []
    assert list((shop.app[SETTINGS].data / "images").glob("*")) == []


async def test_a_visitor_may_not(shop: Shop) -> None:
    await send(await shop.visitor(), status=401)


async def test_too_many_in_a_short_time_are_refused_unread(shop: Shop) -> None:
    one, two = await shop.guest(), await shop.guest()
    for _ in range(UPLOADS_PER_10_MINUTES):
        await one.call("POST", "/api/v1/uploads", status=415)

    assert (await send(one, status=429))["code"] == "rate_limited"
    await send(two, status=429)  # from the same address
    shop.clock.advance(600)
    await send(one)


async def test_there_is_an_end_to_what_waits_to_be_used(shop: Shop) -> None:
    person, other = await shop.guest(), await shop.guest()
    for _ in range(MOST_UNUSED):
        await send(person)

    assert (await send(person, make_picture(colour="blue"), status=409))["reason"] == "too_many_uploads"
    await send(other)
    shop.clock.advance(DAY_S + 3601)
    await shop.app[UPLOADS].sweep()
    assert list((shop.app[SETTINGS].data / "images").glob("*")) == []  # the refused one left nothing either
    await send(person)


async def test_a_picture_sent_again_with_its_key_is_one_upload(shop: Shop) -> None:
    person = await shop.guest()
    keyed = {"headers": {"Idempotency-Key": "k1"}}

    first = await send(person, **keyed)

    assert await send(person, **keyed) == first
    assert (await send(person, make_picture(colour="blue"), status=409, **keyed))["reason"] == "key_reused"
    assert [row.id for row in await rows(shop) if row.owner_id] == [first["id"]]


async def test_the_name_cannot_be_found_out_from_the_picture(shop: Shop, tmp_path: Path) -> None:
    mine, theirs = await send(await shop.guest()), await send(await shop.guest())

    assert mine["image"] == theirs["image"] and mine["id"] != theirs["id"]
    assert await ImageStore(tmp_path).add(make_picture()) not in mine["image"]


# Using


async def test_a_comment_shows_its_authors_pictures(shop: Shop) -> None:
    await add_products(shop)
    author = await shop.user("olga")
    uploads = [await send(author, make_picture(colour=colour)) for colour in ("red", "blue", "green")]

    comment = await say(author, uploads[1]["id"], uploads[0]["id"], uploads[1]["id"])
    path = f"/api/v1/comments/{comment['id']}"
    assert [photo["image"] for photo in comment["photos"]] == [uploads[1]["image"], uploads[0]["image"]]

    photos = [uploads[0]["image"], uploads[2]["id"]]  # one that it has, and a new one
    edited = await author.call("PATCH", path, json={"photos": photos}, status=200)
    assert [photo["image"] for photo in edited["photos"]] == [uploads[0]["image"], uploads[2]["image"]]
    refusal = await author.call("PATCH", path, json={"photos": [uploads[1]["image"]]}, status=422)
    assert [error["code"] for error in refusal["errors"]] == ["no_such_upload"]
    assert (await author.call("PATCH", path, json={"photos": None}, status=200))["photos"] == []


async def test_nobody_uses_what_somebody_else_sent(shop: Shop) -> None:
    await add_products(shop)
    author, other = await shop.user("olga"), await shop.user("dmitry")
    upload, mine = await send(other), await send(author, make_picture(colour="blue"))

    refusal = await say(author, mine["id"], upload["id"], status=422)

    assert [error["pointer"] for error in refusal["errors"]] == ["/photos/1"]


@pytest.mark.parametrize("has_account", [False, True])
async def test_what_a_guest_sent_goes_along_into_the_account(shop: Shop, has_account: bool) -> None:
    await add_products(shop)
    if has_account:
        await shop.user("olga")
    guest = await shop.guest()
    upload = await send(guest)

    form = {"login": "olga", "password": PASSWORD, "token": True}
    account = {"username": "olga", "email": "olga@example.org", "password": PASSWORD, "token": True}
    path, body = ("/api/v1/session", form) if has_account else ("/api/v1/users", account)
    answer = await guest.call("POST", path, json=body)
    guest.token = answer["token"]

    await say(guest, upload["id"])


async def test_an_upload_of_yesterday_cannot_be_used(shop: Shop) -> None:
    await add_products(shop)
    author = await shop.user("olga")
    upload = await send(author)

    shop.clock.advance(DAY_S + 1)

    await say(author, upload["id"], status=422)


# Going


async def sweep(shop: Shop) -> int:
    return await shop.app[UPLOADS].sweep()


async def test_what_nobody_uses_goes_after_a_day_with_its_files(shop: Shop) -> None:
    await add_products(shop)
    author = await shop.user("olga")
    used, unused = await send(author), await send(author, make_picture(colour="blue"))
    await say(author, used["id"])

    assert await sweep(shop) == 0
    shop.clock.advance(DAY_S + 3601)
    young = await send(author, make_picture(colour="green"))

    assert await sweep(shop) == 1
    assert [await is_there(shop, each) for each in (used, unused, young)] == [True, False, True]
    assert {row.id for row in await rows(shop)} == {used["id"], young["id"]}


async def test_a_file_stays_while_another_upload_has_it(shop: Shop) -> None:
    await add_products(shop)
    author, other = await shop.user("olga"), await shop.user("dmitry")
    upload = await send(author)
    await send(other)  # the same picture, which the other never uses
    comment, second = await say(author, upload["id"]), await say(author, upload["id"], article=OTHER)
    shop.clock.advance(DAY_S + 3601)

    for gone in (comment, second):
        assert await sweep(shop) >= 1
        assert await is_there(shop, upload)
        await author.call("DELETE", f"/api/v1/comments/{gone['id']}", status=204)
    await sweep(shop)

    assert not await is_there(shop, upload)
    assert await rows(shop) == []


async def test_pictures_taken_out_of_a_comment_go(shop: Shop) -> None:
    await add_products(shop)
    author = await shop.user("olga")
    kept, gone = await send(author), await send(author, make_picture(colour="blue"))
    comment = await say(author, kept["id"], gone["id"])

    await author.call("PATCH", f"/api/v1/comments/{comment['id']}", json={"photos": [kept["image"]]}, status=200)
    shop.clock.advance(DAY_S + 3601)
    await sweep(shop)

    assert [await is_there(shop, each) for each in (kept, gone)] == [True, False]


async def test_a_file_sent_again_while_it_is_about_to_go_stays(shop: Shop) -> None:
    """The new row is not there yet, but the file has just been touched."""
    uploads = shop.app[UPLOADS]
    upload = await send(await shop.guest())
    shop.clock.advance(DAY_S + 3601)
    images = shop.app[SETTINGS].data / "images"
    before = {path: path.stat().st_mtime_ns for path in images.iterdir()}

    await uploads.take(make_picture())

    assert len(before) == 3 and all(path.stat().st_mtime_ns > mtime for path, mtime in before.items())
    assert await uploads.sweep() == 1
    assert not await is_there(shop, upload)  # a day later by the clock, and so a day since the touch


async def test_a_crash_between_comment_and_upload_loses_no_picture(tmp_path: Path) -> None:
    """The comment is written, the note that it shows the picture is not yet, and the next start is a day later."""
    async with open_shop(tmp_path) as shop:
        await add_products(shop)
        author = await shop.user("olga")
        upload = await send(author)
        await shop.app[DATABASES].messanger.writer.stop()  # from here on nothing is written there
        await say(author, upload["id"])
        assert [row.used_in for row in await rows(shop)] == [None]
    clock = HandClock()
    clock.advance(2 * DAY_S)

    async with open_shop(tmp_path, clock) as shop:
        await sweep(shop)

        assert await is_there(shop, upload)
        assert [row.used_in for row in await rows(shop)] == ["comment/1"]
