"""Whether a window's memory is bounded: after 10,000 tasks, and after 100,000 events.

    python3 -m benchmarks.bounds [tasks|events] [--count N] [--minutes M]

A real window, measured after garbage collection in both languages: JavaScript's heap and array buffers, the memory of
WebAssembly (which never shrinks, so it shows the maximum), Python's objects, the DOM, blob addresses, the PSS of its
process. The tasks are submitted by `mooring.submitWorkflow` to a demo server, a few at a time, each awaited until its
result is delivered. The events come from `benchmarks/streamer.py`, previews among them. Events are counted when they
reach the window, since the gateway drops overtaken progress.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

import aiohttp
from playwright.async_api import BrowserContext, Page

from benchmarks.footprint import COUNT, footprint, largest
from benchmarks.frontends import PATIENCE
from benchmarks.sections import Load, table, write_json, write_section
from benchmarks.servers import start_streamer
from benchmarks.start import profile
from tests.e2e.browser_kit import wait_for_snapshot
from tests.e2e.window_kit import MooringWindow
from tests.e2e.work_kit import quick_workflow
from tests.services import start_demo, start_gateway

TASKS = (0, 100, 1_000, 2_500, 5_000, 7_500, 10_000)
EVENTS = (0, 10_000, 50_000, 100_000)
TOGETHER = 8  # tasks
PART = 100  # tasks between two checks of the clock
RATE = 1_000  # messages a second
SLICE = 10.0  # seconds of the stream at a time
REST = 2.0  # seconds
MB = 1_000_000
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
TITLES = {"tasks": "Memory after many tasks", "events": "Memory after many events"}
INTROS = {
    "tasks": "`python3 -m benchmarks.bounds tasks`: real tasks on a demo server, {together} at a time, by one window "
    "({load}; {seconds:.0f} s).\nGarbage was collected before each measurement.\n\n",
    "events": "`python3 -m benchmarks.bounds events`: progress and previews of one running task, {rate} messages a "
    "second sent; counted\nare those that reached the window ({load}; {seconds:.0f} s). Garbage was collected before "
    "each measurement.\n\n",
}

Looks = dict[int, dict[str, float]]


def main() -> None:
    """Run the requested measurements and write their section."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("tasks", "events", "both"), nargs="?", default="both")
    parser.add_argument("--count", type=int, help="end at so many tasks or events")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end after so long, wherever that is")
    flags = parser.parse_args()
    for kind, measure, steps in (("tasks", of_tasks, TASKS), ("events", of_events, EVENTS)):
        if flags.kind in {kind, "both"}:
            most = steps[-1] if flags.count is None else flags.count
            asked = [*(step for step in steps if step < most), most]
            load, began = Load(), time.monotonic()
            looks = asyncio.run(measure(asked, began + flags.minutes * 60))
            report = table([kind, *HEADS.values()], [row(count, held) for count, held in looks.items()])
            print(report)
            seconds = time.monotonic() - began
            words = INTROS[kind].format(together=TOGETHER, load=load, seconds=seconds, rate=f"{RATE:,}")
            write_section("RESULTS.md", TITLES[kind], words + report)
            write_json(f"bounds_{kind}", {"load": str(load), "seconds": seconds, "found": looks})


def row(count: int, held: dict[str, float]) -> list[str]:
    """One line of the table."""
    cells = (f"{held[part] / MB:.1f}" if part in IN_MB else f"{held[part]:,.0f}" for part in HEADS)
    return [f"{count:,}", *cells]


async def measure_page(page: Page, folder: str) -> dict[str, float]:
    """Return what the window holds now."""
    await asyncio.sleep(REST)
    python = await page.evaluate(OBJECTS, PYTHON)
    held = await footprint(page)
    return held | {"python": python, "pss": sum(largest(folder, 1))}


async def open_window(context: BrowserContext, base: str) -> MooringWindow:
    """Open a window that counts."""
    context.set_default_timeout(PATIENCE)
    await context.add_init_script(COUNT + HEARD)
    window = await MooringWindow.open(context, base)
    await window.ready()
    return window


async def of_tasks(steps: list[int], until: float) -> Looks:
    """Measure by the number of ended tasks."""
    found: Looks = {}
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


async def of_events(steps: list[int], until: float) -> Looks:
    """Measure by the number of events that the window has received."""
    found: Looks = {}
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


if __name__ == "__main__":
    main()
