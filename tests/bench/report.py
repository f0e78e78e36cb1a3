"""The figures as a table: medians over the repetitions, ratios inside each repetition, and the page in docs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"

Runs = dict[str, list[dict[str, float]]]
"""The figures of each repetition, by target."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; ``aim`` is about the ratio to the baseline, or with ``own`` about CTS's own figure."""

    scenario: str
    title: str
    figure: str
    aim: str = ""
    own: bool = False

    @property
    def limit(self) -> float:
        """The number in the aim."""
        return float(self.aim.split()[1])

    def reached(self, value: float) -> bool:
        """Whether a value is as good as the aim."""
        return value >= self.limit if self.aim.startswith("≥") else value <= self.limit


ROWS = (
    Row("s1", "server CPU per message, µs", "cpu_us", "≤ 0.08"),
    Row("s1", "durable messages/s", "rate", "≥ 10"),
    Row("s1", "ack p50, ms", "ack_p50"),
    Row("s1", "ack p99, ms", "ack_p99"),
    Row("s1r", "server CPU per message, µs", "cpu_us"),
    Row("s1r", "ack p50, ms", "ack_p50"),
    Row("s1r", "ack p99, ms", "ack_p99"),
    Row("s1r", "delivery p50, ms", "delivery_p50"),
    Row("s1r", "delivery p99, ms", "delivery_p99"),
    Row("s2", "server CPU per delivery, µs", "cpu_us"),
    Row("s2", "deliveries/s", "rate"),
    Row("s2", "all have it p50, ms", "all_p50"),
    Row("s2", "all have it p99, ms", "all_p99"),
    Row("s3", "KiB per idle socket", "kib", "≤ 20", own=True),
    Row("s3", "server CPU per connect, µs", "cpu_us"),
    Row("s3", "compression accepted, share", "deflated"),
    Row("s4", "server CPU per returning client, µs", "cpu_us"),
    Row("s4", "all back, s", "all_back_s"),
    Row("s4", "back p50, ms", "back_p50"),
    Row("s4", "back p99, ms", "back_p99"),
    Row("s5", "ack p99 without, ms", "ack_p99_without"),
    Row("s5", "ack p99 beside them, ms", "ack_p99_with"),
    Row("s5", "delivery p99 without, ms", "delivery_p99_without"),
    Row("s5", "delivery p99 beside them, ms", "delivery_p99_with"),
    Row("s5", "ack p99, beside / without", "ack_growth", "≤ 1.2", own=True),
    Row("s5", "delivery p99, beside / without", "delivery_growth", "≤ 1.2", own=True),
    Row("s5", "delivered within a second, share", "in_time"),
    Row("shop", "list, filtered and sorted: server CPU per request, µs", "list_cpu_us", "≤ 0.5"),
    Row("shop", "list, filtered and sorted: p99, ms", "list_p99"),
    Row("shop", "list, kept: server CPU per request, µs", "cached_cpu_us", "≤ 0.05"),
    Row("shop", "list, kept: p99, ms", "cached_p99"),
    Row("shop", "one product: server CPU per request, µs", "product_cpu_us"),
    Row("shop", "one product: p99, ms", "product_p99"),
    Row("shop", "search: server CPU per request, µs", "search_cpu_us"),
    Row("shop", "search: p99, ms", "search_p99", "≤ 15", own=True),
    Row("shop", "facets: server CPU per request, µs", "facets_cpu_us"),
    Row("shop", "facets: p99, ms", "facets_p99"),
    Row("shop", "cart write: server CPU, µs", "cart_cpu_us"),
    Row("shop", "cart writes/s, 64 at once", "cart_rate"),
    Row("shop", "cart write: p99, ms", "cart_p99"),
    Row("shop", "purchase (a line and its order): server CPU, µs", "purchase_cpu_us"),
    Row("shop", "purchases/s, 64 at once", "purchase_rate", "≥ 1000", own=True),
    Row("shop", "purchase: p99, ms", "purchase_p99"),
)
TITLES = {
    "s1": "S1 full speed",
    "s1r": "S1r 200/s",
    "s2": "S2 one to {receivers}",
    "s3": "S3 {sockets} idle",
    "s4": "S4 {returning} come back",
    "s5": "S5 {frozen} never read",
    "shop": "Shop of 50,000",
}
HEAD = ("Scenario", "Figure", "baseline", "CTS", "CTS / baseline", "aim")


def number(value: float) -> str:
    """A figure with three digits that matter."""
    if math.isinf(value):
        return "never"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def spread(values: list[float]) -> str:
    """The median, with the least and the most where there is more than one."""
    text = number(median(values))
    return f"{text} ({number(min(values))}–{number(max(values))})" if len(set(map(number, values))) > 1 else text


def lines(results: dict[str, Runs], sizes: Mapping[str, float]) -> list[tuple[str, ...]]:
    """The table's lines, as texts."""
    found: list[tuple[str, ...]] = []
    for row in ROWS:
        runs = results.get(row.scenario)
        if not runs:
            continue
        base = [run[row.figure] for run in runs.get("baseline", ())]
        ours = [run[row.figure] for run in runs.get("cts", ())]
        ratios = [b / a for a, b in zip(base, ours, strict=False) if a and math.isfinite(a) and math.isfinite(b)]
        ratio = median(ratios) if ratios and not row.own else math.nan
        verdict = ""
        judged = median(ours) if row.own and ours else ratio
        if row.aim and not math.isnan(judged):
            verdict = f"{row.aim}: {'reached' if row.reached(judged) else 'missed'}"
        found.append(
            (
                TITLES[row.scenario].format(**sizes),
                row.title,
                spread(base) if base else "",
                spread(ours) if ours else "",
                "" if math.isnan(ratio) else number(ratio),
                verdict,
            )
        )
    return found


def checks(results: dict[str, Runs]) -> list[str]:
    """What was counted, and whether the generator or other work disturbed the runs."""
    found = []
    for name in ("baseline", "cts"):
        runs = [run for scenario in results.values() for run in scenario.get(name, ())]
        checked = sum(int(run.get("checked", 0)) for run in runs)
        if checked:
            found.append(
                f"{name}: {checked:,} messages: acknowledged = rows on disk after SIGKILL (plain sqlite3),"
                " deliveries = messages × listeners"
            )
    runs = [run for scenario in results.values() for each in scenario.values() for run in each if "generator" in run]
    if runs:
        found.append(
            f"The generator used at most {max(run['generator'] for run in runs):.0%} of a core;"
            f" other work on the machine at most {max(run['others'] for run in runs):.2f} cores"
        )
    return found


def as_text(table: list[tuple[str, ...]]) -> str:
    """The table for a terminal."""
    rows = [HEAD, *table]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def as_markdown(table: list[tuple[str, ...]]) -> str:
    """The table for the page."""
    rows = [HEAD, ("---", "---", "--:", "--:", "--:", "---"), *table]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write_page(block: str, page: Path = PAGE) -> None:
    """Put the block between the page's markers; the words around it stay."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{block}\n{END}{after}", encoding="utf-8")
