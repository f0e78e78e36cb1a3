"""What a cart shows: its lines beside the products as they are now, and what has changed since they were put in."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.schemas.base import image_url
from app.schemas.carts import CartLineOut, CartOut, RemovedLineOut, WarningCode
from app.schemas.products import Money
from app.services.pricing import Price
from db.queries.carts import AnyRow


@dataclass(frozen=True, slots=True)
class Goods:
    """A product as a cart sees it. One that is not on sale, or never was, has no price, and none are left."""

    name: str = ""
    image: str | None = None
    price_minor: int | None = None
    valid_until: datetime | None = None
    remains: int = 0

    @property
    def is_sold(self) -> bool:
        return self.price_minor is not None


UNKNOWN = Goods()


def goods_of(row: AnyRow, price: Price) -> Goods:
    """A product at what it costs now."""
    image = image_url(row.images[0]) if row.images else None
    if row.status != "published":
        return Goods(row.name, image)
    return Goods(row.name, image, price.effective_minor, price.valid_until, row.remains)


def cart_out(version: int, lines: Sequence[CartLineOut], q: str) -> CartOut:
    """The whole cart; of its lines only those that ``q`` finds."""
    wanted = _fold(q)
    return CartOut(
        version=version,
        lines=[line for line in lines if wanted in _fold(line.name) or str(line.article).startswith(wanted)],
        total=Money(amount=sum(line.total.amount for line in lines)),
        line_count=len(lines),
        piece_count=sum(line.quantity for line in lines),
        warnings=list(dict.fromkeys(code for line in lines for code in line.warnings)),
    )


def line_out(line: AnyRow, goods: Goods) -> CartLineOut:
    """A line at today's price."""
    price = goods.price_minor if goods.remains > 0 else 0
    return CartLineOut(
        article=line.article,
        name=goods.name,
        image=goods.image,
        quantity=line.quantity,
        unit_price=_money(goods.price_minor),
        price_when_added=Money(amount=line.price_minor),
        valid_until=goods.valid_until,
        total=Money(amount=(price or 0) * line.quantity),
        in_stock=goods.remains > 0,
        remains=goods.remains,
        source=line.source,
        chat_id=line.chat_id,
        chat_seq=line.chat_seq,
        warnings=_warnings(line, goods),
    )


def removed_out(line: AnyRow, goods: Goods) -> RemovedLineOut:
    """A line that was taken out, and whether it could come back."""
    return RemovedLineOut(
        article=line.article,
        name=goods.name,
        image=goods.image,
        quantity=line.quantity,
        unit_price=_money(goods.price_minor),
        in_stock=goods.remains > 0,
        remains=goods.remains,
        removed_time=line.removed_time,
    )


def _warnings(line: AnyRow, goods: Goods) -> list[WarningCode]:
    if goods.price_minor is None:
        return ["unavailable"]
    found: list[WarningCode] = []
    if goods.price_minor != line.price_minor:
        found.append("price_up" if goods.price_minor > line.price_minor else "price_down")
    if goods.remains < line.quantity:
        found.append("fewer_left" if goods.remains else "sold_out")
    return found


def _money(amount: int | None) -> Money | None:
    return None if amount is None else Money(amount=amount)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().replace("ё", "е").strip()
