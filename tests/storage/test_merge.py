"""A guest signs in to an account: whose chats are whose afterwards, and what a retry is answered."""

import asyncio
import logging
from typing import Any

import pytest
from sqlalchemy import text

from app.errors import Closed, Conflict, NotFound
from db.database import Busy, Done
from db.outbox import Effect, Relay, add_effect
from db.queries import chats as queries
from tests.storage.conftest import Desk, MakeDesk, guest, in_one_batch, manager, user

GUEST, USER = guest(5), user(50)


async def kinds_of(desk: Desk, chat: int) -> list[str]:
    return [entry.kind for entry in await desk.log(chat)]


# Who has an open chat


async def test_open_chat_of_the_guest_becomes_the_accounts(desk: Desk) -> None:
    chat = await desk.open(GUEST, "Раз")

    await desk.merge(GUEST, USER)

    assert (await desk.chat(chat)).user_id == 50
    assert await kinds_of(desk, chat) == ["opened", "message"]
    assert {entry.sender_id for entry in await desk.log(chat)} == {50}
    assert await desk.open(USER, "Два") == chat
    assert await desk.texts(chat) == ["Раз", "Два"]


async def test_open_chat_of_the_account_stays_as_it_is(desk: Desk) -> None:
    closed = await desk.open(GUEST, "Раз")
    await desk.chats.close(GUEST, closed)
    chat = await desk.open(USER, "Два")
    before = await desk.chat(chat)

    await desk.merge(GUEST, USER)

    assert await desk.chat(chat) == before
    assert (await desk.chat(closed)).user_id == 50
    assert [one.id for one in await desk.reader.list_own(USER)] == [chat, closed]


async def test_merge_of_a_guest_without_chats_changes_none(desk: Desk) -> None:
    chat = await desk.open(USER, "Раз")
    before = await desk.chat(chat)

    await desk.merge(GUEST, USER)

    assert await desk.chat(chat) == before


async def test_older_chat_of_the_account_goes_on_in_the_guests(desk: Desk) -> None:
    old = await desk.open(USER, "Вчера")
    await desk.chats.claim(manager(7), old, None, None)
    new = await desk.open(GUEST, "Сегодня")

    await desk.merge(GUEST, USER)

    closed, stays = await desk.chat(old), await desk.chat(new)
    assert (closed.status, closed.continued_in, closed.user_id) == ("closed", new, 50)
    assert (stays.status, stays.user_id, stays.service_person_id) == ("active", 50, 7)
    last = (await desk.log(old))[-1]
    assert (last.kind, last.sender_kind) == ("closed", "system")
    assert last.data == {"code": "closed", "reason": "merged", "continued_in": new}
    assert await kinds_of(desk, new) == ["opened", "message", "assigned"]
    assert await desk.load_of(manager(7)) == 1
    assert await desk.open(USER, "Дальше") == new
    refused = await asyncio.gather(desk.send(USER, old, "a"), return_exceptions=True)
    assert isinstance(refused[0], Closed) and refused[0].extra["continued_in"] == new


async def test_assignee_of_the_guests_chat_keeps_it(desk: Desk) -> None:
    old, new = await desk.open(USER, "Вчера"), await desk.open(GUEST, "Сегодня")
    await desk.chats.claim(manager(7), old, None, None)
    await desk.chats.claim(manager(8), new, None, None)

    await desk.merge(GUEST, USER)

    assert (await desk.chat(new)).service_person_id == 8
    assert (await desk.load_of(manager(7)), await desk.load_of(manager(8))) == (0, 1)


async def test_marks_of_the_guest_become_the_accounts(desk: Desk) -> None:
    chat = await desk.open(GUEST, "Раз")
    marks = desk.chats.marks
    marks.raise_to((chat, "chat"), "customer", 5, read=1)
    await marks.flush()
    marks.raise_to((chat, "chat"), "customer", 5, read=2)  # noted before the merge, written after it
    marks.raise_to((chat, "chat"), "customer", 50, delivered=2)

    await desk.merge(GUEST, USER)
    await marks.flush()

    stored = await desk.messanger.read(lambda connection: queries.list_marks(connection, [chat]))
    assert [(mark.person_id, mark.read_seq, mark.delivered_seq) for mark in stored] == [(50, 2, 2)]


async def test_merge_is_told_with_the_chats_it_changed(desk: Desk) -> None:
    old, new = await desk.open(USER, "Вчера"), await desk.open(GUEST, "Сегодня")
    desk.published.clear()
    rev = max([(await desk.chat(chat)).rev for chat in (old, new)])

    await desk.merge(GUEST, USER)

    told: list[Any] = desk.published
    assert {event.chat.id for event in told if hasattr(event, "chat")} == {old, new}
    assert [(event.entry.chat, event.entry.kind) for event in told if hasattr(event, "entry")] == [(old, "closed")]
    changed = await desk.messanger.read(lambda connection: queries.list_changed(connection, rev, 10))
    assert {chat.id for chat in changed} == {old, new}


# What was on its way, and what comes again


async def test_message_queued_before_the_merge_lands_in_the_moved_chat(desk: Desk) -> None:
    """The guest's connection has not been told yet; the write is behind the merge in the queue."""
    chat = await desk.open(GUEST, "Раз")
    submits = [
        lambda: desk.send(GUEST, chat, "a", "Два"),
        lambda: desk.messanger.submit(lambda session: desk.chats.merge(session, 5, 50)),
        lambda: desk.send(GUEST, chat, "b", "Три"),
        lambda: desk.send(USER, chat, "c", "Четыре"),
    ]  # fmt: skip
    await asyncio.gather(*in_one_batch(desk.messanger, submits))

    assert await desk.texts(chat) == ["Раз", "Два", "Три", "Четыре"]
    assert {entry.sender_id for entry in await desk.log(chat)} == {50}


async def test_late_opening_of_the_guest_is_the_accounts(make_desk: MakeDesk) -> None:
    """Also on a process that has heard nothing of the merge."""
    desk, other = await make_desk(), await make_desk()
    await desk.merge(GUEST, USER)

    chat = await other.open(GUEST, "Раз")

    assert (await desk.chat(chat)).user_id == 50
    assert await desk.open(USER, "Два") == chat


async def test_retry_after_signing_in_gets_the_same_answer(desk: Desk) -> None:
    """As the account, and as the guest on a connection that is still open."""
    opening = {"client_id": "o", "text": "Раз"}
    chat = await desk.open(GUEST, **opening)
    first = await desk.send(GUEST, chat, "a", "Два")
    edit = await desk.chats.edit(GUEST, chat, first.entry.seq, "e", "Два!")
    await desk.merge(GUEST, USER)

    for actor in (USER, GUEST):
        again = await desk.send(actor, chat, "a", "Два")
        assert again.duplicate and again.entry.seq == first.entry.seq
        assert (await desk.chats.edit(actor, chat, first.entry.seq, "e", "Два!")).entry.seq == edit.entry.seq
        assert await desk.open(actor, **opening) == chat
    assert await desk.texts(chat) == ["Раз", "Два!"]


async def test_client_ids_that_both_have_used_stay_apart(desk: Desk) -> None:
    """Each retry is answered with what it has sent itself."""
    theirs = await desk.open(USER, "Раз", client_id="o")
    sent_by_user = await desk.send(USER, theirs, "a", "account")
    mine = await desk.open(GUEST, "Два", client_id="o")
    sent_by_guest = await desk.send(GUEST, mine, "a", "guest")
    await desk.merge(GUEST, USER)

    for actor in (USER, GUEST):
        for chat, sent, words in ((theirs, sent_by_user, "account"), (mine, sent_by_guest, "guest")):
            again = await desk.send(actor, chat, "a", words)
            assert again.duplicate and (again.entry.chat, again.entry.seq) == (chat, sent.entry.seq)
        assert await desk.open(actor, "Раз", client_id="o") == theirs
        assert await desk.open(actor, "Два", client_id="o") == mine
        with pytest.raises(Conflict):
            await desk.send(actor, mine, "a", "neither")
    assert [entry.client_id for entry in await desk.log(mine)] == [None, "5:o", "5:a"]
    assert await desk.texts(mine) == ["Два", "guest"]


async def test_longest_client_id_survives_a_clash(desk: Desk) -> None:
    longest, guest_id = "x" * 64, 2**53 - 1
    chat = await desk.open(USER)
    await desk.send(USER, chat, longest, "account")
    mine = await desk.open(guest(guest_id))
    await desk.send(guest(guest_id), mine, longest, "guest")

    await desk.merge(guest(guest_id), USER)

    assert (await desk.send(USER, mine, longest, "guest")).duplicate


async def test_several_guests_can_become_one_account(desk: Desk) -> None:
    """With the same client_id each, one after another: every time the older chat goes on in the newer."""
    chats = []
    for number in (5, 6, 8):
        chats.append(await desk.open(guest(number)))
        await desk.send(guest(number), chats[-1], "a", f"guest {number}")
        await desk.merge(guest(number), USER)

    assert [(await desk.chat(chat)).continued_in for chat in chats] == [chats[1], chats[2], None]
    for number, chat in zip((5, 6, 8), chats, strict=True):
        assert (await desk.send(USER, chat, "a", f"guest {number}")).duplicate


async def test_old_chats_of_the_guest_move_too(desk: Desk) -> None:
    old = []
    for number in range(30):
        old.append(await desk.open(GUEST, str(number)))
        await desk.chats.close(GUEST, old[-1])
    await desk.merge(GUEST, USER)

    assert [chat.id for chat in await desk.reader.list_own(USER)] == old[::-1]
    assert [await desk.texts(chat) for chat in old] == [[str(number)] for number in range(30)]
    revs = [(await desk.chat(chat)).rev for chat in old]
    assert len(set(revs)) == 30


async def test_stranger_is_still_a_stranger_after_a_merge(desk: Desk) -> None:
    chat = await desk.open(GUEST, "Раз")
    await desk.merge(GUEST, USER)

    for actor in (guest(6), user(51)):
        with pytest.raises(NotFound):
            await desk.send(actor, chat, "a")


# Once, whatever happens


async def test_merge_applied_again_changes_nothing(desk: Desk) -> None:
    old, new = await desk.open(USER, "Вчера"), await desk.open(GUEST, "Сегодня")
    await desk.merge(GUEST, USER)
    await desk.send(USER, new, "a", "Дальше")
    before = [(await desk.chat(chat), await desk.log(chat)) for chat in (old, new)]

    await desk.merge(GUEST, USER)

    assert [(await desk.chat(chat), await desk.log(chat)) for chat in (old, new)] == before


async def test_merge_reaches_the_chats_through_the_outbox_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The relay dies after it has changed the chats and before it has noted that; then it does it again."""
    caplog.set_level(logging.CRITICAL)
    old, new = await desk.open(USER, "Вчера"), await desk.open(GUEST, "Сегодня")

    def leave_effect(session: Any) -> Done[None]:
        add_effect(session, kind="merge_customer", key="50", payload={"guest_id": 5, "user_id": 50})
        return Done(None)

    def apply(session: Any, payload: dict[str, Any]) -> Done[Any]:
        return desk.chats.merge(session, payload["guest_id"], payload["user_id"])

    await desk.databases.users.write(leave_effect)
    relay = Relay(desk.databases, {"merge_customer": Effect("messanger", apply)})
    with monkeypatch.context() as broken:
        broken.setattr("db.outbox._mark_done", die)
        assert not await relay.drain("users")
    before = await desk.log(old), await desk.log(new)
    assert await relay.drain("users")

    assert (await desk.log(old), await desk.log(new)) == before
    assert await kinds_of(desk, old) == ["opened", "message", "closed"]
    merged = 'SELECT COUNT(*) FROM "MergedCustomer"'
    assert await desk.messanger.read(lambda connection: connection.execute(text(merged)).scalar_one()) == 1


def die(session: Any, position: int) -> Done[None]:
    raise Busy
