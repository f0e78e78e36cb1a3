"""Scripts, styles and pictures under an address that changes with their content, so that browsers may keep them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from app.settings import ROOT

STATIC_FOLDER = ROOT / "static"
STATIC: web.AppKey[Callable[[str], str]] = web.AppKey("static")
"""Turns "js/shop.js" into the file's present address."""

# Python's own table, or the system's, may still say application/javascript, or nothing for woff2.
MIME_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


def tree_hash(folder: Path) -> str:
    """Return 12 hex digits that change when any file of the folder is changed, added, renamed or removed."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()[:12]


def setup_static(app: web.Application, folder: Path = STATIC_FOLDER) -> None:
    """Serve the folder under ``/static/<hash>/``. Modules import each other relatively: a page never mixes versions."""
    prefix = f"/static/{tree_hash(folder)}"
    app.router.add_static(prefix, folder)
    app[STATIC] = lambda name: f"{prefix}/{name}"

    async def keep_for_good(request: web.Request, response: web.StreamResponse) -> None:
        if request.path.startswith(prefix) and response.status in (200, 206, 304):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
            suffix = Path(request.path).suffix
            if suffix in MIME_TYPES and response.status != 304:
                response.content_type = MIME_TYPES[suffix]

    app.on_response_prepare.append(keep_for_good)
