"""Finding over HTTP: the product list, facets, suggestions. Lists and facets answer 304 before anything is counted."""

from aiohttp import web

from app.auth import get_actor
from app.keys import FINDING
from app.openapi import describe
from app.requests import parse_query
from app.responses import json_response, tagged_response
from app.schemas.finding import FacetQuery, FacetsOut, ProductPage, ProductQuery, Suggestions, SuggestQuery

routes = web.RouteTableDef()


@routes.get("/api/v1/products")
@describe(
    summary="List and search products",
    query=ProductQuery,
    returns={200: ProductPage},
    errors=("bad_request", "forbidden"),
    tags=("products",),
)
async def list_products(request: web.Request) -> web.Response:
    """A page of products, filtered, sorted and, if asked, counted. 304 if the client's page still holds."""
    actor, query = await get_actor(request), parse_query(request, ProductQuery)
    answer = await request.app[FINDING].answer_list(actor, query, _known(request))
    return tagged_response(request, answer.tag, answer.body)


@routes.get("/api/v1/facets")
@describe(
    summary="Count the values of filters",
    query=FacetQuery,
    returns={200: FacetsOut},
    errors=("forbidden",),
    tags=("products",),
)
async def list_facets(request: web.Request) -> web.Response:
    """The facets of a scope. The counts of one filter ignore that filter's own choice."""
    actor, query = await get_actor(request), parse_query(request, FacetQuery)
    answer = await request.app[FINDING].answer_facets(actor, query, _known(request))
    return tagged_response(request, answer.tag, answer.body)


@routes.get("/api/v1/suggest")
@describe(summary="Suggest while typing", query=SuggestQuery, returns={200: Suggestions}, tags=("products",))
async def suggest(request: web.Request) -> web.Response:
    """Products, categories, groups, tags and brands that the words typed so far may become."""
    return json_response(await request.app[FINDING].suggest(parse_query(request, SuggestQuery)))


def _known(request: web.Request) -> list[str]:
    return [known.value for known in request.if_none_match or ()]
