"""What signing in takes and gives: credentials, and who one is then."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from app.actor import Actor
from app.schemas.base import ApiModel, OutModel


class GuestIn(ApiModel):
    """Wish for a guest's session."""

    token: bool = Field(default=False, description="Answer with a bearer token instead of a cookie.")


class SignInIn(ApiModel):
    """Credentials of a user or a member of staff."""

    login: Annotated[str, Field(min_length=1, max_length=254)] = Field(description="Username or e-mail.")
    password: Annotated[str, Field(min_length=1, max_length=128)]
    token: bool = Field(default=False, description="Answer with a bearer token instead of a cookie.")


class MeOut(OutModel):
    """Who one is."""

    kind: Literal["visitor", "guest", "user", "staff"]
    id: int | None = Field(description="None for visitors, and for a guest until the first message or cart line.")
    name: str = Field(description='What to call one; "" for a guest.')
    role: Literal["manager", "owner"] | None = Field(default=None, description="Of staff.")
    rights: list[str] | None = Field(default=None, description="Of staff: what they may do.")

    @classmethod
    def of(cls, actor: Actor) -> Self:
        """Describe an actor to themselves."""
        if actor.is_staff:
            return cls(
                kind="staff", id=actor.id, name=actor.name, role=actor.role or "manager", rights=sorted(actor.rights)
            )
        return cls(kind=actor.kind, id=actor.id, name=actor.name)


class SessionOut(OutModel):
    """The session that the request came with."""

    me: MeOut
    audience: Literal["shop", "staff"]


class GuestOut(OutModel):
    """A guest's session."""

    me: MeOut
    token: str | None = Field(default=None, description="If it was asked for; it is told only here.")


class MergedLineOut(OutModel):
    """What became of a line of the guest's cart: the larger quantity counts."""

    article: int
    guest: int = Field(description="How many pieces the guest had.")
    user: int = Field(description="How many the account had; 0 if it had no such line.")
    result: int = Field(description="How many it has now; 0 if the cart was full, then it is in `/cart/removed`.")


class MergedOut(OutModel):
    """What the guest had, and the account has now."""

    guest_id: int
    cart_lines: list[MergedLineOut] = Field(description="The lines of the guest's cart.")
    chat: int | None = Field(default=None, description="The customer's open chat after the merge, if there is one.")


class SignedInOut(SessionOut):
    """A session that just began."""

    merged: MergedOut | None = None
    token: str | None = Field(default=None, description="If it was asked for; it is told only here.")


class ConfirmationIn(ApiModel):
    """One's own password once more, before something that matters."""

    password: Annotated[str, Field(min_length=1, max_length=128)]


class ConfirmedOut(OutModel):
    """Until when the session counts as confirmed."""

    until: datetime


class DeviceOut(OutModel):
    """One of a person's living sessions: a browser or an app."""

    is_current: bool
    creation_time: datetime
    last_seen_time: datetime


class DevicesOut(OutModel):
    """A person's living sessions, the latest used first."""

    items: list[DeviceOut]
