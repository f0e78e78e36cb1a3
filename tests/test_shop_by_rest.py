"""The page for authors of clients, run as it stands: its blocks in bash and in Python, against a demo."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.settings import ROOT
from tests.faults.server_process import ServerProcess

PAGE = ROOT / "docs" / "shop-by-rest.md"
BLOCK = re.compile(r"```(bash|python)\n(.*?)```\n(?:```text\n(.*?)```\n)?", re.DOTALL)
RUN_S = 60
END = "--- end of block ---"


@pytest.fixture(scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with ServerProcess(tmp_path_factory.mktemp("rest") / "data", command=("demo",)) as server:
        yield f"{server.url}/api/v1"


def blocks(language: str) -> list[tuple[str, str]]:
    """The code blocks of a language, each with what it prints."""
    return [
        (code, printed) for kind, code, printed in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if kind == language
    ]


async def run(folder: Path, address: str, *command: str) -> str:
    """What a program prints that knows the shop's address and nothing else."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={"PATH": os.environ["PATH"], "BASE": address, "PYTHONIOENCODING": "utf-8"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(RUN_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert (process.returncode, err.decode()) == (0, ""), out.decode()
    return out.decode()


def assert_prints(shown: str, printed: str) -> None:
    """Compare with the page, where ``…`` stands for something on the same line."""
    pattern = ".+".join(map(re.escape, shown.split("…")))
    assert re.fullmatch(pattern, printed), f"the page says:\n{shown}\nbut it prints:\n{printed}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (apt install curl)")
async def test_the_blocks_for_curl_do_what_the_page_says(address: str, tmp_path: Path) -> None:
    found = blocks("bash")
    assert len(found) > 7
    script = "".join(f"{code}echo '{END}'\n" for code, _ in found)

    printed = await run(tmp_path, address, "bash", "-euo", "pipefail", "-c", script)

    parts = printed.split(f"{END}\n")
    for (_, shown), part in zip(found, parts, strict=False):
        assert_prints(shown, part)
    assert parts[len(found) :] == [""]


async def test_the_program_in_python_does_what_the_page_says(address: str, tmp_path: Path) -> None:
    [(program, shown)] = blocks("python")

    printed = await run(tmp_path, address, sys.executable, "-W", "error", "-c", program)

    assert_prints(shown, printed)


def test_every_block_that_prints_is_one_that_runs() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert text.count("```text\n") == len([printed for _, _, printed in BLOCK.findall(text) if printed])
    assert set(re.findall(r"^```(\w+)", text, re.MULTILINE)) == {"bash", "python", "text"}
