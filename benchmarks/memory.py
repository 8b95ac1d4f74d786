"""The memory of one window, and of ten: Mooring beside ComfyUI's frontend.

    python3 -m benchmarks.memory
    python3 -m benchmarks.memory gateway        # of the gateway instead: benchmarks/gateway_memory.py

In a new profile on disk one page, then ten, each started and idle. Of each page, after garbage collection: the heap of
JavaScript, its array buffers and the memory of WebAssembly. Of the pages' processes: PSS, which counts what processes
share once in all (`/proc/PID/smaps_rollup`).
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict

from benchmarks import gateway_memory
from benchmarks.footprint import COUNT, footprint, largest
from benchmarks.frontends import PATIENCE, Frontend, both, share, spread
from benchmarks.sections import Load, table, write_json, write_section
from benchmarks.start import OURS, PEER, WATCH, profile

RUNS = 2
COUNTS = (1, 10)
REST = 5.0  # seconds until background work of the start has ended
MB = 1_000_000
PARTS = ("heap", "buffers", "wasm", "pss")
HEADS = ["", "", "JavaScript heap", "array buffers", "WebAssembly", "PSS of the processes", "range"]
TITLE = "Memory of a window"
INTRO = f"""`python3 -m benchmarks.memory`: one window, and {COUNTS[-1]} in one profile, in MB, all windows together.
They have started, are idle for {REST:.0f} s, and garbage is collected. The median of {{runs}} runs, in turns, and
the range of the PSS ({{load}}). *WebAssembly* is the memory of Python, and part of neither figure before it.

"""

Found = dict[tuple[int, str], list[dict[str, float]]]


def main() -> None:
    """Measure and write the section."""
    load = Load()
    found = asyncio.run(measure())
    report = table(HEADS, [row(count, which, found[count, which]) for count in COUNTS for which in (OURS, PEER)])
    shares = [[windows(count), *(of_peer(found, count, part) for part in ("pss", "heap"))] for count in COUNTS]
    report += "\n\n" + table(["Mooring as a share of ComfyUI's", "PSS", "JavaScript heap"], shares)
    print(report)
    write_section("RESULTS.md", TITLE, INTRO.format(runs=RUNS, load=load) + report)
    plain = {f"{count}, {which}": held for (count, which), held in found.items()}
    write_json("memory", {"load": str(load), "bytes": plain})


def windows(count: int) -> str:
    return "1 window" if count == 1 else f"{count} windows"


def row(count: int, which: str, found: list[dict[str, float]]) -> list[str]:
    spreads = [spread([held[part] / MB for held in found], ".1f") for part in PARTS]
    return [windows(count), which, *(middle for middle, _ in spreads), spreads[-1][1]]


def of_peer(found: Found, count: int, part: str) -> str:
    """Return it as a share of the peer's."""
    ours, others = ([held[part] for held in found[count, which]] for which in (OURS, PEER))
    return share(ours, others)


async def measure() -> Found:
    """Measure everything, by number and kind of windows."""
    found: Found = defaultdict(list)
    async with both() as frontends:
        for _ in range(RUNS):
            for count in COUNTS:
                for one in frontends:
                    found[count, one.name].append(await of_windows(one, count))
    return found


async def of_windows(one: Frontend, count: int) -> dict[str, float]:
    """Return what this many windows hold together."""
    async with profile() as (context, folder):
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(WATCH % one.ready + COUNT)
        pages = [await context.new_page() for _ in range(count)]
        for page in pages:
            await page.goto(one.address)
            await page.wait_for_function("() => globalThis.upAt", polling=200)
        await asyncio.sleep(REST)
        held = [await footprint(page) for page in pages]
        await asyncio.sleep(REST)
        found = {part: sum(page[part] for page in held) for part in held[0]}
        return found | {"pss": sum(largest(folder, count))}


if __name__ == "__main__":
    gateway_memory.main() if sys.argv[1:] == ["gateway"] else main()
