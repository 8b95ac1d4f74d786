"""Fifteen windows of one user on one plain-http origin, whose six connections load four large pictures.

Four windows load a picture of 20 MB each, at half a megabyte a second. At the same time five others press Run and then
Cancel, one after another. The figure is the time from the press until the server's answer is in the page, to
`POST /prompt` and to the POST that cancels, with the share of the POST itself.

`measure_transfers`: six windows on three servers at the end of slow lines, of which three upload 200 MB and three fetch
a result of 150 MB. The figure is the time from the press of Stop until its first request leaves, and its POST. And two
windows press Run in turns, one of them while it fetches such a result: the time until `POST /prompt` leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.load import spread
from benchmarks.pressing import LONG, moor
from benchmarks.servers import start_origin
from tests.e2e.browser_kit import open_chromium, wait_for_snapshot
from tests.e2e.window_kit import BrowserUser, MooringWindow, open_user
from tests.e2e.work_kit import quick_workflow
from tests.services import free_ports, start_demo, start_gateway
from tests.slow_line import slow_line

WINDOWS = 15
LOADING = 4
PRESSING = 5
BOOTING = 3  # windows that open at the same time
TRANSFERRING = 6  # windows with an upload or a fetch each
SERVERS = 3
RATE = 800_000  # bytes a second of each connection to a server: a transfer lasts longer than a measurement
UPLOAD, RESULT = 200 * 1024 * 1024, 150 * 1024 * 1024  # bytes
PAIRS = 30
_colours = itertools.count(1)
LATEST_STOP = 100.0  # milliseconds
MOST_SLOWER, MOST_LATER = 1.3, 15.0  # times, or milliseconds: either is enough
STUDIO = "--host-resolver-rules=MAP studio.lan 127.0.0.1"
# Each POST of the page: its target, when it left after the last press, and when it was answered. And `first`: when the
# first request left after that press.
WATCH = """
globalThis.posts = [];
const noted = () => Object.assign(globalThis, { pressed: performance.now(), first: null });
addEventListener("click", noted, { capture: true });
const plain = fetch;
globalThis.fetch = async (address, options) => {
  const left = performance.now();
  globalThis.first ??= left - globalThis.pressed;
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
UPLOAD_FILM = """(size) => {
  const blob = new Blob(Array(size / 1048576).fill(new Uint8Array(1048576)), { type: "video/mp4" });
  globalThis.isLoading = true;
  mooring.uploadImage(blob, "film.mp4").catch(() => {}).finally(() => { isLoading = false; });
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


async def measure_transfers() -> dict[str, Any]:
    """Measure, print, and return the figures."""
    async with a_far_fleet() as (user, folder):
        windows = [await user.open() for _ in range(TRANSFERRING)]
        results = [await have_result(window, folder) for window in windows[1::2]]
        alone = await stop_all(windows, await run_long(windows))
        long_runs = await run_long(windows)
        for window in windows[0::2]:
            await window.page.evaluate(UPLOAD_FILM, UPLOAD)
        for window, prompt_id in zip(windows[1::2], results, strict=True):
            await fetch_result(window, prompt_id)
        await asyncio.sleep(2.0)  # what gets a place is under way
        stops = await stop_all(windows, long_runs)
        assert all([await window.page.evaluate("isLoading") for window in windows[0::2]]), "an upload ended too soon"
        assert all([await is_fetching(*item) for item in zip(windows[1::2], results, strict=True)]), "a fetch ended"
    async with a_far_fleet() as (user, folder):
        plain, fetching = await user.open(), await user.open()
        result = await have_result(fetching, folder)
        for window in (plain, fetching):
            await moor(window)
            await window.choose_sample("slow")
        await press_all([plain, fetching])
        await fetch_result(fetching, result)
        pairs = [[await left_after(window) for window in (plain, fetching)] for _ in range(PAIRS)]
        assert await is_fetching(fetching, result), "the fetch ended too soon"
    without, during = (median(values) for values in zip(*pairs, strict=True))
    is_met = during <= max(MOST_SLOWER * without, without + MOST_LATER)
    head = "its first request leaves, ms: median | longest | its POST leaves, ms: median | longest"
    print(f"\n| Stop in {TRANSFERRING} windows, {SERVERS} servers | {head} |\n|{'---|' * 5}")
    for name, found in (("nothing is transferred", alone), ("each uploads or fetches", stops)):
        row = [f"{median(values):.0f} | {max(values):.0f}" for values in zip(*found, strict=True)]
        print(f"| {name} | {' | '.join(row)} |")
    print(
        f"\nAt most {LATEST_STOP:.0f} ms: {'met' if max(first for first, _ in stops) <= LATEST_STOP else '**missed**'}"
    )
    print(f"\n| {PAIRS} pairs: POST /prompt leaves, ms: median | alone | during a fetch | ratio |\n|---|---|---|---|")
    print(f"| {'met' if is_met else '**missed**'} | {without:.0f} | {during:.0f} | {during / without:.2f} |")
    return {"stops alone": alone, "stops": stops, "pairs": pairs}


async def run_long(windows: list[MooringWindow]) -> list[str]:
    """Start a long run in each window, of which each server has two; return their prompt_ids."""
    long_runs = [await window.submit(LONG, "Long") for window in windows]
    for window, prompt_id in zip(windows, long_runs, strict=True):
        await window.wait_state(prompt_id, "queued", "running")
    return long_runs


async def stop_all(windows: list[MooringWindow], prompt_ids: list[str]) -> list[tuple[float, float]]:
    """Press Stop in one after another; return when its first request left, and the POST, in milliseconds."""
    found = []
    for window, prompt_id in zip(windows, prompt_ids, strict=True):
        await window.page.bring_to_front()
        await window.press_cancel(prompt_id)
        left, _ = await answered(window, "/interrupt", "/queue", "/cancel")
        found.append((float(await window.page.evaluate("first")), left))
        await window.page.evaluate("posts.length = 0")
    return found


@contextlib.asynccontextmanager
async def a_far_fleet() -> AsyncIterator[tuple[BrowserUser, Path]]:
    """Run a user's browser at a gateway to servers at the end of slow lines; yield it with the servers' folder."""
    async with contextlib.AsyncExitStack() as stack:
        folder, flags = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))), []
        for number in range(SERVERS):
            demo = stack.enter_context(start_demo("--max-upload-size", "300", data=folder / f"far-{number}"))
            port = await stack.enter_async_context(slow_line(demo.port, RATE))
            flags += ["--server", f"far-{number}=http://127.0.0.1:{port}"]
        gateway = stack.enter_context(start_gateway(*flags))
        await wait_for_snapshot(gateway.url)
        browser = await stack.enter_async_context(open_chromium())
        user = await stack.enter_async_context(open_user(browser, gateway.url, first_script=""))
        user.watch.expected.append("Failed to load resource")  # the fetches that `have_result` stops
        await (await user.new_profile()).add_init_script(WATCH)
        yield user, folder


async def have_result(window: MooringWindow, folder: Path) -> str:
    """Run something whose result is not fetched yet, and make that large; return the prompt_id."""
    await window.page.route("**/view?*", lambda route: route.abort())
    prompt_id = await window.submit(quick_workflow(next(_colours)))
    await window.wait_state(prompt_id, "succeeded")
    task = await window.task(prompt_id)
    enlarge(folder / task["executionServer"] / "output" / task["outputs"][0]["filename"])
    return prompt_id


def enlarge(file: Path) -> None:
    """Make a file as large as a film, with the time at which it was written."""
    written = file.stat()
    with file.open("r+b") as stream:
        stream.truncate(RESULT)
    os.utime(file, (written.st_atime, written.st_mtime))


async def fetch_result(window: MooringWindow, prompt_id: str) -> None:
    """Let the window fetch that result now."""
    await window.page.unroute_all()
    await window.page.evaluate("dispatchEvent(new Event('online'))")
    assert await is_fetching(window, prompt_id)


async def is_fetching(window: MooringWindow, prompt_id: str) -> bool:
    """Whether the result of that run has not arrived."""
    return bool((await window.task(prompt_id))["outputs"][0]["delivery"] == "pending")


async def left_after(window: MooringWindow) -> float:
    """Press Run and then Cancel in the window in front; return the milliseconds until `POST /prompt` left."""
    await window.page.bring_to_front()
    found = await press_all([window])
    return found["run"][0] - found["run post"][0]
