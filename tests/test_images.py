"""Pictures: what is taken in and what is not, what is left of a photograph, and the pictures of a product."""

import asyncio
import json
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.errors import Invalid, TooLarge
from app.images import LONGEST_SIDE, MAX_BYTES, THUMBNAILS, ImageStore, thumbnail
from tests.conftest import Person, Shop
from tests.keeping import API, EDITOR, change, deeds, etag, make_place, make_product
from tests.pictures import make_picture, upload

ORIENTATION, MAKER, GPS = 0x0112, 0x010F, 0x8825
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def make_photograph() -> bytes:
    """A JPEG as a telephone makes it: lying on its side, with the place where it was taken."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = 6, "Kamera 3000"  # 6: to be turned by 90 degrees clockwise
    exif.get_ifd(GPS)[1] = "N"
    exif.get_ifd(GPS)[2] = (55.0, 45.0, 21.0)
    return make_picture(size=(1200, 800), kind="JPEG", colour="navy", exif=exif.tobytes(), quality=90)


def make_bomb(width: int, height: int) -> bytes:
    """A PNG that says it is that large: a few bytes that unpack to gigabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 10_000)) + chunk(b"IEND", b"")


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path)


def read(folder: Path, name: str) -> Image.Image:
    with Image.open(folder / "images" / name) as picture:
        picture.load()
        return picture


# What is left of a picture


async def test_a_photograph_stands_upright_and_tells_nothing_of_its_place(store: ImageStore, tmp_path: Path) -> None:
    name = await store.add(make_photograph())

    for each in (name, *(thumbnail(name, side) for side in THUMBNAILS)):
        picture = read(tmp_path, each)
        assert picture.format == "WEBP"
        assert picture.width == picture.height * 2 // 3  # it was 1200 × 800 and lay on its side
        assert not picture.getexif() and "exif" not in picture.info and "xmp" not in picture.info
        right, left = picture.getpixel((picture.width - 5, 5)), picture.getpixel((5, 5))
        assert min(right) > 230 and max(left[:2]) < 40  # type: ignore[arg-type,index]
        assert b"Kamera" not in (tmp_path / "images" / each).read_bytes()


async def test_a_large_picture_is_made_smaller_and_a_small_one_is_not(store: ImageStore, tmp_path: Path) -> None:
    large, small = await store.add(make_picture(size=(3000, 1500))), await store.add(make_picture(size=(200, 100)))

    assert read(tmp_path, large).size == (LONGEST_SIDE, LONGEST_SIDE // 2)
    assert [read(tmp_path, thumbnail(large, side)).size for side in THUMBNAILS] == [(320, 160), (960, 480)]
    assert {read(tmp_path, each).size for each in (small, thumbnail(small, 320))} == {(200, 100)}


async def test_the_same_picture_has_the_same_name_and_another_another(store: ImageStore, tmp_path: Path) -> None:
    names = await asyncio.gather(*(store.add(make_picture()) for _ in range(4)), store.add(make_picture(colour="red")))

    assert len(set(names)) == 2 == len({*names[:4]}) + 1
    assert len(list((tmp_path / "images").iterdir())) == 2 * 3  # and nothing half written


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("PNG", {"mode": "RGBA"}),
        ("PNG", {"mode": "L"}),
        ("PNG", {"mode": "P"}),
        ("PNG", {"mode": "1"}),
        ("JPEG", {"mode": "CMYK"}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("GIF", {}),
    ],
)
async def test_the_usual_kinds_are_taken(store: ImageStore, tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    name = await store.add(make_picture(kind, colour="black", **options))

    picture = read(tmp_path, name).convert("RGB")
    assert picture.size == (60, 40)
    assert min(picture.getpixel((10, 10))) > 200 > 50 > max(picture.getpixel((50, 30)))  # type: ignore[arg-type]


async def test_what_shines_through_goes_on_shining_through(store: ImageStore, tmp_path: Path) -> None:
    name = await store.add(make_picture(colour="#00000000", mode="RGBA"))

    assert read(tmp_path, name).getpixel((50, 30))[3] == 0  # type: ignore[index]


# What is not taken

NO_PICTURES = {
    "nothing": b"",
    "text": "Это не картинка".encode(),
    "a page": b"<html><script>alert(1)</script></html>",
    "a drawing": SVG,
    "half a JPEG": make_photograph()[:2000],
    "half a PNG": make_picture(size=(600, 400))[:-200],
    "a JPEG's first bytes": b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\0" * 100,
    "a JPEG that is a page": b"\xff\xd8\xff<script>alert(1)</script>",
    "another kind": make_picture(kind="BMP"),
    "another kind, packed": make_picture(kind="TIFF"),
    "a document": make_picture(kind="PDF"),
    "a drawing program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
}


@pytest.mark.parametrize("content", NO_PICTURES.values(), ids=NO_PICTURES)
async def test_what_is_no_picture_leaves_nothing_behind(store: ImageStore, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        await store.add(content)

    assert refusal.value.extra["errors"][0]["code"] == "not_an_image"
    assert not (tmp_path / "images").exists()


@pytest.mark.parametrize("size", [(30_000, 30_000), (8000, 6000), (2**31 - 1, 2**31 - 1)])
async def test_a_bomb_is_not_unpacked(store: ImageStore, tmp_path: Path, size: tuple[int, int]) -> None:
    bomb = make_bomb(*size)
    assert len(bomb) < 500

    with pytest.raises((TooLarge, Invalid)):
        await store.add(bomb)

    assert not (tmp_path / "images").exists()


# Pictures of a product


@pytest.fixture
async def editor(shop: Shop) -> Person:
    editor = await shop.staff(allows=EDITOR)
    await make_place(editor)
    await make_product(editor, article=4711)
    return editor


async def load(person: Person, address: str) -> Image.Image:
    async with person.request("GET", address) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "image/webp")
        return Image.open(BytesIO(await response.read()))


async def see(person: Person) -> Any:
    return await person.call("GET", f"{API}/products/4711", status=200)


async def test_a_picture_is_on_the_product_with_its_thumbnail(shop: Shop, editor: Person) -> None:
    status, product = await upload(editor, make_photograph())

    assert (status, product["version"]) == (201, 2)
    assert await see(editor) == product
    visitor = await shop.visitor()
    assert (await load(visitor, product["images"][0])).size == (800, 1200)
    assert max((await load(visitor, product["thumbnails"][0])).size) == 320
    told = (await deeds(shop))[-1]
    assert (told["kind"], told["before"], told["after"]) == (
        "edit_product", {"images": []}, {"images": product["images"]},
    )  # fmt: skip


async def test_the_same_picture_again_changes_nothing(editor: Person) -> None:
    first = await upload(editor, make_picture())

    assert await upload(editor, make_picture()) == first


async def test_pictures_are_put_in_order_and_taken_away(editor: Person) -> None:
    for colour in ("red", "green", "blue"):
        await upload(editor, make_picture(colour=colour))
    red, green, blue = (await see(editor))["images"]
    product = "/products/4711"

    arranged = await change(editor, "PATCH", f"{product}/images", {"images": [blue, red, green]}, of=product)
    assert arranged["images"] == [blue, red, green]
    removed = await change(editor, "DELETE", product + red, of=product)

    assert removed["images"] == [blue, green]
    assert removed["version"] == arranged["version"] + 1
    await change(editor, "DELETE", product + red, of=product, status=404)
    assert await see(editor) == removed


@pytest.mark.parametrize("order", ["none", "some", "one twice", "another's", "a name"])
async def test_an_order_names_each_picture_once(editor: Person, order: str) -> None:
    for colour in ("red", "green"):
        await upload(editor, make_picture(colour=colour))
    product = await see(editor)
    red, green = product["images"]
    wrong = {
        "none": [], "some": [red], "one twice": [red, red], "another's": [red, green, "/images/x.webp"],
        "a name": [red, green.rpartition("/")[2]],
    }[order]  # fmt: skip

    headers = {"If-Match": await etag(editor, "/products/4711")}
    options: dict[str, Any] = {"json": {"images": wrong}, "headers": headers, "status": 422}
    problem = await editor.call("PATCH", f"{API}/products/4711/images", **options)

    assert [error["pointer"] for error in problem["errors"]] == ["/images"]
    assert await see(editor) == product


async def test_a_thirteenth_picture_is_refused_before_it_is_read(editor: Person) -> None:
    for number in range(12):
        assert (await upload(editor, make_picture(size=(20 + number, 20))))[0] == 201
    full = await see(editor)

    status, problem = await upload(editor, make_picture(colour="red"))

    assert (status, problem["code"], problem["reason"], problem["most"]) == (409, "conflict", "too_many", 12)
    assert await see(editor) == full


async def test_of_many_at_once_twelve_are_kept(editor: Person) -> None:
    pictures = [make_picture(size=(20 + number, 20)) for number in range(16)]

    answers = await asyncio.gather(*(upload(editor, picture) for picture in pictures))

    assert sorted(status for status, _ in answers) == [201] * 12 + [409] * 4
    assert len(set((await see(editor))["images"])) == 12


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (NO_PICTURES["text"], 422, "invalid"),
        (SVG, 422, "invalid"),
        (NO_PICTURES["half a JPEG"], 422, "invalid"),
        (make_bomb(30_000, 30_000), 413, "too_large"),
        (b"\xff\xd8\xff" + b"\0" * MAX_BYTES, 413, "too_large"),
    ],
    ids=["text", "SVG", "truncated JPEG", "bomb", "more than 10 MB"],
)
async def test_what_is_no_picture_is_refused(
    shop: Shop, editor: Person, content: bytes, status: int, code: str
) -> None:
    before, known = await see(editor), await deeds(shop)

    answer, problem = await upload(editor, content)

    assert (answer, problem["code"]) == (status, code)
    if code == "invalid":
        assert problem["errors"][0]["pointer"] == "/file"
    assert (await see(editor), await deeds(shop)) == (before, known)


async def test_a_form_without_a_file_is_refused(editor: Person) -> None:
    status, problem = await upload(editor, make_picture(), field="picture")
    assert (status, problem["code"]) == (400, "bad_request")

    for body, kind in ((json.dumps({"file": "x"}).encode(), "application/json"), (make_picture(), "image/png")):
        options: dict[str, Any] = {"data": body, "headers": {"Content-Type": kind}}
        answer = await editor.call("POST", f"{API}/products/4711/images", status=415, **options)
        assert answer["code"] == "unsupported_media_type"


async def test_a_product_that_is_not_there_or_archived_takes_no_picture(editor: Person) -> None:
    assert (await upload(editor, make_picture(), path="/products/4712/images"))[0] == 404
    await change(editor, "DELETE", "/products/4711", status=204)

    status, problem = await upload(editor, make_picture())

    assert (status, problem["reason"]) == (409, "archived")


@pytest.mark.parametrize("path", ["/groups/zima", "/categories/shapki"])
async def test_a_group_and_a_category_have_a_picture_until_null_takes_it_away(editor: Person, path: str) -> None:
    status, shown = await upload(editor, make_picture(), path=f"{path}/image", method="PUT")

    assert status == 200
    assert (await load(editor, shown["image"])).size == (60, 40)
    assert (await upload(editor, SVG, path=f"{path}/image", method="PUT"))[0] == 422
    assert (await editor.call("GET", API + path, status=200))["image"] == shown["image"]
    assert (await change(editor, "PATCH", path, {"image": None}))["image"] is None
    assert (await upload(editor, make_picture(), path="/groups/nobody/image", method="PUT"))[0] == 404
