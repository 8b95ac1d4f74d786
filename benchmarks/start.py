"""How long a window takes until it can be worked with, with and without the memory snapshot.

    python3 -m benchmarks.start

A real Chromium with a profile on disk, at two gateways that differ in nothing but the snapshot, turn by turn: the first
visit of a new profile, a reload, a second tab beside the first. Writes `benchmarks/START.md`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import statistics
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import BrowserContext, Page

from gateway.archive import AppArchive
from gateway.install.place import Place, write_record
from gateway.install.snapshot import Snapshots
from tests.e2e.browser_kit import IS_RESTORED, has_snapshot, open_chromium
from tests.services import start_gateway

ROOT = Path(__file__).resolve().parent.parent
RUNS = 5
KINDS = ("first visit", "reload", "second tab")
WATCH = """
performance.setResourceTimingBufferSize(1000);
new MutationObserver(() => {
  const isUp = document.body && !document.body.matches(".is-booting") && document.querySelector("[data-testid=run]");
  if (isUp) globalThis.upAt ??= performance.now();
}).observe(document, {subtree: true, attributes: true, childList: true});
"""
TOLD = """[upAt, performance.getEntriesByType("resource").reduce((sum, entry) => sum + entry.transferSize, 0)]"""
INTRO = """# How long a window takes until it can be worked with

`python3 -m benchmarks.start`: a real Chromium with a profile on disk at a gateway on the same machine, which serves the
page with the memory snapshot and without, turn by turn. From the navigation until the form is drawn and takes keys: the
median of {runs} and their range, in milliseconds. *CPU* is what the pages' own processes used, in milliseconds; it says
more than the clock on a machine that does other things too ({load} when this ran). *Bytes* came from the gateway.

"""


@dataclass(frozen=True)
class Start:
    """One start of a window."""

    seconds: float
    cpu: float
    bytes: int


def main() -> None:
    """Measure and write the table."""
    starts = asyncio.run(measure())
    lines = ["| | snapshot | ms | range | CPU | bytes |", "|---|---|---|---|---|---|"]
    for kind in KINDS:
        for which in ("with", "without"):
            lines.append(row(kind, which, starts[kind, which]))
    for kind in KINDS:
        clock, cpu = (
            statistics.median(getattr(start, name) for start in starts[kind, "with"])
            / statistics.median(getattr(start, name) for start in starts[kind, "without"])
            for name in ("seconds", "cpu")
        )
        lines.append(f"| {kind} | ratio | {clock:.2f} | | {cpu:.2f} | |")
    table = "\n".join(lines)
    print(table)
    load = f"a load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    (ROOT / "benchmarks" / "START.md").write_text(INTRO.format(runs=RUNS, load=load) + table + "\n", encoding="utf-8")
    out = ROOT / "benchmarks" / "out" / "start.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    plain = {f"{kind}, {which}": [vars(start) for start in found] for (kind, which), found in starts.items()}
    out.write_text(json.dumps(plain, indent=1), encoding="utf-8")


def row(kind: str, which: str, found: list[Start]) -> str:
    """One line of the table."""
    clock = sorted(start.seconds * 1000 for start in found)
    cpu = statistics.median(start.cpu for start in found) * 1000
    size = statistics.median(start.bytes for start in found)
    span = f"{clock[0]:.0f} to {clock[-1]:.0f}"
    return f"| {kind} | {which} | {statistics.median(clock):.0f} | {span} | {cpu:.0f} | {size:,.0f} |"


async def measure() -> dict[tuple[str, str], list[Start]]:
    """Every start, by kind and with or without."""
    found: dict[tuple[str, str], list[Start]] = defaultdict(list)
    with without_snapshot() as bare, start_gateway(demo=1) as one, start_gateway(demo=1, root=bare) as other:
        await has_snapshot(one.url)
        for _ in range(RUNS):
            for which, base in (("with", one.url), ("without", other.url)):
                async with profile() as (context, folder):
                    for kind, start in zip(KINDS, await starts_of(context, folder, base, which == "with"), strict=True):
                        found[kind, which].append(start)
    return found


async def starts_of(context: BrowserContext, folder: str, base: str, is_restored: bool) -> list[Start]:
    """The first visit, a reload and a second tab of one new profile."""
    await context.add_init_script(WATCH)
    page = await context.new_page()
    found = []
    for kind in KINDS:
        before = cpu_of(folder)
        if kind == "second tab":
            page = await context.new_page()
        await (page.reload() if kind == "reload" else page.goto(f"{base}/"))
        found.append(await told_by(page, folder, before))
        assert await page.evaluate(IS_RESTORED) is is_restored
    return found


async def told_by(page: Page, folder: str, cpu_before: float) -> Start:
    """What the page says of its start once it is up."""
    await page.wait_for_function("() => globalThis.upAt")
    cpu = cpu_of(folder) - cpu_before
    milliseconds, size = await page.evaluate(TOLD)
    return Start(milliseconds / 1000, cpu, size)


def cpu_of(folder: str) -> float:
    """Seconds of CPU that the pages' processes of a profile have used so far; 0 where there is no /proc."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace")
            if "--type=renderer" in words and folder in words:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.asynccontextmanager
async def profile() -> AsyncIterator[tuple[BrowserContext, str]]:
    """A new profile on disk, and its folder."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with open_chromium(profile=Path(folder)) as context:
            yield context, folder


@contextlib.contextmanager
def without_snapshot() -> Iterator[Path]:
    """A copy of what the gateway is and serves, in which no snapshot will be made."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("app", "gateway", "demo_comfyui", "static"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("index.html", "pyscript.toml"):
            shutil.copy(ROOT / name, root / name)
        snapshots = Snapshots(Place(root))
        snapshots.folder.mkdir(parents=True)
        write_record(snapshots.folder / f"{snapshots.key(AppArchive(root).build())}.json", {"failed": True})
        yield root


if __name__ == "__main__":
    main()
