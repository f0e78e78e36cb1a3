"""The little Russian grammar that names and descriptions need: adjectives that agree, endings to choose from."""

import re
from typing import Literal

Gender = Literal["m", "f", "n", "p"]
"""Masculine, feminine, neuter, and plural for things that come in pairs."""
GENDERS: tuple[Gender, ...] = ("m", "f", "n", "p")

# Endings by the kind of stem, in the order of GENDERS.
_HARD = ("ый", "ая", "ое", "ые")
_STRESSED = ("ой", "ая", "ое", "ые")  # складной, льняной
_STRESSED_VELAR = ("ой", "ая", "ое", "ие")  # городской
_SOFT = ("ий", "яя", "ее", "ие")  # зимний, синий
_VELAR = ("ий", "ая", "ое", "ие")  # лёгкий, мягкий
_HUSHING = ("ий", "ая", "ее", "ие")  # дышащий, рыжий

_CHOICE = re.compile(r"\[([^\[\]]+)\]")


def agree(adjective: str, gender: Gender) -> str:
    """The adjective, given as masculine («лёгкий»), in the gender of its noun."""
    stem, ending = adjective[:-2], adjective[-2:]
    if ending == "ый":
        endings = _HARD
    elif ending == "ой":
        endings = _STRESSED_VELAR if stem[-1] in "гкх" else _STRESSED
    elif stem[-1] in "гкх":
        endings = _VELAR
    elif stem[-1] in "жшчщ":
        endings = _HUSHING
    else:
        endings = _SOFT
    if endings[0] != ending:
        raise ValueError(f"{adjective!r} is no masculine adjective")
    return stem + endings[GENDERS.index(gender)]


def inflect(sentence: str, gender: Gender) -> str:
    """Choose among the alternatives in brackets.

    Two of them are singular and plural («[греет|греют]»), four are in the order of GENDERS.
    """

    def choose(match: re.Match[str]) -> str:
        options = match[1].split("|")
        if len(options) == 2:
            return options[gender == "p"]
        if len(options) == 4:
            return options[GENDERS.index(gender)]
        raise ValueError(f"{match[0]} has neither two alternatives nor four")

    return _CHOICE.sub(choose, sentence)
