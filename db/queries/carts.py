"""Statements on carts and their lines (USERS), and on what a line shows of its product (PRODUCTS)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from db.models.base import Id, UtcDateTime
from db.models.products import Product, ProductCategory, ProductGroup
from db.models.users import CartLine, User, UserCart

AnyRow = Row[*tuple[Any, ...]]

MOST_LINES = 200
KEPT = timedelta(days=30)
"""How long a removed line can be put back."""
MOST_REMOVED = 200
PURGED_AT_ONCE = 20


class Cart(NamedTuple):
    """A cart that is to be changed, without its lines."""

    id: int
    owner_id: int
    version: int


class MergedLine(NamedTuple):
    """How many pieces of an article the guest had, the user had, and the user's cart has now."""

    article: int
    guest: int
    user: int
    result: int


class MergedCarts(NamedTuple):
    """What came of a merge: the guest's lines in their order, and the version of the user's cart."""

    lines: Sequence[MergedLine]
    version: int


_columns = (
    CartLine.id,
    CartLine.article,
    CartLine.quantity,
    CartLine.price_minor,
    CartLine.source,
    CartLine.chat_id,
    CartLine.chat_seq,
    CartLine.service_person_id,
    CartLine.creation_time,
    CartLine.removed_time,
)
# The cart without lines is one row, too: its version is wanted even so.
_cart = (
    select(UserCart.version, *_columns)
    .outerjoin(CartLine, (CartLine.cart_id == UserCart.id) & CartLine.removed_time.is_(None))
    .where(UserCart.owner_id == bindparam("owner", type_=Id))
    .order_by(CartLine.creation_time, CartLine.id)
    .limit(MOST_LINES)
)
_removed = (
    select(*_columns)
    .join(UserCart, UserCart.id == CartLine.cart_id)
    .where(
        UserCart.owner_id == bindparam("owner", type_=Id), CartLine.removed_time > bindparam("after", type_=UtcDateTime)
    )
    .order_by(CartLine.removed_time.desc(), CartLine.id.desc())
    .limit(MOST_REMOVED)
)
_locked = (
    select(UserCart.id, UserCart.owner_id, UserCart.version)
    .where(UserCart.owner_id == bindparam("owner"))
    .with_for_update()
)
_heir = select(User.merged_into).where(User.id == bindparam("owner")).with_for_update(read=True)
_raised = (
    update(UserCart)
    .where(UserCart.id == bindparam("of_id"))
    .values(version=bindparam("new_version"), edit_time=bindparam("now"))
)
_of_cart = CartLine.cart_id == bindparam("of_cart")
_some = select(*_columns).where(_of_cart, CartLine.article.in_(bindparam("articles", expanding=True)))
_count = select(func.count()).select_from(CartLine).where(_of_cart, CartLine.removed_time.is_(None))
_all = select(*_columns).where(_of_cart).order_by(CartLine.creation_time, CartLine.id)
_set_quantity = (
    update(CartLine)
    .where(_of_cart, CartLine.article == bindparam("of_article"))
    .values(quantity=bindparam("new_quantity"))
)
_goods = (
    select(
        Product.article,
        Product.name,
        Product.status,
        Product.images,
        Product.price_minor,
        Product.discount_bp,
        Product.tags,
        Product.remains,
        ProductCategory.slug.label("category_slug"),
        ProductGroup.slug.label("group_slug"),
    )
    .join(ProductCategory, ProductCategory.id == Product.category_id)
    .join(ProductGroup, ProductGroup.id == Product.group_id)
    .where(Product.article.in_(bindparam("articles", expanding=True)))
    .order_by(Product.article)
)


def get_cart(connection: Connection | Session, owner_id: int) -> tuple[int, Sequence[AnyRow]]:
    """The cart's version and its lines in the order in which they came; version 0 if there is no cart yet."""
    rows = connection.execute(_cart, {"owner": owner_id}).all()
    if not rows:
        return 0, ()
    return rows[0].version, [row for row in rows if row.id is not None]


def list_removed(connection: Connection | Session, owner_id: int, now: datetime) -> Sequence[AnyRow]:
    """Lines that were removed and can still be put back, the latest first."""
    return connection.execute(_removed, {"owner": owner_id, "after": now - KEPT}).all()


def list_goods(connection: Connection, articles: Collection[int]) -> Sequence[AnyRow]:
    """What carts show of these products, whatever their status; from PRODUCTS."""
    return connection.execute(_goods, {"articles": sorted(articles)}).all()


# Changing: the cart's row first, so that two requests for one cart come one after the other


def lock_cart(session: Session, owner_id: int) -> Cart | None:
    """The cart, kept from others until this transaction ends."""
    row = session.connection().execute(_locked, {"owner": owner_id}).one_or_none()
    return None if row is None else Cart(row.id, row.owner_id, row.version)


def require_cart(session: Session, owner_id: int, now: datetime) -> Cart:
    """The cart as `lock_cart` gives it, made if there is none.

    A guest who signed in while the request was under way has none any more: it is the user's then.
    """
    found = lock_cart(session, owner_id)
    if found is None:
        connection = session.connection()
        # The guest's row is held, so that a merge comes before this or finds the new cart.
        heir = connection.execute(_heir, {"owner": owner_id}).scalar_one() or owner_id
        made = _insert(session, UserCart).values(owner_id=heir, version=0, creation_time=now, edit_time=now)
        connection.execute(made.on_conflict_do_nothing())  # another process may have made it meanwhile
        found = lock_cart(session, heir)
        assert found is not None
    return found


def raise_version(session: Session, cart: Cart, now: datetime) -> int:
    """Say that the cart is another one now; returns its new version."""
    session.connection().execute(_raised, {"of_id": cart.id, "new_version": cart.version + 1, "now": now})
    return cart.version + 1


def get_lines(session: Session, cart: Cart, articles: Collection[int]) -> dict[int, AnyRow]:
    """The lines of these articles by article, removed ones among them."""
    rows = session.connection().execute(_some, {"of_cart": cart.id, "articles": sorted(articles)})
    return {row.article: row for row in rows}


def count_lines(session: Session, cart: Cart) -> int:
    """How many lines are in the cart."""
    return session.connection().execute(_count, {"of_cart": cart.id}).scalar_one()


def put_lines(session: Session, cart: Cart, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put lines in, each a whole row without cart_id; one that was removed begins anew."""
    if not rows:
        return
    added = _insert(session, CartLine).values(cart_id=cart.id, removed_time=None)
    given = ("quantity", "price_minor", "source", "chat_id", "chat_seq", "service_person_id", "creation_time")
    anew = {name: added.excluded[name] for name in (*given, "removed_time")}
    session.connection().execute(
        added.on_conflict_do_update(index_elements=["cart_id", "article"], set_=anew), [dict(row) for row in rows]
    )


def set_quantities(session: Session, cart: Cart, quantities: Mapping[int, int]) -> None:
    """Change the quantities of lines, by article."""
    rows = [{"of_cart": cart.id, "of_article": key, "new_quantity": value} for key, value in quantities.items()]
    if rows:
        session.connection().execute(_set_quantity, rows)


def remove_lines(session: Session, cart: Cart, articles: Collection[int], now: datetime) -> None:
    """Take lines out; they can be put back for a while. What cannot be put back any more goes for good."""
    if not articles:
        return
    connection = session.connection()
    of_cart = CartLine.cart_id == cart.id
    connection.execute(update(CartLine).where(of_cart, CartLine.article.in_(articles)).values(removed_time=now))
    latest = select(CartLine.id).where(of_cart, CartLine.removed_time.is_not(None))
    surplus = latest.order_by(CartLine.removed_time.desc(), CartLine.id.desc()).offset(MOST_REMOVED)
    expired = select(CartLine.id).where(CartLine.removed_time <= now - KEPT).order_by(CartLine.removed_time)
    for gone in (surplus, expired.limit(PURGED_AT_ONCE)):
        connection.execute(delete(CartLine).where(CartLine.id.in_(gone)))


def restore_lines(session: Session, cart: Cart, quantities: Mapping[int, int]) -> None:
    """Put removed lines back as they were, with these quantities by article."""
    if quantities:
        back = update(CartLine).where(CartLine.cart_id == cart.id, CartLine.article.in_(quantities))
        session.connection().execute(back.values(removed_time=None))
        set_quantities(session, cart, quantities)


def delete_cart(session: Session, owner_id: int) -> None:
    """Forget somebody's cart with all that was ever in it."""
    connection = session.connection()
    cart = select(UserCart.id).where(UserCart.owner_id == owner_id).scalar_subquery()
    connection.execute(delete(CartLine).where(CartLine.cart_id == cart))
    connection.execute(delete(UserCart).where(UserCart.owner_id == owner_id))


# Effects


def take_ordered(session: Session, owner_id: int, quantities: Mapping[int, int], now: datetime) -> int | None:
    """Take what was ordered out of the cart, quantities by article; returns the new version, None if nothing changed.

    A line that is used up goes without a trace: nobody wants back what they have bought. To be applied once, as the
    relay does it.
    """
    cart = lock_cart(session, owner_id)
    if cart is None:
        return None
    lines = [row for row in get_lines(session, cart, quantities).values() if row.removed_time is None]
    if not lines:
        return None
    left = {row.article: row.quantity - quantities[row.article] for row in lines}
    used_up = [article for article, quantity in left.items() if quantity <= 0]
    session.connection().execute(delete(CartLine).where(CartLine.cart_id == cart.id, CartLine.article.in_(used_up)))
    set_quantities(session, cart, {article: quantity for article, quantity in left.items() if quantity > 0})
    return raise_version(session, cart, now)


def merge_carts(session: Session, guest_id: int, user_id: int, now: datetime) -> MergedCarts | None:
    """Put the guest's cart into the user's: the larger quantity per article. None if the guest had no line.

    What finds no room any more lies among the removed lines, from where it can be put back; those of the guest go
    along as they are.
    """
    guest_cart = lock_cart(session, guest_id)
    if guest_cart is None:
        return None
    connection = session.connection()
    theirs = connection.execute(_all, {"of_cart": guest_cart.id}).all()
    merged = _merge_lines(session, theirs, require_cart(session, user_id, now), now) if theirs else None
    delete_cart(session, guest_id)
    return merged


def _merge_lines(session: Session, theirs: Sequence[AnyRow], cart: Cart, now: datetime) -> MergedCarts | None:
    own = get_lines(session, cart, [row.article for row in theirs])
    has = {article: row.quantity for article, row in own.items() if row.removed_time is None}
    room = MOST_LINES - count_lines(session, cart)
    merged: list[MergedLine] = []
    come, wait = [row.article for row in theirs if row.removed_time is not None and row.article not in own], []
    for line in theirs:
        if line.removed_time is not None:
            continue
        result = max(line.quantity, has.get(line.article, 0))
        if line.article not in has:
            come.append(line.article)
            if room == 0:
                result = 0
                wait.append(line.article)
            room = max(0, room - 1)
        merged.append(MergedLine(line.article, line.quantity, has.get(line.article, 0), result))

    connection, moved = session.connection(), [row.id for row in theirs if row.article in set(come)]
    connection.execute(delete(CartLine).where(CartLine.cart_id == cart.id, CartLine.article.in_(come)))
    # The line itself moves, with its price and where it came from.
    connection.execute(update(CartLine).where(CartLine.id.in_(moved)).values(cart_id=cart.id))
    set_quantities(session, cart, {one.article: one.result for one in merged if one.result > one.user > 0})
    remove_lines(session, cart, wait, now)
    return MergedCarts(merged, raise_version(session, cart, now)) if merged else None


def _insert(session: Session, model: type[UserCart] | type[CartLine]) -> Any:
    """An insert that knows ON CONFLICT: each dialect has its own."""
    insert_for = postgres_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    return insert_for(model)
