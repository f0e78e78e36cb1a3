"""What one connection has yet to be given: bounded by what it follows, not by how much is said.

Pure: no clock, no socket. ``unsent`` is what the transport holds and the kernel has not taken; together with what waits
here it decides what is dropped. Replies and batches are never dropped: the endpoint asks for no more of them while the
connection lags.
"""

from ws.protocol import LogKey, behind_frame

# Above this ephemeral events are dropped, and the transport is given nothing more: what it holds cannot be withdrawn.
SOFT_LIMIT = 64 * 1024
# Above this queued log events are dropped; one chat.behind per log takes their place.
HARD_LIMIT = 256 * 1024


# (frame, log, seq) of a log event; (frame, None, 0) of what is kept in any case; (None, key, 0) of a state event, whose
# newest frame stands in a dictionary beside.
LogItem = tuple[bytes, LogKey, int]
_Item = tuple[bytes | None, LogKey | str | None, int]


class Outbox:
    """The frames that wait for one socket, oldest first."""

    __slots__ = ("_held", "_holds", "_queue", "_states", "behind", "size")

    def __init__(self) -> None:
        self.size = 0  # bytes of all frames waiting here
        self.behind: dict[LogKey, int] = {}  # logs that get no events until a chat.sync reaches the head: key → head
        self._queue: list[_Item] = []  # no deque: an empty one takes ten times the room
        self._held: list[_Item] = []
        self._holds = 0
        self._states: dict[str, bytes] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to hand over; what is held does not count."""
        return not self._queue

    def hold(self) -> None:
        """Put live events aside while something older is read and pushed. Holds may nest."""
        self._holds += 1

    def release(self) -> None:
        """End one hold; with the last one the events put aside follow what was pushed meanwhile."""
        self._holds -= 1
        if self._holds == 0:
            self._queue.extend(self._held)
            self._held.clear()

    def push(self, frame: bytes) -> None:
        """A reply, a batch or a control frame: kept whatever happens, not held."""
        self._queue.append((frame, None, 0))
        self.size += len(frame)

    def push_log(self, item: LogItem, unsent: int = 0) -> None:
        """A log event: kept, or replaced by a chat.behind; never dropped silently.

        The hub makes the item once for all its subscribers.
        """
        frame, key, seq = item
        if self.behind and key in self.behind:
            self.behind[key] = max(self.behind[key], seq)
        elif self.size + unsent > HARD_LIMIT:
            self._fall_behind(key, seq)
        else:
            (self._held if self._holds else self._queue).append(item)
            self.size += len(frame)

    def push_state(self, key: str, frame: bytes, if_waiting: bytes | None = None) -> None:
        """A state event: the newest per key, or ``if_waiting``, replaces the one that still waits."""
        waiting = self._states.get(key)
        if waiting is None:
            (self._held if self._holds else self._queue).append((None, key, 0))
            self.size += len(frame)
        else:
            frame = frame if if_waiting is None else if_waiting
            self.size += len(frame) - len(waiting)
        self._states[key] = frame

    def push_ephemeral(self, frame: bytes, unsent: int = 0) -> None:
        """Typing and the like: the first to go."""
        if self.size + unsent <= SOFT_LIMIT and not self._holds:
            self.push(frame)

    def catch_up(self, key: LogKey, seq: int) -> bool:
        """A reply that reaches ``seq`` is being pushed: whether the log is live again from here.

        Call it in the same turn of the loop as the push, or an event between the two is lost.
        """
        if self.behind.get(key, 0) > seq:
            return False
        self.behind.pop(key, None)
        return True

    def take(self, room: int) -> bytes:
        """The oldest frames that fit into ``room`` bytes, at least one, joined for a single write."""
        frames: list[bytes] = []
        for frame, key, _ in self._queue:
            if frame is None:
                frame = self._states[key]  # type: ignore[index]
            room -= len(frame)
            if room < 0 and frames:
                break
            if type(key) is str:
                del self._states[key]
            frames.append(frame)
        del self._queue[: len(frames)]
        taken = frames[0] if len(frames) == 1 else b"".join(frames)
        self.size -= len(taken)
        return taken

    def _fall_behind(self, key: LogKey, seq: int) -> None:
        """Drop every waiting log event, of all logs: they are in the database, and the client can fetch them."""
        heads = {key: seq}
        for items in (self._queue, self._held):
            kept: list[_Item] = []
            for item in items:
                frame, log_key, item_seq = item
                if frame is None or type(log_key) is not tuple:
                    kept.append(item)
                else:
                    heads[log_key] = max(heads.get(log_key, 0), item_seq)
                    self.size -= len(frame)
            items[:] = kept
        for log_key, head in heads.items():
            self.behind[log_key] = head
            self.push(behind_frame(log_key, head))
