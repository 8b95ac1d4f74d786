"""Pressing Run in a real window, with the page's own record of what happened after the press.

    async with a_profile() as (context, folder):
        window = await MooringWindow.open(context, gateway.url)
        presses = await press_run(window, 20, is_moored=True)

The profile is on disk, so that durable writes take their real time. A press is measured in milliseconds from the
event's own time: until the task's card is drawn, until `POST /prompt` leaves (the browser's own `requestStart`), and
how long each transaction of the store took in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Locator, Page

from tests.e2e.browser_kit import open_chromium
from tests.e2e.window_kit import MooringWindow

WATCH = """
performance.setResourceTimingBufferSize(100000);
globalThis.press = { at: 0, card: 0, writes: [] };
addEventListener("click", (event) => {
  if (event.target.closest?.("[data-action=run]")) globalThis.press = { at: event.timeStamp, card: 0, writes: [] };
}, { capture: true });
new MutationObserver((changes) => {
  const isCard = (node) => node.matches?.("[data-testid=task-card]") || node.querySelector?.("[data-testid=task-card]");
  if (press.at && !press.card && changes.some(({ addedNodes }) => [...addedNodes].some(isCard))) {
    press.card = performance.now() - press.at;
  }
}).observe(document, { subtree: true, childList: true });
const plain = IDBDatabase.prototype.transaction;
IDBDatabase.prototype.transaction = function (stores, mode, options) {
  const transaction = plain.call(this, stores, mode, options);
  const now = press;
  if (mode === "readwrite") {
    const began = performance.now();
    const end = () => now.writes.push([[...transaction.objectStoreNames].join(), performance.now() - began]);
    transaction.addEventListener("complete", end);
  }
  return transaction;
};
"""
LEFT = """() => {
  const sent = performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/prompt"));
  const post = sent.find(({ requestStart }) => requestStart > press.at);
  return post && press.card ? { left: post.requestStart - press.at, card: press.card, writes: press.writes } : null;
}"""
HOVERED, PRESSED = 1.0, 0.1  # seconds; the queue of the run before is checked 0.5 s after that has left it
PACE = "--step-seconds", "0.02"  # of the servers: a short run takes 0.4 s, the long one three minutes
RESERVE, REGISTER = "reservations,settings,tasks", "reservations,tasks"  # what those two write; moored, the one is both
LONG = {
    "1": {"class_type": "DemoSampler", "inputs": {"text": "tide", "seed": 1, "steps": 1, "width": 256, "height": 192}},
    "2": {"class_type": "DemoFailAt", "inputs": {"image": ["1", 0], "steps": 10_000, "fail_at": 0}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "long"}},
}

Press = dict[str, Any]


@contextlib.asynccontextmanager
async def a_profile() -> AsyncIterator[tuple[BrowserContext, str]]:
    """Open a new profile on disk, which records; yield it with its folder."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with open_chromium(profile=Path(folder)) as context:
            await context.add_init_script(WATCH)
            yield context, folder


def cpu_of(folder: str) -> float:
    """Return the seconds of CPU that the pages of a profile have used so far; 0 if the machine does not report it."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace")
            if "--type=renderer" in words and folder in words:
                fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def press_run(window: MooringWindow, count: int, *, is_moored: bool) -> list[Press]:
    """Press this many times, one after another; each run is ended before the next, so that all presses are alike."""
    page = window.page
    await window.choose_sample("text")
    found = []
    for _ in range(count):
        prompt_id = await window.press_run(press_like_a_user)
        found.append(await last_press(page))
        if is_moored:
            await window.call("mooring.cancel(a[0])", prompt_id)
        await window.wait_for(prompt_id)
        if not is_moored:
            await page.wait_for_function("windowLockedServer === null")
    return found


async def press_like_a_user(button: Locator) -> None:
    """Press a button that the pointer has come to before, and for as long as a finger does.

    After an input the browser holds back what the store answers until the next frame, if there is anything to draw. A
    pointer that jumps to the button starts the transition of its colour, so that each press waits for a frame.
    """
    await button.hover()
    await asyncio.sleep(HOVERED)
    await button.page.mouse.down()
    await asyncio.sleep(PRESSED)
    await button.page.mouse.up()


async def last_press(page: Page) -> Press:
    """Return the last press, once its POST was answered."""
    found = await page.wait_for_function(LEFT)
    press: Press = await found.json_value()
    for name, stores in (("reserve", RESERVE), ("register", REGISTER)):
        press[name] = next((took for written, took in press["writes"] if written == stores), 0.0)
    press["over"] = press["left"] - press["reserve"] - press["register"]
    return press


async def moor(window: MooringWindow) -> str:
    """Start something that holds the window for the whole measurement; return its prompt_id."""
    prompt_id = await window.submit(json.loads(json.dumps(LONG)), "Long")
    await window.wait_state(prompt_id, "running")
    return prompt_id
