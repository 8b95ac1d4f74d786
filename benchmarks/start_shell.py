"""How soon the page shows something: from the navigation until the shell is painted, before Python has started.

    python3 -m benchmarks.start_shell

The browser's own first contentful paint, and the first painted frames in which the form's place has its shape (a first
visit), and in which the window is as it was left (a reload). A frame counts when the page runs the next task after it,
which is after it was handed to the screen. ComfyUI's frontend shows a splash screen; only the browser's own figure is
reported for it. The parts of the time are the page's: its document has arrived, its styles have arrived.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from benchmarks.frontends import PATIENCE, Frontend, both, spread
from benchmarks.sections import Load, table, write_json, write_section
from benchmarks.start import OURS, PEER, WATCH, profile

RUNS = 5
TARGET = 150  # milliseconds
KINDS = ("first visit", "reload", "second tab")
PAINTS = """
{
  const seen = globalThis.painted = {};
  const has = {
    shell: () => document.querySelector("#form")?.getBoundingClientRect().height > 0,
    last: () => document.body?.matches(".has-last"),
  };
  const channel = new MessageChannel();
  channel.port1.onmessage = ({ data }) => { for (const name of data) seen[name] ??= performance.now(); };
  const frame = () => {
    channel.port2.postMessage(Object.keys(has).filter((name) => has[name]()));
    if (!globalThis.upAt) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
"""
FIGURES = """(() => {
  const [{ responseEnd }] = performance.getEntriesByType("navigation");
  const styles = performance.getEntriesByType("resource").filter(({ name }) => name.endsWith(".css"));
  const [fcp] = performance.getEntriesByName("first-contentful-paint");
  return {
    ...painted,
    fcp: fcp?.startTime,
    document: responseEnd,
    styles: Math.max(...styles.map((entry) => entry.responseEnd)),
  };
})()"""
WORDS = {
    "document": "the document has come",
    "styles": "its styles have come",
    "fcp": "first contentful paint",
    "shell": "the form's place painted",
    "last": "the window as it was left painted",
}
TITLE = "First paint"
INTRO = f"""`python3 -m benchmarks.start_shell`: from the navigation until the shell is painted; the median of {RUNS}
starts and their range, in milliseconds ({{load}}). The aim is {TARGET} ms.

"""

Found = dict[tuple[str, str], list[dict[str, float]]]


def main() -> None:
    """Measure and write the section."""
    load = Load()
    found = asyncio.run(measure())
    rows = [row for kind in KINDS for row in rows_of(kind, found)]
    report = table(["", "", "ms", "range"], rows)
    print(report)
    write_section("START.md", TITLE, INTRO.format(load=load) + report)
    plain = {f"{kind}, {which}": times for (kind, which), times in found.items()}
    write_json("start_shell", {"load": str(load), "found": plain})


def rows_of(kind: str, found: Found) -> list[list[str]]:
    """Return the lines of the table about one kind of start."""
    ours = found[kind, OURS]
    rows = [
        [kind, words, *spread([times[name] for times in ours])]
        for name, words in WORDS.items()
        if all(name in times for times in ours)
    ]
    peer = spread([times["fcp"] for times in found[kind, PEER]])
    return [*rows, [kind, f"{PEER} first contentful paint", *peer]]


async def measure() -> Found:
    """Measure every start, by kind and frontend."""
    found: Found = defaultdict(list)
    async with both() as frontends:
        for _ in range(RUNS):
            for one in frontends:
                for kind, times in (await in_profile(one)).items():
                    found[kind, one.name].append(times)
    return found


async def in_profile(one: Frontend) -> dict[str, Any]:
    """Run the starts in a new profile."""
    times = {}
    async with profile() as (context, _folder):
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(WATCH % one.ready + PAINTS)
        for kind in KINDS:
            page = context.pages[-1] if kind == "reload" else await context.new_page()
            await (page.reload() if kind == "reload" else page.goto(one.address))
            await page.wait_for_function("() => globalThis.upAt")
            times[kind] = await page.evaluate(FIGURES)
    return times


if __name__ == "__main__":
    main()
