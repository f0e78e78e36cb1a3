"""Stock: what staff do to it, and its ledger."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.schemas.base import ApiModel, Id, Line, OutModel
from app.schemas.product_editing import MAX_REMAINS


class StockMoveIn(ApiModel):
    """So many more or fewer pieces (``delta``), or as many as were counted (``set``): one of the two."""

    delta: Annotated[int, Field(ge=-MAX_REMAINS, le=MAX_REMAINS)] | None = None
    set: Annotated[int, Field(ge=0, le=MAX_REMAINS)] | None = None
    reason: Literal["receipt", "correction", "return"]
    note: Annotated[Line, Field(max_length=200)] = ""

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if (self.delta is None) == (self.set is None):
            raise PydanticCustomError("delta_or_set", "Say either delta or set")
        if self.delta == 0:
            raise PydanticCustomError("delta_zero", "A delta of 0 changes nothing; use set to note a count")
        return self


class StockMoveOut(OutModel):
    """A line of the ledger: how many came or went, and how many were left then."""

    id: int
    delta: int
    remains: int
    reason: Literal["opening", "receipt", "correction", "order", "cancellation", "return", "import"]
    note: str
    order_id: int | None
    service_person_id: int | None = Field(description="Who did it; null: a customer's order, or the shop itself.")
    creation_time: datetime


class StockOut(OutModel):
    """What is left of a product after a move, and the move."""

    article: int
    remains: int
    move: StockMoveOut


class LedgerQuery(ApiModel):
    """A page of the ledger, newest first. ``before`` is ``next`` of the page before."""

    limit: Annotated[int, Field(ge=1, le=100)] = 24
    before: Id | None = None


class LedgerOut(OutModel):
    """What is left now, and how it came to that; ``next`` is null on the last page."""

    remains: int
    items: list[StockMoveOut]
    next: int | None
