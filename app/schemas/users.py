"""What customers may say of themselves, and what they see of it."""

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, EmailStr, Field, model_validator
from pydantic_core import PydanticCustomError

from app.schemas.base import ApiModel, Id, ImageUrl, Line, OutModel
from app.schemas.sessions import MeOut

# Characters that turn the direction of text: in a name they let it look like another one.
_TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")


def normal_name(name: str) -> str:
    """One spelling of a username or e-mail for comparing: no case, no compatibility forms, no space around it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name.strip()).casefold())


def _username(value: str) -> str:
    value = unicodedata.normalize("NFC", value.strip())
    if not 3 <= len(value) <= 32:
        raise PydanticCustomError("username_length", "A username has 3 to 32 characters")
    if not value[0].isalnum() or any(_kind(character) not in ("L", "M", "Nd", "sign") for character in value):
        raise PydanticCustomError(
            "username_alphabet", "A username has letters, digits and . _ - and begins with a letter"
        )
    if len({script for character in value if (script := _script(character))}) > 1:
        raise PydanticCustomError("username_scripts", "Letters of two alphabets look alike: use one of them")
    return value


def _kind(character: str) -> str:
    if character in "._-":
        return "sign"
    category = unicodedata.category(character)
    return category if category == "Nd" else category[0]


def _script(character: str) -> str:
    first = unicodedata.name(character, "").partition(" ")[0]
    return first if first in _SCRIPTS else ""


def _person_name(value: str) -> str | None:
    value = unicodedata.normalize("NFC", _TURNING.sub("", value).strip())
    return value or None


def _email(value: str) -> str:
    if len(value) > 254:
        raise PydanticCustomError("email_length", "An e-mail address has at most 254 characters")
    return value


Username = Annotated[str, Field(max_length=64), AfterValidator(_username)]
Email = Annotated[EmailStr, Field(max_length=254), AfterValidator(_email)]
Password = Annotated[str, Field(min_length=10, max_length=128)]
PersonName = Annotated[Line, Field(max_length=100), AfterValidator(_person_name)]


class AccountIn(ApiModel):
    """What every account needs."""

    username: Username = Field(description="3 to 32 letters, digits and . _ - of one alphabet.")
    email: Email
    password: Password
    name: PersonName | None = None
    lastname: PersonName | None = None

    @model_validator(mode="after")
    def _check_password(self) -> "AccountIn":
        require_fit(self.password, self.username, self.email)
        return self


class UserIn(AccountIn):
    """A registration. A guest's chats and cart stay with the account."""

    token: bool = Field(default=False, description="Answer with a bearer token instead of a cookie.")


class RegisteredOut(OutModel):
    """A new account, signed in."""

    me: MeOut
    token: str | None = Field(default=None, description="If it was asked for; it is told only here.")


class AvailabilityIn(ApiModel):
    """Names somebody would like to have."""

    username: Username | None = None
    email: Email | None = Field(default=None, description="Only the signed-in may ask about an e-mail.")


class AvailabilityOut(OutModel):
    """Whether the names are free; null for those that were not asked about."""

    username: bool | None = None
    email: bool | None = None


class UserPatch(ApiModel):
    """Changes of one's own data (merge patch): what is absent stays, null clears."""

    name: PersonName | None = None
    lastname: PersonName | None = None
    sex: Literal["female", "male"] | None = None
    language: Literal["ru", "en"] | None = None


class PasswordIn(ApiModel):
    """A change of one's own password."""

    old_password: Annotated[str, Field(min_length=1, max_length=128)]
    new_password: Password


class UserOut(OutModel):
    """A customer's own data."""

    id: int
    username: str
    email: str
    name: str | None
    lastname: str | None
    image: ImageUrl
    sex: Literal["female", "male"] | None
    language: Literal["ru", "en"] | None
    creation_time: datetime
    edit_time: datetime


class UsersQuery(ApiModel):
    """Customers, the newest first. ``before`` is ``next`` of the page before."""

    q: Annotated[Line, Field(max_length=254)] | None = Field(
        default=None, description="The beginning of a username or an e-mail, or an id."
    )
    blocked: bool | None = None
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class CustomerOut(OutModel):
    """A customer as staff see one."""

    id: int
    username: str | None
    email: str | None
    name: str | None
    lastname: str | None
    is_active: bool = Field(description="False: the customer has deleted the account.")
    blocked_time: datetime | None
    creation_time: datetime


class CustomersOut(OutModel):
    """A page of customers; ``next`` is null on the last one."""

    items: list[CustomerOut]
    next: int | None


class CustomerPatch(ApiModel):
    """What staff may change of a customer."""

    blocked: bool = Field(description="A blocked customer's sessions end, and no new ones begin.")


class ResetWish(ApiModel):
    """Whose password is to be chosen anew."""

    login: Annotated[str, Field(min_length=1, max_length=254)] = Field(description="Username or e-mail.")


class ResetOut(OutModel):
    """A link for once. It is told only here."""

    url: str
    until: datetime


class ResetIn(ApiModel):
    """A new password by a link."""

    token: Annotated[str, Field(min_length=20, max_length=100)]
    new_password: Password


def require_fit(password: str, username: str, email: str) -> None:
    """Refuse the passwords that are tried first: the names themselves."""
    if normal_name(password) in (normal_name(username), normal_name(email)):
        raise PydanticCustomError("password_is_name", "The password must not be the username or the e-mail")
