"""Pictures as people send them."""

from io import BytesIO
from typing import Any

import aiohttp
from PIL import Image, ImageDraw

from tests.conftest import Person
from tests.keeping import API


def make_picture(
    kind: str = "PNG", size: tuple[int, int] = (60, 40), colour: str = "teal", mode: str = "RGB", **options: Any
) -> bytes:
    """A picture of one colour whose upper left quarter is white, as the bytes of a file."""
    picture = Image.new("RGBA", size, colour)
    ImageDraw.Draw(picture).rectangle((0, 0, size[0] // 2 - 1, size[1] // 2 - 1), fill="white")
    if mode != "RGBA":
        picture = picture.convert("RGB").convert(mode)
    into = BytesIO()
    picture.save(into, kind, **options)
    return into.getvalue()


def make_form(content: bytes, field: str = "file") -> aiohttp.FormData:
    """The multipart form of an upload."""
    form = aiohttp.FormData()
    form.add_field(field, BytesIO(content), filename="IMG_0001.jpg", content_type="image/jpeg")
    return form


async def upload(
    person: Person, content: bytes, *, path: str = "/products/4711/images", method: str = "POST", field: str = "file"
) -> tuple[int, Any]:
    """Send a picture; returns the status and the answer."""
    async with person.request(method, API + path, data=make_form(content, field)) as response:
        return response.status, await response.json(content_type=None)
