"""Finding products: filtered and sorted pages, facets, search and suggestions.

Filters, orders and counts are answered from a shelf in memory, search from an index of texts (db/search says how).
Both follow the triggers' count of changes, so that no write need think of them: the shelf is brought up to date before
each answer, the index in the background, at most two seconds late.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from hashlib import blake2b
from itertools import islice
from math import nextafter
from typing import Any

from pydantic_core import to_json
from sqlalchemy.orm import Session

from app.actor import Actor
from app.clock import Clock
from app.cursors import Cursors
from app.errors import Forbidden
from app.schemas.finding import (
    CategoryHint,
    FacetQuery,
    Facets,
    FacetsOut,
    FacetValue,
    PriceBucket,
    PriceFacet,
    ProductCard,
    ProductFilter,
    ProductHint,
    ProductPage,
    ProductQuery,
    Suggestions,
    SuggestQuery,
)
from app.schemas.products import GroupRef, Money, ProductOut
from app.services.pricing import PriceBook
from app.services.products import product_out
from db.database import Busy, Databases, Done
from db.queries import catalogue as catalogue_queries
from db.queries import finding as queries
from db.search.index import CatalogIndex, Words, index_for
from db.search.products import NO, ORDERS, SPEC_OF, YES, make_document, make_entry
from db.search.query import find
from db.search.shelf import PRICE_STEPS, Scope, Shelf, Value
from db.search.vocabulary import Vocabulary
from db.search.words import fold, split, swap_layout

logger = logging.getLogger(__name__)

POLL_S = 0.5
HOT_LIMIT = 24
"""A page of so many takes a millisecond; a longer one is read in a thread."""
CHANGES_CHUNK = 50
TEXTS_CHUNK = 60
"""So many products are indexed in about 20 ms, which is as long as the writer may be kept from others."""
MOST_VALUES = 100
MOST_COUNTED = 10_000
KEPT_ANSWERS, KEPT_SEARCHES = 256, 128
FOREVER = float("inf")

Position = tuple[Any, int, int]
"""Where a page ended: sort key and id of its last product, and with which state of the index of texts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as bytes, with what its ETag says."""

    tag: str
    body: bytes


class FindingService:
    """See the module. ``secret`` seals cursors, so that one of another list or shop is refused."""

    def __init__(self, databases: Databases, prices: PriceBook, clock: Clock, secret: str) -> None:
        self._products, self._prices, self._clock = databases.products, prices, clock
        self._cursors = Cursors(secret)
        self._shelf = Shelf(ORDERS)
        self._shelving, self._indexing = asyncio.Lock(), asyncio.Lock()
        self._index: CatalogIndex = index_for(databases.products.is_sqlite)
        self._vocabulary: Vocabulary | None = None  # until the index has been looked at
        self._indexed = 0
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._searches: OrderedDict[tuple[str, int], list[int]] = OrderedDict()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Fill the shelf and the index in the background; whoever asks before waits for the shelf."""
        self._tasks = [asyncio.create_task(self._follow(), name="finding")]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def answer_list(self, actor: Actor, query: ProductQuery, known: Sequence[str] = ()) -> Answer:
        """A page as JSON, from memory if the catalogue has not changed; empty for a client that has it already.

        Raises: what `list_products` raises.
        """
        tag = await self._tag(actor, query)
        if (body := self._kept(tag, known)) is None:
            body = to_json(await self._read_page(query))
            if query.cursor is None:  # the pages that everybody opens
                self._keep(tag, body)
        return Answer(tag, body)

    async def answer_facets(self, actor: Actor, query: FacetQuery, known: Sequence[str] = ()) -> Answer:
        """The facets of a scope as JSON. Raises Forbidden: a filter that is for staff."""
        tag = await self._tag(actor, query)
        if (body := self._kept(tag, known)) is None:
            scope = await self._scope(query)
            facets = self._count_facets(scope, query.facets)
            body = to_json(FacetsOut(total=self._shelf.count(scope), **dict(facets)))
            self._keep(tag, body)
        return Answer(tag, body)

    async def list_products(self, actor: Actor, query: ProductQuery) -> ProductPage:
        """One page of products.

        Raises:
            BadRequest: the cursor is damaged or belongs to another list.
            Forbidden: a filter or a count that is for staff.
        """
        await self._tag(actor, query)
        return await self._read_page(query)

    async def suggest(self, query: SuggestQuery) -> Suggestions:
        """What the words typed so far may become: published products, and where to look for more."""
        await self._catch_up()
        scope = Scope({"status": frozenset({"published"})})
        found = self._shelf.filter(scope, await self._search(query.q), query.limit)
        rows = await self._products.read(lambda c: queries.list_products_by_id(c, found), hot=True)
        now = self._clock.now()
        categories = await self._products.read(catalogue_queries.list_categories, hot=True)
        groups = {row.slug: GroupRef(slug=row.group_slug, name=row.group_name) for row in categories}
        complete = partial(self._complete, scope, query)
        return Suggestions(
            products=[ProductHint.model_validate(_card(self._shown(row, now))) for row in rows],
            categories=[
                CategoryHint(slug=value.key, name=value.label, group=groups[value.key])
                for value in complete("category")
                if value.key in groups
            ],
            groups=[GroupRef(slug=value.key, name=value.label) for value in complete("group")],
            tags=[value.label for value in complete("tag")],
            brands=[value.label for value in complete("spec.brand")],
        )

    async def index_texts(self) -> None:
        """Take every change that is written by now into the index of texts."""
        async with self._indexing:
            if self._vocabulary is None:
                vocabulary = Vocabulary()
                vocabulary.add(await self._products.read(self._index.terms))
                self._indexed = await self._products.read(queries.get_indexed, hot=True)
                self._vocabulary = vocabulary
            while self._indexed < (await self._products.read(queries.get_state, hot=True)).text_seq:
                self._indexed, terms = await self._products.write(self._index_chunk, background=True)
                self._vocabulary.add(terms)

    # The shelf and the index follow the database

    async def _follow(self) -> None:
        while True:
            try:
                await self._catch_up()
                await self.index_texts()
            except Busy:
                pass  # whoever writes now will be seen next time
            except Exception:
                logger.exception("the index of products could not follow")
            await self._clock.sleep(POLL_S)

    async def _catch_up(self) -> queries.State:
        """Bring the shelf up to what is committed."""
        state = await self._products.read(queries.get_state, hot=True)
        if state.seq > self._shelf.seq:
            async with self._shelving:
                await self._take_changes(state.seq)
        return state

    async def _take_changes(self, until: int) -> None:
        shelf, is_bulk = self._shelf, until - self._shelf.seq > CHANGES_CHUNK
        while shelf.seq < until:
            after = shelf.seq
            rows = await self._products.read(lambda c: queries.list_changes(c, after, CHANGES_CHUNK), hot=True)  # noqa: B023
            entries = [make_entry(row) for row in rows if row.id is not None]
            shelf.put(entries, [row.product_id for row in rows if row.id is None], is_bulk=is_bulk)
            shelf.seq = rows[-1].seq if rows else until
            if is_bulk:
                await asyncio.sleep(0)
        if is_bulk:
            for _ in shelf.settle():
                await asyncio.sleep(0)

    def _index_chunk(self, session: Session) -> Done[tuple[int, set[str]]]:
        connection = session.connection()
        after = queries.get_indexed(connection)
        if not after:
            self._index.clear(connection)
        rows = queries.list_text_changes(connection, after, TEXTS_CHUNK)
        documents = [make_document(row) for row in rows if row.id is not None]
        self._index.remove(connection, [row.product_id for row in rows if row.id is None])
        self._index.upsert(connection, documents)
        last = rows[-1].seq if rows else after
        queries.set_indexed(session, last)
        return Done((last, {term for document in documents for field in document.fields() for term in field}))

    # Answers that are kept

    async def _tag(self, actor: Actor, query: ProductFilter) -> str:
        """What an answer's ETag says: the state of the catalogue, and what was asked. Raises Forbidden."""
        _require_allowed(actor, query)
        state = await self._catch_up()
        # The clock changes prices, though nobody writes anything then.
        prices = self._prices.stamp(self._clock.now())
        texts = self._indexed if query.q else 0
        asked = blake2b(query.model_dump_json().encode(), digest_size=9).hexdigest()
        return f"{state.epoch}-{prices}-{texts}-{asked}"

    def _kept(self, tag: str, known: Sequence[str]) -> bytes | None:
        if tag in known or "*" in known:
            return b""
        if tag in self._answers:
            self._answers.move_to_end(tag)
        return self._answers.get(tag)

    def _keep(self, tag: str, body: bytes) -> None:
        self._answers[tag] = body
        if len(self._answers) > KEPT_ANSWERS:
            self._answers.popitem(last=False)

    # Pages

    async def _read_page(self, query: ProductQuery) -> ProductPage:
        after: Any = None if query.cursor is None else self._cursors.open(_place_of(query), query.cursor)
        scope = await self._scope(query, after)
        places = self._places(scope, query, after)
        shown = places[: query.limit]
        # Made before the rows are read: both then speak of the same moment.
        facets = Facets(**dict(self._count_facets(scope, query.facets))) if query.facets else None
        total = None
        if query.count:
            total = self._shelf.count(scope)
            total = min(total, MOST_COUNTED) if query.count == "capped" else total
        ids = [place[1] for place in shown]
        rows = await self._products.read(
            lambda connection: queries.list_products_by_id(connection, ids), hot=query.limit <= HOT_LIMIT
        )
        now = self._clock.now()
        items = [self._shown(row, now) for row in rows if row.status in query.status]  # as they are by now
        return ProductPage(
            items=[_card(item) for item in items] if query.fields == "card" else items,
            next=self._cursors.seal(_place_of(query), shown[-1]) if len(places) > query.limit else None,
            total=total,
            facets=facets,
        )

    def _shown(self, row: Any, now: datetime) -> ProductOut:
        return product_out(row, self._prices.current_price(row, now))

    def _places(self, scope: Scope, query: ProductQuery, after: Position | None) -> list[Position]:
        """Where the products of the page stand, and one more, which tells whether there is a next page."""
        order, falling = _order(query)
        if order != "relevance":
            beyond = None if after is None else (after[0], after[1])
            found = self._shelf.page(scope, order, beyond, query.limit + 1, falling=falling)
            return [(*place, self._indexed) for _, place in found]
        hits = scope.found or ()
        begin, version = 0, self._indexed
        if after is not None:
            # The list that the page before was cut from, if it is still here: in a new one ranks have moved.
            rank, last, version = after
            begin = hits.index(last) + 1 if last in hits else rank + 1
        rest = self._shelf.filter(replace(scope, found=None), islice(hits, begin, None), query.limit + 1)
        return [(hits.index(one, begin), one, version) for one in rest]

    async def _scope(self, query: ProductFilter, after: Position | None = None) -> Scope:
        """What the query asks for, with what its words find."""
        chosen: dict[str, Sequence[str]] = {
            "status": query.status,
            "manager": query.manager,
            "group": query.group,
            "category": query.category,
            "tag": query.tag,
            "country": query.country,
            SPEC_OF["color"]: query.color,
            SPEC_OF["material"]: query.material,
            "on_sale": [] if query.on_sale is None else [YES if query.on_sale else NO],
            "in_stock": [] if query.in_stock is None else [YES if query.in_stock else NO],
        }
        for key, values in query.spec.items():
            chosen[f"spec.{key}"] = [*chosen.get(f"spec.{key}", ()), *values]
        ranges: dict[str, tuple[Any, Any]] = {}
        if query.price_min is not None or query.price_max is not None:
            ranges["price"] = query.price_min, query.price_max
        if query.rating_min is not None:
            ranges["rating"] = query.rating_min, None
        if query.created_after is not None:
            ranges["created"] = nextafter(query.created_after.timestamp(), FOREVER), None
        return Scope(
            {name: frozenset(map(_folded, values)) for name, values in chosen.items() if values},
            ranges,
            None if query.q is None else await self._search(query.q, after and after[2]),
        )

    async def _search(self, text: str, version: int | None = None) -> list[int]:
        """The ids of what ``text`` finds. ``version``: as the index was then, if that is still known."""
        kept = self._searches.get((text, self._indexed if version is None else version))
        if kept is not None:
            return kept
        if self._vocabulary is None:
            return []  # the server has only just started

        async def match(words: Words) -> Sequence[int]:
            return await self._products.read(lambda connection: self._index.match(connection, words))

        now = self._indexed
        found = await find(text, self._vocabulary, match)
        self._searches[text, now] = found
        if len(self._searches) > KEPT_SEARCHES:
            self._searches.popitem(last=False)
        return found

    # Facets

    def _count_facets(self, scope: Scope, names: Sequence[str]) -> Facets:
        values = {}
        for name in names:
            if name != "price":
                facet = SPEC_OF.get(name, name)
                chosen = scope.chosen.get(facet, frozenset())
                values[name] = [_facet_value(one, chosen) for one in self._shelf.facet(scope, facet, MOST_VALUES)]
        return Facets(values=values, price=self._count_prices(scope) if "price" in names else None)

    def _count_prices(self, scope: Scope) -> PriceFacet:
        ends = self._shelf.ends(scope, "price")
        others = replace(scope, ranges={name: ends for name, ends in scope.ranges.items() if name != "price"})
        counts = {int(one.key): one.count for one in self._shelf.facet(others, "price_step", MOST_VALUES)}
        steps = zip(PRICE_STEPS, [*PRICE_STEPS[1:], None], strict=True)
        return PriceFacet(
            min=ends and Money(amount=ends[0]),
            max=ends and Money(amount=ends[1]),
            buckets=[
                PriceBucket(low=Money(amount=low), high=None if high is None else Money(amount=high), count=counts[low])
                for low, high in steps
                if low in counts
            ],
        )

    def _complete(self, scope: Scope, query: SuggestQuery, name: str) -> list[Value]:
        ways = [words for words in (split(query.q), split(swap_layout(query.q))) if words]
        found = (self._shelf.complete(scope, name, words, query.limit) for words in ways)
        return next((values for values in found if values), [])


def _place_of(query: ProductQuery) -> str:
    """The filter and order that a position is given for."""
    return repr(({name: getattr(query, name) for name in ProductFilter.model_fields}, _order(query)))


def _require_allowed(actor: Actor, query: ProductFilter) -> None:
    if actor.is_staff:
        return
    if query.status != ["published"]:
        raise Forbidden("Only published products are shown to everybody.")
    if query.manager:
        raise Forbidden("Only staff may ask who put a product in.")
    if isinstance(query, ProductQuery) and query.count == "exact":
        raise Forbidden("Only staff may count beyond ten thousand.")


def _order(query: ProductQuery) -> tuple[str, bool]:
    """The order's name, and whether it falls."""
    sort = query.sort or "relevance"
    if sort == "relevance" and query.q is None:
        sort = "-created"
    return sort.removeprefix("-"), sort.startswith("-")


def _folded(value: str) -> str:
    return fold(value).strip()


def _facet_value(value: Value, chosen: frozenset[str]) -> FacetValue:
    return FacetValue(value=value.key, label=value.label or value.key, count=value.count, chosen=value.key in chosen)


def _card(product: ProductOut) -> ProductCard:
    return ProductCard(
        article=product.article,
        name=product.name,
        price=product.price,
        old_price=product.old_price,
        discount=product.discount,
        image=product.images[0] if product.images else None,
        rating=product.rating,
        rating_count=product.rating_count,
        in_stock=product.in_stock,
        version=product.version,
    )
