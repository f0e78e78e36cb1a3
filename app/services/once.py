"""Doing something once, however often the request comes: Idempotency-Key, kept in the effect's own transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.errors import Conflict
from db.database import Done
from db.queries import idempotency as queries

Out = TypeVar("Out", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request's key: whose it is (the kind and id of the person, or the session), for which route and body."""

    principal: str
    route: str
    key: str
    body_hash: bytes


@dataclass(frozen=True, slots=True)
class Once(Generic[Out]):
    """What was answered, now or when the key first came."""

    answer: Out
    is_replay: bool = False


def once(
    keyed: Keyed | None, model: type[Out], now: datetime, work: Callable[[Session], Done[Out]]
) -> Callable[[Session], Done[Once[Out]]]:
    """Wrap ``work`` so that a key that came before gets the answer of then, and nothing is done.

    A refusal is not kept: the transaction that would keep it is undone, and the next try may succeed.

    Raises (when run):
        Conflict: the key was used for another body.
    """

    def run(session: Session) -> Done[Once[Out]]:
        if keyed is None:
            done = work(session)
            return Done(Once(done.result), done.events)
        found = queries.claim(session, keyed.principal, keyed.route, keyed.key, keyed.body_hash, now)
        if found is not None:
            if found.body_hash != keyed.body_hash:
                raise Conflict("This Idempotency-Key was used for something else.", reason="key_reused")
            return Done(Once(model.model_validate_json(found.answer), is_replay=True))
        done = work(session)
        answer = done.result.model_dump_json().encode()
        queries.keep(session, keyed.principal, keyed.route, keyed.key, 200, answer)
        return Done(Once(done.result), done.events)

    return run
