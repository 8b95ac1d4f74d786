"""Run, pressed before Python is up: how long after that its prompt leaves for a server.

    python3 -m benchmarks.start_run

A real mouse presses Run 300 ms after the navigation, or as soon as it is painted. A first visit, a reload and a second
tab, several of each; the run before has ended each time.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

from playwright.async_api import BrowserContext

from benchmarks.frontends import own_starts, spread
from benchmarks.sections import Load, table, write_json, write_section
from benchmarks.start import KINDS

RUNS = 5
PRESS_AT = 0.3  # seconds after the navigation
AIM = 30  # milliseconds from Python up until the prompt leaves
RUN = "#run [data-action=run]"
PLACE = f"""() => {{
  const button = document.querySelector("{RUN}");
  if (!performance.getEntriesByName("first-contentful-paint").length || !button?.checkVisibility()) return null;
  const {{ x, y, width, height }} = button.getBoundingClientRect();
  return [x + width / 2, y + height / 2];
}}"""
PRESSED = """
addEventListener("click", (event) => {
  if (event.target.closest?.("[data-action=run]")) globalThis.pressedAt ??= performance.now();
}, { capture: true });
"""
SENT = (
    """() => performance.getEntriesByType("resource").find(({ name }) => new URL(name).pathname.endsWith("/prompt"))"""
)
ENDED = "() => globalThis.windowTasks.length > 0 && globalThis.windowTasks.every(({ endedAt }) => endedAt)"
MOMENTS = {"pressed": "pressed", "up": "Python up", "sent": "prompt leaves", "after": "after up"}
TITLE = "Run before Python is up"
INTRO = f"""`python3 -m benchmarks.start_run`: a press of *Run* by a real mouse, {PRESS_AT * 1000:.0f} ms after the
navigation or as soon as it is painted, until its prompt leaves the browser; the median of {RUNS} and their range, in
milliseconds ({{load}}). The aim is Python up and {AIM} ms.

"""

Found = dict[str, list[dict[str, float]]]


def main() -> None:
    """Measure and write the section."""
    load = Load()
    found = asyncio.run(measure())
    heads = ["", *(cell for words in MOMENTS.values() for cell in (words, "range"))]
    report = table(heads, [[kind, *cells(found[kind])] for kind in KINDS])
    print(report)
    write_section("START.md", TITLE, INTRO.format(load=load) + report)
    write_json("start_run", {"load": str(load), "found": found})


def cells(runs: list[dict[str, float]]) -> list[str]:
    """Return the median and the range of each moment."""
    return [cell for name in MOMENTS for cell in spread([run[name] for run in runs])]


async def measure() -> Found:
    """Measure every start."""
    found: Found = defaultdict(list)
    async for kind, context, address in own_starts(RUNS, PRESSED):
        found[kind].append(await pressed(context, address, kind))
    return found


async def pressed(context: BrowserContext, address: str, kind: str) -> dict[str, float]:
    """Start a window, press Run early, and wait until the run has ended."""
    page = context.pages[-1] if kind == "reload" else await context.new_page()
    due = time.monotonic() + PRESS_AT
    await (page.reload(wait_until="commit") if kind == "reload" else page.goto(address, wait_until="commit"))
    await asyncio.sleep(max(0.0, due - time.monotonic()))
    place = await page.wait_for_function(PLACE)
    x, y = await place.json_value()
    await page.mouse.click(x, y)
    await page.wait_for_function("() => globalThis.upAt")
    sent = await (await page.wait_for_function(SENT)).evaluate("(entry) => entry.requestStart || entry.startTime")
    at, up = await page.evaluate("[pressedAt, upAt]")
    await page.wait_for_function(ENDED)
    return {"pressed": at, "up": up, "sent": sent, "after": sent - max(at, up)}


if __name__ == "__main__":
    main()
