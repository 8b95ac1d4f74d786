"""Servers that tests can break, and checks after each fault.

    with start_fleet(tmp_path, "a", "b") as fleet, fleet.gateway() as gateway:
        ...
            fleet.kill("a"); fleet.start("a")               # SIGKILL; started at the same address, with its files
            await fleet.expect_delivered(window, prompt_id)  # the right server's picture, run once

Each server writes its id into its pictures, and ComfyUI the workflow, so a kept picture names its server and its
prompt.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image
from playwright.async_api import expect

from tests.kit.browser.windows import MooringWindow
from tests.kit.browser.work import ask_server, break_server
from tests.kit.services import Service, forget, free_ports, start_demo, start_gateway

PATIENCE = 120.0  # seconds
HANGING = r"status of 504 .*/servers/"  # in the console, if a server hangs for longer than the gateway waits
BROKEN_NETWORK = ("Failed to load resource", "WebSocket connection")  # errors of the browser's console after each fault
PNG_END = b"IEND\xaeB`\x82"  # the last chunk of every whole PNG
SHOWN = "dialog.large img:not(.is-small)"

_KEPT = """(name) => new Promise((resolve, reject) => {
  const open = indexedDB.open("mooring");
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const get = open.result.transaction("results").objectStore("results").get(name);
    get.onerror = () => reject(get.error);
    get.onsuccess = () => { open.result.close(); resolve(get.result?.blob); };
  };
})"""

KEPT_BYTES = f"""async (name) => {{
  const blob = await ({_KEPT})(name);
  if (!blob) return null;
  const reader = new FileReader();
  const done = new Promise((resolve) => {{ reader.onload = resolve; }});
  reader.readAsDataURL(blob);
  await done;
  return reader.result.split(",")[1];
}}"""

# Whether an image element shows exactly the pixels of the kept bytes.
_IS_SHOWN = f"""async ([name, selector]) => {{
  const draw = (source, wide, high) => {{
    const context = new OffscreenCanvas(wide, high).getContext("2d");
    context.drawImage(source, 0, 0);
    return [wide, high, ...context.getImageData(0, 0, wide, high).data].join();
  }};
  const image = document.querySelector(selector);
  await image.decode();
  const kept = await createImageBitmap(await ({_KEPT})(name));
  return draw(image, image.naturalWidth, image.naturalHeight) === draw(kept, kept.width, kept.height);
}}"""


@dataclass
class Fleet:
    """Servers by id. A killed server keeps its address and its files."""

    folder: Path
    ports: dict[str, int]
    step_seconds: float
    more: tuple[str, ...] = ()  # flags
    up: dict[str, Service] = field(default_factory=dict)
    _lives: dict[str, contextlib.ExitStack] = field(default_factory=dict)
    _before: dict[str, int] = field(default_factory=dict)  # prompts that each had received when it was reset

    def __getitem__(self, server_id: str) -> Service:
        return self.up[server_id]

    def start(self, server_id: str) -> Service:
        """Start a server that does not run."""
        life = self._lives[server_id] = contextlib.ExitStack()
        self._before[server_id] = 0
        flags = ("--stamp", server_id, "--step-seconds", str(self.step_seconds), *self.more)
        data = self.folder / server_id
        self.up[server_id] = life.enter_context(start_demo(*flags, port=self.ports[server_id], data=data))
        return self.up[server_id]

    def kill(self, server_id: str) -> None:
        """End a server with SIGKILL."""
        self.up.pop(server_id).kill()
        self._lives.pop(server_id).close()

    def restart(self, server_id: str) -> Service:
        """Kill a server and start it."""
        self.kill(server_id)
        return self.start(server_id)

    def reset(self) -> None:
        """Reset all servers: running, idle, without faults and without history."""
        for server_id in self.ports:
            if server_id in self.up:
                self._before[server_id] = forget(self.up[server_id])
            else:
                self.start(server_id)

    async def break_all(self, **faults: Any) -> None:
        """Set faults of all servers."""
        for server in self.up.values():
            await break_server(server, **faults)

    async def stop_workers(self) -> None:
        """Have all servers keep work in their queues from now on."""
        await self.break_all(dead_worker=True)

    async def start_workers(self) -> None:
        """Have all servers do the work in their queues."""
        await self.break_all(dead_worker=False)

    def close(self) -> None:
        """Stop all servers."""
        for server_id in tuple(self.up):
            self.kill(server_id)

    def flags(self, **elsewhere: str) -> list[str]:
        """Return the gateway's flags for this fleet; `elsewhere` gives some ids another address."""
        addresses = {server_id: f"http://127.0.0.1:{port}" for server_id, port in self.ports.items()} | elsewhere
        return [flag for server_id, address in addresses.items() for flag in ("--server", f"{server_id}={address}")]

    def gateway(self, port: int | None = None, **elsewhere: str) -> contextlib.AbstractContextManager[Service]:
        """Start a gateway for this fleet."""
        return start_gateway(*self.flags(**elsewhere), port=port)

    # Records of the servers

    async def submits(self) -> dict[str, int]:
        """Return how many prompts each running server has received since it started or was reset."""
        return {
            server_id: (await ask_server(server, "/demo/faults"))["submits"] - self._before[server_id]
            for server_id, server in self.up.items()
        }

    def runs(self, workflow: dict[str, Any]) -> dict[str, int]:
        """Return how often each server has finished this workflow, by the pictures on its disk."""
        counts = dict.fromkeys(self.ports, 0)
        for server_id in self.ports:
            for file in (self.folder / server_id / "output").rglob("*.png"):
                data = file.read_bytes()
                if not data.endswith(PNG_END):
                    continue  # incomplete: its run has not finished
                with Image.open(io.BytesIO(data)) as image:
                    info = dict(image.info)
                if json.loads(info["prompt"]) == workflow:
                    assert info["server"] == server_id
                    counts[server_id] += 1
        return {server_id: count for server_id, count in counts.items() if count}

    # Checks after each fault

    async def expect_delivered(self, window: MooringWindow, prompt_id: str, workflow: dict[str, Any]) -> dict[str, Any]:
        """Check that a task succeeded and ran once, on its own server, and that its picture is kept and shown."""
        task = await window.wait_for(prompt_id)
        assert task["state"] == "succeeded", task
        assert [output["delivery"] for output in task["outputs"]] == ["kept"], task
        await expect_picture(window, prompt_id, task["executionServer"], workflow)
        assert self.runs(workflow) == {task["executionServer"]: 1}
        await expect_no_violation(window)
        return task


class KillableGateway:
    """A gateway that can be killed and started at the same address, with another fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet, self._port = fleet, free_ports()
        self._life = contextlib.ExitStack()
        self.url = f"http://127.0.0.1:{self._port}"
        self._service: Service | None = None
        self._elsewhere: dict[str, str] = {}

    def start(self, **elsewhere: str) -> None:
        """Start the gateway; `elsewhere` gives some ids another address."""
        self._life, self._elsewhere = contextlib.ExitStack(), elsewhere
        self._service = self._life.enter_context(self._fleet.gateway(self._port, **elsewhere))
        assert self._service.url == self.url

    def reset(self) -> None:
        """Have it run with the fleet's own addresses."""
        if self._service is None or self._elsewhere:
            self.kill()
            self.start()

    def kill(self) -> None:
        """End the gateway with SIGKILL."""
        if self._service is not None:
            self._service.kill()
        self._life.close()
        self._service = None


async def expect_picture(window: MooringWindow, prompt_id: str, server_id: str, workflow: dict[str, Any]) -> None:
    """Check that the kept picture is of that server and workflow, and that the page shows it."""
    assert await kept_picture(window, prompt_id) == (server_id, workflow)
    await expect(window.card(prompt_id, "succeeded")).to_have_attribute("data-server", server_id)
    await window.open_large(prompt_id)
    assert await window.page.evaluate(_IS_SHOWN, [f"{prompt_id}/0", SHOWN])
    await window.close_large()


async def kept_picture(window: MooringWindow, prompt_id: str) -> tuple[str, Any]:
    """Return the server and the workflow of the kept picture, read without our code."""
    found = await window.page.evaluate(KEPT_BYTES, f"{prompt_id}/0")
    return origin_of(found)


def origin_of(found: str | None) -> tuple[str, Any]:
    """Return the server and the workflow that a picture names, read by `KEPT_BYTES`."""
    assert found is not None, "nothing is kept"
    with Image.open(io.BytesIO(base64.b64decode(found))) as image:
        info = dict(image.info)
    return info["server"], json.loads(info["prompt"])


async def expect_no_violation(window: MooringWindow) -> None:
    """Check that the window reports no inconsistency, cached or freshly read."""
    assert (await window.facts())["violations"] == []
    await window.check()


async def post_server(server: Service, path: str, body: dict[str, Any]) -> None:
    """Send a request of another client to a server, past the gateway."""
    async with aiohttp.ClientSession() as session, session.post(f"{server.url}{path}", json=body) as answer:
        assert answer.status == 200, await answer.text()


async def cancel_prompts(server: Service, prompt_ids: list[str]) -> None:
    """Cancel prompts of another client."""
    await post_server(server, "/queue", {"delete": prompt_ids})
    for prompt_id in prompt_ids:
        await post_server(server, "/interrupt", {"prompt_id": prompt_id})


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for an asynchronous condition."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.05)


@contextlib.contextmanager
def start_fleet(
    folder: Path, *server_ids: str, step_seconds: float = 0.05, more: tuple[str, ...] = ()
) -> Iterator[Fleet]:
    """Start servers with these ids and their files below a folder."""
    first = free_ports(len(server_ids))
    fleet = Fleet(folder, dict(zip(server_ids, itertools.count(first), strict=False)), step_seconds, more)
    try:
        fleet.reset()
        yield fleet
    finally:
        fleet.close()
