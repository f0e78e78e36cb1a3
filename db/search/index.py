"""The index of texts behind one interface, `CatalogIndex`, on SQLite (FTS5) and PostgreSQL (tsvector).

Both get terms from our normaliser and part them at spaces only, so that they find the same products: no stemmer,
collation or case rule of an engine has a say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, text

MOST_HITS = 10_000
"""So many products at most are found, the most relevant ones."""


@dataclass(frozen=True, slots=True)
class Document:
    """What search sees of a product: terms, by how much they say about it."""

    id: int
    name: Sequence[str]
    tags: Sequence[str]
    specs: Sequence[str]
    description: Sequence[str]

    def fields(self) -> tuple[Sequence[str], ...]:
        return self.name, self.tags, self.specs, self.description


WEIGHTS = (10, 4, 3, 1)
"""Of a document's fields, in their order."""
_TS_WEIGHTS = [weight / max(WEIGHTS) for weight in reversed(WEIGHTS)]  # as PostgreSQL wants them: D to A


@dataclass(frozen=True, slots=True)
class Term:
    """A term to look for, whole or as a beginning."""

    text: str
    is_prefix: bool = False


Words = Sequence[Sequence[Term]]
"""A query: of each group at least one term must be there."""


class CatalogIndex(Protocol):
    """Statements of the index. Writes belong into the writer's transaction, reads into anybody's."""

    def upsert(self, connection: Connection, documents: Sequence[Document]) -> None:
        """Put in products, or what has become of them."""

    def remove(self, connection: Connection, ids: Sequence[int]) -> None:
        """Take products out; they need not be in."""

    def clear(self, connection: Connection) -> None:
        """Take everything out, to begin anew."""

    def match(self, connection: Connection, words: Words) -> Sequence[int]:
        """The ids of products that have the words, the most relevant first, up to `MOST_HITS`."""

    def terms(self, connection: Connection) -> Iterable[str]:
        """All terms that are in."""


def index_for(is_sqlite: bool) -> CatalogIndex:
    """The index of that engine."""
    return SqliteIndex() if is_sqlite else PostgresIndex()


class SqliteIndex:
    """FTS5, ranked by BM25."""

    _remove = text("DELETE FROM ProductText WHERE rowid = :id")
    _insert = text(
        "INSERT INTO ProductText (rowid, name, tags, specs, description) "
        "VALUES (:id, :name, :tags, :specs, :description)"
    )
    _clear = text("DELETE FROM ProductText")
    _match = text(
        f"SELECT rowid FROM ProductText WHERE ProductText MATCH :words "
        f"ORDER BY bm25(ProductText, {', '.join(map(str, WEIGHTS))}), rowid LIMIT {MOST_HITS}"
    )
    _terms = text("SELECT term FROM ProductTextWord")

    def upsert(self, connection: Connection, documents: Sequence[Document]) -> None:
        self.remove(connection, [document.id for document in documents])
        names = ("name", "tags", "specs", "description")
        rows = [{"id": one.id, **dict(zip(names, map(" ".join, one.fields()), strict=True))} for one in documents]
        if rows:
            connection.execute(self._insert, rows)

    def remove(self, connection: Connection, ids: Sequence[int]) -> None:
        if ids:
            connection.execute(self._remove, [{"id": one} for one in ids])

    def clear(self, connection: Connection) -> None:
        connection.execute(self._clear)

    def match(self, connection: Connection, words: Words) -> Sequence[int]:
        groups = (" OR ".join(f'"{term.text}"{" *" if term.is_prefix else ""}' for term in group) for group in words)
        return (
            connection.execute(self._match, {"words": " AND ".join(f"({group})" for group in groups)}).scalars().all()
        )

    def terms(self, connection: Connection) -> Iterable[str]:
        return connection.execute(self._terms).scalars().all()


class PostgresIndex:
    """A tsvector that is put together here, its four weights the fields; no text search configuration is asked."""

    _upsert = text(
        'INSERT INTO "ProductText" (product_id, terms) VALUES (:id, cast(:terms AS tsvector)) '
        "ON CONFLICT (product_id) DO UPDATE SET terms = excluded.terms"
    )
    _remove = text('DELETE FROM "ProductText" WHERE product_id IN :ids').bindparams(bindparam("ids", expanding=True))
    _clear = text('DELETE FROM "ProductText"')
    _match = text(
        'SELECT product_id FROM "ProductText", cast(:words AS tsquery) AS words WHERE terms @@ words '
        f"ORDER BY ts_rank(cast(:weights AS real[]), terms, words) DESC, product_id LIMIT {MOST_HITS}"
    )
    _terms = text("SELECT word FROM ts_stat('SELECT terms FROM \"ProductText\"')")

    def upsert(self, connection: Connection, documents: Sequence[Document]) -> None:
        rows = [{"id": document.id, "terms": _vector(document)} for document in documents]
        if rows:
            connection.execute(self._upsert, rows)

    def remove(self, connection: Connection, ids: Sequence[int]) -> None:
        if ids:
            connection.execute(self._remove, {"ids": ids})

    def clear(self, connection: Connection) -> None:
        connection.execute(self._clear)

    def match(self, connection: Connection, words: Words) -> Sequence[int]:
        groups = (" | ".join(f"'{term.text}'{':*' if term.is_prefix else ''}" for term in group) for group in words)
        given = {"words": " & ".join(f"({group})" for group in groups), "weights": _TS_WEIGHTS}
        return connection.execute(self._match, given).scalars().all()

    def terms(self, connection: Connection) -> Iterable[str]:
        return connection.execute(self._terms).scalars().all()


def _vector(document: Document) -> str:
    """The terms with their places and weights, as a tsvector is written: ``'куртк':2A``."""
    places = enumerate(
        ((term, letter) for letter, field in zip("ABCD", document.fields(), strict=True) for term in field), start=1
    )
    by_term: list[tuple[str, str]] = sorted((term, f"{min(place, 16383)}{letter}") for place, (term, letter) in places)
    groups: Any = groupby(by_term, key=lambda pair: pair[0])
    return " ".join(f"'{term}':{','.join([place for _, place in group][:256])}" for term, group in groups)
