"""How long a window takes on a slow connection and a slow machine: 10 Mbit/s, 40 ms, a quarter of the CPU.

    python3 -m benchmarks.start_slow

As `benchmarks/start.py`, with Chromium's own emulation: `Network.emulateNetworkConditions` delays the page's network
requests (not those that its cache answers), `Emulation.setCPUThrottlingRate` its main thread. Workers, WebSockets and
the browser's compilation on other threads are not slowed, for either frontend. The real speed of the connection is
measured in each profile.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from playwright.async_api import Page

from benchmarks.frontends import PATIENCE, Frontend, behind, both, share, spread
from benchmarks.sections import Load, table, write_json, write_section
from benchmarks.start import KINDS, OURS, PEER, WATCH, Start, cpu_of, profile, read_start

RUNS = 3
MEGABITS = 10
LATENCY = 40  # milliseconds
SLOWDOWN = 4
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
TITLE = "Over a slow line, on a slow machine"
INTRO = f"""`python3 -m benchmarks.start_slow`: the same over {MEGABITS} Mbit/s with {LATENCY} ms, with a quarter of
the CPU for the page's main thread, by Chromium's own emulation; {RUNS} runs, in turns ({{behind}}; {{load}}).
The connection had {{line}}. *Needed* are the bytes of the files that had arrived when a key could be typed.

"""


def main() -> None:
    """Measure and write the section."""
    load = Load()
    starts, lines = asyncio.run(measure())
    rows = [row(kind, which, starts[kind, which]) for kind in KINDS for which in (OURS, PEER)]
    shares = [[kind, share(clock(starts[kind, OURS]), clock(starts[kind, PEER]))] for kind in KINDS]
    report = table(["", "", "up, ms", "range", "key, ms", "needed", "bytes", "requests"], rows)
    report += "\n\n" + table(["Mooring as a share of ComfyUI's", "ms"], shares)
    print(report)
    megabits, wait = zip(*lines, strict=True)
    line = (
        f"{min(megabits):.1f} to {max(megabits):.1f} Mbit/s, and a small file in {min(wait):.0f} to {max(wait):.0f} ms"
    )
    write_section("START.md", TITLE, INTRO.format(behind=behind(), load=load, line=line) + report)
    plain = {f"{kind}, {which}": [vars(start) for start in found] for (kind, which), found in starts.items()}
    write_json("start_slow", {"load": str(load), "line": lines, "starts": plain})


def clock(found: list[Start]) -> list[float]:
    """Return the milliseconds of each start."""
    return [start.seconds * 1000 for start in found]


def row(kind: str, which: str, found: list[Start]) -> list[str]:
    early = ["–", "–"]
    if which == OURS:
        early = [spread([start.key * 1000 for start in found])[0], spread([start.needed for start in found], ",.0f")[0]]
    counts = (spread([start.bytes for start in found], ",.0f")[0], spread([start.requests for start in found])[0])
    return [kind, which, *spread(clock(found)), *early, *counts]


async def measure() -> tuple[dict[tuple[str, str], list[Start]], list[list[float]]]:
    """Measure every start, by kind and frontend; return also the speed of the connection each time."""
    found: dict[tuple[str, str], list[Start]] = defaultdict(list)
    lines = []
    async with both() as frontends:
        for _ in range(RUNS):
            for one in frontends:
                starts, line = await in_profile(one)
                lines.append(line)
                for kind, start in starts.items():
                    found[kind, one.name].append(start)
    return found, lines


async def in_profile(one: Frontend) -> tuple[dict[str, Start], list[float]]:
    """Run the three starts in a new profile."""
    starts = {}
    async with profile() as (context, folder):
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(WATCH % one.ready)
        for kind in KINDS:
            before = cpu_of(folder)
            if kind == "reload":
                page = context.pages[-1]
                await page.reload()
            else:
                page = await context.new_page()
                await slow_down(page)
                await page.goto(one.address)
            starts[kind] = await read_start(page, folder, before)
        return starts, await page.evaluate(LINE)


async def slow_down(page: Page) -> None:
    """Slow the page's connection and main thread from now on."""
    client = await page.context.new_cdp_session(page)
    rate = MEGABITS * 1_000_000 / 8
    conditions = {"offline": False, "latency": LATENCY, "downloadThroughput": rate, "uploadThroughput": rate}
    await client.send("Network.enable")
    await client.send("Network.emulateNetworkConditions", conditions)
    await client.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})


if __name__ == "__main__":
    main()
