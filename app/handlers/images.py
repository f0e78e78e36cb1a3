"""Pictures of the catalogue: files named by the hash of their content, so that a name never means anything else."""

import asyncio

from aiohttp import hdrs, web

from app.errors import NotFound
from app.images import NAME, folder
from app.keys import SETTINGS

routes = web.RouteTableDef()

TYPES = {"svg": "image/svg+xml", "webp": "image/webp", "png": "image/png", "jpg": "image/jpeg"}

_HEADERS = {
    hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable",
    # An SVG opened by itself is a document: it may load nothing and run nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


@routes.get("/images/{name}")
async def get_image(request: web.Request) -> web.StreamResponse:
    """A picture by its file name; 404 for any other name, whatever lies in the folder."""
    name = request.match_info["name"]
    match = NAME.fullmatch(name)
    path = folder(request.app[SETTINGS].data) / name
    if match is None or not await asyncio.to_thread(path.is_file):
        raise NotFound
    return web.FileResponse(path, headers={**_HEADERS, hdrs.CONTENT_TYPE: TYPES[match[2]]})
