"""What lists, facets and suggestions accept and send."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from app.schemas.base import ApiModel, Count, Line, Moment, OutModel
from app.schemas.products import CategoryRef, GroupRef, Money, ProductOut, ProductStatus, Slug

MOST_CHOICES = 20

Sort = Literal["relevance", "price", "-price", "-sold", "-rating", "-created", "-discount", "name"]
Choice = Annotated[Line, Field(min_length=1, max_length=100)]
Choices = Annotated[list[Choice], Field(max_length=MOST_CHOICES)]
Slugs = Annotated[list[Slug], Field(max_length=MOST_CHOICES)]
SpecKey = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x20\x7f]+$")]
FacetName = Annotated[
    str,
    Field(
        max_length=40,
        pattern=r"^(group|category|tag|color|material|country|price|on_sale|in_stock|spec\.[^\x00-\x20\x7f]+)$",
    ),
]


def _filled(value: Any) -> Any:
    """An empty search field is no search."""
    return value.strip() or None if isinstance(value, str) else value


def _split(values: Any) -> Any:
    """A list may come as ``a,b`` or as ``a`` and ``b``."""
    if isinstance(values, list) and all(isinstance(one, str) for one in values):
        return [part for one in values for part in one.split(",")]
    return values


FacetNames = Annotated[list[FacetName], BeforeValidator(_split), Field(max_length=12)]


class ProductFilter(ApiModel):
    """Which products. A name that is repeated takes any of its values; of different names all must fit."""

    q: Annotated[Annotated[Line, Field(max_length=200)] | None, BeforeValidator(_filled)] = Field(
        default=None, description="Words to search for: in any form, with mistakes, on either keyboard layout."
    )
    group: Slugs = Field(default=[])
    category: Slugs = Field(default=[])
    tag: Choices = Field(default=[])
    color: Choices = Field(default=[])
    material: Choices = Field(default=[])
    country: Choices = Field(default=[])
    spec: Annotated[dict[SpecKey, Choices], Field(max_length=10)] = Field(
        default={}, description="Any other member of the specifications, `spec.brand` for example."
    )
    price_min: Count | None = Field(default=None, description="In minor units, of the price that is paid now.")
    price_max: Count | None = Field(default=None, description="In minor units, of the price that is paid now.")
    on_sale: bool | None = Field(default=None, description="Whether it costs less than its old price.")
    in_stock: bool | None = None
    rating_min: Annotated[float, Field(ge=1, le=5)] | None = None
    created_after: Moment | None = None
    status: Annotated[list[ProductStatus], Field(min_length=1)] = Field(
        default=["published"], description="Staff only, except published."
    )
    manager: Annotated[list[Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]], Field(max_length=MOST_CHOICES)] = Field(
        default=[], description="Staff only: who put the product in, by UUID."
    )


class ProductQuery(ProductFilter):
    """A page of a list. ``cursor`` is ``next`` of the page before, with the same filter and sort."""

    sort: Sort | None = Field(
        default=None, description="Default: `relevance` with `q`, else `-created`. Without `q` the two are the same."
    )
    limit: int = Field(default=24, ge=1, le=100)
    cursor: Annotated[str, Field(max_length=700, pattern=r"^[!-~]*$")] | None = None
    # The full product by default: an item is then what GET /products/{article} answers, and nobody asks twice.
    # Whoever only shows a grid says so, and gets a third of the bytes.
    fields: Literal["card", "full"] = "full"
    facets: FacetNames = Field(default=[], description="Facets to count along, as in GET /facets.")
    count: Literal["capped", "exact"] | None = Field(
        default=None, description="Adds `total`: capped at 10,000; exact is for staff."
    )


class FacetQuery(ProductFilter):
    """The facets of a scope."""

    facets: FacetNames = Field(
        default=["group", "category", "tag", "color", "material", "country", "price"],
        description="Which of them; `spec.<name>` for a member of the specifications.",
    )


class SuggestQuery(ApiModel):
    """What somebody has typed so far."""

    q: Annotated[Line, Field(min_length=1, max_length=200)]
    limit: int = Field(default=6, ge=1, le=20, description="Of each kind.")


class FacetValue(OutModel):
    """A value that products have, and how many of them."""

    value: str = Field(description="What the filter of that name takes.")
    label: str
    count: int = Field(description="Products that every other filter lets through.")
    chosen: bool


class PriceBucket(OutModel):
    """Prices from ``low`` to under ``high``."""

    low: Money
    high: Money | None = Field(description="null: no end.")
    count: int


class PriceFacet(OutModel):
    """The prices of what every filter but the price's own lets through; its ends are null if that is nothing."""

    min: Money | None
    max: Money | None
    buckets: list[PriceBucket] = Field(description="Those that are not empty, the cheapest first.")


class Facets(OutModel):
    """Counts for filters. Those of one filter ignore its own choice: they say what another choice would find."""

    values: dict[str, list[FacetValue]] = Field(description="By facet, most frequent first, at most a hundred each.")
    price: PriceFacet | None = Field(description="null unless it was asked for.")


class FacetsOut(Facets):
    """The facets of a scope."""

    total: int = Field(description="How many products are in the scope.")


class ProductCard(OutModel):
    """As much of a product as a grid shows."""

    article: int
    name: str
    price: Money
    old_price: Money | None
    discount: float
    image: str | None
    rating: float | None
    rating_count: int
    in_stock: bool
    version: int


class ProductPage(OutModel):
    """One page of products; ``next`` is null on the last one."""

    items: list[ProductOut] | list[ProductCard]
    next: str | None
    total: int | None = Field(description="null unless `count` asks for it.")
    facets: Facets | None = Field(description="null unless `facets` asks for them.")


class ProductHint(OutModel):
    """A product to suggest."""

    article: int
    name: str
    image: str | None
    price: Money


class CategoryHint(CategoryRef):
    """A category to suggest, with its group: the same name may stand in two."""

    group: GroupRef


class Suggestions(OutModel):
    """What the typed words may become."""

    products: list[ProductHint]
    categories: list[CategoryHint]
    groups: list[GroupRef]
    tags: list[str]
    brands: list[str]
