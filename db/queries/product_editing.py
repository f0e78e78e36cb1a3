"""Statements by which staff add and change products."""

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session, aliased

from db.models.products import Product

FIRST_ARTICLE = 100_001
"""Of a shop without products: six digits are easily said on the telephone."""
LAST_ARTICLE = 2**53 - 1

_highest = select(func.max(Product.article))
_following = aliased(Product)
_first_gap = select(func.min(Product.article + 1)).where(
    ~select(_following.id).where(_following.article == Product.article + 1).exists()
)


def next_article(connection: Connection) -> int:
    """A free article: above the highest; if somebody has taken the very last one, the first gap."""
    highest = connection.execute(_highest).scalar_one_or_none()
    if highest is None:
        return FIRST_ARTICLE
    return int(highest + 1 if highest < LAST_ARTICLE else connection.execute(_first_gap).scalar_one())


def has_article(connection: Connection, article: int) -> bool:
    """Whether a product has this article, archived ones too."""
    return connection.execute(select(Product.id).where(Product.article == article)).first() is not None


def access_product(session: Session, article: int) -> Product | None:
    """The product to be changed in this transaction."""
    statement = select(Product).where(Product.article == article).with_for_update()
    return session.execute(statement).scalar_one_or_none()
