"""What changed in the store, handed over with the commit: who watches hears of it, caches forget."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProductChanged:
    """A product is another one now: its price, stock, text, or whether it is shown at all. ``rev`` as committed."""

    article: int
    rev: int


@dataclass(frozen=True, slots=True)
class CatalogueChanged:
    """Groups, categories, or so many products at once that nobody wants to hear of each."""


@dataclass(frozen=True, slots=True)
class CartChanged:
    """A customer's cart is another one now."""

    owner_id: int
    version: int


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order was placed, moved on, paid or cancelled."""

    order_id: int
    user_id: int
    version: int


StoreEvent = ProductChanged | CatalogueChanged | CartChanged | OrderChanged
