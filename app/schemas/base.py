"""The two kinds of model at the edge, what comes in (`ApiModel`) and what goes out (`OutModel`), and common types."""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

MAX_INT = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly, JavaScript's among them."""


class ApiModel(BaseModel):
    """Accepted from outside: strict types, no unknown fields, and errors that never repeat what was typed."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


class OutModel(BaseModel):
    """Sent to the outside; may be made from an object's attributes (`XOut.model_validate(row)`).

    To its readers a field with a default is one that may be absent.
    """

    model_config = ConfigDict(
        frozen=True,
        from_attributes=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


# Every integer that is accepted has bounds (a test asks the OpenAPI document): use these instead of int.
Int = Annotated[int, Field(ge=-MAX_INT, le=MAX_INT)]
Count = Annotated[int, Field(ge=0, le=MAX_INT)]  # also for seq, version and amounts of money
Id = Annotated[int, Field(ge=1, le=MAX_INT)]

# PostgreSQL refuses NUL, and the other control characters only hide or reorder what a reader sees.
# A further pattern on one of these would replace this one: pydantic keeps the last.
Text = Annotated[str, Field(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]  # may have several lines
FilledText = Annotated[  # the same, and more than spaces
    str, Field(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")
]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
ClientId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", min_length=1, max_length=64)]


IMAGES_PATH = "/images/"


def image_url(name: str) -> str:
    """Where a picture of ours is to be had; what is an address already stays as it is."""
    return name if name.startswith("/") else IMAGES_PATH + name


def _image_url(name: str | None) -> str | None:
    return None if name is None else image_url(name)


# The address of a picture of ours, made from the name of its file.
ImageUrl = Annotated[str | None, BeforeValidator(_image_url), Field(description="Address of a picture.")]


def _one_line(value: str) -> str:
    return unicodedata.normalize("NFC", " ".join(value.split()))


Title = Annotated[  # a name that people give: more than spaces, and no more of those than one at a time
    str,
    Field(pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"),
    AfterValidator(_one_line),
]


_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _in_utc(value: datetime) -> datetime:
    if not 2000 <= value.year < 2200:  # far from where arithmetic with time zones and days ends
        raise PydanticCustomError("moment_range", "This time is too far away")
    return value.astimezone(UTC)


def _require_date(value: object) -> object:
    # Pydantic would read a number, and digits too, as seconds since 1970.
    if not isinstance(value, date) and not (isinstance(value, str) and _DATE.match(value)):
        raise PydanticCustomError("date_expected", "Write it like 2026-11-23 or 2026-11-23T10:00:00Z")
    return value


# Not strict: in strict mode what has passed a function must be a date already.
Day = Annotated[date, Field(strict=False), BeforeValidator(_require_date)]
Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_require_date), AfterValidator(_in_utc)]
