"""How responsive the page is under use: three tasks stream, and 5,000 results are in the browser.

    python3 -m benchmarks working           # by the clock, as the user notices it; a minute and a half
    python3 -m benchmarks working cpu       # by the processor's time of the page's main thread, from traces

In a real Chromium at a real gateway with three demo servers. Each sends 30 steps a second, with three messages a step
(state, progress and a preview). At full speed and with the CPU slowed to a quarter, the user types, opens, scrolls
and searches all the time. Reported are the long tasks of the page's thread by activity, the interactions (Event Timing:
from the key or click to the next frame), and the unexpected layout shifts. Of the interactions *INP* is the slowest but
one in fifty, as [web.dev defines it](https://web.dev/articles/inp).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

from benchmarks.kit.browser import slow_down
from benchmarks.kit.report import Load, show, table
from tests.kit.browser.chromium import open_chromium
from tests.kit.browser.past import PUT_MANY
from tests.kit.browser.windows import MooringWindow
from tests.kit.browser.work import quick_workflow
from tests.kit.services import start_demo, start_gateway

SPEEDS = (1, 4)
RESULTS = 5000
REAL = 12  # further results of this window, which are shown large
STEPS = 10_000  # of each run, which lasts longer than the measurement
STEP = "0.033"  # seconds
STREAM = {
    "1": {
        "class_type": "DemoSampler",
        "inputs": {"text": "dune", "seed": 1, "steps": 1, "width": 512, "height": 384},
    },
    "2": {"class_type": "DemoFailAt", "inputs": {"image": ["1", 0], "steps": STEPS, "fail_at": 0}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "stream"}},
}
PROMPTS = 5  # that are typed
FIGURES = {"task": "longest task, ms", "inp": "INP, ms", "slowest": "slowest interaction, ms"}  # of each activity
TARGETS = {"typing a prompt": "INP 24, 64", "scrolling all": "no task over 50 at CPU/4"}
OBSERVE = """
globalThis.seen = { tasks: [], events: [], shifts: [] };
const observe = (type, more, take) =>
  new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
observe("longtask", {}, ({ startTime, duration }) => seen.tasks.push([startTime, duration]));
observe("event", { durationThreshold: 16 }, ({ startTime, duration, interactionId, name }) => {
  if (interactionId) seen.events.push([startTime, duration, interactionId, name]);
});
observe("layout-shift", {}, ({ startTime, value, hadRecentInput, sources }) => {
  const moved = sources.map(({ node }) => node?.id || node?.className || "");
  if (!hadRecentInput) seen.shifts.push([startTime, value, moved]);
});
"""
NOW = "[performance.now(), performance.interactionCount]"

Phase = tuple[str, float, int]  # an activity, when it began, and how many interactions the page had then


def main() -> None:
    """Read the flag, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("clock", "cpu"), default="clock")
    parser.add_argument("--results", type=int, default=RESULTS, help="that are in the browser")
    flags = parser.parse_args()
    asyncio.run((by_the_clock if flags.what == "clock" else by_the_processor)(flags.results))


@contextlib.asynccontextmanager
async def streaming_fleet() -> AsyncIterator[tuple[Browser, str]]:
    """Run a browser, and a gateway with three servers."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(start_demo("--step-seconds", STEP)) for _ in range(3)]
        flags = (word for name, one in zip("abc", servers, strict=True) for word in ("--server", f"{name}={one.url}"))
        gateway = stack.enter_context(start_gateway(*flags))
        async with open_chromium() as browser:
            yield browser, gateway.url


async def by_the_clock(results: int) -> None:
    """Measure what the user notices, at full speed and with a quarter of the CPU."""
    load = Load()
    async with streaming_fleet() as (browser, base):
        found = {str(speed): await working(browser, base, speed, results) for speed in SPEEDS}
    summaries = [found[str(speed)]["summary"] for speed in SPEEDS]
    whole = [[name, *(str(summary[name]) for summary in summaries)] for name in summaries[0]]
    phases = [
        [name, *(str(found[str(speed)]["phases"][name][part]) for part in FIGURES for speed in SPEEDS)]
        for name in found["1"]["phases"]
    ]
    heads = [cell for part in FIGURES.values() for cell in (part, "CPU/4")]
    show(
        "working",
        load,
        table([f"3 tasks at 30 steps a second, {results} results", "CPU", "CPU/4"], whole),
        table(["while", *heads, "target"], [[*row, TARGETS.get(row[0], "")] for row in phases]),
        found=found,
    )


async def working(browser: Browser, base: str, speed: int, results: int) -> dict[str, Any]:
    """Measure one minute of a user's work."""
    page = await streaming_page(browser, base, results)
    await slow_down(page, speed)
    phases: list[Phase] = []
    for name, act in ACTS:
        phases.append((name, *await page.evaluate(NOW)))
        await act(page)
    phases.append(("", *await page.evaluate(NOW)))
    assert await page.locator("#now [data-testid=preview]").count() == 3, "the streams ended before the measuring did"
    seen = await page.evaluate("seen")
    await slow_down(page, 1)
    await page.evaluate("for (const button of document.querySelectorAll('#now [data-testid=cancel]')) button.click()")
    await page.wait_for_function("document.querySelectorAll('#now [data-testid=task-card]').length === 0")
    await page.context.close()
    return summary(seen, phases)


async def streaming_page(browser: Browser, base: str, results: int) -> Page:
    """Open a window with this many results and some of its own, and start its three streams."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    await context.add_init_script(f"{OBSERVE}; globalThis.everything = {results + REAL};")
    window = await MooringWindow.open(context, base)
    await window.ready()
    await window.page.evaluate(PUT_MANY, results)
    for prompt_id in [await window.submit(quick_workflow(number), "Real") for number in range(REAL)]:
        await window.wait_for(prompt_id)
    await window.reload()
    await begin(window)
    return window.page


async def begin(window: MooringWindow) -> None:
    """Start three long runs on three servers, with previews of each step."""
    page = window.page
    detail = {"name": "open-text", "facts": {"text": json.dumps(STREAM)}}
    await page.evaluate("(detail) => document.dispatchEvent(new CustomEvent('mooring-action', { detail }))", detail)
    await page.locator("#field-1-text").wait_for()
    await page.get_by_test_id("open-many").click()
    await page.get_by_test_id("many-text").fill("dune\nharbour\ntide")
    await page.get_by_test_id("many-senders").select_option("3")
    await page.get_by_test_id("many-add").click()
    await page.wait_for_function("document.querySelectorAll('#now [data-testid=preview]').length === 3")


async def type_words(page: Page) -> None:
    """Type prompts, one key at a time, each over the one before."""
    for _ in range(PROMPTS):
        await page.locator("#field-1-text").click()
        await page.keyboard.press("ControlOrMeta+A")
        await page.keyboard.type("dune and a harbour at night, calm water", delay=60)


async def idle(page: Page) -> None:
    """Do nothing."""
    await page.wait_for_timeout(4000)


async def open_album(page: Page) -> None:
    """Open the album."""
    await page.locator("#results-album").click()
    await page.locator("#album-grid [role=option] img").first.wait_for()


async def scroll(page: Page) -> None:
    """Scroll through the grid, and back."""
    await page.locator("#album-grid").hover()
    for by in (600, 1200, 2400, 4800, 9600, -18600):
        await page.mouse.wheel(0, by)
        await page.wait_for_timeout(250)


async def scroll_early(page: Page) -> None:
    """Scroll while the other results are read, and until they are all there."""
    await scroll(page)
    await all_listed(page)


async def all_listed(page: Page) -> None:
    """Wait until the grid lists all results."""
    await page.wait_for_function("document.querySelector(`#album-grid [aria-setsize='${everything}']`)")


async def search(page: Page) -> None:
    """Search some of the results."""
    await page.get_by_test_id("album-search").click()
    await page.keyboard.type("scene 49", delay=90)
    await page.wait_for_timeout(600)
    await page.get_by_test_id("album-search").fill("")
    await all_listed(page)  # a click now meets its cell


async def walk(page: Page) -> None:
    """Open a result large, and step through the others with the arrow keys."""
    await page.locator("#album-grid [role=option]").first.click()
    await page.locator("dialog.large").wait_for()
    for _ in range(8):
        await page.keyboard.press("ArrowRight")
        await page.wait_for_timeout(120)
    await page.keyboard.press("Escape")
    await page.locator("dialog").wait_for(state="detached")


async def command(page: Page) -> None:
    """Run a command by its name."""
    await page.keyboard.press("Control+K")
    await page.get_by_test_id("palette").wait_for()
    await page.keyboard.type("dark", delay=80)
    await page.keyboard.press("Enter")
    await page.locator("dialog").wait_for(state="detached")


async def panels(page: Page) -> None:
    """Open the header's panels."""
    for name in ("open-fleet", "open-windows", "open-settings"):
        await page.get_by_test_id(name).click()
        await page.locator("dialog[open]").wait_for()
        await page.wait_for_timeout(400)
        await page.keyboard.press("Escape")
        await page.locator("dialog").wait_for(state="detached")


async def latest(page: Page) -> None:
    """Return to the latest results."""
    await page.locator("#results-latest").click()
    await page.wait_for_timeout(1500)


ACTS = (
    ("idle", idle),
    ("typing a prompt", type_words),
    ("opening all results", open_album),
    ("scrolling while the others are read", scroll_early),
    ("scrolling all", scroll),
    ("searching them", search),
    ("walking through them, large", walk),
    ("a command by name", command),
    ("fleet, windows, settings", panels),
    ("back to the latest", latest),
)


def summary(seen: dict[str, Any], phases: list[Phase]) -> dict[str, Any]:
    """Return the figures of one run, as a whole and by activity."""

    def within(entries: list[list[Any]], begin: float, end: float) -> list[list[Any]]:
        return [entry for entry in entries if begin <= entry[0] < end]

    (_, first, before), (_, last, after) = phases[0], phases[-1]
    tasks, events, shifts = (within(seen[name], first, last) for name in ("tasks", "events", "shifts"))
    by_phase = {
        name: {
            "task": round(max((item[1] for item in within(tasks, begin, end)), default=0)),
            "inp": inp(within(events, begin, end), count_after - count),
            "slowest": inp(within(events, begin, end), 0),
        }
        for (name, begin, count), (_, end, count_after) in itertools.pairwise(phases)
    }
    return {
        "summary": {
            "seconds": round((last - first) / 1000, 1),
            "long tasks (over 50 ms)": len(tasks),
            "longest task, ms": round(max((item[1] for item in tasks), default=0)),
            "interactions": after - before,
            "INP, ms": inp(events, after - before),
            "slowest interaction, ms": inp(events, 0),
            "CLS (worst five seconds)": round(worst_window(shifts), 4),
        },
        "phases": by_phase,
        "shifts": sorted(shifts, key=lambda item: -item[1])[:10],
        "tasks": sorted(tasks, key=lambda item: -item[1])[:20],
    }


def inp(events: list[list[Any]], count: int) -> int:
    """Return the slowest of `count` interactions but one in fifty, in milliseconds; 0 if it was under 16."""
    slowest: dict[int, float] = {}
    for _start, duration, interaction, _name in events:
        slowest[interaction] = max(duration, slowest.get(interaction, 0.0))
    left = sorted(slowest.values(), reverse=True)[count // 50 :]
    return round(left[0]) if left else 0


def worst_window(shifts: list[list[Any]]) -> float:
    """Return the Cumulative Layout Shift: the worst window of at most 5 s that ends when nothing moves for 1 s."""
    worst = total = 0.0
    begin = last = -10_000.0
    for at, value, _moved in sorted(shifts, key=lambda item: item[0]):
        if at - last > 1000 or at - begin > 5000:
            begin, total = at, 0.0
        last, total = at, total + value
        worst = max(worst, total)
    return worst


CATEGORIES = ["devtools.timeline", "toplevel"]
TASK = "ThreadControllerImpl::RunTask"
LONG = 50 / 4  # milliseconds: with the CPU at a quarter it takes 50
TRACED = 5  # activities: idle, typing, opening all results, and two of scrolling


async def by_the_processor(results: int) -> None:
    """Trace the first activities at full speed."""
    load = Load()
    async with streaming_fleet() as (browser, base):
        page = await streaming_page(browser, base, results)
        rows = [await traced(browser, page, name, act) for name, act in ACTS[:TRACED]]
    heads = ["while", "busy", "longest task, ms of CPU", f"tasks over {LONG} ms"]
    show("working_cpu", load, table(heads, rows), found=rows)


async def traced(browser: Browser, page: Page, name: str, act: Any) -> list[str]:
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
