"""Writes the talks as chats with their history, through the very code that writes a living chat."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.demo.generator import Goods
from app.demo.people import Ids
from app.demo.talks import TALKS, Talk
from app.services.chat_log import LogWrite
from db.queries import chats as queries
from db.queries.chats import Chat, Mark

CLAIM_BEFORE = timedelta(seconds=30)
"""A manager claims a chat that long before the first answer."""
CLOSE_AFTER = timedelta(minutes=4)

_LINE = re.compile(r"\s*([км]) (\d+) (.+)")


def add_chats(session: Session, goods: Sequence[Goods], ids: Ids, now: datetime) -> int:
    """Write all talks, the oldest first, and everybody's place at the desk; returns how many chats there are."""
    connection = session.connection()
    queries.ensure_counter(connection)
    for staff_id in ids.staff.values():
        queries.add_load(connection, staff_id, 0)
    talks = sorted(TALKS, key=lambda talk: -talk.ago)
    for talk in talks:
        # One write each: a customer has one open chat at a time, so the one before must be stored as closed.
        chat = _write(connection, talk, _facts(talk.noun, goods), ids, now)
        queries.raise_marks(connection, _marks(chat, talk.unread))
    return len(talks)


def _write(connection: Connection, talk: Talk, facts: Mapping[str, str], ids: Ids, now: datetime) -> Chat:
    customer, manager = ids.customers[talk.customer], ids.staff.get(talk.manager)
    write = LogWrite(connection, now - timedelta(minutes=talk.ago))
    chat = write.open(customer, talk.subject)
    write.add(chat, "opened", "customer", customer, data={"code": "opened", "subject": talk.subject})
    time = write.now
    for who, minutes, text in _LINE.findall(talk.lines):
        time += timedelta(minutes=int(minutes), seconds=len(text) % 40)
        if who == "к":
            side, sender = "customer", customer
        elif manager is not None:
            side, sender = "staff", manager
            if chat.service_person_id is None:
                write.now = time - CLAIM_BEFORE
                write.assign(chat, manager, "staff", manager)
        else:
            raise ValueError(f"{talk.subject!r} has an answer but no manager")
        write.now = time
        write.add(chat, "message", side, sender, data={"text": text.format(**facts)})
    if talk.end.startswith("closed"):
        write.now = time + CLOSE_AFTER
        write.close(chat, "", side := talk.end.removeprefix("closed by "), customer if side == "customer" else manager)
    write.store()
    return chat


def _facts(noun: str, goods: Iterable[Goods]) -> dict[str, str]:
    """What the talk's product has: the newest of that noun that is in stock."""
    fitting = [item for item in goods if item.noun.name == noun]
    row = next((item.row for item in reversed(fitting) if item.row["remains"]), fitting[-1].row)
    specifications: Mapping[str, list[str]] = row["specifications"]
    sizes = specifications["sizes"]
    middle = len(sizes) // 2
    return {
        "name": row["name"],
        "thing": row["name"][0].lower() + row["name"][1:],
        "article": str(row["article"]),
        "price": format_price(row["effective_minor"]),
        "size": sizes[max(middle - 1, 0)],
        "bigger": sizes[middle],
        "colour": specifications["colors"][0],
        "material": specifications["materials"][0],
    }


def format_price(minor: int) -> str:
    """3 499,90 ₽, with spaces that do not break."""
    roubles, kopecks = divmod(minor, 100)
    return f"{roubles:,}".replace(",", "\u00a0") + f",{kopecks:02d}\u00a0₽"


def _marks(chat: Chat, unread: int) -> list[Mark]:
    """Everybody has read to the end, except a manager what came just now; nobody has read who waits in the queue."""
    head = chat.last_seq
    marks = [Mark(chat.id, "chat", "customer", chat.user_id, head, head)]
    if chat.service_person_id is not None:
        marks.append(Mark(chat.id, "chat", "staff", chat.service_person_id, head - unread, head))
    return marks
