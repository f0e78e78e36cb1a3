"""What may be done in a chat, by whom, and what follows from it. REST and the socket call the same methods.

The methods that write are plain functions: when one returns, the write stands in the writer's queue, so the order of
calls is the order in the log. What they return is awaited or given a callback.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.errors import Closed, Conflict, Forbidden, NotFound, TooLarge
from app.limits import Throttle
from app.schemas.chats import ChatIn, MessageIn
from app.services.broadcast import DeskChanged
from app.services.chat_log import OPEN_CHAT, LogWrite, hash_body, preview_of
from app.services.marks import Marks
from app.services.names import NameBook
from app.services.rendering import Renderer
from app.services.sending import Send, Sent, send_run
from app.settings import Settings
from db.database import Database, Done, Pending
from db.queries import chats as queries
from db.queries.chats import Chat, Entry
from ws.limits import Rate

# A guest has one open chat; so many closed ones nobody has. What is more would stay the guest's, and be nobody's.
MERGED_CHATS = 10_000


@dataclass(frozen=True, slots=True)
class Question:
    """What a single write is about."""

    actor: Actor
    client_id: str | None
    chat_id: int | None


class ChatService:
    """Writes to chats. Access and state are checked inside the write, where nobody can change them any more."""

    def __init__(
        self, messanger: Database, names: NameBook, renderer: Renderer, settings: Settings, clock: Clock
    ) -> None:
        self.marks = Marks(messanger)
        self._messanger, self._names, self._renderer = messanger, names, renderer
        self._settings, self._clock = settings, clock
        self._run = send_run(clock.now, renderer)
        limits = settings.limits
        self._sends = {
            "guest": Throttle(Rate(limits.guest_sends_per_s, limits.guest_sends_burst), clock),
            "user": Throttle(Rate(limits.user_sends_per_s, limits.user_sends_burst), clock),
            "staff": Throttle(Rate(limits.staff_sends_per_s, limits.staff_sends_burst), clock),
        }

    def send(self, actor: Actor, chat_id: int, form: MessageIn) -> Pending[Sent]:
        """Append a message. A staff reply to a chat that is nobody's claims it in the same write.

        Raises:
            RateLimited, TooLarge: at once. Through the result: NotFound; Closed; Conflict with ``reason`` client_id
            (the same id, another text) or moved_on (``entries``: what other staff have written above ``seen``).
        """
        self._check_send(actor, form.text)
        options = {"reply_to": form.reply_to, "seen": form.seen, "force": form.force}
        send = Send.make(actor, chat_id, form.client_id, {"text": form.text}, **options)
        return self._messanger.submit_run(self._run, send)

    def open(self, actor: Actor, form: ChatIn) -> Pending[tuple[Chat, Entry | None, bool]]:
        """Open a chat, or find the open one; ``text`` is appended to it. Gives (chat, the entry written, duplicate).

        Staff open a chat for ``customer``, and get it on their own desk.
        """
        if form.customer is not None and not actor.is_staff:
            raise Forbidden("Only staff open chats for others.")
        if actor.is_staff and form.customer is None:
            raise NotFound
        self._check_send(actor, form.text or "")

        def work(session: Session) -> Done[tuple[Chat, Entry | None, bool]]:
            customer = Actor("user", form.customer) if form.customer is not None else actor
            asks = [Question(actor, form.client_id, None), Question(customer, None, None)]
            write = LogWrite(session.connection(), self._clock.now(), asks, writes=1)
            data = {"text": form.text} if form.text is not None else None
            opened = {"code": "opened", "subject": form.subject}
            kind = "opened" if data is None else "message"
            body_hash = hash_body(OPEN_CHAT, "chat", kind, data or opened, target=form.customer)
            sent = write.find_sent(actor, form.client_id, body_hash)
            if sent is not None:
                write.load([sent.chat])
                return Done((write.chats[sent.chat], sent, True))

            person = write.id_of(actor)
            keys = {"client_id": form.client_id, "body_hash": body_hash}
            owner = write.id_of(customer)  # an account may just have taken the guest in
            entry: Entry | None = None
            chat = queries.get_open_chat(write.connection, owner)
            if chat is None:
                chat = write.open(owner, form.subject, assignee=person if actor.is_staff else None)
                entry = write.add(chat, "opened", actor.side, person, data=opened, **({} if data else keys))  # type: ignore[arg-type]
            if data is not None:
                entry = write.add(chat, "message", actor.side, person, data=data, **keys)  # type: ignore[arg-type]
            events = write.store()
            return Done((chat, entry, False), events)

        return self._messanger.submit(work)

    def edit(self, actor: Actor, chat_id: int, target: int, client_id: str, text: str | None) -> Pending[Sent]:
        """Change the text of one's own message, or with None delete it; the owner may do it to any.

        The entry that is appended holds only its target: every reader is shown the text as it is when they read it.

        Raises: NotFound; Forbidden: somebody else's; Conflict: the window is over, or it is deleted already.
        """
        self._check_send(actor, text or "")
        kind = "delete" if text is None else "edit"
        data = None if text is None else {"text": text}
        body_hash = hash_body(chat_id, "chat", kind, data, target=target)

        def work(session: Session) -> Done[Sent]:
            write = self._begin(session, actor, client_id, chat_id)
            sent = write.find_sent(actor, client_id, body_hash)
            if sent is not None:
                return Done(Sent(sent, duplicate=True))
            chat = write.access(actor, chat_id)
            write.require_open(chat)
            person = write.id_of(actor)
            key = (chat.id, "chat")
            entry = self._require_editable(queries.get_entry(write.connection, key, target), actor, person, write.now)
            queries.keep_revision(write.connection, entry, write.now, person)
            changed = {"edit_time": write.now} if data else {"deleted_time": write.now}
            queries.change_entry(write.connection, key, target, data=data, **changed)
            if entry.seq == max(chat.last_customer_seq, chat.last_staff_seq):  # the inbox must not go on showing it
                chat.preview = preview_of(data)
            added = write.add(
                chat, kind, actor.side, person, client_id=client_id, body_hash=body_hash, data=data, target=target
            )
            return Done(Sent(added), write.store())

        return self._messanger.submit(work)

    def claim(self, actor: Actor, chat_id: int, if_version: int | None, client_id: str | None) -> Pending[Chat]:
        """Take a chat onto one's own desk.

        Raises: NotFound; Closed; Conflict: somebody was faster, or has changed it; the extra carries the chat.
        """

        def change(write: LogWrite, chat: Chat, keys: dict[str, Any]) -> None:
            if chat.service_person_id == actor.id:
                return
            if chat.service_person_id is not None:
                raise self._conflict("Somebody else has this chat.", actor, chat)
            self._require_version(actor, chat, if_version)
            write.assign(chat, actor.id, "staff", actor.id, **keys)

        return self._change(actor, chat_id, "claim", {}, client_id, change)

    def assign(
        self, actor: Actor, chat_id: int, to: int | None, if_version: int | None, client_id: str | None
    ) -> Pending[Chat]:
        """Give a chat to somebody, or with None back to the queue. One's own chat may be given back without the right.

        The caller has made sure that ``to`` exists.
        """

        def change(write: LogWrite, chat: Chat, keys: dict[str, Any]) -> None:
            is_own = chat.service_person_id == actor.id and to is None
            if not is_own and not actor.has("chats.assign"):
                raise Forbidden("You may not assign chats.")
            self._require_version(actor, chat, if_version)
            if chat.service_person_id != to:
                write.assign(chat, to, "staff", actor.id, **keys)

        return self._change(actor, chat_id, "assign", {"to": to}, client_id, change)

    def close(
        self, actor: Actor, chat_id: int, reason: str = "", if_version: int | None = None, client_id: str | None = None
    ) -> Pending[Chat]:
        """Close a chat: its customer, or staff. Raises: NotFound; Closed: it is; Conflict: changed meanwhile."""

        def change(write: LogWrite, chat: Chat, keys: dict[str, Any]) -> None:
            self._require_version(actor, chat, if_version)
            write.close(chat, reason, actor.side, write.id_of(actor), **keys)

        return self._change(actor, chat_id, "close", {"reason": reason}, client_id, change)

    def reopen(self, actor: Actor, chat_id: int, if_version: int | None, client_id: str | None) -> Pending[Chat]:
        """Raises: NotFound; Conflict: it is open, has changed, or the customer has another open one (in the extra)."""

        def change(write: LogWrite, chat: Chat, keys: dict[str, Any]) -> None:
            if chat.status != "closed":
                raise self._conflict("The chat is open.", actor, chat)
            self._require_version(actor, chat, if_version)
            other = queries.get_open_chat(write.connection, chat.user_id)
            if other is not None:
                raise self._conflict("The customer has another open chat.", actor, other, reason="open")
            write.reopen(actor, chat, **keys)

        return self._change(actor, chat_id, "reopen", {}, client_id, change, may_be_closed=True)

    def set_presence(self, actor: Actor, state: str) -> Pending[int]:
        """online, busy, away or off. Gives the version of the state event."""
        assert actor.id is not None
        staff_id, name = actor.id, actor.name

        def work(session: Session) -> Done[int]:
            connection = session.connection()
            queries.next_rev(connection, 0)
            version = queries.set_desk_state(connection, staff_id, state)
            return Done(version, [DeskChanged(staff_id, name, state, version)])

        return self._messanger.submit(work)

    def merge(self, session: Session, guest_id: int, user_id: int) -> Done[None]:
        """A guest has signed in to an account: the effect of USERS' outbox, applied once in MESSANGER's writer.

        Both have an open chat: the account's older one is closed and goes on in the guest's, with its assignee.
        """
        write = LogWrite(session.connection(), self._clock.now(), writes=MERGED_CHATS + 1)
        connection = write.connection
        mine = queries.get_open_chat(connection, user_id)
        chats = queries.list_chats_of(connection, guest_id, None, limit=MERGED_CHATS)
        write.chats.update({chat.id: chat for chat in chats})
        theirs = next((chat for chat in chats if chat.status != "closed"), None)
        if mine is not None and theirs is not None:
            assignee = mine.service_person_id
            mine.continued_in = theirs.id
            write.close(mine, "merged", "system", None)
            queries.update_chats(connection, [mine])  # before the guest's chat becomes the account's second open one
            if assignee is not None and theirs.service_person_id is None:
                write.assign(theirs, assignee, "system", None)
        queries.move_entries(connection, guest_id, user_id)
        queries.move_marks(connection, guest_id, user_id)
        for chat in chats:
            chat.user_id = user_id
            write.change(chat)
        queries.add_merge(connection, guest_id, user_id, write.now)
        return Done(None, write.store())

    def _change(
        self, actor: Actor, chat_id: int, what: str, data: dict[str, Any], client_id: str | None, change: Any,
        *, may_be_closed: bool = False,
    ) -> Pending[Chat]:  # fmt: skip
        """The frame of every change of a chat's state: a repetition gets its answer, then access, then the change."""
        self._remember(actor)
        body_hash = hash_body(chat_id, "chat", what, data)
        keys = {} if client_id is None else {"client_id": client_id, "body_hash": body_hash}

        def work(session: Session) -> Done[Chat]:
            write = self._begin(session, actor, client_id, chat_id)
            sent = write.find_sent(actor, client_id, body_hash)
            chat = write.access(actor, chat_id)
            if sent is not None:
                return Done(chat)
            if not may_be_closed and chat.status == "closed":
                raise Closed(chat_id=chat.id, continued_in=chat.continued_in)
            change(write, chat, keys)
            return Done(chat, write.store())

        return self._messanger.submit(work)

    def _begin(self, session: Session, actor: Actor, client_id: str | None, chat_id: int | None = None) -> LogWrite:
        return LogWrite(session.connection(), self._clock.now(), [Question(actor, client_id, chat_id)])

    def _conflict(self, message: str, actor: Actor, chat: Chat, reason: str = "version") -> Conflict:
        """Somebody was faster; the chat as it is now goes with the refusal."""
        return Conflict(message, reason=reason, chat=self._renderer.chat(chat, for_staff=actor.is_staff))

    def _require_version(self, actor: Actor, chat: Chat, if_version: int | None) -> None:
        if if_version is not None and if_version != chat.state_version:
            raise self._conflict("The chat was changed in the meantime.", actor, chat)

    def _check_send(self, actor: Actor, text: str) -> None:
        if len(text) > self._settings.limits.text_chars:
            raise TooLarge(f"A message has at most {self._settings.limits.text_chars} characters.")
        self._sends[actor.kind].check(f"{actor.side}/{actor.id}")
        self._remember(actor)

    def _remember(self, actor: Actor) -> None:
        """The event will need the name, and publishing must not wait for it."""
        if actor.id is not None and self._names.get(actor.side, actor.id) is None:
            self._names.remember(actor.side, actor.id, actor.name)

    def _require_editable(self, entry: Entry | None, actor: Actor, person: int, now: datetime) -> Entry:
        if entry is None or entry.kind != "message":
            raise NotFound
        if (entry.sender_kind, entry.sender_id) != (actor.side, person):
            if not actor.is_owner:
                raise Forbidden("Only the author may change a message.")
        elif (now - entry.creation_time).total_seconds() > self._settings.edit_window_s and not actor.is_owner:
            raise Conflict("It is too late to change this message.", reason="window")
        if entry.deleted:
            raise Conflict("This message is deleted.", reason="deleted")
        return entry
