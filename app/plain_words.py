"""Errors that the person at the command line can mend, said in plain words instead of a traceback."""

import re

from alembic.util import CommandError
from pydantic import ValidationError
from pydantic_settings.exceptions import SettingsError
from sqlalchemy.exc import ArgumentError, DBAPIError

from app.demo.build import NotADemo
from app.errors import ServiceError
from app.settings import Limits, SecretRefused
from db.backup import Damaged
from db.lock import AlreadyRunning
from db.writer import Busy

# A list that is not JSON fails before any model sees it; only the message names the field.
_UNREADABLE = re.compile(r'error parsing value for field "(\w+)"')
_WHERE = "The databases lie in CTS_DATA, or where CTS_PRODUCTS_URL, CTS_USERS_URL and CTS_MESSANGER_URL say."


class Stop(Exception):
    """Ends a command with a message for the person at the terminal."""


def plain_words(error: Exception) -> str | None:
    """What to tell the person; None if this is our own mistake and deserves its traceback."""
    match error:
        case Stop() | SecretRefused() | AlreadyRunning() | NotADemo() | Damaged():
            return str(error)
        case ValidationError():
            return _wrong_values(error)
        case SettingsError():
            return "A setting is not right:\n" + _wrong_setting(str(error))
        case ServiceError():
            return error.message
        case Busy():
            return "A database is busy, or cannot be written. Try again in a moment, or look at the disk."
        case ArgumentError():
            return f"The address of a database is not right: {error}. {_WHERE}"
        case DBAPIError():
            return f"A database cannot be used: {error.orig}. {_WHERE}"
        case CommandError():
            return f"A database does not fit this version of the program: {error}. {_WHERE}"
        case ModuleNotFoundError(name=str(name)) if name.partition(".")[0] not in ("app", "db", "ws"):
            return f"A package is missing: {name}. PostgreSQL is reached by postgresql+asyncpg://…"
        case FileExistsError() | NotADirectoryError():
            return f"{error.filename} is no folder, and CTS_DATA should be one."
        case ConnectionError():
            return f"A database does not answer: {error.strerror}. {_WHERE}"
        case OSError():
            return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}."
    return None


def _wrong_values(error: ValidationError) -> str:
    """Of the settings, by the name of the variable; of a form, by the name of the field."""
    of_settings = error.title in ("Settings", "Limits")
    lines = ["A setting is not right:" if of_settings else "This cannot be taken:"]
    for one in error.errors(include_url=False, include_input=False):
        name, message = "_".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, ")
        if not name:
            lines.append(_wrong_setting(message))
        elif of_settings:
            lines.append(f"    {'CTS_LIMIT_' if name in Limits.model_fields else 'CTS_'}{name.upper()}: {message}")
        else:
            lines.append(f"    {name}: {message}")
    return "\n".join(lines)


def _wrong_setting(message: str) -> str:
    if found := _UNREADABLE.search(message):
        return f'    CTS_{found[1].upper()}: a list in JSON, such as ["10.0.0.1"]'
    return f"    {message}"
