"""The two questions that tell whether a database serves: can it be read, and does it keep what is written."""

from sqlalchemy import Connection, column, insert, select, table, update
from sqlalchemy.orm import Session

from db.writer import Done

_META = table("Meta", column("key"), column("value"))
_PROBE = "probe"


def read_something(connection: Connection) -> None:
    connection.execute(select(_META.c.value).limit(1)).all()


def write_something(session: Session) -> Done[None]:
    """Change a row that nobody reads: an empty transaction would succeed on a full disk."""
    known = session.execute(select(_META.c.value).where(_META.c.key == _PROBE)).scalar_one_or_none()
    if known is None:
        session.execute(insert(_META).values(key=_PROBE, value="0"))
    else:
        session.execute(update(_META).where(_META.c.key == _PROBE).values(value="1" if known == "0" else "0"))
    return Done(None)
