"""Products by the file: what a row may say, the jobs that work through files, and what they could not take."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.schemas.base import ApiModel, Id, Line, OutModel
from app.schemas.prices import MoneyIn, Percent
from app.schemas.product_editing import (
    MAX_IMAGES,
    MAX_REMAINS,
    Country,
    Description,
    ProductName,
    SpecificationsPatch,
    Tags,
)
from app.schemas.products import ProductStatus

Format = Literal["csv", "ndjson"]
JobStatus = Literal["waiting", "running", "done", "failed"]
Place = Annotated[Line, Field(min_length=1, max_length=100)]


class ProductRow(ApiModel):
    """What a row says of a product: what is absent stays as it is, null clears. A new one needs name, category, price.

    Category and group go by slug or by name; the group is needed where the name alone would mean two categories.
    """

    # Made by a factory, a default stands in no document: these may be left out, and null is refused.
    article: Id
    name: ProductName = Field(default_factory=str)
    category: Place = Field(default_factory=str)
    group: Place = Field(default_factory=str)
    price: MoneyIn = Field(default_factory=lambda: MoneyIn(amount=0))
    discount: Percent = 0
    remains: Annotated[int, Field(ge=0, le=MAX_REMAINS)] = 0
    status: ProductStatus = "draft"
    tags: Tags | None = None
    specifications: SpecificationsPatch | None = None
    country_origin: Country | None = None
    description: Description | None = None
    images: Annotated[list[Annotated[Line, Field(max_length=255)]], Field(max_length=MAX_IMAGES)] | None = None


class ImportQuery(ApiModel):
    """How a file is to be taken."""

    dry_run: bool = Field(default=False, description="Only say what would be done.")
    format: Format | None = Field(default=None, description="Found out from the content unless given.")


class FileIn(ApiModel):
    """A file that has come, for telling the same request from another one: how it is to be taken, and its hash."""

    dry_run: bool
    format: Format
    name: str
    size: int
    digest: str


class ImportOut(OutModel):
    """An import. ``problem`` says by which code the whole file was refused, or what ended it."""

    id: int
    status: JobStatus
    format: Format
    dry_run: bool
    file_name: str
    bytes_total: int
    bytes_done: int
    rows: int = Field(description="Rows read so far; each is added, changed, unchanged or refused.")
    added: int
    changed: int
    unchanged: int
    refused: int
    problem: str | None = Field(
        description="empty_file, no_rows, binary_file, wrong_encoding, missing_column, repeated_column: the file was "
        "refused and nothing done; cancelled, forbidden, interrupted, missing_file, internal: it ended where it was."
    )
    staff_id: int | None = Field(description="Who asked for it; null: the command line.")
    creation_time: datetime
    edit_time: datetime


class ImportsQuery(ApiModel):
    """A page of imports, newest first. ``before`` is ``next`` of the page before."""

    limit: Annotated[int, Field(ge=1, le=100)] = 24
    before: Id | None = None


class ImportPage(OutModel):
    """One page of imports; ``next`` is null on the last one."""

    items: list[ImportOut]
    next: int | None


class ImportErrorsQuery(ApiModel):
    """A page of what was refused, in the file's order. ``after`` is ``next`` of the page before."""

    limit: Annotated[int, Field(ge=1, le=100)] = 24
    after: Id | None = None


class RowErrorOut(OutModel):
    """What is wrong with one value: which, by which code, in words."""

    pointer: str
    code: str
    detail: str


class ImportErrorOut(OutModel):
    """A refused row. Of the header's line: why the file was refused, or which columns are not known (ignored)."""

    line: int = Field(description="Where the row begins, counted from 1.")
    article: int | None
    errors: list[RowErrorOut]


class ImportErrorPage(OutModel):
    """One page of refused rows, the first 10,000 of an import; ``next`` is null on the last one."""

    items: list[ImportErrorOut]
    next: int | None


class ExportQuery(ApiModel):
    """In which form products leave."""

    format: Format = "csv"
