"""The index of texts, and who changed when."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQLITE = (
    """CREATE VIRTUAL TABLE ProductText USING fts5(name, tags, specs, description, prefix='2 3', tokenize='unicode61 remove_diacritics 0')""",
    """CREATE VIRTUAL TABLE ProductTextWord USING fts5vocab(ProductText, row)""",
    """CREATE TRIGGER Product_added AFTER INSERT ON Product BEGIN INSERT INTO ProductChange (product_id, seq, text_seq) VALUES (new.id, (SELECT coalesce(max(seq), 0) + 1 FROM ProductChange), (SELECT coalesce(max(text_seq), 0) + 1 FROM ProductChange)) ON CONFLICT (product_id) DO UPDATE SET seq = excluded.seq, text_seq = excluded.text_seq; END""",
    """CREATE TRIGGER Product_removed AFTER DELETE ON Product BEGIN INSERT INTO ProductChange (product_id, seq, text_seq) VALUES (old.id, (SELECT coalesce(max(seq), 0) + 1 FROM ProductChange), (SELECT coalesce(max(text_seq), 0) + 1 FROM ProductChange)) ON CONFLICT (product_id) DO UPDATE SET seq = excluded.seq, text_seq = excluded.text_seq; END""",
    """CREATE TRIGGER Product_changed AFTER UPDATE ON Product BEGIN UPDATE ProductChange SET seq = (SELECT coalesce(max(seq), 0) + 1 FROM ProductChange) WHERE product_id = new.id; END""",
    """CREATE TRIGGER Product_reworded AFTER UPDATE OF article, name, tags, specifications, country_origin, description, category_id, group_id ON Product BEGIN UPDATE ProductChange SET text_seq = (SELECT coalesce(max(text_seq), 0) + 1 FROM ProductChange) WHERE product_id = new.id; END""",
    """CREATE TRIGGER ProductCategory_renamed AFTER UPDATE OF name, slug ON ProductCategory BEGIN UPDATE ProductChange SET seq = (SELECT coalesce(max(seq), 0) FROM ProductChange) + product_id, text_seq = (SELECT coalesce(max(text_seq), 0) FROM ProductChange) + product_id WHERE product_id IN (SELECT id FROM Product WHERE category_id = new.id); END""",
    """CREATE TRIGGER ProductGroup_renamed AFTER UPDATE OF name, slug ON ProductGroup BEGIN UPDATE ProductChange SET seq = (SELECT coalesce(max(seq), 0) FROM ProductChange) + product_id, text_seq = (SELECT coalesce(max(text_seq), 0) FROM ProductChange) + product_id WHERE product_id IN (SELECT id FROM Product WHERE group_id = new.id); END""",
)

POSTGRESQL = (
    """CREATE TABLE "ProductText" (product_id bigint PRIMARY KEY, terms tsvector NOT NULL)""",
    """CREATE INDEX "ix_ProductText_terms" ON "ProductText" USING gin (terms)""",
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
    """CREATE TRIGGER "Product_noted" AFTER INSERT OR UPDATE OR DELETE ON "Product" FOR EACH ROW EXECUTE FUNCTION note_product_change()""",
    """CREATE TRIGGER "ProductCategory_renamed" AFTER UPDATE OF name, slug ON "ProductCategory" FOR EACH ROW EXECUTE FUNCTION note_renamed_place()""",
    """CREATE TRIGGER "ProductGroup_renamed" AFTER UPDATE OF name, slug ON "ProductGroup" FOR EACH ROW EXECUTE FUNCTION note_renamed_place()""",
)


def upgrade() -> None:
    op.create_table(
        "ProductChange",
        sa.Column(
            "product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_ProductChange")),
    )
    op.create_index("ix_ProductChange_seq", "ProductChange", ["seq"], unique=False)
    op.create_index("ix_ProductChange_text_seq", "ProductChange", ["text_seq"], unique=False)
    op.execute('INSERT INTO "ProductChange" (product_id, seq, text_seq) SELECT id, id, id FROM "Product"')
    connection = op.get_bind()
    for statement in SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL:
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for trigger in (
            "Product_added", "Product_removed", "Product_changed", "Product_reworded",
            "ProductCategory_renamed", "ProductGroup_renamed",
        ):  # fmt: skip
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql("DROP TABLE ProductTextWord")
        connection.exec_driver_sql("DROP TABLE ProductText")
    else:
        for table, trigger in (
            ("Product", "Product_noted"),
            ("ProductCategory", "ProductCategory_renamed"),
            ("ProductGroup", "ProductGroup_renamed"),
        ):
            connection.exec_driver_sql(f'DROP TRIGGER "{trigger}" ON "{table}"')
        connection.exec_driver_sql("DROP FUNCTION note_product_change()")
        connection.exec_driver_sql("DROP FUNCTION note_renamed_place()")
        connection.exec_driver_sql('DROP TABLE "ProductText"')
    op.drop_index("ix_ProductChange_text_seq", table_name="ProductChange")
    op.drop_index("ix_ProductChange_seq", table_name="ProductChange")
    op.drop_table("ProductChange")
