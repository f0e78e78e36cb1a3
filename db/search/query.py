"""What somebody typed, made into queries of the index: as it stands, on the other keyboard layout, with mistakes."""

from collections.abc import Awaitable, Callable, Iterator, Sequence

from db.search.index import Term, Words
from db.search.vocabulary import MOST, Vocabulary
from db.search.words import STOP_WORDS, other_script, split, stem, swap_layout

MOST_WORDS = 10
ENOUGH = 3
"""With fewer hits than this, what may have been meant is looked for too."""
MIN_PREFIX, MIN_PART = 2, 3


async def find(text: str, vocabulary: Vocabulary, match: Callable[[Words], Awaitable[Sequence[int]]]) -> list[int]:
    """The ids of what ``match`` finds for ``text``, best first: what was typed, then what may have been meant."""
    found: dict[int, None] = {}
    for enough, words in readings(text, vocabulary):
        if len(found) < enough:
            found |= dict.fromkeys(await match(words))
        if len(found) >= ENOUGH:
            break  # before the next reading is made: to guess takes time
    return list(found)


def readings(text: str, vocabulary: Vocabulary) -> Iterator[tuple[int, Words]]:
    """The queries that ``text`` may mean, the likeliest first, each with the hits that make it needless."""
    typed, swapped = _words(text), _words(swap_layout(text))
    for words in (typed, swapped):
        known = _known(words, vocabulary)
        if known and all(known):
            yield ENOUGH, known
    ways = [_meant(words, vocabulary) for words in (typed, swapped)]
    for enough, meant in zip((ENOUGH, 1), ways, strict=True):
        if meant and all(meant):
            yield enough, meant
    for meant in ways:  # no product has all of it: then any of it, what has most of it first
        if any(meant) and len(meant) > 1:
            yield 1, [[term for group in meant for term in group]]


def _words(text: str) -> list[str]:
    words = split(text)[:MOST_WORDS]
    return [word for word in words if word not in STOP_WORDS] or words


def _known(words: Sequence[str], vocabulary: Vocabulary) -> list[list[Term]]:
    """For each word the terms of the index that are it; the last one may be unfinished."""
    groups = []
    for place, word in enumerate(words, start=1):
        is_last = place == len(words) and len(word) >= MIN_PREFIX and vocabulary.has_prefix(word)
        forms = dict.fromkeys([word, stem(word)])
        if not is_last and not any(form in vocabulary for form in forms):
            forms = dict.fromkeys(form for twin in other_script(word) for form in (twin, stem(twin)))
        terms = [Term(form) for form in forms if form in vocabulary]
        groups.append([Term(word, is_prefix=True), *terms] if is_last else terms)
    return groups


def _meant(words: Sequence[str], vocabulary: Vocabulary) -> list[list[Term]]:
    """The same, with the terms that each word may have been meant to be."""
    return [_widened(word, known, vocabulary) for word, known in zip(words, _known(words, vocabulary), strict=True)]


def _widened(word: str, known: list[Term], vocabulary: Vocabulary) -> list[Term]:
    """Words that have ``word`` inside; of an unknown one also those that it may be a mistyped form of."""
    meant = vocabulary.containing(word) if len(word) >= MIN_PART else []
    if not meant and not known:
        meant = vocabulary.like(word) or vocabulary.like(stem(word))
        meant = [form for one in meant for form in (one, stem(one)) if form in vocabulary]
    return list(dict.fromkeys([*known, *map(Term, meant)]))[:MOST]
