"""axe-core finds nothing serious on any page, in both languages, light and dark."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Demo, MakeContext, ShopPage

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

VENDOR = Path(__file__).parent / "vendor"
AXE = (VENDOR / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
LOCALES = {"ru": "ru-RU", "en": "en-GB"}
# Two of the four together see both languages and both schemes.
LOOKS = [
    pytest.param("ru", "light"),
    pytest.param("en", "dark"),
    pytest.param("ru", "dark", marks=pytest.mark.slow),
    pytest.param("en", "light", marks=pytest.mark.slow),
]


# Halfway through its appearance a panel is pale.
SETTLE = """() => Promise.allSettled(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().endTime < Infinity).map((one) => one.finished))"""


async def complaints(page: Page, *rules: str) -> list[str]:
    """What axe finds serious or critical: rule, place and what to do. With rules, only those are asked."""
    await page.evaluate(SETTLE)
    await page.evaluate(AXE)  # past the page's content security policy, which would refuse a script of ours
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    result = await page.evaluate("options => axe.run(document, options)", options)
    assert result["passes"], "axe looked at nothing"
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def test_what_is_vendored_is_what_it_says() -> None:
    listed = dict(re.findall(r"^\| (\S+) \| `([0-9a-f]{64})` \|$", (VENDOR / "VENDORED.md").read_text(), re.M))
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "VENDORED.md"
    }
    assert found == listed


async def test_a_fault_is_found(demo: Demo, make_context: MakeContext) -> None:
    page = await (await make_context()).new_page()
    await page.goto(demo.url + "/")
    await page.evaluate(
        """() => {
            const box = document.createElement("input"), words = document.createElement("p")
            words.textContent = "grey"
            words.setAttribute("class", "card__category tag")
            words.style.color = "#eee"
            words.style.background = "#fff"
            document.querySelector("main").append(box, words)
        }"""
    )
    assert {one.partition(":")[0] for one in await complaints(page)} == {"label", "color-contrast"}


@pytest.mark.parametrize(("language", "scheme"), LOOKS)
async def test_everybody_can_use_the_shop(demo: Demo, make_context: MakeContext, language: str, scheme: str) -> None:
    context = await make_context(locale=LOCALES[language], color_scheme=scheme, reduced_motion="reduce")
    page = await context.new_page()
    guest, found = ShopPage(page), {}
    await page.goto(demo.url + "/")
    await expect(page.locator("html")).to_have_attribute("lang", language)
    found["shop"] = await complaints(page)
    await guest.open_chat()
    found["greeting"] = await complaints(page)
    await guest.write("Здравствуйте! 🙂")
    await page.locator("[data-testid=message][data-seq]").wait_for()
    await context.set_offline(True)
    await guest.write("Это ещё в пути")
    await page.locator("[data-testid=message][data-state=pending]").wait_for()
    await page.locator(".panel__connection").wait_for()
    found["chat"] = await complaints(page)
    await context.set_offline(False)
    await page.get_by_test_id("account").click()
    form = page.get_by_test_id("register-form")
    await form.locator("[name=username]").fill("-")
    await form.locator("[name=email]").fill("-")
    await form.locator("[name=password]").fill("-")
    await form.locator("[type=submit]").click()
    await page.locator(".field__problem").first.wait_for()
    found["account"] = await complaints(page)

    for name, path in (("product", await demo.product_path()), ("demo", "/demo"), ("404", "/nothing")):
        await page.goto(demo.url + path)
        found[name] = await complaints(page)
    assert not {name: faults for name, faults in found.items() if faults}


@pytest.mark.parametrize(("language", "scheme"), LOOKS)
async def test_everybody_can_use_the_desk(demo: Demo, make_context: MakeContext, language: str, scheme: str) -> None:
    context = await make_context(locale=LOCALES[language], color_scheme=scheme, reduced_motion="reduce")
    page = await context.new_page()
    rows, found = page.get_by_test_id("inbox-row"), {}
    await page.goto(demo.url + "/staff")
    await page.get_by_test_id("staff-login").wait_for()
    await expect(page.locator("html")).to_have_attribute("lang", language)
    await page.locator("[name=login]").fill("anna")
    await page.locator("[name=password]").fill("not hers")
    await page.locator("[data-entrance] [type=submit]").click()
    await page.locator("[data-error]").wait_for()
    found["sign-in"] = await complaints(page)
    await page.locator("[name=password]").fill(demo.passwords["anna"])
    await page.locator("[data-entrance] [type=submit]").click()
    await page.locator("[data-filter=all]").click()
    await rows.first.wait_for()
    found["inbox"] = await complaints(page)
    await rows.first.click()
    await page.get_by_test_id("message").first.wait_for()
    found["desk"] = await complaints(page)
    await page.locator("[data-filter=closed]").click()
    await page.locator("[data-status=closed]").first.click()
    await page.get_by_test_id("reopen-chat").wait_for()
    found["closed chat"] = await complaints(page)
    assert not {name: faults for name, faults in found.items() if faults}
