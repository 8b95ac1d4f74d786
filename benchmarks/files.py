"""A folder of 500 photos of 5 MB, a run for each: the memory of the page meanwhile, and its longest task.

    python3 -m benchmarks.files [--count 500]

In a new profile on disk a window chooses the folder and adds its runs, for two demo servers. Until the last run has
ended, the PSS of the page's process and the bytes of its Python are read twice a second, and tasks of more than 50 ms
on the page's main thread are noted. The photos are 3,000 × 2,000 pixels, each with other bytes at its end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from playwright.async_api import Page

from benchmarks.footprint import ASK, COUNT, footprint, largest
from benchmarks.sections import Load, table, write_json, write_section
from benchmarks.start import profile
from tests.e2e.browser_kit import wait_for_snapshot
from tests.e2e.window_kit import MooringWindow
from tests.services import start_gateway

PHOTOS = 500
SIZE = 5_000_000  # bytes
WIDE, HIGH = 3_000, 2_000
SERVERS = 2
PATIENCE = 3_600.0  # seconds, for all runs
PATIENCE_FOR_ONE = 180.0  # for one step, such as the choice of a folder
INTERVAL = 0.5
MB = 1_000_000
TITLE = "A folder of photos"
LONG_TASKS = """
globalThis.longTasks = [];
new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((item) => item.duration)))
  .observe({ type: "longtask" });
"""
COUNTS = """() => [...document.querySelectorAll("[data-testid=batch-done], [data-testid=files-counts]")]
  .map((item) => item.textContent).join(" · ")"""
IS_OVER = "() => !document.querySelector('[data-testid=files-work]')"


@dataclass
class Found:
    """What was measured, in bytes, seconds and milliseconds."""

    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)
    pss: list[int] = field(default_factory=list)
    wasm: list[float] = field(default_factory=list)
    seconds: float = 0.0
    asking: list[float] = field(default_factory=list)  # long tasks until the question was shown
    working: list[float] = field(default_factory=list)  # and after the runs were added


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=PHOTOS)
    count = parser.parse_args().count
    load = Load()
    found = asyncio.run(measure(count))
    text = report(found, count, load)
    print(text)
    if count == PHOTOS:
        write_section("RESULTS.md", TITLE, text)
    write_json("files", {"load": str(load), "count": count, **found.__dict__})


def report(found: Found, count: int, load: Load) -> str:
    """Return the section."""
    rows = [
        ["PSS of the page, MB", f"{found.pss[0] / MB:.0f}", f"{max(found.pss) / MB:.0f}", f"{found.pss[-1] / MB:.0f}"],
        [
            "WebAssembly (Python), MB",
            f"{found.before['wasm'] / MB:.0f}", f"{max(found.wasm) / MB:.0f}", f"{found.after['wasm'] / MB:.0f}",
        ],
        ["JavaScript heap, MB", f"{found.before['heap'] / MB:.1f}", "", f"{found.after['heap'] / MB:.1f}"],
    ]  # fmt: skip
    asking, working = max(found.asking, default=0.0), max(found.working, default=0.0)
    return (
        f"`python3 -m benchmarks.files`: {count} photos of {SIZE / MB:.0f} MB are chosen and run one by one "
        f"on {SERVERS} demo servers, in {found.seconds:.0f} s ({load}).\n\n"
        + table(["", "before", "at most", "after"], rows)
        + f"\n\nThe longest task of the page: {asking:.0f} ms from the choice of the folder to the question, "
        f"{working:.0f} ms while the photos are copied, sent and shown ({len(found.working)} tasks of more than 50 ms)."
    )


async def measure(count: int) -> Found:
    """Measure once."""
    found = Found()
    with tempfile.TemporaryDirectory() as folder, start_gateway(demo=SERVERS) as gateway:
        make_photos(Path(folder), count)
        await wait_for_snapshot(gateway.url)
        async with profile() as (context, place):
            context.set_default_timeout(PATIENCE_FOR_ONE * 1000)
            await context.add_init_script(COUNT + LONG_TASKS)
            window = await MooringWindow.open(context, gateway.url)
            await window.ready()
            await run_folder(window, Path(folder), place, found)
    return found


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


async def run_folder(window: MooringWindow, folder: Path, place: str, found: Found) -> None:
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
        assert time.monotonic() - began < PATIENCE, shown
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
