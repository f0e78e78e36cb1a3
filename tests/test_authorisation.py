"""Who may what: every route and every command, asked as everybody; and what becomes of a socket whose session ends.

The tables are written by hand, the lists of routes and commands are the code's own: neither has more than the other.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
import pytest
from websockets.exceptions import InvalidStatus

from app import openapi
from app.clock import Clock
from app.commands import COMMANDS, registry
from app.keys import CREDENTIALS, DATABASES, SETTINGS, STAFF
from app.main import urls_of
from app.openapi import list_routes
from app.passwords import Passwords
from app.schemas.staff import StaffIn, StaffOut, StaffPatch
from app.services.names import NameBook
from app.services.staff import StaffService, version_of
from app.sessions import SessionStore
from db.database import Database, Done
from db.queries import imports as import_queries
from db.queries import products as product_queries
from tests.conftest import PASSWORD, MakeChat, Person, Shop, open_shop
from tests.goods import fill, new_key, order_of, place
from tests.keeping import API, etag, make_category, make_group, make_product
from tests.peers import HELLO, Peer, open_peer
from tests.pictures import make_form, make_picture, upload
from ws.protocol import CloseCode

PUBLISHED, DRAFT = 1001, 1002
KEPT = (f"{API}/products", f"{API}/groups", f"{API}/categories")
PICTURE = make_picture()
MADE_UP = 999_999  # an id that nobody has
REVOKED_S = 2.0

# Who asks. `guest` is the customer of the chat that is asked about; `other` is a guest and `user` a user with a chat of
# their own, `new` a guest without one. `manager` has other rights, `answers` has chats.answer, `assigns` has
# chats.assign too. `nobody` sends no credential and no Origin, `visitor` is a page of ours without a session.
ROUTES = """
                                         nobody visitor new guest other user manager answers assigns owner
POST   /api/v1/session/guest                201     201 201   201   201  201     201     201     201   201
POST   /api/v1/session                      200     200 200   200   200  200     200     200     200   200
GET    /api/v1/session                      200     200 200   200   200  200     200     200     200   200
DELETE /api/v1/session                      204     204 204   204   204  204     204     204     204   204
DELETE /api/v1/session/all                  204     204 204   204   204  204     204     204     204   204
GET    /api/v1/session/all                  401     401 401   401   401  200     200     200     200   200
POST   /api/v1/session/confirmation         401     401 401   401   401  200     200     200     200   200
POST   /api/v1/users                        201     201 201   201   201  201     201     201     201   201
POST   /api/v1/users/availability           200     200 200   200   200  200     200     200     200   200
POST   /api/v1/users/availability :e-mail   401     401 401   401   401  200     200     200     200   200
GET    /api/v1/users/me                     401     401 401   401   401  200     403     403     403   403
PATCH  /api/v1/users/me                     401     401 401   401   401  200     403     403     403   403
DELETE /api/v1/users/me                     401     401 401   401   401  204     403     403     403   403
PUT    /api/v1/users/me/password            401     401 401   401   401  204     403     403     403   403
PUT    /api/v1/users/me/avatar              401     401 401   401   401  200     403     403     403   403
DELETE /api/v1/users/me/avatar              401     401 401   401   401  204     403     403     403   403
GET    /api/v1/users                        401     401 403   403   403  403     403     403     403   200
PATCH  /api/v1/users/{user_id}              401     401 403   403   403  403     403     403     403   200
POST   /api/v1/password-resets              401     401 403   403   403  403     403     403     403   201
PUT    /api/v1/password-resets              204     204 204   204   204  204     204     204     204   204
GET    /api/v1/staff                        401     401 403   403   403  403     200     200     200   200
GET    /api/v1/staff :everybody             401     401 403   403   403  403     403     403     403   200
POST   /api/v1/staff                        401     401 403   403   403  403     403     403     403   201
GET    /api/v1/staff/{uuid}                 401     401 403   403   403  403     403     403     403   200
PATCH  /api/v1/staff/{uuid}                 401     401 403   403   403  403     403     403     403   200
GET    /api/v1/staff/me                     401     401 403   403   403  403     200     200     200   200
PATCH  /api/v1/staff/me                     401     401 403   403   403  403     200     200     200   200
PUT    /api/v1/staff/me/password            401     401 403   403   403  403     204     204     204   204
PUT    /api/v1/staff/me/avatar              401     401 403   403   403  403     200     200     200   200
DELETE /api/v1/staff/me/avatar              401     401 403   403   403  403     204     204     204   204
GET    /api/v1/history                      401     401 403   403   403  403     200     200     200   200
GET    /api/v1/stats/summary                401     401 403   403   403  403     403     403     403   200
GET    /api/v1/stats/sales                  401     401 403   403   403  403     403     403     403   200
GET    /api/v1/stats/products               401     401 403   403   403  403     403     403     403   200
GET    /api/v1/stats/staff                  401     401 403   403   403  403     403     403     403   200
GET    /api/v1/chats                        401     401 200   200   200  200     403     200     200   200
POST   /api/v1/chats                        401     401 201   200   200  200     403     404     404   404
POST   /api/v1/chats :for the guest         401     401 403   403   403  403     403     200     200   200
POST   /api/v1/chats :for nobody            401     401 403   403   403  403     403     404     404   404
GET    /api/v1/chats/{chat_id}              401     401 404   200   404  404     403     200     200   200
PATCH  /api/v1/chats/{chat_id} :close       401     401 404   200   404  404     403     200     200   200
PATCH  /api/v1/chats/{chat_id} :reopen      401     401 404   403   404  404     403     200     200   200
PATCH  /api/v1/chats/{chat_id} :claim       401     401 404   403   404  404     403     200     200   200
PATCH  /api/v1/chats/{chat_id} :assign      401     401 404   403   404  404     403     403     200   200
PATCH  /api/v1/chats/{chat_id} :unassign    401     401 404   403   404  404     403     403     200   200
GET    /api/v1/chats/{chat_id}/messages     401     401 404   200   404  404     403     200     200   200
GET    /api/v1/chats/{chat_id}/messages :notes 401  401 404   404   404  404     403     200     200   200
POST   /api/v1/chats/{chat_id}/messages     401     401 404   201   404  404     403     201     201   201
GET    /api/v1/products                     200     200 200   200   200  200     200     200     200   200
GET    /api/v1/products :drafts             403     403 403   403   403  403     200     200     200   200
GET    /api/v1/products :of a manager       403     403 403   403   403  403     200     200     200   200
GET    /api/v1/products :counted            403     403 403   403   403  403     200     200     200   200
GET    /api/v1/facets                       200     200 200   200   200  200     200     200     200   200
GET    /api/v1/facets :drafts               403     403 403   403   403  403     200     200     200   200
GET    /api/v1/suggest                      200     200 200   200   200  200     200     200     200   200
GET    /api/v1/products/{article}           200     200 200   200   200  200     200     200     200   200
GET    /api/v1/products/{article} :draft    404     404 404   404   404  404     200     200     200   200
PUT    /api/v1/products/{article}/price     401     401 403   403   403  403     200     403     403   200
GET    /api/v1/products/{article}/price-history 200 200 200   200   200  200     200     200     200   200
GET    /api/v1/products/{article}/price-history :draft 404 404 404 404 404 404   200     200     200   200
GET    /api/v1/promotions                   200     200 200   200   200  200     200     200     200   200
GET    /api/v1/promotions :planned          403     403 403   403   403  403     200     200     200   200
POST   /api/v1/promotions                   401     401 403   403   403  403     403     403     403   201
GET    /api/v1/promotions/{promotion_id}    404     404 404   404   404  404     200     200     200   200
PATCH  /api/v1/promotions/{promotion_id}    401     401 403   403   403  403     403     403     403   200
DELETE /api/v1/promotions/{promotion_id}    401     401 403   403   403  403     403     403     403   204
GET    /api/v1/announcements                200     200 200   200   200  200     200     200     200   200
GET    /api/v1/announcements :planned       403     403 403   403   403  403     200     200     200   200
POST   /api/v1/announcements                401     401 403   403   403  403     403     403     403   201
GET    /api/v1/announcements/{announcement_id} 404  404 404   404   404  404     200     200     200   200
PATCH  /api/v1/announcements/{announcement_id} 401  401 403   403   403  403     403     403     403   200
DELETE /api/v1/announcements/{announcement_id} 401  401 403   403   403  403     403     403     403   204
GET    /api/v1/products/{article}/comments  200     200 200   200   200  200     200     200     200   200
POST   /api/v1/products/{article}/comments  401     401 401   401   401  201     403     403     403   403
GET    /api/v1/comments                     401     401 403   403   403  403     403     403     403   200
GET    /api/v1/comments/{comment_id}        200     200 200   200   200  200     200     200     200   200
GET    /api/v1/comments/{comment_id} :pending 404   404 404   404   404  404     404     404     404   200
PATCH  /api/v1/comments/{comment_id}        401     401 401   401   401  403     403     403     403   403
PATCH  /api/v1/comments/{comment_id} :own   401     401 401   401   401  200     403     403     403   403
PATCH  /api/v1/comments/{comment_id} :hide  401     401 401   401   401  403     403     403     403   200
DELETE /api/v1/comments/{comment_id}        401     401 401   401   401  403     403     403     403   403
DELETE /api/v1/comments/{comment_id} :own   401     401 401   401   401  204     403     403     403   403
PUT    /api/v1/comments/{comment_id}/reply  401     401 403   403   403  403     403     403     403   200
DELETE /api/v1/comments/{comment_id}/reply  401     401 403   403   403  403     403     403     403   200
POST   /api/v1/comments/{comment_id}/useful 401     401 401   401   401  200     403     403     403   403
POST   /api/v1/comments/{comment_id}/useful :own 401 401 401  401   401  403     403     403     403   403
DELETE /api/v1/comments/{comment_id}/useful 401     401 401   401   401  200     403     403     403   403
POST   /api/v1/imports                      401     401 403   403   403  403     403     403     403   202
GET    /api/v1/imports                      401     401 403   403   403  403     403     403     403   200
GET    /api/v1/imports/{import_id}          401     401 403   403   403  403     403     403     403   200
GET    /api/v1/imports/{import_id}/errors   401     401 403   403   403  403     403     403     403   200
POST   /api/v1/imports/{import_id}/cancellation 401 401 403   403   403  403     403     403     403   200
GET    /api/v1/exports/products             401     401 403   403   403  403     403     403     403   200
POST   /api/v1/uploads                      401     401 201   201   201  201     201     201     201   201
GET    /api/v1/groups                       200     200 200   200   200  200     200     200     200   200
GET    /api/v1/categories                   200     200 200   200   200  200     200     200     200   200
GET    /api/v1/cart                         200     200 200   200   200  200     403     403     403   403
PATCH  /api/v1/cart                         401     401 200   200   200  200     403     403     403   403
DELETE /api/v1/cart                         401     401 200   200   200  200     403     403     403   403
POST   /api/v1/cart/lines                   401     401 200   200   200  200     403     403     403   403
POST   /api/v1/cart/lines :draft            401     401 404   404   404  404     403     403     403   403
PUT    /api/v1/cart/lines/{article}         401     401 200   200   200  200     403     403     403   403
PUT    /api/v1/cart/lines/{article} :draft  401     401 404   404   404  404     403     403     403   403
DELETE /api/v1/cart/lines/{article}         401     401 200   200   200  200     403     403     403   403
GET    /api/v1/cart/removed                 200     200 200   200   200  200     403     403     403   403
POST   /api/v1/cart/removed                 401     401 200   200   200  200     403     403     403   403
POST   /api/v1/cart/removed/{article}       401     401 404   404   404  404     403     403     403   403
POST   /api/v1/cart/removed/{article} :own  401     401 200   200   200  200     403     403     403   403
GET    /api/v1/next-article                 401     401 403   403   403  403     403     403     403   200
POST   /api/v1/products                     401     401 403   403   403  403     403     403     403   201
PATCH  /api/v1/products/{article}           401     401 403   403   403  403     403     403     403   200
DELETE /api/v1/products/{article}           401     401 403   403   403  403     403     403     403   204
PUT    /api/v1/products/{article}/publication 401     401 403   403   403  403     403     403     403   200
DELETE /api/v1/products/{article}/publication 401     401 403   403   403  403     403     403     403   200
POST   /api/v1/products/{article}/images    401     401 403   403   403  403     403     403     403   201
PATCH  /api/v1/products/{article}/images    401     401 403   403   403  403     403     403     403   200
DELETE /api/v1/products/{article}/images/{name} 401     401 403   403   403  403     403     403     403   200
GET    /api/v1/products/{article}/stock     401     401 403   403   403  403     200     200     200   200
POST   /api/v1/products/{article}/stock     401     401 403   403   403  403     403     403     403   201
POST   /api/v1/groups                       401     401 403   403   403  403     403     403     403   201
GET    /api/v1/groups/{slug}                200     200 200   200   200  200     200     200     200   200
PATCH  /api/v1/groups/{slug}                401     401 403   403   403  403     403     403     403   200
DELETE /api/v1/groups/{slug}                401     401 403   403   403  403     403     403     403   204
PUT    /api/v1/groups/{slug}/image          401     401 403   403   403  403     403     403     403   200
POST   /api/v1/categories                   401     401 403   403   403  403     403     403     403   201
GET    /api/v1/categories/{slug}            200     200 200   200   200  200     200     200     200   200
PATCH  /api/v1/categories/{slug}            401     401 403   403   403  403     403     403     403   200
DELETE /api/v1/categories/{slug}            401     401 403   403   403  403     403     403     403   204
PUT    /api/v1/categories/{slug}/image      401     401 403   403   403  403     403     403     403   200
POST   /api/v1/orders                       401     401 401   401   401  201     403     403     403   403
GET    /api/v1/orders                       401     401 401   401   401  200     403     403     403   200
GET    /api/v1/orders/{order_id}            401     401 401   401   401  200     403     403     403   200
PATCH  /api/v1/orders/{order_id}            401     401 403   403   403  403     403     403     403   200
POST   /api/v1/orders/{order_id}/cancellation 401   401 401   401   401  200     403     403     403   200
POST   /api/v1/orders/{order_id}/payment    401     401 403   403   403  403     403     403     403   200
GET    /api/v1/openapi.json                 200     200 200   200   200  200     200     200     200   200
GET    /health/live                         200     200 200   200   200  200     200     200     200   200
GET    /health/ready                        200     200 200   200   200  200     200     200     200   200
GET    /                                    200     200 200   200   200  200     200     200     200   200
GET    /products/{article}                  200     200 200   200   200  200     200     200     200   200
GET    /products/{article} :draft           404     404 404   404   404  404     200     200     200   200
GET    /catalogue                           200     200 200   200   200  200     200     200     200   200
GET    /search                              200     200 200   200   200  200     200     200     200   200
GET    /cart                                200     200 200   200   200  200     200     200     200   200
GET    /checkout                            200     200 200   200   200  200     200     200     200   200
GET    /orders                              200     200 200   200   200  200     200     200     200   200
GET    /orders/{order_id}                      200     200 200   200   200  200     200     200     200   200
GET    /account                             200     200 200   200   200  200     200     200     200   200
GET    /password                            200     200 200   200   200  200     200     200     200   200
GET    /staff                               200     200 200   200   200  200     200     200     200   200
GET    /staff/{section}                     404     404 404   404   404  404     404     404     404   404
GET    /staff/{section} :history            303     303 303   303   303  303     200     200     200   200
GET    /staff/{section} :orders             303     303 303   303   303  303     403     403     403   200
GET    /staff/{section} :staff              303     303 303   303   303  303     403     403     403   200
GET    /demo                                404     404 404   404   404  404     404     404     404   404
GET    /docs                                200     200 200   200   200  200     200     200     200   200
GET    /images/{name}                       404     404 404   404   404  404     404     404     404   404
GET    /texts/{language}.json               200     200 200   200   200  200     200     200     200   200
GET    /ws                                  400     400 400   400   400  400     400     400     400   400
"""

# Asks for the password once more; whoever has one gives it.
CONFIRMED = {
    "DELETE /api/v1/users/me",
    "POST /api/v1/password-resets",
    "POST /api/v1/staff",
    "PATCH /api/v1/staff/{uuid}",
    "GET /api/v1/exports/products",
}

# "unauth" stands for unauthorized, "absent" for not_found. `nobody` does not get past hello.
COMMAND_TABLE = """
                        nobody  visitor     new  guest   other    user manager answers assigns owner
hello                   unauth       ok      ok     ok      ok      ok      ok      ok      ok    ok
ping                         -       ok      ok     ok      ok      ok      ok      ok      ok    ok
presence.set                 -   unauth  forbid forbid  forbid  forbid      ok      ok      ok    ok
chat.open                    -   unauth      ok     ok      ok      ok  forbid  absent  absent absent
chat.open :for the guest     -   unauth  forbid forbid  forbid  forbid  forbid      ok      ok    ok
chat.open :for nobody        -   unauth  forbid forbid  forbid  forbid  forbid  absent  absent absent
chat.watch                   -   unauth  forbid forbid  forbid  forbid  forbid      ok      ok    ok
chat.unwatch                 -   unauth  forbid forbid  forbid  forbid  forbid      ok      ok    ok
chat.sync                    -   unauth  absent     ok  absent  absent  forbid      ok      ok    ok
chat.sync :notes             -   unauth  absent absent  absent  absent  forbid      ok      ok    ok
chat.history                 -   unauth  absent     ok  absent  absent  forbid      ok      ok    ok
chat.history :notes          -   unauth  absent absent  absent  absent  forbid      ok      ok    ok
message.send                 -   unauth  absent     ok  absent  absent  forbid      ok      ok    ok
message.edit                 -   unauth  absent     ok  absent  absent  forbid  forbid  forbid    ok
message.delete               -   unauth  absent     ok  absent  absent  forbid  forbid  forbid    ok
chat.read                    -   unauth  absent     ok  absent  absent  forbid  absent  absent absent
chat.read :watched           -   unauth  absent     ok  absent  absent  forbid      ok      ok    ok
chat.read :notes, watched    -   unauth  absent absent  absent  absent  forbid      ok      ok    ok
chat.delivered               -   unauth  absent     ok  absent  absent  forbid  absent  absent absent
chat.delivered :watched      -   unauth  absent     ok  absent  absent  forbid      ok      ok    ok
typing                       -   unauth  absent     ok  absent  absent  forbid  absent  absent absent
typing :watched              -   unauth  absent     ok  absent  absent  forbid      ok      ok    ok
chat.claim                   -   unauth  forbid forbid  forbid  forbid  forbid      ok      ok    ok
chat.assign                  -   unauth  forbid forbid  forbid  forbid  forbid  forbid      ok    ok
chat.assign :to nobody       -   unauth  forbid forbid  forbid  forbid  forbid  absent  absent absent
chat.close                   -   unauth  absent     ok  absent  absent  forbid      ok      ok    ok
chat.reopen                  -   unauth  forbid forbid  forbid  forbid  forbid      ok      ok    ok
inbox.list                   -   unauth  forbid forbid  forbid  forbid  forbid      ok      ok    ok
inbox.sync                   -   unauth  forbid forbid  forbid  forbid  forbid      ok      ok    ok
store.watch                  -       ok      ok     ok      ok      ok      ok      ok      ok    ok
store.watch :cart            -   unauth      ok     ok      ok      ok  forbid  forbid  forbid forbid
store.watch :for the guest   -   unauth  forbid forbid  forbid  forbid  forbid      ok      ok    ok
store.watch :for nobody      -   unauth  forbid forbid  forbid  forbid  forbid  absent  absent absent
store.watch :orders          -   unauth      ok     ok      ok      ok  forbid  forbid  forbid    ok
"""
CODES = {"ok": "ok", "unauth": "unauthorized", "forbid": "forbidden", "absent": "not_found", "-": "-"}

# What ``who`` promises: nobody else may succeed.
EVERYBODY = {"nobody", "visitor", "new", "guest", "other", "user", "manager", "answers", "assigns", "owner"}
STAFF_COLUMNS = {"manager", "answers", "assigns", "owner"}
CUSTOMERS = {"new", "guest", "other", "user"}
MAY = {
    "all": EVERYBODY,
    "user": {"user"},
    "orders": {"user", "owner"},
    "staff:orders": {"owner"},
    "owner": {"owner"},
    "account": {"user", *STAFF_COLUMNS},
    "staff:customers.view": {"owner"},
    "staff:customers.block": {"owner"},
    "staff:reports": {"owner"},
    "person": CUSTOMERS | STAFF_COLUMNS,
    "author": {"user", "owner"},
    "customer": CUSTOMERS | STAFF_COLUMNS - {"manager"},  # staff where they name the customer
    "members": CUSTOMERS | STAFF_COLUMNS - {"manager"},
    "staff": STAFF_COLUMNS,
    "staff:comments": {"owner"},
    "staff:chats.answer": STAFF_COLUMNS - {"manager"},
    "staff:prices": {"manager", "owner"},
    "staff:promotions": {"owner"},
    "staff:announcements": {"owner"},
    "staff:products.edit": {"owner"},
    "staff:stock": {"owner"},
    "staff:import": {"owner"},
    "staff:export": {"owner"},
}
# The whole of a chat is its customer's and the staff's: only these may succeed where a chat is named.
CHAT_COLUMNS = {"guest", "answers", "assigns", "owner"}


TIMES = {"starts_at": "2100-01-01T00:00:00Z", "ends_at": "2100-01-02T00:00:00Z"}
PLANNED: dict[str, dict[str, Any]] = {
    "promotions": {"name": "Распродажа", "kind": "percent", "value": 1000, "scope": "all", **TIMES},
    "announcements": {"title": "Каникулы", **TIMES},
}
# These want to know which version was seen.
CONDITIONAL = {
    "PUT /api/v1/products/{article}/price",
    "PATCH /api/v1/orders/{order_id}",
    *(f"{method} /api/v1/{noun}/{{{noun[:-1]}_id}}" for method in ("PATCH", "DELETE") for noun in PLANNED),
}


@dataclass(frozen=True)
class Row:
    name: str  # with its variant
    key: str  # the route or command
    outcomes: dict[str, str]


def read_table(text: str) -> dict[str, Row]:
    """The rows of a table by name; what stands after ":" tells variants of one route or command apart."""
    head, *lines = text.strip("\n").splitlines()
    columns, rows = head.split(), {}
    for line in lines:
        words = line.split()
        name = " ".join(words[: -len(columns)])
        assert name not in rows, f"{name} stands there twice"
        rows[name] = Row(name, name.partition(" :")[0], dict(zip(columns, words[-len(columns) :], strict=True)))
    return rows


ROUTE_ROWS, COMMAND_ROWS = read_table(ROUTES), read_table(COMMAND_TABLE)


@dataclass
class House:
    """A shop with products, and people of every kind."""

    shop: Shop
    make_chat: MakeChat
    people: dict[str, Person] = field(default_factory=dict)
    names: Any = field(default_factory=count)

    async def person(self, column: str) -> Person:
        """The person of that column, made when first needed; `new` each time, as the first write makes it another."""
        if column in ("nobody", "visitor"):
            return await self.shop.visitor()
        if column == "new":
            return await self.shop.guest()
        if column not in self.people:
            self.people[column] = await self._make(column)
        return self.people[column]

    async def _make(self, column: str) -> Person:
        name = f"{column}{next(self.names)}"
        if column in ("guest", "other", "user"):
            person = await (self.shop.user(name) if column == "user" else self.shop.guest())
            await self.make_chat(person)
            return person
        if column == "owner":
            return await self.shop.owner(name)
        rights = {"manager": ("prices",), "answers": ("chats.answer",), "assigns": ("chats.answer", "chats.assign")}
        return await self.shop.staff(name, allows=rights[column])

    async def target(self, *, closed: bool = False) -> tuple[Person, int]:
        """A guest and the guest's chat, which is the one that is asked about."""
        guest = await self.shop.guest()
        chat = await self.make_chat(guest)
        if closed:
            await guest.call("PATCH", f"/api/v1/chats/{chat}", json={"status": "closed"}, status=200)
        answer = await guest.call("GET", "/api/v1/session", status=200)
        guest.me = answer["me"]
        return guest, chat

    async def order(self) -> int:
        """An order of the person in the column `user`."""
        user = await self.person("user")
        return int((await place(user, order_of(await fill(user, **{f"a{PUBLISHED}": 1}))))["id"])

    async def cancelled_import(self) -> int:
        """An import that somebody has cancelled; it may be cancelled again."""
        now, values = self.shop.clock.now(), {"status": "failed", "problem": "cancelled", "format": "csv"}
        times = {"creation_time": now, "edit_time": now}

        def work(session: Any) -> Done[int]:
            return Done(import_queries.add_job(session, file_name="goods.csv", bytes_total=1, **values, **times))

        return await self.shop.app[DATABASES].products.write(work)

    async def ask_route(self, row: Row, column: str) -> int:
        guest, chat = await self.target(closed=":reopen" in row.name)
        person = guest if column == "guest" else await self.person(column)
        method, path = row.key.split()
        article = DRAFT if row.name.endswith(":draft") else PUBLISHED
        colleague = await self.colleague() if "{uuid}" in path else None
        planned = await self.planned(path)
        comment = await self.comment(row, person) if "{comment_id}" in path else 0
        slug = "hats" if path.startswith("/api/v1/categories") else "winter"
        names = {"article": article, "slug": slug, "name": "0" * 32 + ".svg"}
        if method != "GET" and path.startswith(KEPT) and "{comment_id}" not in path and "/comments" not in path:
            names |= await self.keep(path)
        path = path.format(
            chat_id=chat, language="ru", user_id=guest.me["id"], comment_id=comment,
            section=row.name.partition(" :")[2] or "none",
            uuid=colleague.uuid if colleague else "", promotion_id=planned, announcement_id=planned, **names,
            order_id=await self.order() if "{order_id}" in path else 0,
            import_id=await self.cancelled_import() if "{import_id}" in path else 0,
        )  # fmt: skip
        options = await self.options(row, person, guest, names["name"])
        if colleague:
            options["headers"] = {"If-Match": f'"{version_of(colleague.edit_time)}"'}
        elif (
            row.key in CONDITIONAL
            or (method in ("PATCH", "DELETE") and path.startswith(KEPT))
            or (path.endswith("/publication"))
        ):
            options["headers"] = {"If-Match": await self.present_tag(path)}
        if row.key == "POST /api/v1/orders":
            options["headers"] = new_key()
        if row.name.endswith(":own"):  # put in and taken out, as far as the person may
            await person.call("PUT", f"/api/v1/cart/lines/{article}", json={"quantity": 1})
            await person.call("DELETE", "/api/v1/cart")
        if column == "visitor":
            options.setdefault("headers", {}).update({"Origin": self.shop.url, "Sec-Fetch-Site": "same-origin"})
        if row.key in CONFIRMED and person.me["kind"] in ("user", "staff"):
            await person.call("POST", "/api/v1/session/confirmation", json={"password": PASSWORD}, status=200)
        async with person.request(method, path, allow_redirects=False, **options) as response:
            await response.read()
            if method in ("DELETE", "PUT") or row.key in ("POST /api/v1/session", "POST /api/v1/users"):
                self.people.pop(column, None)  # whoever this was is signed out, or somebody else
            return int(response.status)

    async def colleague(self) -> StaffOut:
        """A member of staff whom nobody here is."""
        name = f"colleague{next(self.names)}"
        form = StaffIn(username=name, email=f"{name}@example.org", password=PASSWORD)
        return await self.shop.app[STAFF].create_staff(form, by=None)

    async def planned(self, path: str) -> int:
        """A promotion or announcement that is yet to begin, if the path names one."""
        noun = path.removeprefix("/api/v1/").partition("/")[0]
        if noun not in PLANNED or not path.endswith("_id}"):
            return 0
        owner = await self.person("owner")
        made = await owner.call("POST", f"/api/v1/{noun}", json=PLANNED[noun], status=201)
        return int(made["id"])

    async def comment(self, row: Row, person: Person) -> int:
        """A comment that the route is about: ``:own`` is the asker's, ``:pending`` waits for a moderator."""
        author = person if ":own" in row.name and person.me["kind"] == "user" else None
        author = author or await self.shop.user(f"author{next(self.names)}")
        path, form = f"/api/v1/products/{PUBLISHED}/comments", {"rating": 5}
        mine = (await author.call("GET", path, status=200))["mine"]
        comment = mine or await author.call("POST", path, json=form, status=201)
        if ":pending" not in row.name and comment["status"] == "pending":
            owner, seen = await self.person("owner"), {"If-Match": f'"{comment["version"]}"'}
            path, form = f"/api/v1/comments/{comment['id']}", {"status": "approved"}
            await owner.call("PATCH", path, json=form, headers=seen, status=200)
        return int(comment["id"])

    async def keep(self, path: str) -> dict[str, Any]:
        """A new group or category, or a draft with a picture: nobody is answered 404 because of who came before."""
        owner = await self.person("owner")
        if path.startswith(f"{API}/groups"):
            return {"slug": (await make_group(owner, f"name{next(self.names)}"))["slug"]}
        if path.startswith(f"{API}/categories"):
            return {"slug": (await make_category(owner, f"name{next(self.names)}", "winter"))["slug"]}
        made = await make_product(owner, category="hats")
        _, product = await upload(owner, PICTURE, path=f"/products/{made['article']}/images")
        return {"article": made["article"], "name": product["images"][0].rpartition("/")[2]}

    async def present_tag(self, path: str) -> str:
        """What the owner would send as If-Match."""
        shown = path.removeprefix(API)
        for part in ("/publication", "/images", "/price"):
            shown = shown.partition(part)[0]
        return await etag(await self.person("owner"), shown)

    async def options(self, row: Row, person: Person, guest: Person, picture: str = "") -> dict[str, Any]:
        """A query or body that is right, so that only the asker decides."""
        colleague = await self.person("answers") if "assign" in row.name else None
        name = f"name{next(self.names)}"
        account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "token": True}
        if row.name in ("POST /api/v1/session", "POST /api/v1/password-resets"):
            await self.shop.user(name)
        if row.name == "PUT /api/v1/password-resets":
            await self.shop.user(name)
            token, _ = await self.shop.app[CREDENTIALS].begin_reset(name)
            return {"json": {"token": token, "new_password": "another " + PASSWORD}}
        if row.key == f"POST {API}/imports":
            return {"data": make_form(b"article\n1\n")}
        if row.key.startswith(("PUT", "POST")) and row.key.endswith(("/avatar", "/image", "/images", "/uploads")):
            return {"data": make_form(PICTURE)}
        bodies: dict[str, Any] = {
            "POST /api/v1/session/guest": {"token": True},
            "POST /api/v1/session": {"login": name, "password": PASSWORD, "token": True},
            "POST /api/v1/users": account,
            "POST /api/v1/users/availability": {"username": name},
            "POST /api/v1/users/availability :e-mail": {"email": account["email"]},
            "PATCH /api/v1/users/me": {"name": "Анна"},
            "PUT /api/v1/users/me/password": {"old_password": PASSWORD, "new_password": "another " + PASSWORD},
            "PUT /api/v1/staff/me/password": {"old_password": PASSWORD, "new_password": "another " + PASSWORD},
            "POST /api/v1/session/confirmation": {"password": PASSWORD},
            "PATCH /api/v1/users/{user_id}": {"blocked": True},
            "POST /api/v1/password-resets": {"login": name},
            "POST /api/v1/staff": {key: value for key, value in account.items() if key != "token"},
            "PATCH /api/v1/staff/{uuid}": {"allows": ["prices"]},
            "PATCH /api/v1/staff/me": {"name": "Анна"},
            "POST /api/v1/products/{article}/comments": {"rating": 5},
            "PATCH /api/v1/comments/{comment_id}": {"rating": 1},
            "PATCH /api/v1/comments/{comment_id} :own": {"rating": 1},
            "PATCH /api/v1/comments/{comment_id} :hide": {"status": "hidden"},
            "PUT /api/v1/comments/{comment_id}/reply": {"text": "Спасибо"},
            "POST /api/v1/chats": {"client_id": name},
            "POST /api/v1/chats :for the guest": {"client_id": name, "customer": guest.me["id"]},
            "POST /api/v1/chats :for nobody": {"client_id": name, "customer": MADE_UP},
            "PATCH /api/v1/chats/{chat_id} :close": {"status": "closed"},
            "PATCH /api/v1/chats/{chat_id} :reopen": {"status": "open"},
            "PATCH /api/v1/chats/{chat_id} :claim": {"assignee": "me"},
            "PATCH /api/v1/chats/{chat_id} :assign": {"assignee": colleague.me["id"] if colleague else 0},
            "PATCH /api/v1/chats/{chat_id} :unassign": {"assignee": None},
            "PUT /api/v1/products/{article}/price": {"price": {"amount": 1000 + next(self.names)}},
            **{f"POST /api/v1/{noun}": form for noun, form in PLANNED.items()},
            "PATCH /api/v1/promotions/{promotion_id}": {"name": name},
            "PATCH /api/v1/announcements/{announcement_id}": {"title": name},
            "POST /api/v1/chats/{chat_id}/messages": {"client_id": name, "text": "Здравствуйте"},
            "POST /api/v1/orders": order_of({"version": 1, "total": {"amount": 1}}),
            "PATCH /api/v1/orders/{order_id}": {"status": "packed"},
            "POST /api/v1/orders/{order_id}/cancellation": {},
            "POST /api/v1/orders/{order_id}/payment": {"status": "paid"},
            "PATCH /api/v1/cart": {"lines": {str(PUBLISHED): 1}},
            "POST /api/v1/cart/lines": {"article": PUBLISHED},
            "POST /api/v1/cart/lines :draft": {"article": DRAFT},
            "PUT /api/v1/cart/lines/{article}": {"quantity": 1},
            "PUT /api/v1/cart/lines/{article} :draft": {"quantity": 1},
            "POST /api/v1/products": {"name": name, "category": "hats", "price": {"amount": 1}},
            "PATCH /api/v1/products/{article}": {"name": name},
            "PUT /api/v1/products/{article}/publication": {"status": "review"},
            "PATCH /api/v1/products/{article}/images": {"images": [f"/images/{picture}"]},
            "POST /api/v1/groups": {"name": name},
            "PATCH /api/v1/groups/{slug}": {"description": name},
            "POST /api/v1/categories": {"name": name, "group": "winter"},
            "PATCH /api/v1/categories/{slug}": {"description": name},
        }
        queries = {
            "GET /api/v1/chats/{chat_id}/messages :notes": {"log": "notes"},
            "GET /api/v1/products :drafts": {"status": "draft"},
            "GET /api/v1/staff :everybody": {"everybody": "true"},
            "GET /api/v1/promotions :planned": {"period": "planned"},
            "GET /api/v1/announcements :planned": {"period": "planned"},
            "GET /api/v1/products :of a manager": {"manager": "0" * 8 + "-0000-0000-0000-" + "0" * 12},
            "GET /api/v1/products :counted": {"count": "exact"},
            "GET /api/v1/facets :drafts": {"status": "draft"},
            "GET /api/v1/suggest": {"q": "куртка"},
        }
        if row.name == "POST /api/v1/orders" and person.me["kind"] == "user":
            bodies[row.name] = order_of(await fill(person, **{f"a{PUBLISHED}": 1}))
        headers = {"If-Match": '"2"'} if "{comment_id}" in row.key and person.me["kind"] == "staff" else {}
        if row.name in bodies:
            return {"json": bodies[row.name], "headers": headers}
        if row.key == f"POST {API}/products/{{article}}/stock":
            return {"json": {"delta": 1, "reason": "receipt"}, "headers": {"Idempotency-Key": name}}
        return {"params": queries.get(row.name, {}), "headers": headers}

    async def ask_command(self, row: Row, column: str) -> str:
        guest, chat = await self.target(closed=row.key == "chat.reopen")
        person = guest if column == "guest" else await self.person(column)
        async with self.greeted(person, column) as (peer, welcome):
            if row.key == "hello":
                return outcome_of(welcome)
            if "watched" in row.name and column in STAFF_COLUMNS:
                await peer.send({"id": 2, "type": "chat.watch", "data": {"chat": chat}})
                await peer.reply(2)
            await peer.send({"id": 3, "type": row.key, "data": await self.data(row, guest, chat)})
            return outcome_of(await peer.reply(3))

    @asynccontextmanager
    async def greeted(self, person: Person, column: str) -> AsyncIterator[tuple[Peer, dict[str, Any]]]:
        """A peer that has said hello, and the answer."""
        headers = {"Origin": self.shop.url} if column == "visitor" else {}
        async with open_peer(person, headers=headers, hello=False) as peer:
            await peer.send(HELLO)
            yield peer, await peer.reply(1)

    async def data(self, row: Row, guest: Person, chat: int) -> dict[str, Any]:
        colleague = await self.person("answers")
        log = "notes" if ":notes" in row.name else "chat"
        keys = {"chat": chat, "client_id": f"c{next(self.names)}"}
        marks = {"chat": chat, "log": log, "seq": 0 if log == "notes" else 2}
        customer = {":for the guest": guest.me["id"], ":for nobody": MADE_UP}.get(row.name.removeprefix(f"{row.key} "))
        to = MADE_UP if row.name.endswith(":to nobody") else colleague.me["id"]
        data: dict[str, dict[str, Any]] = {
            "presence.set": {"state": "online"},
            "chat.open": {**keys, **({"customer": customer} if customer else {})},
            "chat.sync": {"chat": chat, "log": log, "after": 0},
            "chat.history": {"chat": chat, "log": log, "before": 10},
            "message.send": {**keys, "text": "Здравствуйте"},
            "message.edit": {**keys, "target": 2, "text": "Добрый день"},
            "message.delete": {**keys, "target": 2},
            "chat.read": marks,
            "chat.delivered": marks,
            "typing": {"chat": chat, "on": True},
            "chat.assign": {**keys, "to": to},
            "inbox.sync": {"cursor": 0},
            "store.watch": {
                "products": [PUBLISHED, DRAFT], "catalogue": True, "cart": row.name.endswith(":cart"),
                "orders": row.name.endswith(":orders"), **({"customer": customer} if customer else {}),
            },
        }  # fmt: skip
        return data.get(row.key, keys)


def outcome_of(reply: dict[str, Any]) -> str:
    return "ok" if reply["ok"] else str(reply["error"]["code"])


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_shop(tmp_path_factory.mktemp("house")) as shop:
        await shop.app[DATABASES].products.write(lambda session: Done(add_products(session, shop)))

        async def make_chat(person: Person) -> int:
            form = {"client_id": "opening", "text": "Здравствуйте!"}
            return int((await person.call("POST", "/api/v1/chats", json=form, status=201))["chat"])

        yield House(shop, make_chat)


def add_products(session: Any, shop: Shop) -> None:
    """One published, one draft."""
    group = product_queries.add_groups(session, [{"slug": "winter", "name": "Зима", "position": 1}])["winter"]
    row = {"slug": "hats", "name": "Шапки", "group_id": group, "position": 1}
    category = product_queries.add_categories(session, [row])["hats"]
    now = shop.clock.now()
    shape = {
        "name": "Шапка", "category_id": category, "group_id": group, "price_minor": 1000, "effective_minor": 1000,
        "discount_bp": 0, "remains": 10**6, "creation_time": now, "edit_time": now,
    }  # fmt: skip
    articles = {PUBLISHED: "published", DRAFT: "draft"}
    product_queries.add_products(
        session, [{**shape, "article": one, "status": status} for one, status in articles.items()]
    )


# The tables


def test_every_route_has_a_row_and_every_row_a_route(house: House) -> None:
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in house.shop.app.router.routes()
        if route.resource is not None and route.method != "HEAD" and not route.resource.canonical.startswith("/static/")
    }

    assert {row.key for row in ROUTE_ROWS.values()} == routes


def test_every_command_has_a_row_and_every_row_a_command() -> None:
    assert {row.key for row in COMMAND_ROWS.values()} == set(COMMANDS)


def test_the_tables_keep_what_who_promises(house: House) -> None:
    """Where `describe` or `command` says who may, nobody else succeeds, and somebody does."""
    promised = {f"{route.method} {route.path}": route.api.who for route in list_routes(house.shop.app.router)}
    promised |= {name: spec.who for name, spec in COMMANDS.items()}
    succeeded: dict[str, set[str]] = {}
    for row in [*ROUTE_ROWS.values(), *COMMAND_ROWS.values()]:
        may = {column for column, outcome in row.outcomes.items() if outcome == "ok" or outcome.startswith("2")}
        succeeded.setdefault(row.key, set()).update(may)
        if row.key in promised:
            assert may <= MAY[promised[row.key]], row.name
            refused = {column: row.outcomes[column] for column in EVERYBODY - MAY[promised[row.key]]}
            assert set(refused.values()) <= {"401", "403", "unauth", "forbid", "-"}, row.name
        if "{chat_id}" in row.key or names_a_chat(row.key):
            assert may <= CHAT_COLUMNS, f"{row.name}: only for whom the chat is there"
    for key in promised:
        assert succeeded[key], f"nobody succeeds with {key}"
    assert set(promised.values()) <= set(MAY)
    assert {who.partition(":")[0] for who in MAY} <= {*openapi.WHO, *registry.WHO}


def names_a_chat(command: str) -> bool:
    return command in COMMANDS and "chat" in COMMANDS[command].model.model_fields


@pytest.mark.parametrize("name", ROUTE_ROWS)
async def test_a_route_answers_everybody_as_the_table_says(house: House, name: str) -> None:
    row = ROUTE_ROWS[name]
    assert {column: str(await house.ask_route(row, column)) for column in row.outcomes} == row.outcomes


@pytest.mark.parametrize("name", COMMAND_ROWS)
async def test_a_command_answers_everybody_as_the_table_says(house: House, name: str) -> None:
    row = COMMAND_ROWS[name]
    expected = {column: CODES[word] for column, word in row.outcomes.items() if word != "-"}
    assert {column: await house.ask_command(row, column) for column in expected} == expected


# A stranger's chat is not there


@pytest.mark.parametrize("name", [name for name, row in COMMAND_ROWS.items() if names_a_chat(row.key)])
@pytest.mark.parametrize("column", ["new", "other", "user"])
async def test_a_strangers_chat_is_answered_like_one_that_is_not_there(house: House, name: str, column: str) -> None:
    row = COMMAND_ROWS[name]
    guest, chat = await house.target(closed=row.key == "chat.reopen")
    person = await house.person(column)
    data = await house.data(row, guest, chat)
    async with house.greeted(person, column) as (peer, _):
        answers = []
        for target in (chat, MADE_UP):
            await peer.send({"id": 7, "type": row.key, "data": {**data, "chat": target}})
            while b'"reply_to":7' not in (answer := await peer.raw.recv(decode=False)):
                pass
            answers.append(answer)

    assert answers[0] == answers[1]
    assert json.loads(answers[0])["error"]["code"] == CODES[row.outcomes[column]]


@pytest.mark.parametrize("name", [name for name, row in ROUTE_ROWS.items() if "{chat_id}" in row.key])
@pytest.mark.parametrize("column", ["new", "other", "user"])
async def test_a_strangers_chat_has_no_route_either(house: House, name: str, column: str) -> None:
    row = ROUTE_ROWS[name]
    guest, chat = await house.target(closed=":reopen" in name)
    person = await house.person(column)
    options = await house.options(row, person, guest)
    answers = []
    for target in (str(chat), str(MADE_UP), "0", "x"):
        method, path = row.key.format(chat_id=target).split()
        async with person.request(method, path, **options) as response:
            headers = {key: value for key, value in response.headers.items() if key not in ("Date", "X-Request-ID")}
            body = await response.json(content_type=None)
            del body["request_id"]
            answers.append((response.status, headers, body))

    assert answers[0][0] == 404
    assert answers == [answers[0]] * 4


async def test_lists_hold_ones_own_chats_only(house: House) -> None:
    guest, chat = await house.target()
    _, foreign = await house.target()
    staff = await house.person("answers")

    mine = await guest.call("GET", "/api/v1/chats", status=200)
    assert [item["id"] for item in mine["items"]] == [chat]

    all_chats = await staff.call("GET", "/api/v1/chats?sort=recent&limit=100", status=200)
    assert {chat, foreign} <= {item["id"] for item in all_chats["items"]}


async def test_a_resume_does_not_bring_a_strangers_chat(house: House) -> None:
    _, foreign = await house.target()
    guest, chat = await house.target()
    async with guest.socket() as socket:
        epoch = socket.welcome["epoch"]
    cursors = {str(foreign): {"chat": 0}, str(chat): {"chat": 0}, str(MADE_UP): {"chat": 0}}

    async with guest.socket(hello=False) as socket:
        frames = await socket.hello(resume={"epoch": epoch, "chats": cursors, "focus": foreign})

    assert {frame["chat"] for frame in frames if "chat" in frame} == {chat}
    assert frames[-1]["data"]["chats"] == {str(chat): {"chat": 2}}


# Whose page opens the socket


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", None])
@pytest.mark.parametrize("audience", ["shop", "staff"])
async def test_a_cookie_from_another_page_or_from_none_is_refused_before_the_upgrade(
    house: House, origin: str | None, audience: str
) -> None:
    person = await house.person("answers" if audience == "staff" else "other")
    headers = {"Cookie": f"cts_{audience}={person.token}", **({"Origin": origin} if origin else {})}

    with pytest.raises(InvalidStatus) as refusal:
        async with open_peer(person, token=False, hello=False, headers=headers):
            pass

    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("audience", ["shop", "staff"])
async def test_a_cookie_from_our_own_page_says_who_it_is(house: House, audience: str) -> None:
    person = await house.person("answers" if audience == "staff" else "user")
    headers = {"Cookie": f"cts_{audience}={person.token}", "Origin": house.shop.url}

    async with open_peer(person, token=False, hello=False, headers=headers) as peer:
        await peer.send(HELLO)
        me = (await peer.receive())["data"]["me"]
        assert (me["kind"], me["id"]) == (person.me["kind"], person.me["id"])


async def test_the_audiences_do_not_mix(house: House) -> None:
    """Who is signed in at the desk is still a visitor of the shop, and the other way round nobody at the desk."""
    staff, user = await house.person("answers"), await house.person("user")
    origin = {"Origin": house.shop.url}

    async with open_peer(
        user, token=False, hello=False, headers={**origin, "Cookie": f"cts_staff={staff.token}"}
    ) as peer:
        await peer.send(HELLO)
        assert (await peer.receive())["data"]["me"]["kind"] == "visitor"

    async with open_peer(
        staff, token=False, hello=False, headers={**origin, "Cookie": f"cts_shop={user.token}"}
    ) as peer:
        await peer.send(HELLO)
        frames, code = await peer.rest()
        assert (frames[0]["error"]["code"], code) == ("unauthorized", CloseCode.NOT_AUTHENTICATED)


@pytest.mark.parametrize("origin", ["https://evil.example", None])
async def test_a_bearer_needs_no_origin_for_it_brings_no_cookie(house: House, origin: str | None) -> None:
    user = await house.person("user")
    headers = {"Origin": origin} if origin else {}

    async with open_peer(user, headers=headers, hello=False) as peer:
        await peer.send(HELLO)
        assert (await peer.receive())["data"]["me"]["id"] == user.me["id"]
    async with open_peer(user, headers=headers, hello=False, token=False) as peer:
        await peer.send({**HELLO, "data": {"protocol": 1, "token": user.token}})
        assert (await peer.receive())["data"]["me"]["id"] == user.me["id"]


@pytest.mark.parametrize("header", ["Bearer made-up", "Bearer ", "Basic YTpi", "nonsense"])
async def test_a_bearer_that_is_not_good_opens_nothing(house: House, header: str) -> None:
    person = await house.shop.visitor()
    with pytest.raises(InvalidStatus) as refusal:
        async with open_peer(person, hello=False, headers={"Authorization": header}):
            pass

    assert refusal.value.response.status_code == 401


async def test_a_token_in_the_address_says_nothing(house: House) -> None:
    user = await house.person("user")
    async with open_peer(
        user, token=False, hello=False, query=f"?token={user.token}&access_token={user.token}"
    ) as peer:
        await peer.send(HELLO)
        assert await peer.close_code() == CloseCode.NOT_AUTHENTICATED


# Sessions that end under a live socket

Revoke = Callable[[Shop, Person], Awaitable[Any]]


async def uuid_of(person: Person) -> str:
    return str((await person.call("GET", "/api/v1/staff/me", status=200))["uuid"])


async def sign_out_here(shop: Shop, person: Person) -> None:
    await person.call("DELETE", "/api/v1/session", status=204)


async def sign_out_everywhere(shop: Shop, person: Person) -> None:
    await person.call("DELETE", "/api/v1/session/all", status=204)


async def disable(shop: Shop, person: Person) -> None:
    await shop.app[STAFF].update_person(await uuid_of(person), StaffPatch(is_active=False), by=None)


async def take_a_right(shop: Shop, person: Person) -> None:
    await shop.app[STAFF].update_person(await uuid_of(person), StaffPatch(role="manager", allows=[]), by=None)


async def give_a_right(shop: Shop, person: Person) -> None:
    await shop.app[STAFF].update_person(
        await uuid_of(person), StaffPatch(role="manager", allows=["chats.answer", "chats.assign"]), by=None
    )


async def reset_the_password(shop: Shop, person: Person) -> None:
    await shop.app[STAFF].reset_password(person.me["name"])


async def disable_elsewhere(shop: Shop, person: Person) -> None:
    """By another process, such as the command line."""
    uuid = await uuid_of(person)
    users = await Database("users", urls_of(shop.app[SETTINGS])["users"]).open()
    passwords, clock = Passwords("test"), Clock()
    try:
        service = StaffService(users, SessionStore(users, clock), passwords, NameBook(users, clock), clock)
        await service.update_person(uuid, StaffPatch(is_active=False), by=None)
    finally:
        passwords.close()
        await users.close()


REVOKING = [
    sign_out_here, sign_out_everywhere, disable, take_a_right, give_a_right, reset_the_password, disable_elsewhere,
]  # fmt: skip


@pytest.mark.parametrize("revoke", REVOKING)
async def test_a_socket_closes_when_its_session_ends(house: House, revoke: Revoke) -> None:
    shop = house.shop
    staff, colleague = await shop.staff(f"staff{next(house.names)}"), await house.person("answers")
    guest, chat = await house.target()
    async with staff.socket() as socket, colleague.socket() as neighbour, guest.socket() as customer:
        await socket.command("chat.watch", chat=chat)
        assert socket.welcome["me"]["id"] == staff.me["id"]

        await revoke(shop, staff)

        assert await socket.close_code(timeout_s=REVOKED_S) == CloseCode.REVOKED
        sent = await neighbour.command("message.send", chat=chat, client_id=f"after{chat}", text="Я здесь")
        await customer.event("message.created", seq=sent["seq"])
        assert not any(frame.get("seq") == sent["seq"] for frame in socket.frames)
    async with staff.request("GET", "/api/v1/staff/me") as response:
        assert response.status == 401


async def test_signing_out_here_leaves_the_other_devices_and_everywhere_does_not(house: House) -> None:
    phone = await house.shop.user(f"user{next(house.names)}")
    laptop, tablet = [await house.shop.sign_in(phone.me["name"]) for _ in range(2)]
    async with phone.socket() as first, laptop.socket() as second, tablet.socket() as third:
        await sign_out_here(house.shop, phone)
        assert await first.close_code(REVOKED_S) == CloseCode.REVOKED
        assert await second.command("ping", n=1) == {"n": 1}

        await sign_out_everywhere(house.shop, laptop)
        assert await second.close_code(REVOKED_S) == CloseCode.REVOKED
        assert await third.close_code(REVOKED_S) == CloseCode.REVOKED


async def test_all_tabs_of_a_session_close(house: House) -> None:
    guest, _ = await house.target()
    async with guest.socket() as one, guest.socket() as two:
        await sign_out_here(house.shop, guest)

        assert {await one.close_code(REVOKED_S), await two.close_code(REVOKED_S)} == {CloseCode.REVOKED}


async def test_a_session_that_ends_between_the_upgrade_and_hello_opens_nothing(house: House) -> None:
    guest, _ = await house.target()
    async with open_peer(guest, hello=False) as peer:
        await sign_out_here(house.shop, guest)
        await peer.send(HELLO)

        assert await peer.rest() == ([], CloseCode.REVOKED)


async def test_what_is_sent_after_the_end_of_a_session_is_not_done(house: House) -> None:
    guest, chat = await house.target()
    staff = await house.person("answers")
    async with guest.socket() as socket:
        await asyncio.gather(
            sign_out_here(house.shop, guest),
            *(socket.post("ping", n=number) for number in range(10)),
        )
        with pytest.raises((ConnectionError, aiohttp.ClientError, AssertionError)):
            assert await socket.close_code(REVOKED_S) == CloseCode.REVOKED
            await socket.post("message.send", chat=chat, client_id="late", text="слишком поздно")
            raise AssertionError
    page = await staff.call("GET", f"/api/v1/chats/{chat}/messages", status=200)
    assert page["head"] == 2
