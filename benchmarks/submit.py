"""How soon Run and Stop leave the page: alone, beside large transfers, and with fifteen windows on one origin.

    python3 -m benchmarks submit                # Run, free and moored, to two demo servers
    python3 -m benchmarks submit transfers      # Stop and Run while six windows upload or fetch films
    python3 -m benchmarks submit windows        # Run and Cancel in fifteen windows while four 20 MB pictures load

A real Chromium at a real gateway. All times are in milliseconds from the press.

- Alone: until `POST /prompt` leaves, after the run is written to disk with the disk's confirmation: the press, then
  free in two transactions (its reservation, then its task; a server is chosen with current loads), moored in one.
- Transfers: six windows on three servers at the end of slow lines, of which three upload 200 MB and three fetch a
  result of 150 MB: until the first request of a Stop leaves, and its POST. Then two windows press Run in turns, one of
  them while it fetches such a result.
- Windows: all of one user on one plain-http origin, whose six connections load four pictures at half a megabyte a
  second, while five windows press Run and then Cancel: until the server's answer is in the page, and of it the POST.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

from benchmarks.kit.browser import profile
from benchmarks.kit.pressing import LONG, PACE, Press, moor, press_run
from benchmarks.kit.pressing import WATCH as RECORD
from benchmarks.kit.report import Load, percentiles, show, table
from benchmarks.kit.servers import start_origin
from tests.kit.browser.chromium import open_chromium, wait_for_snapshot
from tests.kit.browser.windows import BrowserUser, MooringWindow, open_user
from tests.kit.browser.work import quick_workflow
from tests.kit.services import free_ports, start_demo, start_gateway
from tests.kit.slow_line import slow_line


def main() -> None:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("alone", "transfers", "windows"), default="alone")
    parser.add_argument("--presses", type=int, default=18, help="of Run; three do not count")
    flags = parser.parse_args()
    match flags.what:
        case "alone":
            asyncio.run(alone(flags.presses))
        case "transfers":
            asyncio.run(beside_transfers())
        case "windows":
            asyncio.run(in_many_windows())


WARM_UP = 3
PARTS = {
    "left": "until POST /prompt leaves",
    "line": "of it, the press on disk",
    "reserve": "of it, the place on disk",
    "register": "of it, the task on disk",
    "over": "of it, all else",
    "card": "until the card is drawn",
}


async def alone(presses: int) -> None:
    """Measure presses of Run in one window, one after another."""
    load = Load()
    with (
        start_demo(*PACE) as one,
        start_demo(*PACE) as other,
        start_gateway("--server", f"a={one.url}", "--server", f"b={other.url}") as gateway,
    ):
        await wait_for_snapshot(gateway.url)
        found = await press(gateway.url, presses)
    rows = []
    for name, counted in found.items():
        for part, words in PARTS.items():
            if (name, part) != ("moored", "reserve"):  # one transaction with the registration
                late = percentiles([one[part] for one in counted])
                rows.append([f"{name}: {words}", *(f"{late[key]:.1f}" for key in ("p50", "p95", "max"))])
    show("submit", load, table(["Run pressed, ms", "p50", "p95", "longest"], rows), found=found)


async def press(base: str, presses: int) -> dict[str, list[Press]]:
    """Return the presses that count."""
    async with profile() as (context, _):
        await context.add_init_script(RECORD)
        window = await MooringWindow.open(context, base)
        await window.ready()
        free = await press_run(window, presses, is_moored=False)
        holder = await moor(window)
        moored = await press_run(window, presses, is_moored=True)
        await window.call("mooring.cancel(a[0])", holder)
        await window.wait_for(holder)
    return {"free": free[WARM_UP:], "moored": moored[WARM_UP:]}


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


async def in_many_windows() -> None:
    """Measure with and without pictures that load."""
    load = Load()
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
        found = {"nothing loads": await press_all(pressing)}
        for number, window in enumerate(windows[:LOADING]):
            address = f"/servers/pictures/view?filename=slow-{number}.png"
            await window.page.evaluate(LOAD_PICTURE, address)
        found["four pictures load"] = await press_all(pressing)
        still = [await window.page.evaluate("picture.isLoading") for window in windows[:LOADING]]
        assert all(still), "the pictures came too soon"
    parts = ("run", "cancel")
    heads = [cell for part in parts for cell in (f"{part} answered, ms: median", "longest", "its POST")]
    rows = [
        [name, *(f"{value:.0f}" for part in parts for value in figures_of(values[part], values[f"{part} post"]))]
        for name, values in found.items()
    ]
    show("submit_windows", load, table([f"{WINDOWS} windows, one origin", *heads], rows), found=found)


def figures_of(answered: list[float], post: list[float]) -> tuple[float, float, float]:
    return median(answered), max(answered), median(post)


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


async def beside_transfers() -> None:
    """Measure Stop in each window, then the next prompt, with and without transfers."""
    load = Load()
    async with a_far_fleet() as (user, folder):
        windows = [await user.open() for _ in range(TRANSFERRING)]
        results = [await have_result(window, folder) for window in windows[1::2]]
        before = await stop_all(windows, await run_long(windows))
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
    stop_rows = [
        [name, *(f"{figure(values):.0f}" for values in zip(*found, strict=True) for figure in (median, max))]
        for name, found in (("nothing is transferred", before), ("each uploads or fetches", stops))
    ]
    without, during = (median(values) for values in zip(*pairs, strict=True))
    latest = max(first for first, _ in stops)
    targets = {
        f"first request of a Stop, {LATEST_STOP:.0f} ms at most": latest <= LATEST_STOP,
        f"next prompt, {MOST_SLOWER} times or {MOST_LATER:.0f} ms later at most": during
        <= max(MOST_SLOWER * without, without + MOST_LATER),
    }
    heads = ["its first request leaves, ms: median", "longest", "its POST leaves, ms: median", "longest"]
    show(
        "submit_transfers",
        load,
        table([f"Stop in {TRANSFERRING} windows, {SERVERS} servers", *heads], stop_rows),
        table(
            [f"{PAIRS} pairs: POST /prompt leaves, ms: median", "alone", "during a fetch", "ratio"],
            [["next prompt", f"{without:.0f}", f"{during:.0f}", f"{during / without:.2f}"]],
        ),
        table(["target", ""], [[name, "met" if is_met else "**missed**"] for name, is_met in targets.items()]),
        found={"stops alone": before, "stops": stops, "pairs": pairs},
    )


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


if __name__ == "__main__":
    main()
