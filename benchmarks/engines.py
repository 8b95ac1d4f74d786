"""How long a window takes until it is ready in three engines, and what works in each.

    python3 -m benchmarks engines [--runs N]

Starts are timed in a new profile on disk: the first visit, and reloads once the unpacked snapshot is cached. Then the
scenarios of `tests/e2e/test_engines.py` run; the first one includes the start of the browser, and of the servers in the
first column.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.kit.report import Load, show, table
from tests.e2e.test_engines import KEEP_SNAPSHOT
from tests.kit.browser.chromium import wait_for_snapshot
from tests.kit.browser.engines import NAMES, READY, Engine, EngineTab, missing, open_engine
from tests.kit.services import ROOT, start_gateway

RUNS = 3
TITLES = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "WebKitGTK"}
VERSION = re.compile(r"(?:HeadlessChrome|Firefox|AppleWebKit)/[\d.]+")


async def timed_start(engine: Engine, address: str) -> tuple[EngineTab, float]:
    """Return a window, and the seconds from the navigation until it is ready."""
    began = time.monotonic()
    tab = await engine.open(address)
    await tab.evaluate(KEEP_SNAPSHOT)
    await tab.until(READY)
    return tab, time.monotonic() - began


async def timed_reload(tab: EngineTab) -> float:
    """Return the seconds from a reload until the window is ready."""
    await tab.evaluate("void (globalThis.isOld = true)")
    began = time.monotonic()
    await tab.reload()
    await tab.until("!globalThis.isOld")
    await tab.until(READY)
    return time.monotonic() - began


async def timed(name: str, url: str, runs: int) -> tuple[list[float], list[float], str]:
    """Return first visits, reloads, and the browser's version."""
    visits, reloads, version = [], [], ""
    for _ in range(runs):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            async with open_engine(name, Path(profile)) as engine:
                tab, seconds = await timed_start(engine, f"{url}/?lang=en")
                visits.append(seconds)
                await tab.until("localStorage.getItem('mooring.snapshot')")
                reloads.append(await timed_reload(tab))
                version = VERSION.findall(str(await tab.evaluate("navigator.userAgent")))[-1]
    return visits, reloads, version


def scenarios() -> dict[str, dict[str, str]]:
    """Run the scenarios; return the seconds of each in each engine, or its outcome if it did not pass."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "tests/e2e/test_engines.py", f"--junitxml={report}"]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "MOORING_ENGINES": " ".join(NAMES)}, check=False)
        cases = ElementTree.parse(report).iter("testcase")
    found: dict[str, dict[str, str]] = {}
    for case in cases:
        test, _, values = case.get("name", "").removesuffix("]").partition("[")
        engine = next(name for name in NAMES if name in values)
        rest = values.replace(engine, "").strip("-")
        title = test.removeprefix("test_").replace("_", " ") + (f": {rest}" if rest else "")
        outcome = next((child.tag for child in case if child.tag in {"failure", "error", "skipped"}), "")
        found.setdefault(title, {})[engine] = outcome or f"{float(case.get('time', 0)):.1f}"
    return found


async def measure(runs: int) -> None:
    """Measure, and print the tables."""
    load, starts, versions = Load(), {}, []
    with start_gateway(demo=1) as gateway:
        await wait_for_snapshot(gateway.url)
        for name in NAMES:
            if packages := missing(name):
                starts[TITLES[name]] = [f"not tried: needs {packages}", ""]
                continue
            visits, reloads, version = await timed(name, gateway.url, runs)
            starts[TITLES[name]] = [_cell(visits), _cell(reloads)]
            versions.append(version)
    found = scenarios()
    rows = [[title, *(by.get(name, "") for name in NAMES)] for title, by in found.items()]
    print(f"\n{', '.join(versions)}; {runs} runs")
    show(
        "engines",
        load,
        table(
            ["ready, s: median and range", "first visit", "reload"], [[one, *cells] for one, cells in starts.items()]
        ),
        table(["seconds if it passed, else what came of it", *(TITLES[name] for name in NAMES)], rows),
        found={"starts": starts, "scenarios": found},
    )


def _cell(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} ({min(times):.1f} to {max(times):.1f})"


def main() -> None:
    """Read the flag, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS)
    asyncio.run(measure(parser.parse_args().runs))


if __name__ == "__main__":
    main()
