"""Who listens to what. One hub per process; no method waits, so nobody can join or leave halfway through a fan-out."""

from collections.abc import Iterable

from ws.connection import Connection
from ws.protocol import CloseCode, LogKey


def log_topic(key: LogKey) -> str:
    """``chat/12`` for what everybody in a chat sees, ``chat/12/notes`` for what only staff see."""
    chat, log = key
    return f"chat/{chat}" if log == "chat" else f"chat/{chat}/{log}"


class Hub:
    """Topics and their subscribers, people and sessions and their connections.

    connection_limit: sockets per person; the oldest gives way to a new one (4110).
    """

    def __init__(self, connection_limit: int = 20) -> None:
        self.connections: dict[str, Connection] = {}
        # Heads of followed logs as the database has them, from resumes and the sweeper: what a heartbeat tells.
        self.heads: dict[LogKey, int] = {}
        self._connection_limit = connection_limit
        self._topics: dict[str, set[Connection]] = {}
        self._people: dict[str, dict[Connection, None]] = {}  # a dict for its order: the first is the oldest
        self._sessions: dict[str, set[Connection]] = {}
        self._fanned: dict[LogKey, int] = {}  # the last seq published to a followed log
        self._joined: dict[LogKey, int] = {}  # the lowest head at which somebody joined it

    def add(self, connection: Connection) -> None:
        self.connections[connection.key] = connection

    def identify(self, connection: Connection, person: str | None, session: str) -> None:
        """Say whose connection this is; again when a guest is given an id."""
        if session and connection.session != session:
            connection.session = session
            self._sessions.setdefault(session, set()).add(connection)
        if person is not None and connection.person != person:
            self._leave(connection)
            connection.person = person
            mine = self._people.setdefault(person, {})
            mine[connection] = None
            if len(mine) > self._connection_limit:
                oldest = next(iter(mine))
                del mine[oldest]
                oldest.close(CloseCode.REPLACED, "too many connections; the oldest went")

    def remove(self, connection: Connection) -> None:
        self.connections.pop(connection.key, None)
        for key in list(connection.follows):
            self.unfollow(connection, key)
        for topic in list(connection.topics):
            self.unsubscribe(connection, topic)
        self._leave(connection)
        if connection.session:
            siblings = self._sessions.get(connection.session, set())
            siblings.discard(connection)
            if not siblings:
                self._sessions.pop(connection.session, None)

    def of_person(self, person: str) -> list[Connection]:
        return list(self._people.get(person, ()))

    def of_session(self, session: str) -> list[Connection]:
        return list(self._sessions.get(session, ()))

    def subscribe(self, connection: Connection, topic: str) -> None:
        if connection.key in self.connections:  # a command may outlive the connection that gave it
            self._topics.setdefault(topic, set()).add(connection)
            connection.topics.add(topic)

    def unsubscribe(self, connection: Connection, topic: str) -> None:
        connection.topics.discard(topic)
        subscribers = self._topics.get(topic)
        if subscribers is not None:
            subscribers.discard(connection)
            if not subscribers:
                del self._topics[topic]

    def follow(self, connection: Connection, key: LogKey) -> None:
        """Subscribe to a log. Hold the connection's outbox first, then read from the database, then release."""
        if connection.key not in self.connections:  # gone while its command was reading
            return
        self.subscribe(connection, log_topic(key))
        connection.follows.add(key)

    def unfollow(self, connection: Connection, key: LogKey) -> None:
        self.unsubscribe(connection, log_topic(key))
        connection.follows.discard(key)
        connection.outbox.behind.pop(key, None)
        if log_topic(key) not in self._topics:
            self._forget_log(key)

    def joined(self, key: LogKey, head: int) -> None:
        """Somebody who follows ``key`` has been given everything up to ``head``, or told to fetch it."""
        if self.is_followed(key):  # they may have left while the page was read
            self._joined[key] = min(self._joined.get(key, head), head)
            self.saw_head(key, head)

    def saw_head(self, key: LogKey, head: int) -> None:
        """The database has ``key`` up to ``head``."""
        if self.is_followed(key):
            self.heads[key] = max(self.heads.get(key, 0), head)

    def is_followed(self, key: LogKey) -> bool:
        return log_topic(key) in self._topics

    def has_listeners(self, topic: str) -> bool:
        return topic in self._topics

    def last_fanned(self, key: LogKey) -> int | None:
        """Up to where every follower of ``key`` has been served; None if nobody knows, as before the first resume."""
        return self._fanned.get(key, self._joined.get(key))

    def publish_log(self, key: LogKey, seq: int, frame: bytes) -> int:
        """Push a log event to everybody who follows ``key`` and return to how many.

        A seq that has been published already is dropped: the sweeper or another process was faster.
        """
        subscribers = self._topics.get(log_topic(key))
        if not subscribers:
            self._forget_log(key)
            return 0
        if seq <= self._fanned.get(key, 0):
            return 0
        self._fanned[key] = seq
        item = (frame, key, seq)
        for subscriber in subscribers:
            subscriber.send_log(item)
        return len(subscribers)

    def publish_state(self, topic: str, key: str, frame: bytes, if_waiting: bytes | None = None) -> int:
        """Push a state event. A subscriber that has not taken the last one of ``key`` gets only this one.

        if_waiting: goes to such a subscriber instead, where one event does not make the last one superfluous.
        """
        subscribers = self._topics.get(topic, ())
        for subscriber in subscribers:
            subscriber.send_state(key, frame, if_waiting)
        return len(subscribers)

    def publish_ephemeral(self, topic: str, frame: bytes, *, but: Connection | None = None) -> int:
        """Push an event that is worth nothing later. ``but``: whose own doing it is."""
        subscribers = self._topics.get(topic, ())
        for subscriber in subscribers:
            if subscriber is not but:
                subscriber.send_ephemeral(frame)
        return len(subscribers)

    def close_all(self, connections: Iterable[Connection], code: CloseCode, reason: str) -> None:
        for connection in list(connections):
            connection.close(code, reason)

    def _leave(self, connection: Connection) -> None:
        """Take a connection out of its person's."""
        person = connection.person
        if person is not None and person in self._people:
            self._people[person].pop(connection, None)
            if not self._people[person]:
                del self._people[person]

    def _forget_log(self, key: LogKey) -> None:
        for known in (self._fanned, self._joined, self.heads):
            known.pop(key, None)
