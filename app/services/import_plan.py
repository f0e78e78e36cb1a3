"""Rows of a file against the products that are there: what each would change, and doing it, many at once."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.actor import Actor
from app.schemas.base import IMAGES_PATH
from app.schemas.imports import ProductRow
from app.services.import_files import Errors, FileRow
from app.services.naming import same_name
from app.services.pricing import discounted, reprice, set_prices
from app.services.product_editor import PUBLISH, filled
from app.services.store_events import CatalogueChanged, ProductChanged, StoreEvent
from db.queries import imports as queries
from db.queries import products
from db.queries.stock import move_stock


@dataclass(frozen=True, slots=True)
class Importer:
    """In whose name a file is taken; without an actor it is the command line, which may do everything."""

    actor: Actor | None = None
    uuid: str | None = None

    @property
    def may_publish(self) -> bool:
        return self.actor is None or self.actor.has(PUBLISH)


@dataclass(slots=True)
class Change:
    """What a row changes of a product: columns, price and discount, pieces. ``present`` None: the product is new."""

    article: int
    present: Any
    columns: dict[str, Any]
    price: tuple[int, int] | None = None
    delta: int = 0

    @property
    def is_any(self) -> bool:
        return self.present is None or bool(self.columns or self.price or self.delta)


@dataclass(slots=True)
class Plan:
    """What some rows come to. ``refused``: line, article, errors."""

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    refused: list[tuple[int, int | None, Errors]] = field(default_factory=list)

    @property
    def added(self) -> int:
        return sum(change.present is None for change in self.changes)


class Places:
    """The categories of the shop, found by slug or name, and by their group where the name is not enough."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._slugs: dict[str, Any] = {}
        self._names: defaultdict[str, list[Any]] = defaultdict(list)
        self.ids: set[int] = set()
        for row in rows:
            self._slugs[row.slug] = row
            self._names[same_name(row.name)].append(row)
            self.ids.add(row.id)

    def find(self, category: str, group: str | None) -> list[Any]:
        """The categories that may be meant."""
        by_slug = self._slugs.get(category)
        found = self._names[same_name(category)] if by_slug is None else [by_slug]
        return [row for row in found if group is None or _is_named(group, row.group_slug, row.group_name)]


class _Refused(Exception):
    def __init__(self, pointer: str, code: str, detail: str) -> None:
        self.errors: Errors = [{"pointer": pointer, "code": code, "detail": detail}]


def make_plan(
    rows: Sequence[FileRow],
    present: Mapping[int, Any],
    places: Places,
    has_image: Callable[[str], bool],
    importer: Importer,
) -> Plan:
    """What the rows change of the products that are ``present``. No article may stand there twice."""
    plan = Plan()
    for one in rows:
        if one.row is None:
            plan.refused.append((one.line, one.article, one.errors or []))
            continue
        try:
            change = _plan_row(one.row, present.get(one.row.article), places, has_image, importer)
        except _Refused as refusal:
            plan.refused.append((one.line, one.article, refusal.errors))
            continue
        if change.is_any:
            plan.changes.append(change)
        else:
            plan.unchanged += 1
    return plan


def _plan_row(
    row: ProductRow, present: Any, places: Places, has_image: Callable[[str], bool], importer: Importer
) -> Change:
    given = row.model_fields_set
    if present is None:
        for name in ("name", "category", "price"):
            if name not in given:
                raise _Refused(f"/{name}", "missing", "A new product needs this")
    columns = {name: getattr(row, name) or "" for name in given & {"name", "country_origin", "description"}}
    columns |= {"status": row.status} if "status" in given else {}
    columns |= {"tags": row.tags or []} if "tags" in given else {}
    columns |= _place(row, present, places)
    if "specifications" in given:
        before = {} if present is None or row.specifications is None else present.specifications
        patch = {} if row.specifications is None else row.specifications.model_dump(exclude_unset=True)
        columns["specifications"] = filled({**before, **patch})
    if "images" in given:
        columns["images"] = [name.removeprefix(IMAGES_PATH) for name in row.images or ()]
    if present is not None:
        columns = {name: value for name, value in columns.items() if getattr(present, name) != value}
    for name in columns.get("images", ()):
        if not has_image(name):
            raise _Refused("/images", "unknown", "There is no picture of this name")
    change = Change(row.article, present, columns)
    if present is None or {"price", "discount"} & given:
        amount = row.price.amount if "price" in given else present.price_minor
        discount = present.discount_bp if present is not None and "discount" not in given else round(row.discount * 100)
        if present is None or (amount, discount) != (present.price_minor, present.discount_bp):
            change.price = amount, discount
    if "remains" in given:
        change.delta = row.remains - (present.remains if present is not None else 0)
    _require_allowed(change, places, importer)
    return change


def _place(row: ProductRow, present: Any, places: Places) -> dict[str, int]:
    """The columns of the row's category, if it names one that the product is not in already."""
    given = row.model_fields_set
    group = row.group if "group" in given else None
    is_there = present is not None and (group is None or _is_named(group, present.group_slug, present.group_name))
    if "category" not in given:
        if group is not None and not is_there:
            raise _Refused("/group", "without_category", "To move a product, name its category too")
        return {}
    if is_there and _is_named(row.category, present.category_slug, present.category_name):
        return {}  # also in a category that is archived, or whose name alone would not be enough
    found = places.find(row.category, group)
    if not found:
        raise _Refused("/category", "unknown", "There is no such category")
    if len(found) > 1:
        raise _Refused("/category", "ambiguous", "Several groups have such a category: name the group, or its slug")
    return {"category_id": found[0].id, "group_id": found[0].group_id}


def _require_allowed(change: Change, places: Places, importer: Importer) -> None:
    """Refuse what nobody may do to an archived product, and what only whoever publishes may do to a shown one."""
    present, before = change.present, "draft" if change.present is None else change.present.status
    after = change.columns.get("status", before)
    if before == after == "archived" and change.is_any:
        raise _Refused("/article", "archived", "This product is archived: give it another status, or leave it out")
    if before == after:
        return
    if "published" in (before, after) and not importer.may_publish:
        raise _Refused("/status", "forbidden", "Only whoever may publish shows a product or takes it out of the shop")
    if after == "published":
        price = change.price[0] if change.price else present.price_minor
        if price == 0:
            raise _Refused("/price", "missing", "A product that is shown needs a price")
        if change.columns.get("category_id", present and present.category_id) not in places.ids:
            raise _Refused("/category", "archived", "This category is archived")


def _is_named(text: str, slug: str, name: str) -> bool:
    return text == slug or same_name(text) == same_name(name)


def apply_plan(session: Session, plan: Plan, importer: Importer, now: datetime) -> list[StoreEvent]:
    """Do it: products, prices and their log, stock and its ledger; raises the epoch if lists show it."""
    new = [change for change in plan.changes if change.present is None]
    old = [change for change in plan.changes if change.present is not None]
    if new:
        _add(session, new, importer, now)
    if old:
        _change(session, old, importer, now)
    events: list[StoreEvent] = [CatalogueChanged()] if new else []
    if old:
        revs = queries.list_revs(session, [change.article for change in old])
        events += [ProductChanged(row.article, row.rev) for row in revs]
    return events


def _add(session: Session, new: Sequence[Change], importer: Importer, now: datetime) -> None:
    by = importer.actor
    empty = {"tags": [], "specifications": {}, "country_origin": "", "description": "", "images": [], "status": "draft"}
    rows = []
    for change in new:
        assert change.price is not None  # a new product has one
        price_minor, discount_bp = change.price
        rows.append(
            {
                **empty,
                **change.columns,
                "article": change.article,
                "price_minor": price_minor,
                "discount_bp": discount_bp,
                "effective_minor": discounted(price_minor, discount_bp),
                "remains": change.delta,
                "creation_manager_uuid": importer.uuid,
                "creation_time": now,
                "edit_time": now,
            }
        )
    products.add_products(session, rows, staff_id=by.id if by else None)
    added = queries.list_revs(session, [change.article for change in new])
    reprice(session, [row.id for row in added], now, by)


def _change(session: Session, old: Sequence[Change], importer: Importer, now: datetime) -> None:
    by = importer.actor
    edited = [change for change in old if change.columns or change.price]
    rows = [
        {
            **change.columns,
            "id": change.present.id,
            "version": change.present.version + 1,
            "rev": change.present.rev + 1,
            "edit_time": now,
        }
        for change in edited
    ]
    queries.change_products(session, rows)
    moved = [change.present.id for change in edited if {"category_id", "tags"} & change.columns.keys()]
    if moved:
        reprice(session, moved, now, by)
    prices = {change.present.id: change.price for change in old if change.price}
    if prices:
        set_prices(session, prices, now, by)
    if edited:
        products.raise_epoch(session)
    for change in sorted(old, key=lambda each: each.present.id):
        if change.delta:
            left = move_stock(session, change.present.id, change.delta, "import", now, staff_id=by.id if by else None)
            assert left is not None  # the row was read, and is held, in this transaction
