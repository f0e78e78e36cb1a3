"""/imports and /exports: products by the file."""

import asyncio

from aiohttp import hdrs, web

from app.auth import require_confirmed, require_staff
from app.keys import EXPORTS, IMPORTS, SETTINGS
from app.openapi import describe
from app.requests import parse_query, path_int, read_key, receive_file
from app.responses import json_response, once_response
from app.schemas.imports import (
    ExportQuery,
    ImportErrorPage,
    ImportErrorsQuery,
    ImportOut,
    ImportPage,
    ImportQuery,
    ImportsQuery,
)

routes = web.RouteTableDef()
RIGHT = "import"
STAFF = f"staff:{RIGHT}"
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}


@routes.post("/api/v1/imports")
@describe(
    summary="Import products from a file",
    who=STAFF,
    file=True,
    query=ImportQuery,
    key="optional",
    returns={202: ImportOut},
    errors=("conflict",),
    tags=("imports",),
)
async def add_import(request: web.Request) -> web.Response:
    """CSV (UTF-8 or windows-1251; `;`, `,` or tab) or NDJSON. Products are found by article; what is there is changed.

    Columns: артикул, название, группа, категория, цена, скидка, остаток, статус, теги, бренд, цвета, материалы,
    размеры, свойства, страна, описание, картинки, or their English names; only those that are there change anything.
    Takes an Idempotency-Key.
    """
    actor = await require_staff(request, RIGHT)
    query, imports = parse_query(request, ImportQuery), request.app[IMPORTS]
    with imports.receive() as incoming:
        name = await receive_file(request, request.app[SETTINGS].import_max_mb * 2**20, incoming.keep)
        form = incoming.describe(name, query)
        done = await imports.add(actor, incoming, form, read_key(request, actor, form))
    return once_response(done, 202, {hdrs.LOCATION: f"/api/v1/imports/{done.answer.id}"})


@routes.get("/api/v1/imports")
@describe(summary="Imports, newest first", who=STAFF, query=ImportsQuery, returns={200: ImportPage}, tags=("imports",))
async def list_imports(request: web.Request) -> web.Response:
    """Those of everybody, and of the command line."""
    await require_staff(request, RIGHT)
    return json_response(await request.app[IMPORTS].list_imports(parse_query(request, ImportsQuery)))


@routes.get("/api/v1/imports/{import_id}")
@describe(summary="How far an import is", who=STAFF, returns={200: ImportOut}, tags=("imports",))
async def get_import(request: web.Request) -> web.Response:
    """Bytes and rows so far. An import that a stop of the server broke off goes on where it was."""
    await require_staff(request, RIGHT)
    return json_response(await request.app[IMPORTS].get(path_int(request, "import_id")))


@routes.get("/api/v1/imports/{import_id}/errors")
@describe(
    summary="What an import has refused, by line",
    who=STAFF,
    query=ImportErrorsQuery,
    returns={200: ImportErrorPage},
    tags=("imports",),
)
async def list_import_errors(request: web.Request) -> web.Response:
    """The first 10,000 rows. The header's line tells of columns that are not known."""
    await require_staff(request, RIGHT)
    query = parse_query(request, ImportErrorsQuery)
    return json_response(await request.app[IMPORTS].list_errors(path_int(request, "import_id"), query))


@routes.post("/api/v1/imports/{import_id}/cancellation")
@describe(
    summary="End an import where it is",
    who=STAFF,
    returns={200: ImportOut},
    errors=("conflict",),
    tags=("imports",),
)
async def cancel_import(request: web.Request) -> web.Response:
    """What it has done stays. Once more changes nothing, so that this needs no Idempotency-Key."""
    actor = await require_staff(request, RIGHT)
    return json_response(await request.app[IMPORTS].cancel(actor, path_int(request, "import_id")))


@routes.get("/api/v1/exports/products")
@describe(summary="All products as a file", who="staff:export", query=ExportQuery, tags=("imports",))
async def export_products(request: web.Request) -> web.StreamResponse:
    """CSV that Excel opens, or NDJSON; `/imports` takes it back. Asks for the password once more."""
    actor = await require_staff(request, "export")
    await require_confirmed(request, actor)
    chosen, exports = parse_query(request, ExportQuery).format, request.app[EXPORTS]
    await exports.note(actor, chosen)
    response = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: CONTENT_TYPES[chosen],
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="products.{chosen}"',
            hdrs.CACHE_CONTROL: "no-store",
        }
    )
    await response.prepare(request)
    async for page in exports.pages(chosen):
        await response.write(page)
        await asyncio.sleep(0)  # a fast reader must not have the loop for itself
    return response
