"""What all pages stand on: templates, the texts that scripts read, the guide of the demo, and the page for refusals."""

from zoneinfo import ZoneInfo

import aiohttp_jinja2
import jinja2
from aiohttp import hdrs, web

from app.errors import NotFound, ServiceError
from app.images import thumbnail
from app.keys import SETTINGS
from app.middlewares import ERROR_PAGE
from app.pages import customer, office, shop
from app.pages.render import page_context, page_texts, render
from app.pages.static_files import STATIC, setup_static
from app.pages.texts import LANGUAGES, script_texts

routes = web.RouteTableDef()
PAGES = (routes, shop.routes, customer.routes, office.routes)


def setup_pages(app: web.Application) -> None:
    """Add the pages, their static files and the page for refusals to the application."""
    setup_static(app)
    for table in PAGES:
        app.add_routes(table)
    app[ERROR_PAGE] = show_error
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("app.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        context_processors=(page_context,),
    )
    environment.globals["static"] = app[STATIC]
    zone = ZoneInfo(app[SETTINGS].time_zone)
    environment.filters["local"] = lambda moment: moment.astimezone(zone)
    environment.filters["thumbnail"] = thumbnail


@routes.get("/demo")
async def show_demo(request: web.Request) -> web.Response:
    """What to try, in two windows. Only in the demo."""
    if not request.app[SETTINGS].demo:
        raise NotFound
    texts = page_texts(request)
    return render("demo.html", request, {"title": texts("demo.title")}, texts)


@routes.get("/texts/{language}.json")
async def send_texts(request: web.Request) -> web.Response:
    """The part of a catalogue that scripts use. Under its version (``?v=``) it never changes."""
    language = next((one for one in LANGUAGES if one == request.match_info["language"]), None)
    if language is None:
        raise NotFound
    body, version = script_texts(language)
    is_current = request.query.get("v") == version
    cache = "public, max-age=31536000, immutable" if is_current else "no-cache"
    return web.Response(body=body, content_type="application/json", headers={hdrs.CACHE_CONTROL: cache})


async def show_error(request: web.Request, error: ServiceError, request_id: str) -> web.StreamResponse:
    """A refusal as a person reads it, with the number to mention when writing to us."""
    texts = page_texts(request)
    kind = error.code if error.code in ("not_found", "busy", "rate_limited", "forbidden") else "other"
    context = {"title": texts(f"problem.{kind}"), "kind": kind, "request_id": request_id}
    response = render("error.html", request, context, texts)
    response.set_status(error.status)
    return response
