"""Health checks, for whoever starts the process (live) and whoever sends it requests (ready)."""

from aiohttp import web

from app.openapi import describe
from app.responses import json_response
from app.schemas.health import LiveOut, ReadyOut
from app.services.health import HealthService

HEALTH: web.AppKey[HealthService] = web.AppKey("health", HealthService)

routes = web.RouteTableDef()


@routes.get("/health/live")
@describe(summary="Does the process run?", returns={200: LiveOut}, tags=("service",))
async def get_live(request: web.Request) -> web.Response:
    """Always 200 as long as somebody is there to say it. If it does not come, restart."""
    return json_response(LiveOut(status="ok"))


@routes.get("/health/ready")
@describe(summary="Should requests be sent here?", returns={200: ReadyOut, 503: ReadyOut}, tags=("service",))
async def get_ready(request: web.Request) -> web.Response:
    """200 when the databases can be read and written; 503 when one cannot, or when the server is about to stop."""
    health = await request.app[HEALTH].check()
    return json_response(health, status=200 if health.status == "ok" else 503)
