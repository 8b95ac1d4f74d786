"""Where the time of a start goes: the steps of Mooring's page, and how long its main thread works in each.

    python3 -m benchmarks.start_trace

Traces of a real Chromium: a first visit, a reload and a second tab, several of each. A step ends with a mark of the
page or of the browser. Tracing itself takes time, so shares count and not the sums.
"""

from __future__ import annotations

import asyncio
import statistics
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Page

from benchmarks.frontends import own_starts
from benchmarks.sections import Load, table, write_json, write_section
from benchmarks.start import KINDS

RUNS = 3
CATEGORIES = "devtools.timeline,disabled-by-default-devtools.timeline,blink.user_timing,loading"
# What ends each step: the browser's events and the page's marks, in their order.
STEPS = {
    "responseEnd": "the document comes",
    "firstContentfulPaint": "styles and classic scripts come, first paint",
    "mooring-instantiated": "Pyodide's script is compiled, its WebAssembly comes and is instantiated",
    "mooring-arrived": "the last of the memory comes",
    "mooring-python": "the memory is copied, Pyodide begins in it",
    "mooring-begun": "PyScript begins, `main.py` is compiled",
    "mooring-up": "the window's records are read, the page is drawn",
}
TITLE = "Where the time goes"
INTRO = f"""`python3 -m benchmarks.start_trace`: traces of Chromium, {RUNS} starts of each kind ({{load}}).
Milliseconds from one mark to the next, the median, and the share of the whole; *busy* is how long the page's main
thread worked in that time, by its processor's clock. Tracing makes all of it slower.

"""

Spans = dict[str, tuple[float, float]]  # by the end of the step: milliseconds, and milliseconds of work


def main() -> None:
    """Measure and write the section."""
    load = Load()
    found = asyncio.run(measure())
    rows = [row for kind in KINDS for row in rows_of(kind, found[kind])]
    report = table(["", "step", "ms", "share", "busy"], rows)
    print(report)
    write_section("START.md", TITLE, INTRO.format(load=load) + report)
    write_json("start_trace", {"load": str(load), "found": found})


def rows_of(kind: str, runs: list[Spans]) -> list[list[str]]:
    """Return a kind's lines of the table."""
    medians = {step: [statistics.median(run[step][at] for run in runs) for at in (0, 1)] for step in STEPS}
    whole = sum(clock for clock, _ in medians.values())
    rows = [
        [kind, words, f"{medians[step][0]:.0f}", f"{medians[step][0] / whole:.0%}", f"{medians[step][1]:.0f}"]
        for step, words in STEPS.items()
    ]
    busy = sum(work for _, work in medians.values())
    return [*rows, [kind, "**together**", f"{whole:.0f}", "", f"{busy:.0f}"]]


async def measure() -> dict[str, list[Spans]]:
    """Trace every start."""
    found: dict[str, list[Spans]] = defaultdict(list)
    async for kind, context, address in own_starts(RUNS):
        found[kind].append(await traced(context, address, kind))
    return found


async def traced(context: BrowserContext, address: str, kind: str) -> Spans:
    """Trace one start."""
    page = context.pages[-1] if kind == "reload" else await context.new_page()
    tracer = await context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    tracer.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    await tracer.send("Tracing.start", {"categories": CATEGORIES, "transferMode": "ReportEvents"})
    await (page.reload() if kind == "reload" else page.goto(address))
    await page.wait_for_function("() => globalThis.upAt")
    await ended(tracer)
    return spans_of(events, await marks_of(page))


async def ended(tracer: CDPSession) -> None:
    """End the trace, and wait until all of it has come."""
    complete = asyncio.get_running_loop().create_future()
    tracer.on("Tracing.tracingComplete", lambda _: complete.set_result(None))
    await tracer.send("Tracing.end")
    await complete
    await tracer.detach()


async def marks_of(page: Page) -> dict[str, float]:
    """Return when each step ended, in milliseconds from the navigation."""
    marks: dict[str, float] = await page.evaluate(
        """() => {
          const [{ responseEnd }] = performance.getEntriesByType("navigation");
          const [{ startTime }] = performance.getEntriesByName("first-contentful-paint");
          const marks = performance.getEntriesByType("mark").map((mark) => [mark.name, mark.startTime]);
          return { ...Object.fromEntries(marks), responseEnd, firstContentfulPaint: startTime };
        }"""
    )
    return marks


def spans_of(events: list[dict[str, Any]], marks: Mapping[str, float]) -> Spans:
    """Return the clock and the main thread's work of each step."""
    starts = [
        event
        for event in events
        if event["name"] == "navigationStart" and "http" in str(event.get("args", {}).get("data"))
    ]
    zero, process = starts[-1]["ts"], starts[-1]["pid"]
    (thread,) = {
        event["tid"]
        for event in events
        if event["name"] == "thread_name" and event["pid"] == process and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        ((event["ts"] - zero) / 1000, event.get("dur", 0) / 1000, event.get("tdur", 0) / 1000)
        for event in events
        if event["name"] == "RunTask" and (event["pid"], event["tid"]) == (process, thread)
    ]
    spans, before = Spans(), 0.0
    for step in sorted(STEPS, key=marks.__getitem__):
        work = 0.0
        for begin, clock, busy in tasks:
            inside = min(begin + clock, marks[step]) - max(begin, before)
            if inside > 0:
                work += busy * inside / clock
        spans[step] = marks[step] - before, work
        before = marks[step]
    return spans


if __name__ == "__main__":
    main()
