#!/usr/bin/env python3
"""The command line: serve, demo, init, migrate, create-owner, reset-password. `app/cli.py` does the work."""

import os
import sys

if sys.version_info < (3, 11):
    sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ".")

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # also where PYTHONSAFEPATH leaves it out

try:
    from app.cli import main
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] in ("app", "db", "ws"):
        raise
    sys.exit(
        f"A package is missing: {error.name}. Either let `make run` install everything, or:\n"
        "    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python run.py demo"
    )

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
