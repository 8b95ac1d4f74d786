"""Work for end-to-end tests: workflows, photos, faults, and requests to servers."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from tests.kit.services import Service

_seeds = itertools.count(1)


def slow_workflow(steps: int = 4, text: str = "slow tide") -> dict[str, Any]:
    """Return a workflow that reports each step, unique, so that no server answers from its cache.

    Where a test needs that it still runs, `paused` holds it at a step.
    """
    inputs = {"text": text, "seed": next(_seeds), "steps": steps, "width": 256, "height": 192}
    return {
        "1": {"class_type": "DemoSampler", "inputs": inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "e2e"}},
    }


def quick_workflow(colour: int = 1) -> dict[str, Any]:
    """Return a workflow of one picture in one step, for any ComfyUI."""
    inputs = {"width": 64, "height": 48, "batch_size": 1, "color": colour}
    return {
        "1": {"class_type": "EmptyImage", "inputs": inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "e2e"}},
    }


def make_photo(folder: Path, number: int = 0) -> Path:
    """Write a small picture in place of a photo, different for each number."""
    wide, high = 320, 214
    image = Image.new("RGB", (wide, high))
    image.putdata(
        [
            (
                40 + 180 * y // high,
                90 + 60 * x // wide + 9 * number,
                150 - 80 * y // high + (25 if (x // 24 + y // 18) % 2 else 0),
            )
            for y in range(high)
            for x in range(wide)
        ]
    )
    file = folder / f"dunes-{number}.png"
    image.save(file)
    return file


async def break_server(server: Service, **faults: Any) -> dict[str, Any]:
    """Set faults of a demo server, at its own address."""
    return dict(await _post(server, "/demo/faults", faults))


def demo_servers(gateway: Service, count: int = 3) -> list[Service]:
    """Return the demo servers that a gateway has started, which end with it."""
    return [Service(gateway.process, f"http://127.0.0.1:{gateway.port + number}") for number in range(1, count + 1)]


@contextlib.asynccontextmanager
async def paused(*servers: Service, at_step: int = 1) -> AsyncIterator[None]:
    """Let each job on these servers wait after a step until the block ends: a test then depends on no job's speed."""
    for server in servers:
        await break_server(server, pause_at_step=at_step)
    try:
        yield
    finally:
        for server in servers:
            if server.process.poll() is None:  # a restarted server has no faults
                await break_server(server, pause_at_step=None)


async def load_server(server: Service, count: int) -> list[str]:
    """Submit long work of another client, and return its prompt_ids."""
    works = [{"prompt": slow_workflow(200)} for _ in range(count)]
    return [str((await _post(server, "/prompt", work))["prompt_id"]) for work in works]


async def ask_server(server: Service, path: str) -> Any:
    """GET JSON from a server itself, past the gateway."""
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}{path}") as answer:
        return json.loads(await answer.text())


async def runs_of(server: Service, prompt_id: str) -> int:
    """Return how often a server has this prompt, waiting, running or in its history."""
    queue = await ask_server(server, "/queue")
    waiting = sum(item[1] == prompt_id for item in (*queue["queue_running"], *queue["queue_pending"]))
    return waiting + len(await ask_server(server, f"/history/{prompt_id}"))


async def _post(server: Service, path: str, body: dict[str, Any]) -> Any:
    async with aiohttp.ClientSession() as session, session.post(f"{server.url}{path}", json=body) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()
