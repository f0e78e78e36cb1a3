"""Who may import whom: run → app → {db, ws}, migrations → db. Read from the source, so nothing has to be imported."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("run", "app", "ws", "db", "migrations", "tests")

# Of the project's own packages, each may import these; db and ws are leaves.
MAY_IMPORT = {
    "run": {"app", "db", "ws"},
    "app": {"app", "db", "ws"},
    "ws": {"ws"},
    "db": {"db"},
    "migrations": {"db"},
}

# Inside the layers: who, what not, why.
MAY_NOT = [
    ("app.handlers", ("db.queries", "db.models", "sqlalchemy"), "a handler sees schemas and services, never a query"),
    ("app.commands", ("db.queries", "db.models", "sqlalchemy"), "a command sees schemas and services, never a query"),
    ("app.pages", ("db.queries", "db.models", "sqlalchemy"), "a page sees schemas and services, never a query"),
    ("app.schemas", ("db", "ws", "sqlalchemy", "aiohttp", "app.services"), "a schema says only what crosses the wire"),
    ("app.services", ("aiohttp", "app.handlers", "app.commands", "app.pages"), "a service knows nothing of its faces"),
    ("app.actor", ("aiohttp", "db", "sqlalchemy"), "who is asking has no HTTP in it"),
    ("ws.hub", ("aiohttp",), "the core of ws does no I/O"),
    ("ws.outbox", ("aiohttp",), "the core of ws does no I/O"),
    ("ws.resume", ("aiohttp",), "the core of ws does no I/O"),
    ("ws.protocol", ("aiohttp",), "the core of ws does no I/O"),
    ("db.queries", ("aiohttp", "pydantic"), "a query gives rows"),
]
STATEMENTS = {"select", "insert", "update", "delete", "text", "union", "union_all", "func", "and_", "or_", "exists"}


@dataclass(frozen=True, slots=True)
class Import:
    module: str  # who imports
    target: str  # what, with the name for "from x import y": app.errors.NotFound
    bare: bool  # "import x", not "from x import y"
    at_start: bool  # runs when the module is loaded: not for type checkers only, not inside a function
    line: int

    def is_of(self, package: str) -> bool:
        return self.target == package or self.target.startswith(package + ".")

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def sources() -> dict[str, ast.Module]:
    """Every module of the project by dotted name."""
    paths = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    if (ROOT / "run.py").exists():
        paths.append(ROOT / "run.py")
    return {module_name(path): ast.parse(path.read_text()) for path in paths if "static" not in path.parts}


def imports_of(module: str, tree: ast.Module) -> Iterator[Import]:
    later = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        at_start = id(node) not in later
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, True, at_start, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}:{node.lineno}: relative import"
            for alias in node.names:
                yield Import(module, f"{node.module}.{alias.name}", False, at_start, node.lineno)


SOURCES = sources()
IMPORTS = [each for module, tree in SOURCES.items() for each in imports_of(module, tree)]
SHIPPED = [each for each in IMPORTS if not each.module.startswith("tests")]


def in_package(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def told(imports: list[Import]) -> list[str]:
    return [str(each) for each in imports]


def test_the_layers_are_there_to_be_looked_at() -> None:
    seen = {module.split(".")[0] for module in SOURCES}

    assert {"app", "ws", "db", "migrations"} <= seen
    assert any(each.is_of("db.queries") for each in IMPORTS)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_package_imports_only_what_is_below_it(package: str) -> None:
    forbidden = set(PACKAGES) - MAY_IMPORT[package]

    assert [
        str(each)
        for each in SHIPPED
        if in_package(each.module, package) and any(each.is_of(other) for other in forbidden)
    ] == []


@pytest.mark.parametrize(("package", "forbidden", "why"), MAY_NOT, ids=[rule[0] for rule in MAY_NOT])
def test_part_does_not_import(package: str, forbidden: tuple[str, ...], why: str) -> None:
    wrong = [each for each in SHIPPED if in_package(each.module, package) and any(map(each.is_of, forbidden))]

    assert told(wrong) == [], why


def test_sql_statements_are_built_in_db_only() -> None:
    wrong = [
        each
        for each in SHIPPED
        if in_package(each.module, "app")
        and each.is_of("sqlalchemy")
        and (each.bare or each.target.rsplit(".", 1)[1] in STATEMENTS)
    ]

    assert told(wrong) == []


def test_only_the_way_in_imports_the_module_that_knows_every_part() -> None:
    wrong = [each for each in SHIPPED if each.is_of("app.main") and each.module not in ("run", "app.cli")]

    assert told(wrong) == []


def test_revisions_import_nothing_of_the_project() -> None:
    wrong = [
        each for each in SHIPPED if in_package(each.module, "migrations.versions") and any(map(each.is_of, PACKAGES))
    ]

    assert told(wrong) == []


def test_nobody_imports_app_ws_or_db_bare() -> None:
    # Tests may: they reach into modules to change a constant for a while.
    wrong = [each for each in SHIPPED if each.bare and any(map(each.is_of, ("app", "ws", "db")))]

    assert told(wrong) == [], "write `from ws.hub import Hub`: the bare names are variables everywhere else"


def test_modules_import_each_other_in_one_direction() -> None:
    graph: dict[str, set[str]] = {module: set() for module in SOURCES}
    for each in IMPORTS:
        if not each.at_start:
            continue
        target = each.target if each.target in SOURCES else each.target.rpartition(".")[0]
        if target in SOURCES and target != each.module:
            graph[each.module].add(target)

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))


def test_what_is_shipped_imports_only_what_is_locked_for_run_time() -> None:
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    distributions = packages_distributions()

    def is_locked(package: str) -> bool:
        names = distributions.get(package, [])
        return any(re.sub(r"[-_.]+", "-", name).lower() in locked for name in names)

    own = {*sys.stdlib_module_names, *PACKAGES}
    wrong = [each for each in SHIPPED if (top := each.target.split(".")[0]) not in own and not is_locked(top)]

    assert told(wrong) == []
