"""What promotions accept and send."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import ApiModel, Id, Line, Moment, OutModel, Text, Title

Kind = Literal["percent", "fixed"]
Scope = Literal["all", "products", "categories", "groups", "tags"]
Name = Annotated[Title, Field(max_length=200)]
Description = Annotated[Text, Field(max_length=5_000)]
Value = Annotated[int, Field(ge=1, le=10**12)]
Target = Id | Annotated[Line, Field(min_length=1, max_length=80)]
Targets = Annotated[list[Target], Field(max_length=1000)]
Priority = Annotated[int, Field(ge=-100, le=100)]

VALUE = "Basis points (1250 is 12.5 %) for percent, at most 10000; minor units off each piece for fixed."
TARGETS = "Articles, slugs or tags, as the scope says; empty for all."
PRIORITY = "Among equal reductions the higher is named."


class PromotionIn(ApiModel):
    """A new promotion. It runs from ``starts_at`` up to, and no longer at, ``ends_at``."""

    name: Name
    description: Description = ""
    kind: Kind
    value: Value = Field(description=VALUE)
    scope: Scope
    targets: Targets = Field(default_factory=list, description=TARGETS)
    priority: Priority = Field(default=0, description=PRIORITY)
    starts_at: Moment
    ends_at: Moment


class PromotionPatch(ApiModel):
    """Changes of a promotion (merge patch): what is absent stays, null clears."""

    # Made by a factory, a default stands in no document: these may be left out, and null is refused.
    name: Name = Field(default_factory=str)
    description: Description | None = None
    kind: Kind = Field(default_factory=lambda: "percent")
    value: Value = Field(default_factory=int, description=VALUE)
    scope: Scope = Field(default_factory=lambda: "all")
    targets: Targets | None = Field(default=None, description=TARGETS)
    priority: Priority | None = Field(default=None, description=PRIORITY)
    starts_at: Moment = Field(default_factory=lambda: datetime.max)
    ends_at: Moment = Field(default_factory=lambda: datetime.max)


class PromotionOut(OutModel):
    """A promotion: the best single reduction of a product counts, they do not add up."""

    id: int
    name: str
    description: str
    kind: Kind
    value: int = Field(description=VALUE)
    scope: Scope
    targets: list[int | str] = Field(description=TARGETS)
    priority: int = Field(description=PRIORITY)
    starts_at: datetime
    ends_at: datetime
    creation_time: datetime
    edit_time: datetime
    version: int = Field(description="Rises with each edit; the ETag, for If-Match.")


class PromotionPage(OutModel):
    """One page of promotions; ``next`` is null on the last one."""

    items: list[PromotionOut]
    next: str | None
