"""The one normaliser: what people type and what products say, made comparable. Nothing here knows a database."""

import re
import unicodedata
from functools import lru_cache

import snowballstemmer  # type: ignore[import-untyped]

VERSION = 1
"""Rises when the same text would give other terms: the index of a shop is then made anew by itself."""

_INVISIBLE = dict.fromkeys([0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])  # soft hyphen, zero width, joiners
_WORD = re.compile(r"[^\W_]+")
_CYRILLIC = re.compile("[а-я]")
_RUSSIAN, _ENGLISH = snowballstemmer.stemmer("russian"), snowballstemmer.stemmer("english")
# A fleeting vowel: шапок is of шапка, ботинок of ботинки; no stemmer of Snowball knows.
_FLEETING = re.compile(r"(?<=[бвгджзйклмнпрстфхцчшщ])[ое](?=к$)")

# The same keys on the two layouts, from the top left to the bottom right.
_LATIN_KEYS = "`qwertyuiop[]asdfghjkl;'zxcvbnm,." + '~QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>'
_CYRILLIC_KEYS = "ёйцукенгшщзхъфывапролджэячсмитьбю" + "ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ"
_TO_CYRILLIC_KEYS = str.maketrans(_LATIN_KEYS, _CYRILLIC_KEYS)
_TO_LATIN_KEYS = str.maketrans(_CYRILLIC_KEYS, _LATIN_KEYS)

_LATIN_OF = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
        "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u",
        "ф": "f", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ы": "y", "ь": "", "э": "e",
        "ю": "yu", "я": "ya",
    }
)  # fmt: skip

# How a Russian writes a Latin name by ear: the first rule that fits at a place is taken, the longest ones come first.
_BY_EAR = re.compile(
    r"(?P<magic>[aiou])(?=[bcdfghjklmnpqrstvz]e$)|(?P<mute>(?<=[bcdfghjklmnpqrstvz])e$)|(?P<soft>c(?=[eiy]))"
    r"|sch|sh|ch|zh|kh|ph|th|ck|qu|ts|yu|ya|yo|ee|oo|ou|[a-z]"
)
_SOUNDS = {
    "sch": "ш", "sh": "ш", "ch": "ч", "zh": "ж", "kh": "х", "ph": "ф", "th": "т", "ck": "к", "qu": "кв", "ts": "ц",
    "yu": "ю", "ya": "я", "yo": "е", "ee": "и", "oo": "у", "ou": "у",
    "a": "а", "b": "б", "c": "к", "d": "д", "e": "е", "f": "ф", "g": "г", "h": "х", "i": "и", "j": "дж", "k": "к",
    "l": "л", "m": "м", "n": "н", "o": "о", "p": "п", "q": "к", "r": "р", "s": "с", "t": "т", "u": "у", "v": "в",
    "w": "в", "x": "кс", "y": "и", "z": "з",
}  # fmt: skip
_LONG = {"a": "ей", "i": "ай", "o": "о", "u": "ью"}

# Words that say nothing about a thing. In a query they are left out if others remain.
STOP_WORDS = frozenset(
    "а без в во для до за и из или к как на не о об от по под при про с со у the a an and for from in of on or to with"
    .split()
)  # fmt: skip


def fold(text: str) -> str:
    """``text`` without what the eye does not see or care about: NFC, casefold, е for ё, no invisible letters.

    Accents of Latin letters go, й stays й.
    """
    text = unicodedata.normalize("NFC", text).translate(_INVISIBLE).casefold().replace("ё", "е")
    if text.isascii():
        return text
    return "".join(_plain(letter) if "\xc0" <= letter <= "\u024f" else letter for letter in text)


def split(text: str) -> list[str]:
    """The words of ``text``, folded, in their order."""
    return _WORD.findall(fold(text))


@lru_cache(50_000)  # a shop's words come again and again, and a stem takes 20 µs
def stem(word: str) -> str:
    """What the forms of a folded word have in common, by its script."""
    if _CYRILLIC.search(word):
        return _FLEETING.sub("", str(_RUSSIAN.stemWord(word)))
    return word if word.isdigit() else str(_ENGLISH.stemWord(word))


@lru_cache(50_000)
def other_script(word: str) -> tuple[str, ...]:
    """A folded word as the other alphabet would write it: siverko; найк and нике for nike."""
    if _CYRILLIC.search(word):
        return (word.translate(_LATIN_OF),)
    if not word.isascii() or word.isdigit():
        return ()
    by_ear = _BY_EAR.sub(_sound, word)
    by_letter = "".join(_SOUNDS.get(letter, letter) for letter in word)
    return (by_ear,) if by_ear == by_letter else (by_ear, by_letter)


def terms(text: str, *, both_scripts: bool = False) -> list[str]:
    """What is indexed for ``text``: each word, its stem if that is another, and with ``both_scripts`` its twins."""
    found = []
    for word in split(text):
        found.append(word)
        if (stemmed := stem(word)) != word:
            found.append(stemmed)
        if both_scripts:
            found += other_script(word)
    return found


def swap_layout(text: str) -> str:
    """What the same keys give on the other keyboard layout: куртка for rehnrf, nike for тшлу."""
    if _CYRILLIC.search(text.casefold()):
        return text.translate(_TO_LATIN_KEYS)
    return text.translate(_TO_CYRILLIC_KEYS)


def distance(one: str, other: str, most: int) -> int:
    """How many letters were mistyped, left out, added or swapped with a neighbour; ``most + 1`` for any more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        line = [row]
        for column, candidate in enumerate(other, start=1):
            cost = min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != candidate))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == candidate:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        if min(line) > most:
            return most + 1
        before, above = above, line
    return min(above[-1], most + 1)


def _plain(letter: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFD", letter) if not unicodedata.combining(part))


def _sound(found: re.Match[str]) -> str:
    if found["magic"]:
        return _LONG[found["magic"]]
    if found["mute"]:
        return ""
    return "с" if found["soft"] else _SOUNDS[found[0]]
