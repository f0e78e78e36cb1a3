"""Groups and categories: what staff write, and what everybody sees."""

from typing import Annotated

from pydantic import Field

from app.schemas.base import ApiModel, OutModel, Text, Title
from app.schemas.products import CategoryRef, GroupRef, Slug

GroupName = Annotated[Title, Field(max_length=100)]
Description = Annotated[Text, Field(max_length=5000)]
Position = Annotated[int, Field(ge=0, le=32_767, description="Lower ones come first.")]


class CategoryOut(OutModel):
    """A category of products inside one group."""

    slug: str
    name: str
    group: GroupRef
    image: str | None = Field(description="Address of a picture.")
    description: str
    position: int


class GroupOut(OutModel):
    """A group of products, for example «Зима», with its categories in display order."""

    slug: str
    name: str
    image: str | None = Field(description="Address of a picture.")
    description: str
    position: int
    categories: list[CategoryRef]


class GroupList(OutModel):
    """All groups in display order."""

    items: list[GroupOut]


class CategoryList(OutModel):
    """All categories, by group and display order."""

    items: list[CategoryOut]


class GroupIn(ApiModel):
    """A new group. Its slug is made from the name; without a position it comes last."""

    name: GroupName
    description: Description = ""
    position: Position | None = None


class CategoryIn(GroupIn):
    """A new category."""

    group: Slug


class GroupPatch(ApiModel):
    """Changes of a group (merge patch): what is absent stays, null clears. The slug stays with a new name."""

    # Made by a factory, a default stands in no document: these may be left out, and null is refused.
    name: GroupName = Field(default_factory=str)
    position: Position = Field(default_factory=int)
    description: Description | None = None
    image: None = Field(default=None, description="Null takes the picture away; PUT to `/image` sets one.")


class CategoryPatch(GroupPatch):
    """Changes of a category; with another group it takes its products along."""

    group: Slug = Field(default_factory=str)


class MoveQuery(ApiModel):
    """Where to put what is inside of a group or category that goes."""

    move_to: Slug | None = Field(default=None, description="Slug of another group, or of another category.")
