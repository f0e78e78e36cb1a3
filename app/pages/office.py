"""The staff's pages: the desk with the chats, and beside it a section for each part of the shop that somebody keeps."""

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from app.actor import Actor
from app.auth import get_actor
from app.errors import Forbidden, NotFound
from app.keys import SETTINGS
from app.pages.render import page_texts, render
from app.pages.texts import Texts

routes = web.RouteTableDef()

OWNER: Final = "owner"


@dataclass(frozen=True, slots=True)
class Section:
    """One page of the office at ``/staff/<slug>``, drawn by static/js/office/<slug>.js.

    ``rights``: one of them opens it; `OWNER` is the owner's alone. Without any it is for all staff.
    """

    slug: str
    rights: tuple[str, ...] = ()

    def is_for(self, actor: Actor) -> bool:
        return actor.is_staff and (not self.rights or any(actor.has(right) for right in self.rights))


# In the order of the menu.
SECTIONS = (
    Section("orders", ("orders",)),
    Section("products", ("products.edit",)),
    Section("groups", ("products.edit",)),
    Section("promotions", ("promotions",)),
    Section("announcements", ("announcements",)),
    Section("comments", ("comments",)),
    Section("import", ("import", "export")),
    Section("customers", ("customers.view",)),
    Section("stats", ("reports",)),
    Section("history"),
    Section("staff", (OWNER,)),
    Section("me"),
)


@routes.get("/staff")
async def show_desk(request: web.Request) -> web.Response:
    """The staff's desk. It holds nothing by itself: the script asks the session who is there."""
    texts = page_texts(request)
    menu = [{**_link(section, texts), "rights": section.rights} for section in SECTIONS]
    return render("staff.html", request, {"title": texts("staff.title"), "menu": menu}, texts)


@routes.get("/staff/{section}")
async def show_section(request: web.Request) -> web.Response:
    """A section of the office; whoever is not signed in does that first.

    Raises:
        NotFound: there is no such section.
        Forbidden: it is for others.
    """
    section = next((one for one in SECTIONS if one.slug == request.match_info["section"]), None)
    if section is None:
        raise NotFound
    actor = await get_actor(request, "staff")
    if not actor.is_staff:
        raise web.HTTPSeeOther(f"/staff?next={section.slug}")
    if not section.is_for(actor):
        raise Forbidden
    texts = page_texts(request)
    context: dict[str, Any] = {
        "title": texts(f"section.{section.slug}"),
        "section": section.slug,
        "me": actor,
        "rights": sorted(actor.rights),
        "time_zone": request.app[SETTINGS].time_zone,
        "menu": [_link(one, texts) for one in SECTIONS if one.is_for(actor)],
    }
    return render("office.html", request, context, texts)


def _link(section: Section, texts: Texts) -> dict[str, str]:
    return {"slug": section.slug, "title": texts(f"section.{section.slug}")}
