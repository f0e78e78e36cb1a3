"""Staff accounts over HTTP: the owner keeps them, everybody keeps their own, and what matters asks for the password."""

import aiohttp
import pytest

from tests.conftest import PASSWORD, Person, Shop
from tests.pictures import make_picture

ACCOUNT = {"username": "boris", "email": "boris@example.org", "password": PASSWORD, "name": "Борис"}


async def confirmed(person: Person) -> Person:
    await person.call("POST", "/api/v1/session/confirmation", json={"password": PASSWORD}, status=200)
    return person


async def test_the_owner_makes_a_manager_who_may_do_what_is_allowed(shop: Shop) -> None:
    owner = await confirmed(await shop.owner())

    made = await owner.call("POST", "/api/v1/staff", json={**ACCOUNT, "allows": ["stock", "prices"]}, status=201)

    boris = await shop.sign_in("boris", audience="staff")
    assert boris.me["role"] == "manager" and set(boris.me["rights"]) == {"prices", "stock"}
    assert (await owner.call("GET", f"/api/v1/staff/{made['uuid']}", status=200)) == made
    [deed] = (await owner.call("GET", "/api/v1/history?kind=create_staff&staff=1", status=200))["items"]
    assert (deed["object_id"], deed["staff_name"]) == (made["id"], "owner")
    assert deed["after"]["allows"] == ["prices", "stock"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"allows": ["everything"]}, "/allows"), ({"role": "king"}, "/role"), ({"password": "short"}, "/password"),
        ({"username": "b"}, "/username"), ({"surprise": 1}, "/surprise"),
    ],
)  # fmt: skip
async def test_an_account_that_cannot_be_is_refused(shop: Shop, change: dict[str, object], pointer: str) -> None:
    owner = await confirmed(await shop.owner())

    refusal = await owner.call("POST", "/api/v1/staff", json={**ACCOUNT, **change}, status=422)

    assert refusal["errors"][0]["pointer"] == pointer
    assert [person["name"] for person in (await owner.call("GET", "/api/v1/staff"))["items"]] == ["owner"]


async def test_a_customers_name_is_no_managers(shop: Shop) -> None:
    owner = await confirmed(await shop.owner())
    await shop.user("boris")

    assert (await owner.call("POST", "/api/v1/staff", json=ACCOUNT, status=409))["field"] == "username"


async def test_what_matters_asks_for_the_password_once_more_and_for_ten_minutes(shop: Shop) -> None:
    owner = await shop.owner()
    refusal = await owner.call("POST", "/api/v1/staff", json=ACCOUNT, status=403)
    assert refusal["reason"] == "password_needed"
    wrong = await owner.call("POST", "/api/v1/session/confirmation", json={"password": "wrong"}, status=422)
    assert wrong["errors"] == [{"pointer": "/password", "code": "wrong", "detail": "The password is not right"}]

    await confirmed(owner)
    another_session = await shop.sign_in("owner", audience="staff")
    await another_session.call("POST", "/api/v1/staff", json=ACCOUNT, status=403)  # it has not said it
    await owner.call("POST", "/api/v1/staff", json=ACCOUNT, status=201)

    shop.clock.advance(601)
    later = {**ACCOUNT, "username": "vera", "email": "vera@example.org"}
    await owner.call("POST", "/api/v1/staff", json=later, status=403)


async def test_a_password_is_not_guessed_by_confirming(shop: Shop) -> None:
    owner = await shop.owner()
    for _ in range(10):
        await owner.call("POST", "/api/v1/session/confirmation", json={"password": "wrong"}, status=422)

    await owner.call("POST", "/api/v1/session/confirmation", json={"password": PASSWORD}, status=429)


async def test_a_right_that_is_taken_away_is_gone_at_once(shop: Shop) -> None:
    owner, manager = await confirmed(await shop.owner()), await shop.staff("boris", allows=("reports",))
    await manager.call("GET", "/api/v1/stats/summary", status=200)
    uuid = (await manager.call("GET", "/api/v1/staff/me"))["uuid"]
    async with owner.request("GET", f"/api/v1/staff/{uuid}") as response:
        tag = response.headers["ETag"]

    path = f"/api/v1/staff/{uuid}"
    await owner.call("PATCH", path, json={"allows": []}, status=428)
    await owner.call("PATCH", path, json={"allows": []}, headers={"If-Match": '"1"'}, status=412)
    await owner.call("PATCH", path, json={"allows": ["prices"]}, headers={"If-Match": tag}, status=200)
    await owner.call("PATCH", path, json={"allows": ["stock"]}, headers={"If-Match": tag}, status=412)

    await manager.call("GET", "/api/v1/stats/summary", status=401)
    assert (await shop.sign_in("boris", audience="staff")).me["rights"] == ["prices"]


async def test_who_is_disabled_comes_in_no_more_and_the_last_owner_stays(shop: Shop) -> None:
    owner, manager = await confirmed(await shop.owner()), await shop.staff("boris")
    people = {person["name"]: person["uuid"] for person in (await owner.call("GET", "/api/v1/staff"))["items"]}

    async def patch(name: str, status: int, **change: object) -> None:
        path = f"/api/v1/staff/{people[name]}"
        async with owner.request("GET", path) as response:
            tag = response.headers["ETag"]
        await owner.call("PATCH", path, json=change, headers={"If-Match": tag}, status=status)

    await patch("boris", 200, is_active=False)
    await manager.call("GET", "/api/v1/staff/me", status=401)
    form = {"login": "boris", "password": PASSWORD, "token": True}
    await (await shop.visitor()).call("POST", "/api/v1/session", json=form, status=401)
    names = [person["name"] for person in (await owner.call("GET", "/api/v1/staff"))["items"]]
    assert names == ["owner"]
    everybody = (await owner.call("GET", "/api/v1/staff?everybody=true"))["items"]
    assert {person["name"]: person["is_active"] for person in everybody} == {"owner": True, "boris": False}

    await patch("owner", 409, role="manager")
    await patch("owner", 409, is_active=False)
    await owner.call("GET", "/api/v1/staff/me", status=200)


async def test_a_manager_keeps_the_own_name_password_and_picture(shop: Shop) -> None:
    manager = await shop.staff("boris")
    other = await shop.sign_in("boris", audience="staff")

    me = await manager.call("PATCH", "/api/v1/staff/me", json={"name": "Борис", "lastname": "Лосев"}, status=200)
    assert (me["name"], me["lastname"]) == ("Борис", "Лосев")
    me = await manager.call("PATCH", "/api/v1/staff/me", json={"lastname": None}, status=200)
    assert (me["name"], me["lastname"]) == ("Борис", None)
    assert (await manager.call("GET", "/api/v1/session"))["me"]["name"] == "Борис"

    form = aiohttp.FormData()
    form.add_field("file", make_picture(), filename="me.png")
    me = await manager.call("PUT", "/api/v1/staff/me/avatar", data=form, status=200)
    async with manager.request("GET", me["image"]) as response:
        assert response.status == 200 and response.content_type == "image/webp"
    await manager.call("DELETE", "/api/v1/staff/me/avatar", status=204)
    assert (await manager.call("GET", "/api/v1/staff/me"))["image"] is None

    new = {"old_password": PASSWORD, "new_password": "another " + PASSWORD}
    await manager.call("PUT", "/api/v1/staff/me/password", json=new, status=204)
    await manager.call("GET", "/api/v1/staff/me", status=200)
    await other.call("GET", "/api/v1/staff/me", status=401)


async def test_managers_see_what_they_did_and_the_owner_what_all_did(shop: Shop) -> None:
    owner, manager = await shop.owner(), await shop.staff("boris", allows=("customers.block",))
    anna, vera = await shop.user("anna"), await shop.user("vera")
    await manager.call("PATCH", f"/api/v1/users/{anna.me['id']}", json={"blocked": True}, status=200)
    await owner.call("PATCH", f"/api/v1/users/{vera.me['id']}", json={"blocked": True}, status=200)
    await manager.call("PATCH", f"/api/v1/users/{anna.me['id']}", json={"blocked": False}, status=200)

    own = (await manager.call("GET", "/api/v1/history", status=200))["items"]
    assert [(deed["kind"], deed["object_id"]) for deed in own] == [
        ("unblock_user", anna.me["id"]),
        ("block_user", anna.me["id"]),
    ]
    await manager.call("GET", f"/api/v1/history?staff={owner.me['id']}", status=403)

    seen, before = [], ""
    while before is not None:
        page = await owner.call("GET", f"/api/v1/history?object_kind=user&limit=1{before}", status=200)
        seen += [(deed["kind"], deed["staff_name"]) for deed in page["items"]]
        before = f"&before={page['next']}" if page["next"] else None
    assert seen == [("unblock_user", "boris"), ("block_user", "owner"), ("block_user", "boris")]
    future = (await owner.call("GET", "/api/v1/history?since=2199-01-01T00:00:00Z", status=200))["items"]
    assert future == []
    for wrong in ("0", "2026-01-01T00:00:00"):  # digits are no time, and a time has its zone
        await owner.call("GET", f"/api/v1/history?since={wrong}", status=422)
