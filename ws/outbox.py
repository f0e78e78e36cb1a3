"""What one connection has yet to be given: bounded by what it follows, not by how much is said.

Pure: no clock, no socket. ``unsent`` is what the transport holds and the kernel has not taken; together with what waits
here it decides what is dropped. Replies and batches are never dropped: the endpoint asks for no more of them while the
connection lags.
"""

from collections import deque
from dataclasses import dataclass

from ws.protocol import LogKey, behind_frame

# Above this ephemeral events are dropped, and the transport is given nothing more: what it holds cannot be withdrawn.
SOFT_LIMIT = 64 * 1024
# Above this queued log events are dropped; one chat.behind per log takes their place.
HARD_LIMIT = 256 * 1024


@dataclass(slots=True, eq=False)
class _Item:
    frame: bytes
    log_key: LogKey | None = None
    seq: int = 0
    state_key: str | None = None


class Outbox:
    """The frames that wait for one socket, oldest first."""

    __slots__ = ("_held", "_holds", "_queue", "_states", "behind", "size")

    def __init__(self) -> None:
        self.size = 0  # bytes of all frames waiting here
        self.behind: dict[LogKey, int] = {}  # logs that get no events until a chat.sync reaches the head: key → head
        self._queue: deque[_Item] = deque()
        self._held: deque[_Item] = deque()
        self._holds = 0
        self._states: dict[str, _Item] = {}

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
        self._queue.append(_Item(frame))
        self.size += len(frame)

    def push_log(self, key: LogKey, seq: int, frame: bytes, unsent: int = 0) -> None:
        """A log event: kept, or replaced by a chat.behind; never dropped silently."""
        head = self.behind.get(key)
        if head is not None:
            self.behind[key] = max(head, seq)
        elif self.size + unsent > HARD_LIMIT:
            self._fall_behind(key, seq)
        else:
            self._append_live(_Item(frame, key, seq))

    def push_state(self, key: str, frame: bytes, if_waiting: bytes | None = None) -> None:
        """A state event: the newest per key, or ``if_waiting``, replaces the one that still waits."""
        waiting = self._states.get(key)
        if waiting is None:
            self._states[key] = item = _Item(frame, state_key=key)
            self._append_live(item)
        else:
            frame = frame if if_waiting is None else if_waiting
            self.size += len(frame) - len(waiting.frame)
            waiting.frame = frame

    def push_ephemeral(self, frame: bytes, unsent: int = 0) -> None:
        """Typing and the like: the first to go."""
        if self.size + unsent <= SOFT_LIMIT and not self._holds:
            self._append_live(_Item(frame))

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
        queue = self._queue
        if self.size <= room and not self._held:
            taken = b"".join([item.frame for item in queue])
            queue.clear()
            self._states.clear()
            self.size = 0
            return taken
        frames: list[bytes] = []
        while queue and (not frames or len(queue[0].frame) <= room):
            item = queue.popleft()
            if item.state_key is not None:
                del self._states[item.state_key]
            frames.append(item.frame)
            room -= len(item.frame)
        taken = b"".join(frames)
        self.size -= len(taken)
        return taken

    def _append_live(self, item: _Item) -> None:
        (self._held if self._holds else self._queue).append(item)
        self.size += len(item.frame)

    def _fall_behind(self, key: LogKey, seq: int) -> None:
        """Drop every waiting log event, of all logs: they are in the database, and the client can fetch them."""
        heads = {key: seq}
        for items in (self._queue, self._held):
            for item in items:
                if item.log_key is not None:
                    heads[item.log_key] = max(heads.get(item.log_key, 0), item.seq)
                    self.size -= len(item.frame)
            kept = [item for item in items if item.log_key is None]
            items.clear()
            items.extend(kept)
        for log_key, head in heads.items():
            self.behind[log_key] = head
            self.push(behind_frame(log_key, head))
