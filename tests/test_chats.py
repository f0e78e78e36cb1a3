"""Chats through sockets and REST: who is told what, and in which order."""

from tests.conftest import MakeChat, Shop


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
