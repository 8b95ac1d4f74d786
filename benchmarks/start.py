"""How long a window takes until it is ready: Mooring with and without memory snapshot, and ComfyUI's frontend.

    python3 -m benchmarks.start

A real Chromium with a profile on disk, in turns: the first visit of a new profile, a reload, a second tab beside the
first. ComfyUI's frontend has the same compression and caching (`benchmarks/start_peer.py`) and the same demo server
behind it. Writes `benchmarks/START.md` up to the sections of other commands.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import statistics
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from playwright.async_api import BrowserContext, Page

from benchmarks.sections import write_head
from benchmarks.start_peer import READY as PEER_READY
from benchmarks.start_peer import serve_peer
from gateway.install.place import Place, write_record
from gateway.install.snapshot import Snapshots
from gateway.page.archive import digest_sources
from tests.e2e.browser_kit import IS_RESTORED, open_chromium, wait_for_drawing, wait_for_snapshot
from tests.services import start_gateway

ROOT = Path(__file__).resolve().parent.parent
RUNS = 5
REST = 2.0  # seconds between two starts, for both, so that background work of the last one has ended
KINDS = ("first visit", "reload", "second tab")
OURS, BARE, PEER = "Mooring", "without snapshot", "ComfyUI's"
READY = "document.body && !document.body.matches('.is-booting') && document.querySelector('[data-testid=run]')"
# Checks whenever the page is idle.
WATCH = """
globalThis.mooringKeepAfter = 0; // a person's window keeps its snapshot some seconds later
performance.setResourceTimingBufferSize(2000);
{
  const look = () => { if (%s) globalThis.upAt = performance.now(); else setTimeout(look); };
  look();
  // A key, as early as a person could type one: once a field of the form is painted. It has to stay.
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
}
"""
TYPED = "() => globalThis.keyAt === undefined || document.querySelector('#form textarea').value === 'typed early'"
# A request that was answered from the browser's cache has no size.
FIGURES = """(() => {
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const asked = entries.filter((entry) => entry.transferSize > 0);
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const byWorker = performance.getEntriesByName("mooring-arrived")[0]?.detail.transferred ?? 0; // the memory
  const size = asked.reduce((sum, entry) => sum + entry.transferSize, byWorker);
  const before = asked.filter((entry) => entry.responseEnd <= globalThis.keyAt); // the document is among them
  const needed = before.reduce((sum, entry) => sum + entry.transferSize, 0);
  return [upAt, size, asked.length + (byWorker > 0), globalThis.keyAt ?? 0, needed, paint?.startTime ?? 0];
})()"""
HERE_ONLY = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"  # ComfyUI's frontend makes requests to the internet
)
INTRO = """# How long a window takes to start

`python3 -m benchmarks.start`: a real Chromium with a profile on disk, at servers on the same machine, in turns.
*Up* is from the navigation until Python is up: the window restored, node classes known, a run can be sent (ComfyUI's
frontend: canvas drawn, splash screen gone, node classes known), the median of {runs} and their range, in milliseconds;
{rest:.0f} s after the last start, for both. *Key* is when a key can be typed into the real form that is there when
Python is up, *paint* the first one.
*CPU* is what the pages' processes used, in milliseconds; it says more than the clock on a machine with other work
({load}).
*Bytes* and *requests* are what reached the server. ComfyUI's frontend is `comfyui-frontend-package` as the tests have
it, with the same compression and caching, and the same demo server behind it.

"""
BOUNDS = """
*What is missing from the aims* below has each of them. A key counts here once the browser has reported its first
paint; what is typed before is kept too. *Where the time goes* below has the parts of a start. A window that a service
worker opens is reported with the unpacked size of its document: over the line a reload takes 1.4 kB.

*Open another window* is not prerendered: Chromium 156 without a screen fetches a page of speculation rules for the
same tab, and none with `target_hint` `_blank` (tried with two pages of a local server).
Tried without success: styles and classic scripts inside the document (painted after 220, 200 and 212 ms, in turns
with 260, 144 and 252 from files); requesting the WebAssembly, or the memory, first in the page's first script (a
second tab took 563 ms instead of 465, on a machine that was twice as fast); having the browser open its database
before Python does; compiling the WebAssembly in a worker (until Python was up, as a share of the page's own
compiling: 1.05 and 1.19 on a first visit, 0.92 and 1.26 at a reload, 1.00 and 1.46 in a second tab). With the memory
in a database of the page instead of the browser's cache, the shares were 0.55, 0.48 and 0.45 on that machine; that
was given up because it takes room from a user's records (docs/decisions/0080). Over plain http under a name browsers
take gzip instead of Zstandard on the first visit: 1.8 MB more for the memory.

The bytes are those until the window is ready. With 4 MB a second or more, 26 MB follow five seconds later, once for
each build and browser: the unpacked memory, for later starts (twice, and in vain, if the cache is too small). A
slower line brings 1 MB of it, once.
"""
SOURCES = ("app", "gateway", "demo_comfyui", "wire", "static", ".mooring/builds")


@dataclass(frozen=True)
class Start:
    """One start of a window."""

    seconds: float
    cpu: float
    bytes: int
    requests: int
    key: float  # 0 if none could be typed before
    needed: int  # bytes of the files that had arrived by then
    paint: float


def main() -> None:
    """Measure and write the table."""
    before = load()
    starts = asyncio.run(measure())
    lines = ["| | | up | range | key | paint | CPU | bytes | requests |", "|---|---|---|---|---|---|---|---|---|"]
    lines += [row(kind, which, starts[kind, which]) for kind in KINDS for which in (OURS, BARE, PEER)]
    lines += ["", "| Mooring as a share of | ms | CPU |", "|---|---|---|"]
    lines += [share(kind, which, starts) for which in (PEER, BARE) for kind in KINDS]
    table = "\n".join(lines)
    print(table)
    loads = f"it had a load of {before} before and {load()} after on {os.cpu_count()} cores"
    text = INTRO.format(runs=RUNS, rest=REST, load=loads) + table + "\n" + BOUNDS
    write_head("START.md", text)
    out = ROOT / "benchmarks" / "out" / "start.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    plain = {f"{kind}, {which}": [vars(start) for start in found] for (kind, which), found in starts.items()}
    out.write_text(json.dumps(plain, indent=1), encoding="utf-8")


def load() -> str:
    """Return the machine's load over the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def row(kind: str, which: str, found: list[Start]) -> str:
    clock = sorted(start.seconds * 1000 for start in found)
    cpu = statistics.median(start.cpu for start in found) * 1000
    size = statistics.median(start.bytes for start in found)
    requests = statistics.median(start.requests for start in found)
    span = f"{clock[0]:.0f} to {clock[-1]:.0f}"
    key, paint = (statistics.median(getattr(start, name) for start in found) * 1000 for name in ("key", "paint"))
    early = f"{key:.0f} | {paint:.0f}" if which != PEER else f"– | {paint:.0f}"
    up = f"{statistics.median(clock):.0f} | {span}"
    return f"| {kind} | {which} | {up} | {early} | {cpu:.0f} | {size:,.0f} | {requests:.0f} |"


def share(kind: str, which: str, starts: dict[tuple[str, str], list[Start]]) -> str:
    """Return our time as a share of the other's."""
    clock, cpu = (
        statistics.median(getattr(start, name) for start in starts[kind, OURS])
        / statistics.median(getattr(start, name) for start in starts[kind, which])
        for name in ("seconds", "cpu")
    )
    return f"| {which}, {kind} | {clock:.2f} | {cpu:.2f} |"


async def measure() -> dict[tuple[str, str], list[Start]]:
    """Measure every start, by kind and frontend."""
    found: dict[tuple[str, str], list[Start]] = defaultdict(list)
    with without_snapshot() as house, start_gateway(demo=1) as one, start_gateway(demo=1, root=house) as other:
        await wait_for_snapshot(one.url)
        for gateway in (one, other):
            await wait_for_drawing(gateway.url)
        async with serve_peer(await catalogue_of(one.url)) as peer:
            for _ in range(RUNS):
                for which, address, ready in (
                    (OURS, one.url, READY),
                    (BARE, other.url, READY),
                    (PEER, peer, PEER_READY),
                ):
                    async with profile() as (context, folder):
                        await context.add_init_script(WATCH % ready)
                        for kind in KINDS:
                            found[kind, which].append(await start_of(context, folder, address, kind))
                            if which != PEER:
                                assert await context.pages[-1].evaluate(IS_RESTORED) is (which == OURS)
    return found


async def catalogue_of(base: str) -> str:
    """Return the node catalogue of the demo server."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{base}/fleet") as answer:
            (server,) = (await answer.json())["servers"]
        async with session.get(f"{base}/servers/{server['id']}/object_info") as answer:
            return await answer.text()


async def start_of(context: BrowserContext, folder: str, address: str, kind: str) -> Start:
    """Run one start in a profile in which the kinds follow each other."""
    await asyncio.sleep(REST)
    before = cpu_of(folder)
    page = context.pages[-1] if kind == "reload" else await context.new_page()
    await (page.reload() if kind == "reload" else page.goto(address))
    return await read_start(page, folder, before)


async def read_start(page: Page, folder: str, cpu_before: float) -> Start:
    """Read the page's record of its start once it is ready."""
    await page.wait_for_function("() => globalThis.upAt")
    cpu = cpu_of(folder) - cpu_before
    milliseconds, size, requests, key, needed, paint = await page.evaluate(FIGURES)
    assert await page.evaluate(TYPED), "the early key is lost"
    return Start(milliseconds / 1000, cpu, size, requests, key / 1000, needed, paint / 1000)


def cpu_of(folder: str) -> float:
    """Return the seconds of CPU that the pages' processes of a profile have used so far; 0 without /proc."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace")
            if "--type=renderer" in words and folder in words:
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.asynccontextmanager
async def profile() -> AsyncIterator[tuple[BrowserContext, str]]:
    """Open a new profile on disk; yield it with its folder."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with open_chromium(HERE_ONLY, profile=Path(folder)) as context:
            yield context, folder


@contextlib.contextmanager
def without_snapshot() -> Iterator[Path]:
    """Return a copy of the gateway and its files in which no snapshot will be made."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in SOURCES:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.new"))
        for name in ("index.html", "pyscript.toml"):
            shutil.copy(ROOT / name, root / name)
        snapshots = Snapshots(Place(root))
        snapshots.folder.mkdir()
        write_record(snapshots.folder / f"{snapshots.key(digest_sources(root))}.json", {"failed": True})
        yield root


if __name__ == "__main__":
    main()
