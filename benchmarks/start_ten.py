"""How long ten windows take that are opened together, until the last of them is ready.

    python3 -m benchmarks.start_ten

Mooring and ComfyUI's frontend in turns, each in a new profile on disk: ten tabs of a browser on its first visit, and
ten of one that has visited before (one tab was opened and closed). All pages are navigated together; the time is from
the first navigation to the last page that is ready, by the machine's clock.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from playwright.async_api import Page

from benchmarks.frontends import PATIENCE, Frontend, behind, both, share, spread
from benchmarks.sections import Load, table, write_json, write_section
from benchmarks.start import OURS, PEER, WATCH, cpu_of, profile

RUNS = 3
COUNT = 10
KINDS = ("first visit", "later visit")
TIMES = "[performance.timeOrigin, performance.timeOrigin + upAt]"
TITLE = "Ten windows together"
INTRO = f"""`python3 -m benchmarks.start_ten`: {COUNT} windows opened together in one profile on disk, from the first
navigation until the first and until the last is ready; *CPU* is what all their processes used. The median of
{RUNS} runs, in turns, and their range ({{behind}}; {{load}}).

"""


@dataclass(frozen=True, slots=True)
class Ten:
    """Windows that were opened together: when the first and the last was ready, and the CPU time, in milliseconds."""

    first: float
    last: float
    cpu: float


def main() -> None:
    """Measure and write the section."""
    load = Load()
    found = asyncio.run(measure())
    rows = [row(kind, which, found[kind, which]) for kind in KINDS for which in (OURS, PEER)]
    report = table(["", "", "first up, ms", "last up, ms", "range", "CPU, ms"], rows)
    shares = [[kind, *(of_peer(found, kind, name) for name in ("last", "cpu"))] for kind in KINDS]
    report += "\n\n" + table(["Mooring as a share of ComfyUI's", "last up", "CPU"], shares)
    print(report)
    write_section("START.md", TITLE, INTRO.format(behind=behind(), load=load) + report)
    plain = {
        f"{kind}, {which}": [[ten.first, ten.last, ten.cpu] for ten in tens] for (kind, which), tens in found.items()
    }
    write_json("start_ten", {"load": str(load), "first, last, cpu": plain})


def row(kind: str, which: str, tens: list[Ten]) -> list[str]:
    (first, _), last, (cpu, _) = (spread([getattr(ten, name) for ten in tens]) for name in ("first", "last", "cpu"))
    return [kind, which, first, *last, cpu]


def of_peer(found: dict[tuple[str, str], list[Ten]], kind: str, name: str) -> str:
    """Return it as a share of the peer's."""
    ours, others = ([getattr(ten, name) for ten in found[kind, which]] for which in (OURS, PEER))
    return share(ours, others)


async def measure() -> dict[tuple[str, str], list[Ten]]:
    """Measure everything, by kind and frontend."""
    found: dict[tuple[str, str], list[Ten]] = defaultdict(list)
    async with both() as frontends:
        for _ in range(RUNS):
            for kind in KINDS:
                for one in frontends:
                    found[kind, one.name].append(await open_ten(one, kind))
    return found


async def open_ten(one: Frontend, kind: str) -> Ten:
    """Open ten pages in a new profile."""
    async with profile() as (context, folder):
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(WATCH % one.ready)
        if kind == "later visit":
            page = await context.new_page()
            await page.goto(one.address)
            await page.wait_for_function("() => globalThis.upAt")
            await page.close()
        pages = [await context.new_page() for _ in range(COUNT)]
        before = cpu_of(folder)
        times = await asyncio.gather(*(up_times(page, one.address) for page in pages))
        begun, ups = zip(*times, strict=True)
        cpu = cpu_of(folder) - before
        return Ten(min(ups) - min(begun), max(ups) - min(begun), cpu * 1000)


async def up_times(page: Page, address: str) -> list[float]:
    """Return when its navigation started and when it was ready, in milliseconds since the epoch."""
    await page.goto(address, wait_until="commit")
    await page.wait_for_function("() => globalThis.upAt", polling=200)
    found: list[float] = await page.evaluate(TIMES)
    return found


if __name__ == "__main__":
    main()
