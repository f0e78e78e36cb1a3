"""Makes the README's pictures: ``make screenshots``. With ``--all FOLDER`` every page, size, language and scheme."""

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from app.pages.office import SECTIONS
from tests.browser.conftest import CHROMIUM_OPTIONS, Demo
from tests.faults.server_process import ServerProcess
from tests.servers import find_chromium

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZES = {"wide": (1280, 860), "phone": (390, 844)}


async def main(folder: Path | None) -> None:
    with tempfile.TemporaryDirectory() as data:
        async with ServerProcess(Path(data), command=("demo",)) as server, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_OPTIONS)
            accounts = json.loads((Path(data) / "demo-accounts.json").read_text())
            passwords = {account["login"]: account["password"] for account in accounts}
            shots = [("wide", "ru", "light")] if folder is None else [
                (size, language, scheme) for size in SIZES for language in ("ru", "en") for scheme in ("light", "dark")
            ]  # fmt: skip
            for size, language, scheme in shots:
                suffix = "" if folder is None else f"-{size}-{language}-{scheme}"
                await take(browser, server.url, passwords, folder or IMAGES, size, language, scheme, suffix)
            await browser.close()


async def take(
    browser: Browser,
    url: str,
    passwords: dict[str, str],
    folder: Path,
    size: str,
    language: str,
    scheme: str,
    suffix: str,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    width, height = SIZES[size]
    options = {
        "viewport": {"width": width, "height": height}, "color_scheme": scheme, "device_scale_factor": 1,
        "locale": "ru-RU" if language == "ru" else "en-GB", "timezone_id": "Europe/Moscow",
    }  # fmt: skip
    guests, staffs = await browser.new_context(**options), await browser.new_context(**options)  # type: ignore[arg-type]
    shop, desk = await guests.new_page(), await staffs.new_page()
    await desk.goto(f"{url}/staff?lang={language}")
    if suffix:
        await desk.screenshot(path=folder / f"sign-in{suffix}.png")
    form = desk.get_by_test_id("staff-login")
    await form.locator("[name=login]").fill("anna")
    await form.locator("[name=password]").fill(passwords["anna"])
    await form.locator("button").click()
    await desk.get_by_test_id("inbox-row").first.wait_for()
    if suffix:
        await desk.screenshot(path=folder / f"inbox{suffix}.png")

    await shop.goto(f"{url}/?lang={language}")
    if suffix:
        await shop.screenshot(path=folder / f"shop{suffix}.png")
    await shop.get_by_test_id("chat-bubble").click()
    texts = TALK[language]
    await write(shop, texts[0])
    row = desk.get_by_test_id("inbox-row").filter(has_text=texts[0][:20])
    await row.first.click()
    await write(desk, texts[1])
    await shop.get_by_text(texts[1]).wait_for()
    await write(shop, texts[2])
    await desk.locator(".message__text", has_text=texts[2]).wait_for()
    await shop.locator("[data-testid=read-mark]").nth(1).wait_for()
    await shop.screenshot(path=folder / f"chat{suffix}.png")
    await desk.screenshot(path=folder / f"desk{suffix}.png")
    if suffix:
        await shop.goto(f"{url}/demo?lang={language}")
        await shop.screenshot(path=folder / f"demo{suffix}.png", full_page=True)
        await shop.goto(f"{url}/nowhere?lang={language}")
        await shop.screenshot(path=folder / f"missing{suffix}.png")
        owners = await browser.new_context(**options)  # type: ignore[arg-type]
        await Demo(url, passwords).sign_in(owners, "vera")
        office = await owners.new_page()
        for section in SECTIONS:
            await office.goto(f"{url}/staff/{section.slug}?lang={language}")
            await office.wait_for_load_state("networkidle")
            await office.screenshot(path=folder / f"office-{section.slug}{suffix}.png")
        await owners.close()
        await take_shopping(shop, url, folder, suffix)
    await guests.close()
    await staffs.close()


async def take_shopping(page: Page, url: str, folder: Path, suffix: str) -> None:
    """From the catalogue to the checkout, as a customer of the demo."""

    async def shoot(name: str, path: str) -> None:
        await page.goto(url + path)
        await page.screenshot(path=folder / f"{name}{suffix}.png", full_page=True)

    await shoot("catalogue", "/catalogue?in_stock=true&sort=-rating")
    await shoot("nothing", "/search?q=zzzzqqqq&in_stock=true")
    await page.goto(f"{url}/catalogue?in_stock=true&sort=-rating")
    path = await page.locator(".card__link").first.get_attribute("href")
    await page.goto(f"{url}{path}")
    await page.locator("#quantity-more").wait_for()
    await page.locator("#buy").click()
    await page.locator(".offer__there").wait_for()
    for name, address in {
        "product": str(path),
        "cart": "/cart",
        "checkout": "/checkout",
        "account": "/account",
    }.items():
        await shoot(name, address)


async def write(page: Page, text: str) -> None:
    box = page.get_by_test_id("chat-input")
    await box.fill(text)
    await box.press("Enter")


TALK = {
    "ru": (
        "Здравствуйте! Эта куртка маломерит? Обычно ношу 46 🙂",
        "Добрый день! Да, на полразмера. Возьмите 48, и тёплый свитер поместится.",
        "Спасибо, беру 48. Когда доставите?",
    ),
    "en": (
        "Hello! Does this jacket run small? I usually wear 46 🙂",
        "Good afternoon! Half a size, yes. Take 48, and a warm sweater will fit under it.",
        "Thank you, 48 it is. When will it be here?",
    ),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    asyncio.run(main(parser.parse_args().all))
