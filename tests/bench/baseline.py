"""The baseline: a small chat server as the manuals of aiohttp and SQLAlchemy would have one write it.

``WebSocketResponse`` with its defaults, ``send_json`` in a loop over a room's sockets, one ORM session and one commit
per message on aiosqlite, a person looked up by the ORM at each connect. It is as durable as CTS (WAL,
``synchronous=FULL``) and it is not crippled: two connections in the pool (in a short quiet trial as good as the default
5 + 10, ahead of 1 and of 5), a backlog for thousands of clients, the sender answered before the others.
What it lacks is what a first version lacks: idempotent sends, back-pressure, limits.
"""

import argparse
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from sqlalchemy import ForeignKey, create_engine, event, insert, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BACKLOG = 4096  # aiohttp's 128 overflows when thousands of clients come back at once


class Base(DeclarativeBase):
    """The tables of the baseline."""


class User(Base):
    """A customer or a member of staff; the token stands for the session."""

    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    role: Mapped[str]
    token: Mapped[str] = mapped_column(unique=True)


class Chat(Base):
    """The chat of one customer."""

    __tablename__ = "chat"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)


class Message(Base):
    """A message of a chat."""

    __tablename__ = "message"
    id: Mapped[int] = mapped_column(primary_key=True)
    chat_id: Mapped[int] = mapped_column(ForeignKey("chat.id"), index=True)
    sender_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    client_id: Mapped[str]
    text: Mapped[str]
    creation_time: Mapped[datetime]

    def as_dict(self) -> dict[str, Any]:
        """The message as clients see it."""
        return {
            "id": self.id,
            "chat": self.chat_id,
            "sender": self.sender_id,
            "client_id": self.client_id,
            "creation_time": self.creation_time.isoformat(),
            "text": self.text,
        }


SESSIONS = web.AppKey("sessions", async_sessionmaker[AsyncSession])
ROOMS = web.AppKey("rooms", defaultdict[int, set[web.WebSocketResponse]])
DATABASE = web.AppKey("database", str)
routes = web.RouteTableDef()


@routes.get("/ws")
async def chat_socket(request: web.Request) -> web.WebSocketResponse:
    """The chat: ``watch``, ``history`` and ``message.send`` as commands, ``message.created`` as an event."""
    sessions, rooms = request.app[SESSIONS], request.app[ROOMS]
    async with sessions() as session:
        user = await session.scalar(select(User).where(User.token == request.query.get("token", "")))
        if user is None:
            raise web.HTTPUnauthorized
        chat = await session.scalar(select(Chat).where(Chat.customer_id == user.id))
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    watched = {chat.id} if chat else set[int]()
    for chat_id in watched:
        rooms[chat_id].add(socket)
    try:
        await socket.send_json({"type": "welcome", "id": user.id, "name": user.name, "chats": list(watched)})
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            command = frame.json()
            match command["type"]:
                case "watch" if user.role == "staff":
                    watched.update(command["chats"])
                    for chat_id in command["chats"]:
                        rooms[chat_id].add(socket)
                    await socket.send_json({"reply_to": command["id"], "ok": True})
                case "history" if command["chat"] in watched:
                    messages = await list_messages(sessions, command["chat"], command["after"])
                    await socket.send_json({"reply_to": command["id"], "ok": True, "messages": messages})
                case "message.send" if command["chat"] in watched:
                    message = await add_message(sessions, user, command)
                    await socket.send_json({"reply_to": command["id"], "ok": True, "message": message["id"]})
                    for other in list(rooms[command["chat"]]):
                        if other is not socket and not other.closed:
                            await send_event(other, message)
                case _:
                    await socket.send_json({"reply_to": command["id"], "ok": False})
    finally:
        for chat_id in watched:
            rooms[chat_id].discard(socket)
    return socket


async def send_event(socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
    """Tell one socket of a new message; one that has just gone is no error."""
    try:
        await socket.send_json({"type": "message.created", "data": message})
    except ConnectionError:
        pass


async def add_message(
    sessions: async_sessionmaker[AsyncSession], user: User, command: dict[str, Any]
) -> dict[str, Any]:
    """Keep one message: one session, one commit."""
    async with sessions() as session:
        message = Message(
            chat_id=command["chat"],
            sender_id=user.id,
            client_id=command["client_id"],
            text=command["text"],
            creation_time=datetime.now(UTC),
        )
        session.add(message)
        await session.commit()
        return message.as_dict()


async def list_messages(sessions: async_sessionmaker[AsyncSession], chat_id: int, after: int) -> list[dict[str, Any]]:
    """The messages of a chat after an id, oldest first, 100 at most."""
    async with sessions() as session:
        query = select(Message).where(Message.chat_id == chat_id, Message.id > after).order_by(Message.id).limit(100)
        return [message.as_dict() for message in await session.scalars(query)]


def set_pragmas(connection: Any, _record: Any) -> None:
    """As durable as CTS: what was acknowledged survives a power cut."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def database(application: web.Application) -> AsyncIterator[None]:
    """The engine, for as long as the application runs."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{application[DATABASE]}", pool_size=2, max_overflow=0)
    event.listen(engine.sync_engine, "connect", set_pragmas)
    application[SESSIONS] = async_sessionmaker(engine, expire_on_commit=False)
    yield
    await engine.dispose()


def create_app(path: str) -> web.Application:
    """The application on the SQLite file ``path``."""
    application = web.Application()
    application[DATABASE] = path
    application[ROOMS] = defaultdict[int, set[web.WebSocketResponse]](set)
    application.cleanup_ctx.append(database)
    application.add_routes(routes)
    return application


def fill(path: Path, customers: int, staff: int, missed: int = 0) -> None:
    """Make the tables, ``customers`` people (ids from 1) with a chat each and ``missed`` messages in it, then staff."""
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", set_pragmas)
    Base.metadata.create_all(engine)
    now = datetime.now(UTC)
    people = [
        {"id": i, "name": f"Customer {i}", "role": "customer", "token": token_of(i)} for i in people_ids(customers)
    ]
    people += [
        {"id": i, "name": f"Agent {i}", "role": "staff", "token": token_of(i)}
        for i in range(customers + 1, customers + staff + 1)
    ]
    messages = [
        {"chat_id": i, "sender_id": customers + 1, "client_id": f"s{n}", "text": f"Answer {n}", "creation_time": now}
        for n in range(missed)
        for i in people_ids(customers)
    ]
    with engine.begin() as connection:
        connection.execute(insert(User), people)
        connection.execute(insert(Chat), [{"id": i, "customer_id": i} for i in people_ids(customers)])
        if messages:
            connection.execute(insert(Message), messages)
    engine.dispose()


def people_ids(count: int) -> range:
    """The ids 1 to ``count``."""
    return range(1, count + 1)


def token_of(person_id: int) -> str:
    """The token of a person made by ``fill``."""
    return f"token-of-{person_id:08d}"


def stored_ids(path: Path) -> list[str]:
    """The client ids of the stored messages, read with plain sqlite3 after the server is gone."""
    with sqlite3.connect(path) as connection:
        return [row[0] for row in connection.execute("SELECT client_id FROM message ORDER BY id")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", help="the SQLite file")
    parser.add_argument("port", type=int)
    arguments = parser.parse_args()
    web.run_app(
        create_app(arguments.path), host="127.0.0.1", port=arguments.port, backlog=BACKLOG, access_log=None, print=None
    )
