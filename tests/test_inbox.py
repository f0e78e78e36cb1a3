"""The inbox of the desk: pages in display order, what changed since a cursor, and rows that come by themselves."""

import asyncio
from typing import Any

import pytest

from app.keys import HUB
from app.main import SWEEPER
from app.schemas.chats import InboxRow
from app.services import chat_reader
from tests.conftest import MakeChat, Person, Shop, Socket
from tests.peers import eventually

Row = dict[str, Any]


async def list_ids(socket: Socket, **query: Any) -> list[int]:
    return [row["chat"] for row in (await socket.command("inbox.list", **query))["rows"]]


async def row_of(socket: Socket, chat: int, **where: Any) -> Row:
    """The chat's row from an ``inbox`` event, as soon as it says all this."""

    def find(frame: dict[str, Any]) -> Row | None:
        rows = frame["data"]["rows"] if frame.get("type") == "inbox" else ()
        fitting = [row for row in rows if row["chat"] == chat and all(row[key] == where[key] for key in where)]
        return fitting[0] if fitting else None

    found = find(await socket.wait_for(lambda frame: find(frame) is not None))
    assert found is not None
    return found


async def say(person: Person, chat: int, text: str) -> None:
    form = {"client_id": f"c{abs(hash(text))}", "text": text}
    await person.call("POST", f"/api/v1/chats/{chat}/messages", json=form, status=201)


async def test_a_row_shows_what_a_list_of_chats_needs(shop: Shop, make_chat: MakeChat) -> None:
    user, staff = await shop.user("anna"), await shop.staff("boris")
    chat = await make_chat(user, "  Есть ли\nшапка?  ")
    async with staff.socket() as desk:
        page = await desk.command("inbox.list")

    (row,) = page["rows"]
    InboxRow.model_validate(row)
    assert row["customer"] == {"kind": "user", "id": user.me["id"], "name": "anna"}
    assert (row["chat"], row["status"], row["assignee"], row["preview"]) == (chat, "queued", None, "Есть ли шапка?")
    assert (row["last_seq"], row["last_customer_seq"], row["last_staff_seq"]) == (2, 2, 0)
    assert row["waiting_since"] == row["last_entry_time"] and row["state_version"] == 1
    assert page["counts"] == {"queue": 1, "mine": 0, "all": 1} and page["reads"] == {} and not page["more"]
    assert page["cursor"] == row["rev"]


async def test_a_new_chat_comes_into_the_inbox_by_itself(shop: Shop, make_chat: MakeChat) -> None:
    staff = await shop.staff()
    async with staff.socket() as desk, staff.socket() as elsewhere:
        await desk.command("inbox.list")

        chat = await make_chat(await shop.guest(), "Здравствуйте!")

        row = await row_of(desk, chat)
        assert row["customer"]["kind"] == "guest" and row["preview"] == "Здравствуйте!"
        await elsewhere.command("ping")  # who has not asked for the inbox is not sent it
        assert elsewhere.frames == []


async def test_what_happens_to_a_chat_shows_in_its_row(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff("boris")
    chat = await make_chat(guest)
    async with staff.socket() as desk:
        await desk.command("inbox.list")
        await desk.command("message.send", chat=chat, client_id="m1", text="Добрый день")
        row = await row_of(desk, chat, preview="Добрый день")
        assert (row["status"], row["assignee"]["name"], row["waiting_since"]) == ("active", "boris", None)

        await say(guest, chat, "Спасибо")
        row = await row_of(desk, chat, preview="Спасибо")
        assert row["waiting_since"] and row["last_customer_seq"] == 5

        await desk.command("chat.close", chat=chat)
        assert (await row_of(desk, chat, status="closed"))["waiting_since"] is None


async def test_many_changes_are_few_frames_and_the_last_row_is_right(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with guest.socket() as customer, staff.socket() as desk:
        await desk.command("inbox.list")
        commands = [await customer.post("message.send", chat=chat, client_id=f"m{n}", text=f"{n}") for n in range(200)]
        for command in commands:
            await customer.reply(command)

        await row_of(desk, chat, last_seq=202, preview="199")
        assert len(desk.frames) < 40


async def test_a_row_that_was_shown_is_not_shown_again_by_the_sweeper(shop: Shop, make_chat: MakeChat) -> None:
    staff = await shop.staff()
    async with staff.socket() as desk:
        await desk.command("inbox.list")
        first = await make_chat(await shop.guest())
        await row_of(desk, first)

        await shop.app[SWEEPER].sweep()
        await shop.app[SWEEPER].sweep()
        second = await make_chat(await shop.guest())

        event = await desk.wait_for(lambda frame: frame.get("type") == "inbox")
        assert [row["chat"] for row in event["data"]["rows"]] == [second]


async def test_a_state_event_says_which_version_it_is(shop: Shop, make_chat: MakeChat) -> None:
    staff = await shop.staff()
    async with staff.socket() as desk:
        cursor = (await desk.command("inbox.list"))["cursor"]
        await make_chat(await shop.guest())
        event = await desk.event("inbox")

        assert event["key"] == "inbox" and event["version"] == max(row["rev"] for row in event["data"]["rows"]) > cursor


# Pages


async def test_who_has_waited_longest_stands_first_and_the_answered_last(shop: Shop, make_chat: MakeChat) -> None:
    staff = await shop.staff()
    guests = [await shop.guest() for _ in range(4)]
    chats = []
    for guest in guests:
        chats.append(await make_chat(guest))
        shop.clock.advance(60)
    one, two, three, four = chats
    async with staff.socket() as desk:
        for chat in (one, four):
            await desk.command("message.send", chat=chat, client_id=f"m{chat}", text="Ответ")
            shop.clock.advance(60)
        await say(guests[1], two, "Ау")  # who asks again does not lose the place

        assert await list_ids(desk) == [two, three, four, one]
        assert await list_ids(desk, sort="recent") == [two, four, one, three]
        for sort in ("waiting", "recent"):
            whole = await list_ids(desk, sort=sort)
            paged: list[int] = []
            while len(paged) < 4:
                page = await desk.command("inbox.list", sort=sort, limit=1, **({"after": paged[-1]} if paged else {}))
                assert len(page["rows"]) == 1 and page["more"]
                paged.append(page["rows"][0]["chat"])
            assert paged == whole
            assert await list_ids(desk, sort=sort, after=whole[-1]) == []
    over_rest = await staff.call("GET", "/api/v1/chats?limit=3", status=200)
    assert [item["id"] for item in over_rest["items"]] == [two, three, four] and over_rest["next"] == four


async def test_the_inbox_is_filtered_and_counted(shop: Shop, make_chat: MakeChat) -> None:
    anna, boris = await shop.staff("anna"), await shop.staff("boris")
    guests = [await shop.guest() for _ in range(4)]
    queued, mine, theirs, closed = [await make_chat(guest) for guest in guests]
    async with anna.socket() as desk, boris.socket() as other:
        await desk.command("chat.claim", chat=mine)
        await other.command("chat.claim", chat=theirs)
        await desk.command("chat.close", chat=closed)

        assert await list_ids(desk, filter="queue") == [queued]
        assert await list_ids(desk, filter="mine") == [mine]
        assert set(await list_ids(desk, filter="all")) == {queued, mine, theirs}
        assert await list_ids(desk, filter="closed") == [closed]
        counts = (await desk.command("inbox.list"))["counts"]
        assert counts == {"queue": 1, "mine": 1, "all": 3}


async def test_pages_say_how_far_the_asker_has_read(shop: Shop, make_chat: MakeChat) -> None:
    anna, boris = await shop.staff("anna"), await shop.staff("boris")
    guest = await shop.guest()
    read, unread = await make_chat(guest), await make_chat(await shop.guest())
    async with guest.socket() as customer, anna.socket() as desk, boris.socket() as other:
        await desk.command("chat.watch", chat=read)
        await desk.command("chat.read", chat=read, seq=2)
        await customer.event("receipt")

        assert (await desk.command("inbox.list"))["reads"] == {str(read): 2}
        assert (await desk.command("inbox.sync", cursor=0))["reads"] == {str(read): 2}
        page = await other.command("inbox.list")
        assert page["reads"] == {} and {row["chat"] for row in page["rows"]} == {read, unread}


@pytest.mark.parametrize("query", [
    {"filter": "theirs"}, {"sort": "name"}, {"limit": 0}, {"limit": 101}, {"limit": "10"}, {"after": 0},
], ids=str)  # fmt: skip
async def test_a_page_that_cannot_be_is_refused(shop: Shop, query: dict[str, Any]) -> None:
    staff = await shop.staff()
    async with staff.socket() as desk:
        assert (await desk.refusal("inbox.list", **query))["code"] == "invalid"


# What changed since a cursor


async def test_what_changed_since_the_cursor_comes_whatever_the_filter(shop: Shop, make_chat: MakeChat) -> None:
    staff = await shop.staff()
    guests = [await shop.guest() for _ in range(3)]
    old, changed, closed = [await make_chat(guest) for guest in guests]
    async with staff.socket() as desk:
        cursor = (await desk.command("inbox.list", filter="queue"))["cursor"]
    await say(guests[1], changed, "Ау")
    await staff.call("PATCH", f"/api/v1/chats/{closed}", json={"status": "closed"}, status=200)
    new = await make_chat(await shop.guest())

    async with staff.socket() as desk:
        page = await desk.command("inbox.sync", cursor=cursor)
        assert [row["chat"] for row in page["rows"]] == [changed, closed, new]  # in the order of commits, without `old`
        assert page["removed"] == [] and page["more"] is False
        assert page["cursor"] == page["rows"][-1]["rev"]

        again = await desk.command("inbox.sync", cursor=page["cursor"])
        assert again["rows"] == [] and again["cursor"] == page["cursor"]
        await say(guests[0], old, "И я")  # and from here on they come by themselves
        await row_of(desk, old, preview="И я")


async def test_nothing_is_lost_between_the_page_and_the_rows_that_come_by_themselves(
    shop: Shop, make_chat: MakeChat
) -> None:
    """A client that applies pages and events by rev has every row as it is in the end."""
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with guest.socket() as customer:
        stop = asyncio.Event()

        async def write() -> int:
            seq, number = 0, 0
            while not stop.is_set() or number < 20:
                number += 1
                sent = await customer.command("message.send", chat=chat, client_id=f"m{number}", text=f"{number}")
                seq = sent["seq"]
            return int(seq)

        writing = asyncio.create_task(write())
        try:
            sockets = [staff.socket() for _ in range(5)]
            for opening in sockets:
                async with opening as desk:
                    page = await desk.command("inbox.list")
                    newest = page["rows"][0]["last_seq"]
                    await row_of_at_least(desk, chat, newest + 1)
        finally:
            stop.set()
        last = await writing
    async with staff.socket() as desk:
        assert (await desk.command("inbox.list"))["rows"][0]["last_seq"] == last


async def row_of_at_least(desk: Socket, chat: int, seq: int) -> None:
    await desk.wait_for(
        lambda frame: (
            frame.get("type") == "inbox"
            and any(row["chat"] == chat and row["last_seq"] >= seq for row in frame["data"]["rows"])
        )
    )


async def test_too_many_changes_are_listed_afresh(
    shop: Shop, make_chat: MakeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chat_reader.INBOX_SYNC_ROWS == 2000
    staff = await shop.staff()
    for _ in range(3):
        await make_chat(await shop.guest())
    monkeypatch.setattr(chat_reader, "INBOX_SYNC_ROWS", 2)
    async with staff.socket() as desk:
        assert await desk.command("inbox.sync", cursor=0) == {"reset": True}
        assert len((await desk.command("inbox.sync", cursor=1))["rows"]) == 2
        epoch = desk.welcome["epoch"]

    async with staff.socket(hello=False) as desk:
        frames = await desk.hello(resume={"epoch": epoch, "inbox": 0})
        assert {"type": "inbox.reset", "data": {}} in frames


async def test_a_cursor_from_the_future_is_from_another_history(shop: Shop) -> None:
    staff = await shop.staff()
    async with staff.socket() as desk:
        assert await desk.command("inbox.sync", cursor=10**6) == {"reset": True}


async def test_who_does_not_read_is_told_to_fetch_what_changed(shop: Shop, make_chat: MakeChat) -> None:
    """Instead of frame after frame one hint waits for a client that has not taken the last one."""
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with staff.socket() as desk:
        await desk.command("inbox.list")
        connection = next(one for one in shop.app[HUB].connections.values() if one.actor.is_staff)
        connection.outbox.hold()  # as while a long resume is being read
        await say(guest, chat, "раз")
        await eventually(lambda: connection.outbox.size > 0)
        first = connection.outbox.size
        await say(guest, chat, "два")
        await eventually(lambda: 0 < connection.outbox.size < first)
        connection.release()

        event = await desk.event("inbox.behind")
        assert event["key"] == "inbox" and event["data"] == {}
        page = await desk.command("inbox.sync", cursor=0)
        assert page["rows"][0]["preview"] == "два" and page["cursor"] >= event["version"]
        assert not any(frame.get("type") == "inbox" for frame in desk.frames)
