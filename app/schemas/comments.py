"""What comments and uploads accept and send. A comment is a review with a rating."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from app.schemas.base import ApiModel, FilledText, Line, OutModel, Text

CommentStatus = Literal["pending", "approved", "hidden"]
Stars = Annotated[int, Field(ge=1, le=5)]
CommentText = Annotated[Text, Field(max_length=4000)]
UploadId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Photo = Annotated[str, Field(pattern=r"^([0-9a-f]{32}|/images/[0-9a-f]{32}\.webp)$")]

MOST_PHOTOS = 5


class CommentIn(ApiModel):
    """A new comment on a product."""

    text: CommentText = ""
    rating: Stars
    photos: list[UploadId] = Field(default=[], max_length=MOST_PHOTOS, description="Ids of one's own uploads.")


class CommentPatch(ApiModel):
    """Changes of a comment (merge patch): ``text, rating, photos`` by its author, ``status`` by who moderates."""

    text: CommentText | None = None
    rating: Stars = 5
    photos: list[Photo] | None = Field(
        default=None, max_length=MOST_PHOTOS, description="Ids of uploads, and addresses of photos that it has already."
    )
    status: Literal["approved", "hidden"] = "approved"
    reason: Annotated[Line, Field(max_length=200)] = Field(default="", description="Kept in the work history.")

    @model_validator(mode="after")
    def _one_side(self) -> "CommentPatch":
        is_edit = bool(self.model_fields_set & {"text", "rating", "photos"})
        if is_edit if self.is_decision else ("reason" in self.model_fields_set or not is_edit):
            raise ValueError("either text, rating, photos or status")
        return self

    @property
    def is_decision(self) -> bool:
        return "status" in self.model_fields_set


class ReplyIn(ApiModel):
    """The shop's answer to a comment."""

    text: Annotated[FilledText, Field(max_length=2000)]


class CommentsQuery(ApiModel):
    """Query of a product's comments; the newest, most useful or best-rated first."""

    limit: int = Field(default=24, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=200)
    sort: Literal["new", "useful", "rating"] = "new"


class QueueQuery(ApiModel):
    """Query of the moderation queue, oldest first."""

    status: CommentStatus = "pending"
    limit: int = Field(default=24, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=200)


class CommentProduct(OutModel):
    """The product that a comment is about."""

    article: int
    name: str


class CommentAuthor(OutModel):
    """Who wrote a comment."""

    name: str | None = Field(description="Null when the account is gone.")
    id: int | None = Field(description="For staff only.")


class CommentReply(OutModel):
    """The shop's answer to a comment."""

    text: str
    author: str | None
    time: datetime


class PhotoOut(OutModel):
    """A picture at two sizes."""

    image: str = Field(description="Address of the picture.")
    thumbnail: str = Field(description="Address of a small version.")


class CommentOut(OutModel):
    """A review of a product."""

    id: int
    product: CommentProduct
    author: CommentAuthor
    is_mine: bool
    status: CommentStatus = Field(description="Only an approved comment is shown to everybody and counts.")
    rating: int
    text: str
    photos: list[PhotoOut]
    verified_purchase: bool = Field(description="The author has ordered the product here.")
    useful: int = Field(description="How many found it useful.")
    found_useful: bool = Field(description="Whether the asker did.")
    reply: CommentReply | None
    creation_time: datetime
    edit_time: datetime
    version: int = Field(description="Rises with each edit, decision and reply; what If-Match compares.")


class RatingsOut(OutModel):
    """What a product's approved comments say in numbers."""

    mean: float | None = Field(description="1 to 5, two decimals; null while nobody has rated.")
    count: int
    histogram: list[int] = Field(description="How many gave one star, two … five.")


class CommentPage(OutModel):
    """One page of a product's approved comments; ``next`` is null on the last one."""

    ratings: RatingsOut
    mine: CommentOut | None = Field(description="The asker's own comment, whatever its status.")
    items: list[CommentOut]
    next: str | None


class CommentQueue(OutModel):
    """One page of comments to be moderated."""

    items: list[CommentOut]
    next: str | None


class UploadedFile(ApiModel):
    """What came of a file that was sent: what its Idempotency-Key stands for."""

    name: str
    size: int


class UploadOut(PhotoOut):
    """A picture that was taken in. Nobody else is told its id or its addresses until it is used."""

    id: str
    creation_time: datetime
