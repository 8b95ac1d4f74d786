"""Pressing Run in a real window, with the page's own record of what happened after the press.

    async with profile() as (context, folder):
        await context.add_init_script(WATCH)
        window = await MooringWindow.open(context, gateway.url)
        presses = await press_run(window, 20, is_moored=True)

The profile is on disk, so that durable writes take their real time. A press is measured in milliseconds from the
event's own time: until the task's card is drawn, until `POST /prompt` leaves (the browser's own `requestStart`), and
how long each transaction of the store took in between.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from playwright.async_api import Locator, Page

from tests.kit.browser.windows import MooringWindow

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
# What the transactions write between the press and its POST. Moored, the last one reserves too.
LINE, RESERVE = "batches,lines,tasks,waiting", "reservations,settings,tasks"
REGISTER = "batches,lines,reservations,tasks,waiting"
LONG = {
    "1": {"class_type": "DemoSampler", "inputs": {"text": "tide", "seed": 1, "steps": 1, "width": 256, "height": 192}},
    "2": {"class_type": "DemoFailAt", "inputs": {"image": ["1", 0], "steps": 10_000, "fail_at": 0}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "long"}},
}

Press = dict[str, Any]


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
    took = dict(reversed(press["writes"]))  # the first of each
    press |= {"line": took[LINE], "reserve": took.get(RESERVE, 0.0), "register": took[REGISTER]}
    press["over"] = press["left"] - press["line"] - press["reserve"] - press["register"]
    return press


async def moor(window: MooringWindow) -> str:
    """Start something that holds the window for the whole measurement; return its prompt_id."""
    prompt_id = await window.submit(json.loads(json.dumps(LONG)), "Long")
    await window.wait_state(prompt_id, "running")
    return prompt_id
