"""How long a window takes to start: a first visit, a reload, a second tab, beside ComfyUI's frontend.

    python3 -m benchmarks start             # all frontends in turns; --slow: on a slow line, with a quarter of the CPU
    python3 -m benchmarks start steps       # Mooring alone: when each step of its start has ended
    python3 -m benchmarks start run         # Run, pressed by a real mouse before Python is up: when its prompt leaves
    python3 -m benchmarks start ahead       # a second window, loaded ahead or not, from the click that opens it

A real Chromium with a profile on disk, at servers on this machine. With MOORING_REAL_COMFYUI=http://… a real ComfyUI is
behind all, and its own page is measured too (*itself*).

- *up*: from the navigation until Python is up: the window restored, node classes known, a run can be sent (ComfyUI's:
  canvas drawn, splash screen gone, node classes known); median and range, in milliseconds
- *paint*: the first contentful paint; *form*: the first frame with the form's first label and the Run button
- *key*: a key can be typed into the form that is there when Python is up, and is kept
- *CPU*: what the pages' processes used, in milliseconds; it says more than the clock beside other work
- *bytes* and *requests* that reached the server until *up*; *needed*: bytes of the files that had arrived at *key*

`--slow` is Chromium's own emulation: `Network.emulateNetworkConditions` delays the page's requests (not those that its
cache answers), `Emulation.setCPUThrottlingRate` its main thread. Workers, WebSockets and compilation on other threads
are not slowed. The real speed of the connection is measured in each profile.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import BrowserContext, Page

from benchmarks.kit.browser import cpu_of, profile, slow_down
from benchmarks.kit.frontends import IS_UP, OURS, PATIENCE, WATCH, Frontend, behind, frontends, own_frontend
from benchmarks.kit.report import Load, median, median_and_range, share, show, table
from tests.e2e.test_loaded_ahead import LINK, READY, WAITS, open_panel
from tests.kit.browser.cdp import BareChromium, BareTab, open_bare_chromium
from tests.kit.browser.chromium import IS_RESTORED

KINDS = ("first visit", "reload", "second tab")
REST = 2.0  # seconds between two starts, for all, so that background work of the last one has ended
MEGABITS, LATENCY, SLOWDOWN = 10, 40, 4  # per second, milliseconds, times
PRESS_AT = 0.3  # seconds after the navigation, or once it is painted
STARTS = """{
  // A key, as early as a user could type one: once a field of the form is painted. It has to stay.
  const type = () => {
    const field = document.querySelector("#form textarea");
    const isPainted = performance.getEntriesByName("first-contentful-paint").length;
    if (globalThis.upAt !== undefined) return;
    if (!isPainted || !field?.checkVisibility({ visibilityProperty: true })) return setTimeout(type);
    globalThis.keyAt = performance.now();
    field.value = "typed early";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  type();
  // A frame counts when the page runs the next task after it, which is after it was handed to the screen.
  const shown = new MessageChannel();
  shown.port1.onmessage = () => { globalThis.formAt ??= performance.now(); };
  const isThere = (one) => document.querySelector(one)?.checkVisibility({ visibilityProperty: true });
  const frame = () => {
    if (["#form .fields label", "[data-testid=run]"].every(isThere)) shown.port2.postMessage(0);
    else if (globalThis.upAt === undefined) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
"""
IS_KEY_KEPT = "() => globalThis.keyAt === undefined || document.querySelector('#form textarea').value === 'typed early'"
# A request that was answered from the browser's cache has no size.
FIGURES = """() => {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const asked = entries.filter((entry) => entry.transferSize > 0);
  const byWorker = performance.getEntriesByName("mooring-arrived")[0]?.detail.transferred ?? 0; // the memory
  const sizeOf = (some) => some.reduce((sum, entry) => sum + entry.transferSize, 0);
  return {
    up: upAt,
    paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
    form: globalThis.formAt ?? 0,
    key: globalThis.keyAt ?? 0,
    needed: sizeOf(asked.filter((entry) => entry.responseEnd <= globalThis.keyAt)), // the document is among them
    size: sizeOf(asked) + byWorker,
    requests: asked.length + (byWorker > 0),
  };
}"""
# The speed of the connection without the cache, by the page's clock: Mbit/s of the largest file, ms of a small one.
LINE = """async () => {
  const all = performance.getEntriesByType("resource");
  const { name, encodedBodySize } = all.reduce((one, other) => (
    one.encodedBodySize > other.encodedBodySize ? one : other
  ));
  const took = async (address) => {
    const began = performance.now();
    await (await fetch(address, { cache: "no-store" })).arrayBuffer();
    return performance.now() - began;
  };
  const wait = await took(location.pathname);
  return [encodedBodySize * 8 / 1000 / (await took(name) - wait), wait];
}"""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a window: milliseconds from the navigation, bytes, requests. 0 is what the page does not have."""

    up: float
    paint: float
    form: float
    key: float
    needed: int
    size: int
    requests: int
    cpu: float


def main() -> None:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("visits", "steps", "run", "ahead"), default="visits")
    parser.add_argument("--slow", action="store_true", help="visits on a slow line, with a quarter of the CPU")
    parser.add_argument("--runs", type=int, default=5)
    flags = parser.parse_args()
    match flags.what:
        case "visits":
            asyncio.run(visits(flags.runs, is_slow=flags.slow))
        case "steps":
            asyncio.run(steps(flags.runs))
        case "run":
            asyncio.run(early_runs(flags.runs))
        case "ahead":
            asyncio.run(loaded_ahead(flags.runs))


async def visits(runs: int, *, is_slow: bool) -> None:
    """Measure each start of each frontend, in turns."""
    load = Load()
    found: dict[tuple[str, str], list[Start]] = defaultdict(list)
    lines = []
    async with frontends() as all_of_them:
        for _ in range(runs):
            for one in all_of_them:
                async with profile() as (context, folder):
                    context.set_default_timeout(PATIENCE)
                    await context.add_init_script(WATCH % one.ready + STARTS)
                    for kind in KINDS:
                        found[kind, one.name].append(await visit(context, folder, one, kind, is_slow=is_slow))
                    if is_slow:
                        lines.append(await context.pages[-1].evaluate(LINE))
    names = list(dict.fromkeys(name for _, name in found))
    rows = [row(kind, name, found[kind, name]) for kind in KINDS for name in names]
    heads = ["", "", "up", "range", "paint", "form", "key", "CPU", "needed", "bytes", "requests"]
    shares = [[kind, *shares_of(found, kind, names[1:])] for kind in KINDS]
    about = [f"{head}, {name}" for name in names[1:] for head in ("up", "CPU")]
    print(f"\n{runs} runs, {behind()} behind all{', over ' + speed_of(lines) if is_slow else ''}")
    show(
        "start_slow" if is_slow else "start",
        load,
        table(heads, rows),
        table(["Mooring as a share of", *about], shares),
        found={f"{kind}, {name}": [asdict(start) for start in starts] for (kind, name), starts in found.items()},
    )


def speed_of(lines: Sequence[tuple[float, float]]) -> str:
    """Return what the connection really had."""
    megabits, wait = zip(*lines, strict=True)
    return f"{min(megabits):.1f} to {max(megabits):.1f} Mbit/s, a small file in {min(wait):.0f} to {max(wait):.0f} ms"


def row(kind: str, name: str, starts: list[Start]) -> list[str]:
    """Return the cells of one kind of start of one frontend."""

    def middle(part: str) -> str:
        values = [getattr(start, part) for start in starts]
        return median(values, ",.0f") if any(values) else "–"

    parts = ("paint", "form", "key", "cpu", "needed", "size", "requests")
    return [kind, name, *median_and_range([start.up for start in starts]), *map(middle, parts)]


def shares_of(found: dict[tuple[str, str], list[Start]], kind: str, names: Sequence[str]) -> list[str]:
    """Return Mooring's time and CPU as shares of each other frontend's."""
    return [
        share(*([getattr(start, part) for start in found[kind, one]] for one in (OURS, name)))
        for name in names
        for part in ("up", "cpu")
    ]


async def visit(context: BrowserContext, folder: str, one: Frontend, kind: str, *, is_slow: bool) -> Start:
    """Run one start in a profile in which the kinds follow each other."""
    await asyncio.sleep(REST)
    before = cpu_of(folder)
    page = await page_for(context, kind)
    if is_slow and kind != "reload":
        await slow_line(page)
    await (page.reload() if kind == "reload" else page.goto(one.address))
    await page.wait_for_function(IS_UP)
    cpu = (cpu_of(folder) - before) * 1000
    figures = await page.evaluate(FIGURES)
    if one.name == OURS:
        assert await page.evaluate(IS_KEY_KEPT), "the early key is lost"
        assert await page.evaluate(IS_RESTORED), "the window did not start from the memory snapshot"
    return Start(cpu=cpu, **figures)


async def page_for(context: BrowserContext, kind: str) -> Page:
    """Return the page of the next start."""
    return context.pages[-1] if kind == "reload" else await context.new_page()


async def slow_line(page: Page) -> None:
    """Slow the page's connection and main thread from now on."""
    client = await page.context.new_cdp_session(page)
    rate = MEGABITS * 1_000_000 / 8
    conditions = {"offline": False, "latency": LATENCY, "downloadThroughput": rate, "uploadThroughput": rate}
    await client.send("Network.enable")
    await client.send("Network.emulateNetworkConditions", conditions)
    await slow_down(page, SLOWDOWN)


# What ends each step: the browser's events and the page's marks, in their order.
STEPS = {
    "document": "the document has come",
    "styles": "its styles have come",
    "paint": "first contentful paint",
    "form": "the form's first label and Run are painted",
    "mooring-instantiated": "Pyodide's WebAssembly is instantiated",
    "mooring-arrived": "the last of the memory has come",
    "mooring-python": "the memory is copied, Pyodide has begun in it",
    "mooring-begun": "PyScript has begun, `main.py` is compiled",
    "mooring-up": "the window's records are read, the page is drawn",
}
MARKS = """() => {
  const [{ responseEnd }] = performance.getEntriesByType("navigation");
  const styles = performance.getEntriesByType("resource").filter(({ name }) => name.endsWith(".css"));
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return {
    ...Object.fromEntries(performance.getEntriesByType("mark").map(({ name, startTime }) => [name, startTime])),
    document: responseEnd,
    styles: Math.max(...styles.map((entry) => entry.responseEnd)),
    paint: paint.startTime,
    form: formAt,
  };
}"""


async def steps(runs: int) -> None:
    """Measure when each step of a start has ended."""
    load = Load()
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    async for kind, context, address in own_starts(runs):
        page = await page_for(context, kind)
        await (page.reload() if kind == "reload" else page.goto(address))
        await page.wait_for_function(IS_UP)
        found[kind].append(await page.evaluate(MARKS))
    rows = [
        [words, *(cell for kind in KINDS for cell in median_and_range([one[step] for one in found[kind]]))]
        for step, words in STEPS.items()
    ]
    heads = ["ms from the navigation until", *(cell for kind in KINDS for cell in (kind, "range"))]
    show("start_steps", load, table(heads, rows), found=found)


async def own_starts(runs: int, script: str = "") -> AsyncIterator[tuple[str, BrowserContext, str]]:
    """Yield each start of Mooring alone that is to be measured: its kind, its profile, and the address."""
    async with own_frontend() as ours:
        for _ in range(runs):
            async with profile() as (context, _folder):
                context.set_default_timeout(PATIENCE)
                await context.add_init_script(WATCH % ours.ready + STARTS + script)
                for kind in KINDS:
                    await asyncio.sleep(REST)
                    yield kind, context, ours.address


PLACE = """() => {
  const button = document.querySelector("#run [data-action=run]");
  if (!performance.getEntriesByName("first-contentful-paint").length || !button?.checkVisibility()) return null;
  const { x, y, width, height } = button.getBoundingClientRect();
  return [x + width / 2, y + height / 2];
}"""
PRESSED = """
addEventListener("click", (event) => {
  if (event.target.closest?.("[data-action=run]")) globalThis.pressedAt ??= performance.now();
}, { capture: true });
"""
SENT = (
    """() => performance.getEntriesByType("resource").find(({ name }) => new URL(name).pathname.endsWith("/prompt"))"""
)
ENDED = "() => globalThis.windowTasks.length > 0 && globalThis.windowTasks.every(({ endedAt }) => endedAt)"
MOMENTS = {"pressed": "pressed", "up": "Python up", "sent": "prompt leaves", "after": "after both"}


async def early_runs(runs: int) -> None:
    """Measure when the prompt of an early press leaves."""
    load = Load()
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    async for kind, context, address in own_starts(runs, PRESSED):
        found[kind].append(await early_run(await page_for(context, kind), address, kind))
    heads = ["ms", *(cell for words in MOMENTS.values() for cell in (words, "range"))]
    rows = [
        [kind, *(cell for name in MOMENTS for cell in median_and_range([one[name] for one in found[kind]]))]
        for kind in KINDS
    ]
    show("start_run", load, table(heads, rows), found=found)


async def early_run(page: Page, address: str, kind: str) -> dict[str, float]:
    """Start a window, press Run early, and wait until the run has ended."""
    due = time.monotonic() + PRESS_AT
    await (page.reload(wait_until="commit") if kind == "reload" else page.goto(address, wait_until="commit"))
    await asyncio.sleep(max(0.0, due - time.monotonic()))
    x, y = await (await page.wait_for_function(PLACE)).json_value()
    await page.mouse.click(x, y)
    await page.wait_for_function(IS_UP)
    sent = await (await page.wait_for_function(SENT)).evaluate("(entry) => entry.requestStart || entry.startTime")
    pressed, up = await page.evaluate("[pressedAt, upAt]")
    await page.wait_for_function(ENDED)
    return {"pressed": pressed, "up": up, "sent": sent, "after": sent - max(pressed, up)}


NOTE_CLICK = (
    "void addEventListener('click', () => { globalThis.clicked = performance.timeOrigin + performance.now(); })"
)
# When the page is drawn after it was opened: in its second frame from then on.
NOTE_FRAME = """void document.addEventListener("prerenderingchange", () => {
  requestAnimationFrame(() => requestAnimationFrame(() => { globalThis.drawn = performance.now(); }));
})"""
TIMES = """(() => {
  const at = (time) => performance.timeOrigin + time;
  const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
  return [at(globalThis.drawn ?? paint), at(performance.getEntriesByName("mooring-up")[0]?.startTime)];
})()"""


async def loaded_ahead(runs: int) -> None:
    """Measure a second window that was loaded ahead, and one that was not, in turns."""
    load = Load()
    found: dict[str, list[list[float]]] = {"not": [], "loaded ahead": []}
    with TemporaryDirectory() as folder:
        async with (
            own_frontend() as ours,
            open_bare_chromium(Path(folder), f"{ours.address}/?lang=en") as chromium,
        ):
            await chromium.first.until(READY)
            await asyncio.sleep(10)  # its snapshot is in the browser's cache
            for _turn in range(runs):
                for which, times in found.items():
                    times.append(await open_second(chromium, is_ahead=which == "loaded ahead"))
    rows = [
        [which, *(cell for column in zip(*times, strict=True) for cell in median_and_range(column))]
        for which, times in found.items()
    ]
    heads = ["second window, from the click", "drawn, ms", "range", "Python up, ms", "range"]
    show("start_ahead", load, table(heads, rows), found=found)


async def open_second(chromium: BareChromium, *, is_ahead: bool) -> list[float]:
    """Return the milliseconds from the click until the new window is drawn, and until Python is up in it."""
    first = chromium.first
    await open_panel(first)
    await first.evaluate(NOTE_CLICK)
    if is_ahead:
        await first.point_at(LINK)
        ahead = await chromium.ahead()
        await ahead.until(WAITS)
        await ahead.evaluate(NOTE_FRAME)
        await first.click(LINK)
        second = await chromium.opened(ahead)
    else:
        await first.evaluate(f"document.querySelector({LINK!r}).setAttribute('href', '/')")  # of which nothing is ahead
        await first.click(LINK)
        second = await chromium.opened()
    await second.until(READY)
    await second.until(f"{TIMES}.every(Number.isFinite)")
    clicked: Any = await first.evaluate("globalThis.clicked")
    found = [at - float(clicked) for at in await second.evaluate(TIMES)]
    await close(second, first)
    return found


async def close(second: BareTab, first: BareTab) -> None:
    """Close the second window, and reload the first one."""
    await second.call("Page.close")
    await first.call("Page.bringToFront")
    await first.evaluate("void (globalThis.isOld = true, location.reload())")
    await first.until("!globalThis.isOld")
    await first.until(READY)


if __name__ == "__main__":
    main()
