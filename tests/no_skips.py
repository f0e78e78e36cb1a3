"""Where nothing may be missing (``--no-skips``, or CTS_NO_SKIPS=1 in CI), a skipped test fails the run."""

import os
from typing import Any

import pytest

skipped = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        default=os.environ.get("CTS_NO_SKIPS", "") not in ("", "0"),
        help="fail the run if any test was skipped (also: CTS_NO_SKIPS=1)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[skipped] = []
    config.pluginmanager.register(_Watch(config), "no-skips-watch")


class _Watch:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self._config.stash[skipped].append(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")

    def _forbidden(self) -> list[str]:
        return self._config.stash[skipped] if self._config.getoption("no_skips") else []

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.OK and self._forbidden():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._forbidden():
            terminalreporter.section("skipped, and no skips are allowed here", red=True)
            for line in self._forbidden():
                terminalreporter.line(line)
