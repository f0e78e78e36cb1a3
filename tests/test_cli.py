"""The command line as somebody at a terminal has it: the real `run.py`, in folders of their own."""

import asyncio
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.settings import ROOT
from tests.conftest import PASSWORD, Person, Shop
from tests.delivery.conftest import read_log
from tests.faults.server_process import SECRET, ServerProcess
from tests.terminal import Terminal, owner, permissions, read_by_others, started
from tests.visitors import visiting
from ws.protocol import CloseCode


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


# The first steps


async def test_in_a_fresh_folder_there_are_two_ways_to_go_on(terminal: Terminal) -> None:
    said = await terminal.run()

    assert said.status == 2
    assert "python run.py demo" in said.err and "python run.py init" in said.err
    assert not list(terminal.folder.iterdir())


async def test_a_missing_package_is_named_with_the_way_to_get_it(terminal: Terminal) -> None:
    said = await terminal.run("serve", python=("-S", "-E"))

    assert said.status == 1
    assert "A package is missing" in said.err and "pip install -r requirements.txt" in said.err


async def test_an_unknown_command_is_answered_with_those_there_are(terminal: Terminal) -> None:
    said = await terminal.run("sreve", PYTHONSAFEPATH="1")  # which hides our own modules from a script

    assert said.status == 2
    assert "sreve" in said.err and "reset-password" in said.err


async def test_serve_wants_a_secret_of_its_own(terminal: Terminal) -> None:
    secrets = ("", "x9" * 15, "Test-Secret-test-secret-test-secret")
    answers = await asyncio.gather(*(terminal.refusal("serve", CTS_SECRET=secret) for secret in secrets))

    assert all("CTS_SECRET is missing, known or short" in answer for answer in answers)
    assert not terminal.data.exists()


async def test_a_wrong_setting_is_named_as_it_is_written(terminal: Terminal) -> None:
    terminal.env["CTS_SECRET"] = SECRET
    some, a_list, a_limit = await asyncio.gather(
        terminal.refusal("serve", "--port", "99999", CTS_PUBLIC_URL="shop.example", CTS_LOG_LEVEL="loud"),
        terminal.refusal("serve", CTS_TRUSTED_PROXIES="10.0.0.1"),
        terminal.refusal("migrate", CTS_LIMIT_TEXT_CHARS="many"),
    )

    assert all(said.startswith("A setting is not right:\n") for said in (some, a_list, a_limit))
    for name in ("CTS_PORT", "CTS_PUBLIC_URL", "CTS_LOG_LEVEL"):
        assert f"    {name}: " in some
    assert '    CTS_TRUSTED_PROXIES: a list in JSON, such as ["10.0.0.1"]' in a_list
    assert "    CTS_LIMIT_TEXT_CHARS: " in a_limit
    assert not terminal.data.exists()


async def test_init_makes_a_shop_that_only_its_owner_can_read(terminal: Terminal) -> None:
    terminal.data.mkdir(mode=0o755)
    file = terminal.folder / ".env"
    file.write_text("# CTS_SECRET is yet to come\nCTS_SHOP_NAME=Лавка")  # no line end
    file.chmod(0o644)

    said = await terminal.run("init", *owner(), typed=PASSWORD)

    assert said.status == 0, said
    assert permissions(file) == 0o600
    assert re.fullmatch(r"# .*\nCTS_SHOP_NAME=Лавка\nCTS_SECRET=[0-9a-f]{64}\n", file.read_text())
    assert {path.name for path in terminal.data.glob("*.db")} == {"PRODUCTS.db", "USERS.db", "MESSANGER.db"}
    assert set(read_by_others(terminal.folder)) <= {str(terminal.folder), str(terminal.data)}

    before = file.read_text()
    said = await terminal.run("init")  # nothing to ask: there is an owner
    assert said.status == 0 and "has a secret already" in said.out and "owner already" in said.out
    assert file.read_text() == before
    assert "This username is taken" in await terminal.refusal("init", *owner(), typed=PASSWORD)


async def test_run_py_alone_serves_once_there_is_an_env_file(terminal: Terminal) -> None:
    await terminal.run("init", *owner(), typed=PASSWORD)

    with started(terminal) as server:
        url = await asyncio.to_thread(server.wait_for_address)
        async with visiting(url) as shop:
            anna = await shop.sign_in("anna")
            assert anna.me["kind"] == "staff" and anna.me["role"] == "owner"
        assert await asyncio.to_thread(server.stop, signal.SIGTERM) == 0
    assert permissions(terminal.data) == 0o700
    assert not read_by_others(terminal.data)


@pytest.mark.slow
async def test_an_owner_that_cannot_be_is_refused_in_words(terminal: Terminal) -> None:
    await terminal.add_owner()

    short, mail, taken, silent = await asyncio.gather(
        terminal.refusal(
            "create-owner", "--username", "boris", "--email", "b@example.org", "--password-stdin", typed="x"
        ),
        terminal.refusal("create-owner", "--username", "b", "--email", "nobody", "--password-stdin", typed=PASSWORD),
        terminal.refusal("create-owner", *owner(), typed=PASSWORD),
        terminal.refusal("create-owner"),
    )

    assert "password: " in short and "at least 10 characters" in short and "setting" not in short
    assert "username: " in mail and "email: " in mail
    assert "This username is taken" in taken
    assert "--password-stdin" in silent


async def test_passwords_are_asked_for_twice_and_not_shown(terminal: Terminal) -> None:
    def answer(once: str, again: str) -> tuple[int, str]:
        with started(terminal, "create-owner", on_terminal=True) as command:
            command.answer("username: ", "vera")
            command.answer("e-mail: ", "vera@example.org")
            command.answer("characters or more: ", once)
            command.answer("Once more: ", again)
            return command.wait(), command.said

    status, said = await asyncio.to_thread(answer, PASSWORD, "something else")
    assert status == 1 and "The two passwords differ" in said and PASSWORD not in said

    status, said = await asyncio.to_thread(answer, PASSWORD, PASSWORD)
    assert status == 0 and "vera is an owner now" in said and PASSWORD not in said


async def test_migrate_makes_the_databases_and_finds_nothing_to_do_afterwards(terminal: Terminal) -> None:
    for _ in range(2):
        said = await terminal.run("migrate")
        assert (said.status, said.out, said.err) == (0, "The databases are up to date.\n", "")
    assert permissions(terminal.data) == 0o700
    assert not read_by_others(terminal.data)


@pytest.mark.slow
async def test_databases_that_cannot_be_used_are_spoken_of_in_words(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, {"CTS_SECRET": SECRET})
    (tmp_path / "file").write_text("")
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "USERS.db").write_bytes(os.urandom(8192))

    with closed_port() as port:
        file, noise, address, driver, nobody = await asyncio.gather(
            terminal.refusal("serve", "--data", str(tmp_path / "file")),
            terminal.refusal("serve", "--data", str(tmp_path / "noise")),
            terminal.refusal("migrate", CTS_DATA=str(tmp_path / "a"), CTS_USERS_URL="nonsense"),
            terminal.refusal("migrate", CTS_DATA=str(tmp_path / "b"), CTS_USERS_URL="mysql://localhost/users"),
            terminal.refusal(
                "migrate", CTS_DATA=str(tmp_path / "c"), CTS_USERS_URL=f"postgresql+asyncpg://x@127.0.0.1:{port}/x"
            ),
        )

    assert str(tmp_path / "file") in file
    assert "file is not a database" in noise
    assert "CTS_USERS_URL" in address and "postgresql+asyncpg" in driver
    assert "does not answer" in nobody


# Beside a running server


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """One server for the tests that only come and go beside it."""
    async with ServerProcess(tmp_path_factory.mktemp("cli") / "data", env={"CTS_LOG_FORMAT": "auto"}) as server:
        yield server


@pytest.fixture
def beside(server: ServerProcess) -> Terminal:
    return Terminal(server.data.parent, {"CTS_SECRET": SECRET})


async def test_an_owner_made_beside_the_server_signs_in(server: ServerProcess) -> None:
    async with visiting(server.url) as shop:
        await server.add_owner("klara")
        klara = await shop.sign_in("klara", audience="staff")
        assert klara.me["role"] == "owner"
        async with klara.socket() as socket:
            assert socket.welcome["me"]["name"] == "klara"


@pytest.mark.parametrize("kind", ["staff", "user"])
async def test_a_new_password_ends_the_sessions_of_the_old_one(
    server: ServerProcess, beside: Terminal, kind: str
) -> None:
    async with visiting(server.url) as shop:
        name = f"reset-{kind}"
        if kind == "staff":
            await server.add_owner(name)
            person = await shop.sign_in(name, audience="staff")
        else:
            person = await shop.user(name)
        bystander = await shop.user(f"bystander-{kind}")
        async with person.socket() as own, bystander.socket() as other:
            closing = asyncio.create_task(own.close_code(timeout_s=60))
            said = await beside.run("reset-password", f"{name}@example.org")
            async with asyncio.timeout(2):
                assert await closing == CloseCode.REVOKED
            await other.command("ping")

        new = said.out.removeprefix(f"New password of {name}@example.org: ").strip()
        assert len(new) >= 10 and " " not in new
        visitor = await shop.visitor()
        await visitor.call("POST", "/api/v1/session", json={"login": name, "password": PASSWORD}, status=401)
        await visitor.call("POST", "/api/v1/session", json={"login": name, "password": new}, status=200)
        await person.call("GET", "/api/v1/chats", status=401)


async def test_a_new_password_for_nobody_is_refused(beside: Terminal) -> None:
    assert "Nobody signs in by this name" in await beside.refusal("reset-password", "nobody")


@pytest.mark.slow
async def test_a_second_server_in_the_same_folder_is_refused(server: ServerProcess, beside: Terminal) -> None:
    for command in ("serve", "demo"):
        said = await beside.refusal(command, "--data", str(server.data))
        assert f"already works in {server.data} (process {server.pid})" in said


@pytest.mark.slow
async def test_a_port_that_is_taken_is_named(server: ServerProcess, beside: Terminal) -> None:
    said = await beside.refusal("serve", "--port", str(server.port), "--data", str(beside.folder / "other"))

    assert f"Cannot listen on 127.0.0.1:{server.port}" in said and "--port" in said
    assert not [line for line in said.splitlines() if "alembic" in line]


async def test_log_lines_are_json_with_the_request_that_they_belong_to(server: ServerProcess) -> None:
    async with visiting(server.url) as shop, shop.http.get(server.url + "/nothing?token=verysecret") as answer:
        request = answer.headers["X-Request-Id"]

    line = await line_with(server, request)
    assert json.loads(line).items() >= {"request": request, "path": "/nothing", "status": 404, "level": "info"}.items()
    assert "verysecret" not in "".join(server.log)
    assert all(json.loads(line)["time"] for line in server.log)


async def line_with(server: ServerProcess, text: str, timeout_s: float = 5) -> str:
    """The first line of the log that has the text, once there is one: a thread writes them."""
    async with asyncio.timeout(timeout_s):
        while True:
            for line in server.log:
                if text in line:
                    return line
            await asyncio.sleep(0.02)


# The end, and what is said on the way


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_finishes_what_was_sent_and_sends_everybody_away(
    terminal: Terminal, number: signal.Signals
) -> None:
    terminal.env["CTS_SECRET"] = SECRET
    texts = [f"Вопрос {one}" for one in range(5)]
    with started(terminal, "serve") as server:
        url = await asyncio.to_thread(server.wait_for_address)
        async with visiting(url) as shop:
            guest = await shop.guest()
            async with guest.socket() as socket:
                chat = (await socket.command("chat.open", client_id="first", text=texts[0]))["chat"]
                sent = {
                    await socket.post("message.send", chat=chat, client_id=text, text=text): text for text in texts[1:]
                }
                ending = asyncio.create_task(asyncio.to_thread(server.stop, number))
                assert await socket.close_code() == CloseCode.RESTART
        assert await ending == 0

    acknowledged = [sent[frame["reply_to"]] for frame in socket.frames if frame.get("reply_to") in sent and frame["ok"]]
    kept = [entry["text"] for entry in read_log(terminal.data)[chat] if entry["kind"] == "message"]
    assert kept == [texts[0], *acknowledged]
    assert "Traceback" not in server.said


async def test_log_lines_are_text_in_a_terminal(terminal: Terminal) -> None:
    terminal.env["CTS_SECRET"] = SECRET
    with started(terminal, "serve", on_terminal=True) as server:
        url = await asyncio.to_thread(server.wait_for_address)
        async with visiting(url) as shop, shop.http.get(url + "/health/live") as answer:
            request = answer.headers["X-Request-Id"]
        await asyncio.to_thread(server.wait_for, f"{request} GET /health/live 200")
        assert await asyncio.to_thread(server.stop, signal.SIGINT) == 0

    assert not [line for line in server.said.splitlines() if line.startswith("{")]
    assert "there is no owner yet: python run.py create-owner" in server.said
    assert "alembic" not in server.said


@pytest.mark.slow
async def test_no_line_has_what_people_say_or_sign_in_with(tmp_path: Path) -> None:
    words = [f"тайна-{number}" for number in range(6)]
    server = ServerProcess(tmp_path / "data", env={"CTS_LOG_LEVEL": "debug"})
    await server.add_owner("klara")
    async with server, visiting(server.url) as shop:
        customer, staff = await shop.user("gleb"), await shop.sign_in("klara", audience="staff")
        cookies = await sign_in_by_cookie(shop)
        async with customer.socket() as guest, staff.socket() as desk:
            chat = (await guest.command("chat.open", client_id="a", subject=words[0], text=words[1]))["chat"]
            await desk.command("chat.watch", chat=chat, after={"chat": None})
            await desk.command("chat.claim", chat=chat, if_version=1, client_id="b")
            await desk.command("message.send", chat=chat, client_id="c", text=words[2])
            sent = await guest.command("message.send", chat=chat, client_id="d", text=words[3])
            await guest.command("message.edit", chat=chat, target=sent["seq"], client_id="e", text=words[4])
            await desk.refusal("message.send", chat=chat, client_id="c", text=words[5])
            await guest.command("chat.read", chat=chat, log="chat", seq=sent["seq"])
        await customer.call(
            "POST", f"/api/v1/chats/{chat}/messages", json={"client_id": "f", "text": words[5]}, status=201
        )
        wrong = {"login": "gleb", "password": "тайна-пароль"}
        await (await shop.visitor()).call("POST", "/api/v1/session", json=wrong, status=401)
        await customer.call("DELETE", "/api/v1/session", status=204)
    log = "".join(server.log)

    assert "POST /api/v1/session 401" in log and "signed in" in log  # it does say something
    assert all(person.token for person in (customer, staff)) and cookies
    for secret in ("тайна", PASSWORD, SECRET, customer.token, staff.token, *cookies, *digests(customer, staff)):
        assert str(secret) not in log
    assert "\\u0442" not in log  # nor in another spelling


async def sign_in_by_cookie(shop: Shop) -> list[str]:
    """The cookies of a guest who is a browser."""
    async with shop.http.post(shop.url + "/api/v1/session/guest", json={}) as answer:
        assert answer.status == 201
        values = [cookie.value for cookie in answer.cookies.values()]
        headers = {"Cookie": "; ".join(f"{name}={cookie.value}" for name, cookie in answer.cookies.items())}
    async with shop.http.get(shop.url + "/api/v1/session", headers=headers) as answer:
        assert (await answer.json())["me"]["kind"] == "guest"
    return values


def digests(*people: Person) -> list[str]:
    """What is kept of their tokens."""
    return [hashlib.sha256(str(person.token).encode()).hexdigest() for person in people]


# The demo


@pytest.fixture(scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Terminal, str]:
    """A demo that ran and was stopped, with what it said."""
    terminal = Terminal(tmp_path_factory.mktemp("demo"))
    return terminal, await announcement(terminal)


async def announcement(terminal: Terminal) -> str:
    """Run a demo until it has said everything, sign in as everybody it names, and stop it."""
    with started(terminal, "demo", CTS_LOG_FORMAT="text") as server:
        url = await asyncio.to_thread(server.wait_for_address)
        await asyncio.to_thread(server.wait_for, "  3. ")
        async with visiting(url) as shop, shop.http.get(url + "/demo") as page:
            assert page.status == 200
            for login, password in accounts_of(server.said):
                visitor = await shop.visitor()
                form = {"login": login, "password": password}
                await visitor.call("POST", "/api/v1/session", json=form, status=200)
        assert await asyncio.to_thread(server.stop, signal.SIGINT) == 0
    return server.said


def accounts_of(said: str) -> list[tuple[str, str]]:
    found = re.findall(r"^    (?:owner|manager|customer) +(\w+) +(\w+) ", said, re.MULTILINE)
    assert len(found) == 8, said
    return found


@pytest.mark.slow
async def test_a_demo_started_again_names_the_same_people(demo: tuple[Terminal, str]) -> None:
    terminal, first = demo

    assert accounts_of(await announcement(terminal)) == accounts_of(first)
    assert not read_by_others(terminal.data)


@pytest.mark.slow
async def test_a_demo_is_not_served_as_a_shop(demo: tuple[Terminal, str]) -> None:
    terminal, _ = demo

    said = await terminal.refusal("serve", CTS_SECRET=SECRET)
    assert "holds a demo" in said
    said = await terminal.refusal("serve", CTS_SECRET=SECRET, CTS_DEMO="true")  # nor by a setting left behind
    assert "holds a demo" in said


@pytest.mark.slow
async def test_a_demo_leaves_a_real_shop_alone(terminal: Terminal) -> None:
    await terminal.add_owner()
    before = {path.name: path.read_bytes() for path in terminal.data.glob("*.db")}

    assert "is no demo" in await terminal.refusal("demo")

    assert {path.name: path.read_bytes() for path in terminal.data.glob("*.db")} == before
    assert {path.suffix for path in terminal.data.iterdir()} <= {".db", ".lock"}


@contextmanager
def closed_port() -> Iterator[int]:
    """A port on which nobody answers, held so that nobody else takes it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize("has_uvloop", [True, False])
def test_the_server_runs_on_uvloop_where_there_is_one(has_uvloop: bool):
    hidden = "" if has_uvloop else "sys.modules['uvloop'] = None;"
    code = f"import sys; {hidden} from app.cli import new_loop; loop = new_loop(); print(type(loop).__module__)"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30)

    assert answer.stdout.startswith("uvloop" if has_uvloop else "asyncio"), answer
