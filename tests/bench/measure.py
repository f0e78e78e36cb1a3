"""What a run cost: CPU time and memory of the server's processes, percentiles, and the machine it ran on."""

import asyncio
import os
import platform
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import clock_gettime, perf_counter, process_time

from tests.bench.load import LoadError

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PACKAGES = ("aiohttp", "SQLAlchemy", "aiosqlite", "pydantic", "uvloop")


def process_tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found.extend(map(int, task.read_text().split()))
    return found


def cpu_s(pid: int) -> float:
    """User and system time of a process tree: the sum /proc/PID/stat shows, by the clock that does not round it."""
    return sum(clock_gettime((~process << 3) | 2) for process in process_tree(pid))  # CPUCLOCK_SCHED of the process


def pss_kib(pid: int) -> int:
    """Proportional set size of a process tree."""
    total = 0
    for process in process_tree(pid):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def busy_s() -> float:
    """CPU time that all processes of the machine have used, and what the host took away."""
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_S


@dataclass(frozen=True, slots=True)
class Usage:
    """What one measured stretch used."""

    wall_s: float
    server_s: float
    generator_s: float
    busy_s: float

    @property
    def generator_share(self) -> float:
        """Of one core; near 1 the generator is what limits the rate."""
        return self.generator_s / self.wall_s

    @property
    def others_cores(self) -> float:
        """Cores that neither the server nor the generator used: work beside the run, and the host's."""
        return max(0.0, (self.busy_s - self.server_s - self.generator_s) / self.wall_s)


class Meter:
    """Measures from its making to ``stop``."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._begin = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        return perf_counter(), cpu_s(self._pid), process_time(), busy_s()

    def stop(self) -> Usage:
        """What was used since the beginning."""
        return Usage(*(end - begin for begin, end in zip(self._begin, self._now(), strict=True)))


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value with ``percent`` % of all at or below it."""
    if not values:
        raise LoadError("nothing was measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def fdatasync_ms(folder: str | None = None, times: int = 50) -> float:
    """What one small durable write costs here, in the middle."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            os.write(file.fileno(), b"x" * 4096)
            begin = perf_counter()
            os.fdatasync(file.fileno())
            took.append((perf_counter() - begin) * 1e3)
    return median(took)


def machine() -> list[str]:
    """The machine, the versions and the date, one fact a line."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES if installed(name))
    return [
        f"Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"CPU: {cpu}, {os.cpu_count()} cores, shared by the server and the load generator; {memory_gib:.0f} GiB",
        f"Kernel: {platform.system()} {platform.release()}; fdatasync of 4 KiB: {fdatasync_ms():.2f} ms (median of 50)",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}",
        f"Event loop of the load generator: {type(asyncio.get_running_loop()).__module__.split('.')[0]}",
    ]


def installed(package: str) -> bool:
    """Whether a package is there."""
    try:
        return bool(version(package))
    except ImportError:  # PackageNotFoundError is one
        return False
