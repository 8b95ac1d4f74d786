"""Everyday tasks: how many clicks each takes, and how long until the goal is on the screen.

    python3 -m benchmarks tasks

In a real Chromium, at a real gateway with two demo servers that take some 0.02 s for a step. A press, a tap and a drop
count as one click each, a choice in a select as two; typing is named, not counted. The time is from the first press to
the goal, with each press made as soon as its control is there: what the page and the servers need, without the user's
own time. `benchmarks/TASKS.md` has the table beside those of other frontends.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable

from playwright.async_api import Locator, expect

from benchmarks.kit.report import Load, show, table
from tests.kit.browser.chromium import open_chromium, wait_for_js
from tests.kit.browser.past import PUT_MANY
from tests.kit.browser.windows import PATIENCE, BrowserUser, MooringWindow, open_user
from tests.kit.services import start_demo, start_gateway

RESULTS = 2000
PHOTOS = 12
SHOWN = "(before) => document.querySelectorAll('#results [data-testid=result-image]').length > before"
COUNT = "document.querySelectorAll('#results [data-testid=result-image]').length"

DROP = """async (count) => {
  const transfer = new DataTransfer();
  for (let number = 0; number < count; number++) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 96, height: 64 });
    const context = canvas.getContext("2d");
    context.fillStyle = `hsl(${number * 30} 50% 50%)`;
    context.fillRect(0, 0, 96, 64);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    transfer.items.add(new File([blob], `dunes-${number}.png`, { type: "image/png" }));
  }
  const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
  document.querySelector("#main").dispatchEvent(new DragEvent("drop", how));
}"""


class Hand:
    """Does what a user does in a window, and counts it."""

    def __init__(self, window: MooringWindow) -> None:
        self.window, self.page = window, window.page
        self.clicks, self.typed, self.began = 0, 0, 0.0

    async def click(self, control: Locator) -> None:
        await self._before(1)
        await control.click()

    async def choose(self, control: Locator, value: str) -> None:
        """Open a select and choose."""
        await self._before(2)
        await control.select_option(value)

    async def drop(self, count: int) -> None:
        """Drop this many generated photos on the page."""
        await self._before(1)
        await self.page.evaluate(DROP, count)

    async def type(self, control: Locator, text: str) -> None:
        await control.fill(text)
        self.typed += 1

    async def wait_for_result(self, before: int) -> None:
        """Wait until one more picture is shown than before."""
        await wait_for_js(self.page, SHOWN, arg=before)

    async def _before(self, clicks: int) -> None:
        self.began = self.began or time.perf_counter()
        self.clicks += clicks


async def first_picture(hand: Hand) -> None:
    await hand.click(hand.page.get_by_test_id("run"))
    await hand.wait_for_result(0)


async def variation(hand: Hand) -> None:
    before = await hand.page.evaluate(COUNT)
    await hand.click(hand.page.get_by_test_id("run"))
    await hand.wait_for_result(before)


async def photo(hand: Hand) -> None:
    """Choose the workflow that enlarges, drop a photo, run."""
    before = await hand.page.evaluate(COUNT)
    await hand.click(hand.page.get_by_test_id("workflow-picker"))
    await hand.click(hand.page.locator("#pick-enlarge"))
    await hand.drop(1)
    await hand.click(hand.page.locator("[data-testid=run]:enabled"))
    await hand.wait_for_result(before)


async def folder(hand: Hand) -> None:
    """Twelve photos, with the workflow that enlarges already chosen."""
    before = await hand.page.evaluate(COUNT)
    await hand.drop(PHOTOS)
    await hand.click(hand.page.locator("[data-testid=files-add]:enabled"))
    await hand.wait_for_result(before + PHOTOS - 1)


async def last_week(hand: Hand) -> None:
    await hand.click(hand.page.locator("#results-album"))
    await hand.type(hand.page.get_by_test_id("album-search"), f"scene {RESULTS // 2}")
    cell = hand.page.locator(".cell[data-index='0'] img")
    await expect(hand.page.locator(".cell")).to_have_count(1)
    await cell.wait_for()


async def compare(hand: Hand) -> None:
    await hand.click(hand.page.locator("#results .result-open").first)
    await hand.click(hand.page.get_by_test_id("viewer-compare"))
    await hand.page.locator(".compare-stage img").nth(1).wait_for()


async def reuse(hand: Hand) -> None:
    await hand.click(hand.page.locator("#results .result-open").first)
    await hand.click(hand.page.get_by_test_id("use-settings"))
    await expect(hand.page.locator("dialog")).to_have_count(0)


async def change_server(hand: Hand) -> None:
    before = await hand.page.evaluate(COUNT)
    await hand.choose(hand.page.get_by_test_id("where"), "demo-2")
    await hand.click(hand.page.get_by_test_id("run"))
    await hand.wait_for_result(before)


async def stop_all(hand: Hand) -> None:
    await hand.click(hand.page.get_by_test_id("ask-cancel-mine"))
    await hand.click(hand.page.get_by_test_id("cancel-mine"))
    await expect(hand.page.locator("#now [data-testid=task-card]")).to_have_count(0)


async def phone(hand: Hand) -> None:
    await hand.click(hand.page.get_by_test_id("run"))
    await hand.page.locator("#results [data-testid=result-image]").first.wait_for()


TASKS: dict[str, Callable[[Hand], Awaitable[None]]] = {
    "first picture": first_picture,
    "next variation": variation,
    "a photo through another workflow": photo,
    f"a run for each of {PHOTOS} photos": folder,
    f"a result of last week, among {RESULTS:,}": last_week,
    "compare two results": compare,
    "a result's settings back in the form": reuse,
    "the next run on another server": change_server,
    "stop all that is mine": stop_all,
    "a run from a phone, until its picture is shown": phone,
}


def main() -> None:
    """Do the tasks, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    load = Load()
    found = asyncio.run(measure())
    rows = [
        [name, f"{clicks}{' + typing' if typed else ''}", f"{seconds:.1f}"]
        for name, (clicks, typed, seconds) in found.items()
    ]
    show("tasks", load, table(["task", "clicks", "seconds"], rows), found=found)


async def measure() -> dict[str, tuple[int, int, float]]:
    """Return clicks, typed texts and seconds of each task."""
    expect.set_options(timeout=PATIENCE)
    found = {}
    quick = ("--step-seconds", "0.02")
    with (
        start_demo(*quick) as one,
        start_demo(*quick) as other,
        start_gateway("--server", f"demo-1={one.url}", "--server", f"demo-2={other.url}") as gateway,
    ):
        async with open_chromium() as browser, open_user(browser, gateway.url) as user:
            window = await user.open()
            for name, task in TASKS.items():
                window = await prepare(user, window, task)
                hand = Hand(window)
                await task(hand)
                found[name] = (hand.clicks, hand.typed, time.perf_counter() - hand.began)
    return found


async def prepare(user: BrowserUser, window: MooringWindow, task: Callable[[Hand], Awaitable[None]]) -> MooringWindow:
    """Bring about the state in which a task begins; return the window to use."""
    page = window.page
    while await page.locator("dialog[open]").count():
        await page.keyboard.press("Escape")
    if task is last_week:
        await page.evaluate(PUT_MANY, RESULTS)
        await window.reload()
    elif task is compare:
        await page.locator("#results-latest").click()
    elif task is change_server:
        await window.choose_sample("text")
    elif task is stop_all:
        await window.choose_sample("slow")
        await page.get_by_test_id("run-count").fill("6")
        await page.get_by_test_id("run-count").blur()
        await page.get_by_test_id("run").click()
        await page.locator("#now [data-testid=task-card]").nth(1).wait_for()
    elif task is phone:
        profile = await user.new_profile(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
        window = await MooringWindow.open(profile, user.base)
        await window.ready()
    await window.page.locator("[data-testid=run]").wait_for(state="attached")
    return window


if __name__ == "__main__":
    main()
