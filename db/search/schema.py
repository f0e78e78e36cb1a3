"""What the models cannot say: the index of texts, and the triggers that note every change of a product.

The migrations have the same statements; a test compares the two. A migration that rebuilds Product on SQLite (batch
mode) drops its triggers with the old table and must make them again: the same test notices.
"""

from sqlalchemy import Connection, MetaData, event

from db.models.products import ProductsBase

TEXTS = "ProductText"
"""The index of texts: a full-text table on SQLite, a table of tsvectors on PostgreSQL. Models know neither."""

_NEXT = "(SELECT coalesce(max({0}), 0) + 1 FROM ProductChange)"
# Of many rows at once: the numbers stay different from each other, and above all that were given.
_NEXT_OF_MANY = "(SELECT coalesce(max({0}), 0) FROM ProductChange) + product_id"
_TEXT_COLUMNS = "article, name, tags, specifications, country_origin, description, category_id, group_id"


def _sqlite_rename(table: str, column: str) -> str:
    return (
        f"CREATE TRIGGER {table}_renamed AFTER UPDATE OF name, slug ON {table} BEGIN "
        f"UPDATE ProductChange SET seq = {_NEXT_OF_MANY.format('seq')}, text_seq = {_NEXT_OF_MANY.format('text_seq')} "
        f"WHERE product_id IN (SELECT id FROM Product WHERE {column} = new.id); END"
    )


def _sqlite_whole(name: str, what: str, row: str) -> str:
    return (
        f"CREATE TRIGGER {name} AFTER {what} ON Product BEGIN "
        f"INSERT INTO ProductChange (product_id, seq, text_seq) "
        f"VALUES ({row}.id, {_NEXT.format('seq')}, {_NEXT.format('text_seq')}) "
        "ON CONFLICT (product_id) DO UPDATE SET seq = excluded.seq, text_seq = excluded.text_seq; END"
    )


SQLITE = (
    # Terms come from our normaliser: the tokenizer only parts them at spaces.
    f"CREATE VIRTUAL TABLE {TEXTS} USING fts5(name, tags, specs, description, "
    "prefix='2 3', tokenize='unicode61 remove_diacritics 0')",
    f"CREATE VIRTUAL TABLE {TEXTS}Word USING fts5vocab({TEXTS}, row)",
    _sqlite_whole("Product_added", "INSERT", "new"),
    _sqlite_whole("Product_removed", "DELETE", "old"),
    "CREATE TRIGGER Product_changed AFTER UPDATE ON Product BEGIN "
    f"UPDATE ProductChange SET seq = {_NEXT.format('seq')} WHERE product_id = new.id; END",
    f"CREATE TRIGGER Product_reworded AFTER UPDATE OF {_TEXT_COLUMNS} ON Product BEGIN "
    f"UPDATE ProductChange SET text_seq = {_NEXT.format('text_seq')} WHERE product_id = new.id; END",
    _sqlite_rename("ProductCategory", "category_id"),
    _sqlite_rename("ProductGroup", "group_id"),
)

POSTGRESQL = (
    f'CREATE TABLE "{TEXTS}" (product_id bigint PRIMARY KEY, terms tsvector NOT NULL)',
    f'CREATE INDEX "ix_{TEXTS}_terms" ON "{TEXTS}" USING gin (terms)',
    # Whoever numbers changes does so alone until the commit: no reader may see a higher number before a lower one.
    """CREATE FUNCTION note_product_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed bigint := CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END;
  reworded boolean := true;
BEGIN
  PERFORM pg_advisory_xact_lock(815002);
  IF TG_OP = 'UPDATE' THEN
    reworded := (NEW.article, NEW.name, NEW.tags, NEW.specifications, NEW.country_origin, NEW.description,
        NEW.category_id, NEW.group_id) IS DISTINCT FROM (OLD.article, OLD.name, OLD.tags, OLD.specifications,
        OLD.country_origin, OLD.description, OLD.category_id, OLD.group_id);
  END IF;
  INSERT INTO "ProductChange" AS known (product_id, seq, text_seq)
    SELECT changed, coalesce(max(seq), 0) + 1, coalesce(max(text_seq), 0) + 1 FROM "ProductChange"
    ON CONFLICT (product_id) DO UPDATE SET seq = excluded.seq,
      text_seq = CASE WHEN reworded THEN excluded.text_seq ELSE known.text_seq END;
  RETURN NULL;
END $$""",
    """CREATE FUNCTION note_renamed_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(815002);
  UPDATE "ProductChange" SET seq = last.seq + product_id, text_seq = last.text_seq + product_id
    FROM (SELECT coalesce(max(seq), 0) AS seq, coalesce(max(text_seq), 0) AS text_seq FROM "ProductChange") AS last
    WHERE product_id IN (SELECT id FROM "Product"
      WHERE CASE TG_TABLE_NAME WHEN 'ProductCategory' THEN category_id ELSE group_id END = NEW.id);
  RETURN NULL;
END $$""",
    'CREATE TRIGGER "Product_noted" AFTER INSERT OR UPDATE OR DELETE ON "Product" '
    "FOR EACH ROW EXECUTE FUNCTION note_product_change()",
    *(
        f'CREATE TRIGGER "{table}_renamed" AFTER UPDATE OF name, slug ON "{table}" '
        "FOR EACH ROW EXECUTE FUNCTION note_renamed_place()"
        for table in ("ProductCategory", "ProductGroup")
    ),
)


def is_modelled(name: str | None, kind: str, parents: object) -> bool:
    """Whether Alembic shall compare this with the models: the index of texts and its shadow tables it shall not."""
    return not (kind == "table" and name is not None and name.startswith(TEXTS))


@event.listens_for(ProductsBase.metadata, "after_create")
def _create(metadata: MetaData, connection: Connection, **options: object) -> None:
    for statement in SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL:
        connection.exec_driver_sql(statement)
