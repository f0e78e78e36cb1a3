"""What counts of stars say: of a product, and of its page of comments."""

from collections.abc import Sequence


def mean_rating(histogram: Sequence[int]) -> float | None:
    """The mean of the stars, two decimals; ``histogram`` is how many gave one star, two … five. None: nobody has."""
    count = sum(histogram)
    return round(sum(star * times for star, times in enumerate(histogram, start=1)) / count, 2) if count else None
