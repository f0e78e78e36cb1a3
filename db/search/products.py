"""What filters, orders and search see of a product's row."""

from collections.abc import Iterable, Mapping
from typing import Any

from db.search.index import Document
from db.search.shelf import PRICE_STEPS, Entry
from db.search.words import fold, terms

ORDERS = ("price", "sold", "rating", "created", "discount", "name")
YES, NO = "true", "false"
NAME_KEY = 100
"""So many letters of a name decide its place, then the id: a cursor carries them in an address."""

# Members of `specifications` that have a name of their own among the filters.
SPEC_OF = {"color": "spec.colors", "material": "spec.materials"}


def make_entry(row: Any) -> Entry:
    """A product for the shelf."""
    count = row.r1 + row.r2 + row.r3 + row.r4 + row.r5
    stars = row.r1 + 2 * row.r2 + 3 * row.r3 + 4 * row.r4 + 5 * row.r5
    off = row.price_minor - row.effective_minor
    keys = {
        "price": row.effective_minor,
        "sold": row.sold,
        "rating": round(stars / count, 2) if count else 0.0,
        "created": row.creation_time.timestamp(),
        "discount": off * 10_000 // row.price_minor if off else 0,
        "name": fold(row.name)[:NAME_KEY],
    }
    values = {
        "status": {row.status: row.status},
        "manager": {row.creation_manager_uuid: ""} if row.creation_manager_uuid else {},
        "group": {row.group_slug: row.group_name},
        "category": {row.category_slug: row.category_name},
        "in_stock": {YES if row.remains > 0 else NO: ""},
        "on_sale": {YES if off else NO: ""},
        "price_step": {str(price_step(row.effective_minor)): ""},
        "tag": _labels(row.tags),
        "country": _labels([row.country_origin]),
        **{f"spec.{key}": _labels(_texts(value)) for key, value in row.specifications.items()},
    }
    return Entry(row.id, keys, values)


def make_document(row: Any) -> Document:
    """A product for the index of texts."""
    brand = " ".join(_texts(row.specifications.get("brand")))
    specs = [text for value in row.specifications.values() for text in _texts(value)]
    return Document(
        row.id,
        name=[*terms(row.name, both_scripts=True), str(row.article)],
        tags=[*terms(brand, both_scripts=True), *terms(" ".join([*row.tags, row.category_name, row.group_name]))],
        specs=terms(" ".join([*specs, row.country_origin])),
        description=terms(row.description),
    )


def price_step(price_minor: int) -> int:
    """The bucket that a price is in: where it begins."""
    return next(step for step in reversed(PRICE_STEPS) if step <= price_minor)


def _labels(values: Iterable[str]) -> Mapping[str, str]:
    return {key: value for value in values if (key := fold(value).strip())}


def _texts(value: Any) -> list[str]:
    """A specification's value as texts: one or a list of them; numbers and truth as JSON writes them."""
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    if isinstance(value, bool):
        return [YES if value else NO]
    return [str(value)] if isinstance(value, str | int | float) else []
