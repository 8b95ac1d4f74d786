"""How a window handles many events: 500, 2,000 and 5,000 messages a second, with previews.

    python3 -m benchmarks events [--rates N …]

A real Chromium at a real gateway before `benchmarks/kit/streamer.py`. For comparison, a plain JavaScript client in a
bare page of the same origin, on the same stream: it parses every message and draws the latest once per animation frame.
Reported are the long tasks of the page's thread (over 50 ms), dropped frames, how long a preview takes from the
socket's message event until the frame in which its pixels are found, how busy the thread is, and what the page's
process uses of a core. The gateway drops overtaken progress, so fewer messages arrive than are sent.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import aiohttp
from playwright.async_api import BrowserContext, Page

from benchmarks.kit.browser import cpu_of, profile
from benchmarks.kit.report import Load, percentiles, show, table
from benchmarks.kit.servers import start_streamer
from benchmarks.kit.streamer import CORNER, GREYS, PREVIEW
from tests.kit.browser.chromium import wait_for_snapshot
from tests.kit.browser.windows import MooringWindow
from tests.kit.browser.work import quick_workflow
from tests.kit.services import start_gateway

RATES = (500, 2_000, 5_000)
SECONDS = 6.0
SETTLE = 1.5  # seconds of the stream that do not count
WATCH = (
    f"const SIZE = {PREVIEW}, GREYS = {len(GREYS)}, CORNER = {CORNER};"
    """
globalThis.noneSeen = () => ({ tasks: [], frames: [], received: {}, latest: [], shown: {}, messages: 0 });
globalThis.seen = noneSeen();
new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  seen.tasks.push([entry.startTime, entry.duration]);
})).observe({ type: "longtask" });
const frame = (at) => { seen.frames.push(at); requestAnimationFrame(frame); };
requestAnimationFrame(frame);
const Plain = WebSocket;
globalThis.WebSocket = class extends Plain {
  constructor(...words) {
    super(...words);
    this.addEventListener("message", ({ data }) => {
      seen.messages += 1;
      if (typeof data === "string") return;
      const number = data.byteLength - 8 - new DataView(data).getUint32(4) - SIZE;
      seen.received[number] = performance.now();
      seen.latest = [...seen.latest, number].slice(-GREYS);
    });
  }
};
const point = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const look = (at) => {
  requestAnimationFrame(look);
  const picture = document.querySelector("img[width='512'], [data-testid=preview]");
  if (!picture || !(picture.naturalWidth ?? picture.width)) return;
  const half = CORNER / 2;
  point.drawImage(picture, half / 2, half / 2, half, half, 0, 0, 1, 1);
  const grey = Math.floor(point.getImageData(0, 0, 1, 1).data[0] / (256 / GREYS));
  const number = seen.latest.findLast((item) => item % GREYS === grey); // of those that have come lately
  if (number !== undefined) seen.shown[number] ??= performance.now();
};
requestAnimationFrame(look);
"""
)
PEER = """(address) => new Promise((resolve) => {
  document.body.innerHTML = "<progress max='1'></progress><p></p><img width='512'>";
  const [bar, words, picture] = document.body.children;
  const socket = new WebSocket(address.replace("http", "ws"));
  socket.binaryType = "arraybuffer";
  const texts = new TextDecoder();
  let now = {}, blob = null, isDue = false, url = "";
  const draw = () => {
    isDue = false;
    bar.value = now.value / now.max;
    words.textContent = `${now.value} of ${now.max}`;
    if (!blob) return;
    URL.revokeObjectURL(url);
    picture.src = url = URL.createObjectURL(blob);
    blob = null;
  };
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      if (message.type === "status") resolve();
      if (message.type === "progress") now = message.data;
      if (message.type === "progress_state") now = Object.values(message.data.nodes)[0];
    } else {
      const length = new DataView(data).getUint32(4);
      const { image_type: type } = JSON.parse(texts.decode(new Uint8Array(data, 8, length)));
      blob = new Blob([new Uint8Array(data, 8 + length)], { type });
    }
    if (!isDue) requestAnimationFrame(draw);
    isDue = true;
  };
  socket.onopen = () => socket.send('{"type": "feature_flags", "data": {"supports_preview_metadata": true}}');
})"""


def main() -> None:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=int, nargs="+", default=RATES, help="messages a second")
    rates = parser.parse_args().rates
    load = Load()
    found = asyncio.run(measure(rates))
    names = list(next(iter(found.values())))
    rows = [[which, *(f"{figures[name]:,.0f}" for name in names)] for which, figures in found.items()]
    show("events", load, table(["messages a second", *names], rows), found=found)


async def measure(rates: Sequence[int]) -> dict[str, dict[str, float]]:
    """Measure Mooring and the peer in turns, by rate."""
    found = {}
    with start_streamer() as server, start_gateway("--server", f"s={server.url}") as gateway:
        await wait_for_snapshot(gateway.url)
        async with profile() as mine, profile() as other, aiohttp.ClientSession() as session:
            window, task = await open_window(mine[0], gateway.url)
            plain = await open_peer(other[0], gateway.url)
            pages = {"Mooring": (window, mine[1], task), "plain JavaScript": (plain, other[1], PEER_FACTS)}
            for rate in rates:
                for name, (page, folder, facts) in pages.items():
                    asked = {**facts, "rate": rate, "seconds": SETTLE + SECONDS}
                    used = cpu_of(folder)
                    figures = await stream(page, session, server.url, asked)
                    figures["CPU, % of a core"] = 100 * (cpu_of(folder) - used) / (SETTLE + SECONDS)
                    found[f"{rate:,}, {name}"] = figures
    return found


PEER_FACTS = {"client_id": "peer", "prompt_id": "peer"}


async def open_window(context: BrowserContext, base: str) -> tuple[Page, dict[str, str]]:
    """Open a window with a running task; return it with the names that its server uses."""
    await context.add_init_script(WATCH)
    window = await MooringWindow.open(context, base)
    await window.ready()
    prompt_id = await window.submit(quick_workflow(), "Stream")
    await window.wait_state(prompt_id, "running")
    await window.page.wait_for_function("debugServerConsistency().webSocket.state === 'open'")
    return window.page, {"client_id": await window.call("debugWebSocketLock().clientId"), "prompt_id": prompt_id}


async def open_peer(context: BrowserContext, base: str) -> Page:
    """Open the plain client."""
    await context.add_init_script(WATCH)
    page = await context.new_page()
    await page.goto(f"{base}/static/js/theme.js")
    await page.evaluate(PEER, f"{base}/servers/s/ws?clientId=peer")
    return page


async def stream(page: Page, session: aiohttp.ClientSession, server: str, asked: dict[str, Any]) -> dict[str, float]:
    """Run one stream, and return the page's figures."""
    client = await page.context.new_cdp_session(page)
    await client.send("Performance.enable")
    await page.evaluate("Object.assign(seen, noneSeen())")
    posting = asyncio.ensure_future(session.post(f"{server}/benchmark/stream", json=asked))
    await page.wait_for_timeout(SETTLE * 1000)
    begin, busy = float(await page.evaluate("performance.now()")), await busy_seconds(client)
    sent = await (await posting).json()
    end, busy = float(await page.evaluate("performance.now()")), await busy_seconds(client) - busy
    await page.wait_for_timeout(300)
    return read(await page.evaluate("seen"), begin, end) | {
        "sent/s": sent["sent"] / sent["seconds"],
        "of it came/s": await page.evaluate("seen.messages") / sent["seconds"],
        "thread busy, %": 100_000 * busy / (end - begin),
    }


async def busy_seconds(client: Any) -> float:
    """Return how long the page's thread has worked so far."""
    metrics = (await client.send("Performance.getMetrics"))["metrics"]
    return float(next(item["value"] for item in metrics if item["name"] == "TaskDuration"))


def read(seen: dict[str, Any], begin: float, end: float) -> dict[str, float]:
    """Return the figures of the events in that time."""
    tasks = [took for at, took in seen["tasks"] if begin <= at < end]
    frames = [at for at in seen["frames"] if begin <= at < end]
    gaps = [later - earlier for earlier, later in itertools.pairwise(frames)]
    usual = sorted(gaps)[len(gaps) // 2] if gaps else 1000 / 60
    dropped = sum(round(gap / min(usual, 1000 / 60)) - 1 for gap in gaps)
    delays = [
        at - seen["received"][number]
        for number, at in seen["shown"].items()
        if at and number in seen["received"] and begin <= at < end
    ]
    late = percentiles(delays)
    return {
        "long tasks": len(tasks),
        "longest, ms": max(tasks, default=0.0),
        "dropped frames": dropped,
        "of": len(frames) + dropped,
        "previews shown/s": len(delays) / ((end - begin) / 1000),
        "to pixel p50, ms": late["p50"],
        "p95": late["p95"],
    }


if __name__ == "__main__":
    main()
