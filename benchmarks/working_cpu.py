"""The processor's time of the page's main thread under use: other load on the machine changes it less than the clock.

    python3 -m benchmarks.working_cpu

The streams and results of `benchmarks.working`, at full speed, from a trace of the browser: how busy the main thread
is, its longest task, and how many tasks would take more than 50 ms with the CPU at a quarter.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

from benchmarks.sections import Load, table, write_json
from benchmarks.working import ACTS, RESULTS, STEP, begin
from tests.e2e.browser_kit import open_chromium
from tests.e2e.past_kit import PUT_MANY
from tests.e2e.window_kit import MooringWindow
from tests.services import start_demo, start_gateway

FIRST = 5  # activities: idle, typing, opening all results, and two of scrolling
CATEGORIES = ["devtools.timeline", "toplevel"]
TASK = "ThreadControllerImpl::RunTask"
LONG = 50 / 4  # milliseconds
HEADS = ["while", "busy", "longest task, ms of CPU", f"tasks over {LONG} ms"]


def main() -> None:
    """Measure and print the table."""
    load = Load()
    rows = asyncio.run(measure())
    write_json("working_cpu", {"load": str(load), "rows": rows})
    print(f"({load})\n\n{table(HEADS, rows)}")


async def measure() -> list[list[str]]:
    """Return a row for each activity."""
    flags = "--step-seconds", STEP
    with start_demo(*flags) as a, start_demo(*flags) as b, start_demo(*flags) as c:
        fleet = [word for name, item in (("a", a), ("b", b), ("c", c)) for word in ("--server", f"{name}={item.url}")]
        with start_gateway(*fleet) as gateway:
            async with open_chromium() as browser:
                context = await browser.new_context(viewport={"width": 1440, "height": 900})
                window = await MooringWindow.open(context, gateway.url)
                await window.ready()
                await window.page.evaluate(PUT_MANY, RESULTS)
                await window.reload()
                await begin(window)
                return [await one(browser, window.page, name, act) for name, act in ACTS[:FIRST]]


async def one(browser: Browser, page: Page, name: str, act: Any) -> list[str]:
    """Trace one activity."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        await browser.start_tracing(page=page, categories=CATEGORIES, path=path)
        began = time.monotonic()
        await act(page)
        seconds = time.monotonic() - began
        await browser.stop_tracing()
        spent = tasks(json.loads(path.read_text("utf-8"))["traceEvents"])
    long = sum(item > LONG for item in spent)
    return [name, f"{sum(spent) / seconds / 1000:.0%}", f"{max(spent):.0f}", str(long)]


def tasks(events: list[dict[str, Any]]) -> list[float]:
    """Return the CPU time of each task of the page's thread, the one that calls scripts most, in milliseconds."""
    calls = Counter((event["pid"], event["tid"]) for event in events if event.get("name") == "FunctionCall")
    thread = calls.most_common(1)[0][0]
    return [
        event.get("tdur", 0) / 1000
        for event in events
        if event.get("name") == TASK and event.get("ph") == "X" and (event["pid"], event["tid"]) == thread
    ]


if __name__ == "__main__":
    main()
