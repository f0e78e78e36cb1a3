"""Sets of small integers as Python's own big ones: one bit per slot, AND and bit_count at the speed of memory."""

from collections.abc import Collection, Iterator

FEW = 64
"""A set of so many, or of one slot in 512, is kept as it is: rare values as bits would fill gigabytes."""


def bits_of(slots: Collection[int], size: int) -> int:
    """The slots as bits, all below ``size``. By way of digits: to shift big integers one by one takes forever."""
    digits = bytearray(b"0") * (size + 1)
    for slot in slots:
        digits[size - slot] = 49
    return int(digits, 2)


def slots_of(bits: int) -> Iterator[int]:
    """The slots, rising."""
    digits = bin(bits)[:1:-1]
    slot = digits.find("1")
    while slot >= 0:
        yield slot
        slot = digits.find("1", slot + 1)


class Mask:
    """Some slots, asked whether they hold one and how many. Made once per question."""

    __slots__ = ("_bytes", "bits", "count")

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.count = bits.bit_count()
        self._bytes = b""

    def bytes(self, size: int) -> bytes:
        """One bit per slot, eight to a byte: to test a bit of a big integer is to copy it."""
        if not self._bytes:
            self._bytes = self.bits.to_bytes((size >> 3) + 1, "little")
        return self._bytes


class Posting:
    """The slots that have one value. Few are a set; many are bits, with the changes since as a set beside them."""

    __slots__ = ("_bits", "_few")

    def __init__(self) -> None:
        self._few: set[int] = set()
        self._bits: int | None = None

    def flip(self, slot: int) -> None:
        """Take the slot in, or out if it is in."""
        self._few ^= {slot}

    def bits(self, size: int) -> int:
        """All slots as bits."""
        self.settle(size)
        return bits_of(self._few, size) if self._bits is None else self._bits

    def settle(self, size: int) -> None:
        """Take the changes into the bits, or make bits of what has become many."""
        if len(self._few) > max(FEW, size >> 9) or (self._few and self._bits is not None):
            self._bits = (self._bits or 0) ^ bits_of(self._few, size)
            self._few = set()

    def count_in(self, mask: Mask, size: int) -> int:
        """How many of ``mask``'s slots are here."""
        self.settle(size)
        if self._bits is None:
            data = mask.bytes(size)
            return sum(data[slot >> 3] >> (slot & 7) & 1 for slot in self._few)
        return (self._bits & mask.bits).bit_count()
