"""How fast a large workflow becomes a form: 500 nodes of the editor's format, a catalogue of 3,000 classes (5 MB).

    python3 -m benchmarks.forms

In a real Chromium at a real gateway, over a server that has that catalogue, at full speed and with the CPU slowed to a
quarter: the time from the drop of the file until the page has twelve inputs, and until a folded node is unfolded. Then
the time of each step in the browser's Python, and the longest time for which the catalogue blocked the page.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, Page

from benchmarks.forms_world import catalogue_text, editor_graph
from benchmarks.sections import Load
from tests.e2e.browser_kit import BARE, load_python, open_chromium, run_python
from tests.e2e.window_kit import MooringWindow
from tests.services import free_ports, start_gateway

ROOT = Path(__file__).resolve().parent.parent
NODES, CLASSES, ROUNDS = 500, 3000, 5
SPEEDS = (1, 4)
FIGURES = (  # with their targets at both speeds
    ("opened", "drop to twelve inputs", "60, 250"),
    ("whole", "drop to all nodes", ""),
    ("held", "longest block in between", ""),
    ("unfolded", "click to an unfolded node", "50, none"),
)
_SHARES = "from benchmarks.forms_shares import shares; return shares(graph, catalogue)"
_OPEN = """async ([text, name]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: "application/json"}));
  const turns = new MessageChannel(), watched = [];
  const turn = () => {
    const now = performance.now();
    watched.splice(0).forEach((watch) => watch(now));
    turns.port2.postMessage(0);
  };
  turns.port1.onmessage = turn;
  const wait = (is) => new Promise((resolve) => {
    const look = (now) => (is(now) ? resolve(now) : watched.push(look));
    look(performance.now());
  });
  const before = document.querySelector(".fields")?.id;
  const begun = performance.now();
  document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
  turn();
  const seen = await wait(() => {
    const fields = document.querySelector(".fields");
    return fields && fields.id !== before && fields.querySelectorAll("input, textarea, select").length >= 12;
  });
  let longest = 0, last = seen;
  const whole = await wait((now) => {
    longest = Math.max(longest, now - last);
    last = now;
    return document.querySelector("#nodes .fold-head");
  });
  turns.port1.close();
  const frame = (is) => new Promise((resolve) => {
    const look = () => (is() ? resolve(performance.now()) : requestAnimationFrame(look));
    look();
  });
  const head = document.querySelector("#nodes .fold-head");
  const body = document.getElementById(head.getAttribute("aria-controls"));
  const clicked = performance.now();
  head.click();
  const unfolded = await frame(() => body.querySelector("input, textarea, select"));
  return [seen - begun, unfolded - clicked, whole - begun, longest];
}"""
_BLOCKED = """async ([hash, names]) => {
  let longest = 0, last = performance.now(), isOver = false;
  const channel = new MessageChannel();
  const tick = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isOver) channel.port2.postMessage(0);
  };
  channel.port1.onmessage = tick;
  tick();
  const {classes} = await import("/static/js/catalogue.js");
  await classes(hash, JSON.stringify(names));
  isOver = true;
  return longest;
}"""


def main() -> None:
    """Measure, print the tables, write the JSON."""
    load = Load()
    result = asyncio.run(measure())
    out = ROOT / "benchmarks" / "out" / "forms.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2), encoding="utf-8")
    print(f"({load})\n| {NODES} nodes, {CLASSES} classes | CPU | CPU/4 | target |\n|---|---|---|---|")
    for name, value, target in FIGURES:
        print(f"| {value}, ms, median of {ROUNDS} | {result['1'][name]:.0f} | {result['4'][name]:.0f} | {target} |")
    blocked = (f"{result[speed]['blocked']:.0f}" for speed in ("1", "4"))
    print(f"| longest block while the catalogue loads, ms | {' | '.join(blocked)} | 50, none |")
    total = sum(result["shares"].values())
    print("\n| step in the browser's Python | ms | share |\n|---|---|---|")
    for name, spent in result["shares"].items():
        print(f"| {name} | {spent:.1f} | {spent / total:.0%} |")


async def measure() -> dict[str, Any]:
    """Return all measurements, by the CPU's slowdown."""
    text = catalogue_text(CLASSES)
    async with serve(text) as address, open_chromium() as browser:
        with start_gateway("--server", f"big={address}") as gateway:
            found: dict[str, Any] = {}
            for speed in SPEEDS:
                found[str(speed)] = {**await opening(browser, gateway.url, speed), "blocked": 0.0}
                found[str(speed)]["blocked"] = await blocking(browser, gateway.url, speed)
            found["shares"] = await shares(browser, gateway.url, text)
    return found


async def opening(browser: Browser, base: str, speed: int) -> dict[str, float]:
    """Return milliseconds from the drop to the form, and from the click to an unfolded node."""
    context = await browser.new_context()
    window = await MooringWindow.open(context, base)
    await window.ready()
    await window.page.wait_for_function("() => mooring.fleet().servers.every((server) => server.catalogue)")
    await slow_down(window.page, speed)
    rows = []
    for number in range(ROUNDS + 1):  # the first round warms up
        text = json.dumps(editor_graph(NODES, seed=number))
        rows.append(await window.page.evaluate(_OPEN, [text, f"large-{number}.json"]))
    await context.close()
    names = "opened", "unfolded", "whole", "held"
    found = {name: statistics.median(row[at] for row in rows[1:]) for at, name in enumerate(names)}
    return {**found, "first": rows[0][0]}


async def blocking(browser: Browser, base: str, speed: int) -> float:
    """Return the longest time for which reading the catalogue blocked the page."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{base}{BARE}")
    value = await page.evaluate("async () => (await fetch('/fleet')).json()")
    await slow_down(page, speed)
    longest = float(await page.evaluate(_BLOCKED, [value["servers"][0]["catalogue"], ["Node0001", "Node0002"]]))
    await context.close()
    return longest


async def shares(browser: Browser, base: str, text: str) -> dict[str, float]:
    """Return the milliseconds of each step, the best of a few rounds."""
    context = await browser.new_context()
    page = await context.new_page()
    await load_python(page, base)
    for name in ("__init__", "forms_shares"):
        source = (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
        await run_python(
            page,
            "import pathlib; place = pathlib.Path('benchmarks'); place.mkdir(exist_ok=True); "
            "return (place / name).write_text(source)",
            name=f"{name}.py",
            source=source,
        )
    graph = json.dumps(editor_graph(NODES, seed=99))
    found: dict[str, float] = await run_python(page, _SHARES, graph=graph, catalogue=text)
    await context.close()
    return found


async def slow_down(page: Page, speed: int) -> None:
    """Slow the page's CPU down by this factor."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": speed})


@contextlib.asynccontextmanager
async def serve(catalogue: str) -> AsyncIterator[str]:
    """Run a server that has nothing but its catalogue, and is always idle."""
    answers = {
        "/system_stats": {"system": {"os": "posix", "comfyui_version": "0.3.64", "argv": []}, "devices": []},
        "/queue": {"queue_running": [], "queue_pending": []},
        "/prompt": {"exec_info": {"queue_remaining": 0}},
        "/features": {"supports_preview_metadata": True, "max_upload_size": 104857600},
    }

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/object_info":
            return web.Response(text=catalogue, content_type="application/json")
        value = answers.get(request.path)
        return web.json_response(value) if value is not None else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    port = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    main()
