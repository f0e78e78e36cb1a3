"""Who is at the desk: said by themselves, seen by colleagues, and ended by leaving without a word."""

from pathlib import Path
from typing import Any

import pytest

from app.services import presence
from tests.conftest import Person, Shop, Socket, open_shop


async def at_the_desk(person: Person) -> list[tuple[str, str]]:
    """(name, state) of everybody, as a new connection is told."""
    async with person.socket() as socket:
        return [(one["name"], one["state"]) for one in socket.welcome["staff"]]


async def seen(socket: Socket, person: Person, state: str, timeout_s: float = 5) -> dict[str, Any]:
    return await socket.wait_for(
        lambda frame: (
            frame.get("type") == "staff.updated"
            and (frame["data"]["id"], frame["data"]["state"]) == (person.me["id"], state)
        ),
        timeout_s,
    )


async def test_a_state_is_seen_by_all_staff_and_by_no_customer(shop: Shop) -> None:
    anna, boris, guest = await shop.staff("anna"), await shop.staff("boris", allows=("prices",)), await shop.guest()
    async with anna.socket() as one, boris.socket() as two, guest.socket() as customer:
        reply = await one.command("presence.set", state="online")

        for socket in (one, two):
            assert await seen(socket, anna, "online") == {
                "type": "staff.updated", "key": f"staff/{anna.me['id']}", "version": reply["version"],
                "data": {"id": anna.me["id"], "name": "anna", "state": "online"},
            }  # fmt: skip
        await customer.command("ping")
        assert customer.frames == []


@pytest.mark.parametrize("state", ["online", "busy", "away", "off"])
async def test_who_comes_later_is_told_in_the_welcome(shop: Shop, state: str) -> None:
    anna, boris = await shop.staff("anna"), await shop.staff("boris")
    async with anna.socket() as socket:
        version = (await socket.command("presence.set", state=state))["version"]
        async with boris.socket() as other:
            assert other.welcome["staff"] == [{"id": anna.me["id"], "name": "anna", "state": state, "version": version}]


async def test_versions_rise_so_that_the_newest_state_wins(shop: Shop) -> None:
    anna = await shop.staff("anna")
    async with anna.socket() as socket:
        versions = [
            (await socket.command("presence.set", state=state))["version"] for state in ("online", "online", "away")
        ]

    assert versions == sorted(set(versions))


@pytest.mark.parametrize("state", ["offline", "", None, 1, "ONLINE"])
async def test_a_made_up_state_is_refused(shop: Shop, state: Any) -> None:
    anna = await shop.staff("anna")
    async with anna.socket() as socket:
        assert (await socket.refusal("presence.set", state=state))["code"] == "invalid"


async def test_who_left_is_off_after_a_grace(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert presence.GRACE_S == 15
    monkeypatch.setattr(presence, "GRACE_S", 0.1)
    anna, boris = await shop.staff("anna"), await shop.staff("boris")
    async with boris.socket() as other:
        async with anna.socket() as socket:
            await socket.command("presence.set", state="online")
            await seen(other, anna, "online")
        await seen(other, anna, "off")


async def test_a_reload_does_not_blink(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "GRACE_S", 0.2)
    anna, boris, vera = await shop.staff("anna"), await shop.staff("boris"), await shop.staff("vera")
    async with boris.socket() as other:
        async with anna.socket() as socket:
            await socket.command("presence.set", state="busy")
            await seen(other, anna, "busy")
        async with anna.socket():
            # Vera leaves after Anna came back, so when Vera is off Anna's time is over too.
            async with vera.socket() as leaver:
                await leaver.command("presence.set", state="online")
            await seen(other, vera, "off")
            assert await at_the_desk(boris) == [("anna", "busy"), ("vera", "off")]
        assert not any(frame["data"] == {"id": anna.me["id"], "name": "anna", "state": "off"} for frame in other.frames)


async def test_another_tab_keeps_one_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "GRACE_S", 0.05)
    anna, boris, vera = await shop.staff("anna"), await shop.staff("boris"), await shop.staff("vera")
    async with boris.socket() as other, anna.socket() as tab:
        await tab.command("presence.set", state="online")
        async with anna.socket():
            pass
        async with vera.socket() as leaver:
            await leaver.command("presence.set", state="online")
        await seen(other, vera, "off")

        assert await at_the_desk(boris) == [("anna", "online"), ("vera", "off")]


async def test_each_leave_has_the_whole_grace(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reloads one after another: the grace counts from the last one."""
    monkeypatch.setattr(presence, "GRACE_S", 1.0)
    anna, boris, vera = await shop.staff("anna"), await shop.staff("boris"), await shop.staff("vera")
    async with boris.socket() as other:
        async with anna.socket() as socket:
            await socket.command("presence.set", state="online")
        async with vera.socket() as leaver:
            await leaver.command("presence.set", state="online")
        monkeypatch.setattr(presence, "GRACE_S", 60)
        async with anna.socket() as socket:  # back within the grace, and gone again
            await socket.command("ping")
        await seen(other, vera, "off")

        assert await at_the_desk(boris) == [("anna", "online"), ("vera", "off")]


async def test_after_a_restart_who_does_not_come_back_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_shop(tmp_path) as shop:
        anna, boris = await shop.staff("anna"), await shop.staff("boris")
        async with anna.socket() as one, boris.socket() as two:
            await one.command("presence.set", state="online")
            await two.command("presence.set", state="online")
    monkeypatch.setattr(presence, "GRACE_S", 0.3)

    async with open_shop(tmp_path) as shop:
        anna.base_url = boris.base_url = shop.url
        anna.http = boris.http = shop.http
        async with boris.socket() as other:
            await seen(other, anna, "off")
            assert await at_the_desk(boris) == [("anna", "off"), ("boris", "online")]
