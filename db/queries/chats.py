"""Statements over chats and their logs. The rules are in `app.services`; what is here only fetches and stores.

Rows come out as two plain kinds: `Chat`, the inbox row, and `Entry`, one line of a log as it is to be shown now.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, cast

from sqlalchemy import (
    Connection,
    Insert,
    Label,
    Row,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from db.direct import execute
from db.json_rows import INT, JSON, TEXT, TIME, JsonRows
from db.models.messanger import ChatMember, Counter, DeskState, MergedCustomer, Message, MessageRevision, Meta, UserChat

LogKey = tuple[int, str]

CHAT = cast(Table, UserChat.__table__)
MESSAGE = cast(Table, Message.__table__)
MEMBER = cast(Table, ChatMember.__table__)
# Written out, not a parameter: only so can SQLite tell that the partial indexes apply.
IS_OPEN = CHAT.c.status != literal_column("'closed'")


@dataclass(slots=True)
class Chat:
    """A chat's row. Writes change these attributes and store them by `update_chats`."""

    id: int
    user_id: int
    service_person_id: int | None
    creation_time: datetime
    status: str
    subject: str
    priority: int
    labels: list[str]
    last_seq: int
    last_note_seq: int
    state_version: int
    rev: int
    last_customer_seq: int
    last_staff_seq: int
    last_entry_time: datetime
    preview: str
    waiting_since: datetime | None
    first_reply_time: datetime | None
    snoozed_until: datetime | None
    closed_time: datetime | None
    continued_in: int | None

    def head(self, log: str) -> int:
        return self.last_seq if log == "chat" else self.last_note_seq

    def copy(self) -> "Chat":
        return Chat(*_values_of(self))


@dataclass(slots=True)
class Entry:
    """One entry of a log. For an edit or delete, ``data`` and ``deleted`` are the target's, as they are now.

    Nobody changes one that is made; not frozen, because a frozen one takes ten times as long to make.
    """

    chat: int
    log: str
    seq: int
    kind: str
    client_id: str | None
    sender_kind: str
    sender_id: int | None
    creation_time: datetime
    edit_time: datetime | None
    deleted: bool
    target: int | None
    reply_to: int | None
    data: dict[str, Any] | None
    body_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one person has read, and been shown, one log."""

    chat: int
    log: str
    kind: str
    person_id: int
    read_seq: int
    delivered_seq: int


_values_of = attrgetter(*(field.name for field in fields(Chat)))
_CHAT_COLUMNS = [CHAT.c[field.name] for field in fields(Chat)]
_TARGET = MESSAGE.alias("target")


def _of_target(column: str) -> Label[Any]:
    """What the entry that is edited or deleted has now.

    No join: until PostgreSQL has looked at a new table, it would go through the whole log for each row of a join.
    """
    same_log = and_(_TARGET.c.chat_id == MESSAGE.c.chat_id, _TARGET.c.log == MESSAGE.c.log)
    found = select(_TARGET.c[column]).where(same_log, _TARGET.c.seq == MESSAGE.c.target_seq)
    return found.scalar_subquery().label(f"target_{column}")


_ENTRIES = select(
    MESSAGE.c.chat_id,
    MESSAGE.c.log,
    MESSAGE.c.seq,
    MESSAGE.c.kind,
    MESSAGE.c.client_id,
    MESSAGE.c.sender_kind,
    MESSAGE.c.sender_id,
    MESSAGE.c.creation_time,
    MESSAGE.c.edit_time,
    MESSAGE.c.deleted_time,
    MESSAGE.c.target_seq,
    MESSAGE.c.reply_to_seq,
    MESSAGE.c.data,
    MESSAGE.c.body_hash,
    _of_target("data"),
    _of_target("deleted_time"),
)


def _chat(row: Row[*tuple[Any, ...]]) -> Chat:
    return Chat(*tuple(row))


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    (
        chat, log, seq, kind, client_id, sender_kind, sender_id, created, edited, deleted, target, reply_to, data,
        body_hash, target_data, target_deleted,
    ) = tuple(row)  # fmt: skip
    if target is not None:
        data, deleted = target_data, target_deleted
    return Entry(
        chat, log, seq, kind, client_id, sender_kind, sender_id, created, edited, deleted is not None, target, reply_to,
        None if deleted is not None else data, body_hash,
    )  # fmt: skip


# The order of commits


def next_rev(connection: Connection, count: int) -> int:
    """Take ``count`` revs and return the first. The first statement of every write, before any read.

    It makes the order of revs the order of commits on both engines, and on PostgreSQL it is the lock that lets what
    follows read without being overtaken.
    """
    [[last]] = execute(connection, _NEXT_REV, count=count)
    return int(last) - count + 1


_NEXT_REV = (
    update(Counter)
    .where(Counter.name == literal_column("'rev'"))
    .values(value=Counter.value + bindparam("count", type_=INT))
    .returning(Counter.value)
)


def last_rev(connection: Connection) -> int:
    return int(connection.execute(select(Counter.value).where(Counter.name == "rev")).scalar_one())


# Statements of every hello are made once: to build one and to look up its compiled form costs more than to run it.
_META = select(Meta.value).where(Meta.key == bindparam("key"))
_CHAT = select(*_CHAT_COLUMNS).where(CHAT.c.id == bindparam("chat"))
_CHATS = select(*_CHAT_COLUMNS).where(CHAT.c.id.in_(bindparam("chats", expanding=True)))
_CHATS_OF = (
    select(*_CHAT_COLUMNS)
    .where(CHAT.c.user_id == bindparam("user"), CHAT.c.id < bindparam("before"))
    .order_by(CHAT.c.id.desc())
    .limit(bindparam("limit", type_=INT))
)
_ENTRIES_OF = _ENTRIES.where(MESSAGE.c.chat_id == bindparam("chat"), MESSAGE.c.log == bindparam("log"))
_AFTER = (
    _ENTRIES_OF.where(MESSAGE.c.seq > bindparam("seq")).order_by(MESSAGE.c.seq).limit(bindparam("limit", type_=INT))
)
_BEFORE = (
    _ENTRIES_OF.where(MESSAGE.c.seq < bindparam("seq"))
    .order_by(MESSAGE.c.seq.desc())
    .limit(bindparam("limit", type_=INT))
)
_MARKS_OF = (
    select(MEMBER.c.chat_id, MEMBER.c.log, MEMBER.c.kind, MEMBER.c.person_id, MEMBER.c.read_seq, MEMBER.c.delivered_seq)
    .where(MEMBER.c.chat_id.in_(bindparam("chats", expanding=True)))
    .order_by(MEMBER.c.chat_id, MEMBER.c.log, MEMBER.c.kind, MEMBER.c.person_id)
)
ABOVE_ALL = 2**63 - 1


def get_meta(connection: Connection, key: str) -> str | None:
    return connection.execute(_META, {"key": key}).scalar_one_or_none()


def set_meta(connection: Connection, key: str, value: str) -> None:
    connection.execute(delete(Meta).where(Meta.key == key))
    connection.execute(insert(Meta).values(key=key, value=value))


def ensure_counter(connection: Connection) -> None:
    """The row of the counter, in a database that has none yet."""
    connection.execute(_insert_for(connection)(Counter).values(name="rev", value=0).on_conflict_do_nothing())


# Reading


def get_chats(connection: Connection, chat_ids: Collection[int]) -> dict[int, Chat]:
    chats = map(_chat, connection.execute(_CHATS, {"chats": list(chat_ids)}))
    return {chat.id: chat for chat in chats}


def get_chat(connection: Connection, chat_id: int) -> Chat | None:
    row = connection.execute(_CHAT, {"chat": chat_id}).one_or_none()
    return None if row is None else _chat(row)


def get_open_chat(connection: Connection, user_id: int) -> Chat | None:
    statement = select(*_CHAT_COLUMNS).where(CHAT.c.user_id == user_id, IS_OPEN)
    row = connection.execute(statement).one_or_none()
    return None if row is None else _chat(row)


def list_chats_of(connection: Connection, user_id: int, before: int | None, limit: int) -> list[Chat]:
    """A customer's chats, newest first, with an id below ``before``."""
    where = {"user": user_id, "before": ABOVE_ALL if before is None else before, "limit": limit}
    return [_chat(row) for row in connection.execute(_CHATS_OF, where)]


InboxFilter = Literal["all", "queue", "mine", "closed"]
InboxSort = Literal["waiting", "recent"]


def list_inbox(
    connection: Connection, which: InboxFilter, sort: InboxSort, staff_id: int, after: int | None, limit: int
) -> list[Chat]:
    """A page of the inbox after the chat ``after``.

    ``waiting``: who has waited longest first, then the answered ones; ``recent``: the last entry first, and so do the
    answered and the closed ones go.
    """
    where = _inbox_filter(which, staff_id)
    last = None if after is None else get_chat(connection, after)
    by_entry = (CHAT.c.last_entry_time.desc(), CHAT.c.id.desc())
    if sort == "recent" or which == "closed":
        if last is not None:
            where = (*where, tuple_(CHAT.c.last_entry_time, CHAT.c.id) < (last.last_entry_time, last.id))
        return _list_chats(connection, where, by_entry, limit)

    page: list[Chat] = []
    if last is None or last.waiting_since is not None:
        waiting = (*where, CHAT.c.waiting_since.is_not(None))
        if last is not None:
            waiting = (*waiting, tuple_(CHAT.c.waiting_since, CHAT.c.id) > (last.waiting_since, last.id))
            last = None
        page = _list_chats(connection, waiting, (CHAT.c.waiting_since, CHAT.c.id), limit)
    if len(page) < limit:
        answered = (*where, CHAT.c.waiting_since.is_(None))
        if last is not None:
            answered = (*answered, tuple_(CHAT.c.last_entry_time, CHAT.c.id) < (last.last_entry_time, last.id))
        page += _list_chats(connection, answered, by_entry, limit - len(page))
    return page


def _list_chats(connection: Connection, where: tuple[Any, ...], order: tuple[Any, ...], limit: int) -> list[Chat]:
    statement = select(*_CHAT_COLUMNS).where(*where).order_by(*order).limit(limit)
    return [_chat(row) for row in connection.execute(statement)]


def count_inbox(connection: Connection, staff_id: int, most: int = 1000) -> dict[str, int]:
    """How many chats stand under each heading, counted to ``most``."""

    def count(*where: Any) -> int:
        some = select(CHAT.c.id).where(*where).limit(most).subquery()
        return int(connection.execute(select(func.count()).select_from(some)).scalar_one())

    return {
        "queue": count(*_inbox_filter("queue", staff_id)),
        "mine": count(*_inbox_filter("mine", staff_id)),
        "all": count(*_inbox_filter("all", staff_id)),
    }


def list_changed(connection: Connection, rev: int, limit: int) -> list[Chat]:
    """The rows changed after ``rev``, in commit order."""
    statement = select(*_CHAT_COLUMNS).where(CHAT.c.rev > rev).order_by(CHAT.c.rev).limit(limit)
    return [_chat(row) for row in connection.execute(statement)]


def list_after(connection: Connection, key: LogKey, after: int, limit: int) -> list[Entry]:
    return _list_entries(connection, _AFTER, key, after, limit)


def list_before(connection: Connection, key: LogKey, before: int, limit: int) -> list[Entry]:
    """The newest entries below ``before``, oldest first."""
    return _list_entries(connection, _BEFORE, key, before, limit)[::-1]


def _list_entries(connection: Connection, statement: Select[Any], key: LogKey, seq: int, limit: int) -> list[Entry]:
    where = {"chat": key[0], "log": key[1], "seq": seq, "limit": limit}
    return [_entry(row) for row in connection.execute(statement, where)]


def get_entry(connection: Connection, key: LogKey, seq: int) -> Entry | None:
    chat, log = key
    statement = _ENTRIES.where(MESSAGE.c.chat_id == chat, MESSAGE.c.log == log, MESSAGE.c.seq == seq)
    row = connection.execute(statement).one_or_none()
    return None if row is None else _entry(row)


def list_staff_entries_after(connection: Connection, chat_id: int, seq: int, but: int, limit: int) -> list[Entry]:
    """What staff other than ``but`` have written above ``seq``."""
    statement = _ENTRIES.where(
        MESSAGE.c.chat_id == chat_id,
        MESSAGE.c.log == "chat",
        MESSAGE.c.seq > seq,
        MESSAGE.c.kind == "message",
        MESSAGE.c.sender_kind == "staff",
        MESSAGE.c.sender_id != but,
    )
    return [_entry(row) for row in connection.execute(statement.order_by(MESSAGE.c.seq).limit(limit))]


def list_by_client_id(connection: Connection, side: str, person_id: int, client_ids: Collection[str]) -> list[Entry]:
    """What somebody has written under these ids."""
    mine = (MESSAGE.c.sender_kind == side, MESSAGE.c.sender_id == person_id, MESSAGE.c.client_id.in_(client_ids))
    return [_entry(row) for row in connection.execute(_ENTRIES.where(*mine))]


_ASKED = JsonRows(side=TEXT, given_id=INT, client_id=TEXT)


def look_up(
    connection: Connection, asked: Iterable[tuple[str, int, str | None]]
) -> Sequence[tuple[str, int, int, str | None]]:
    """Of these (side, person, client_id) the ones to know about: merged into an account, or written already.

    Gives (side, person, who that is now, client_id if it has been used). For most writes there is nothing.
    """
    return execute(connection, _look_up(connection.dialect.name), **_ASKED.parameter(connection, asked))


@lru_cache
def _look_up(dialect: str) -> Select[Any]:
    given = _ASKED.table(dialect)
    merged = and_(given.c.side == "customer", MergedCustomer.guest_id == given.c.given_id)
    person = func.coalesce(MergedCustomer.user_id, given.c.given_id)
    sent = and_(
        MESSAGE.c.sender_kind == given.c.side,
        MESSAGE.c.sender_id == person,
        MESSAGE.c.client_id == given.c.client_id,
    )
    return (
        select(given.c.side, given.c.given_id, person, MESSAGE.c.client_id)
        .select_from(given.outerjoin(MergedCustomer, merged).outerjoin(MESSAGE, sent))
        .where(or_(MergedCustomer.user_id.is_not(None), MESSAGE.c.seq.is_not(None)))
    )


def list_marks(connection: Connection, chat_ids: Collection[int]) -> list[Mark]:
    return [Mark(*row) for row in connection.execute(_MARKS_OF, {"chats": list(chat_ids)})]


def list_reads(connection: Connection, kind: str, person_id: int, chat_ids: Collection[int]) -> dict[int, int]:
    """How far one person has read each of these chats."""
    statement = select(MEMBER.c.chat_id, MEMBER.c.read_seq).where(
        MEMBER.c.kind == kind, MEMBER.c.person_id == person_id, MEMBER.c.chat_id.in_(chat_ids), MEMBER.c.log == "chat"
    )
    return {chat: read for chat, read in connection.execute(statement)}


def list_guests_of(connection: Connection, user_id: int) -> list[int]:
    """The guests who have signed in to this account."""
    statement = select(MergedCustomer.guest_id).where(MergedCustomer.user_id == user_id)
    return list(connection.execute(statement).scalars())


# Writing


def add_chat(connection: Connection, values: Mapping[str, Any]) -> int:
    return int(connection.execute(insert(CHAT).values(**values).returning(CHAT.c.id)).scalar_one())


_ENTRY_ROWS = JsonRows(
    chat_id=INT, log=TEXT, seq=INT, kind=TEXT, sender_kind=TEXT, sender_id=INT, client_id=TEXT, body_hash=TEXT,
    target_seq=INT, reply_to_seq=INT, data=JSON, creation_time=TIME,
)  # fmt: skip


def add_entries(connection: Connection, entries: Iterable[Entry]) -> None:
    """Insert any number of entries in one statement. One that changes another holds only its target."""
    rows = (
        (
            entry.chat, entry.log, entry.seq, entry.kind, entry.sender_kind, entry.sender_id, entry.client_id,
            entry.body_hash, entry.target, entry.reply_to, entry.data if entry.target is None else None,
            entry.creation_time,
        )
        for entry in entries
    )  # fmt: skip
    execute(connection, _insert_entries(connection.dialect.name), **_ENTRY_ROWS.parameter(connection, rows))


@lru_cache
def _insert_entries(dialect: str) -> Insert:
    given = _ENTRY_ROWS.table(dialect)
    return insert(MESSAGE).from_select(_ENTRY_ROWS.names, select(*given.c), include_defaults=False)


# What a message changes; and besides that what a change of state does. Apart, because SQLite writes anew the indexes
# of every column that a statement names.
_MESSAGE_FIELDS = {
    "id": INT, "last_seq": INT, "last_note_seq": INT, "rev": INT, "last_customer_seq": INT, "last_staff_seq": INT,
    "last_entry_time": TIME, "preview": TEXT, "waiting_since": TIME, "first_reply_time": TIME,
}  # fmt: skip
_TALKED = JsonRows(**_MESSAGE_FIELDS)
_CHANGED = JsonRows(
    **_MESSAGE_FIELDS, user_id=INT, service_person_id=INT, status=TEXT, state_version=INT, snoozed_until=TIME,
    closed_time=TIME, continued_in=INT,
)  # fmt: skip


def update_chats(connection: Connection, chats: Iterable[Chat], *, only_talk: bool = False) -> None:
    """Store what a write changed in any number of chats, in one statement."""
    shape = _TALKED if only_talk else _CHANGED
    values = attrgetter(*shape.names)
    parameter = shape.parameter(connection, (values(chat) for chat in chats))
    execute(connection, _update_chats(connection.dialect.name, only_talk), **parameter)


@lru_cache
def _update_chats(dialect: str, only_talk: bool) -> Update:
    given = (_TALKED if only_talk else _CHANGED).table(dialect)
    changed = {name: given.c[name] for name in given.c.keys() if name != "id"}
    return update(CHAT).where(CHAT.c.id == given.c.id).values(changed)


def change_entry(connection: Connection, key: LogKey, seq: int, **values: Any) -> None:
    chat, log = key
    where = (MESSAGE.c.chat_id == chat, MESSAGE.c.log == log, MESSAGE.c.seq == seq)
    connection.execute(update(MESSAGE).where(*where).values(**values))


def keep_revision(connection: Connection, entry: Entry, time: datetime, by: int | None) -> None:
    """Keep what ``entry`` says now, before it is changed."""
    key = {"chat_id": entry.chat, "log": entry.log, "seq": entry.seq}
    where = (getattr(MessageRevision, name) == value for name, value in key.items())
    last = connection.execute(select(func.max(MessageRevision.number)).where(*where)).scalar_one()
    connection.execute(
        insert(MessageRevision).values(
            **key, number=(last or 0) + 1, data=entry.data, replaced_time=time, replaced_by=by
        )
    )


_MARKS = JsonRows(chat_id=INT, log=TEXT, kind=TEXT, person_id=INT, read_seq=INT, delivered_seq=INT)


def raise_marks(connection: Connection, marks: Iterable[Mark]) -> list[Mark]:
    """Store marks in one statement, and return them as they are then.

    One that is lower than what is stored changes nothing; above its log's head it counts as the head; a merged guest's
    is the user's; one of a chat that is not there is dropped.
    """
    rows = [(mark.chat, mark.log, mark.kind, mark.person_id, mark.read_seq, mark.delivered_seq) for mark in marks]
    stored = execute(connection, _upsert_marks(connection.dialect.name), **_MARKS.parameter(connection, rows))
    return [Mark(*row) for row in stored]


@lru_cache
def _upsert_marks(dialect: str) -> Insert:
    is_postgres = dialect == "postgresql"
    insert_for, greatest = (postgres_insert, func.greatest) if is_postgres else (sqlite_insert, func.max)
    least = func.least if is_postgres else func.min
    given = _MARKS.table(dialect)
    merged = and_(given.c.kind == "customer", MergedCustomer.guest_id == given.c.person_id)
    head = case((given.c.log == "chat", CHAT.c.last_seq), else_=CHAT.c.last_note_seq)
    key = (given.c.chat_id, given.c.log, given.c.kind, func.coalesce(MergedCustomer.user_id, given.c.person_id))
    marks = (
        select(*key, func.max(least(given.c.read_seq, head)), func.max(least(given.c.delivered_seq, head)))
        .select_from(given.join(CHAT, CHAT.c.id == given.c.chat_id).outerjoin(MergedCustomer, merged))
        .where(given.c.chat_id > 0)  # without a WHERE SQLite takes ON for a join's
        .group_by(*key)
        .order_by(*key)  # two processes that raise the same marks take their locks in one order
    )
    statement = insert_for(MEMBER).from_select(_MARKS.names, marks, include_defaults=False)
    newer = {name: greatest(MEMBER.c[name], statement.excluded[name]) for name in ("read_seq", "delivered_seq")}
    upsert = statement.on_conflict_do_update(index_elements=list(MEMBER.primary_key), set_=newer)
    return upsert.returning(*(MEMBER.c[name] for name in _MARKS.names))


# The desk


def list_desk(connection: Connection) -> list[tuple[int, str, int]]:
    """(staff_id, state, version) of everybody who has been at the desk."""
    statement = select(DeskState.staff_id, DeskState.state, DeskState.version).order_by(DeskState.staff_id)
    return [(staff, state, version) for staff, state, version in connection.execute(statement)]


def set_desk_state(connection: Connection, staff_id: int, state: str) -> int:
    """Store presence and return its version."""
    statement = _insert_for(connection)(DeskState).values(
        staff_id=staff_id, state=state, version=1, capacity=5, open_count=0
    )
    changed = statement.on_conflict_do_update(
        index_elements=["staff_id"], set_={"state": state, "version": DeskState.version + 1}
    )
    return int(connection.execute(changed.returning(DeskState.version)).scalar_one())


def add_load(connection: Connection, staff_id: int, count: int) -> None:
    """One chat more or fewer on somebody's desk, in the transaction that assigns or closes it."""
    statement = _insert_for(connection)(DeskState).values(
        staff_id=staff_id, state="off", version=1, capacity=5, open_count=max(0, count)
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["staff_id"],
            set_={"open_count": case((DeskState.open_count + count < 0, 0), else_=DeskState.open_count + count)},
        )
    )


# A guest becomes somebody who has an account


def add_merge(connection: Connection, guest_id: int, user_id: int, time: datetime) -> None:
    """From now on every write maps the guest to the user; and who was merged into the guest follows."""
    connection.execute(update(MergedCustomer).where(MergedCustomer.user_id == guest_id).values(user_id=user_id))
    merged = _insert_for(connection)(MergedCustomer).values(guest_id=guest_id, user_id=user_id, merged_time=time)
    connection.execute(merged.on_conflict_do_nothing())  # done before: then the guest has nothing left to move


def move_entries(connection: Connection, guest_id: int, user_id: int) -> None:
    """Make the guest's entries the user's. Where both used a client_id, the guest's gets the guest's id before it."""
    mine = and_(MESSAGE.c.sender_kind == "customer", MESSAGE.c.sender_id == guest_id)
    other = MESSAGE.alias("other")
    clashing = select(other.c.client_id).where(
        other.c.sender_kind == "customer", other.c.sender_id == user_id, other.c.client_id.is_not(None)
    )
    connection.execute(
        update(MESSAGE)
        .where(mine, MESSAGE.c.client_id.in_(clashing))
        .values(client_id=f"{guest_id}:" + MESSAGE.c.client_id)
    )
    connection.execute(update(MESSAGE).where(mine).values(sender_id=user_id))


def move_marks(connection: Connection, guest_id: int, user_id: int) -> None:
    """The guest's chats had no other customer, so there is nothing to collide with."""
    mine = and_(MEMBER.c.kind == "customer", MEMBER.c.person_id == guest_id)
    connection.execute(update(MEMBER).where(mine).values(person_id=user_id))


def _inbox_filter(which: InboxFilter, staff_id: int) -> tuple[Any, ...]:
    if which == "closed":
        return (CHAT.c.status == literal_column("'closed'"),)
    if which == "queue":
        return (IS_OPEN, CHAT.c.status == "queued")
    if which == "mine":
        return (CHAT.c.service_person_id == staff_id, IS_OPEN)
    return (IS_OPEN,)


def _insert_for(connection: Connection) -> Any:
    return postgres_insert if connection.dialect.name == "postgresql" else sqlite_insert
