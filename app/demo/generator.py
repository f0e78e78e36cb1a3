"""The catalogue of the demo, made by a seeded generator: the same seed gives the same goods, to the last letter."""

import hashlib
import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from app.demo.grammar import agree, inflect
from app.demo.nouns import ANY_CARE, CARE, NOUNS, SIZES, Noun
from app.demo.pictures import draw
from app.demo.words import (
    ACCENTS,
    ADJECTIVES,
    BRANDS,
    COLOURS,
    COUNTRIES,
    GROUPS,
    LEATHERS,
    Adjective,
    Category,
)
from app.services.pricing import discounted

SEED = 1123
PRODUCTS = 300
AGE_DAYS = 240
"""The oldest product is about that old."""

# Articles are a walk in steps through a range: all different, none next to the one before. The step and the size of
# the range have no common divisor, so nothing comes twice before everything has come.
FIRST_ARTICLE, ARTICLES, ARTICLE_STEP = 100_003, 899_981, 514_229


@dataclass(frozen=True, slots=True)
class Goods:
    """A product before it is a row: the row without ids and times, its noun, and how old it is."""

    noun: Noun
    age: timedelta
    row: dict[str, Any]


@dataclass(slots=True)
class Catalogue:
    """Everything that was made. ``pictures`` are files by name, products come oldest first."""

    groups: list[dict[str, Any]]
    categories: list[dict[str, Any]]
    goods: list[Goods]
    pictures: dict[str, bytes] = field(default_factory=dict)

    def digest(self) -> str:
        """A hash of all of it, for tests that compare two runs."""
        parts = [self.groups, self.categories, [(item.age.total_seconds(), item.row) for item in self.goods]]
        text = json.dumps([parts, sorted(self.pictures)], sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def make_catalogue(seed: int = SEED, count: int = PRODUCTS) -> Catalogue:
    """Make ``count`` products, spread evenly over the categories, with groups, categories and pictures."""
    random = Random(seed)
    studio = Studio()
    goods = [_make_goods(random, index, *pick, studio) for index, pick in enumerate(_choose(random, count))]
    ages = sorted((timedelta(minutes=random.randrange(60, AGE_DAYS * 1440)) for _ in goods), reverse=True)
    goods = _mixed(random, goods)
    goods = [Goods(item.noun, age, item.row) for item, age in zip(goods, ages, strict=True)]
    return Catalogue(_groups(studio), _categories(studio), goods, studio.pictures)


def _mixed(random: Random, goods: list[Goods]) -> list[Goods]:
    """In any order, but one of each kind before the second of any: no page of the shop shows five coats."""
    random.shuffle(goods)
    seen: Counter[str] = Counter()
    turns = []
    for item in goods:
        seen[item.noun.name] += 1
        turns.append(seen[item.noun.name])
    return [item for _, item in sorted(zip(turns, goods, strict=True), key=lambda pair: pair[0])]


class Studio:
    """Draws each picture once, however many products show it."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}
        self._names: dict[tuple[str, ...], str] = {}

    def take(self, shape: str, colour: str, accent: str, pattern: str) -> str:
        """The file name of the picture: the hash of its content."""
        wanted = (shape, COLOURS[colour], accent, pattern)
        if wanted not in self._names:
            content = draw(*wanted)
            name = hashlib.blake2b(content, digest_size=16).hexdigest() + ".svg"
            self.pictures[name] = content
            self._names[wanted] = name
        return self._names[wanted]


def _choose(random: Random, count: int) -> Iterator[tuple[Noun, Adjective, str]]:
    """Noun, adjective and brand of each product; noun and adjective repeat only when all pairs have been used."""
    categories = [category.slug for group in GROUPS for category in group.categories]
    pairs = {slug: _pairs(random, slug) for slug in categories}
    taken: set[tuple[str, str, str]] = set()
    for index in range(count):
        mine = pairs[categories[index % len(categories)]]
        noun, adjective = mine[index // len(categories) % len(mine)]
        brand = _pareto(random, BRANDS)
        while (noun.name, adjective.name, brand) in taken:
            brand = random.choice(BRANDS) if random.random() < 0.9 else f"{brand} {random.randrange(2, 99_999)}"
        taken.add((noun.name, adjective.name, brand))
        yield noun, adjective, brand


def _pairs(random: Random, category: str) -> list[tuple[Noun, Adjective]]:
    """Every noun of the category with every adjective that suits it, nouns taking turns."""
    queues = []
    for noun in NOUNS:
        if noun.category == category:
            adjectives = [ADJECTIVES[name] for name in noun.adjectives]
            random.shuffle(adjectives)
            queues.append([(noun, adjective) for adjective in adjectives])
    longest = max(map(len, queues))
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]


def _make_goods(random: Random, index: int, noun: Noun, adjective: Adjective, brand: str, studio: Studio) -> Goods:
    material = adjective.material or random.choice(noun.materials)
    colours = random.sample(_colours_of(material), k=random.choices((1, 2, 3), (5, 3, 2))[0])
    accent = random.choice([each for each in ACCENTS if each != COLOURS[colours[0]]])
    price_minor = _price(random, noun.price)
    discount_bp = random.choice((500, 1000, 1000, 1500, 2000, 2500, 3000, 4000)) if random.random() < 0.35 else 0
    row = {
        "article": FIRST_ARTICLE + index * ARTICLE_STEP % ARTICLES,
        "name": _spelling(random, index, f"{noun.name.capitalize()} {agree(adjective.name, noun.gender)} «{brand}»"),
        "status": "published",
        "category": noun.category,
        "price_minor": price_minor,
        "discount_bp": discount_bp,
        "effective_minor": discounted(price_minor, discount_bp),
        "tags": _tags(random, noun, adjective),
        "specifications": {
            "brand": brand,
            "colors": colours,
            "materials": [material],
            "sizes": _sizes(random, SIZES[noun.sizes]),
        },
        "country_origin": random.choices([name for name, _ in COUNTRIES], [weight for _, weight in COUNTRIES])[0],
        "description": _describe(random, noun, adjective, material),
        "images": [studio.take(noun.shape, colour, accent, adjective.pattern) for colour in colours],
        "sold": _sold(random),
        "remains": 0 if random.random() < 0.08 else 1 + _negative_binomial(random, 3, 0.12),
    }
    return Goods(noun, timedelta(), row)


def _colours_of(material: str) -> list[str]:
    if material == "солома":
        return ["песочный", "горчичный", "молочный"]
    return list(LEATHERS if material in ("кожа", "замша", "нубук") else COLOURS)


def _price(random: Random, median: int) -> int:
    """Log-normal around the median, in steps of ten roubles that end in ,90: 3 499,90 ₽ is 349990."""
    roubles = median * math.exp(random.gauss(0, 0.28))
    return max(round(roubles / 10), 10) * 1000 - 10


def _describe(random: Random, noun: Noun, adjective: Adjective, material: str) -> str:
    """A few sentences that agree with the noun."""
    composition = f"Материал: {material}."
    sentences = [adjective.about, noun.about, composition]
    if random.random() < 0.7:
        sentences.append(random.choice(CARE.get(noun.sizes, ANY_CARE)))
    return " ".join(inflect(sentence, noun.gender) for sentence in sentences)


def _tags(random: Random, noun: Noun, adjective: Adjective) -> list[str]:
    [group] = [group for group in GROUPS if any(category.slug == noun.category for category in group.categories)]
    tags = random.sample(group.tags, k=random.randrange(1, 3))
    if random.random() < 0.2:
        tags.append("подарок")
    return [*tags, agree(adjective.name, noun.gender)]


def _sizes(random: Random, all_sizes: Sequence[str]) -> list[str]:
    """A run of neighbours: shops miss the ends of a range, seldom its middle."""
    first = random.randrange(0, max(1, len(all_sizes) // 3))
    last = len(all_sizes) - random.randrange(0, max(1, len(all_sizes) // 3))
    return list(all_sizes[first:last])


def _sold(random: Random) -> int:
    """A few products sell much more than the rest."""
    return min(int(random.paretovariate(0.9)) - 1, 400) * random.randrange(2, 9) if random.random() < 0.85 else 0


def _spelling(random: Random, index: int, name: str) -> str:
    """Names as many hands type them: е for ё, letters in two parts, a soft hyphen. Search must find them all."""
    if index % 41 == 7:
        return unicodedata.normalize("NFD", name)
    if index % 41 == 29 and len(first := name.split(" ")[0]) > 5:
        return name.replace(first, f"{first[:3]}\u00ad{first[3:]}", 1)
    return name.replace("ё", "е") if random.random() < 0.06 else name


def _pareto(random: Random, things: Sequence[str]) -> str:
    """The first things often, the last ones seldom."""
    rank = int(random.paretovariate(0.4)) - 1
    return things[rank] if rank < len(things) else random.choice(things)


def _negative_binomial(random: Random, successes: int, chance: float) -> int:
    """Failures before the given number of successes."""
    return sum(int(math.log(1 - random.random()) / math.log(1 - chance)) for _ in range(successes))


def _groups(studio: Studio) -> list[dict[str, Any]]:
    return [
        {
            "slug": group.slug,
            "name": group.name,
            "description": group.description,
            "position": position,
            "image": _face(studio, group.categories[0]),
        }
        for position, group in enumerate(GROUPS, start=1)
    ]


def _categories(studio: Studio) -> list[dict[str, Any]]:
    return [
        {
            "group": group.slug,
            "slug": category.slug,
            "name": category.name,
            "description": category.description,
            "position": position,
            "image": _face(studio, category),
        }
        for group in GROUPS
        for position, category in enumerate(group.categories, start=1)
    ]


def _face(studio: Studio, category: Category) -> str:
    name, colour = category.face
    [noun] = [noun for noun in NOUNS if noun.name == name and noun.category == category.slug]
    return studio.take(noun.shape, colour, ACCENTS[0], "")


def created(item: Goods, now: datetime) -> datetime:
    """When the product was put in, seen from ``now``."""
    return now - item.age
