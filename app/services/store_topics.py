"""Who may watch what of the store, and the hub's topics for it."""

from app.actor import Actor
from app.errors import Forbidden, Unauthorized
from app.schemas.store import WatchIn

STORE = "store/"  # all of them begin so
CATALOGUE = "store/catalogue"
OWN_CART = "store/cart"  # for a guest who has no id yet, and so no cart of which one could speak
ORDERS = "store/orders"  # for all who watch orders, whosever
ALL_ORDERS = "store/orders/all"


def product_topic(article: int, *, drafts: bool) -> str:
    """What everybody may know of a product, or with ``drafts`` what is known before it is published."""
    return f"store/product/{article}/all" if drafts else f"store/product/{article}"


def cart_topic(owner_id: int) -> str:
    return f"store/cart/{owner_id}"


def orders_topic(user_id: int) -> str:
    return f"store/orders/{user_id}"


def sees_drafts(actor: Actor) -> bool:
    return actor.is_staff and actor.has("products.edit")


def require_may_watch(actor: Actor, wanted: WatchIn) -> None:
    """Products and the catalogue are for everybody; a cart and orders for whose they are, and staff with the right.

    Raises:
        Unauthorized: a visitor, who has neither. Forbidden.
    """
    if actor.kind == "visitor" and (wanted.cart or wanted.orders or wanted.customer):
        raise Unauthorized
    if wanted.cart and actor.is_staff:
        raise Forbidden("Staff have no cart. Name the customer.")
    if wanted.customer and not (actor.is_staff and actor.has("chats.answer")):
        raise Forbidden
    if wanted.orders and actor.is_staff and not actor.has("orders"):
        raise Forbidden


def topics_of(actor: Actor, wanted: WatchIn) -> set[str]:
    """The topics of somebody who may watch all that."""
    topics = {product_topic(article, drafts=sees_drafts(actor)) for article in wanted.products}
    if wanted.customer is not None:
        topics.add(cart_topic(wanted.customer))
    elif wanted.cart:
        topics.add(OWN_CART if actor.id is None else cart_topic(actor.id))
    if wanted.orders:
        topics |= {ORDERS, ALL_ORDERS if actor.is_staff else orders_topic(actor.id or 0)}
    if wanted.catalogue:
        topics.add(CATALOGUE)
    return topics
