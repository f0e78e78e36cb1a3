"""What the demo says in the terminal: addresses, accounts, three things to try. Russian or English by LANG."""

import os
from collections.abc import Mapping
from typing import Final, Literal

from app.demo.build import DemoReport

Language = Literal["ru", "en"]

_TEXTS: Final[dict[Language, dict[str, str]]] = {
    "ru": {
        "title": "Демонстрационный магазин работает.",
        "has": "{products} товаров, {categories} категорий, {chats} чатов. Ctrl+C — остановить.",
        "shop": "Магазин",
        "staff": "Рабочее место",
        "guide": "Что попробовать",
        "accounts": "Учётные записи (пароли только этой демонстрации, лежат в {file}):",
        "lost": "Файла {file} нет, пароли не показать. Удалите папку данных, и демонстрация соберётся заново.",
        "owner": "владелец",
        "manager": "менеджер",
        "user": "покупатель",
        "try": "Попробуйте:",
        "first": "Откройте магазин и, в другом окне, рабочее место (войдите как {login}); напишите в чат из угла.",
        "second": "Ответьте тому, кто ждёт в очереди: чат станет вашим, а покупатель увидит, что вы печатаете.",
        "third": "Остановите сервер посреди разговора и запустите снова: ничего не потеряется.",
    },
    "en": {
        "title": "The demo shop is running.",
        "has": "{products} products, {categories} categories, {chats} chats. Ctrl+C stops it.",
        "shop": "Shop",
        "staff": "Staff desk",
        "guide": "What to try",
        "accounts": "Accounts (passwords of this demo only, kept in {file}):",
        "lost": "There is no {file}, so no passwords to show. Remove the data folder to have the demo made anew.",
        "owner": "owner",
        "manager": "manager",
        "user": "customer",
        "try": "Try this:",
        "first": "Open the shop and, in another window, the desk (sign in as {login}); write in the corner's chat.",
        "second": "Answer the one who waits in the queue: the chat becomes yours, and the customer sees you typing.",
        "third": "Stop the server in the middle of a talk and start it again: nothing is lost.",
    },
}


def choose_language(environment: Mapping[str, str] = os.environ) -> Language:
    """The terminal's language: the first of LC_ALL, LC_MESSAGES and LANG that is set decides."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    chosen = next((environment[name] for name in names if environment.get(name)), "")
    return "ru" if chosen.startswith("ru") else "en"


def make_text(report: DemoReport, base_url: str, accounts_file: str, language: Language | None = None) -> str:
    """The whole announcement, plain text for a terminal. ``base_url`` is where the server listens, without a slash."""
    texts = _TEXTS[language or choose_language()]
    counts = {"products": report.products, "categories": report.categories, "chats": report.chats}
    addresses = (("shop", "/"), ("staff", "/staff"), ("guide", "/demo"))
    width = max(len(texts[name]) for name, _ in addresses)
    lines = [
        "",
        f"  {texts['title']} {texts['has'].format(**counts)}",
        "",
        *(f"  {texts[name]:<{width}}  {base_url}{path}" for name, path in addresses),
        "",
        *_accounts(report, accounts_file, texts),
        "",
        f"  {texts['try']}",
    ]
    login = next((account.login for account in report.accounts if account.role == "manager"), "anna")
    lines += [
        f"  {number}. {texts[name].format(login=login)}" for number, name in enumerate(("first", "second", "third"), 1)
    ]
    return "\n".join([*lines, ""])


def _accounts(report: DemoReport, accounts_file: str, texts: Mapping[str, str]) -> list[str]:
    if not report.accounts:
        return [f"  {texts['lost'].format(file=accounts_file)}"]
    rows = [(texts[account.role], account.login, account.password, account.name) for account in report.accounts]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        f"  {texts['accounts'].format(file=accounts_file)}",
        *(
            "    " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, [*widths, 0], strict=True))
            for row in rows
        ),
    ]
