"""ws/PROTOCOL.md and docs/settings.md say what the code does: nothing less, and nothing that does not exist.

``python -m tests.test_protocol_docs`` writes docs/settings.md anew.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from app.commands import COMMANDS
from app.commands.chats import TYPING_TTL_MS
from app.errors import STATUS
from app.keys import DATABASES
from app.main import SWEEPER
from app.schemas.chats import ChatOut, InboxRow, MessageOut
from app.schemas.store import MOST_WATCHED
from app.services import broadcast, chat_reader, presence, store_feed
from app.services.rendering import EVENT_TYPES
from app.settings import ROOT, Limits, Settings
from tests.conftest import PASSWORD, Shop, Socket, open_shop
from tests.goods import add_goods, buy, fill, order_of, place
from ws import endpoint, outbox, resume
from ws.protocol import PROTOCOL, SUBPROTOCOL, CloseCode

TEXT = (ROOT / "ws" / "PROTOCOL.md").read_text(encoding="utf-8")
README = ROOT / "README.md"
SETTINGS_PAGE = ROOT / "docs" / "settings.md"
# The web library closes with these by itself.
LIBRARY_CODES = {1002, 1007, 1009}
# Settings that bound what a client of the socket may do, or say when something happens to it.
SOCKET_SETTINGS = {"edit_window_s", "heartbeat_s", "stuck_s", "sweep_s", "drain_s"}
NOT_OF_THE_SOCKET = {"sign_in_attempts", "guest_sessions", "registrations"}


def section(title: str, level: int = 2) -> str:
    """The text under one heading."""
    marks = "#" * level
    match = re.search(rf"^{marks} {re.escape(title)}\n(.*?)(?=^#{{1,{level}}} |\Z)", TEXT, re.M | re.S)
    assert match, f"there is no section {title!r}"
    return match[1]


def rows(text: str) -> list[list[str]]:
    """The rows of the first table in a text, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def words(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def frames(text: str) -> list[dict[str, Any]]:
    """The examples in a text, one JSON object a line."""
    return [json.loads(line) for block in re.findall(r"```json\n(.*?)```", text, re.S) for line in block.splitlines()]


DESCRIBED = {title: section(f"`{title}`", 3) for title in re.findall(r"^### `(.*)`$", TEXT, re.M)}
EVENTS = {title: section(f"`{title}`", 4) for title in re.findall(r"^#### `(.*)`$", TEXT, re.M)}


# Commands


def test_every_command_is_described_and_no_other() -> None:
    assert list(DESCRIBED) and set(DESCRIBED) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_described_as_it_is(name: str) -> None:
    text, spec = DESCRIBED[name], COMMANDS[name]
    fields = {field if info.is_required() else f"{field}?": info for field, info in spec.model.model_fields.items()}

    assert re.search(r"^Who: \*\*(.+?)\*\*", text, re.M)[1] == spec.who  # type: ignore[index]
    assert [words(row[0])[0] for row in rows(text)] == list(in_order(fields, text))
    command, *reply = frames(text)
    assert command["type"] == name
    spec.model.model_validate(command["data"])
    assert set(command["data"]) <= set(spec.model.model_fields)
    assert all(one["reply_to"] == command["id"] and one["ok"] for one in reply)
    for row in rows(text):  # the values of a choice
        info = spec.model.model_fields[words(row[0])[0].rstrip("?")]
        if get_origin(info.annotation) is Literal:
            assert set(get_args(info.annotation)) == set(words(row[1]))


def in_order(fields: dict[str, Any], text: str) -> list[str]:
    """The fields as the table orders them, if it has the same ones."""
    given = [words(row[0])[0] for row in rows(text)]
    assert set(given) == set(fields)
    return given


def test_codes_that_commands_name_exist() -> None:
    reasons = set(words(next(row[2] for row in rows(section("Errors")) if row[0] == "`conflict`"))) - {"reason"}
    other = {"reason", "chat_id", "continued_in", "entries", "chat", "seen", "force", "customer", "message.edit"}
    for name, text in DESCRIBED.items():
        for line in re.findall(r"Errors: (.*?)(?:\n\n|\Z)", text, re.S):
            assert set(words(line)) <= set(STATUS) | reasons | other, name


# Events


def sent_types() -> Iterator[str]:
    """The ``type`` of every frame that the code makes: dictionaries with a type in modules that write frames."""
    yield from EVENT_TYPES.values()
    for path in [*ROOT.glob("ws/*.py"), *ROOT.glob("app/**/*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "ws.protocol"]
        if path.name == "protocol.py" or any(name.name == "frame" for one in imports for name in one.names):
            for node in ast.walk(tree):
                if isinstance(node, ast.Dict):
                    yield from types_in(node)


def types_in(node: ast.Dict) -> Iterator[str]:
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == "type":
            if isinstance(value, ast.Constant):
                yield value.value
            elif isinstance(value, ast.JoinedStr):  # f"chat.{step.kind}"
                yield from (f"chat.{kind}" for kind in ("batch", "reset", "behind"))
            else:
                assert ast.unparse(value).startswith("EVENT_TYPES.get(entry.kind"), ast.unparse(value)


def test_every_event_is_described_and_no_other() -> None:
    assert set(EVENTS) == set(sent_types())


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_has_an_example(name: str) -> None:
    (example,) = frames(EVENTS[name])
    assert example["type"] == name
    for inner in example.get("data", {}).get("events", ()):
        assert inner["type"] in EVENTS


def test_everything_that_looks_like_a_frame_is_json() -> None:
    assert len(frames(TEXT)) > 50


# Codes, shapes and numbers


def test_the_errors_are_those_of_the_code() -> None:
    assert {words(row[0])[0]: int(row[1]) for row in rows(section("Errors"))} == STATUS


def test_the_close_codes_are_those_of_the_code() -> None:
    told = [int(row[0]) for row in rows(section("Close codes"))]

    assert len(told) == len(set(told)) and set(told) == set(CloseCode) | LIBRARY_CODES
    named = {int(code) for code in re.findall(r"\b(4[1-4]\d\d)\b", TEXT)}
    assert named <= set(CloseCode)


@pytest.mark.parametrize("model", [MessageOut, ChatOut, InboxRow])
def test_the_shapes_are_those_of_the_code(model: type[BaseModel]) -> None:
    after = section("Shapes").partition(f"`{model.__name__}`")[2].partition("\n\n")[2].partition("\n\n")[0]
    told = [word for row in rows(after) for word in words(row[0])]

    assert len(told) == len(set(told)) and set(told) == set(model.model_fields)


NUMBERS = {
    f"`{SUBPROTOCOL}`": "Connecting",
    f"within {endpoint.HELLO_S:.0f} seconds": "hello and resume",
    f"A gap of {resume.BATCH_ENTRIES} entries": "hello and resume",
    f"the newest {resume.RESET_ENTRIES}.": "hello and resume",
    f"at most {resume.RESUME_ENTRIES:,} entries or {resume.RESUME_BYTES // 1024} KB": "hello and resume",
    f"{resume.RESUME_CHATS} at most": "hello and resume",
    f"| `protocol` | {PROTOCOL} |": "Commands",
    f"ends at {chat_reader.SYNC_ENTRIES} entries or {chat_reader.SYNC_BYTES // 1024} KB":
        "Commands",
    f"Up to {chat_reader.HISTORY_ENTRIES} entries": "Commands",
    f"1 to {chat_reader.INBOX_ROWS}, 50 by default": "Commands",
    f"articles, {MOST_WATCHED} at most": "Commands",
    f"has the newest {store_feed.SNAPSHOT_ORDERS}.": "Commands",
    f"no more than {store_feed.SWEPT:,} products": "Commands",
    f"among the newest {store_feed.SWEPT_ORDERS}.": "Commands",
    f"More than {chat_reader.INBOX_SYNC_ROWS:,} of them": "Commands",
    f"after {presence.GRACE_S:.0f} seconds of grace": "Commands",
    f'"ttl_ms":{TYPING_TTL_MS}': "Events",
    f"above {outbox.SOFT_LIMIT // 1024} KB that": "Limits",
    f"above {outbox.HARD_LIMIT // 1024} KB the": "Limits",
}  # fmt: skip


@pytest.mark.parametrize("told", NUMBERS)
def test_a_number_is_that_of_the_code(told: str) -> None:
    assert told in " ".join(section(NUMBERS[told]).split()), told


def test_the_inbox_comes_as_often_as_is_said() -> None:
    assert broadcast.INBOX_EVERY_S == 1 / 4 and "at most four frames a second" in EVENTS["inbox"]


def test_the_store_comes_as_often_as_is_said() -> None:
    assert store_feed.SHOW_EVERY_S == 1 / 10 and "more often than ten times a second" in DESCRIBED["store.watch"]


# Settings


def variables(model: type[BaseSettings]) -> dict[str, tuple[str, Any]]:
    """The variables of a settings class: name of the field and its default."""
    prefix = model.model_config["env_prefix"]
    return {
        f"{prefix}{name}".upper(): (name, info.default)
        for name, info in model.model_fields.items()
        if info.default is not PydanticUndefined
    }


def test_every_limit_stands_there_with_its_setting_and_default() -> None:
    told = {words(row[2])[0]: float(row[1]) for row in rows(section("Limits"))}
    limits = {key: one for key, one in variables(Limits).items() if one[0] not in NOT_OF_THE_SOCKET}
    limits |= {key: one for key, one in variables(Settings).items() if one[0] in SOCKET_SETTINGS}

    assert told == {key: float(default) for key, (_, default) in limits.items()}


@pytest.mark.parametrize("page", [ROOT / "ws" / "PROTOCOL.md", README, SETTINGS_PAGE], ids=lambda path: path.name)
def test_a_variable_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"CTS_[A-Z_]+[A-Z]", page.read_text(encoding="utf-8")))

    assert named <= {*variables(Settings), *variables(Limits)}


def test_every_setting_stands_in_the_table_as_it_is() -> None:
    assert SETTINGS_PAGE.read_text(encoding="utf-8") == settings_page(), "run: python -m tests.test_protocol_docs"
    shown = set(re.findall(r"^\| `(CTS_[A-Z_]+)` \|", settings_page(), re.M))
    assert shown == {*variables(Settings), *variables(Limits)}


def settings_page() -> str:
    """docs/settings.md, from the settings themselves."""
    return f"""\
# Settings

Read once at the start, from variables of the environment or from a file `.env` beside `run.py`; the environment wins.
`python run.py init` writes a `.env` with a secret. This page is made from `app/settings.py` by
`python -m tests.test_protocol_docs`; a test compares.

## The shop

{settings_table(Settings)}

## How much one client may do

What happens above each is in [ws/PROTOCOL.md](../ws/PROTOCOL.md#limits).

{settings_table(Limits)}
"""


def settings_table(model: type[BaseSettings]) -> str:
    lines = ["| Variable | Default | |", "|---|---|---|"]
    for variable, (name, default) in variables(model).items():
        info = model.model_fields[name]
        lines.append(f"| `{variable}` | {show_default(default)} | {show_description(info)} |")
    return "\n".join(lines)


def show_default(default: Any) -> str:
    if default in ("", ()):
        return "none"
    if isinstance(default, Path):
        return f"`./{default.relative_to(ROOT)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def show_description(info: Any) -> str:
    choices = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
    text = str(info.description)
    missing = [choice for choice in choices if f"'{choice}'" not in text]
    return text if not missing else f"{text} One of {', '.join(f'`{choice}`' for choice in choices)}."


# The examples against the real thing

# What only staff are given: an example may be a customer's.
STAFF_ONLY = {"last_note_seq", "notes"}


class Recorder:
    """Keeps every frame that any socket receives, by type; replies by the type of their command."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.replies: dict[str, dict[str, Any]] = {}
        receive, post = Socket.receive, Socket.post
        asked: dict[tuple[int, int], str] = {}

        async def receive_and_keep(socket: Socket, *arguments: Any) -> dict[str, Any]:
            frame = await receive(socket, *arguments)
            if "type" in frame:
                self.events[frame["type"]] = fuller(self.events.get(frame["type"]), frame)
            elif frame["ok"]:
                self.replies[asked[id(socket), frame["reply_to"]]] = frame
            return frame

        async def post_and_note(socket: Socket, type: str, **data: Any) -> int:
            command = await post(socket, type, **data)
            asked[id(socket), command] = type
            return command

        patch.setattr(Socket, "receive", receive_and_keep)
        patch.setattr(Socket, "post", post_and_note)


def fuller(kept: dict[str, Any] | None, frame: dict[str, Any]) -> dict[str, Any]:
    """Of two frames of one type the one that shows more."""
    return frame if kept is None or len(json.dumps(frame)) >= len(json.dumps(kept)) else kept


def differences(told: Any, real: Any, where: str = "") -> Iterator[str]:
    """Where an example has another shape than the real frame. What is null or empty in one of them may be anything."""
    if told is None or real is None or told == [] or real == []:
        return
    if type(told) is not type(real):
        yield f"{where}: {told!r} and {real!r}"
    elif isinstance(told, list):
        yield from differences(told[0], real[0], f"{where}[0]")
    elif isinstance(told, dict):
        if is_map(told) or is_map(real):
            told, real = {"id": next(iter(told.values()), None)}, {"id": next(iter(real.values()), None)}
        if (told.keys() ^ real.keys()) - STAFF_ONLY:
            yield f"{where}: {sorted(told.keys() ^ real.keys())}"
        for key in told.keys() & real.keys():
            yield from differences(told[key], real[key], f"{where}.{key}")


def is_map(value: dict[str, Any]) -> bool:
    """Whether the keys are ids."""
    return bool(value) and all(key.isdigit() for key in value)


@pytest.fixture(scope="module")
async def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """A day in the shop, in which every command is given and every event comes."""
    with pytest.MonkeyPatch.context() as patch:
        recorder = Recorder(patch)
        async with open_shop(tmp_path_factory.mktemp("day"), heartbeat_s=0.5) as shop:
            await live_through(shop, patch)
        return recorder


async def live_through(shop: Shop, patch: pytest.MonkeyPatch) -> None:
    anna = await shop.staff("anna", allows=("chats.answer", "chats.assign"))
    boris = await shop.staff("boris")
    guest = await shop.guest()
    async with anna.socket() as desk, boris.socket() as other, guest.socket() as customer:
        await desk.command("presence.set", state="busy")
        await other.event("staff.updated")
        await desk.command("inbox.list")
        chat = (await customer.command("chat.open", client_id="o1", subject="Размер", text="Есть 42?"))["chat"]
        await desk.event("inbox")
        await desk.command("chat.watch", chat=chat)
        await desk.command("typing", chat=chat, on=True)
        await customer.event("typing")
        await desk.command("chat.delivered", chat=chat, seq=2)
        await desk.command("chat.read", chat=chat, seq=2)
        await customer.event("receipt")
        await desk.command("chat.claim", chat=chat)
        await desk.command("chat.assign", chat=chat, to=boris.me["id"])
        sent = await customer.command("message.send", chat=chat, client_id="m1", text="Ау")
        await customer.command("message.edit", chat=chat, client_id="e1", target=sent["seq"], text="Ау!")
        await desk.event("message.edited")
        await customer.command("message.delete", chat=chat, client_id="d1", target=sent["seq"])
        await desk.event("message.deleted")
        await desk.command("chat.close", chat=chat, reason="решено")
        await customer.event("chat.closed")
        await desk.command("chat.reopen", chat=chat)
        await customer.event("chat.reopened")
        await desk.command("chat.sync", chat=chat, after=1)
        await desk.command("chat.history", chat=chat, before=3)
        await desk.command("inbox.list")
        await desk.command("inbox.sync", cursor=0)
        await watch_the_store(shop)
        await desk.command("ping", n=5)
        await customer.event("heartbeat")
        await desk.command("chat.unwatch", chat=chat)
        epoch = desk.welcome["epoch"]

        await provoke_hints(shop, desk, customer, chat)
    cursors: dict[str, Any] = {"epoch": epoch, "chats": {str(chat): {"chat": 1, "notes": None}}}
    async with anna.socket(**cursors, inbox=0), anna.socket(**cursors, inbox=10**9):
        pass
    async with guest.socket() as customer:
        form = {"username": "vera", "email": "vera@example.org", "password": PASSWORD}
        await guest.call("POST", "/api/v1/users", json=form, status=201)
        await customer.event("session.changed")
    vera = await shop.sign_in("vera")
    now = shop.clock.now()
    await shop.app[DATABASES].products.write(lambda session: add_goods(session, now, 1))
    async with vera.socket() as customer:
        await buy(vera, a1=1)
        await customer.event("chat.order")
    async with boris.socket() as other:
        await shop.app.shutdown()
        await other.event("server.draining")


async def watch_the_store(shop: Shop) -> None:
    """A user watches everything while an order is placed and a product goes."""
    await shop.app[DATABASES].products.write(lambda session: add_goods(session, shop.clock.now(), 4711))
    owner, user = await shop.owner(), await shop.user("olga")
    await fill(user, a4711=1)
    async with user.socket() as customer:
        await customer.command("store.watch", products=[4711], cart=True, orders=True, catalogue=True)
        await place(user, order_of(await fill(user, a4711=2)))
        await customer.event("order.updated")
        await customer.command("store.watch", products=[4711], cart=True, orders=True, catalogue=True)
        async with owner.request("GET", "/api/v1/products/4711") as seen:
            tag = {"If-Match": seen.headers["ETag"]}
        await owner.call("DELETE", "/api/v1/products/4711/publication", headers=tag, status=200)
        await customer.event("catalogue.updated")


async def provoke_hints(shop: Shop, desk: Socket, customer: Socket, chat: int) -> None:
    """What only comes to who reads too slowly: as if 300 KB had not been taken while two things happen."""
    connection = shop.app[SWEEPER]._hub.connections[desk.welcome["connection"]]
    connection.outbox.hold()
    connection.outbox.push_state("inbox", b"", b"")
    await customer.command("message.send", chat=chat, client_id="m2", text="Ау")
    page = await customer.command("chat.sync", chat=chat, after=1)
    connection.outbox.push_log((b"x" * 300 * 1024, (chat, "chat"), page["head"]))
    connection.outbox.push_log((b"", (chat, "chat"), page["head"]))
    connection.release()
    await desk.event("chat.behind")
    await desk.event("inbox.behind")


@pytest.mark.parametrize("name", EVENTS)
def test_an_example_has_the_shape_of_the_real_event(recorded: Recorder, name: str) -> None:
    (example,) = frames(EVENTS[name])

    assert list(differences(example, recorded.events[name])) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_an_example_has_the_shape_of_the_real_reply(recorded: Recorder, name: str) -> None:
    reply = recorded.replies[name]
    told = frames(DESCRIBED[name])[1:]

    assert list(differences(told[0], reply) if told else differences({}, reply["data"])) == []


if __name__ == "__main__":
    sys.exit(None if SETTINGS_PAGE.write_text(settings_page(), encoding="utf-8") else 1)
