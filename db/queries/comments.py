"""Statements on comments, their votes, and the ratings that follow from them."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from db.models.base import Id, UtcDateTime
from db.models.products import Comment, CommentVote, Order, OrderLine, Product

AnyRow = Row[*tuple[Any, ...]]
Sort = Literal["new", "useful", "rating"]
Position = tuple[Any, int]
"""Where a page ended: the sort key (a time or a number) and the id of its last comment."""

_STARS = (Product.r1, Product.r2, Product.r3, Product.r4, Product.r5)
_comments = select(
    Comment.id,
    Comment.product_id,
    Product.article,
    Product.name.label("product_name"),
    Product.status.label("product_status"),
    Comment.user_id,
    Comment.data_text,
    Comment.images,
    Comment.rating,
    Comment.status,
    Comment.verified_purchase,
    Comment.reply_text,
    Comment.reply_staff_id,
    Comment.reply_time,
    Comment.creation_time,
    Comment.edit_time,
    Comment.version,
    Comment.useful,
).join(Product, Product.id == Comment.product_id)
_one_comment = _comments.where(Comment.id == bindparam("wanted"))
_comment_of = _comments.where(Comment.product_id == bindparam("product"), Comment.user_id == bindparam("user"))
_rated = select(Product.id, Product.status, *_STARS).where(Product.article == bindparam("wanted"))
_KEYS = {"new": Comment.creation_time, "useful": Comment.useful, "rating": Comment.rating}


# Reading


def get_rated(connection: Connection, article: int) -> AnyRow | None:
    """A product's id and status, and how many gave one star, two … five (r1 … r5)."""
    return connection.execute(_rated, {"wanted": article}).one_or_none()


def get_comment(connection: Connection, comment_id: int) -> AnyRow | None:
    """One comment, whatever its status, with article, name and status of its product."""
    return connection.execute(_one_comment, {"wanted": comment_id}).one_or_none()


def get_comment_of(connection: Connection, product_id: int, user_id: int) -> AnyRow | None:
    """The comment of a user on a product."""
    return connection.execute(_comment_of, {"product": product_id, "user": user_id}).one_or_none()


@lru_cache
def _approved(sort: Sort, is_later: bool) -> Select[*tuple[Any, ...]]:
    """The statement of `list_approved`. The page is cut from one index before anything is joined.

    A later page is what is left of the last key, and then what is below it. ``(key, id) < (…)`` says the same, but
    SQLite would go to the key by the index and from there through all that share it: half of all have five stars.
    """
    key, most = _KEYS[sort], bindparam("most", type_=Integer())
    rows = select(Comment.id, key.label("key")).where(
        Comment.product_id == bindparam("product"), Comment.status == "approved"
    )
    rows = rows.order_by(key.desc(), Comment.id.desc()).limit(most)
    if is_later:
        last_key, last_id = bindparam("after_key", type_=key.type), bindparam("after_id", type_=Id)
        same = rows.where(key == last_key, Comment.id < last_id).subquery()
        below = rows.where(key < last_key).subquery()
        both = union_all(select(same), select(below)).subquery()
        rows = select(both.c.id, both.c.key).order_by(both.c.key.desc(), both.c.id.desc()).limit(most)
    page = rows.subquery()
    return _comments.join(page, page.c.id == Comment.id).order_by(page.c.key.desc(), page.c.id.desc())


def list_approved(
    connection: Connection, product_id: int, sort: Sort, after: Position | None, limit: int
) -> Sequence[AnyRow]:
    """A product's approved comments: the newest, most useful or best-rated first; below ``after`` if given."""
    given: dict[str, Any] = {"product": product_id, "most": limit}
    if after is not None:
        given |= {"after_key": after[0], "after_id": after[1]}
    return connection.execute(_approved(sort, after is not None), given).all()


@lru_cache
def _queue(is_later: bool) -> Select[*tuple[Any, ...]]:
    page = select(Comment.id).where(Comment.status == bindparam("status"))
    if is_later:
        after = tuple_(bindparam("after_key", type_=UtcDateTime()), bindparam("after_id", type_=Id))
        page = page.where(tuple_(Comment.creation_time, Comment.id) > after)
    order = (Comment.creation_time, Comment.id)
    ids = page.order_by(*order).limit(bindparam("most", type_=Integer())).subquery()
    return _comments.join(ids, ids.c.id == Comment.id).order_by(*order)


def list_by_status(connection: Connection, status: str, after: Position | None, limit: int) -> Sequence[AnyRow]:
    """Comments of one status, the oldest first; above ``after`` if given."""
    given: dict[str, Any] = {"status": status, "most": limit}
    if after is not None:
        given |= {"after_key": after[0], "after_id": after[1]}
    return connection.execute(_queue(after is not None), given).all()


def list_votes(connection: Connection, user_id: int, comment_ids: Sequence[int]) -> set[int]:
    """Which of these comments the user found useful."""
    mine = select(CommentVote.comment_id).where(CommentVote.comment_id.in_(comment_ids), CommentVote.user_id == user_id)
    return set(connection.execute(mine).scalars())


def has_ordered(connection: Connection, product_id: int, user_id: int) -> bool:
    """Whether the user has ordered the product and not cancelled the order.

    Looks through the user's orders, which are few, and not through the product's, which may be very many.
    """
    line = exists().where(OrderLine.order_id == Order.id, OrderLine.product_id == product_id)
    mine = select(Order.id).where(Order.user_id == user_id, Order.status != "cancelled", line).limit(1)
    return connection.execute(mine).first() is not None


# Writing


def access_comment(session: Session, comment_id: int) -> Comment | None:
    """The comment to be changed in this transaction. Its row is locked: what it counts must not change meanwhile."""
    return session.execute(select(Comment).where(Comment.id == comment_id).with_for_update()).scalar_one_or_none()


def add_comment(session: Session, row: Mapping[str, Any]) -> int | None:
    """Add a comment; returns its id, or None when the user has one on this product already."""
    insert_for = postgres_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    new = insert_for(Comment).values(**row).on_conflict_do_nothing(index_elements=["product_id", "user_id"])
    added: int | None = session.execute(new.returning(Comment.id)).scalar_one_or_none()
    return added


def delete_comment(session: Session, comment_id: int) -> None:
    """Delete a comment with its votes."""
    session.execute(delete(CommentVote).where(CommentVote.comment_id == comment_id))
    session.execute(delete(Comment).where(Comment.id == comment_id))


def change_rating(session: Session, product_id: int, less: int | None, more: int | None) -> AnyRow:
    """Let one approved comment with ``less`` stars go and one with ``more`` come; returns the product's article, rev.

    A delta in one statement: to count a product's comments anew costs a hundred times more, and two that count at
    once forget each other.
    """
    changed = {
        column.key: column + (number == more) - (number == less)
        for number, column in enumerate(_STARS, start=1)
        if (number == more) != (number == less)
    }
    counted = update(Product).where(Product.id == product_id).values({**changed, "rev": Product.rev + 1})
    return session.connection().execute(counted.returning(Product.article, Product.rev)).one()


def set_vote(session: Session, comment_id: int, user_id: int, is_useful: bool) -> None:
    """Note that a user finds a comment useful, or no longer. Once only: the counter moves with the row."""
    if is_useful:
        insert_for = postgres_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
        vote = insert_for(CommentVote).values(comment_id=comment_id, user_id=user_id)
        moved = session.connection().execute(vote.on_conflict_do_nothing()).rowcount
    else:
        mine = (CommentVote.comment_id == comment_id) & (CommentVote.user_id == user_id)
        moved = -session.connection().execute(delete(CommentVote).where(mine)).rowcount
    if moved:
        session.execute(update(Comment).where(Comment.id == comment_id).values(useful=Comment.useful + moved))
