"""Carts: how many of what a customer wants, and where each line came from."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.errors import Invalid, NotFound, OutOfStock, Stale, TooLarge
from app.schemas.base import OutModel
from app.schemas.carts import MOST_PIECES, CartOut, NotRestoredOut, RemovedOut, RestoredOut
from app.services.cart_view import UNKNOWN, Goods, cart_out, goods_of, line_out, removed_out
from app.services.once import Keyed, Once, once
from app.services.pricing import PriceBook
from app.services.store_events import CartChanged
from db.database import Databases, Done
from db.queries import carts as queries
from db.queries.carts import Cart

HOT_LINES = 50
"""So many products are read in a millisecond; more of them in a thread."""

Change = Callable[[int], int]
"""How many pieces there shall be, told how many there are; 0 for none."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a line came from: the shop's pages, a product in a chat, or a proposal by a member of staff there."""

    source: Literal["shop", "chat", "proposal"] = "shop"
    chat_id: int | None = None
    chat_seq: int | None = None
    service_person_id: int | None = None


SHOP = Source()


class Written(OutModel):
    """What an Idempotency-Key keeps of a write: whose cart it was. The answer is that cart as it is then."""

    owner_id: int


class CartService:
    """The carts of guests and users. Every write is to the actor's own cart: no other can be named.

    A write is one transaction in USERS; what is left is looked up in PRODUCTS right before. That decides what may be
    put in; what can be bought is decided when it is ordered. ``seen`` is the version that a client says it has seen.
    """

    def __init__(self, databases: Databases, prices: PriceBook, clock: Clock) -> None:
        self._users, self._products, self._prices, self._clock = databases.users, databases.products, prices, clock

    async def get_cart(self, actor: Actor, q: str = "") -> CartOut:
        """The cart at today's prices, empty for whoever has none. With ``q`` only the lines that it finds."""
        return await self.get_cart_of(actor.id or 0, q)

    async def get_cart_of(self, owner_id: int, q: str = "") -> CartOut:
        """The same of any customer. Whether the asker may see it has been asked before."""
        version, lines = await self._users.read(lambda c: queries.get_cart(c, owner_id), hot=True)
        goods = await self._read_goods([line.article for line in lines])
        return cart_out(version, [line_out(line, goods[line.article]) for line in lines], q)

    async def set_quantities(
        self, actor: Actor, quantities: Mapping[int, int], seen: int | None = None, source: Source = SHOP
    ) -> CartOut:
        """Have so many pieces of each article in the cart, 0 for none; all of it or nothing. Others stay.

        Raises:
            NotFound: there is no such product on sale; ``articles`` says which.
            OutOfStock: more than before and more than are left; ``lines`` says how many are.
            TooLarge: more lines than a cart can have.
            Stale: the cart is not the one that was seen; ``version`` is the present one.
        """
        changes = {article: _exactly(quantity) for article, quantity in quantities.items()}
        written = await self._write(actor, changes, seen, source)
        return await self.get_cart_of(written.answer.owner_id)

    async def add_pieces(
        self,
        actor: Actor,
        article: int,
        delta: int,
        seen: int | None = None,
        keyed: Keyed | None = None,
        source: Source = SHOP,
    ) -> Once[CartOut]:
        """Have so many pieces more, or fewer. What is not there cannot become fewer: then the cart stays as it is.

        Raises:
            Invalid: there would be more than 999.
            NotFound, OutOfStock, TooLarge, Stale: as `set_quantities`.
        """

        def change(had: int) -> int:
            if had + delta > MOST_PIECES:
                detail = f"A line holds at most {MOST_PIECES} pieces"
                raise Invalid(errors=[{"pointer": "/delta", "code": "less_than_equal", "detail": detail}])
            return max(0, had + delta)

        written = await self._write(actor, {article: change}, seen, source, keyed)
        return Once(await self.get_cart_of(written.answer.owner_id), written.is_replay)

    async def remove(self, actor: Actor, article: int | None = None, seen: int | None = None) -> CartOut:
        """Take a line out, or all of them. Nothing to take out is no error. Raises Stale."""
        owner_id, now = actor.id or 0, self._clock.now()

        def work(session: Session) -> Done[None]:
            cart = queries.lock_cart(session, owner_id)
            _refuse_stale(cart, seen)
            if cart is None:
                return Done(None)
            there = [line.article for line in queries.get_cart(session, owner_id)[1]]
            gone = [one for one in there if article in (None, one)]
            queries.remove_lines(session, cart, gone, now)
            return Done(None, events=_changed(session, cart, now) if gone else ())

        await self._users.write(work)
        return await self.get_cart(actor)

    # What was taken out

    async def list_removed(self, actor: Actor) -> RemovedOut:
        """What was taken out in the last thirty days."""
        lines, goods = await self._read_removed(actor)
        return RemovedOut(items=[removed_out(line, goods[line.article]) for line in lines])

    async def restore(self, actor: Actor, article: int | None = None, seen: int | None = None) -> RestoredOut:
        """Put a line back, or all of them, the latest first: as many pieces as are left. What can't come is named.

        Raises:
            NotFound: the one asked for is neither in the cart nor was it taken out in the last thirty days.
            Stale: as `set_quantities`.
        """
        owner_id, now = actor.id or 0, self._clock.now()
        _, goods = await self._read_removed(actor)

        def work(session: Session) -> Done[tuple[dict[int, int], list[NotRestoredOut]]]:
            cart = queries.lock_cart(session, owner_id)
            _refuse_stale(cart, seen)
            back: dict[int, int] = {}
            refused: list[NotRestoredOut] = []
            if cart is None:
                return Done((back, refused))
            room = queries.MOST_LINES - queries.count_lines(session, cart)
            for line in queries.list_removed(session, owner_id, now):
                if line.article not in goods or article not in (None, line.article):
                    continue
                if code := _why_not(goods[line.article], room - len(back)):
                    refused.append(NotRestoredOut(article=line.article, code=code))
                else:
                    back[line.article] = min(line.quantity, goods[line.article].remains)
            queries.restore_lines(session, cart, back)
            return Done((back, refused), events=_changed(session, cart, now) if back else ())

        back, refused = await self._users.write(work)
        cart = await self.get_cart(actor)
        if article is not None and not refused and all(line.article != article for line in cart.lines):
            raise NotFound
        return RestoredOut(cart=cart, restored=list(back), refused=refused)

    # Within

    async def _write(
        self, actor: Actor, changes: Mapping[int, Change], seen: int | None, source: Source, keyed: Keyed | None = None
    ) -> Once[Written]:
        assert actor.id is not None, "a guest gets a row before the first line"
        owner_id, now = actor.id, self._clock.now()
        goods = await self._read_goods(changes)

        def work(session: Session) -> Done[Written]:
            cart = queries.require_cart(session, owner_id, now)
            _refuse_stale(cart, seen)
            lines = queries.get_lines(session, cart, changes)
            has = {article: line.quantity for article, line in lines.items() if line.removed_time is None}
            wanted = {article: change(has.get(article, 0)) for article, change in changes.items()}
            raised = {article: quantity for article, quantity in wanted.items() if quantity > has.get(article, 0)}
            _require_left(raised, goods)  # who wants fewer is never refused
            new = [article for article in raised if article not in has]
            gone = [article for article in has if wanted[article] == 0]
            kept = {article: wanted[article] for article in has if wanted[article] not in (0, has[article])}
            if new and queries.count_lines(session, cart) + len(new) - len(gone) > queries.MOST_LINES:
                raise TooLarge(f"A cart holds at most {queries.MOST_LINES} lines.", most_lines=queries.MOST_LINES)
            queries.put_lines(session, cart, [_row(one, raised[one], goods[one], source, now) for one in new])
            queries.set_quantities(session, cart, kept)
            queries.remove_lines(session, cart, gone, now)
            is_changed = new or kept or gone
            return Done(Written(owner_id=cart.owner_id), events=_changed(session, cart, now) if is_changed else ())

        return await self._users.write(once(keyed, Written, now, work))

    async def _read_removed(self, actor: Actor) -> tuple[Any, dict[int, Goods]]:
        now = self._clock.now()
        lines = await self._users.read(lambda c: queries.list_removed(c, actor.id or 0, now), hot=True)
        return lines, await self._read_goods([line.article for line in lines])

    async def _read_goods(self, articles: Collection[int]) -> dict[int, Goods]:
        """What is known of each of these products now."""
        if not articles:
            return {}
        rows = await self._products.read(lambda c: queries.list_goods(c, articles), hot=len(articles) <= HOT_LINES)
        now = self._clock.now()
        goods = {row.article: goods_of(row, self._prices.current_price(row, now)) for row in rows}
        return {**dict.fromkeys(articles, UNKNOWN), **goods}


def _exactly(quantity: int) -> Change:
    return lambda had: quantity


def _row(article: int, quantity: int, goods: Goods, source: Source, now: datetime) -> dict[str, Any]:
    price = {"price_minor": goods.price_minor, "creation_time": now}
    return {"article": article, "quantity": quantity, **price, **asdict(source)}


def _changed(session: Session, cart: Cart, now: datetime) -> list[CartChanged]:
    return [CartChanged(cart.owner_id, queries.raise_version(session, cart, now))]


def _refuse_stale(cart: Cart | None, seen: int | None) -> None:
    version = 0 if cart is None else cart.version
    if seen not in (None, version):
        raise Stale(version=version)


def _require_left(quantities: Mapping[int, int], goods: Mapping[int, Goods]) -> None:
    if unknown := [article for article in quantities if not goods[article].is_sold]:
        raise NotFound("There is no such product.", articles=unknown)
    short = {article: goods[article].remains for article in quantities if quantities[article] > goods[article].remains}
    if short:
        raise OutOfStock(lines=[{"article": article, "remains": remains} for article, remains in short.items()])


def _why_not(goods: Goods, room: int) -> Literal["not_found", "out_of_stock", "too_large"] | None:
    if not goods.is_sold:
        return "not_found"
    if goods.remains == 0:
        return "out_of_stock"
    return None if room > 0 else "too_large"
