"""Fifteen windows of one user on one plain-http origin, whose six connections load four large pictures.

Four windows load a picture of 20 MB each, at half a megabyte a second. At the same time five others press Run and then
Cancel, one after another. The figure is the time from the press until the server's answer is in the page, to
`POST /prompt` and to the POST that cancels, with the share of the POST itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.load import spread
from benchmarks.servers import start_origin
from tests.e2e.browser_kit import open_chromium, wait_for_snapshot
from tests.e2e.window_kit import BrowserUser, MooringWindow, open_user
from tests.services import free_ports, start_demo, start_gateway

WINDOWS = 15
LOADING = 4
PRESSING = 5
BOOTING = 3  # windows that open at the same time
STUDIO = "--host-resolver-rules=MAP studio.lan 127.0.0.1"
# Each POST of the page: its target, when it left after the last press, and when it was answered.
WATCH = """
globalThis.posts = [];
addEventListener("click", () => { globalThis.pressed = performance.now(); }, { capture: true });
const plain = fetch;
globalThis.fetch = async (address, options) => {
  const left = performance.now();
  const answer = await plain(address, options);
  if (options?.method === "POST") posts.push([String(address), left - pressed, performance.now() - pressed]);
  return answer;
};
"""
# By fetch, as results come into the page's store: an <img> would stop immediately at what is no picture.
LOAD_PICTURE = """(address) => {
  globalThis.picture = { isLoading: true };
  fetch(address).then((answer) => answer.blob()).finally(() => { picture.isLoading = false; });
}"""
FLEET = """
[gateway]
names = ["studio.lan"]
[[server]]
id = "a"
url = "{one}"
[[server]]
id = "b"
url = "{other}"
[[server]]
id = "pictures"
url = "{pictures}"
drain = true
"""


async def measure_windows() -> dict[str, Any]:
    """Measure, print, and return the figures."""
    async with a_studio() as user:
        gate = asyncio.Semaphore(BOOTING)

        async def one() -> MooringWindow:
            async with gate:
                return await user.open()

        windows = list(await asyncio.gather(*(one() for _ in range(WINDOWS))))
        for window in windows:
            await window.choose_sample("slow")
        pressing = windows[LOADING : LOADING + PRESSING]
        await press_all(pressing)  # the first run of a window takes longer
        alone = await press_all(pressing)
        for number, window in enumerate(windows[:LOADING]):
            address = f"/servers/pictures/view?filename=slow-{number}.png"
            await window.page.evaluate(LOAD_PICTURE, address)
        beside = await press_all(pressing)
        still = [await window.page.evaluate("picture.isLoading") for window in windows[:LOADING]]
        assert all(still), "the pictures came too soon"
    found = {
        "nothing loads": alone,
        "four pictures load": beside,
    }
    head = "Run answered, ms: median | longest | its POST | Cancel answered, ms: median | longest | its POST"
    print(f"\n| {WINDOWS} windows, one origin | {head} |\n|{'---|' * 7}")
    for name, values in found.items():
        row = [
            f"{median(values[key]):.0f} | {max(values[key]):.0f} | {median(values[f'{key} post']):.0f}"
            for key in ("run", "cancel")
        ]
        print(f"| {name} | {' | '.join(row)} |")
    return {name: {key: spread([ms / 1000 for ms in values[key]]) for key in values} for name, values in found.items()}


@contextlib.asynccontextmanager
async def a_studio() -> AsyncIterator[BrowserUser]:
    """Run a user's browser at http://studio.lan: two servers for work, and one that has the pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        start_demo() as one,
        start_demo() as other,
        start_origin() as pictures,
    ):
        fleet = write_fleet(folder, one=one.url, other=other.url, pictures=pictures.url)
        with start_gateway("--fleet", str(fleet), port=free_ports()) as gateway:
            await wait_for_snapshot(gateway.url)
            base = f"http://studio.lan:{gateway.port}"
            async with open_chromium(STUDIO) as browser, open_user(browser, base, first_script="") as user:
                profile = await user.new_profile()
                await profile.add_init_script(WATCH)
                yield user


def write_fleet(folder: str, **addresses: str) -> Path:
    """Write the file of that fleet."""
    fleet = Path(folder, "fleet.toml")
    fleet.write_text(FLEET.format(**addresses), "utf-8")
    return fleet


async def press_all(windows: list[MooringWindow]) -> dict[str, list[float]]:
    """Press Run and then Cancel in one after another; return milliseconds until the answers, and of the POSTs alone."""
    found: dict[str, list[float]] = {}
    for window in windows:
        prompt_id = await window.press_run()
        run = await answered(window, "/prompt")
        await window.wait_state(prompt_id, "queued", "running")
        await window.press_cancel(prompt_id)
        cancel = await answered(window, "/interrupt", "/queue", "/cancel")
        await window.page.evaluate("posts.length = 0")
        for name, (left, end) in (("run", run), ("cancel", cancel)):
            found.setdefault(name, []).append(end)
            found.setdefault(f"{name} post", []).append(end - left)
    return found


async def answered(window: MooringWindow, *ends: str) -> tuple[float, float]:
    """Return the milliseconds until the window's POST left, and until it was answered."""
    found = await window.page.wait_for_function(
        "(ends) => posts.findLast(([address]) => ends.some((end) => address.endsWith(end)))", arg=list(ends)
    )
    _, left, end = await found.json_value()
    return float(left), float(end)
