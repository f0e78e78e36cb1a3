"""Chats through sockets and REST: who is told what, in which order, and what the service refuses."""

import asyncio
from typing import Any

from app.actor import Actor
from app.keys import CHATS, HUB, STAFF
from app.schemas.chats import ChatIn
from app.schemas.staff import StaffPatch
from tests.conftest import PASSWORD, MakeChat, Person, Shop, Socket
from tests.peers import eventually
from ws.protocol import CloseCode


async def send(socket: Socket, chat: int, text: str = "Есть 42 размер?", client_id: str = "", **more: Any) -> int:
    """Send a message and return its seq."""
    client_id = client_id or f"c{socket.count}-{socket.welcome['connection']}"
    reply = await socket.command("message.send", chat=chat, client_id=client_id, text=text, **more)
    return int(reply["seq"])


async def test_message_reaches_staff_watching_the_chat(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with staff.socket() as socket:
        await socket.command("chat.watch", chat=chat, after={"chat": 0, "notes": 0})

        message = await guest.call(
            "POST", f"/api/v1/chats/{chat}/messages", json={"client_id": "a1", "text": "Есть 42?"}, status=201
        )

        event = await socket.event("message.created", timeout_s=1, seq=message["seq"])
        assert event["data"] == message


# Opening


async def test_a_guest_has_an_id_from_the_first_chat_on(shop: Shop) -> None:
    guest = await shop.guest()
    async with guest.socket() as one, guest.socket() as two:
        assert one.welcome["me"]["id"] is None
        opened = await one.command("chat.open", client_id="o1", subject="Размер", text="Здравствуйте!")

        assert opened["seq"] == 2 and not opened["duplicate"]
        assert opened["me"]["kind"] == "guest" and opened["me"]["id"] == opened["state"]["customer"]["id"]
        assert (opened["state"]["status"], opened["state"]["subject"]) == ("queued", "Размер")
        for tab in (one, two):  # also the tab that did not ask is told of the new chat
            first = await tab.event("chat.opened", chat=opened["chat"])
            assert first["data"]["data"] == {"code": "opened", "subject": "Размер", "by": first["data"]["sender"]}
            second = await tab.event("message.created", chat=opened["chat"])
            assert (second["seq"], second["data"]["client_id"]) == (2, "o1")
        # and the other tab can go on writing
        assert await send(two, opened["chat"]) == 3


async def test_opening_again_gives_the_open_chat_and_appends_the_text(shop: Shop) -> None:
    guest = await shop.guest()
    async with guest.socket() as socket:
        first = await socket.command("chat.open", client_id="o1")
        again = await socket.command("chat.open", client_id="o1")
        other = await socket.command("chat.open", client_id="o2", subject="ignored", text="Ещё вопрос")

    assert (again["chat"], again["seq"], again["duplicate"]) == (first["chat"], 1, True)
    assert (other["chat"], other["seq"], other["duplicate"]) == (first["chat"], 2, False)
    assert other["state"]["subject"] == ""


async def test_rest_says_whether_something_was_written(shop: Shop) -> None:
    guest = await shop.guest()
    form = {"client_id": "o1", "text": "Здравствуйте!"}
    first = await guest.call("POST", "/api/v1/chats", json=form, status=201)
    again = await guest.call("POST", "/api/v1/chats", json=form, status=200)
    found = await guest.call("POST", "/api/v1/chats", json={"client_id": "o2"}, status=200)

    assert (again["chat"], again["seq"], again["duplicate"]) == (first["chat"], first["seq"], True)
    assert (found["chat"], found["seq"], found["duplicate"]) == (first["chat"], 2, False)


async def test_a_chat_opened_over_rest_is_heard_by_the_guests_open_sockets(shop: Shop) -> None:
    guest = await shop.guest()
    async with guest.socket() as socket:
        assert socket.welcome["me"]["id"] is None
        opened = await guest.call("POST", "/api/v1/chats", json={"client_id": "o1", "text": "Ау"}, status=201)

        assert (await socket.event("message.created"))["chat"] == opened["chat"]
        assert await send(socket, opened["chat"]) == 3


async def test_staff_open_a_chat_for_a_customer_who_is_told_of_it(shop: Shop) -> None:
    user, staff = await shop.user("anna"), await shop.staff()
    async with user.socket() as socket, staff.socket() as desk:
        opened = await desk.command("chat.open", client_id="o1", customer=user.me["id"], text="Ваш заказ готов")

        assert opened["state"]["assignee"]["id"] == staff.me["id"] and opened["state"]["status"] == "active"
        assert (await socket.event("message.created", chat=opened["chat"]))["data"]["sender"]["kind"] == "staff"
        assert await send(socket, opened["chat"]) == 3


async def test_two_openings_at_once_are_one_chat(shop: Shop) -> None:
    user = await shop.user("anna")
    async with user.socket() as one, user.socket() as two:
        first, second = await asyncio.gather(
            one.command("chat.open", client_id="a"), two.command("chat.open", client_id="b")
        )

    assert first["chat"] == second["chat"]


# Sending


async def test_everybody_in_the_chat_sees_the_same_entries_in_the_same_order(shop: Shop, make_chat: MakeChat) -> None:
    guest, anna, boris = await shop.guest(), await shop.staff("anna"), await shop.staff("boris")
    chat = await make_chat(guest)
    async with guest.socket() as customer, anna.socket() as one, boris.socket() as two:
        for desk in (one, two):
            await desk.command("chat.watch", chat=chat)
        await asyncio.gather(
            *(send(socket, chat, f"{n}", f"m{n}") for n, socket in enumerate((customer, one, two))),
        )
        heard = []
        for socket in (customer, one, two):
            events = [await socket.wait_for(lambda frame: "seq" in frame) for _ in range(4)]
            heard.append([(event["seq"], event["type"], event["data"]) for event in events])

    assert heard[0] == heard[1] == heard[2]
    assert [seq for seq, _, _ in heard[0]] == [3, 4, 5, 6]  # the assignment among them


async def test_the_same_message_again_is_one_message_and_the_same_answer(shop: Shop, make_chat: MakeChat) -> None:
    guest = await shop.guest()
    chat = await make_chat(guest)
    form = {"client_id": "m1", "text": "один раз"}
    async with guest.socket() as one, guest.socket() as two:
        first = await one.command("message.send", chat=chat, **form)
        again = await two.command("message.send", chat=chat, **form)
        message = await guest.call("POST", f"/api/v1/chats/{chat}/messages", json=form, status=200)
        page = await one.command("chat.sync", chat=chat, log="chat", after=2)

    assert again == {**first, "duplicate": True}
    assert page["events"][0]["data"] == message
    assert page["head"] == 3


async def test_the_same_id_with_another_text_is_a_conflict(shop: Shop, make_chat: MakeChat) -> None:
    guest = await shop.guest()
    chat = await make_chat(guest)
    async with guest.socket() as socket:
        await send(socket, chat, "один", "m1")
        error = await socket.refusal("message.send", chat=chat, client_id="m1", text="другой")
        assert (error["code"], error["reason"]) == ("conflict", "client_id")
        error = await socket.refusal("message.send", chat=chat, client_id="m1", text="один", reply_to=1)
        assert (error["code"], error["reason"]) == ("conflict", "client_id")


async def test_a_closed_chat_takes_nothing_more_but_answers_repetitions(shop: Shop, make_chat: MakeChat) -> None:
    guest = await shop.guest()
    chat = await make_chat(guest)
    async with guest.socket() as socket:
        seq = await send(socket, chat, "до", "before")
        closed = await socket.command("chat.close", chat=chat, reason="решено")
        assert closed["chat"]["status"] == "closed" and closed["chat"]["closed_time"]
        event = await socket.event("chat.closed")
        assert event["data"]["data"]["reason"] == "решено" and event["data"]["data"]["by"]["kind"] == "customer"

        error = await socket.refusal("message.send", chat=chat, client_id="after", text="после")
        assert (error["code"], error["chat_id"], error["continued_in"]) == ("closed", chat, None)
        assert await send(socket, chat, "до", "before") == seq
        assert (await socket.refusal("chat.close", chat=chat))["code"] == "closed"
        assert (await socket.refusal("message.edit", chat=chat, target=seq, client_id="e", text="x"))[
            "code"
        ] == "closed"
    form = {"client_id": "after", "text": "после"}
    await guest.call("POST", f"/api/v1/chats/{chat}/messages", json=form, status=409)


async def test_a_reply_of_staff_claims_a_chat_that_is_nobodys(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff("anna")
    chat = await make_chat(guest)
    async with guest.socket() as customer, staff.socket() as desk:
        assert await send(desk, chat) == 4
        assigned = await customer.event("chat.assigned", seq=3)
        assert assigned["data"]["data"]["to"] == {"id": staff.me["id"], "name": "anna"}
        await customer.event("message.created", seq=4)
    state = await guest.call("GET", f"/api/v1/chats/{chat}", status=200)
    assert (state["status"], state["assignee"]["name"]) == ("active", "anna")


async def test_who_answers_into_a_chat_that_moved_on_is_asked_first(shop: Shop, make_chat: MakeChat) -> None:
    guest, anna, boris = await shop.guest(), await shop.staff("anna"), await shop.staff("boris")
    chat = await make_chat(guest)
    async with anna.socket() as one, boris.socket() as two:
        seq = await send(one, chat, "Отвечаю я")
        error = await two.refusal("message.send", chat=chat, client_id="b1", text="Нет, я", seen=2)
        assert (error["code"], error["reason"]) == ("conflict", "moved_on")
        assert [(entry["seq"], entry["data"]["sender"]["name"]) for entry in error["entries"]] == [(seq, "anna")]

        assert await send(two, chat, "Нет, я", "b1", seen=2, force=True) == seq + 1
        assert await send(one, chat, "Хорошо", seen=seq + 1) == seq + 2  # one's own do not count, nor what was seen


# Editing


async def test_an_edit_changes_the_text_for_everybody_everywhere(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with guest.socket() as customer, staff.socket() as desk:
        await desk.command("chat.watch", chat=chat)
        seq = await send(customer, chat, "Паршивый")

        edited = await customer.command("message.edit", chat=chat, target=seq, client_id="e1", text="Хороший")
        again = await customer.command("message.edit", chat=chat, target=seq, client_id="e1", text="Хороший")

        assert edited["seq"] == seq + 1 and again == {**edited, "duplicate": True}
        event = await desk.event("message.edited")
        assert (event["data"]["target"], event["data"]["data"]) == (seq, {"text": "Хороший"})
        page = await desk.command("chat.sync", chat=chat, log="chat", after=seq - 1)
        assert [entry["data"]["data"] for entry in page["events"]] == [{"text": "Хороший"}] * 2
        assert page["events"][0]["data"]["edit_time"] and page["events"][1] == event
    row = (await staff.call("GET", "/api/v1/chats?sort=recent", status=200))["items"][0]
    assert row["id"] == chat


async def test_a_deleted_text_is_nowhere_any_more(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with guest.socket() as customer, staff.socket() as desk:
        await desk.command("inbox.list")
        await desk.command("chat.watch", chat=chat)
        seq = await send(customer, chat, "тайна")
        await customer.command("message.edit", chat=chat, target=seq, client_id="e1", text="тайна 2")
        await desk.event("message.edited")

        await customer.command("message.delete", chat=chat, target=seq, client_id="d1")

        event = await desk.event("message.deleted")
        assert (event["data"]["target"], event["data"]["data"], event["data"]["deleted"]) == (seq, None, True)
        page = await desk.command("chat.sync", chat=chat, log="chat", after=seq - 1)
        assert [entry["seq"] for entry in page["events"]] == [seq, seq + 1, seq + 2]  # the log stays gapless
        assert all(entry["data"]["data"] is None and entry["data"]["deleted"] for entry in page["events"])
        assert page["events"][-1] == event
        history = await guest.call("GET", f"/api/v1/chats/{chat}/messages", status=200)
        assert "тайна" not in str(history)
        rows = (await desk.command("inbox.sync", cursor=0))["rows"]
        assert [row["preview"] for row in rows] == [""]


async def test_only_the_author_edits_and_only_for_a_while_the_owner_always(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff, owner = await shop.guest(), await shop.staff(), await shop.owner()
    chat = await make_chat(guest)
    async with guest.socket() as customer, staff.socket() as desk, owner.socket() as boss:
        seq = await send(customer, chat)
        edit = {"type": "message.edit", "chat": chat, "target": seq, "client_id": "e1", "text": "x"}
        delete = {"type": "message.delete", "chat": chat, "target": seq, "client_id": "d1"}
        for command in (edit, delete):
            assert (await desk.refusal(**command))["code"] == "forbidden"
        for target in (1, 999):  # what is no message
            assert (await customer.refusal(**{**edit, "target": target}))["code"] == "not_found"

        shop.clock.advance(901)
        error = await customer.refusal(**edit)
        assert (error["code"], error["reason"]) == ("conflict", "window")

        await boss.command(**edit)
        await boss.command(**delete)
        error = await boss.refusal(**{**delete, "client_id": "d2"})
        assert (error["code"], error["reason"]) == ("conflict", "deleted")


# Reading


async def test_history_goes_back_page_by_page(shop: Shop, make_chat: MakeChat) -> None:
    guest = await shop.guest()
    chat = await make_chat(guest)
    async with guest.socket() as socket:
        for command in [await socket.post("message.send", chat=chat, client_id=f"m{n}", text="x") for n in range(228)]:
            await socket.reply(command)
        first = await socket.command("chat.history", chat=chat, log="chat", before=230)
        second = await socket.command("chat.history", chat=chat, before=first["events"][0]["seq"])
        third = await socket.command("chat.history", chat=chat, before=second["events"][0]["seq"])

        assert [event["seq"] for event in first["events"]] == list(range(130, 230)) and first["more"]
        assert [event["seq"] for event in second["events"]] == list(range(30, 130)) and second["more"]
        assert [event["seq"] for event in third["events"]] == list(range(1, 30)) and not third["more"]
        assert await socket.command("chat.history", chat=chat, before=1) == {"events": [], "more": False}


async def test_sync_goes_forward_in_pages_of_two_hundred_or_256_kb(shop: Shop, make_chat: MakeChat) -> None:
    guest = await shop.guest()
    chat = await make_chat(guest)
    async with guest.socket() as socket:
        for command in [
            await socket.post("message.send", chat=chat, client_id=f"m{n}", text="ж" * 4000 if n > 200 else "x")
            for n in range(260)
        ]:
            await socket.reply(command)
        pages, after = [], 0
        while not pages or pages[-1]["more"]:
            pages.append(await socket.command("chat.sync", chat=chat, log="chat", after=after))
            after = pages[-1]["to"]
        assert [event["seq"] for page in pages for event in page["events"]] == list(range(1, 263))
        assert len(pages[0]["events"]) == 200 and len(pages) == 3  # 8 KB each, so thirty in a page
        assert {page["head"] for page in pages} == {262}

        shown = await guest.call("GET", f"/api/v1/chats/{chat}/messages?after=100&limit=10", status=200)
        assert [item["seq"] for item in shown["items"]] == list(range(101, 111)) and shown["more"]
        shown = await guest.call("GET", f"/api/v1/chats/{chat}/messages", status=200)
        assert [item["seq"] for item in shown["items"]] == list(range(213, 263)) and shown["more"]


async def test_who_stops_watching_hears_nothing_more(shop: Shop, make_chat: MakeChat) -> None:
    guest, anna, boris = await shop.guest(), await shop.staff("anna"), await shop.staff("boris")
    chat = await make_chat(guest)
    async with guest.socket() as customer, anna.socket() as one, boris.socket() as two:
        for desk in (one, two):
            await desk.command("chat.watch", chat=chat)

        await one.command("chat.unwatch", chat=chat)
        await send(customer, chat)

        await two.event("message.created")
        await one.command("ping")
        assert not any("seq" in frame for frame in one.frames)


async def test_watching_brings_what_is_missing_of_both_logs_and_then_goes_on_live(
    shop: Shop, make_chat: MakeChat
) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with guest.socket() as customer, staff.socket() as desk:
        reply = await desk.command("chat.watch", chat=chat, after={"chat": 1})
        batch, notes = await desk.event("chat.batch", log="chat"), await desk.event("chat.reset", log="notes")
        assert [event["seq"] for event in batch["data"]["events"]] == [2]
        assert notes["data"]["events"] == [] and notes["data"]["state"]["last_note_seq"] == 0
        assert reply["chats"] == {str(chat): {"chat": 2, "notes": 0}}

        seq = await send(customer, chat)
        assert (await desk.event("message.created"))["seq"] == seq

        await desk.command("chat.watch", chat=chat, after={"chat": seq, "notes": 0})  # again, after a doubt
        assert (await desk.event("chat.batch", log="chat"))["data"]["events"] == []
        await send(customer, chat)
        assert (await desk.event("message.created"))["seq"] == seq + 1


# Marks and typing


async def test_reading_is_shown_to_the_other_side_once_it_is_kept(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with guest.socket() as customer, staff.socket() as desk:
        await desk.command("chat.watch", chat=chat)
        await desk.command("chat.delivered", chat=chat, log="chat", seq=2)
        receipt = await customer.event("receipt")
        key = f"receipt/{chat}/staff/{staff.me['id']}"
        assert (receipt["key"], receipt["version"]) == (key, 2)
        assert receipt["data"] == {
            "chat": chat, "log": "chat", "member": {"kind": "staff", "id": staff.me["id"]}, "read_seq": 0,
            "delivered_seq": 2,
        }  # fmt: skip

        await desk.command("chat.read", chat=chat, seq=1)
        receipt = await customer.event("receipt")
        assert (receipt["data"]["read_seq"], receipt["data"]["delivered_seq"], receipt["version"]) == (1, 2, 3)

        await desk.command("chat.read", chat=chat, seq=900)  # what is not there yet nobody has read
        assert (await customer.event("receipt"))["data"]["read_seq"] == 2

    async with guest.socket(hello=False) as customer:
        _, reset, _ = await customer.hello()
        assert reset["data"]["members"] == [{"kind": "staff", "id": staff.me["id"], "read_seq": 2, "delivered_seq": 2}]


async def test_a_mark_never_falls(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with guest.socket() as customer, staff.socket() as desk:
        await desk.command("chat.watch", chat=chat)
        await customer.command("chat.read", chat=chat, seq=2)
        await desk.event("receipt", version=4)

        await customer.command("chat.read", chat=chat, seq=1)
        assert (await desk.event("receipt"))["version"] == 4


async def test_many_marks_become_few_receipts(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with guest.socket() as customer, staff.socket() as desk:
        await desk.command("chat.watch", chat=chat)
        last = 0
        for _ in range(50):
            last = await send(desk, chat)
            await customer.post("chat.read", chat=chat, seq=last)
        await desk.event("receipt", version=2 * last)

        assert sum(frame.get("type") == "receipt" for frame in desk.frames) < 25


async def test_typing_is_seen_by_the_others_and_not_by_oneself(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff("anna")
    chat = await make_chat(guest)
    async with guest.socket() as customer, guest.socket() as tab, staff.socket() as desk:
        await desk.command("chat.watch", chat=chat)
        await desk.command("typing", chat=chat, on=True)
        event = await customer.event("typing")
        sender = {"kind": "staff", "id": staff.me["id"], "name": "anna"}
        assert event == {
            "type": "typing", "chat": chat, "ttl_ms": 6000, "data": {"sender": sender, "on": True}
        }  # fmt: skip
        await desk.command("typing", chat=chat, on=True)  # more than one in three seconds is dropped
        await desk.command("typing", chat=chat, on=False)
        assert (await customer.event("typing"))["data"]["on"] is False
        await customer.command("typing", chat=chat, on=False)  # nobody had begun
        await customer.command("typing", chat=chat, on=True)
        for socket in (desk, tab):
            assert (await socket.wait_for(lambda frame: typed_by(frame, "customer")))["data"]["on"] is True
        await customer.command("ping")
        assert not any(typed_by(frame, "customer") for frame in customer.frames)


def typed_by(frame: dict[str, Any], side: str) -> bool:
    return frame.get("type") == "typing" and frame["data"]["sender"]["kind"] == side


async def test_a_stranger_is_told_nothing_of_a_chat(shop: Shop, make_chat: MakeChat) -> None:
    guest, stranger, staff = await shop.guest(), await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    await make_chat(stranger)
    async with guest.socket() as customer, stranger.socket() as other, staff.socket() as desk, staff.socket() as idle:
        await desk.command("chat.watch", chat=chat)
        await desk.command("typing", chat=chat, on=True)
        await desk.command("chat.read", chat=chat, seq=2)
        await send(desk, chat)
        for kind in ("typing", "receipt", "message.created"):  # there is somebody to be told
            await customer.event(kind)

        for socket in (other, idle):
            await socket.command("ping")
            assert socket.frames == []


# Who has it


async def test_of_two_who_claim_a_chat_one_gets_it(shop: Shop, make_chat: MakeChat) -> None:
    guest, anna, boris = await shop.guest(), await shop.staff("anna"), await shop.staff("boris")
    chat = await make_chat(guest)
    async with anna.socket() as one, boris.socket() as two:
        for desk in (one, two):
            await desk.command("chat.watch", chat=chat)
        commands = [await desk.post("chat.claim", chat=chat, client_id="claim") for desk in (one, two)]
        replies = [await desk.reply(command) for desk, command in zip((one, two), commands, strict=True)]

        winner = next(reply for reply in replies if reply["ok"])["data"]["chat"]
        error = next(reply for reply in replies if not reply["ok"])["error"]
        assert (error["code"], error["reason"]) == ("conflict", "version")
        assert error["chat"] == winner and winner["status"] == "active"
        for desk in (one, two):
            event = await desk.event("chat.assigned")
            assert event["data"]["data"]["to"] == winner["assignee"]
            assert event["data"]["data"]["by"] == {"kind": "staff", **winner["assignee"]}


async def test_claiming_again_changes_nothing(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    async with staff.socket() as desk:
        first = await desk.command("chat.claim", chat=chat, client_id="c1")
        again = await desk.command("chat.claim", chat=chat, client_id="c1")
        mine = await desk.command("chat.claim", chat=chat)

    assert first == again == mine


async def test_a_change_of_what_was_changed_meanwhile_is_refused_with_the_row(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff("anna", allows=("chats.answer", "chats.assign"))
    chat = await make_chat(guest)
    async with guest.socket() as customer, staff.socket() as desk:
        claimed = (await desk.command("chat.claim", chat=chat, if_version=1))["chat"]
        assert claimed["state_version"] == 2
        await send(customer, chat)  # a customer who types does not make it fail
        for command in ({"type": "chat.close"}, {"type": "chat.assign", "to": None}):
            error = await desk.refusal(**command, chat=chat, if_version=1)
            assert (error["code"], error["reason"]) == ("conflict", "version")
            assert error["chat"]["state_version"] == 2 and error["chat"]["assignee"]["name"] == "anna"
        closed = (await desk.command("chat.close", chat=chat, if_version=2))["chat"]
        assert (closed["status"], closed["state_version"]) == ("closed", 3)
    form = {"status": "open", "if_version": 2}
    problem = await staff.call("PATCH", f"/api/v1/chats/{chat}", json=form, status=409)
    assert problem["code"] == "conflict" and problem["chat"]["state_version"] == 3


async def test_a_chat_is_given_to_a_colleague_and_back_to_the_queue(shop: Shop, make_chat: MakeChat) -> None:
    guest, boris = await shop.guest(), await shop.staff("boris")
    anna = await shop.staff("anna", allows=("chats.answer", "chats.assign"))
    chat = await make_chat(guest)
    async with anna.socket() as desk, boris.socket() as other:
        given = (await desk.command("chat.assign", chat=chat, to=boris.me["id"], client_id="a1"))["chat"]
        assert (given["status"], given["assignee"]["name"]) == ("active", "boris")

        assert (await other.refusal("chat.assign", chat=chat, to=anna.me["id"]))["code"] == "forbidden"
        back = (await other.command("chat.assign", chat=chat, to=None))["chat"]  # one's own may be given back
        assert (back["status"], back["assignee"]) == ("queued", None)
        again = (await desk.command("chat.assign", chat=chat, to=boris.me["id"], client_id="a1"))["chat"]
        assert again["assignee"] is None  # a repetition: the chat as it is now


async def test_a_chat_is_not_given_to_who_works_here_no_more(shop: Shop, make_chat: MakeChat) -> None:
    guest, boris, owner = await shop.guest(), await shop.staff("boris"), await shop.owner()
    chat = await make_chat(guest)
    uuid = (await boris.call("GET", "/api/v1/staff/me"))["uuid"]
    async with owner.socket() as desk:
        given = await desk.command("chat.assign", chat=chat, to=boris.me["id"])
        assert given["chat"]["assignee"]["name"] == "boris"
        await desk.command("chat.assign", chat=chat, to=None)
        await shop.app[STAFF].update_person(uuid, StaffPatch(is_active=False), by=None)

        assert (await desk.refusal("chat.assign", chat=chat, to=boris.me["id"]))["code"] == "not_found"
        await owner.call("PATCH", f"/api/v1/chats/{chat}", json={"assignee": boris.me["id"]}, status=404)
        assert (await desk.refusal("chat.assign", chat=chat, to=10**6))["code"] == "not_found"


async def test_a_chat_that_staff_open_for_a_guest_who_has_just_signed_in_is_the_accounts(
    shop: Shop, make_chat: MakeChat
) -> None:
    user, staff, guest = await shop.user("anna"), await shop.staff("boris"), await shop.guest()
    chat = await make_chat(guest)
    async with guest.socket() as socket:
        guest_id = socket.welcome["me"]["id"]
        await become(guest, "/api/v1/session", {"login": "anna", "password": PASSWORD})
        await socket.close_code()
    async with staff.socket() as desk:
        await desk.command("chat.close", chat=chat)

    # The service itself: the command's look-up was answered a moment before the sign-in.
    actor = Actor("staff", staff.me["id"], "boris", "manager", frozenset({"chats.answer"}))
    opened, _, _ = await shop.app[CHATS].open(actor, ChatIn(client_id="o1", customer=guest_id))

    assert opened.user_id == user.me["id"]


async def test_a_closed_chat_is_reopened_unless_the_customer_has_another(shop: Shop) -> None:
    user, staff = await shop.user("anna"), await shop.staff()
    async with user.socket() as customer, staff.socket() as desk:
        first = (await customer.command("chat.open", client_id="o1"))["chat"]
        assert (await desk.refusal("chat.reopen", chat=first))["code"] == "conflict"  # it is open
        await desk.command("chat.close", chat=first, reason="spam")
        reopened = (await desk.command("chat.reopen", chat=first))["chat"]
        assert (reopened["status"], reopened["closed_time"]) == ("queued", None)
        assert (await customer.event("chat.reopened"))["data"]["data"]["by"]["kind"] == "staff"
        await customer.command("chat.close", chat=first)

        second = (await customer.command("chat.open", client_id="o2"))["chat"]
        assert second != first
        error = await desk.refusal("chat.reopen", chat=first)
        assert (error["code"], error["reason"], error["chat"]["id"]) == ("conflict", "open", second)


async def test_rest_changes_chats_as_the_socket_does(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff("anna")
    chat = await make_chat(guest)
    path = f"/api/v1/chats/{chat}"
    async with guest.socket() as customer:
        claimed = await staff.call("PATCH", path, json={"assignee": "me"}, status=200)
        assert claimed["assignee"]["name"] == "anna"
        await customer.event("chat.assigned", seq=3)
        await guest.call("PATCH", path, json={"status": "closed", "reason": "спасибо"}, status=200)
        await customer.event("chat.closed", seq=4)
        assert (await staff.call("PATCH", path, json={"status": "open"}, status=200))["status"] == "active"
        await customer.event("chat.reopened", seq=5)
        for wrong in ({}, {"status": "open", "assignee": "me"}, {"status": "active"}, {"assignee": "you"}):
            await staff.call("PATCH", path, json=wrong, status=422)


async def test_customers_see_no_notes_counter(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)

    assert "last_note_seq" not in await guest.call("GET", f"/api/v1/chats/{chat}", status=200)
    assert (await staff.call("GET", f"/api/v1/chats/{chat}", status=200))["last_note_seq"] == 0


# Somebody becomes somebody else


async def become(guest: Person, path: str, form: dict[str, Any]) -> Person:
    """Register or sign in with the guest's session; returns the new person."""
    answer = await guest.call("POST", path, json={**form, "token": True})
    return Person(guest.base_url, guest.http, answer["me"], answer["token"])


async def test_a_guest_who_registers_goes_on_in_the_same_chat(shop: Shop, make_chat: MakeChat) -> None:
    guest, staff = await shop.guest(), await shop.staff()
    chat = await make_chat(guest)
    account = {"username": "anna", "email": "anna@example.org", "password": PASSWORD}
    async with guest.socket() as socket, staff.socket() as desk:
        me, epoch = socket.welcome["me"], socket.welcome["epoch"]
        await desk.command("chat.watch", chat=chat)
        before = await send(socket, chat, "ещё гость", "m1")

        user = await become(guest, "/api/v1/users", account)

        changed = await socket.event("session.changed")
        assert changed["data"] == {
            "from": {"kind": "guest", "id": me["id"]}, "to": {"kind": "user", "id": me["id"]}
        }  # fmt: skip
        assert await socket.close_code() == CloseCode.IDENTITY_CHANGED
        await send(desk, chat, "пока вас не было")

        async with user.socket(hello=False) as again:
            resume = {"epoch": epoch, "chats": {str(chat): {"chat": before}}}
            _, batch, _ = await again.hello(resume=resume)
            assert (batch["type"], batch["data"]["from"]) == ("chat.batch", before + 1)
            assert batch["data"]["state"]["customer"] == {"kind": "user", "id": me["id"], "name": "anna"}
            assert await send(again, chat, "ещё гость", "m1") == before  # a retry from before is the same message
            seq = await send(again, chat, "уже Анна")
            assert (await desk.event("message.created", seq=seq))["data"]["sender"]["name"] == "anna"


async def test_a_guest_who_signs_in_takes_the_chats_along(shop: Shop, make_chat: MakeChat) -> None:
    user, staff = await shop.user("anna"), await shop.staff("boris")
    old = await make_chat(user, "из аккаунта")
    guest = await shop.guest()
    chat = await make_chat(guest, "от гостя")
    async with user.socket() as phone, guest.socket() as socket, staff.socket() as desk:
        await desk.command("chat.claim", chat=old)
        await desk.command("chat.watch", chat=old)
        await phone.event("chat.assigned", chat=old)
        sent = await send(socket, chat, "ждите", "m1")

        signed_in = await become(guest, "/api/v1/session", {"login": "anna", "password": PASSWORD})

        assert signed_in.me["id"] == user.me["id"]
        changed = await socket.event("session.changed")
        assert changed["data"]["to"] == {"kind": "user", "id": user.me["id"]}
        assert await socket.close_code() == CloseCode.IDENTITY_CHANGED

        # The account's older chat is closed and says where it goes on; its other devices follow the guest's.
        closed = await phone.event("chat.closed", chat=old)
        assert closed["data"]["data"]["reason"] == "merged" and closed["data"]["data"]["continued_in"] == chat
        assert closed["data"]["sender"] == {"kind": "system", "id": None, "name": ""}
        await desk.event("chat.closed", chat=old)
        behind = await phone.event("chat.behind", chat=chat)
        page = await phone.command("chat.sync", chat=chat, log="chat", after=0)
        assert page["to"] >= behind["data"]["head"] and not page["more"]
        async with signed_in.socket() as again:
            state = (await again.command("chat.open", client_id="o"))["state"]
            assert (state["id"], state["assignee"]["name"], state["status"]) == (chat, "boris", "active")
            assert await send(again, chat, "ждите", "m1") == sent
            seq = await send(again, chat, "это снова я")
            assert (await phone.event("message.created", chat=chat, seq=seq))["data"]["sender"]["name"] == "anna"
            error = await again.refusal("message.send", chat=old, client_id="x", text="x")
            assert (error["code"], error["continued_in"]) == ("closed", chat)


async def test_a_socket_of_somebody_else_is_not_told_of_a_change(shop: Shop, make_chat: MakeChat) -> None:
    guest, neighbour = await shop.guest(), await shop.guest()
    await make_chat(guest)
    chat = await make_chat(neighbour)
    async with guest.socket() as socket, neighbour.socket() as other:
        account = {"username": "anna", "email": "anna@example.org", "password": PASSWORD}
        await become(guest, "/api/v1/users", account)
        assert await socket.close_code() == CloseCode.IDENTITY_CHANGED
        assert await send(other, chat) == 3
        assert not any(frame.get("type") == "session.changed" for frame in other.frames)
    await eventually(lambda: shop.app[HUB].connections == {})
