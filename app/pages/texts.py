"""Every word the pages say, in Russian and English, with the plural rules of both. Scripts get the same catalogues."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pydantic_core import to_json

Language = Literal["ru", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "ru"

_FOLDER = Path(__file__).parent / "texts"
_SIGNS = {"RUB": "₽"}
NARROW, HARD = "\u202f", "\u00a0"  # spaces that do not break a line: between thousands, and before a sign


@dataclass(frozen=True, slots=True)
class Texts:
    """The catalogue of one language: ``texts("shop.all")``, ``texts("shop.left", n=3)``."""

    language: Language
    entries: dict[str, str | dict[str, str]] = field(repr=False)

    def __call__(self, key: str, **values: object) -> str:
        """Put a text into words. An entry with plural forms is chosen by ``n``. A missing key is a KeyError."""
        entry = self.entries[key]
        if isinstance(entry, dict):
            entry = entry[plural_form(self.language, int(str(values["n"])))]
        return entry.format(**values)

    def name_of(self, kind: str, code: str) -> str:
        """The word for a code that comes from data, such as a specification; the code itself if there is none."""
        entry = self.entries.get(f"{kind}.{code}")
        return entry if isinstance(entry, str) else code

    def money(self, amount: int, currency: str = "RUB") -> str:
        """Write minor units for people: 359990 is «3 599,90 ₽»; whole sums have no kopecks."""
        whole, part = divmod(abs(amount), 100)
        thousands = f"{whole:,}".replace(",", NARROW if self.language == "ru" else ",")
        fraction = f"{',' if self.language == 'ru' else '.'}{part:02}" if part else ""
        sign = "\u2212" if amount < 0 else ""
        return f"{sign}{thousands}{fraction}{HARD}{_SIGNS.get(currency, currency)}"

    def number(self, value: float, digits: int = 1) -> str:
        """Write a number with at most ``digits`` decimals: 4.5 is «4,5»."""
        text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
        return text.replace(".", ",") if self.language == "ru" else text

    def date(self, moment: datetime) -> str:
        """Write a day: 7.03.2026 in Russian, 2026-03-07 in English."""
        return moment.strftime("%d.%m.%Y") if self.language == "ru" else moment.strftime("%Y-%m-%d")

    def moment(self, moment: datetime) -> str:
        """Write a day with its time: 7.03.2026, 18:30. The moment is in the time zone of who reads it."""
        return f"{self.date(moment)}, {moment:%H:%M}"


def plural_form(language: Language, n: int) -> str:
    """Return the CLDR name of the form: 1 товар is *one*, 2 товара *few*, 5 and 11 товаров *many*."""
    n = abs(n)
    if language == "en":
        return "one" if n == 1 else "other"
    if n % 10 == 1 and n % 100 != 11:
        return "one"
    return "few" if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else "many"


@cache
def get_texts(language: Language) -> Texts:
    """The catalogue of a language: all files of its folder, each about one part of the pages."""
    entries: dict[str, str | dict[str, str]] = {}
    for path in sorted((_FOLDER / language).glob("*.json")):
        entries |= json.loads(path.read_text(encoding="utf-8"))
    return Texts(language, entries)


@cache
def script_texts(language: Language) -> tuple[bytes, str]:
    """Return what scripts need of the catalogue as JSON, and a version that changes with it."""
    unused = ("page.", "problem.", "demo.")
    body = to_json({key: text for key, text in get_texts(language).entries.items() if not key.startswith(unused)})
    return body, hashlib.sha256(body).hexdigest()[:12]


def choose_language(query: str | None, cookie: str | None, accept_language: str) -> Language:
    """Return the first language that we speak: of the address, of the cookie, of the browser; else Russian."""
    wishes = [query, cookie, *_accepted(accept_language)]
    return next((language for wish in wishes for language in LANGUAGES if wish == language), DEFAULT)


def _accepted(header: str) -> list[str]:
    """The primary tags of an Accept-Language header, best first."""
    weighted = []
    for part in header.split(",")[:20]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighted.append((-float(weight or 1), tag.split("-")[0].casefold()))
        except ValueError:
            continue
    return [tag for weight, tag in sorted(weighted, key=lambda pair: pair[0]) if weight < 0]
