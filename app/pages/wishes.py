"""The catalogue's address: what it asks for, and the addresses that ask for more, less, or something else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from multidict import MultiDict
from pydantic import ValidationError
from yarl import URL

from app.errors import NotFound
from app.schemas.finding import ProductQuery

PRODUCTS_PER_PAGE: Final = 24
CHOICES: Final = ("group", "category", "color", "material", "country", "tag")
"""Filters of which several values may be chosen, in the order of the page."""
SWITCHES: Final = ("in_stock", "on_sale")
SORTS: Final = ("-created", "-sold", "-rating", "price", "-price", "-discount", "name")
_RUBLE: Final = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """What the address of a list asks for. Prices stand in it as people write them: in whole roubles."""

    url: URL
    q: str
    chosen: Mapping[str, list[str]]
    switches: frozenset[str]
    price_from: str
    price_to: str
    rating: str
    sort: str

    @property
    def sorts(self) -> tuple[str, ...]:
        return ("relevance", *SORTS) if self.q else SORTS

    @property
    def is_filtered(self) -> bool:
        """Whether anything but the words and the order is chosen."""
        ranges = self.price_from or self.price_to or self.rating
        return bool(self.switches or ranges or any(self.chosen.values()))

    def product_query(self) -> ProductQuery:
        """The same for the catalogue. Raises NotFound: no page of ours has such an address."""
        values: dict[str, Any] = {**self.chosen, "sort": self.sort, "count": "capped", "facets": [*CHOICES, "price"]}
        values |= dict.fromkeys(self.switches, "true")
        values |= {"q": self.q} if self.q else {}
        values |= {"rating_min": self.rating} if self.rating else {}
        cursor = self.url.query.get("cursor")
        values |= {"cursor": cursor} if cursor else {}
        try:
            for name, text in (("price_min", self.price_from), ("price_max", self.price_to)):
                values |= {name: int(text) * _RUBLE} if text else {}
            return ProductQuery.model_validate({"limit": PRODUCTS_PER_PAGE, **values}, strict=False)
        except (ValidationError, ValueError):
            raise NotFound from None

    def without(self, name: str, value: str | None = None) -> str:
        """The address without one choice, or without all of that name."""
        kept = [(key, one) for key, one in self._query() if key != name or (value is not None and one != value)]
        return str(self.url.with_query(kept))

    def only_words(self) -> str:
        """The address without any filter."""
        return str(self.url.with_query([(key, one) for key, one in self._query() if key in ("q", "sort", "lang")]))

    def page_after(self, cursor: str) -> str:
        """The address of the next page."""
        return str(self.url.with_query([*self._query(), ("cursor", cursor)]))

    def _query(self) -> Iterator[tuple[str, str]]:
        """What the address says, without what is empty and without the place in the list."""
        return ((key, one) for key, one in self.url.query.items() if one and key != "cursor")


def read_wish(request: web.Request) -> Wish:
    """Understand the address. A form that is sent without a script names its empty fields, too."""
    query = MultiDict((key, value.strip()) for key, value in request.query.items() if value.strip())
    q = query.get("q", "")[:200]
    return Wish(
        url=request.rel_url,
        q=q,
        chosen={name: list(dict.fromkeys(query.getall(name, []))) for name in CHOICES},
        switches=frozenset(name for name in SWITCHES if query.get(name) == "true"),
        price_from=query.get("price_from", ""),
        price_to=query.get("price_to", ""),
        rating=query.get("rating_min", ""),
        sort=query.get("sort", "relevance" if q else SORTS[0]),
    )
