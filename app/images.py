"""Pictures that people send: checked, made anew without what cameras add, and kept under the hash of their content."""

import asyncio
import hashlib
import re
import warnings
from datetime import datetime
from io import BytesIO
from pathlib import Path
from threading import Lock

from PIL import Image, ImageOps, UnidentifiedImageError

from app.errors import Invalid, TooLarge

FOLDER = "images"
"""Below the data folder."""
NAME = re.compile(r"[0-9a-f]{32}(-(?:320|960))?\.(svg|webp|png|jpg)", re.ASCII)

MAX_BYTES = 10 * 2**20
MAX_PIXELS = 40_000_000
"""Of a picture before it is made smaller: a small file may hold a wall of one colour that fills the memory."""
LONGEST_SIDE = 1920
THUMBNAILS = (320, 960)
"""Longest sides. Pillow can read dozens of formats, most of them never looked at by anybody: these are enough."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
AT_ONCE = 2


def folder(data: Path) -> Path:
    """Where the pictures lie."""
    return data / FOLDER


def thumbnail(name: str, side: int) -> str:
    """The name of a picture's smaller version; drawings scale by themselves."""
    stem, _, kind = name.partition(".")
    return name if kind == "svg" else f"{stem}-{side}.{kind}"


class ImageStore:
    """Takes in pictures in threads of its own, a few at a time: to unpack one costs memory.

    With a ``key`` nobody who has a picture can find out under which name it lies, or whether it does.
    """

    def __init__(self, data: Path, key: bytes = b"") -> None:
        self._folder, self._key = folder(data), key
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._files = Lock()  # between "it is there" and "it has just been touched" nobody may remove it

    async def add(self, content: bytes) -> str:
        """Keep a picture and its thumbnails; returns its name. The same picture has the same name.

        Raises:
            TooLarge: more than `MAX_BYTES`, or more than `MAX_PIXELS`.
            Invalid: no picture, a damaged one, or of a kind that is not taken (`not_an_image`).
        """
        if len(content) > MAX_BYTES:
            raise TooLarge("A picture may have 10 MB.")
        async with self._slots:
            return await asyncio.to_thread(self._add, content)

    async def remove(self, name: str, before: datetime) -> None:
        """Remove a picture and its thumbnails, unless somebody has added it (again) since ``before``."""
        await asyncio.to_thread(self._remove, name, before)

    def _add(self, content: bytes) -> str:
        picture = _open(content)
        whole = _encode(picture, LONGEST_SIDE)
        name = hashlib.blake2b(whole, digest_size=16, key=self._key).hexdigest() + ".webp"
        self._folder.mkdir(parents=True, exist_ok=True)
        for side in THUMBNAILS:  # before the picture itself: what can be named has its thumbnails
            self._write(thumbnail(name, side), _encode(picture, side))
        self._write(name, whole)
        return name

    def _write(self, name: str, content: bytes) -> None:
        path = self._folder / name
        with self._files:
            if path.exists():
                path.touch()
                return
            part = path.with_suffix(f".{id(content)}.part")  # renamed when whole: a name never means half a picture
            part.write_bytes(content)
            part.replace(path)

    def _remove(self, name: str, before: datetime) -> None:
        for each in (name, *(thumbnail(name, side) for side in THUMBNAILS)):
            path = self._folder / each
            with self._files:
                if path.exists() and path.stat().st_mtime < before.timestamp():
                    path.unlink()


def _open(content: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:  # known before anything is unpacked
                    raise TooLarge("This picture has too many pixels.")
                picture.load()
                upright = ImageOps.exif_transpose(picture)
                return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise TooLarge("This picture has too many pixels.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError):
        detail = "This is no picture that we can read (JPEG, PNG, WebP or GIF)"
        raise Invalid(errors=[{"pointer": "/file", "code": "not_an_image", "detail": detail}]) from None


def _encode(picture: Image.Image, longest: int) -> bytes:
    """As WebP, and nothing but the pixels: EXIF has places and names in it."""
    smaller = picture.copy()
    smaller.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    into = BytesIO()
    smaller.save(into, "WEBP", quality=82, method=4)
    return into.getvalue()
