"""What staff write about a product: its fields, publication, pictures."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.schemas.base import ApiModel, Id, Line, OutModel, Text, Title
from app.schemas.prices import MoneyIn, Percent
from app.schemas.products import Slug

MAX_REMAINS = 10**9
MAX_IMAGES = 12
MAX_FURTHER = 20


def _once_each(values: list[str]) -> list[str]:
    """The first spelling of each value, in the order given."""
    return list({value.casefold(): value for value in reversed(values)}.values())[::-1]


ProductName = Annotated[Title, Field(max_length=200)]
Tags = Annotated[list[Annotated[Title, Field(max_length=40)]], Field(max_length=30), AfterValidator(_once_each)]
Country = Annotated[Line, Field(max_length=80)]
Description = Annotated[Text, Field(max_length=20_000)]
Value = Annotated[Title, Field(max_length=200)]
Values = Annotated[list[Annotated[Title, Field(max_length=60)]], Field(max_length=40), AfterValidator(_once_each)]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Note = Annotated[Line, Field(max_length=200)]


def _require_few(further: dict[str, str] | None) -> None:
    if len(further or ()) > MAX_FURTHER:
        raise PydanticCustomError("too_many_properties", "At most 20 further properties")


class Specifications(ApiModel):
    """Brand, colours, materials, sizes, and up to 20 further properties: a short name in lower case, and a text."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Key, Value]

    brand: Value | None = None
    colors: Values = Field(default_factory=list)
    materials: Values = Field(default_factory=list)
    sizes: Values = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_further(self) -> Self:
        _require_few(self.model_extra)
        return self


class SpecificationsPatch(ApiModel):
    """Changes of specifications: what is absent stays, null takes a property away."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Key, Value | None]

    brand: Value | None = None
    colors: Values | None = None
    materials: Values | None = None
    sizes: Values | None = None

    @model_validator(mode="after")
    def _check_further(self) -> Self:
        _require_few(self.model_extra)
        return self


class ProductIn(ApiModel):
    """A new product. Without an article it gets the next free one."""

    article: Id | None = None
    name: ProductName
    category: Slug
    price: MoneyIn
    discount: Percent = Field(default=0, description="Percent taken off the price, at most two decimals.")
    remains: Annotated[int, Field(ge=0, le=MAX_REMAINS)] = 0
    tags: Tags = Field(default_factory=list)
    specifications: Specifications = Field(default_factory=Specifications)
    country_origin: Country = ""
    description: Description = ""
    publish: bool = Field(default=False, description="Show it at once; needs the right `products.publish`.")


class ProductPatch(ApiModel):
    """Changes of a product (merge patch): what is absent stays, null clears.

    Price, discount and stock have routes and rights of their own.
    """

    # Made by a factory, a default stands in no document: these may be left out, and null is refused.
    name: ProductName = Field(default_factory=str)
    category: Slug = Field(default_factory=str)
    tags: Tags | None = None
    specifications: SpecificationsPatch | None = None
    country_origin: Country | None = None
    description: Description | None = None


class NextArticleOut(OutModel):
    """The article that a new product gets if it names none, as things are now."""

    article: int


class PublicationIn(ApiModel):
    """Where a product is to go: before the eyes of whoever may publish, or into the shop."""

    status: Literal["review", "published"]


class WithdrawalQuery(ApiModel):
    """Why a product goes back to its draft; kept in the work history."""

    note: Note = ""


class ImagesPatch(ApiModel):
    """The addresses of all pictures as the product shows them, in another order."""

    images: Annotated[list[Annotated[Line, Field(max_length=255)]], Field(max_length=MAX_IMAGES)]
