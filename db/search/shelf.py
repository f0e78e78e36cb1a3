"""The shelf: all products in memory as filters and orders see them, so that a page and its counts need no SQL.

A bitset per value (colour «синий», status published …), a sorted list per order. At 50,000 products a filtered, sorted
page takes tens of microseconds and a hundred facet counts well under a millisecond; SQL would count for a tenth of a
second. It is derived: `db.queries.finding` reads what has changed, `Shelf.put` takes it in.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest
from itertools import chain, islice
from typing import Any

from db.search.bits import Mask, Posting, bits_of, slots_of
from db.search.words import split

Key = tuple[Any, int]
"""Where a product stands in an order: its sort key, then its id."""

KEPT_RANGES = 64
MOST_BEGINNINGS = 200
"""So many labels are looked at to complete a word."""

# Prices in minor units where one bucket ends and the next begins.
PRICE_STEPS = tuple(
    roubles * 100 for roubles in (0, 500, 1000, 2000, 3000, 5000, 7000, 10_000, 15_000, 20_000, 30_000, 50_000, 100_000)
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A product on the shelf. ``keys``: sort key per order; ``values``: its values per facet, folded, with labels."""

    id: int
    keys: Mapping[str, Any]
    values: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked for: chosen values per facet (any of them), ranges per order (both ends in), found ids."""

    chosen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    found: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a facet with its count."""

    key: str
    label: str
    count: int


class Shelf:
    """See the module. ``orders`` names the sort keys that every entry has. Belongs to the event loop's thread."""

    def __init__(self, orders: Iterable[str]) -> None:
        self.seq = 0  # the last change taken in
        self._entries: list[Entry | None] = []
        self._slots: dict[int, int] = {}  # by id
        self._orders = {name: _Order(self) for name in orders}
        self._postings: dict[str, dict[str, Posting]] = {}
        self._labels: dict[tuple[str, str], str] = {}
        self._beginnings: dict[str, list[tuple[str, str]]] = {}  # by facet: the words of its labels with their keys
        self._present = Posting()
        self._ranges: dict[tuple[str, Any, Any], int] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def put(self, entries: Sequence[Entry], removed: Sequence[int] = (), *, is_bulk: bool = False) -> None:
        """Take in products as they are now, and forget ``removed``. A bulk leaves the sorting for later."""
        if is_bulk:
            for order in self._orders.values():
                order.is_sorted = False
        for product_id in removed:
            if (slot := self._slots.pop(product_id, None)) is not None:
                self._replace(slot, None)
        for entry in entries:
            slot = self._slots.setdefault(entry.id, len(self._entries))
            if slot == len(self._entries):
                self._entries.append(None)
            self._replace(slot, entry)
        if entries or removed:
            self._ranges.clear()

    def settle(self) -> Iterator[None]:
        """Do what the next questions would wait for, in steps of some milliseconds; after a bulk."""
        for order in self._orders.values():
            order.sort()
            yield
        for posting in self._postings.values():
            for one in posting.values():
                one.settle(self._size)
            yield

    def page(self, scope: Scope, order: str, after: Key | None, limit: int, *, falling: bool) -> list[tuple[int, Key]]:
        """Up to ``limit`` products of the scope beyond ``after`` in this order, each with where it stands."""
        slots = self._orders[order].walk(Mask(self._select(scope)), after, limit, falling=falling)
        return [(self.entry(slot).id, self._orders[order].key(slot)) for slot in slots]

    def filter(self, scope: Scope, ids: Iterable[int], most: int) -> list[int]:
        """The first ``most`` of ``ids`` that are in the scope, in their order."""
        data, slots = Mask(self._select(scope)).bytes(self._size), self._slots
        inside = (one for one in ids if (slot := slots.get(one)) is not None and data[slot >> 3] >> (slot & 7) & 1)
        return list(islice(inside, most))

    def count(self, scope: Scope) -> int:
        """How many products are in the scope."""
        return self._select(scope).bit_count()

    def facet(self, scope: Scope, name: str, most: int) -> list[Value]:
        """The values of a facet among the products that every other filter lets through, most frequent first.

        Up to ``most``, and those that are chosen: they stay, at nought if need be, so that they can be taken back.
        """
        mask, postings = Mask(self._select(scope, but=name)), self._postings.get(name, {})
        # To ask a posting takes some five times as long as to look at a product.
        counts = self._count_few(mask, name) if mask.count < 5 * len(postings) else self._count_many(mask, name)
        chosen = {key: counts[key] for key in scope.chosen.get(name, ()) if key in postings}
        frequent = nsmallest(most, counts.items(), key=lambda pair: (-pair[1], self._labels[name, pair[0]]))
        found = [Value(key, self._labels[name, key], count) for key, count in {**dict(frequent), **chosen}.items()]
        return sorted(found, key=lambda value: (-value.count, value.label))

    def complete(self, scope: Scope, name: str, words: Sequence[str], most: int) -> list[Value]:
        """Values of the scope whose label has words that begin like all of these, most frequent first."""
        beginnings, mask = self._beginnings.get(name, []), Mask(self._select(scope))
        place, found = bisect_left(beginnings, (words[-1], "")), {}
        for word, key in beginnings[place : place + MOST_BEGINNINGS]:
            if not word.startswith(words[-1]):
                break
            label = self._labels[name, key]
            if all(any(one.startswith(typed) for one in split(label)) for typed in words):
                found[key] = Value(key, label, self._postings[name][key].count_in(mask, self._size))
        values = sorted(found.values(), key=lambda value: (-value.count, value.label))
        return [value for value in values if value.count][:most]

    def ends(self, scope: Scope, order: str) -> tuple[Any, Any] | None:
        """The lowest and the highest key of an order among what every filter but its own range lets through."""
        mask = Mask(self._select(scope, but=order))
        found = [self._orders[order].walk(mask, None, 1, falling=falling) for falling in (False, True)]
        if not found[0]:
            return None
        low, high = (self._orders[order].key(slots[0])[0] for slots in found)
        return low, high

    @property
    def _size(self) -> int:
        return len(self._entries)

    def entry(self, slot: int) -> Entry:
        entry = self._entries[slot]
        assert entry is not None
        return entry

    def get(self, product_id: int) -> Entry | None:
        """A product by its id."""
        slot = self._slots.get(product_id)
        return None if slot is None else self._entries[slot]

    def _replace(self, slot: int, entry: Entry | None) -> None:
        before, self._entries[slot] = self._entries[slot], None
        for name, order in self._orders.items():
            was, now = before and before.keys[name], entry and entry.keys[name]
            if before and not (entry and was == now):
                order.remove(slot, (was, before.id))
            if entry and not (before and was == now):
                order.add(slot, (now, entry.id))
        self._entries[slot] = entry
        if (before is None) != (entry is None):
            self._present.flip(slot)
        old: Mapping[str, Mapping[str, str]] = before.values if before else {}
        new: Mapping[str, Mapping[str, str]] = entry.values if entry else {}
        for name in {*old, *new}:
            postings = self._postings.setdefault(name, {})
            for key in old.get(name, {}).keys() ^ new.get(name, {}).keys():
                if key not in postings:
                    postings[key] = Posting()
                postings[key].flip(slot)
            for key, label in new.get(name, {}).items():
                if self._labels.get((name, key)) != label:
                    self._label(name, key, label)

    def _label(self, name: str, key: str, label: str) -> None:
        """Of two spellings the last one counts: a category may have been renamed."""
        self._labels[name, key] = label
        beginnings = self._beginnings.setdefault(name, [])
        for word in split(label):
            place = bisect_left(beginnings, (word, key))
            if beginnings[place : place + 1] != [(word, key)]:
                beginnings.insert(place, (word, key))

    def _select(self, scope: Scope, but: str = "") -> int:
        """The scope as bits; ``but`` leaves one filter out."""
        bits = self._present.bits(self._size)
        for name, keys in scope.chosen.items():
            if name == but:
                continue
            postings, any_of = self._postings.get(name, {}), 0
            for key in keys:
                if key in postings:
                    any_of |= postings[key].bits(self._size)
            bits &= any_of
        if scope.found is not None:
            bits &= bits_of([self._slots[one] for one in scope.found if one in self._slots], self._size)
        for name, (low, high) in scope.ranges.items():
            if name != but:
                bits = self._narrow(bits, name, low, high)
        return bits

    def _narrow(self, bits: int, name: str, low: Any | None, high: Any | None) -> int:
        """Those whose key is in the range, both ends in; None leaves an end open."""
        if (name, low, high) not in self._ranges:
            order = self._orders[name]
            if bits.bit_count() < self._size >> 4:  # so few are asked one by one
                return bits_of([slot for slot in slots_of(bits) if order.is_between(slot, low, high)], self._size)
            if len(self._ranges) >= KEPT_RANGES:
                self._ranges.clear()
            self._ranges[name, low, high] = self._range(order, low, high)
        return bits & self._ranges[name, low, high]

    def _range(self, order: "_Order", low: Any | None, high: Any | None) -> int:
        begin, end = order.between(low, high)
        if 2 * (end - begin) < self._size:
            return bits_of(order.slots[begin:end], self._size)
        return self._present.bits(self._size) ^ bits_of([*order.slots[:begin], *order.slots[end:]], self._size)

    def _count_few(self, mask: Mask, name: str) -> Counter[str]:
        entries = map(self.entry, slots_of(mask.bits))
        return Counter(chain.from_iterable(entry.values.get(name, ()) for entry in entries))

    def _count_many(self, mask: Mask, name: str) -> Counter[str]:
        size = self._size
        counts = {key: posting.count_in(mask, size) for key, posting in self._postings.get(name, {}).items()}
        return Counter({key: count for key, count in counts.items() if count})


class _Order:
    """The slots of all products by one sort key, then by id."""

    def __init__(self, shelf: Shelf) -> None:
        self.is_sorted = True
        self._shelf = shelf
        self.slots: list[int] = []
        self._keys: dict[int, Key] = {}

    def key(self, slot: int) -> Key:
        return self._keys[slot]

    def add(self, slot: int, key: Key) -> None:
        self._keys[slot] = key
        if self.is_sorted:
            insort(self.slots, slot, key=self.key)

    def remove(self, slot: int, key: Key) -> None:
        if self.is_sorted:
            del self.slots[bisect_left(self.slots, key, key=self.key)]
        del self._keys[slot]

    def sort(self) -> None:
        if not self.is_sorted:
            # What was sorted before comes first, in its order: that is nearly all the work done already.
            known = [slot for slot in self.slots if slot in self._keys]
            fresh = self._keys.keys() - known if len(known) < len(self._keys) else ()
            self.slots = sorted([*known, *fresh], key=self._keys.__getitem__)
            self.is_sorted = True

    def between(self, low: Any | None, high: Any | None) -> tuple[int, int]:
        """The places in `slots` where the range begins and ends."""
        self.sort()
        begin = 0 if low is None else bisect_left(self.slots, low, key=self._first)
        end = len(self.slots) if high is None else bisect_right(self.slots, high, key=self._first)
        return begin, max(begin, end)

    def is_between(self, slot: int, low: Any | None, high: Any | None) -> bool:
        """Whether one slot's key is in the range."""
        key = self._keys[slot][0]
        return (low is None or key >= low) and (high is None or key <= high)

    def walk(self, mask: Mask, after: Key | None, limit: int, *, falling: bool) -> list[int]:
        """Up to ``limit`` of the mask's slots beyond ``after``, in this order or the reverse."""
        # Walking passes by about limit × size / count products; sorting a few takes three times as long for each.
        if 3 * mask.count * mask.count < limit * len(self._keys):
            slots: Iterable[int] = slots_of(mask.bits)
            if after is not None:
                beyond = after.__gt__ if falling else after.__lt__
                slots = (slot for slot in slots if beyond(self._keys[slot]))
            return (nlargest if falling else nsmallest)(limit, slots, key=self._keys.__getitem__)
        self.sort()
        order, found = self.slots, []
        data = mask.bytes(len(self._shelf._entries))
        if falling:
            end = len(order) if after is None else bisect_left(order, after, key=self.key)
            places: Iterable[int] = range(end - 1, -1, -1)
        else:
            places = range(0 if after is None else bisect_right(order, after, key=self.key), len(order))
        for place in places:
            slot = order[place]
            if data[slot >> 3] >> (slot & 7) & 1:
                found.append(slot)
                if len(found) == limit:
                    break
        return found

    def _first(self, slot: int) -> Any:
        return self._keys[slot][0]
