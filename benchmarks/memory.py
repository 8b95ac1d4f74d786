"""The memory of a window: beside ComfyUI's frontend, after many tasks and events, and while it sends many photos.

    python3 -m benchmarks memory                    # one window, and ten that are opened together, in turns
    python3 -m benchmarks memory tasks              # after up to 10,000 tasks of a demo server
    python3 -m benchmarks memory events             # after up to 100,000 events of one running task
    python3 -m benchmarks memory photos             # while 500 photos of 5 MB are chosen and run on two servers

`--count N` ends at so many windows, tasks, events or photos, and `--minutes M` after so long.

New profiles on disk. Of each page, after garbage collection: the heap of JavaScript, its array buffers, the memory of
WebAssembly, which never shrinks (Python's, and part of neither figure before it). Of the pages' processes: PSS, which
counts what processes share once in all (`/proc/PID/smaps_rollup`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image
from playwright.async_api import BrowserContext, Page

from benchmarks.kit.browser import ASK, COUNT, cpu_of, footprint, largest, profile
from benchmarks.kit.frontends import IS_UP, OURS, PATIENCE, WATCH, Frontend, behind, frontends
from benchmarks.kit.report import Load, median, median_and_range, share, show, table
from benchmarks.kit.servers import start_streamer
from tests.kit.browser.chromium import wait_for_snapshot
from tests.kit.browser.windows import MooringWindow
from tests.kit.browser.work import quick_workflow
from tests.kit.services import start_demo, start_gateway

MB = 1_000_000


def main() -> None:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("windows", "tasks", "events", "photos"), default="windows")
    parser.add_argument("--count", type=int)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    flags = parser.parse_args()
    match flags.what:
        case "windows":
            asyncio.run(of_windows(flags.count or 10))
        case "tasks":
            asyncio.run(grow("tasks", of_tasks, steps_to(flags.count, TASKS), flags.minutes))
        case "events":
            asyncio.run(grow("events", of_events, steps_to(flags.count, EVENTS), flags.minutes))
        case "photos":
            asyncio.run(of_photos(flags.count or PHOTOS))


RUNS = 2
REST = 5.0  # seconds until background work of the start has ended
PARTS = {
    "first": "first up, ms",
    "last": "last up, ms",
    "cpu": "CPU, ms",
    "heap": "JavaScript heap, MB",
    "buffers": "array buffers, MB",
    "wasm": "WebAssembly, MB",
    "pss": "PSS, MB",
}
TIMES = "[performance.timeOrigin, performance.timeOrigin + upAt]"


async def of_windows(most: int) -> None:
    """Measure one window, and `most` that are opened together, of each frontend: how soon, and what they hold idle."""
    load = Load()
    found: dict[tuple[int, str], list[dict[str, float]]] = defaultdict(list)
    async with frontends() as all_of_them:
        for _ in range(RUNS):
            for count in dict.fromkeys((1, most)):
                for one in all_of_them:
                    found[count, one.name].append(await opened(one, count))
    names = list(dict.fromkeys(name for _, name in found))
    rows = [
        [str(count), name, *(median([held[part] for held in figures]) for part in list(PARTS)[:3])]
        + [median([held[part] / MB for held in figures], ".1f") for part in list(PARTS)[3:]]
        + median_and_range([held["pss"] / MB for held in figures], ".1f")[1:]
        for (count, name), figures in sorted(found.items())
    ]
    shares = [
        [str(count), name, *(share_of(found, count, name, part) for part in ("last", "cpu", "pss", "heap"))]
        for count in dict.fromkeys((1, most))
        for name in names[1:]
    ]
    print(f"\n{RUNS} runs, {behind()} behind all; windows of one new profile, navigated at the same moment")
    show(
        "memory",
        load,
        table(["windows", "", *PARTS.values(), "range"], rows),
        table(["windows", "Mooring as a share of", "last up", "CPU", "PSS", "JavaScript heap"], shares),
        found={f"{count}, {name}": figures for (count, name), figures in found.items()},
    )


def share_of(found: dict[tuple[int, str], list[dict[str, float]]], count: int, name: str, part: str) -> str:
    """Return Mooring's part as a share of another's."""
    return share(*([held[part] for held in found[count, one]] for one in (OURS, name)))


async def opened(one: Frontend, count: int) -> dict[str, float]:
    """Open this many windows together; return how soon they were up, and what they hold together."""
    async with profile() as (context, folder):
        context.set_default_timeout(PATIENCE)
        await context.add_init_script(WATCH % one.ready + COUNT)
        pages = [await context.new_page() for _ in range(count)]
        before = cpu_of(folder)
        begun, ups = zip(*await asyncio.gather(*(up_times(page, one.address) for page in pages)), strict=True)
        cpu = (cpu_of(folder) - before) * 1000
        await asyncio.sleep(REST)
        held = [await footprint(page) for page in pages]
        await asyncio.sleep(REST)
        found = {part: sum(page[part] for page in held) for part in held[0]}
        found |= {"first": min(ups) - min(begun), "last": max(ups) - min(begun), "cpu": cpu}
        return found | {"pss": sum(largest(folder, count))}


async def up_times(page: Page, address: str) -> list[float]:
    """Return when its navigation started and when it was ready, in milliseconds since the epoch."""
    await page.goto(address, wait_until="commit")
    await page.wait_for_function(IS_UP, polling=200)
    found: list[float] = await page.evaluate(TIMES)
    return found


TASKS = (0, 100, 1_000, 2_500, 5_000, 7_500, 10_000)
EVENTS = (0, 10_000, 50_000, 100_000)
TOGETHER = 8  # tasks, submitted by `mooring.submitWorkflow`, each awaited until its result is delivered
PART = 100  # tasks between two checks of the clock
RATE = 1_000  # messages a second, previews among them
SLICE = 10.0  # seconds of the stream at a time
SETTLE = 2.0  # seconds
PYTHON = """
import gc, json
def count():
    gc.collect()
    return gc.get_freeze_count() + len(gc.get_objects())
count()
"""
# The page's own Python, by the module that started it.
OBJECTS = """async (code) => {
  const boot = document.querySelector("script[src$='/boot.mjs']").src;
  const { loadPyodide } = await import(boot);
  return (await loadPyodide({})).runPython(code);
}"""
RUN = """async ([workflow, count, atOnce]) => {
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      const own = structuredClone(workflow);
      own["1"].inputs.color = Math.floor(Math.random() * 0xffffff);
      await mooring.waitFor(await mooring.submitWorkflow(own, { title: "Bounds" }));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}"""
# Events are counted when they reach the window, since the gateway drops overtaken progress.
HEARD = """
globalThis.heard = 0;
{
  const Plain = WebSocket;
  globalThis.WebSocket = class extends Plain {
    constructor(...words) {
      super(...words);
      this.addEventListener("message", () => { heard += 1; });
    }
  };
}
"""
HEADS = {
    "heap": "JavaScript heap, MB",
    "buffers": "array buffers, MB",
    "wasm": "WebAssembly, MB",
    "python": "Python's objects",
    "nodes": "DOM nodes",
    "listeners": "listeners",
    "urls": "blob addresses",
    "entries": "timeline entries",
    "pss": "PSS, MB",
}
IN_MB = {"heap", "buffers", "wasm", "pss"}

Held = dict[int, dict[str, float]]  # by the number of tasks or events


def steps_to(most: int | None, usual: Sequence[int]) -> list[int]:
    """Return the numbers at which to measure: the usual ones, up to a wanted last one."""
    last = usual[-1] if most is None else most
    return [*(step for step in usual if step < last), last]


async def grow(name: str, measure: Any, steps: list[int], minutes: float) -> None:
    """Measure at each step, and print a line for each."""
    load, began = Load(), time.monotonic()
    found: Held = await measure(steps, began + minutes * 60)
    rows = [
        [f"{count:,}", *(f"{held[one] / MB:.1f}" if one in IN_MB else f"{held[one]:,.0f}" for one in HEADS)]
        for count, held in found.items()
    ]
    print(f"\nin {time.monotonic() - began:.0f} s")
    show(f"memory_{name}", load, table([name, *HEADS.values()], rows), found=found)


async def of_tasks(steps: list[int], until: float) -> Held:
    """Measure by the number of ended tasks."""
    found: Held = {}
    with start_demo("--step-seconds", "0") as demo, start_gateway("--server", f"d={demo.url}") as gateway:
        await wait_for_snapshot(gateway.url)
        async with profile() as (context, folder):
            window = await open_window(context, gateway.url)
            done = 0
            for step in steps:
                done = await run_tasks(window.page, done, step, until)
                await window.page.wait_for_function("windowLockedServer === null")
                found[done] = await measure_page(window.page, folder)
                print(done, found[done], flush=True)
                if done < step:
                    break
    return found


async def run_tasks(page: Page, done: int, wanted: int, until: float) -> int:
    """Run tasks, a part at a time, until enough are done or the time is over; return how many are."""
    while done < wanted and time.monotonic() < until:
        part = min(PART, wanted - done)
        await page.evaluate(RUN, [quick_workflow(), part, TOGETHER])
        done += part
    return done


async def of_events(steps: list[int], until: float) -> Held:
    """Measure by the number of events that the window has received."""
    found: Held = {}
    with start_streamer() as server, start_gateway("--server", f"s={server.url}") as gateway:
        await wait_for_snapshot(gateway.url)
        async with profile() as (context, folder), aiohttp.ClientSession() as session:
            window = await open_window(context, gateway.url)
            prompt_id = await window.submit(quick_workflow(), "Stream")
            await window.wait_state(prompt_id, "running")
            await window.page.wait_for_function("debugServerConsistency().webSocket.state === 'open'")
            facts = {"client_id": await window.call("debugWebSocketLock().clientId"), "prompt_id": prompt_id}
            asked: dict[str, Any] = {**facts, "rate": RATE, "seconds": SLICE}
            for step in steps:
                while (heard := await window.page.evaluate("heard")) < step and time.monotonic() < until:
                    async with session.post(f"{server.url}/benchmark/stream", json=asked) as answer:
                        await answer.read()
                found[heard] = await measure_page(window.page, folder)
                print(heard, found[heard], flush=True)
                if heard < step:
                    break
    return found


async def open_window(context: BrowserContext, base: str) -> MooringWindow:
    """Open a window that counts."""
    context.set_default_timeout(PATIENCE)
    await context.add_init_script(COUNT + HEARD)
    window = await MooringWindow.open(context, base)
    await window.ready()
    return window


async def measure_page(page: Page, folder: str) -> dict[str, float]:
    """Return what the window holds now, garbage of both languages collected."""
    await asyncio.sleep(SETTLE)
    python = await page.evaluate(OBJECTS, PYTHON)
    held = await footprint(page)
    return held | {"python": python, "pss": sum(largest(folder, 1))}


PHOTOS = 500
SIZE = 5_000_000  # bytes
WIDE, HIGH = 3_000, 2_000  # pixels; each photo has other bytes at its end
SERVERS = 2
LONGEST = 3_600.0  # seconds, for all runs
INTERVAL = 0.5
LONG_TASKS = """
globalThis.longTasks = [];
new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((item) => item.duration)))
  .observe({ type: "longtask" });
"""
COUNTS = """() => [...document.querySelectorAll("[data-testid=batch-done], [data-testid=files-counts]")]
  .map((item) => item.textContent).join(" · ")"""
IS_OVER = "() => !document.querySelector('[data-testid=files-work]')"


@dataclass
class Photos:
    """What was measured, in bytes, seconds and milliseconds."""

    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)
    pss: list[int] = field(default_factory=list)
    wasm: list[float] = field(default_factory=list)
    seconds: float = 0.0
    asking: list[float] = field(default_factory=list)  # tasks of the page over 50 ms until the question was shown
    working: list[float] = field(default_factory=list)  # and after the runs were added


async def of_photos(count: int) -> None:
    """Measure once, and print."""
    load, found = Load(), Photos()
    with tempfile.TemporaryDirectory() as folder, start_gateway(demo=SERVERS) as gateway:
        make_photos(Path(folder), count)
        await wait_for_snapshot(gateway.url)
        async with profile() as (context, place):
            context.set_default_timeout(PATIENCE)
            await context.add_init_script(COUNT + LONG_TASKS)
            window = await MooringWindow.open(context, gateway.url)
            await window.ready()
            await run_folder(window, Path(folder), place, found)
    wasm, heap = ((found.before[one], found.after[one]) for one in ("wasm", "heap"))
    rows = [
        ["PSS of the page, MB", *(f"{held / MB:.0f}" for held in (found.pss[0], max(found.pss), found.pss[-1]))],
        ["WebAssembly, MB", *(f"{held / MB:.0f}" for held in (wasm[0], max(found.wasm), wasm[1]))],
        ["JavaScript heap, MB", f"{heap[0] / MB:.1f}", "", f"{heap[1] / MB:.1f}"],
        ["longest task until the question, ms", "", f"{max(found.asking, default=0.0):.0f}", ""],
        [f"longest of {len(found.working)} over 50 ms after it", "", f"{max(found.working, default=0.0):.0f}", ""],
    ]
    heads = [f"{count} photos on {SERVERS} servers, in {found.seconds:.0f} s", "before", "at most", "after"]
    show("memory_photos", load, table(heads, rows), found=asdict(found))


def make_photos(folder: Path, count: int) -> None:
    """Write different photos of the same size."""
    noise = Image.frombytes("RGB", (WIDE // 4, HIGH // 4), os.urandom(WIDE * HIGH * 3 // 16))
    path = folder / "photo.jpg"
    noise.resize((WIDE, HIGH), Image.Resampling.BICUBIC).save(path, quality=90)
    data = path.read_bytes()
    assert len(data) <= SIZE - 8
    path.unlink()
    for number in range(count):
        rest = number.to_bytes(8, "big").rjust(SIZE - len(data), b"\0")
        (folder / f"IMG_{number:04}.jpg").write_bytes(data + rest)


async def run_folder(window: MooringWindow, folder: Path, place: str, found: Photos) -> None:
    """Choose the folder, add its runs, and sample until the last has ended."""
    page = window.page
    await window.choose_sample("enlarge")
    await page.locator("#field-2-width").fill("64")
    found.before = await footprint(page)
    found.pss.append(largest(place, 1)[0])
    await page.get_by_test_id("open-files").click()
    await page.evaluate("longTasks.length = 0")
    await page.get_by_test_id("files-dialog").get_by_test_id("choose-folder").set_input_files(folder)
    await page.get_by_test_id("files-add").wait_for()
    found.asking = await long_tasks(page)
    began = time.monotonic()
    await page.get_by_test_id("files-add").click()
    await page.get_by_test_id("files-work").wait_for()
    shown = ""
    while not await page.evaluate(IS_OVER):
        assert time.monotonic() - began < LONGEST, shown
        with contextlib.suppress(IndexError):
            found.pss.append(largest(place, 1)[0])
        found.wasm.append((await page.evaluate(ASK))["wasm"])
        if (now := await page.evaluate(COUNTS)) != shown and time.monotonic() - began > 1:
            shown = now
            print(f"{time.monotonic() - began:6.0f} s  {shown}", flush=True)
        await asyncio.sleep(INTERVAL)
    found.seconds = time.monotonic() - began
    found.working = await long_tasks(page)
    found.after = await footprint(page)
    found.pss.append(largest(place, 1)[0])


async def long_tasks(page: Page) -> list[float]:
    """Return the long tasks since the last call, in milliseconds."""
    found: list[float] = await page.evaluate("longTasks.splice(0)")
    return found


if __name__ == "__main__":
    main()
