"""The protocol over real sockets: hello and resume, envelope, order, limits, close codes, and input that is no good."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from app.actor import Actor
from app.commands import COMMANDS
from app.errors import ServiceError
from app.keys import DATABASES, HUB, NAMES, READER, SETTINGS
from app.main import ENDPOINT, SWEEPER, urls_of
from app.schemas.chats import MessageIn
from app.services.chats import ChatService
from app.services.rendering import Renderer
from app.settings import Limits
from db.database import Busy as DatabaseBusy
from db.database import Databases, Done
from tests.conftest import MakeChat, Person, Shop, make_settings, open_shop
from tests.peers import HELLO, Peer, eventually, open_peer
from ws import endpoint
from ws.protocol import MAX_ID, CloseCode, Malformed, cursor_map, parse_command, text_frame

# Commands of later issues: unknown until then.
LATER = ("note.add", "chat.transfer", "chat.snooze", "chat.label", "chat.priority", "chat.rate")


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """One shop for all tests that leave nothing behind."""
    async with open_shop(tmp_path_factory.mktemp("house")) as shop:
        yield shop


@asynccontextmanager
async def neighbour(shop: Shop, make_chat: MakeChat) -> AsyncIterator[None]:
    """Somebody else's chat that goes on: proves it when the test's own mischief is over."""
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with guest.socket() as reader, staff.socket() as writer:
        yield
        sent = await writer.command("message.send", chat=chat, client_id="after", text="Всё работает")
        event = await reader.event("message.created", seq=sent["seq"])
        assert event["data"]["data"] == {"text": "Всё работает"}


# Reading the envelope


@pytest.mark.parametrize("frame", [
    b"", b"{", b"null", b"[]", b'"ping"', b"12", b"{}", b'{"id":1}', b'{"type":""}', b'{"type":7}', b'{"type":null}',
    b'{"id":"1","type":"ping"}', b'{"id":1.0,"type":"ping"}', b'{"id":true,"type":"ping"}', b'{"id":-1,"type":"ping"}',
    b'{"id":[],"type":"ping"}', b'{"id":%d,"type":"ping"}' % (MAX_ID + 1), b'{"id":1,"type":"ping","data":{"n":NaN}}',
    b'{"id":1,"type":"ping","data":{"n":-Infinity}}', b'{"id":1,"type":"ping","data":{"n":%s}}' % (b"9" * 5000),
    b'{"id":1,"type":"ping","data":"\\ud800"}', b'{"id":1,"type":"\xff\xfe"}', b"[" * 30_000,
    b'{"id":1,"type":"ping","data":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001, b'{"id":1,"type":"ping"}{}',
    '\ufeff{"id":1,"type":"ping"}'.encode(), b"{'id':1,'type':'ping'}", b'{"id":1,"type":"ping",}',
], ids=lambda frame: repr(frame[:48]))  # fmt: skip
def test_what_is_no_command_is_malformed(frame: bytes) -> None:
    with pytest.raises(Malformed):
        parse_command(frame)


def test_a_command_may_leave_out_its_id_and_data() -> None:
    command = parse_command(b'{"type":"typing","unknown":[1]}')

    assert (command.id, command.type, command.data) == (None, "typing", {})
    assert parse_command(b'{"id":0,"type":"x","data":null}').data is None
    assert parse_command(b'{"id":%d,"type":"x"}' % MAX_ID).id == MAX_ID


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536, 200_000])
async def test_a_frame_of_any_length_is_read_by_another_library(house: Shop, length: int) -> None:
    """The server writes frames by itself, past the web framework."""
    async with open_peer(await house.guest()) as peer:
        (connection,) = house.app[HUB].connections.values()
        connection.send(text_frame(b'"' + b"x" * length + b'"'))

        assert json.loads(await peer.raw.recv()) == "x" * length


def test_cursors_cross_the_wire_by_chat_and_log() -> None:
    assert cursor_map({(12, "chat"): 41, (12, "notes"): 7, (9, "chat"): 0}) == {
        "12": {"chat": 41, "notes": 7},
        "9": {"chat": 0},
    }


# hello


async def test_hello_says_who_one_is_and_what_the_server_allows(house: Shop) -> None:
    guest = await house.guest()
    async with guest.socket() as socket:
        welcome = socket.welcome
        assert welcome["me"] == {"kind": "guest", "id": None, "name": ""}
        assert welcome["connection"].startswith("k-") and welcome["epoch"].startswith("e-")
        assert welcome["heartbeat_ms"] == 25_000 and welcome["durability"] == "full"
        assert welcome["limits"] == {"text": 4000, "frame_bytes": 65536, "in_flight": 8, "watched_chats": 200}
        assert "staff" not in welcome


async def test_staff_learn_their_rights_and_who_is_at_the_desk(shop: Shop) -> None:
    staff = await shop.staff("anna", allows=("chats.answer", "prices"))
    async with staff.socket() as socket:
        assert socket.welcome["me"] == {
            "kind": "staff", "id": staff.me["id"], "name": "anna", "role": "manager",
            "rights": ["chats.answer", "prices"],
        }  # fmt: skip
        assert socket.welcome["staff"] == []


async def test_a_visitor_is_welcome_too(house: Shop) -> None:
    visitor = await house.visitor()
    origin = {"Origin": house.url}
    async with open_peer(visitor, headers=origin, hello=False) as peer:
        await peer.send(HELLO)
        assert (await peer.receive())["data"]["me"] == {"kind": "visitor", "id": None, "name": ""}
        assert await peer.receive() == {"type": "resumed", "data": {"chats": {}}}


async def test_the_first_hello_of_a_customer_brings_the_open_chat(house: Shop, make_chat: MakeChat) -> None:
    guest = await house.guest()
    chat = await make_chat(guest, "Первое")

    async with guest.socket(hello=False) as socket:
        _, reset, resumed = await socket.hello()

    assert (reset["type"], reset["chat"], reset["log"]) == ("chat.reset", chat, "chat")
    assert (reset["data"]["from"], reset["data"]["to"], reset["data"]["head"]) == (1, 2, 2)
    assert [event["seq"] for event in reset["data"]["events"]] == [1, 2]
    assert reset["data"]["state"]["status"] == "queued" and reset["data"]["members"] == []
    assert resumed == {"type": "resumed", "data": {"chats": {str(chat): {"chat": 2}}}}


async def test_without_an_open_chat_the_last_closed_one_is_brought(house: Shop, make_chat: MakeChat) -> None:
    guest = await house.guest()
    async with guest.socket() as socket:
        first = (await socket.command("chat.open", client_id="one"))["chat"]
        await socket.command("chat.close", chat=first)
        second = (await socket.command("chat.open", client_id="two"))["chat"]
        await socket.command("chat.close", chat=second)

    async with guest.socket(hello=False) as socket:
        _, reset, _ = await socket.hello()
        assert reset["chat"] == second and reset["data"]["state"]["status"] == "closed"
        # All own chats are followed, also the one that was not brought.
        staff = await house.staff()
        async with staff.socket() as desk:
            await desk.command("chat.reopen", chat=first)
        await socket.event("chat.reopened", chat=first)


async def test_a_resume_brings_what_was_missed_and_then_the_rest_live(house: Shop, make_chat: MakeChat) -> None:
    guest, staff = await house.guest(), await house.staff()
    chat = await make_chat(guest)
    async with guest.socket() as socket:
        epoch = socket.welcome["epoch"]
    async with staff.socket() as desk:
        for number in range(3):
            await desk.command("message.send", chat=chat, client_id=f"m{number}", text=f"{number}")

        async with guest.socket(hello=False) as socket:
            cursor = {"epoch": epoch, "chats": {str(chat): {"chat": 2}}, "focus": chat}
            _, batch, resumed = await socket.hello(resume=cursor)
            assert (batch["type"], batch["data"]["from"], batch["data"]["to"]) == ("chat.batch", 3, 6)
            assert [event["seq"] for event in batch["data"]["events"]] == [3, 4, 5, 6]
            assert resumed["data"]["chats"] == {str(chat): {"chat": 6}}
            await desk.command("message.send", chat=chat, client_id="live", text="live")
            assert (await socket.event("message.created"))["seq"] == 7


@pytest.mark.parametrize("missed", [0, 1, 200, 201])
async def test_a_gap_of_two_hundred_is_a_batch_and_a_longer_one_a_reset(
    house: Shop, make_chat: MakeChat, missed: int
) -> None:
    guest = await house.guest()
    chat = await make_chat(guest)
    async with guest.socket() as socket:
        sent = [await socket.post("message.send", chat=chat, client_id=f"m{n}", text="x") for n in range(missed)]
        for command in sent:
            assert (await socket.reply(command))["ok"]

    async with guest.socket(hello=False) as socket:
        resume = {"epoch": await epoch_of(house), "chats": {str(chat): {"chat": 2}}}
        _, page, _ = await socket.hello(resume=resume)

    kind, first = ("chat.batch", 3) if missed <= 200 else ("chat.reset", missed + 2 - 49)
    assert page["type"] == kind
    assert [event["seq"] for event in page["data"]["events"]] == list(range(first, missed + 3))


@pytest.mark.parametrize("cursor", [{"epoch": "e-of-another-time", "chats": {"1": {"chat": 1}}}, None, "ahead"])
async def test_a_cursor_from_another_history_is_answered_by_a_reset(
    house: Shop, make_chat: MakeChat, cursor: Any
) -> None:
    guest = await house.guest()
    chat = await make_chat(guest)
    if cursor == "ahead":
        cursor = {"epoch": await epoch_of(house), "chats": {str(chat): {"chat": 900}}}

    async with guest.socket(hello=False) as socket:
        _, reset, _ = await socket.hello(**({"resume": cursor} if cursor else {}))

    assert (reset["type"], reset["data"]["from"], reset["data"]["to"]) == ("chat.reset", 1, 2)


async def test_staff_resume_the_chats_they_watched_with_their_notes_and_the_inbox(
    shop: Shop, make_chat: MakeChat
) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with staff.socket() as socket:
        cursor = (await socket.command("inbox.list"))["cursor"]
        epoch = socket.welcome["epoch"]
    await guest.call("POST", f"/api/v1/chats/{chat}/messages", json={"client_id": "m", "text": "Ау"}, status=201)

    resume = {"epoch": epoch, "inbox": cursor, "chats": {str(chat): {"chat": 2, "notes": 0}, "999": {"chat": 1}}}
    async with staff.socket(hello=False) as socket:
        _, batch, notes, inbox, resumed = await socket.hello(resume=resume)

    assert (batch["type"], batch["log"], batch["data"]["from"], batch["data"]["to"]) == ("chat.batch", "chat", 3, 3)
    assert (notes["type"], notes["log"], notes["data"]["events"]) == ("chat.batch", "notes", [])
    assert inbox["type"] == "inbox.batch" and [row["chat"] for row in inbox["data"]["rows"]] == [chat]
    assert resumed["data"]["chats"] == {str(chat): {"chat": 3, "notes": 0}}


async def test_a_resume_keeps_to_its_budget_focus_first(shop: Shop) -> None:
    """1,000 entries at most; for what is more a hint takes their place."""
    staff = await shop.staff()
    chats = []
    for number in range(6):
        guest = await shop.guest()
        async with guest.socket() as socket:
            chats.append((await socket.command("chat.open", client_id="o"))["chat"])
            for command in [
                await socket.post("message.send", chat=chats[-1], client_id=f"{number}-{n}", text="x")
                for n in range(200)
            ]:
                await socket.reply(command)

    async with staff.socket(hello=False) as socket:
        cursors = {str(chat): {"chat": 1, "notes": 0} for chat in chats}
        frames = await socket.hello(resume={"epoch": await epoch_of(shop), "chats": cursors, "focus": chats[0]})

        pages = [frame for frame in frames if frame["type" if "type" in frame else "ok"] == "chat.batch"]
        hints = [frame for frame in frames if frame.get("type") == "chat.behind"]
        assert pages[0]["chat"] == chats[0]
        assert sum(len(page["data"]["events"]) for page in pages) == 1000
        assert len(hints) == 1 and hints[0]["data"] == {"head": 201}
        behind = hints[0]["chat"]
        assert frames[-1]["data"]["chats"].get(str(behind), {}).get("chat") is None

        # Silent until it has been fetched, then live again.
        await socket.command("message.send", chat=behind, client_id="unheard", text="unheard", force=True)
        page = await socket.command("chat.sync", chat=behind, log="chat", after=1)
        while page["more"]:
            page = await socket.command("chat.sync", chat=behind, log="chat", after=page["to"])
        assert page["to"] == page["head"] == 203 and not any("seq" in frame for frame in socket.frames)
        await socket.command("message.send", chat=behind, client_id="heard", text="heard")
        assert (await socket.event("message.created", chat=behind))["seq"] == 204


@pytest.mark.parametrize("resume", [
    {"epoch": 7}, {"epoch": "e", "chats": {"x": {}}}, {"epoch": "e", "chats": {"0": {}}}, {"epoch": "e", "chats": []},
    {"epoch": "e", "chats": {"1": {"chat": -1}}}, {"epoch": "e", "chats": {"1": {"chat": 2**53}}},
    {"epoch": "e", "chats": {str(n): {} for n in range(1, 1002)}}, {"epoch": "e", "inbox": "all"}, {},
], ids=lambda resume: str(resume)[:40])  # fmt: skip
async def test_a_resume_that_is_no_resume_is_refused_with_the_reason(house: Shop, resume: Any) -> None:
    async with open_peer(await house.guest(), hello=False) as peer:
        await peer.send({"id": 1, "type": "hello", "data": {"protocol": 1, "resume": resume}})
        frames, code = await peer.rest()

    assert code == CloseCode.MALFORMED
    assert frames[0]["error"]["code"] == "invalid"
    assert all(error["pointer"].startswith("/resume") for error in frames[0]["error"]["errors"])


async def test_a_token_in_hello_is_as_good_as_one_in_the_header(shop: Shop) -> None:
    user = await shop.user("anna")
    async with open_peer(user, token=False, hello=False) as peer:
        await peer.send({"id": 1, "type": "hello", "data": {"protocol": 1, "token": user.token}})

        assert (await peer.receive())["data"]["me"] == {"kind": "user", "id": user.me["id"], "name": "anna"}


@pytest.mark.parametrize("data", [{"token": "made-up"}, {"token": ""}, {}], ids=str)
async def test_who_does_not_say_who_it_is_is_refused_with_the_reason(house: Shop, data: dict[str, Any]) -> None:
    """Without Origin a socket needs a token: in its header, or in hello."""
    async with open_peer(await house.visitor(), hello=False) as peer:
        await peer.send({"id": 1, "type": "hello", "data": {"protocol": 1, **data}})
        frames, code = await peer.rest()

    assert [frame["error"]["code"] for frame in frames] == ["unauthorized"]
    assert code == CloseCode.NOT_AUTHENTICATED


@pytest.mark.parametrize("protocols", [(), ("cts.v2",), ("chat", "superchat")])
async def test_another_subprotocol_is_refused(house: Shop, protocols: tuple[str, ...]) -> None:
    async with open_peer(await house.guest(), protocols=protocols, hello=False) as peer:
        assert await peer.close_code() == CloseCode.VERSION


async def test_the_subprotocol_may_be_one_of_several(house: Shop) -> None:
    async with open_peer(await house.guest(), protocols=("cts.v2", "cts.v1")) as peer:
        assert peer.raw.subprotocol == "cts.v1"


async def test_another_version_in_hello_is_refused(house: Shop) -> None:
    async with open_peer(await house.guest(), hello=False) as peer:
        await peer.send({"id": 1, "type": "hello", "data": {"protocol": 2}})
        assert await peer.close_code() == CloseCode.VERSION


async def test_a_client_that_says_nothing_is_sent_away(
    house: Shop, make_chat: MakeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert endpoint.HELLO_S == 10
    async with neighbour(house, make_chat):
        monkeypatch.setattr(endpoint, "HELLO_S", 0.05)
        async with open_peer(await house.guest(), hello=False) as peer:
            assert await peer.rest() == ([], CloseCode.NOT_AUTHENTICATED)


@pytest.mark.parametrize("first", ["ping", "chat.open", "nonsense"])
async def test_nothing_is_done_before_hello(house: Shop, make_chat: MakeChat, first: str) -> None:
    async with neighbour(house, make_chat), open_peer(await house.guest(), hello=False) as peer:
        await peer.send({"id": 1, "type": first, "data": {"client_id": "a"}})
        await ignore_closed(peer.send(HELLO))

        assert await peer.rest() == ([], CloseCode.NOT_AUTHENTICATED)


async def test_visitors_have_so_many_sockets_from_one_address(tmp_path: Path) -> None:
    limits = {"sockets_per_address": 2}
    async with open_shop(tmp_path, limits=limits, trusted_proxies=("127.0.0.1",)) as shop, AsyncExitStack() as stack:
        visitor, guest = await shop.visitor(), await shop.guest()

        async def come(address: str, person: Person = visitor, hello: bool = True) -> Peer:
            headers = {"X-Forwarded-For": address, "Origin": shop.url}
            return await stack.enter_async_context(open_peer(person, headers=headers, hello=hello))

        first, _ = await come("198.51.100.1"), await come("198.51.100.1")
        assert await (await come("198.51.100.1", hello=False)).close_code() == CloseCode.OVERLOADED
        for _ in range(3):
            await come("198.51.100.1", guest)  # has a limit of its own
        await come("198.51.100.2")

        await first.raw.close()
        await eventually(lambda: shop.app[ENDPOINT]._addresses["198.51.100.1"] < 2)
        await come("198.51.100.1")  # there is room again


async def test_hello_is_said_once(house: Shop, make_chat: MakeChat) -> None:
    async with neighbour(house, make_chat), open_peer(await house.guest()) as peer:
        await peer.send({**HELLO, "id": 2})

        assert await peer.rest() == ([], CloseCode.MALFORMED)


@pytest.mark.parametrize(
    "error, told, close", [(DatabaseBusy(), "busy", CloseCode.OVERLOADED), (KeyError(), "internal", CloseCode.INTERNAL)]
)
async def test_a_hello_that_cannot_be_answered_now_may_be_tried_again(
    house: Shop, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str, close: int
) -> None:
    async def fail(actor: Any) -> str:
        raise error

    monkeypatch.setattr(house.app[READER], "greet", fail)
    async with open_peer(await house.guest(), hello=False) as peer:
        await peer.send(HELLO)
        (frame,), code = await peer.rest()

    assert (frame["error"]["code"], code) == (told, close)
    assert ("retry_after_ms" in frame["error"]) == (told == "busy")


# Input that is no good


MALFORMED: dict[str, Any] = {
    "no JSON": "{",
    "no object": "[]",
    "nothing": "",
    "NaN": '{"id":2,"type":"ping","data":{"n":NaN}}',
    "a number of 5,000 digits": '{"id":2,"type":"ping","data":{"n":%s}}' % ("9" * 5000),
    "an id beyond 2^53": '{"id":9007199254740992,"type":"ping"}',
    "deep nesting": '{"id":2,"type":"ping","data":' + "[" * 30_000,
    "a lone surrogate": '{"id":2,"type":"ping","data":{"n":"\\udc00"}}',
    "no type": '{"id":2}',
    "binary": b'{"id":2,"type":"ping"}',
}


@pytest.mark.parametrize("frame", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_malformed_closes_this_connection_only(house: Shop, make_chat: MakeChat, frame: Any) -> None:
    async with neighbour(house, make_chat), open_peer(await house.guest()) as peer:
        await peer.send(frame)

        assert await peer.rest() == ([], CloseCode.MALFORMED)


async def test_text_that_is_not_utf_8_is_malformed(house: Shop, make_chat: MakeChat) -> None:
    async with neighbour(house, make_chat), open_peer(await house.guest()) as peer:
        await peer.send(b'{"id":2,"type":"ping","data":{"x":"\xff"}}', text=True)

        assert await peer.close_code() == CloseCode.MALFORMED


async def test_a_frame_up_to_64_kb_is_read_and_a_larger_one_is_not(house: Shop, make_chat: MakeChat) -> None:
    async with neighbour(house, make_chat), open_peer(await house.guest()) as peer:
        await peer.send(padded(65536))
        assert (await peer.reply(2))["ok"]

        await peer.send(padded(65537))
        assert await peer.close_code() == 1009


async def test_fragments_are_put_together(house: Shop) -> None:
    async with open_peer(await house.guest()) as peer:
        await peer.send(['{"id":2,', '"type":', '"ping","data":{"n":7}}'])

        assert (await peer.reply(2))["data"] == {"n": 7}


async def test_fragments_are_too_large_together_as_one_frame_would_be(house: Shop, make_chat: MakeChat) -> None:
    async with neighbour(house, make_chat), open_peer(await house.guest()) as peer:
        text = padded(80_000)
        await ignore_closed(peer.send([text[at : at + 1000] for at in range(0, len(text), 1000)]))

        assert await peer.close_code() == 1009


@pytest.mark.parametrize("bytes_", [b"\x83\x80\x00\x00\x00\x00", b"\xc1\x80\x00\x00\x00\x00"], ids=["opcode", "rsv1"])
async def test_a_frame_that_breaks_the_rules_of_websockets_is_a_protocol_error(
    house: Shop, make_chat: MakeChat, bytes_: bytes
) -> None:
    async with neighbour(house, make_chat), open_peer(await house.guest()) as peer:
        peer.raw.transport.write(bytes_)

        assert await peer.close_code() == 1002


async def test_a_client_that_drops_the_line_harms_nobody(house: Shop, make_chat: MakeChat) -> None:
    async with neighbour(house, make_chat), open_peer(await house.guest()) as peer:
        before = len(house.app[HUB].connections)
        await peer.send('{"id":2,"type":"chat.open","data":{"client_id":"a","text":"x"}}')
        peer.raw.transport.abort()
        await eventually(lambda: len(house.app[HUB].connections) == before - 1)


@pytest.mark.parametrize("type_", [*LATER, "nonsense", "HELLO", "chat.", "x" * 1000, "__class__"])
async def test_unknown_commands_are_refused_and_the_connection_goes_on(shop: Shop, type_: str) -> None:
    assert type_ not in COMMANDS
    staff = await shop.owner()
    async with staff.socket() as socket:
        error = await socket.refusal(type_, chat=1)

        assert error == {"code": "bad_request", "message": "There is no such command."}
        assert await socket.command("ping", n=1) == {"n": 1}


@pytest.mark.parametrize("type_, data, pointer", [
    ("ping", {"n": "1"}, "/n"), ("ping", {"n": 1.5}, "/n"), ("ping", {"n": 1e300}, "/n"), ("ping", {"n": -1}, "/n"),
    ("ping", {"n": 2**53}, "/n"), ("ping", {"n": True}, "/n"), ("ping", {"n": [[[]]]}, "/n"),
    ("message.send", {"chat": 1, "client_id": "a", "text": 7}, "/text"),
    ("message.send", {"chat": 1, "client_id": "a", "text": "a\x00b"}, "/text"),
    ("message.send", {"chat": 1, "client_id": "a", "text": " \n "}, "/text"),
    ("message.send", {"chat": 1, "client_id": "a", "text": ""}, "/text"),
    ("message.send", {"chat": 1, "client_id": "a", "text": None}, "/text"),
    ("message.send", {"chat": 1, "client_id": "a"}, "/text"),
    ("message.send", {"chat": "1", "client_id": "a", "text": "x"}, "/chat"),
    ("message.send", {"chat": 0, "client_id": "a", "text": "x"}, "/chat"),
    ("message.send", {"chat": 1, "client_id": "a b", "text": "x"}, "/client_id"),
    ("message.send", {"chat": 1, "client_id": "a" * 65, "text": "x"}, "/client_id"),
    ("message.send", {"chat": 1, "client_id": "я", "text": "x"}, "/client_id"),
    ("chat.open", {"client_id": "a", "subject": "a\nb"}, "/subject"),
    ("chat.open", {"client_id": "a", "subject": "a" * 201}, "/subject"),
    ("chat.sync", {"chat": 1, "log": "secrets", "after": 0}, "/log"),
    ("chat.sync", {"chat": 1, "log": "chat"}, "/after"),
    ("chat.read", {"chat": 1, "seq": -1}, "/seq"), ("typing", {"chat": 1, "on": "yes"}, "/on"),
], ids=str)  # fmt: skip
async def test_wrong_values_are_refused_and_pointed_at(
    house: Shop, type_: str, data: dict[str, Any], pointer: str
) -> None:
    guest = await house.guest()
    async with guest.socket() as socket:
        error = await socket.refusal(type_, **data)

        assert error["code"] == "invalid" and [one["pointer"] for one in error["errors"]] == [pointer]
        assert await socket.command("ping", n=1) == {"n": 1}


@pytest.mark.parametrize("data", [None, [], "x", 7])
async def test_data_that_is_no_object_is_invalid(house: Shop, data: Any) -> None:
    async with open_peer(await house.guest()) as peer:
        await peer.send({"id": 2, "type": "ping", "data": data})

        assert (await peer.reply(2))["error"]["code"] == "invalid"


async def test_unknown_fields_are_ignored_so_that_a_newer_client_can_speak(house: Shop) -> None:
    guest = await house.guest()
    async with guest.socket() as socket:
        assert await socket.command("ping", n=5, colour="red") == {"n": 5}


async def test_a_refusal_never_repeats_what_was_sent(house: Shop) -> None:
    guest = await house.guest()
    async with guest.socket() as socket:
        error = await socket.refusal("message.send", chat="secret-value", client_id="a", text=["secret-value"])

        assert "secret-value" not in json.dumps(error)


async def test_a_command_without_an_id_is_done_and_not_answered(house: Shop, make_chat: MakeChat) -> None:
    guest = await house.guest()
    chat = await make_chat(guest)
    async with open_peer(guest) as peer:
        await peer.send({"type": "message.send", "data": {"chat": chat, "client_id": "quiet", "text": "тихо"}})
        await peer.send({"type": "nonsense"})
        await peer.send({"type": "message.send", "data": {"chat": 999, "client_id": "lost", "text": "x"}})
        await peer.send({"id": 9, "type": "ping"})

        frames = []
        while len(frames) < 2:
            frames.append(await peer.receive())
        assert sorted(frame.get("type", "reply") for frame in frames) == ["message.created", "reply"]


# Order and limits


async def test_pipelined_commands_are_written_in_the_order_they_were_sent(shop: Shop) -> None:
    user = await shop.user("anna")
    async with user.socket() as socket:
        chat = (await socket.command("chat.open", client_id="first"))["chat"]
        commands = [await socket.post("chat.open", client_id="o", text="0")]
        for number in range(1, 40):
            commands.append(await socket.post("message.send", chat=chat, client_id=f"m{number}", text=f"{number}"))
        commands.append(await socket.post("chat.close", chat=chat))
        commands.append(await socket.post("message.send", chat=chat, client_id="late", text="late"))
        *replies, closed, late = [await socket.reply(command) for command in commands]

    assert [reply["data"]["seq"] for reply in replies] == list(range(2, 42))
    assert closed["data"]["chat"]["last_seq"] == 42
    assert late["error"]["code"] == "closed"


async def test_eight_commands_are_in_flight_and_none_is_lost(shop: Shop, make_chat: MakeChat) -> None:
    guest = await shop.guest()
    chat = await make_chat(guest)
    messanger = shop.app[DATABASES].messanger
    async with guest.socket() as socket:
        (connection,) = shop.app[HUB].connections.values()
        release = threading.Event()

        def hold(session: Any) -> Done[bool]:
            return Done(release.wait(20))  # the writer is busy with something long

        held = messanger.submit(hold)
        commands = [await socket.post("message.send", chat=chat, client_id=f"m{n}", text="x") for n in range(30)]
        async with AsyncExitStack() as stack:
            stack.callback(release.set)
            await eventually(lambda: connection.in_flight == 8)
            other = await shop.visitor()  # the loop is free for others meanwhile
            await other.call("GET", "/health/live", status=200)
            assert connection.in_flight == 8
        await held

        replies = [await socket.reply(command) for command in commands]
        assert [reply["data"]["seq"] for reply in replies] == list(range(3, 33))
        assert connection.in_flight == 0


async def test_commands_above_the_limit_are_read_more_slowly_and_none_is_refused(tmp_path: Path) -> None:
    async with open_shop(tmp_path, limits={"commands_per_s": 50, "commands_burst": 3}) as shop:
        guest = await shop.guest()
        async with guest.socket() as socket:
            began = asyncio.get_running_loop().time()
            replies = [await socket.reply(command) for command in [await socket.post("ping", n=n) for n in range(13)]]
            took_s = asyncio.get_running_loop().time() - began

    assert [reply["data"]["n"] for reply in replies] == list(range(13))
    assert took_s >= 10 / 50 * 0.9  # ten of them had to wait for their token


async def test_who_does_not_stop_is_sent_away(tmp_path: Path, make_chat: MakeChat) -> None:
    limits = {"commands_per_s": 20, "commands_burst": 5, "flood_s": 1}
    async with open_shop(tmp_path, limits=limits) as shop:
        async with neighbour(shop, make_chat), open_peer(await shop.guest()) as peer:
            for number in range(2, 90):
                await ignore_closed(peer.send({"id": number, "type": "ping"}))
            frames, code = await peer.rest()

    assert code == CloseCode.ABUSE
    assert frames and all(frame["ok"] for frame in frames)


@pytest.mark.parametrize("kind, per_s, burst", [("guest", 1, 5), ("user", 2, 10), ("staff", 10, 30)])
async def test_messages_have_a_limit_of_their_own_which_is_the_persons(
    tmp_path: Path, kind: str, per_s: float, burst: int
) -> None:
    fields = Limits.model_fields
    assert (fields[f"{kind}_sends_per_s"].default, fields[f"{kind}_sends_burst"].default) == (per_s, burst)
    slowly = {f"{kind}_sends_per_s": 0.01, f"{kind}_sends_burst": burst}  # so that no token comes back meanwhile
    async with open_shop(tmp_path, limits=slowly) as shop:
        person = await (shop.staff() if kind == "staff" else shop.guest() if kind == "guest" else shop.user("anna"))
        customer = await shop.user("boris") if kind == "staff" else person
        async with customer.socket() as socket:
            chat = (await socket.command("chat.open", client_id="o"))["chat"]
        shop.clock.advance(3600)
        async with person.socket() as one, person.socket() as two:
            for number in range(burst):
                await one.command("message.send", chat=chat, client_id=f"m{number}", text="x")
            error = await two.refusal("message.send", chat=chat, client_id="more", text="x")
            assert error["code"] == "rate_limited" and 60_000 < error["retry_after_ms"] <= 100_001

            form = {"client_id": "rest", "text": "x"}
            async with person.request("POST", f"/api/v1/chats/{chat}/messages", json=form) as response:
                assert response.status == 429 and int(response.headers["Retry-After"]) <= 101

            shop.clock.advance(error["retry_after_ms"] / 1000)
            await two.command("message.send", chat=chat, client_id="more", text="x")


async def test_a_text_may_have_4000_characters(house: Shop, make_chat: MakeChat) -> None:
    guest = await house.guest()
    chat = await make_chat(guest)
    async with guest.socket() as socket:
        await socket.command("message.send", chat=chat, client_id="a", text="🧤" * 4000)
        for command in (
            {"type": "message.send", "chat": chat, "client_id": "b", "text": "я" * 4001},
            {"type": "message.edit", "chat": chat, "client_id": "c", "target": 2, "text": "я" * 4001},
            {"type": "chat.open", "client_id": "d", "text": "я" * 4001},
        ):
            assert (await socket.refusal(**command))["code"] == "too_large"


async def test_above_twenty_connections_the_oldest_goes(tmp_path: Path) -> None:
    async with open_shop(tmp_path, limits={"connections": 3}) as shop:
        anna, boris = await shop.user("anna"), await shop.user("boris")
        async with AsyncExitStack() as stack:
            other = await stack.enter_async_context(boris.socket())
            mine = [await stack.enter_async_context(anna.socket()) for _ in range(4)]

            assert await mine[0].close_code() == CloseCode.REPLACED
            for socket in (*mine[1:], other):
                assert await socket.command("ping", n=1) == {"n": 1}


async def test_a_guest_has_that_limit_before_the_first_message_too(tmp_path: Path) -> None:
    async with open_shop(tmp_path, limits={"connections": 1}) as shop:
        guest = await shop.guest()
        async with guest.socket() as first, guest.socket() as second:
            assert await first.close_code() == CloseCode.REPLACED
            await second.command("ping")


async def test_so_many_chats_may_be_watched(tmp_path: Path, make_chat: MakeChat) -> None:
    async with open_shop(tmp_path, limits={"watched_chats": 2}) as shop:
        chats = [await make_chat(await shop.guest()) for _ in range(3)]
        staff = await shop.staff()
        async with staff.socket() as socket:
            for chat in (*chats[:2], chats[0]):
                await socket.command("chat.watch", chat=chat)

            assert (await socket.refusal("chat.watch", chat=chats[2]))["code"] == "too_large"

            await socket.command("chat.unwatch", chat=chats[0])
            await socket.command("chat.watch", chat=chats[2])


# Silence, loss, and the end


async def test_into_silence_the_server_says_the_heads_of_what_is_followed(tmp_path: Path, make_chat: MakeChat) -> None:
    async with open_shop(tmp_path, heartbeat_s=0.2) as shop:
        guest, visitor = await shop.guest(), await shop.guest()
        chat = await make_chat(guest)
        async with guest.socket() as socket, visitor.socket() as empty:
            assert socket.welcome["heartbeat_ms"] == 200

            assert await socket.event("heartbeat") == {"type": "heartbeat", "heads": {str(chat): {"chat": 2}}}
            assert await empty.event("heartbeat") == {"type": "heartbeat", "heads": {}}


async def test_an_entry_of_another_process_reaches_listeners_and_the_inbox(shop: Shop, make_chat: MakeChat) -> None:
    """What is committed and not published here: by another process, or before a crash."""
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    sweeper = shop.app[SWEEPER]
    async with guest.socket() as customer, staff.socket() as desk:
        await desk.command("inbox.list")
        await desk.command("chat.watch", chat=chat, after={"chat": 2, "notes": 0})

        await write_elsewhere(shop, guest, chat, "оттуда")
        await sweeper.sweep()
        await sweeper.sweep()

        for socket in (customer, desk):
            event = await socket.event("message.created")
            assert (event["seq"], event["data"]["data"]) == (3, {"text": "оттуда"})
        inbox = await desk.wait_for(
            lambda frame: frame.get("type") == "inbox" and frame["data"]["rows"][0]["last_seq"] == 3
        )
        assert inbox["data"]["rows"][0]["preview"] == "оттуда"
        assert sweeper.caught == 1


async def test_what_another_process_wrote_shows_as_a_hole_before_the_sweeper_comes(
    tmp_path: Path, make_chat: MakeChat
) -> None:
    async with open_shop(tmp_path, sweep_s=3600) as shop:
        guest, staff = await shop.guest(), await shop.staff()
        chat = await make_chat(guest)
        async with guest.socket() as customer, staff.socket() as desk:
            await write_elsewhere(shop, guest, chat, "3")
            await desk.command("message.send", chat=chat, client_id="m", text="5")

            assert (await customer.event("chat.assigned"))["seq"] == 4
            page = await customer.command("chat.sync", chat=chat, log="chat", after=2)
            assert [event["seq"] for event in page["events"]] == [3, 4, 5] and not page["more"]


async def test_the_heartbeat_reveals_what_the_hub_has_lost(tmp_path: Path, make_chat: MakeChat) -> None:
    async with open_shop(tmp_path, heartbeat_s=0.2, sweep_s=3600) as shop:
        guest = await shop.guest()
        chat = await make_chat(guest)
        async with guest.socket() as socket:
            await write_elsewhere(shop, guest, chat, "оттуда")
            await shop.app[SWEEPER].sweep()

            await socket.event("heartbeat", heads={str(chat): {"chat": 3}})


async def test_who_takes_nothing_is_cut_off_and_nobody_else(
    tmp_path: Path, make_chat: MakeChat, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_shop(tmp_path, stuck_s=0.3) as shop:
        async with open_peer(await shop.guest()) as peer:
            (connection,) = shop.app[HUB].connections.values()
            async with neighbour(shop, make_chat):
                peer.raw.transport.pause_reading()  # type: ignore[attr-defined]
                while not connection.unsent:  # until the kernel's buffers are full
                    connection.send(text_frame(b"x" * 2**20))
                    await asyncio.sleep(0)
                connection.send(text_frame(b"x" * 2**20))

                await eventually(lambda: connection.key not in shop.app[HUB].connections)
            peer.raw.transport.resume_reading()  # type: ignore[attr-defined]
    assert f"{connection.key} was cut off" in caplog.text


async def test_a_server_that_stops_says_when_to_come_back(tmp_path: Path, make_chat: MakeChat) -> None:
    async with open_shop(tmp_path) as shop:
        guest = await shop.guest()
        chat = await make_chat(guest)
        async with guest.socket() as socket:
            command = await socket.post("message.send", chat=chat, client_id="m", text="last")
            await socket.reply(command)
            stopping = asyncio.create_task(shop.app.shutdown())
            goodbye = await socket.event("server.draining")
            assert 0 <= goodbye["data"]["after_ms"] <= 25_000
            assert await socket.close_code() == CloseCode.RESTART
            await stopping

            async with guest.socket(hello=False) as late:
                assert await late.close_code() == CloseCode.RESTART


async def test_an_error_of_our_own_is_internal_and_in_the_log(
    shop: Shop, make_chat: MakeChat, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    guest = await shop.guest()
    async with guest.socket() as socket:

        def fail(*arguments: Any) -> None:
            raise ZeroDivisionError("ours")

        monkeypatch.setattr("app.commands.connect.PingForm.model_validate", fail)

        assert await socket.refusal("ping") == {"code": "internal", "message": "Something went wrong on our side."}
        assert "ping of" in caplog.text and "ZeroDivisionError" in caplog.text


# Little helpers


def padded(size: int) -> str:
    """A ping of exactly so many bytes."""
    frame = json.dumps({"id": 2, "type": "ping", "data": {"x": ""}})
    return frame.replace('""', '"' + "x" * (size - len(frame)) + '"')


async def ignore_closed(sending: Any) -> None:
    """Send, unless the server has closed meanwhile."""
    try:
        await sending
    except ConnectionClosed:
        return


async def epoch_of(shop: Shop) -> str:
    visitor = await shop.guest()
    async with visitor.socket() as socket:
        return str(socket.welcome["epoch"])


async def write_elsewhere(shop: Shop, author: Person, chat: int, text: str) -> None:
    """Another process, as far as the server can tell: a writer of its own on the same files."""
    settings = make_settings(shop.app[SETTINGS].data)
    databases = await Databases.open(urls_of(settings), refusals=(ServiceError,))
    try:
        service = ChatService(databases.messanger, shop.app[NAMES], Renderer(shop.app[NAMES]), settings, shop.clock)
        answer = await author.call("GET", "/api/v1/session", status=200)
        actor = Actor("guest", answer["me"]["id"])
        await service.send(actor, chat, MessageIn(client_id="elsewhere", text=text))
    finally:
        await databases.close()
