"""A product's price: what staff say it is, and what it was."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.schemas.base import ApiModel, Line, OutModel
from app.schemas.products import Money

MAX_PRICE = 10**12


def _basis_points(percent: float) -> float:
    if abs(percent * 100 - round(percent * 100)) > 1e-6:
        raise PydanticCustomError("percent_digits", "A discount has at most two decimals")
    return percent


Percent = Annotated[float, Field(ge=0, le=100), AfterValidator(_basis_points)]


class MoneyIn(ApiModel):
    """An amount in minor units (kopecks for RUB)."""

    amount: Annotated[int, Field(ge=0, le=MAX_PRICE)]
    currency: Literal["RUB"] = "RUB"


class PriceIn(ApiModel):
    """A product's own price and discount. The best single reduction counts: this discount, or a promotion."""

    price: MoneyIn
    discount: Percent | None = Field(default=None, description="Percent, at most two decimals; absent: as it is.")
    reason: Annotated[Line, Field(max_length=200)] = Field(default="", description="For the work history.")


class PriceHistoryQuery(ApiModel):
    """Which page of a price history. ``cursor`` is ``next`` of the page before."""

    limit: int = Field(default=24, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=200)


class PricePoint(OutModel):
    """What a product cost from ``since`` on, until the next one."""

    since: datetime
    price: Money = Field(description="What one piece cost.")
    old_price: Money | None = Field(description="Price without the reduction; null when there was none.")


class PriceHistory(OutModel):
    """One page of what a product has cost, newest first; ``next`` is null on the last one."""

    items: list[PricePoint]
    next: str | None
