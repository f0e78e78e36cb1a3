"""Names that people give to things: when two of them are the same, and the slug that one makes in an address."""

import re
import unicodedata
from collections.abc import Container
from itertools import count

SLUG_LENGTH = 60
"""Leaves room for a number in the column's 80."""

_LETTERS = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch  y  e yu ya".split(" "),
        strict=True,
    )
)


def same_name(name: str) -> str:
    """One spelling of a name for comparing: no case, ё is е, one space at a time."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().replace("ё", "е").split())


def make_slug(name: str, taken: Container[str], fallback: str) -> str:
    """A slug of Latin letters, digits and hyphens that is not ``taken``. ``fallback`` serves a name without any."""
    stem = slug_stem(name) or fallback
    if stem not in taken:
        return stem
    return next(slug for number in count(2) if (slug := f"{stem}-{number}") not in taken)


def slug_stem(name: str) -> str:
    """The name in Latin letters: Russian ones by sound, others without their accents; "" if nothing is left."""
    latin = "".join(_LETTERS.get(letter, letter) for letter in unicodedata.normalize("NFKC", name).casefold())
    plain = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:SLUG_LENGTH].strip("-")
