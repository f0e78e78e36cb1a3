"""Messages and the states of a chat, from the service to the tables and back, on both engines."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from app.errors import Closed, Conflict, Forbidden, NotFound, ServiceError
from app.services.chat_log import LogWrite
from db.database import Done, Pending
from db.queries import chats as queries
from tests.storage.conftest import Desk, MakeDesk, guest, in_one_batch, manager, owner, user


async def refused(pending: Pending[Any]) -> ServiceError:
    """The refusal that this write must get."""
    try:
        result = await pending
    except ServiceError as refusal:
        return refusal
    raise AssertionError(f"not refused: {result}")


# Order


async def test_messages_of_a_chat_are_numbered_without_holes(desk: Desk) -> None:
    chat = await desk.open(guest(), "0")

    sent = await asyncio.gather(*(desk.send(guest(), chat, f"c{n}", str(n)) for n in range(1, 300)))

    assert [one.entry.seq for one in sent] == list(range(3, 302))
    assert await desk.texts(chat) == [str(n) for n in range(300)]


async def test_two_processes_number_one_chat_together(make_desk: MakeDesk) -> None:
    first, second = await make_desk(), await make_desk()
    chat = await first.open(guest())
    await first.send(manager(), chat, "claim")

    async def talk(desk: Desk, actor: Any, name: str) -> list[Any]:
        sent = []
        for burst in range(10):
            pendings = [desk.send(actor, chat, f"{name}-{burst}-{n}", f"{name} {burst * 10 + n:02}") for n in range(10)]
            sent += await asyncio.gather(*pendings)
        return sent

    talks = await asyncio.gather(talk(first, guest(), "guest"), talk(second, manager(), "staff"))

    entries = {entry.seq: entry for entry in await first.log(chat)}
    assert len(entries) == 1 + 2 + 200  # opened; assigned and the claiming reply
    for name, sent in zip(("guest", "staff"), talks, strict=True):
        told = [(one.entry.data or {})["text"] for one in sorted(sent, key=lambda one: one.entry.seq)]
        assert told == [f"{name} {n:02}" for n in range(100)]  # each in the order written
        for one in sent:
            assert entries[one.entry.seq].data == one.entry.data  # where the answer says


async def test_chat_that_another_process_has_changed_is_not_taken_for_what_it_was(make_desk: MakeDesk) -> None:
    """Each keeps chats at hand between its batches; whoever comes second must see what the first has done."""
    first, second = await make_desk(), await make_desk()
    chat = await first.open(guest())
    for number, desk in enumerate((first, second, first, first, second)):
        assert (await desk.send(guest(), chat, f"a{number}")).entry.seq == number + 2

    await second.chats.close(manager(), chat)

    assert isinstance(await refused(first.send(guest(), chat, "late")), Closed)


async def test_what_was_undone_is_not_taken_for_what_is(desk: Desk) -> None:
    """A write that changed a chat and was undone, between two that were not."""
    chat = await desk.open(guest())
    await desk.send(guest(), chat, "a")

    def fail(session: Session) -> Done[None]:
        write = LogWrite(session.connection(), desk.clock.now())
        write.load([chat])
        write.close(write.chats[chat], "", "staff", 7)
        write.store()
        raise NotFound

    for submit in (lambda: desk.messanger.submit(fail), lambda: desk.messanger.submit_run(fail_run, fail)):
        assert isinstance(await refused(submit()), NotFound)
        assert (await desk.chat(chat)).status == "queued"
    sent = await desk.send(guest(), chat, "b")
    assert sent.entry.seq == 3
    assert await desk.log(chat)


def fail_run(connection: Connection, works: list[Any]) -> list[Any]:
    return [work(Session(bind=connection, join_transaction_mode="rollback_only")) for work in works]


async def test_cursor_of_the_inbox_misses_no_commit(make_desk: MakeDesk) -> None:
    """Whoever asks for the rows after the last rev seen has all rows in the end, however the writers interleave."""
    first, second = await make_desk(), await make_desk()
    chats = [await first.open(guest(number)) for number in range(10, 20)]
    picture: dict[int, int] = {}
    cursor, done = 0, False

    async def look() -> None:
        nonlocal cursor
        after = cursor
        for chat in await first.messanger.read(lambda connection: queries.list_changed(connection, after, 1000)):
            assert chat.rev > cursor
            cursor = chat.rev
            picture[chat.id] = chat.last_seq

    async def follow() -> None:
        while not done:
            await look()

    async def talk(desk: Desk, half: list[int]) -> None:
        for burst in range(20):
            pendings = [desk.send(manager(7), chat, f"{chat}-{burst}-{half[0]}", force=True) for chat in half]
            await asyncio.gather(*pendings)

    follower = asyncio.create_task(follow())
    await asyncio.gather(talk(first, chats[:7]), talk(second, chats[3:]))
    done = True
    await follower
    await look()

    assert picture == {chat: (await first.chat(chat)).last_seq for chat in chats}


async def test_events_are_published_in_the_order_of_the_log(desk: Desk) -> None:
    chat = await desk.open(guest(), "1")
    await asyncio.gather(*(desk.send(guest(), chat, f"c{n}", str(n)) for n in range(2, 50)))

    seqs = [event.entry.seq for event in desk.published if hasattr(event, "entry")]
    assert seqs == [entry.seq for entry in await desk.log(chat)]


# Again


async def test_message_sent_again_is_one_message_with_the_same_answer(make_desk: MakeDesk) -> None:
    desk, other = await make_desk(), await make_desk()
    chat = await desk.open(guest())
    first = await desk.send(guest(), chat, "a", "Привет")
    desk.published.clear()

    for process in (desk, other):
        again = await process.send(guest(), chat, "a", "Привет")
        assert again.duplicate and again.entry.seq == first.entry.seq
        assert again.entry.creation_time == first.entry.creation_time
        assert process.published == []
    assert await desk.texts(chat) == ["Привет"]


async def test_message_sent_twice_at_once_is_one_message(desk: Desk) -> None:
    """Both in one run: neither is in the database when the other is looked up."""
    chat = await desk.open(guest())
    submits = [
        lambda: desk.send(guest(), chat, "a", "1"), lambda: desk.send(guest(), chat, "a", "1"),
        lambda: desk.send(guest(), chat, "a", "2"), lambda: desk.send(guest(), chat, "b", "3"),
    ]  # fmt: skip
    first, again, other, last = in_one_batch(desk.messanger, submits)

    assert (await first).entry.seq == (await again).entry.seq == 2
    assert not (await first).duplicate and (await again).duplicate
    assert (await refused(other)).extra["reason"] == "client_id"
    assert (await last).entry.seq == 3
    assert await desk.texts(chat) == ["1", "3"]


async def test_two_processes_that_send_the_same_make_one_message(make_desk: MakeDesk) -> None:
    desks = [await make_desk(), await make_desk()]
    chat = await desks[0].open(guest())

    sent = await asyncio.gather(*(desk.send(guest(), chat, f"c{n}", str(n)) for n in range(50) for desk in desks))

    assert sorted(one.entry.seq for one in sent) == sorted(list(range(2, 52)) * 2)
    assert sum(one.duplicate for one in sent) == 50
    assert sorted(await desks[0].texts(chat), key=lambda one: int(one or 0)) == [str(n) for n in range(50)]


async def test_same_client_id_with_another_body_is_a_conflict(desk: Desk) -> None:
    chat = await desk.open(guest())
    await desk.send(guest(), chat, "a", "Есть 42?")

    for other in ({"text": "Есть 43?"}, {"text": "Есть 42?", "reply_to": 1}):
        refusal = await refused(desk.send(guest(), chat, "a", **other))
        assert isinstance(refusal, Conflict) and refusal.extra["reason"] == "client_id"
    assert (await desk.send(guest(), chat, "a", "Есть 42?", force=True)).duplicate  # about the screen, not the body
    assert await desk.texts(chat) == ["Есть 42?"]


async def test_client_ids_of_others_are_theirs(desk: Desk) -> None:
    """Also of a customer and a member of staff with the same number."""
    chat = await desk.open(guest(7))
    other_chat = await desk.open(guest(8))

    await desk.send(guest(7), chat, "a", "customer")
    await desk.send(manager(7), chat, "a", "staff")
    await desk.send(guest(8), other_chat, "a", "other")

    assert await desk.texts(chat) == ["customer", "staff"]
    assert await desk.texts(other_chat) == ["other"]


async def test_retry_after_closing_still_gets_its_answer(desk: Desk) -> None:
    chat = await desk.open(guest())
    first = await desk.send(guest(), chat, "a", "Спасибо")
    await desk.chats.close(guest(), chat)

    again = await desk.send(guest(), chat, "a", "Спасибо")
    assert again.duplicate and again.entry.seq == first.entry.seq
    assert isinstance(await refused(desk.send(guest(), chat, "b", "Ещё")), Closed)


async def test_opening_again_finds_the_same_chat_and_message(desk: Desk) -> None:
    opening = {"client_id": "o", "text": "Здравствуйте!", "subject": "Куртка"}
    first = await desk.open(guest(), **opening)
    assert await desk.open(guest(), **opening) == first
    await desk.chats.close(guest(), first)
    assert await desk.open(guest(), **opening) == first  # a late retry opens no second chat

    assert await desk.texts(first) == ["Здравствуйте!"]


async def test_second_opening_writes_into_the_open_chat(desk: Desk) -> None:
    first = await desk.open(guest(), "Раз")

    assert await desk.open(guest(), "Два") == first
    assert await desk.texts(first) == ["Раз", "Два"]
    assert [entry.kind for entry in await desk.log(first)] == ["opened", "message", "message"]


async def test_two_openings_at_once_make_one_chat(make_desk: MakeDesk) -> None:
    first, second = await make_desk(), await make_desk()

    chats = await asyncio.gather(*(desk.open(guest(), str(n)) for n in range(20) for desk in (first, second)))

    assert len(set(chats)) == 1
    assert len(await first.texts(chats[0])) == 40


async def test_customer_has_a_new_chat_after_the_old_one_is_closed(desk: Desk) -> None:
    old = await desk.open(guest(), "Раз")
    await desk.chats.close(guest(), old)

    new = await desk.open(guest(), "Два")

    assert new != old
    assert await desk.texts(new) == ["Два"]


# Refusals


async def test_stranger_chat_is_as_absent_as_one_that_never_was(desk: Desk) -> None:
    chat = await desk.open(guest(5), "Моё")
    before = await desk.log(chat)

    for number in (chat, 10**6):
        for attempt in (
            desk.send(guest(6), number, "a"), desk.send(user(50), number, "a"), desk.chats.close(guest(6), number),
            desk.chats.edit(guest(6), number, 2, "a", "Чужое"), desk.chats.edit(guest(6), number, 2, "b", None),
        ):  # fmt: skip
            refusal = await refused(attempt)
            assert isinstance(refusal, NotFound) and not refusal.extra
    assert await desk.log(chat) == before


async def test_refused_message_leaves_no_hole(desk: Desk) -> None:
    """In one run with messages that are kept."""
    chat = await desk.open(guest())
    closed = await desk.open(guest(6))
    await desk.chats.close(guest(6), closed)
    submits = [
        lambda: desk.send(guest(), chat, "a", "1"), lambda: desk.send(guest(6), closed, "b", "closed"),
        lambda: desk.send(guest(6), chat, "c", "not theirs"), lambda: desk.send(guest(), 999, "d", "nowhere"),
        lambda: desk.send(guest(), chat, "e", "2"),
    ]  # fmt: skip
    results = await asyncio.gather(*in_one_batch(desk.messanger, submits), return_exceptions=True)

    assert [type(result) for result in results[1:4]] == [Closed, NotFound, NotFound]
    assert await desk.texts(chat) == ["1", "2"]


# The desk


async def test_reply_to_a_chat_of_nobody_claims_it(desk: Desk) -> None:
    chat = await desk.open(guest(), "Есть 42?")
    assert (await desk.chat(chat)).status == "queued"

    await desk.send(manager(), chat, "a", "Есть")

    row = await desk.chat(chat)
    assert (row.status, row.service_person_id, row.state_version) == ("active", 7, 2)
    assert [entry.kind for entry in await desk.log(chat)] == ["opened", "message", "assigned", "message"]
    assert await desk.load_of(manager()) == 1


async def test_reply_to_somebody_else_s_chat_claims_nothing(desk: Desk) -> None:
    chat = await desk.open(guest(), "Есть 42?")
    await desk.chats.claim(manager(7), chat, None, None)

    await desk.send(manager(8), chat, "a", "Есть")

    assert (await desk.chat(chat)).service_person_id == 7
    assert (await desk.load_of(manager(7)), await desk.load_of(manager(8))) == (1, 0)


async def test_only_one_of_two_claims_at_once_wins(make_desk: MakeDesk) -> None:
    first, second = await make_desk(), await make_desk()
    chat = await first.open(guest(), "Кто-нибудь?")

    claims = (first.chats.claim(manager(7), chat, 1, "a"), second.chats.claim(manager(8), chat, 1, "b"))
    results = await asyncio.gather(*claims, return_exceptions=True)

    lost = [result for result in results if isinstance(result, Conflict)]
    winner = (await first.chat(chat)).service_person_id
    assert len(lost) == 1 and lost[0].extra["chat"]["assignee"]["id"] == winner
    assert sorted([await first.load_of(manager(7)), await first.load_of(manager(8))]) == [0, 1]
    assert [entry.kind for entry in await first.log(chat)] == ["opened", "message", "assigned"]


async def test_load_of_a_desk_is_its_number_of_open_chats(desk: Desk) -> None:
    chats = [await desk.open(guest(number), "Раз") for number in (5, 6, 8)]
    for chat in chats:
        await desk.send(manager(7), chat, f"hello-{chat}")
    assert await desk.load_of(manager(7)) == 3

    await desk.chats.assign(manager(7), chats[0], 9, None, "a")
    await desk.chats.assign(manager(7), chats[0], 9, None, "a")  # again
    await desk.chats.close(manager(7), chats[1], client_id="b")
    await desk.chats.assign(manager(7), chats[2], None, None, "c")
    assert (await desk.load_of(manager(7)), await desk.load_of(manager(9))) == (0, 1)

    await desk.chats.reopen(manager(7), chats[1], None, "d")
    await desk.chats.claim(manager(7), chats[2], None, "e")
    await desk.chats.close(guest(5), chats[0])
    assert (await desk.load_of(manager(7)), await desk.load_of(manager(9))) == (2, 0)


async def test_customer_who_types_does_not_make_a_claim_fail(desk: Desk) -> None:
    chat = await desk.open(guest(), "Раз")
    version = (await desk.chat(chat)).state_version

    await desk.send(guest(), chat, "a", "Два")
    await desk.chats.claim(manager(), chat, version, None)
    refusal = await refused(desk.chats.close(manager(), chat, if_version=version))

    assert isinstance(refusal, Conflict) and refusal.extra["reason"] == "version"


async def test_chat_cannot_be_reopened_beside_another_open_one(desk: Desk) -> None:
    old = await desk.open(guest(), "Раз")
    await desk.chats.close(guest(), old)
    new = await desk.open(guest(), "Два")

    refusal = await refused(desk.chats.reopen(manager(), old, None, None))
    assert isinstance(refusal, Conflict)
    assert (refusal.extra["reason"], refusal.extra["chat"]["id"]) == ("open", new)

    await desk.chats.close(guest(), new)
    assert (await desk.chats.reopen(manager(), old, None, None)).status == "queued"


@pytest.mark.parametrize("together", [False, True])
async def test_reply_is_held_back_when_others_have_answered(desk: Desk, together: bool) -> None:
    """Also when both replies are in one run."""
    chat = await desk.open(guest(), "Есть 42?")
    submits = [
        lambda: desk.send(manager(7), chat, "a", "Есть", seen=2),
        lambda: desk.send(manager(8), chat, "a", "Нет", seen=2),
    ]  # fmt: skip
    if together:
        pendings = in_one_batch(desk.messanger, submits)
    else:
        pendings = [submits[0]()]
        await pendings[0]
        pendings.append(submits[1]())

    assert (await pendings[0]).entry.seq == 4
    refusal = await refused(pendings[1])
    assert isinstance(refusal, Conflict) and refusal.extra["reason"] == "moved_on"
    assert [(entry["seq"], entry["data"]["data"]["text"]) for entry in refusal.extra["entries"]] == [(4, "Есть")]

    await desk.send(manager(8), chat, "a", "Нет", seen=2, force=True)
    assert await desk.texts(chat) == ["Есть 42?", "Есть", "Нет"]


async def test_own_and_customers_messages_hold_no_reply_back(desk: Desk) -> None:
    chat = await desk.open(guest(), "Есть 42?")
    await desk.send(manager(7), chat, "a", "Смотрю", seen=2)
    await desk.send(guest(), chat, "b", "Спасибо")

    assert (await desk.send(manager(7), chat, "c", "Есть", seen=2)).entry.seq == 6


async def test_waiting_since_is_the_first_unanswered_message(desk: Desk) -> None:
    chat = await desk.open(guest(), "Раз")
    first = (await desk.log(chat))[1].creation_time
    desk.clock.advance(60)
    await desk.send(guest(), chat, "a", "Два")
    assert (await desk.chat(chat)).waiting_since == first

    desk.clock.advance(60)
    answer = await desk.send(manager(), chat, "b", "Здравствуйте!")
    row = await desk.chat(chat)
    assert row.waiting_since is None and row.first_reply_time == answer.entry.creation_time
    assert (row.last_customer_seq, row.last_staff_seq, row.preview) == (3, 5, "Здравствуйте!")


# Edits and deletions


async def test_edit_shows_the_new_text_everywhere_and_keeps_the_old(desk: Desk) -> None:
    chat = await desk.open(guest(), "Есть 24?")

    edit = await desk.chats.edit(guest(), chat, 2, "e", "Есть 42?")

    entries = await desk.log(chat)
    assert (entries[2].kind, entries[2].target, entries[2].data) == ("edit", 2, {"text": "Есть 42?"})
    assert entries[1].data == {"text": "Есть 42?"} and entries[1].edit_time == edit.entry.creation_time
    assert (await desk.chat(chat)).preview == "Есть 42?"
    assert await stored(desk, "SELECT data FROM \"Message\" WHERE kind = 'edit'") == [None]
    assert "Есть 24?" in str(await stored(desk, 'SELECT CAST(data AS text) FROM "MessageRevision"'))  # as it was typed


async def stored(desk: Desk, statement: str) -> list[Any]:
    """One column as it stands in the database."""
    return await desk.messanger.read(lambda connection: list(connection.execute(text(statement)).scalars()))


async def test_old_edit_shows_the_text_of_today(desk: Desk) -> None:
    chat = await desk.open(guest(), "Один")
    for number, word in enumerate(("Два", "Три")):
        await desk.chats.edit(guest(), chat, 2, f"e{number}", word)

    assert [(entry.data or {}).get("text") for entry in (await desk.log(chat))[1:]] == ["Три", "Три", "Три"]
    assert await stored(desk, 'SELECT number FROM "MessageRevision" ORDER BY number') == [1, 2]


async def test_deleted_text_is_nowhere_to_be_read(desk: Desk) -> None:
    """Not in the log, old pages, the preview, or the answer to a retry; only the revision has it."""
    secret = "4111 1111 1111 1111"
    chat = await desk.open(guest(), secret)
    await desk.chats.edit(guest(), chat, 2, "e", secret + "!")

    deletion = await desk.chats.edit(guest(), chat, 2, "d", None)

    assert deletion.entry.data is None
    entries = await desk.log(chat)
    assert [(entry.kind, entry.deleted, entry.data) for entry in entries[1:]] == [
        ("message", True, None), ("edit", True, None), ("delete", True, None),
    ]  # fmt: skip
    assert (await desk.chat(chat)).preview == ""
    assert (await desk.chats.edit(guest(), chat, 2, "e", secret + "!")).entry.data is None  # a retry
    for table in ("Message", "UserChat"):
        columns = "CAST(data AS text)" if table == "Message" else "preview"
        assert secret not in str(await stored(desk, f'SELECT {columns} FROM "{table}"'))
    actor = manager()
    shown = [
        await desk.reader.sync(actor, (chat, "chat"), 0), await desk.reader.history(actor, (chat, "chat"), 100),
        await desk.reader.list_messages(actor, (chat, "chat"), after=None, before=None, limit=50),
        await desk.reader.list_inbox(actor, "all", "recent", None, 10), await desk.reader.sync_inbox(actor, 0),
    ]  # fmt: skip
    assert secret not in str(shown)


async def test_editing_again_is_one_edit(desk: Desk) -> None:
    chat = await desk.open(guest(), "Один")

    first = await desk.chats.edit(guest(), chat, 2, "e", "Два")
    again = await desk.chats.edit(guest(), chat, 2, "e", "Два")

    assert again.duplicate and again.entry.seq == first.entry.seq
    refusal = await refused(desk.chats.edit(guest(), chat, 2, "e", "Три"))
    assert isinstance(refusal, Conflict) and refusal.extra["reason"] == "client_id"
    assert await stored(desk, 'SELECT number FROM "MessageRevision"') == [1]


async def test_only_the_author_edits_and_only_for_a_while(desk: Desk) -> None:
    chat = await desk.open(guest(), "Один")
    await desk.send(manager(7), chat, "a", "Два")

    assert isinstance(await refused(desk.chats.edit(manager(8), chat, 4, "b", "Три")), Forbidden)
    assert isinstance(await refused(desk.chats.edit(guest(), chat, 4, "b", "Три")), Forbidden)
    assert isinstance(await refused(desk.chats.edit(guest(), chat, 1, "b", "Три")), NotFound)  # no message
    assert isinstance(await refused(desk.chats.edit(guest(), chat, 99, "b", "Три")), NotFound)

    desk.clock.advance(3600)
    late = await refused(desk.chats.edit(guest(), chat, 2, "b", "Три"))
    assert isinstance(late, Conflict) and late.extra["reason"] == "window"
    await desk.chats.edit(owner(), chat, 2, "b", None)
    assert await desk.texts(chat) == [None, "Два"]
    assert isinstance(await refused(desk.chats.edit(owner(), chat, 2, "c", "Три")), Conflict)


# Marks


async def marks_of(desk: Desk, chat: int) -> dict[tuple[str, int], tuple[int, int]]:
    marks = await desk.messanger.read(lambda connection: queries.list_marks(connection, [chat]))
    return {(mark.kind, mark.person_id): (mark.read_seq, mark.delivered_seq) for mark in marks}


async def test_marks_only_rise_and_stop_at_the_head(desk: Desk) -> None:
    chat = await desk.open(guest(), "Раз")
    await desk.send(guest(), chat, "a", "Два")
    marks = desk.chats.marks
    rev = (await desk.chat(chat)).rev

    marks.raise_to((chat, "chat"), "staff", 7, delivered=3)
    marks.raise_to((chat, "chat"), "staff", 7, read=2)
    await marks.flush()
    assert await marks_of(desk, chat) == {("staff", 7): (2, 3)}

    marks.raise_to((chat, "chat"), "staff", 7, read=1)
    marks.raise_to((chat, "chat"), "customer", 5, read=1000)
    await marks.flush()
    assert await marks_of(desk, chat) == {("staff", 7): (2, 3), ("customer", 5): (3, 3)}
    assert (await desk.chat(chat)).rev == rev  # reading is no change of the inbox row


async def test_marks_of_two_processes_become_the_maximum(make_desk: MakeDesk) -> None:
    first, second = await make_desk(), await make_desk()
    chat = await first.open(guest())
    await asyncio.gather(*(first.send(guest(), chat, f"c{n}") for n in range(20)))

    for desk, read in ((first, 9), (second, 15), (first, 12)):
        desk.chats.marks.raise_to((chat, "chat"), "staff", 7, read=read)
    await asyncio.gather(first.chats.marks.flush(), second.chats.marks.flush())

    assert await marks_of(first, chat) == {("staff", 7): (15, 15)}
    read = await first.messanger.read(lambda connection: queries.list_reads(connection, "staff", 7, [chat]))
    assert read == {chat: 15}


async def test_marks_of_a_chat_that_is_not_there_lose_nobody_else_s(desk: Desk) -> None:
    chat = await desk.open(guest(), "Раз")

    desk.chats.marks.raise_to((999, "chat"), "staff", 7, read=1)
    desk.chats.marks.raise_to((chat, "chat"), "staff", 7, read=2)
    await desk.chats.marks.flush()

    assert await marks_of(desk, chat) == {("staff", 7): (2, 2)}


async def test_marks_are_told_as_stored(desk: Desk) -> None:
    chat = await desk.open(guest(), "Раз")
    desk.published.clear()

    desk.chats.marks.raise_to((chat, "chat"), "staff", 7, read=50)
    await desk.chats.marks.flush()

    [raised] = desk.published
    assert [(mark.kind, mark.person_id, mark.read_seq) for mark in raised.marks] == [("staff", 7, 2)]  # type: ignore[attr-defined]
