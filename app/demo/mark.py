"""The mark that tells a demo's databases from a shop's, so that accounts known to everybody never reach production."""

from functools import partial

from db.database import Databases
from db.queries.demo import has_mark


async def demo_mark(databases: Databases) -> dict[str, bool]:
    """Which of the three databases carry the mark, by name."""
    return {database.name: await database.read(partial(has_mark, name=database.name)) for database in databases}


async def is_demo(databases: Databases) -> bool:
    """Whether any of them is a demo's; `serve` refuses such databases."""
    return any((await demo_mark(databases)).values())
