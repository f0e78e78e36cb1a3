"""Where the three databases live."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("products", "users", "messanger")


def database_urls(data_dir: Path, overrides: Mapping[str, str]) -> dict[str, str]:
    """Return the SQLAlchemy URL of each database by name.

    What ``overrides`` does not name is an SQLite file in ``data_dir``. The path is made absolute: a relative one
    would open a stray empty database when somebody starts from another folder.
    """
    folder = data_dir.expanduser().resolve()
    return {name: overrides.get(name) or f"sqlite:///{folder / name.upper()}.db" for name in NAMES}


def environment_urls(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Read the same from CTS_DATA and CTS_<NAME>_URL, set in the environment or in ``.env``.

    This is for ``alembic`` and other tools that must not need the server's secret.
    """
    if environment is None:
        in_file = {key: value or "" for key, value in dotenv_values(".env").items()}
        environment = {**in_file, **os.environ}
    overrides = {name: environment.get(f"CTS_{name.upper()}_URL", "") for name in NAMES}
    return database_urls(Path(environment.get("CTS_DATA") or ROOT / "data"), overrides)
