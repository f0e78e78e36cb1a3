"""What an order does in the other databases: the cart in USERS, the chat in MESSANGER. By the outbox, applied once."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.schemas.products import Money
from app.services.chat_log import LogWrite
from app.services.store_events import CartChanged
from db.database import Done
from db.outbox import add_effect, has_pending
from db.queries import carts as cart_queries
from db.queries import chats as chat_queries

EMPTY_CART, TELL = "empty_cart", "tell_order"


def empty_cart(session: Session, user_id: int, quantities: Mapping[int, int]) -> None:
    """Have these quantities (by article) taken out of the user's cart: they are ordered."""
    payload = {"user_id": user_id, "quantities": {str(article): count for article, count in quantities.items()}}
    add_effect(session, kind=EMPTY_CART, key=_key(user_id), payload=payload)


def is_cart_behind(connection: Connection, user_id: int) -> bool:
    """Whether something that the user has ordered may still be in the cart."""
    return has_pending(connection, _key(user_id))


def _key(user_id: int) -> str:
    return f"cart/{user_id}"


def tell(session: Session, order: Any, what: str) -> None:
    """Have the customer's open chat, if there is one, say what became of the order: placed, packed, paid …"""
    data = {
        "code": f"order_{what}",
        "order": order.id,
        "number": order.number,
        "total": Money(amount=order.total_minor).model_dump(),
    }
    key = f"order/{order.id}/chat"  # not the cart's: a chat that cannot be written now holds up no cart
    add_effect(session, kind=TELL, key=key, payload={"user_id": order.user_id, "data": data})


def apply_empty_cart(now: Callable[[], datetime], session: Session, payload: Mapping[str, Any]) -> Done[None]:
    """In USERS."""
    quantities = {int(article): count for article, count in payload["quantities"].items()}
    version = cart_queries.take_ordered(session, payload["user_id"], quantities, now())
    return Done(None, [] if version is None else [CartChanged(payload["user_id"], version)])


def apply_tell(now: Callable[[], datetime], session: Session, payload: Mapping[str, Any]) -> Done[None]:
    """In MESSANGER. Clients put the code into words."""
    connection, user_id = session.connection(), payload["user_id"]
    if chat_queries.get_open_chat(connection, user_id) is None:  # asked before the lock that a write takes
        return Done(None)
    write = LogWrite(connection, now())
    chat = chat_queries.get_open_chat(connection, user_id)
    if chat is None:
        return Done(None)
    write.add(chat, "order", "system", None, data=payload["data"])
    return Done(None, write.store())
