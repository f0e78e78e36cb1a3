"""/uploads: pictures for comments and messages."""

from aiohttp import web

from app.auth import address_of, require_actor
from app.commands.connect import introduce
from app.images import MAX_BYTES
from app.keys import HUB, UPLOADS, USERS
from app.openapi import describe
from app.requests import read_file, read_key
from app.responses import once_response
from app.schemas.comments import UploadedFile, UploadOut

routes = web.RouteTableDef()


@routes.post("/api/v1/uploads")
@describe(
    summary="Send a picture",
    who="person",
    file=True,
    key="optional",
    returns={201: UploadOut},
    errors=("conflict", "invalid", "rate_limited"),
    tags=("comments",),
)
async def add_upload(request: web.Request) -> web.Response:
    """Multipart form data with one ``file``: JPEG, PNG, WebP or GIF, 10 MB. It may be used within 24 hours."""
    asker = await require_actor(request)
    uploads = request.app[UPLOADS]
    uploads.count(asker, address_of(request))
    _, content = await read_file(request, MAX_BYTES)
    file = UploadedFile(name=await uploads.take(content), size=len(content))
    actor = await request.app[USERS].ensure_guest(asker)
    if actor != asker:
        introduce(request.app[HUB], actor)
    return once_response(await uploads.add(actor, file, read_key(request, actor, file)), 201)
