"""``python -m tests.bench``: the baseline and CTS in turn, under the same load; a table, and docs/benchmarks.md."""

import argparse
import asyncio
import gc
import shlex
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from tests.bench import report
from tests.bench.load import LoadError
from tests.bench.measure import machine
from tests.bench.scenarios import SCENARIOS, STAFF, Figures, Size
from tests.bench.shop import ShopBaseline, ShopCts, shop
from tests.bench.targets import Baseline, Cts, Target

QUICK = Size(warm_s=0.5, run_s=1.5, receivers=1000, sockets=1000, returning=500)
FULL = Size(warm_s=1.5, run_s=4, receivers=1000, sockets=2000, returning=2000)
TARGETS: dict[str, type[Target]] = {"baseline": Baseline, "cts": Cts}
SHOP_TARGETS: dict[str, type[Target]] = {"cts": ShopCts, "baseline": ShopBaseline}  # in the order of preparing
ALL = {**SCENARIOS, "shop": shop}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short repetition, under two minutes; writes no page")
    parser.add_argument("--only", default=",".join(ALL), help=f"some of {','.join(ALL)}")
    parser.add_argument("--targets", default=",".join(TARGETS), help="one of the two, to look at it alone")
    parser.add_argument("--reps", type=int, help="repetitions of each scenario (3; quick: 1)")
    parser.add_argument("--sockets", type=int, help="idle sockets of S3 (2000; quick: 1000)")
    parser.add_argument("--write", action="store_true", help="write the page although not everything was run")
    options = parser.parse_args(arguments)
    options.only, options.targets = options.only.split(","), options.targets.split(",")
    if unknown := {*options.only} - {*ALL} | {*options.targets} - {*TARGETS}:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    options.reps = options.reps or (1 if options.quick else 3)
    return options


async def prepare(kinds: Mapping[str, type[Target]], folder: Path, size: Size) -> dict[str, Target]:
    """Make the templates of all targets of a kind."""
    targets = {name: kind(folder, size.customers, STAFF) for name, kind in kinds.items()}
    for target in targets.values():
        await target.prepare()
    return targets


async def run_once(target: Target, scenario: str, size: Size) -> Figures:
    """One scenario on a fresh server."""
    await target.start()
    gc.collect()
    try:
        return await ALL[scenario](target, size)
    finally:
        await target.end()


async def main(options: argparse.Namespace) -> None:
    """Run everything in turns (A B A B), print the table, write the page."""
    begin = perf_counter()
    size = QUICK if options.quick else FULL
    if options.sockets:
        size = replace(size, sockets=options.sockets)
    facts = machine()
    print(*facts, sep="\n", flush=True)
    results: dict[str, report.Runs] = {scenario: {name: [] for name in options.targets} for scenario in options.only}
    with tempfile.TemporaryDirectory(prefix="cts-bench-") as folder:
        targets = await prepare(TARGETS, Path(folder) / "chat", size) if {*options.only} - {"shop"} else {}
        shops = await prepare(SHOP_TARGETS, Path(folder) / "shop", size) if "shop" in options.only else {}
        print(f"prepared in {perf_counter() - begin:.1f} s", flush=True)
        for scenario in options.only:
            for turn in range(options.reps):
                for name in options.targets:
                    target = (shops if scenario == "shop" else targets)[name]
                    figures = await run_once(target, scenario, size)
                    results[scenario][target.name].append(figures)
                    shown = ", ".join(f"{name} {report.number(value)}" for name, value in figures.items())
                    print(f"{scenario} {target.name} {turn + 1}/{options.reps}: {shown}", flush=True)

    numbers = {"receivers": size.receivers, "sockets": size.sockets, "returning": size.returning, "frozen": 10}
    table, checks = report.lines(results, numbers), report.checks(results)
    print("", report.as_text(table), "", *checks, f"took {perf_counter() - begin:.0f} s", sep="\n")
    if options.write or not (options.quick or len(options.only) < len(ALL) or len(options.targets) < len(TARGETS)):
        command = f"Command: `{shlex.join(['python', '-m', 'tests.bench', *sys.argv[1:]])}`, {options.reps} repetitions"
        report.write_page(
            "\n".join([*(f"- {fact}" for fact in [*facts, command, *checks]), "", report.as_markdown(table)])
        )
        print(f"written to {report.PAGE}")


def run(options: argparse.Namespace) -> int:
    """On uvloop where there is one: the generator should cost as little as it can."""
    gc.disable()  # thousands of small protocols and no cycles among them; collected between the runs
    try:
        import uvloop
    except ImportError:
        runner = asyncio.run
    else:
        runner = uvloop.run
    try:
        runner(main(options))
    except LoadError as error:
        print(f"This run is void: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(run(parse()))
