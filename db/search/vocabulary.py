"""All the terms of the index in memory: to know a word, and to find the words that somebody may have meant."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from db.search.words import distance

MOST = 40
"""So many words at most stand for one that was typed."""
CANDIDATES = 200


class Vocabulary:
    """Words that are gone from every product stay until the next start: they find nothing, and that is all."""

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._sorted: list[str] = []
        self._is_sorted = True
        self._lines = ""  # all of them, for the search inside words
        self._by_trigram: dict[str, list[str]] = {}

    def __contains__(self, word: str) -> bool:
        return word in self._words

    def add(self, words: Iterable[str]) -> None:
        """Learn words."""
        fresh = set(words) - self._words
        if not fresh:
            return
        self._words |= fresh
        self._sorted += fresh
        self._is_sorted = False
        for word in fresh:
            if not word.isdigit():
                for trigram in _trigrams(word):
                    self._by_trigram.setdefault(trigram, []).append(word)

    def has_prefix(self, prefix: str) -> bool:
        """Whether a word begins like that."""
        self._sort()
        place = bisect_left(self._sorted, prefix)
        return place < len(self._sorted) and self._sorted[place].startswith(prefix)

    def containing(self, part: str) -> list[str]:
        """Words with ``part`` inside, up to `MOST`."""
        self._sort()
        found: list[str] = []
        place = self._lines.find(part)
        while place >= 0 and len(found) < MOST:
            begin, end = self._lines.rfind("\n", 0, place) + 1, self._lines.find("\n", place)
            found.append(self._lines[begin:end])
            place = self._lines.find(part, end)
        return found

    def like(self, word: str) -> list[str]:
        """The words nearest to a mistyped one: one mistake from four letters on, two from six; none with digits."""
        allowed = 0 if len(word) < 4 or word.isdigit() else 1 if len(word) < 6 else 2
        if not allowed:
            return []
        shared: Counter[str] = Counter()
        for trigram in _trigrams(word):
            shared.update(self._by_trigram.get(trigram, ()))
        near: dict[tuple[int, int], list[str]] = {}
        for candidate, _ in shared.most_common(CANDIDATES):
            if (mistakes := distance(word, candidate, allowed)) <= allowed:
                # A wrong letter is likelier than one too many: тёплоя is тёплая, not тепло.
                near.setdefault((mistakes, abs(len(candidate) - len(word))), []).append(candidate)
        return near[min(near)][:MOST] if near else []

    def _sort(self) -> None:
        if not self._is_sorted:
            self._sorted.sort()  # mostly sorted already, which costs little
            self._lines = "\n".join([*self._sorted, ""])
            self._is_sorted = True


def _trigrams(word: str) -> set[str]:
    padded = f" {word} "
    return {padded[place : place + 3] for place in range(len(padded) - 2)}
