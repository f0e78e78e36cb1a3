"""The one Alembic environment. The section (``alembic -n users …``) picks history, address and models."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import (
    CreateIndexOp,
    DropIndexOp,
    DropTableOp,
    MigrateOperation,
    MigrationScript,
    ModifyTableOps,
)
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import JSON, Connection, DefaultClause, False_, MetaData, True_, TypeDecorator

from db.migrate import change_schema
from db.models.messanger import MessangerBase
from db.models.products import ProductsBase
from db.models.users import UsersBase
from db.search.schema import is_modelled
from db.urls import environment_urls

METADATA: dict[str, MetaData] = {
    "products": ProductsBase.metadata,
    "users": UsersBase.metadata,
    "messanger": MessangerBase.metadata,
}
config = context.config
name = config.config_ini_section


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write the project's own column types as plain ones: a revision must run when the project has moved on."""
    if kind == "server_default" and isinstance(item, DefaultClause) and isinstance(item.arg, True_ | False_):
        return f"sa.{item.arg!s}()"  # 1 and 0 on SQLite, true and false on PostgreSQL
    if kind != "type":
        return False
    if isinstance(item, JSON):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    if isinstance(item, TypeDecorator) and type(item).__module__.startswith("db."):
        return f"sa.{item.impl!r}"
    return False


def finish_revision(migration: MigrationContext, revision: Any, directives: list[MigrationScript]) -> None:
    """Number revisions from 0001, and say nothing twice about indexes."""
    [script] = directives
    script.rev_id = f"{sum(1 for _ in context.script.walk_revisions()) + 1:04d}"
    for operations in (*script.upgrade_ops_list, *script.downgrade_ops_list):
        operations.ops = list(_unpacked(operations.ops))


def _unpacked(operations: Iterable[MigrateOperation]) -> Iterator[MigrateOperation]:
    """Indexes need no batch block, which is for tables to rebuild; a dropped table takes its indexes along."""
    operations = list(operations)
    dropped = {operation.table_name for operation in operations if isinstance(operation, DropTableOp)}
    for operation in operations:
        if not isinstance(operation, ModifyTableOps):
            yield operation
        elif operation.table_name in dropped:
            continue
        elif all(isinstance(each, CreateIndexOp | DropIndexOp) for each in operation.ops):
            yield from operation.ops
        else:
            yield operation


def run(connection: Connection | None, **options: Any) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA[name],
        transactional_ddl=True,
        render_as_batch=True,  # SQLite changes a column by rebuilding its table; PostgreSQL sees a plain ALTER
        render_item=render_item,
        include_name=is_modelled,
        process_revision_directives=finish_revision,
        compare_server_default=True,
        **options,
    )
    with context.begin_transaction():
        context.run_migrations()


if name not in METADATA:
    raise CommandError(f"Name the database: alembic -n {'|'.join(METADATA)} …")
if context.is_offline_mode():
    run(None, url=environment_urls()[name], literal_binds=True)
elif connection := config.attributes.get("connection"):
    run(connection)
else:
    asyncio.run(change_schema(environment_urls()[name], run))
