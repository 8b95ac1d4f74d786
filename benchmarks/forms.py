"""How fast a large workflow becomes a form: 500 nodes of the editor's format, a catalogue of 3,000 classes (5 MB).

    python3 -m benchmarks forms [--rounds N]

In a real Chromium at a real gateway, over a server that has that catalogue, at full speed and with the CPU slowed to a
quarter: the time from the drop of the file until the page has twelve inputs, and until a folded node is unfolded. Then
the time of each step in the browser's Python, and the longest time for which the catalogue blocked the page.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web
from playwright.async_api import Browser

from benchmarks.kit.browser import slow_down
from benchmarks.kit.report import ROOT, Load, show, table
from tests.kit.browser.chromium import BARE, load_python, open_chromium, run_python
from tests.kit.browser.windows import MooringWindow
from tests.kit.services import free_ports, start_gateway

NODES, CLASSES, ROUNDS = 500, 3000, 5
SPEEDS = (1, 4)
FIGURES = (  # with their targets at both speeds
    ("opened", "drop to twelve inputs", "60, 250"),
    ("whole", "drop to all nodes", ""),
    ("held", "longest block in between", ""),
    ("unfolded", "click to an unfolded node", "50, none"),
    ("blocked", "longest block while the catalogue loads, once", "50, none"),
)
_STEPS = "from form_steps import steps; return steps(graph, catalogue)"
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
    """Measure, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    load = Load()
    found = asyncio.run(measure(rounds))
    rows = [[words, *(f"{found[str(speed)][name]:.0f}" for speed in SPEEDS), target] for name, words, target in FIGURES]
    total = sum(found["steps"].values())
    steps = [[name, f"{spent:.1f}", f"{spent / total:.0%}"] for name, spent in found["steps"].items()]
    show(
        "forms",
        load,
        table([f"{NODES} nodes, {CLASSES} classes: ms, median of {rounds}", "CPU", "CPU/4", "target"], rows),
        table(["step in the browser's Python", "ms", "share"], steps),
        found=found,
    )


async def measure(rounds: int) -> dict[str, Any]:
    """Return all measurements, by the CPU's slowdown."""
    text = catalogue_text(CLASSES)
    async with serve(text) as address, open_chromium() as browser:
        with start_gateway("--server", f"big={address}") as gateway:
            found: dict[str, Any] = {}
            for speed in SPEEDS:
                found[str(speed)] = {**await opening(browser, gateway.url, speed, rounds), "blocked": 0.0}
                found[str(speed)]["blocked"] = await blocking(browser, gateway.url, speed)
            found["steps"] = await steps(browser, gateway.url, text)
    return found


async def opening(browser: Browser, base: str, speed: int, rounds: int) -> dict[str, float]:
    """Return milliseconds from the drop to the form, and from the click to an unfolded node."""
    context = await browser.new_context()
    window = await MooringWindow.open(context, base)
    await window.ready()
    await window.page.wait_for_function("() => mooring.fleet().servers.every((server) => server.catalogue)")
    await slow_down(window.page, speed)
    rows = []
    for number in range(rounds + 1):  # the first round warms up
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


async def steps(browser: Browser, base: str, text: str) -> dict[str, float]:
    """Return the milliseconds of each step, the best of a few rounds."""
    context = await browser.new_context()
    page = await context.new_page()
    await load_python(page, base)
    source = (ROOT / "benchmarks" / "kit" / "form_steps.py").read_text("utf-8")
    await run_python(page, "import pathlib; return pathlib.Path('form_steps.py').write_text(source)", source=source)
    graph = json.dumps(editor_graph(NODES, seed=99))
    found: dict[str, float] = await run_python(page, _STEPS, graph=graph, catalogue=text)
    await context.close()
    return found


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


WIDGETS = (
    ("text", ["STRING", {"multiline": True, "default": "a quiet harbour", "dynamicPrompts": True, "tooltip": ""}]),
    ("seed", ["INT", {"default": 0, "min": 0, "max": 18446744073709551615, "control_after_generate": True}]),
    ("steps", ["INT", {"default": 20, "min": 1, "max": 10000, "tooltip": "How many steps it takes. " * 6}]),
    ("cfg", ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01}]),
    ("is_on", ["BOOLEAN", {"default": True}]),
)
KINDS = 120  # classes of one workflow; the largest published ones have fewer
LENGTH = 1650  # characters of one class, so that 3,000 have five million


def catalogue_text(classes: int) -> str:
    """Return an `/object_info` of this many classes: half take a picture and return one, and each has five values."""
    found: dict[str, Any] = {"LoadAnything": _source()}
    for number in range(1, classes):
        found[f"Node{number:04}"] = _class(number)
    return json.dumps(found)


def _class(number: int) -> dict[str, Any]:
    options = [f"folder/{number:04}-{index:02}.safetensors" for index in range(12)]
    required = {"image": ["IMAGE"], **dict(WIDGETS), "model": [options, {"default": options[0]}]}
    entry = {
        "input": {"required": required},
        "input_order": {"required": list(required)},
        "output": ["IMAGE"],
        "output_is_list": [False],
        "output_name": ["IMAGE"],
        "name": f"Node{number:04}",
        "display_name": f"Node {number}",
        "description": "",
        "python_module": "custom_nodes.many",
        "category": "many",
        "output_node": number % 50 == 1,
    }
    entry["description"] = "x" * max(0, LENGTH - len(json.dumps(entry)))
    return entry


def _source() -> dict[str, Any]:
    return {
        "input": {"required": {}},
        "output": ["IMAGE"],
        "output_is_list": [False],
        "output_name": ["IMAGE"],
        "name": "LoadAnything",
        "display_name": "Load anything",
        "description": "",
        "python_module": "nodes",
        "category": "many",
        "output_node": False,
    }


def editor_graph(count: int, seed: int = 0) -> dict[str, Any]:
    """Return a chain of this many nodes of `KINDS` classes as the editor saves it; each `seed` gives another one."""
    nodes: list[dict[str, Any]] = [
        {"id": 1, "type": "LoadAnything", "pos": [0, 0], "size": [200, 60], "mode": 0, "outputs": [_output([1])]}
    ]
    links = []
    for number in range(2, count + 1):
        links.append([number - 1, number - 1, 0, number, 0, "IMAGE"])
        kind = number % KINDS + 1
        model = f"folder/{kind:04}-03.safetensors"
        nodes.append(
            {
                "id": number,
                "type": f"Node{kind:04}",
                "pos": [(number % 25) * 300, number // 25 * 400],
                "size": [280, 260],
                "mode": 0,
                "inputs": [{"name": "image", "type": "IMAGE", "link": number - 1}],
                "outputs": [_output([number] if number < count else [])],
                "widgets_values": [f"scene {number}", seed * 1000 + number, "fixed", 20, 7.5, True, model],
            }
        )
    nodes[-1]["type"] = "Node0051"  # an output node
    nodes[-1]["widgets_values"][-1] = "folder/0051-03.safetensors"
    groups = [{"title": f"Part {index}", "bounding": [0, index * 400, 7500, 380]} for index in range(20)]
    return {"nodes": nodes, "links": links, "groups": groups, "version": 0.4}


def _output(links: list[int]) -> dict[str, Any]:
    return {"name": "IMAGE", "type": "IMAGE", "links": links}


if __name__ == "__main__":
    main()
