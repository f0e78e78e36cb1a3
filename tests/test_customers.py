"""Customers' accounts: found and blocked by staff, closed by themselves, and passwords chosen anew by a link."""

import aiohttp

from tests.conftest import PASSWORD, MakeChat, Shop
from tests.pictures import make_picture
from ws.protocol import CloseCode

NEW = "another " + PASSWORD


async def test_customers_are_found_by_the_beginning_of_a_name_an_e_mail_or_by_id(shop: Shop) -> None:
    staff = await shop.staff(allows=("customers.view",))
    people = {name: (await shop.user(name)).me["id"] for name in ("anna", "anton", "борис")}
    await shop.guest()

    async def find(**query: object) -> list[str]:
        page = await staff.call("GET", "/api/v1/users", params=query, status=200)
        return [item["username"] for item in page["items"]]

    assert await find() == ["борис", "anton", "anna"]
    assert await find(q="AN") == ["anton", "anna"]
    assert await find(q="БОР") == ["борис"]
    assert await find(q="anna@ex") == ["anna"]
    assert await find(q=str(people["anton"])) == ["anton"]
    assert await find(q="nobody") == []
    assert await find(blocked="true") == []
    first = await staff.call("GET", "/api/v1/users?limit=2", status=200)
    assert await find(limit=2, before=first["next"]) == ["anna"]


async def test_a_blocked_customer_is_out_everywhere_until_let_in_again(shop: Shop) -> None:
    staff = await shop.staff(allows=("customers.block",))
    anna = await shop.user("anna")
    path = f"/api/v1/users/{anna.me['id']}"

    async with anna.socket() as socket:
        blocked = await staff.call("PATCH", path, json={"blocked": True}, status=200)
        assert blocked["blocked_time"]
        assert await socket.close_code() == CloseCode.REVOKED
    await anna.call("GET", "/api/v1/users/me", status=401)
    form = {"login": "anna", "password": PASSWORD, "token": True}
    await anna.call("POST", "/api/v1/session", json=form, status=401)

    assert (await staff.call("PATCH", path, json={"blocked": False}, status=200))["blocked_time"] is None
    await shop.sign_in("anna")


async def test_a_guest_can_be_blocked_too(shop: Shop, make_chat: MakeChat) -> None:
    staff, guest = await shop.staff(allows=("customers.block",)), await shop.guest()
    await make_chat(guest)
    me = (await guest.call("GET", "/api/v1/session"))["me"]

    await staff.call("PATCH", f"/api/v1/users/{me['id']}", json={"blocked": True}, status=200)

    await guest.call("GET", "/api/v1/chats", status=401)
    await staff.call("PATCH", "/api/v1/users/999999", json={"blocked": True}, status=404)
    await staff.call("PATCH", f"/api/v1/users/{me['id']}", json={}, status=422)


async def test_who_closes_the_account_leaves_no_name_behind(shop: Shop, make_chat: MakeChat) -> None:
    staff, anna = await shop.staff(allows=("chats.answer", "customers.view")), await shop.user("anna")
    chat = await make_chat(anna)
    await anna.call("PATCH", "/api/v1/users/me", json={"name": "Анна"}, status=200)

    refusal = await anna.call("DELETE", "/api/v1/users/me", status=403)
    assert refusal["reason"] == "password_needed"
    await anna.call("POST", "/api/v1/session/confirmation", json={"password": PASSWORD}, status=200)
    await anna.call("DELETE", "/api/v1/users/me", status=204)

    await anna.call("GET", "/api/v1/users/me", status=401)
    [left] = (await staff.call("GET", "/api/v1/users", status=200))["items"]
    assert not left["is_active"]
    assert {left[name] for name in ("username", "email", "name", "lastname")} == {None}
    entries = (await staff.call("GET", f"/api/v1/chats/{chat}/messages", status=200))["items"]
    assert "Анна" not in str(entries)
    again = await shop.user("anna")  # the name is free
    assert again.me["id"] != anna.me["id"]
    assert (await again.call("GET", "/api/v1/chats"))["items"] == []


async def test_a_picture_of_oneself_is_made_anew_and_can_be_taken_back(shop: Shop) -> None:
    anna = await shop.user("anna")

    def form(content: bytes) -> aiohttp.FormData:
        form = aiohttp.FormData()
        form.add_field("file", content, filename="me.jpg")
        return form

    me = await anna.call("PUT", "/api/v1/users/me/avatar", data=form(make_picture("JPEG")), status=200)
    assert me["image"].endswith(".webp")
    refusal = await anna.call("PUT", "/api/v1/users/me/avatar", data=form(b"<svg/>"), status=422)
    assert refusal["errors"][0]["code"] == "not_an_image"
    assert (await anna.call("GET", "/api/v1/users/me"))["image"] == me["image"]
    await anna.call("DELETE", "/api/v1/users/me/avatar", status=204)
    assert (await anna.call("GET", "/api/v1/users/me"))["image"] is None
    await anna.call("PUT", "/api/v1/users/me/avatar", json={}, status=415)


async def test_devices_are_listed_with_the_own_one_named(shop: Shop) -> None:
    anna = await shop.user("anna")
    await shop.sign_in("anna")

    devices = (await anna.call("GET", "/api/v1/session/all", status=200))["items"]

    assert len(devices) == 3  # registering, and signing in twice
    assert [device["is_current"] for device in devices].count(True) == 1


async def test_a_link_from_the_owner_is_good_for_one_new_password(shop: Shop) -> None:
    owner, anna, nobody = await shop.owner(), await shop.user("anna"), await shop.visitor()
    await owner.call("POST", "/api/v1/session/confirmation", json={"password": PASSWORD}, status=200)
    await owner.call("POST", "/api/v1/password-resets", json={"login": "nobody"}, status=404)
    first = await owner.call("POST", "/api/v1/password-resets", json={"login": "anna"}, status=201)
    link = await owner.call("POST", "/api/v1/password-resets", json={"login": "anna@example.org"}, status=201)
    await shop.sign_in("anna")  # until then the old password goes on

    def choice(url: str, password: str = NEW) -> dict[str, str]:
        return {"token": url.partition("#")[2], "new_password": password}

    await nobody.call("PUT", "/api/v1/password-resets", json=choice(first["url"]), status=404)  # an earlier one is void
    own_name = await nobody.call(
        "PUT", "/api/v1/password-resets", json=choice(link["url"], "anna@example.org"), status=422
    )
    assert own_name["errors"][0]["pointer"] == "/new_password"
    await nobody.call("PUT", "/api/v1/password-resets", json=choice(link["url"]), status=204)
    await nobody.call("PUT", "/api/v1/password-resets", json=choice(link["url"], NEW + "!"), status=404)

    await anna.call("GET", "/api/v1/users/me", status=401)
    form = {"login": "anna", "password": NEW, "token": True}
    await nobody.call("POST", "/api/v1/session", json=form, status=200)


async def test_a_link_is_over_after_a_day_and_is_not_guessed(shop: Shop) -> None:
    owner, nobody = await shop.owner(), await shop.visitor()
    await shop.user("anna")
    await owner.call("POST", "/api/v1/session/confirmation", json={"password": PASSWORD}, status=200)
    link = await owner.call("POST", "/api/v1/password-resets", json={"login": "anna"}, status=201)

    shop.clock.advance(24 * 3600 + 1)
    form = {"token": link["url"].partition("#")[2], "new_password": NEW}
    for _ in range(10):
        await nobody.call("PUT", "/api/v1/password-resets", json=form, status=404)
    await nobody.call("PUT", "/api/v1/password-resets", json=form, status=429)
