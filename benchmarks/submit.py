"""How soon work is sent: from the press of Run until `POST /prompt` leaves, compared with a JavaScript pool of servers.

    python3 -m benchmarks.submit

A real Chromium at a real gateway over two demo servers. Mooring: a click on Run, free (a server is chosen, with current
loads) and moored. The run is written to disk, with the disk's confirmation, before it is sent: free in two transactions
(its reservation, then its task), moored in one.

The peer is the pool of `@saintno/comfyui-sdk` (from npm, into `benchmarks/out/`), in the same browser, at the same
servers: a click, a choice, and the POST; it stores nothing. It makes requests that our gateway does not allow, so its
page and the servers are at one origin of an nginx that allows everything; without nginx there is no peer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from playwright.async_api import Page, Route
from playwright.async_api import TimeoutError as PeerTimeout

from benchmarks.load import spread
from benchmarks.pressing import PACE, Press, a_profile, moor, press_run
from benchmarks.servers import start_nginx
from tests.e2e.browser_kit import wait_for_snapshot
from tests.e2e.window_kit import MooringWindow
from tests.e2e.work_kit import quick_workflow
from tests.services import start_demo, start_gateway

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "benchmarks" / "out"
PRESSES = 18
WARM_UP = 3
PEER = "@saintno/comfyui-sdk@0.3.1"
NOTICE = f"{PEER} could not be fetched (npm, network), there is no nginx, or it did not send: nothing to compare with."
PEER_PAGE = "<!doctype html><title>peer</title><button id=run>Run</button>"
BEGIN_PEER = """async (bases) => {
  const { ComfyApi, ComfyPool, EQueueMode } = await import("/peer.mjs");
  const clients = bases.map((base) => new ComfyApi(new URL(base, location.href).href));
  globalThis.pool = new ComfyPool(clients, EQueueMode.PICK_LOWEST);
  document.querySelector("#run").addEventListener("click", (event) => {
    globalThis.press = { at: event.timeStamp };
    const body = { client_id: "peer", prompt_id: crypto.randomUUID(), prompt: globalThis.work };
    const headers = { "Content-Type": "application/json" };
    pool.run((api) => api.fetchApi("/prompt", { method: "POST", headers, body: JSON.stringify(body) }));
  });
}"""
IS_PEER_READY = "pool.clientStates.length === 2 && pool.clientStates.every(({ online }) => online)"


def main() -> None:
    """Measure, print the table, write the JSON."""
    result = asyncio.run(measure())
    result["load"], result["cores"] = os.getloadavg()[0], os.cpu_count()
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "submit.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    print("| Run pressed until POST /prompt leaves, ms | p50 | p95 | longest |\n|---|---|---|---|")
    for name, figures in result["told"].items():
        print(f"| {name} | {figures['p50']:.1f} | {figures['p95']:.1f} | {figures['max']:.1f} |")


async def measure() -> dict[str, Any]:
    """Measure all three ways."""
    with contextlib.ExitStack() as stack:
        one, other = (stack.enter_context(start_demo(*PACE)) for _ in range(2))
        flags = "--server", f"a={one.url}", "--server", f"b={other.url}"
        gateway = stack.enter_context(start_gateway(*flags))
        await wait_for_snapshot(gateway.url)
        presses = await mooring(gateway.url)
        nginx = stack.enter_context(start_nginx({"a": one.url, "b": other.url}, is_buffered=False))
        try:
            sent = await peer(nginx.url) if nginx is not None else []
        except PeerTimeout:
            sent = []
    figures = {}
    for name, found in presses.items():
        counted = found[WARM_UP:]
        for key in ("left", "reserve", "register", "over", "card"):
            if key == "reserve" and name == "moored":
                continue  # one transaction with the registration
            figures[f"{name}: {WORDS[key]}"] = spread([press[key] / 1000 for press in counted])
    if sent:
        figures["the peer's pool"] = spread([ms / 1000 for ms in sent[WARM_UP:]])
    else:
        print(NOTICE)
    return {"told": figures}


WORDS = {
    "left": "until POST /prompt leaves",
    "reserve": "of it, the place on disk",
    "register": "of it, the task on disk",
    "over": "of it, all else",
    "card": "until the card is drawn",
}


async def mooring(base: str) -> dict[str, list[Press]]:
    """Measure a real window."""
    async with a_profile() as (context, _):
        window = await MooringWindow.open(context, base)
        await window.ready()
        free = await press_run(window, PRESSES, is_moored=False)
        holder = await moor(window)
        moored = await press_run(window, PRESSES, is_moored=True)
        await window.call("mooring.cancel(a[0])", holder)
        await window.wait_for(holder)
    return {"free": free, "moored": moored}


async def peer(base: str) -> list[float]:
    """Measure the peer's pool in a bare page at the servers' origin; return nothing if it is not available."""
    source = await asyncio.to_thread(fetch_peer)
    if source is None:
        return []

    async def serve(route: Route) -> None:
        await route.fulfill(body=source, content_type="text/javascript")

    async with a_profile() as (context, _):
        page = await context.new_page()
        await page.route("**/peer.mjs", serve)
        await page.route("**/peer.html", lambda route: route.fulfill(body=PEER_PAGE, content_type="text/html"))
        await page.goto(f"{base}/peer.html")
        await page.evaluate(BEGIN_PEER, ["/servers/a", "/servers/b"])
        await page.wait_for_function(IS_PEER_READY)
        return [await press_peer(page, number) for number in range(PRESSES)]


async def press_peer(page: Page, number: int) -> float:
    """Press once there; return milliseconds."""
    await page.evaluate("(work) => void (globalThis.work = work)", quick_workflow(number))
    await page.locator("#run").click()
    left = await page.wait_for_function(
        """() => {
          const sent = performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/prompt"));
          const post = sent.find(({ requestStart }) => requestStart > globalThis.press?.at);
          return post ? { left: post.requestStart - press.at } : null;
        }"""
    )
    return float((await left.json_value())["left"])


def fetch_peer() -> str | None:
    """Return the peer's module for browsers, fetched once by npm, without its only import, which is for Node."""
    folder = OUT / "peer"
    folder.mkdir(parents=True, exist_ok=True)
    packed = next(folder.glob("*.tgz"), None)
    npm = shutil.which("npm")
    if packed is None and npm is not None:
        command = [npm, "pack", "--silent", "--pack-destination", str(folder), PEER]
        subprocess.run(command, cwd=folder, check=False, capture_output=True)
        packed = next(folder.glob("*.tgz"), None)
    if packed is None:
        return None
    with tarfile.open(packed) as archive:
        module = archive.extractfile("package/build/index.esm.js")
        assert module is not None
        text = module.read().decode("utf-8")
    node = 'import d from"ws";'
    assert text.startswith(node), "another version than the one named above"
    return f"const d = null;{text.removeprefix(node)}"


if __name__ == "__main__":
    main()
