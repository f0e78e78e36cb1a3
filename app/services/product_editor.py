"""What staff do to products: add, change, show, take out of the shop."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from app.schemas.product_editing import NextArticleOut, ProductIn, ProductPatch
from app.schemas.products import ProductOut
from app.services.history import record
from app.services.once import Keyed, Once, once
from app.services.pricing import discounted, price_in, reprice
from app.services.products import product_out
from app.services.store_events import ProductChanged
from db.database import Databases, Done
from db.models.products import Product, ProductCategory
from db.queries import catalogue, products, staff
from db.queries import product_editing as queries

PUBLISH = "products.publish"

# What the work history tells of: the fields that staff change.
RECORDED = {
    "name", "status", "category", "price", "discount", "tags", "specifications", "country_origin", "description",
    "images",
}  # fmt: skip


class ProductEditor:
    """Changes products. ``version`` is that of the product which the actor saw."""

    def __init__(self, databases: Databases, clock: Clock) -> None:
        self._products, self._users, self._clock = databases.products, databases.users, clock

    async def next_article(self) -> NextArticleOut:
        """The article that a new product would get."""
        return NextArticleOut(article=await self._products.read(queries.next_article, hot=True))

    async def add(self, actor: Actor, form: ProductIn, keyed: Keyed | None) -> Once[ProductOut]:
        """Add a product, with its first price and stock: a draft, unless it is to be published at once.

        Raises:
            Conflict: the article exists; ``next_article`` is free.
            Forbidden: to be published by somebody without that right.
            Invalid: there is no such category, or something is missing for publication.
        """
        if form.publish and not actor.has(PUBLISH):
            raise Forbidden("Only whoever may publish adds a product that is shown at once.")
        now = self._clock.now()
        person = await self._users.read(lambda connection: staff.get_person(connection, actor.id or 0), hot=True)

        def work(session: Session) -> Done[ProductOut]:
            connection = session.connection()
            if form.article is not None and queries.has_article(connection, form.article):
                raise Conflict("This article exists.", field="article", next_article=queries.next_article(connection))
            article = form.article or queries.next_article(connection)
            row = {
                **_columns(form),
                **_category(session, form.category),
                "article": article,
                "status": "published" if form.publish else "draft",
                "creation_manager_uuid": person.uuid if person else None,
                "creation_time": now,
                "edit_time": now,
            }
            products.add_products(session, [row], staff_id=actor.id)
            product = _access(session, article)
            reprice(session, [product.id], now, actor)
            shown = _show(session, article, now)
            if form.publish:
                _require_complete(session, product, shown)
            after = shown.model_dump(mode="json", include={*RECORDED, "remains"})
            record(session, actor, "create_product", "product", article, now, after=after)
            return Done(shown, [ProductChanged(article, shown.rev)])

        try:
            return await self._products.write(once(keyed, ProductOut, now, work))
        except IntegrityError:  # another process was faster; within one, the write itself looks first
            raise Conflict("This article exists.", field="article") from None

    async def edit(self, actor: Actor, article: int, version: int, form: ProductPatch) -> ProductOut:
        """Change what the form names.

        Raises:
            Conflict: the product is archived.
            Invalid: there is no such category.
            NotFound, Stale.
        """
        changes = form.model_dump(exclude_unset=True)
        now = self._clock.now()

        def work(session: Session) -> Done[ProductOut]:
            def change(product: Product) -> None:
                require_editable(product)
                for name, value in _changed_columns(session, product, changes).items():
                    setattr(product, name, value)

            return change_product(session, actor, article, version, "edit_product", now, change)

        return await self._products.write(work)

    async def archive(self, actor: Actor, article: int, version: int) -> None:
        """Take a product out of the catalogue; orders and comments go on knowing it.

        Raises:
            Forbidden: it is published, and the actor may not publish.
            NotFound, Stale.
        """

        def change(product: Product) -> None:
            _require_may_hide(actor, product)
            product.status = "archived"

        await self._change(actor, article, version, "remove_product", change)

    # Publication

    async def promote(
        self, actor: Actor, article: int, version: int, status: Literal["review", "published"]
    ) -> ProductOut:
        """Send a draft for review, or publish what is a draft or in review.

        Raises:
            Conflict: it cannot go there from where it is; ``from`` says where.
            Forbidden: to be published by somebody without that right.
            Invalid: something is missing; the errors say what.
            NotFound, Stale.
        """
        if status == "published" and not actor.has(PUBLISH):
            raise Forbidden("Send it for review: others publish.")
        now = self._clock.now()

        def work(session: Session) -> Done[ProductOut]:
            def change(product: Product) -> None:
                allowed = ("draft", "review") if status == "review" else ("draft", "review", "published")
                if product.status not in allowed:
                    raise Conflict(f"From {product.status} it cannot go to {status}.", **{"from": product.status})
                _require_complete(session, product, _show(session, article, now))
                product.status = status

            kind = "send_to_review" if status == "review" else "publish_product"
            return change_product(session, actor, article, version, kind, now, change)

        return await self._products.write(work)

    async def withdraw(self, actor: Actor, article: int, version: int, note: str) -> ProductOut:
        """Make a product a draft again, wherever it is; the note says why.

        Raises:
            Forbidden: it is published, and the actor may not publish.
            NotFound, Stale.
        """

        def change(product: Product) -> None:
            _require_may_hide(actor, product)
            product.status = "draft"

        return await self._change(actor, article, version, "withdraw_product", change, note)

    async def _change(
        self, actor: Actor, article: int, version: int, kind: str, change: Callable[[Product], None], note: str = ""
    ) -> ProductOut:
        now = self._clock.now()
        return await self._products.write(
            lambda session: change_product(session, actor, article, version, kind, now, change, note)
        )


def change_product(
    session: Session,
    actor: Actor,
    article: int,
    version: int | None,
    kind: str,
    now: datetime,
    change: Callable[[Product], None],
    note: str = "",
) -> Done[ProductOut]:
    """Let ``change`` set the product's columns, and do all that follows: version, price, lists, history.

    If nothing differs then, nothing is done. Without a ``version`` it does not matter what the actor saw.

    Raises:
        NotFound: there is no such product.
        Stale: it is not the product that the actor saw; ``version`` is that of the present one.
    """
    product = _access(session, article)
    if version is not None and product.version != version:
        raise Stale(version=product.version)
    before = _show(session, article, now)
    change(product)
    if not session.is_modified(product):
        return Done(before)
    product.version += 1
    product.rev += 1
    product.edit_time = now
    session.flush()
    reprice(session, [product.id], now, actor)
    products.raise_epoch(session)
    after = _show(session, article, now)
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    changed = {name for name in RECORDED if old[name] != new[name]}
    record(
        session, actor, kind, "product", article, now,
        before={name: old[name] for name in changed},
        after={name: new[name] for name in changed} | ({"note": note} if note else {}),
    )  # fmt: skip
    return Done(after, [ProductChanged(article, after.rev)])


def require_editable(product: Product) -> None:
    """Raise Conflict for an archived product: as a draft it can be changed again."""
    if product.status == "archived":
        raise Conflict("This product is archived.", reason="archived")


def _access(session: Session, article: int) -> Product:
    product = queries.access_product(session, article)
    if product is None:
        raise NotFound
    return product


def _show(session: Session, article: int, now: datetime) -> ProductOut:
    row: Any = products.get_product(session.connection(), article)
    return product_out(row, price_in(session, row, now))


def _require_may_hide(actor: Actor, product: Product) -> None:
    if product.status == "published" and not actor.has(PUBLISH):
        raise Forbidden("What is published leaves the shop by whoever may publish.")


def _require_complete(session: Session, product: Product, shown: ProductOut) -> None:
    """Raise Invalid unless a customer could buy it: it has a name, a price, and a category that is there."""
    missing = []
    if not product.name.strip():
        missing.append(("/name", "missing", "A product needs a name"))
    if product.price_minor == 0:
        missing.append(("/price", "missing", "A product needs a price"))
    if catalogue.get_category(session.connection(), shown.category.slug) is None:
        missing.append(("/category", "archived", "This category is archived"))
    if missing:
        errors = [{"pointer": pointer, "code": code, "detail": detail} for pointer, code, detail in missing]
        raise Invalid("Something is missing before this can be shown.", errors=errors)


def _category(session: Session, slug: str) -> dict[str, int]:
    category = catalogue.access_place(session, ProductCategory, slug)
    if category is None:
        raise Invalid(errors=[{"pointer": "/category", "code": "unknown", "detail": "There is no such category"}])
    return {"category_id": category.id, "group_id": category.group_id}


def _columns(form: ProductIn) -> dict[str, Any]:
    discount_bp = round(form.discount * 100)
    return {
        **form.model_dump(include={"name", "tags", "country_origin", "description", "remains"}),
        "price_minor": form.price.amount,
        "discount_bp": discount_bp,
        "effective_minor": discounted(form.price.amount, discount_bp),
        "specifications": filled(form.specifications.model_dump()),
    }


def _changed_columns(session: Session, product: Product, changes: dict[str, Any]) -> dict[str, Any]:
    """The columns that a merge patch means: null clears, and specifications are merged one by one."""
    columns = {name: changes[name] for name in changes.keys() & {"name"}}
    columns |= {name: changes[name] or "" for name in changes.keys() & {"country_origin", "description"}}
    if "tags" in changes:
        columns["tags"] = changes["tags"] or []
    if "category" in changes:
        columns |= _category(session, changes["category"])
    if "specifications" in changes:
        merged = {**product.specifications, **changes["specifications"]} if changes["specifications"] else {}
        columns["specifications"] = filled(merged)
    return columns


def filled(specifications: dict[str, Any]) -> dict[str, Any]:
    """The specifications that say something."""
    return {name: value for name, value in specifications.items() if value not in (None, "", [])}
