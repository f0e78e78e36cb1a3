"""Sessions: what a token opens, for how long, who learns that it is over, and what other sites may not send."""

import asyncio
import hashlib

import aiohttp_session
import pytest
from aiohttp import web
from sqlalchemy import func, select

from app.auth import upgrade_credential
from app.errors import Unauthorized
from app.session_changes import hash_token
from db.models.users import SessionRow, User
from tests.identity import PASSWORD, MovedClock, open_identity, serve


@pytest.fixture
async def shop(tmp_path):
    async with open_identity(tmp_path) as identity:
        yield identity


# The token and its row


async def test_only_the_hash_of_a_token_is_kept(shop):
    begun = await shop.sessions.begin_guest()

    kept = await shop.count(select(SessionRow.token_hash))
    assert kept == begun.actor.session == hashlib.sha256(begun.token.encode()).hexdigest()
    assert len(begun.token) == 43
    assert begun.token not in repr(begun)
    assert await shop.sessions.actor_for_token(begun.token) == begun.actor
    assert await shop.sessions.actor_for_token(kept) is None


async def test_a_known_session_costs_no_query(shop, monkeypatch):
    begun = await shop.sessions.begin_guest()
    await shop.sessions.get(begun.token)

    async def refuse(*arguments, **options):
        raise AssertionError("a query")

    monkeypatch.setattr(shop.users_db, "read", refuse)
    shop.clock.move(minutes=1)
    assert (await shop.sessions.get(begun.token)).actor == begun.actor


async def test_the_cache_is_bounded_and_forgets_nobody(tmp_path):
    async with open_identity(tmp_path, most_sessions=10) as shop:
        begun = [await shop.sessions.begin_guest() for _ in range(30)]

        actors = [await shop.sessions.actor_for_token(one.token) for one in begun]

        assert actors == [one.actor for one in begun]
        assert len(shop.sessions) == 10


async def test_a_read_that_began_before_the_end_is_not_kept(shop, monkeypatch):
    begun = await shop.sessions.begin_guest()
    read = shop.users_db.read

    async def read_slowly(fn, **options):
        row = await read(fn, **options)
        monkeypatch.setattr(shop.users_db, "read", read)
        await shop.sessions.end(begun.actor.session)
        return row

    monkeypatch.setattr(shop.users_db, "read", read_slowly)
    await shop.sessions.get(begun.token)

    assert await shop.sessions.get(begun.token) is None


# How long


async def test_a_user_stays_signed_in_while_coming_back_and_not_longer(shop):
    token = (await shop.register()).begun.token

    for _ in range(3):
        shop.clock.move(days=29)
        assert await shop.sessions.get(token)
    shop.clock.move(days=30)

    assert await shop.sessions.get(token) is None


async def test_use_is_written_down_so_that_another_start_knows_of_it(tmp_path):
    clock = MovedClock()
    async with open_identity(tmp_path, clock) as shop:
        token = (await shop.register()).begun.token
        clock.move(days=20)
        await shop.sessions.get(token)
    clock.move(days=20)

    async with open_identity(tmp_path, clock) as restarted:
        assert await restarted.sessions.get(token)


async def test_staff_left_alone_for_twelve_hours_are_out_and_their_sockets_learn_it(shop):
    await shop.add_staff()
    begun = (await shop.sign_in("boris")).begun
    await shop.sessions.start()
    shop.clock.move(hours=11)
    assert await shop.sessions.get(begun.token)
    shop.clock.move(hours=11)
    shop.sessions.touch(begun.actor.session)  # by a socket
    await shop.sessions.poll()
    await shop.sessions.flush()
    shop.clock.move(hours=11)
    await shop.sessions.poll()
    assert shop.revoked == []

    shop.clock.move(hours=2)
    await shop.sessions.poll()

    assert shop.revoked == [begun.actor.session]
    assert await shop.sessions.get(begun.token) is None


async def test_who_is_only_on_a_socket_stays_although_the_session_was_to_be_read_again(shop):
    await shop.add_staff()
    begun = (await shop.sign_in("boris")).begun
    await shop.sessions.write(lambda session, changes: changes.rename("staff", begun.actor.id))
    assert shop.sessions.find(begun.actor.session) is None
    await shop.sessions.start()

    for _ in range(3):
        shop.clock.move(hours=11)
        shop.sessions.touch(begun.actor.session)
        await asyncio.gather(*shop.sessions._loading.values())
        await shop.sessions.flush()
        await shop.sessions.poll()

    assert shop.sessions.find(begun.actor.session)
    assert shop.revoked == []


async def test_a_guest_comes_back_after_a_year(shop):
    begun = await shop.sessions.begin_guest()
    shop.clock.move(days=399)
    assert await shop.sessions.get(begun.token)

    shop.clock.move(days=2)

    assert await shop.sessions.get(begun.token) is None


async def test_what_ended_long_ago_is_forgotten(shop):
    old = await shop.sessions.begin_guest()
    await shop.sessions.end(old.actor.session)
    shop.clock.move(days=8)
    young = await shop.sessions.begin_guest()
    await shop.sessions.end(young.actor.session)

    await shop.sessions.purge()

    assert await shop.count(select(SessionRow.token_hash)) == young.actor.session


# The end, here and elsewhere


async def test_what_another_process_ends_is_over_here_at_the_next_look(tmp_path):
    clock = MovedClock()
    async with open_identity(tmp_path, clock) as shop, open_identity(tmp_path, clock) as command_line:
        await shop.add_staff()
        begun = (await shop.sign_in("boris")).begun
        guest = await shop.sessions.begin_guest()
        await shop.sessions.start()
        for token in (begun.token, guest.token):
            assert await shop.sessions.get(token)

        await command_line.staff.reset_password("boris")
        assert shop.revoked == []  # it cannot know yet
        await shop.sessions.poll()

        assert shop.revoked == [begun.actor.session]
        assert await shop.sessions.get(begun.token) is None
        assert await shop.sessions.get(guest.token)


async def test_the_look_comes_every_second_by_itself(tmp_path):
    clock, looks = MovedClock(), asyncio.Event()

    async def sleep(seconds):
        assert seconds <= 1
        looks.set()
        await asyncio.sleep(0.01)

    clock.sleep = sleep
    async with open_identity(tmp_path, clock) as shop, open_identity(tmp_path) as command_line:
        begun = (await shop.register()).begun
        ended = asyncio.Event()
        shop.sessions.on_revoked(lambda token_hash: ended.set())
        await shop.sessions.start()
        await asyncio.wait_for(looks.wait(), 2)

        await command_line.staff.reset_password("anna")

        await asyncio.wait_for(ended.wait(), 2)
        assert shop.revoked == [begun.actor.session]


async def test_a_guest_who_signs_in_on_another_process_is_known_here_as_the_user(tmp_path):
    clock = MovedClock()
    async with open_identity(tmp_path, clock) as one, open_identity(tmp_path, clock) as other:
        guest = await one.users.ensure_guest((await one.sessions.begin_guest()).actor)
        await one.sessions.start()

        user = (await other.register(current=guest.session)).begun.actor
        await one.sessions.poll()

        assert one.changed == [(guest.session, guest, user)]
        assert one.revoked == []  # its sockets are to come back, not to stay away


async def test_changes_of_ones_own_are_not_followed_a_second_time(shop):
    begun = await shop.sessions.begin_guest()
    await shop.sessions.start()
    await shop.sessions.end(begun.actor.session)
    assert shop.revoked == [begun.actor.session]

    await shop.sessions.poll()

    assert shop.revoked == [begun.actor.session]


async def test_many_changes_at_once_are_all_followed(tmp_path):
    async with open_identity(tmp_path) as shop, open_identity(tmp_path) as command_line:
        await shop.register()
        tokens = [(await shop.sign_in("anna")).begun.token for _ in range(12)]
        await shop.sessions.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("db.queries.sessions.CHANGES_AT_ONCE", 5)  # the thirteen share one number

            await command_line.staff.reset_password("anna")
            await shop.sessions.poll()

        assert len(shop.revoked) == 13
        assert [await shop.sessions.get(token) for token in tokens] == [None] * 12


async def test_a_callback_that_fails_keeps_nobody_from_hearing(shop):
    def fail(token_hash):
        raise RuntimeError

    heard = []
    shop.sessions._revoked.insert(0, fail)
    shop.sessions.on_revoked(heard.append)
    begun = await shop.sessions.begin_guest()

    await shop.sessions.end(begun.actor.session)

    assert heard == [begun.actor.session]


async def test_an_end_takes_effect_although_the_caller_has_gone(shop):
    begun = await shop.sessions.begin_guest()
    ended = asyncio.Event()
    shop.sessions.on_revoked(lambda token_hash: ended.set())

    task = asyncio.create_task(shop.sessions.end(begun.actor.session))
    await asyncio.sleep(0)
    task.cancel()

    await asyncio.wait_for(ended.wait(), 2)
    assert await shop.sessions.get(begun.token) is None


# Guests


async def test_one_session_has_one_guest_row_however_many_ask_at_once(shop):
    actor = (await shop.sessions.begin_guest()).actor
    assert actor.id is None

    guests = await asyncio.gather(*(shop.users.ensure_guest(actor) for _ in range(10)))
    again = await shop.users.ensure_guest(actor)

    assert {guest.id for guest in guests} == {again.id} == {1}
    assert await shop.count(select(func.count(User.id))) == 1


async def test_a_row_for_a_session_that_is_over_is_refused(shop):
    actor = (await shop.sessions.begin_guest()).actor
    await shop.sessions.end(actor.session)

    with pytest.raises(Unauthorized):
        await shop.users.ensure_guest(actor)


async def test_a_guest_who_signed_in_meanwhile_writes_as_the_user(shop):
    actor = (await shop.sessions.begin_guest()).actor
    user = (await shop.register(current=actor.session)).begun.actor

    assert await shop.users.ensure_guest(actor) == user


# Cookies


async def test_a_guest_gets_a_cookie_that_scripts_cannot_read(shop):
    async with serve(shop) as client:
        response = await client.post("/api/v1/session/guest")

        assert response.status == 201
        assert await response.json() == {"me": me("guest"), "token": None}
        cookie = response.cookies["cts_shop"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]) == (True, "Lax", "/", "")
        assert response.headers["Cache-Control"] == "no-store"
        assert (await (await client.get("/api/v1/session")).json())["me"]["kind"] == "guest"


async def test_behind_https_the_cookie_is_bound_to_the_host(shop):
    async with serve(shop, public_url="https://shop.example") as client:
        response = await client.post("/api/v1/session/guest")

        cookie = response.cookies["__Host-cts_shop"]
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        assert await shop.sessions.actor_for_token(cookie.value)


async def test_a_second_wish_for_a_session_keeps_the_first(shop):
    async with serve(shop) as client:
        await client.post("/api/v1/session/guest")

        response = await client.post("/api/v1/session/guest", json={})

        assert (response.status, response.cookies) == (200, {})


async def test_a_bearer_token_works_without_cookies_and_makes_them_count_for_nothing(shop):
    async with serve(shop) as client:
        token = (await (await client.post("/api/v1/session/guest", json={"token": True})).json())["token"]
        await client.post("/api/v1/users", json=account("anna"))  # the cookie's session is a user's

        response = await client.get("/api/v1/session", headers=bearer(token))
        assert (await response.json())["me"] == me("guest")

        response = await client.get("/api/v1/session", headers=bearer("made-up"))
        assert response.status == 401


async def test_the_staff_cookie_counts_only_where_staff_is_asked_for(shop):
    await shop.add_staff()
    async with serve(shop) as client:
        await client.post("/api/v1/session/guest")
        response = await client.post(
            "/api/v1/session", json={"login": "boris", "password": PASSWORD}, headers={"CTS-Audience": "staff"}
        )
        assert list(response.cookies) == ["cts_staff"]
        assert response.cookies["cts_staff"]["max-age"] == ""  # it goes with the browser

        async def kind(**options):
            return (await (await client.get("/api/v1/session", **options)).json())["me"]["kind"]

        assert await kind() == "guest"
        assert await kind(headers={"CTS-Audience": "staff"}) == "staff"
        assert await kind(params={"as": "staff"}) == "staff"
        assert (await client.get("/api/v1/staff/me")).status == 403
        assert (await client.get("/api/v1/staff/me", headers={"CTS-Audience": "staff"})).status == 200


async def test_signing_out_ends_the_session_and_takes_the_cookie_back(shop):
    async with serve(shop) as client:
        token = (await client.post("/api/v1/session/guest")).cookies["cts_shop"].value

        response = await client.delete("/api/v1/session")

        assert response.status == 204
        assert response.cookies["cts_shop"]["max-age"] == "0"
        assert shop.revoked == [hash_token(token)]
        client.session.cookie_jar.update_cookies({"cts_shop": token})
        assert (await (await client.get("/api/v1/session")).json())["me"] == me("visitor")
        assert (await client.delete("/api/v1/session")).status == 204  # once more does no harm


async def test_signing_out_everywhere_ends_the_other_devices_too(shop):
    await shop.register()
    other = (await shop.sign_in("anna")).begun
    somebody_else = (await shop.register("olga")).begun
    async with serve(shop) as client:
        await client.post("/api/v1/session", json={"login": "anna", "password": PASSWORD})

        assert (await client.delete("/api/v1/session/all")).status == 204

        assert await shop.sessions.get(other.token) is None
        assert await shop.sessions.get(somebody_else.token)
        assert (await (await client.get("/api/v1/session")).json())["me"] == me("visitor")


async def test_guest_sessions_from_one_address_are_limited(tmp_path):
    async with open_identity(tmp_path, guest_sessions=3) as shop, serve(shop) as client:
        statuses = [(await client.post("/api/v1/session/guest", json={"token": True})).status for _ in range(4)]

        assert statuses == [201, 201, 201, 429]


# aiohttp-session, for pages that keep something


async def test_pages_keep_values_on_the_server_and_rotate_and_end_the_session(shop):
    routes = web.RouteTableDef()

    @routes.post("/keep")
    async def keep(request):
        (await aiohttp_session.get_session(request))["seen"] = request.query["value"]
        return web.Response()

    @routes.get("/kept")
    async def kept(request):
        return web.json_response((await aiohttp_session.get_session(request)).get("seen"))

    @routes.post("/rotate")
    async def rotate(request):
        (await aiohttp_session.new_session(request))["seen"] = "new"
        return web.Response()

    @routes.post("/end")
    async def end(request):
        (await aiohttp_session.get_session(request)).invalidate()
        return web.Response()

    async with serve(shop, routes=routes) as client:
        response = await client.post("/keep?value=teapot")
        first = response.cookies["cts_shop"].value
        assert "teapot" not in str(response.headers)
        await client.post("/keep?value=kettle")
        assert await (await client.get("/kept")).json() == "kettle"

        second = (await client.post("/rotate")).cookies["cts_shop"].value
        assert await (await client.get("/kept")).json() == "new"
        assert await shop.sessions.get(first) is None

        await client.post("/end")
        assert await (await client.get("/kept")).json() is None
        assert await shop.sessions.get(second) is None


async def test_what_a_guest_kept_stays_when_signing_in(shop):
    begun = await shop.sessions.begin_guest({"theme": "dark"})

    user = (await shop.register(current=begun.actor.session)).begun

    assert (await shop.sessions.get(user.token)).data == {"theme": "dark"}


# Requests from other sites


@pytest.mark.parametrize(
    ("headers", "with_cookie", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True, 204),
        ({"Sec-Fetch-Site": "none"}, True, 204),
        ({"Sec-Fetch-Site": "same-site"}, True, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, True, 403),
        ({"Origin": "https://evil.example"}, True, 403),
        ({"Origin": "https://evil.example"}, False, 403),
        ({"Origin": "null"}, True, 403),
        ({"Origin": "http://shop.example"}, True, 403),
        ({"Origin": "https://shop.example:444"}, True, 403),
        ({"Origin": "https://shop.example"}, True, 204),
        ({}, True, 403),  # a browser says where it comes from
        ({}, False, 204),  # and a script has no cookie
    ],
)
async def test_another_site_cannot_change_anything_with_a_cookie(shop, headers, with_cookie, status):
    async with serve(shop, public_url="https://shop.example") as client:
        del client.session.headers["Sec-Fetch-Site"]
        if with_cookie:
            begun = await shop.sessions.begin_guest()
            headers = {**headers, "Cookie": f"__Host-cts_shop={begun.token}"}

        response = await client.delete("/api/v1/session", headers=headers)

        assert response.status == status
        assert (await client.get("/api/v1/session", headers=headers)).status == 200  # reading is the browser's affair


async def test_a_bearer_token_needs_no_origin(shop):
    begun = await shop.sessions.begin_guest()
    async with serve(shop) as client:
        headers = {**bearer(begun.token), "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

        assert (await client.delete("/api/v1/session", headers=headers)).status == 204


async def test_without_a_public_url_this_machine_on_this_port_is_the_origin(shop):
    begun = await shop.sessions.begin_guest()
    async with serve(shop) as client:
        del client.session.headers["Sec-Fetch-Site"]

        async def status(origin):
            headers = {"Origin": origin, "Cookie": f"cts_shop={begun.token}"}
            return (await client.post("/api/v1/session/guest", json={}, headers=headers)).status

        assert await status(f"http://localhost:{client.port}") == 200
        assert await status(f"http://127.0.0.1:{client.port}") == 200
        assert await status(f"http://127.0.0.1:{client.port + 1}") == 403
        assert await status(f"http://192.0.2.7:{client.port}") == 403


def me(kind, **more):
    return {"kind": kind, "id": None, "name": "", "role": None, "rights": None, **more}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def account(username):
    return {"username": username, "email": f"{username}@mail.example", "password": PASSWORD}


# Sockets


@pytest.mark.parametrize(
    ("origin", "cookie", "token", "credential"),
    [
        ("https://shop.example", True, False, "cookie"),
        ("https://shop.example", False, False, "cookie"),  # a visitor on our own page
        ("https://evil.example", True, False, "refused"),
        (None, True, False, "refused"),
        ("https://evil.example", False, False, "bearer"),  # nobody's, until hello brings a token
        (None, False, False, "bearer"),
        (None, False, True, "bearer"),
        ("https://evil.example", True, True, "bearer"),  # the cookie does not count beside a token
    ],
)
async def test_a_socket_with_a_cookie_comes_from_our_own_page(shop, origin, cookie, token, credential):
    routes = web.RouteTableDef()

    @routes.get("/ws")
    async def connect(request):
        return web.json_response(upgrade_credential(request))

    headers = {
        **({"Origin": origin} if origin else {}),
        **({"Cookie": "theme=dark; __Host-cts_staff=any"} if cookie else {}),
        **(bearer("any") if token else {}),
    }
    async with serve(shop, routes=routes, public_url="https://shop.example") as client:
        assert await (await client.get("/ws", headers=headers)).json() == credential
