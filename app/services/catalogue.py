"""Groups and categories: read by everybody, kept by staff.

They have no version: what a client has seen of one is told by the hash of what was shown (`content_tag`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic_core import to_json
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.errors import Conflict, Invalid, NotFound, Stale
from app.schemas.base import image_url
from app.schemas.catalogue import CategoryIn, CategoryOut, CategoryPatch, GroupIn, GroupOut, GroupPatch
from app.schemas.products import CategoryRef, GroupRef
from app.services.history import record
from app.services.naming import make_slug, same_name, slug_stem
from app.services.once import Keyed, Once, once
from app.services.pricing import reprice
from app.services.store_events import CatalogueChanged
from db.database import Database, Done
from db.models.products import ProductCategory, ProductGroup
from db.queries import catalogue as queries
from db.queries.products import raise_epoch

REPRICED_AT_ONCE = 500
MAX_POSITION = 32_767

Place = ProductGroup | ProductCategory
T = TypeVar("T")


class CatalogueService:
    """Groups and categories. A deed of staff names what its doer saw: ``tag`` is the `content_tag` of that."""

    def __init__(self, products: Database, clock: Clock) -> None:
        self._products, self._clock = products, clock

    # Reading

    async def list_groups(self) -> list[GroupOut]:
        """All groups in display order, each with its categories."""

        def read(connection: Connection) -> list[GroupOut]:
            inside: dict[int, list[Any]] = {}
            for row in queries.list_categories(connection):
                inside.setdefault(row.group_id, []).append(row)
            return [_group_out(row, inside.get(row.id, ())) for row in queries.list_groups(connection)]

        return await self._products.read(read, hot=True)

    async def list_categories(self) -> list[CategoryOut]:
        """All categories, by group and display order."""
        rows = await self._products.read(queries.list_categories, hot=True)
        return [_category_out(row) for row in rows]

    async def get_group(self, slug: str) -> GroupOut:
        """One group with its categories. Raises NotFound."""
        return await self._products.read(lambda connection: _read_group(connection, slug), hot=True)

    async def get_category(self, slug: str) -> CategoryOut:
        """One category. Raises NotFound."""
        return await self._products.read(lambda connection: _read_category(connection, slug), hot=True)

    # Groups

    async def add_group(self, actor: Actor, form: GroupIn, keyed: Keyed | None) -> Once[GroupOut]:
        """Add a group.

        Raises:
            Conflict: there is one of this name (``field``), or there are too many.
        """
        now = self._clock.now()

        def work(session: Session) -> Done[GroupOut]:
            groups = queries.list_groups(session.connection())
            _require_room(groups, queries.MOST_GROUPS)
            _require_free(form.name, groups)
            slug = _free_slug(session, ProductGroup, form.name)
            _add(session, actor, ProductGroup(slug=slug, **_values(form, groups)), now)
            return Done(_read_group(session.connection(), slug), [CatalogueChanged()])

        return await self._write(once(keyed, GroupOut, now, work))

    async def edit_group(
        self, actor: Actor, slug: str, tag: str | None, change: GroupPatch | Mapping[str, Any]
    ) -> GroupOut:
        """Change what the form names; without a ``tag`` whatever it was before.

        Raises:
            Conflict: another group has this name.
            NotFound, Stale.
        """
        now, changes = self._clock.now(), _changes(change)

        def work(session: Session) -> Done[GroupOut]:
            group = _access(session, ProductGroup, slug)
            _require_seen(tag, _read_group(session.connection(), slug))
            if "name" in changes:
                _require_free(changes["name"], queries.list_groups(session.connection()), besides=group.id)
            if _apply(session, actor, group, changes, now) and "name" in changes:
                queries.touch_products(session, ProductGroup, group.id)
            return Done(_read_group(session.connection(), slug), [CatalogueChanged()])

        return await self._write(work)

    async def remove_group(self, actor: Actor, slug: str, tag: str, move_to: str | None) -> None:
        """Remove a group; its categories go into another one first, with their products.

        Raises:
            Conflict: it has categories and nowhere to put them, or the other group has one of the same name.
            Invalid: there is no such other group.
            NotFound, Stale.
        """
        now = self._clock.now()

        def work(session: Session) -> Done[None]:
            group = _access(session, ProductGroup, slug)
            shown = _read_group(session.connection(), slug)
            _require_seen(tag, shown)
            categories = queries.list_categories(session.connection(), group.id)
            if categories and move_to is None:
                raise Conflict("This group has categories.", reason="not_empty", categories=len(categories))
            if categories:
                target = _access_other(session, ProductGroup, move_to, besides=slug)
                for row in categories:
                    category = _access(session, ProductCategory, row.slug)
                    _edit_category(session, actor, category, {"group_id": target.id}, "move_to", now)
            _remove(session, actor, group, shown, queries.has_archived_categories(session, group.id), move_to, now)
            return Done(None, [CatalogueChanged()])

        await self._write(work)

    # Categories

    async def add_category(self, actor: Actor, form: CategoryIn, keyed: Keyed | None) -> Once[CategoryOut]:
        """Add a category to a group.

        Raises:
            Conflict: the group has one of this name (``field``), or there are too many.
            Invalid: there is no such group.
        """
        now = self._clock.now()

        def work(session: Session) -> Done[CategoryOut]:
            group = _access_group(session, form.group)
            _require_room(queries.list_categories(session.connection()), queries.MOST_CATEGORIES)
            categories = queries.list_categories(session.connection(), group.id)
            _require_free(form.name, categories)
            slug = _free_slug(session, ProductCategory, form.name)
            _add(session, actor, ProductCategory(slug=slug, group_id=group.id, **_values(form, categories)), now)
            return Done(_read_category(session.connection(), slug), [CatalogueChanged()])

        return await self._write(once(keyed, CategoryOut, now, work))

    async def edit_category(
        self, actor: Actor, slug: str, tag: str | None, change: CategoryPatch | Mapping[str, Any]
    ) -> CategoryOut:
        """Change what the form names; without a ``tag`` whatever it was before. Products go along to another group.

        Raises:
            Conflict: another category of the group has this name; ``field`` is what the form would change.
            Invalid: there is no such group.
            NotFound, Stale.
        """
        now, changes = self._clock.now(), _changes(change)
        group_slug = changes.pop("group", None)

        def work(session: Session) -> Done[CategoryOut]:
            category = _access(session, ProductCategory, slug)
            _require_seen(tag, _read_category(session.connection(), slug))
            to = {} if group_slug is None else {"group_id": _access_group(session, group_slug).id}
            _edit_category(session, actor, category, {**changes, **to}, "name" if "name" in changes else "group", now)
            return Done(_read_category(session.connection(), slug), [CatalogueChanged()])

        return await self._write(work)

    async def remove_category(self, actor: Actor, slug: str, tag: str, move_to: str | None) -> None:
        """Remove a category; its products go into another one first.

        Raises:
            Conflict: it has products and nowhere to put them; ``products`` says how many.
            Invalid: there is no such other category.
            NotFound, Stale.
        """
        now = self._clock.now()

        def work(session: Session) -> Done[None]:
            category = _access(session, ProductCategory, slug)
            shown = _read_category(session.connection(), slug)
            _require_seen(tag, shown)
            if move_to is not None:
                target = _access_other(session, ProductCategory, move_to, besides=slug)
                moved = queries.list_product_ids(session, category.id)
                queries.move_products(session, category.id, target)
                _reprice(session, moved, now, actor)
            elif products := queries.count_products(session, category.id, is_archived=False):
                raise Conflict("This category has products.", reason="not_empty", products=products)
            is_needed = queries.count_products(session, category.id, is_archived=True) > 0
            _remove(session, actor, category, shown, is_needed, move_to, now)
            return Done(None, [CatalogueChanged()])

        await self._write(work)

    async def _write(self, work: Callable[[Session], Done[T]]) -> T:
        try:
            return await self._products.write(work)
        except IntegrityError:  # another process was faster; within one, the write itself looks first
            raise Conflict("This name is taken.", field="name") from None


def content_tag(shown: BaseModel) -> str:
    """What the ETag of a short answer says: the hash of all of it."""
    return blake2b(to_json(shown), digest_size=9).hexdigest()


def _read_group(connection: Connection, slug: str) -> GroupOut:
    row = queries.get_group(connection, slug)
    if row is None:
        raise NotFound
    return _group_out(row, queries.list_categories(connection, row.id))


def _read_category(connection: Connection, slug: str) -> CategoryOut:
    row = queries.get_category(connection, slug)
    if row is None:
        raise NotFound
    return _category_out(row)


def _group_out(row: Any, categories: Iterable[Any]) -> GroupOut:
    return GroupOut(
        slug=row.slug,
        name=row.name,
        image=row.image and image_url(row.image),
        description=row.description,
        position=row.position,
        categories=[CategoryRef(slug=each.slug, name=each.name) for each in categories],
    )


def _category_out(row: Any) -> CategoryOut:
    return CategoryOut(
        slug=row.slug,
        name=row.name,
        group=GroupRef(slug=row.group_slug, name=row.group_name),
        image=row.image and image_url(row.image),
        description=row.description,
        position=row.position,
    )


# What must be so


def _require_seen(tag: str | None, shown: BaseModel) -> None:
    if tag is not None and tag != (current := content_tag(shown)):
        raise Stale(etag=current)


def _require_room(rows: Sequence[Any], most: int) -> None:
    if len(rows) >= most:
        raise Conflict(f"There can be {most} of these.", reason="too_many", most=most)


def _require_free(name: str, rows: Iterable[Any], *, besides: int | None = None, field: str = "name") -> None:
    """Raise Conflict when another of the rows has this name, in whatever spelling."""
    for row in rows:
        if row.id != besides and same_name(row.name) == same_name(name):
            raise Conflict("This name is taken.", field=field, slug=row.slug, name=row.name)


def _access(session: Session, model: type[queries.Place], slug: str) -> queries.Place:
    place = queries.access_place(session, model, slug)
    if place is None:
        raise NotFound
    return place


def _access_group(session: Session, slug: str) -> ProductGroup:
    group = queries.access_place(session, ProductGroup, slug)
    if group is None:
        raise _unknown("group")
    return group


def _access_other(session: Session, model: type[queries.Place], slug: str | None, besides: str) -> queries.Place:
    place = None if slug is None or slug == besides else queries.access_place(session, model, slug)
    if place is None:
        raise _unknown("move_to")
    return place


def _unknown(field: str) -> Invalid:
    return Invalid(errors=[{"pointer": f"/{field}", "code": "unknown", "detail": "There is no such place"}])


# What is done


def _values(form: GroupIn, siblings: Sequence[Any]) -> dict[str, Any]:
    last = max((row.position for row in siblings), default=-1)
    position = min(last + 1, MAX_POSITION) if form.position is None else form.position
    return {"name": form.name, "description": form.description, "position": position}


def _changes(change: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    changes = change.model_dump(exclude_unset=True) if isinstance(change, BaseModel) else dict(change)
    if "description" in changes:
        changes["description"] = changes["description"] or ""
    return changes


def _free_slug(session: Session, model: type[queries.Place], name: str) -> str:
    fallback = "group" if model is ProductGroup else "category"
    return make_slug(name, queries.list_slugs(session, model, slug_stem(name) or fallback), fallback)


def _add(session: Session, actor: Actor, place: Place, now: datetime) -> None:
    session.add(place)
    session.flush()
    after = {name: getattr(place, name) for name in ("name", "slug", "description", "position")}
    _record(session, actor, "create", place, now, after=after)
    raise_epoch(session)


def _apply(session: Session, actor: Actor, place: Place, changes: Mapping[str, Any], now: datetime) -> bool:
    """Write what differs, and whether anything did."""
    before = {name: getattr(place, name) for name, value in changes.items() if getattr(place, name) != value}
    if not before:
        return False
    for name in before:
        setattr(place, name, changes[name])
    session.flush()
    _record(session, actor, "edit", place, now, before=before, after={name: changes[name] for name in before})
    raise_epoch(session)
    return True


def _edit_category(
    session: Session, actor: Actor, category: ProductCategory, changes: Mapping[str, Any], field: str, now: datetime
) -> None:
    """Change a category; products go along to another group, whose promotions count for them then.

    ``field`` is what the asker wanted, should the group have a category of this name.
    """
    group_id = changes.get("group_id", category.group_id)
    siblings = queries.list_categories(session.connection(), group_id)
    _require_free(changes.get("name", category.name), siblings, besides=category.id, field=field)
    is_moving = group_id != category.group_id
    if not _apply(session, actor, category, changes, now):
        return
    if is_moving or "name" in changes:
        queries.touch_products(session, ProductCategory, category.id)
    if is_moving:
        _reprice(session, queries.list_product_ids(session, category.id), now, actor)


def _reprice(session: Session, product_ids: Sequence[int], now: datetime, actor: Actor) -> None:
    """Products that moved: only promotions for categories or groups ask where a product stands."""
    if not queries.has_place_promotions(session, now):
        return
    for start in range(0, len(product_ids), REPRICED_AT_ONCE):
        reprice(session, product_ids[start : start + REPRICED_AT_ONCE], now, actor)


def _remove(
    session: Session,
    actor: Actor,
    place: Place,
    shown: BaseModel,
    is_needed: bool,
    move_to: str | None,
    now: datetime,
) -> None:
    """Take a place out of the catalogue: archived if something old still belongs to it, else for good."""
    if is_needed:
        place.archived = True
        place.name = f"{place.name[:80]} #{place.id}"  # its name is free for another one
        session.flush()
    else:
        session.delete(place)
        session.flush()
    after = {"archived": is_needed, "move_to": move_to}
    _record(session, actor, "remove", place, now, before=shown.model_dump(mode="json"), after=after)
    raise_epoch(session)


def _record(session: Session, actor: Actor, deed: str, place: Place, now: datetime, **values: Any) -> None:
    if isinstance(place, ProductGroup):
        record(session, actor, f"{deed}_group", "group", place.id, now, **values)
    else:
        record(session, actor, f"{deed}_category", "category", place.id, now, **values)
