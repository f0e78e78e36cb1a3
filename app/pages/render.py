"""From a template to an answer: the language, and what every page needs besides its own."""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp_jinja2
from aiohttp import hdrs, web

from app.keys import SETTINGS
from app.pages.texts import LANGUAGES, Texts, choose_language, get_texts, script_texts

LANGUAGE_COOKIE: Final = "cts_lang"
LANGUAGE_COOKIE_S: Final = 365 * 24 * 3600
NEARLY_GONE: Final = 5
"""From so few pieces on the shop says how many are left."""


def page_texts(request: web.Request) -> Texts:
    """The catalogue in which this request is answered."""
    query, cookie = request.query.get("lang"), request.cookies.get(LANGUAGE_COOKIE)
    return get_texts(choose_language(query, cookie, request.headers.get(hdrs.ACCEPT_LANGUAGE, "")))


def render(template: str, request: web.Request, context: Mapping[str, Any], texts: Texts) -> web.Response:
    """Render a page in the language of ``texts``, and remember the language if the address has chosen it."""
    response = aiohttp_jinja2.render_template(template, request, {"t": texts, **context})
    response.headers[hdrs.CACHE_CONTROL] = "private, no-cache"
    response.headers[hdrs.VARY] = "Accept-Language, Cookie"
    if request.query.get("lang") in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE,
            texts.language,
            max_age=LANGUAGE_COOKIE_S,
            samesite="Lax",
            secure=request.app[SETTINGS].is_https,
        )
    return response


async def page_context(request: web.Request) -> dict[str, Any]:
    """What every page needs besides its own: the settings that show, and links to itself in other languages."""
    settings, texts = request.app[SETTINGS], page_texts(request)
    return {
        "shop_name": settings.shop_name,
        "is_demo": settings.demo,
        "texts_url": f"/texts/{texts.language}.json?v={script_texts(texts.language)[1]}",
        "nearly_gone": NEARLY_GONE,
        "languages": {one: str(request.rel_url.update_query(lang=one)) for one in LANGUAGES},
    }
