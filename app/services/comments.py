"""Comments: reviews with a rating, what moderators decide about them, and the stars that follow.

The rule of moderation has no setting: everybody is shown what a member of staff has looked at, and nothing else. A new
comment is pending; whatever its author changes in it, the stars alone too, makes it pending again, and until it is
approved it neither counts nor is seen by others.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.cursors import Cursors, from_micros, to_micros
from app.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from app.schemas.base import image_url
from app.schemas.comments import (
    CommentAuthor,
    CommentIn,
    CommentOut,
    CommentPage,
    CommentPatch,
    CommentProduct,
    CommentQueue,
    CommentReply,
    CommentsQuery,
    QueueQuery,
    RatingsOut,
    ReplyIn,
)
from app.services.history import record
from app.services.names import Kind, NameBook
from app.services.once import Keyed, Once, once
from app.services.ratings import mean_rating
from app.services.store_events import ProductChanged
from app.services.uploads import UploadService, keep_uses, photo_out
from db.database import Databases, Done
from db.models.products import Comment
from db.queries import comments as queries
from db.queries.products import raise_epoch

RIGHT = "comments"
HOT_LIMIT = 24


class CommentService:
    """Reads, writes and moderates comments. ``secret`` seals cursors."""

    def __init__(
        self, databases: Databases, names: NameBook, uploads: UploadService, clock: Clock, secret: str
    ) -> None:
        self._products, self._names, self._uploads, self._clock = databases.products, names, uploads, clock
        self._cursors = Cursors(secret)

    # Reading

    async def list_of_product(self, actor: Actor, article: int, query: CommentsQuery) -> CommentPage:
        """A page of a product's approved comments, with its stars and the actor's own comment.

        Raises:
            NotFound: no such product, or it is not for the actor's eyes.
            BadRequest: the cursor is damaged, or of another product or order.
        """
        place = f"comments/{article}/{query.sort}"
        after = self._open(place, query.cursor, is_time=query.sort == "new")

        def read(connection: Connection) -> tuple[Any, Any, Sequence[Any], set[int]]:
            product = queries.get_rated(connection, article)
            if product is None or (product.status != "published" and not actor.is_staff):
                raise NotFound
            own = queries.get_comment_of(connection, product.id, actor.id or 0) if actor.kind == "user" else None
            rows = queries.list_approved(connection, product.id, query.sort, after, query.limit + 1)
            return product, own, rows, _votes(connection, actor, rows)

        product, own, rows, votes = await self._products.read(read, hot=query.limit <= HOT_LIMIT)
        shown = rows[: query.limit]
        await self._load_names([*shown, *([own] if own else [])])
        histogram = [product.r1, product.r2, product.r3, product.r4, product.r5]
        return CommentPage(
            ratings=RatingsOut(mean=mean_rating(histogram), count=sum(histogram), histogram=histogram),
            mine=self._show(actor, own, ()) if own else None,
            items=[self._show(actor, row, votes) for row in shown],
            next=self._seal(place, shown[-1], query.sort) if len(rows) > query.limit else None,
        )

    async def list_queue(self, actor: Actor, query: QueueQuery) -> CommentQueue:
        """A page of comments of one status, the oldest first, for who moderates. Raises BadRequest like above."""
        place = f"comment queue/{query.status}"
        after = self._open(place, query.cursor, is_time=True)
        rows = await self._products.read(
            lambda connection: queries.list_by_status(connection, query.status, after, query.limit + 1),
            hot=query.limit <= HOT_LIMIT,
        )
        shown = rows[: query.limit]
        await self._load_names(shown)
        following = self._seal(place, shown[-1], "new") if len(rows) > query.limit else None
        return CommentQueue(items=[self._show(actor, row, ()) for row in shown], next=following)

    async def get(self, actor: Actor, comment_id: int) -> CommentOut:
        """One comment. Raises NotFound: there is none, or it is not for the actor's eyes."""
        row, votes = await self._products.read(lambda connection: _find(connection, actor, comment_id), hot=True)
        await self._load_names([row])
        return self._show(actor, row, votes)

    # What customers do

    async def add(self, actor: Actor, article: int, form: CommentIn, keyed: Keyed | None = None) -> Once[CommentOut]:
        """Add a user's comment, pending.

        Raises:
            NotFound: no such product, or it is not on sale.
            Conflict: the user has commented on it; ``comment`` is the id.
            Invalid: a photo is no upload of the user's, or too old.
        """
        user_id, now = actor.id or 0, self._clock.now()
        found = await self._uploads.find(actor, form.photos)
        await self._names.load([("customer", user_id)])  # the answer is made, and kept, in the transaction

        def work(session: Session) -> Done[CommentOut]:
            connection = session.connection()
            product = queries.get_rated(connection, article)
            if product is None or product.status != "published":
                raise NotFound
            images = _choose_photos(form.photos, (), found)
            row = {
                "product_id": product.id,
                "user_id": user_id,
                "data_text": form.text,
                "images": images,
                "rating": form.rating,
                "status": "pending",
                "verified_purchase": queries.has_ordered(connection, product.id, user_id),
                "creation_time": now,
                "edit_time": now,
                "version": 1,
            }
            comment_id = queries.add_comment(session, row)
            if comment_id is None:
                known = queries.get_comment_of(connection, product.id, user_id)
                raise Conflict("You have commented on this product already.", comment=known.id if known else None)
            if images:
                keep_uses(session, _place(comment_id), images, found, now)
            return Done(self._show(actor, queries.get_comment(connection, comment_id), ()))

        return await self._products.write(once(keyed, CommentOut, now, work))

    async def edit(self, actor: Actor, comment_id: int, form: CommentPatch, version: int | None) -> CommentOut:
        """Change one's own comment, which is pending then. What changes nothing leaves it as it is.

        Raises:
            NotFound: there is no such comment, or it is not for the actor's eyes.
            Forbidden: it is somebody else's.
            Stale: ``version`` is given and is not the comment's.
            Invalid: a photo is neither the comment's nor an upload of the author's.
        """
        now = self._clock.now()
        found = await self._uploads.find(actor, [photo for photo in form.photos or () if photo[0] != "/"])

        def change(session: Session, comment: Comment) -> None:
            _require_author(actor, comment)
            named, before = form.model_fields_set, (comment.data_text, comment.rating, comment.images)
            if "text" in named:
                comment.data_text = form.text or ""
            if "rating" in named:
                comment.rating = form.rating
            if "photos" in named:
                comment.images = _choose_photos(form.photos or (), comment.images, found)
            if (comment.data_text, comment.rating, comment.images) == before:
                return
            if comment.images != before[2]:
                keep_uses(session, _place(comment.id), comment.images, found, now)
            comment.status, comment.edit_time, comment.version = "pending", now, comment.version + 1
            bought = queries.has_ordered(session.connection(), comment.product_id, comment.user_id)
            comment.verified_purchase = comment.verified_purchase or bought

        return await self._change(actor, comment_id, version, change)

    async def delete(self, actor: Actor, comment_id: int, version: int | None) -> None:
        """Delete one's own comment, with its votes and photos. Raises like `edit`."""
        now = self._clock.now()

        def work(session: Session) -> Done[None]:
            comment = _access(session, actor, comment_id, version)
            _require_author(actor, comment)
            if comment.images:
                keep_uses(session, _place(comment.id), (), (), now)
            queries.delete_comment(session, comment.id)
            return Done(None, events=_count(session, comment.product_id, _counted(comment), None))

        await self._products.write(work)

    async def vote(self, actor: Actor, comment_id: int, is_useful: bool) -> CommentOut:
        """Find somebody's comment useful, or no longer. Again is as once.

        Raises:
            NotFound: there is no such comment, or it is not for the actor's eyes.
            Forbidden: it is the actor's own.
        """

        def change(session: Session, comment: Comment) -> None:
            if comment.user_id == actor.id:
                raise Forbidden("This is your own comment.")
            queries.set_vote(session, comment.id, actor.id or 0, is_useful)

        return await self._change(actor, comment_id, None, change)

    # What staff do

    async def moderate(self, actor: Actor, comment_id: int, form: CommentPatch, version: int) -> CommentOut:
        """Approve or hide a comment.

        Raises:
            NotFound: there is no such comment.
            Stale: somebody else changed it: the author's new text, or a colleague's decision, must be seen first.
        """
        now = self._clock.now()

        def change(session: Session, comment: Comment) -> None:
            if comment.status == form.status:
                return
            kind = "approve_comment" if form.status == "approved" else "hide_comment"
            after = {"status": form.status, **({"reason": form.reason} if form.reason else {})}
            record(session, actor, kind, "comment", comment.id, now, before={"status": comment.status}, after=after)
            comment.status, comment.version = form.status, comment.version + 1

        return await self._change(actor, comment_id, version, change)

    async def reply(self, actor: Actor, comment_id: int, form: ReplyIn | None, version: int) -> CommentOut:
        """Answer a comment for the shop, in place of a former answer; None takes it away. Raises like `moderate`."""
        now = self._clock.now()
        text = form.text if form else None

        def change(session: Session, comment: Comment) -> None:
            if comment.reply_text == text:
                return
            before, after = {"reply": comment.reply_text}, {"reply": text}
            record(session, actor, "reply_comment", "comment", comment.id, now, before=before, after=after)
            comment.reply_text = text
            comment.reply_staff_id, comment.reply_time = (actor.id, now) if form else (None, None)
            comment.version += 1

        return await self._change(actor, comment_id, version, change)

    # Within

    async def _change(
        self, actor: Actor, comment_id: int, version: int | None, change: Callable[[Session, Comment], None]
    ) -> CommentOut:
        """Have ``change`` done to a comment that the actor may see; the product's stars follow in the transaction."""

        def work(session: Session) -> Done[tuple[Any, set[int]]]:
            comment = _access(session, actor, comment_id, version)
            before = _counted(comment)
            change(session, comment)
            session.flush()
            events = _count(session, comment.product_id, before, _counted(comment))
            return Done(_find(session.connection(), actor, comment_id), events)

        row, votes = await self._products.write(work)
        await self._load_names([row])
        return self._show(actor, row, votes)

    async def _load_names(self, rows: Sequence[Any]) -> None:
        people: set[tuple[Kind, int]] = {("customer", row.user_id) for row in rows}
        people |= {("staff", row.reply_staff_id) for row in rows if row.reply_staff_id is not None}
        await self._names.load(people)

    def _show(self, actor: Actor, row: Any, votes: Collection[int]) -> CommentOut:
        reply = None
        if row.reply_text is not None:
            author = self._names.get("staff", row.reply_staff_id)
            reply = CommentReply(text=row.reply_text, author=author or None, time=row.reply_time)
        return CommentOut(
            id=row.id,
            product=CommentProduct(article=row.article, name=row.product_name),
            author=CommentAuthor(
                name=self._names.get("customer", row.user_id) or None, id=row.user_id if actor.is_staff else None
            ),
            is_mine=_is_author(actor, row),
            status=row.status,
            rating=row.rating,
            text=row.data_text,
            photos=[photo_out(name) for name in row.images],
            verified_purchase=row.verified_purchase,
            useful=row.useful,
            found_useful=row.id in votes,
            reply=reply,
            creation_time=row.creation_time,
            edit_time=row.edit_time,
            version=row.version,
        )

    def _seal(self, place: str, last: Any, sort: queries.Sort) -> str:
        key = {"new": to_micros(last.creation_time), "useful": last.useful, "rating": last.rating}[sort]
        return self._cursors.seal(place, (key, last.id))

    def _open(self, place: str, cursor: str | None, *, is_time: bool) -> queries.Position | None:
        if cursor is None:
            return None
        key, last_id = self._cursors.open(place, cursor)
        return (from_micros(key) if is_time else key), last_id


def comment_tag(comment: CommentOut) -> str:
    """What a comment's ETag says: its version, which If-Match compares, and a hash of the rest of what is shown."""
    return f"{comment.version}.{blake2b(comment.model_dump_json().encode(), digest_size=9).hexdigest()}"


def _find(connection: Connection, actor: Actor, comment_id: int) -> tuple[Any, set[int]]:
    """A comment for the actor's eyes, and the actor's vote for it. Raises NotFound."""
    row = queries.get_comment(connection, comment_id)
    if row is None:
        raise NotFound
    is_public = row.status == "approved" and row.product_status == "published"
    if not (is_public or _is_author(actor, row) or (actor.is_staff and actor.has(RIGHT))):
        raise NotFound
    return row, _votes(connection, actor, [row])


def _votes(connection: Connection, actor: Actor, rows: Sequence[Any]) -> set[int]:
    if actor.kind != "user" or actor.id is None or not rows:
        return set()
    return queries.list_votes(connection, actor.id, [row.id for row in rows])


def _access(session: Session, actor: Actor, comment_id: int, version: int | None) -> Comment:
    """The comment to be changed, if the actor may see it and has seen this version. Raises NotFound, Stale."""
    _find(session.connection(), actor, comment_id)
    comment = queries.access_comment(session, comment_id)
    if comment is None:
        raise NotFound
    if version is not None and version != comment.version:
        raise Stale(version=comment.version)
    return comment


def _is_author(actor: Actor, comment: Any) -> bool:
    return actor.kind == "user" and comment.user_id == actor.id


def _require_author(actor: Actor, comment: Comment) -> None:
    if not _is_author(actor, comment):
        raise Forbidden("Only its author may change a comment.")


def _counted(comment: Comment) -> int | None:
    """The stars that the product has by this comment."""
    return comment.rating if comment.status == "approved" else None


def _count(session: Session, product_id: int, before: int | None, after: int | None) -> list[ProductChanged]:
    """Have the product's stars follow a comment's change, in its transaction. Lists show them, too."""
    if before == after:
        return []
    article, rev = queries.change_rating(session, product_id, before, after)
    raise_epoch(session)
    return [ProductChanged(article, rev)]


def _choose_photos(photos: Sequence[str], own: Sequence[str], found: Mapping[str, str]) -> list[str]:
    """File names of what a form names: addresses of a comment's ``own`` photos, and ids of ``found`` uploads.

    Raises:
        Invalid: something else stands there.
    """
    kept = {image_url(name): name for name in own}
    names = [kept.get(photo) or found.get(photo) for photo in photos]
    if None in names:
        detail = "There is no such picture of yours, or it was sent too long ago"
        errors = [
            {"pointer": f"/photos/{index}", "code": "no_such_upload", "detail": detail}
            for index, name in enumerate(names)
            if name is None
        ]
        raise Invalid(errors=errors)
    return list(dict.fromkeys(name for name in names if name is not None))


def _place(comment_id: int) -> str:
    """What uploads say of where they are used; also the key by which these effects stay in order."""
    return f"comment/{comment_id}"
