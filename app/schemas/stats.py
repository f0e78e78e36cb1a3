"""What the owner sees of the shop's days."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import ApiModel, Day, OutModel
from app.schemas.products import Money


class PeriodQuery(ApiModel):
    """Days of the shop's time zone, both included; the last thirty unless said."""

    since: Day | None = Field(default=None, alias="from")
    until: Day | None = Field(default=None, alias="to")


class SalesQuery(PeriodQuery):
    """Sales in steps."""

    step: Literal["day", "week", "month"] = "day"


class TopQuery(PeriodQuery):
    """The products that sold best."""

    sort: Literal["revenue", "quantity"] = "revenue"
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class LowStockOut(OutModel):
    """A published product of which little is left."""

    article: int
    name: str
    remains: int


class SummaryOut(OutModel):
    """A period in figures. Cancelled and returned orders are in neither orders nor revenue."""

    since: date = Field(serialization_alias="from")
    until: date = Field(serialization_alias="to")
    orders: int
    cancelled: int = Field(description="Of the orders placed in these days: cancelled or returned since.")
    quantity: int = Field(description="Pieces sold.")
    revenue: Money
    average_order: Money | None
    new_users: int
    comments_waiting: int = Field(description="Now, of any time.")
    low_stock: list[LowStockOut] = Field(description="Now; the fewest first, at most twenty.")


class SalesStepOut(OutModel):
    """A day, a week from its Monday, or a month from its first."""

    day: date = Field(description="The first day of the step that lies in the period.")
    orders: int
    cancelled: int
    quantity: int
    revenue: Money


class SalesOut(OutModel):
    """Sales in steps, none left out."""

    items: list[SalesStepOut]


class TopProductOut(OutModel):
    """A product and what it sold in the period."""

    article: int
    name: str
    quantity: int
    revenue: Money


class TopProductsOut(OutModel):
    """Products, the best first."""

    items: list[TopProductOut]


class StaffActivityOut(OutModel):
    """What a member of staff did how often in the period."""

    staff_id: int | None
    name: str
    total: int
    kinds: dict[str, int]


class StaffStatsOut(OutModel):
    """Everybody who did something."""

    items: list[StaffActivityOut]
