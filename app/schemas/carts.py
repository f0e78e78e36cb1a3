"""What the cart takes and gives: lines, prices now and then, and what the customer should know before ordering."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import ApiModel, Id, Line, OutModel
from app.schemas.products import Money

MOST_PIECES = 999
MOST_CHANGES = 200

Quantity = Annotated[int, Field(ge=1, le=MOST_PIECES)]
Article = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,14}$")]
"""An article as the name of a member in JSON."""
WarningCode = Literal["price_up", "price_down", "sold_out", "fewer_left", "unavailable"]


class CartQuery(ApiModel):
    """Search inside the cart."""

    q: Annotated[Line, Field(max_length=100)] = Field(
        default="", description="Part of a name, or the beginning of an article. Totals stay those of the whole cart."
    )


class LineIn(ApiModel):
    """How many pieces there shall be."""

    quantity: Quantity


class LineDelta(ApiModel):
    """So many pieces more, or fewer if negative; a line that is used up is removed."""

    article: Id
    delta: Annotated[int, Field(ge=-MOST_PIECES, le=MOST_PIECES)] = 1


class CartPatch(ApiModel):
    """Several lines at once, by article: all of them or none."""

    lines: dict[Article, Quantity | None] = Field(
        min_length=1,
        max_length=MOST_CHANGES,
        description="Quantities by article; null removes the line.",
        json_schema_extra={"additionalProperties": False},  # names are articles, and nothing else is
    )


class CartLineOut(OutModel):
    """A line of the cart. ``unit_price`` is null when the product is no longer sold."""

    article: int
    name: str
    image: str | None = Field(description="Address of a picture.")
    quantity: int
    unit_price: Money | None = Field(description="What one piece costs now; null if it is not sold any more.")
    price_when_added: Money
    valid_until: datetime | None = Field(description="When the price changes by itself; null if it does not.")
    total: Money = Field(description="unit_price × quantity; nothing while it is sold out or unavailable.")
    in_stock: bool
    remains: int
    source: Literal["shop", "chat", "proposal"] = Field(description="Where it was put into the cart.")
    chat_id: int | None = Field(description="The chat in which it was recommended.")
    chat_seq: int | None
    warnings: list[WarningCode] = Field(description="What to know before ordering; `remains` says how many are left.")


class CartOut(OutModel):
    """A cart at today's prices."""

    version: int = Field(description="Rises with every change, 0 before the first; also the ETag, for If-Match.")
    lines: list[CartLineOut] = Field(description="In the order in which they came; those that `q` finds.")
    total: Money = Field(description="The sum of all lines' totals.")
    line_count: int
    piece_count: int
    warnings: list[WarningCode] = Field(description="What stands at any of its lines, each once.")


class RemovedLineOut(OutModel):
    """A line that was taken out."""

    article: int
    name: str
    image: str | None = Field(description="Address of a picture.")
    quantity: int = Field(description="How many there were.")
    unit_price: Money | None = Field(description="What one piece costs now; null if it is not sold any more.")
    in_stock: bool
    remains: int
    removed_time: datetime


class RemovedOut(OutModel):
    """What was taken out in the last thirty days, the latest first."""

    items: list[RemovedLineOut]


class NotRestoredOut(OutModel):
    """A line that could not be put back."""

    article: int
    code: Literal["not_found", "out_of_stock", "too_large"] = Field(
        description="Not sold any more, sold out, or no room in the cart."
    )


class RestoredOut(OutModel):
    """The cart after everything that could be was put back."""

    cart: CartOut
    restored: list[int] = Field(description="Articles that are back, as many pieces as are left.")
    refused: list[NotRestoredOut]
