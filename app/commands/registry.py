"""The socket's commands by name: what each accepts, who may call it, and the door that checks both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from app.actor import Actor
from app.errors import BadRequest, Busy, Forbidden, Invalid, NotFound, ServiceError, Unauthorized
from app.schemas.base import ApiModel
from app.services.chat_reader import ChatReader
from app.services.chats import ChatService
from app.services.names import NameBook
from app.services.presence import Presence
from app.services.staff import StaffService
from app.services.store_feed import StoreFeed
from app.services.users import UsersService
from app.sessions import SessionStore
from app.settings import Settings
from db.database import Busy as DatabaseBusy
from ws.connection import Connection
from ws.hub import Hub
from ws.protocol import Command, reply_frame

Form = TypeVar("Form", bound=ApiModel)


@dataclass(frozen=True, slots=True)
class Parts:
    """What commands work with."""

    settings: Settings
    hub: Hub
    sessions: SessionStore
    users: UsersService
    staff: StaffService
    names: NameBook
    chats: ChatService
    reader: ChatReader
    presence: Presence
    store: StoreFeed


@dataclass(frozen=True, slots=True)
class Call:
    """One command of one connection, whose ``state`` has been, since hello, when it last typed in which chat."""

    connection: Connection
    id: int | None

    @property
    def actor(self) -> Actor:
        actor = self.connection.actor
        assert isinstance(actor, Actor)
        return actor

    @property
    def known(self) -> Actor:
        """The actor. Raises: NotFound: a guest who has not written anything yet has nothing to be found."""
        if self.actor.id is None:
            raise NotFound
        return self.actor

    @property
    def person(self) -> int:
        """The caller's id. Raises: NotFound."""
        return cast(int, self.known.id)

    def reply(self, data: dict[str, Any]) -> None:
        """Answer right now, where the turn of the loop matters; the command then returns `ws.endpoint.SENT`."""
        if self.id is not None:
            self.connection.send(reply_frame(self.id, data))


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """``who`` is one word of `WHO`, or ``staff:<right>``."""

    run: Callable[[Parts, Call, Any], Any]
    model: type[ApiModel]
    who: str


WHO = {
    "all": "everybody, before and after signing in",
    "customer": "guests and users; staff with the right to answer chats, where they name the customer",
    "members": "the chat's customer, and staff with the right to answer chats",
    "staff": "all staff",
}

COMMANDS: dict[str, CommandSpec] = {}

# What staff need for everything that has to do with a customer's chat.
ANSWER = "chats.answer"


def command(
    name: str, model: type[Form], who: str
) -> Callable[[Callable[[Parts, Call, Form], Any]], Callable[[Parts, Call, Form], Any]]:
    """Register a command. What it may return is said at `ws.endpoint.Endpoint`."""

    def register(run: Callable[[Parts, Call, Form], Any]) -> Callable[[Parts, Call, Form], Any]:
        COMMANDS[name] = CommandSpec(run, model, who)
        return run

    return register


def make_dispatch(parts: Parts) -> Callable[[Connection, Command], Any]:
    """The endpoint's ``dispatch``: finds the command, asks who may, reads its data, runs it."""

    def dispatch(connection: Connection, given: Command) -> Any:
        spec = COMMANDS.get(given.type)
        if spec is None:
            raise BadRequest("There is no such command.")
        require(connection.actor, spec.who)
        if connection.session:
            parts.sessions.touch(connection.session)
        try:
            form = spec.model.model_validate(given.data)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_context=False, include_input=False)[:10]
            raise Invalid(
                errors=[{"pointer": _pointer(one["loc"]), "code": one["type"], "detail": one["msg"]} for one in wrong]
            ) from None
        return spec.run(parts, Call(connection, given.id), form)

    return dispatch


def require(actor: Actor, who: str) -> None:
    """Raises: Unauthorized: a visitor; Forbidden: staff without the right, or a customer where only staff may."""
    if who == "all":
        return
    if actor.kind == "visitor":
        raise Unauthorized
    scope, _, right = who.partition(":")
    if scope == "staff":
        is_allowed = actor.is_staff and (not right or actor.has(right))
    else:
        is_allowed = not actor.is_staff or actor.has(ANSWER)
    if not is_allowed:
        raise Forbidden


def explain(error: Exception) -> tuple[str, str, dict[str, Any]] | None:
    """The endpoint's ``explain``: how a refusal looks outside. None for what is our own fault."""
    if isinstance(error, DatabaseBusy):
        error = Busy()
    return (error.code, error.message, error.extra) if isinstance(error, ServiceError) else None


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join(f"/{str(part)[:64]}" for part in location)
