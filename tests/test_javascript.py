"""The scripts' own tests (tests/js, run by Node), and what may not stand in any script."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.settings import ROOT

STATIC = ROOT / "static"
SCRIPTS = [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]
# Ways to make markup or code out of text. Everything that people write goes in by lit's text parts or textContent.
DANGEROUS = re.compile(r"(inner|outer|insertAdjacent|unsafe-?)HTML|document\.write|\beval\b|new Function", re.I)


def test_the_rules_of_replica_outbox_and_socket_hold() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    files = sorted(str(path) for path in (ROOT / "tests" / "js").glob("*.test.mjs"))
    run = subprocess.run([node, "--test", *files], capture_output=True, text=True, timeout=55)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_out_of_text(script: Path) -> None:
    assert not DANGEROUS.findall(script.read_text(encoding="utf-8"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_import_is_relative_and_there(script: Path) -> None:
    for target in re.findall(r"""(?:from|import) ["']([^"']+)["']""", script.read_text(encoding="utf-8")):
        assert target.startswith("."), target
        assert (script.parent / target).is_file(), target


def test_components_know_neither_the_socket_nor_the_rest_interface() -> None:
    for script in (STATIC / "components").glob("*.js"):
        imports = re.findall(r"""["']\.\./js/([\w-]+)\.js["']""", script.read_text(encoding="utf-8"))
        assert not {"api", "client", "socket", "outbox", "replica"} & set(imports), script.name
