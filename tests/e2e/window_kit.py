"""Mooring windows in a real Chromium, driven as a person does and watched as a strict reader of the console does.

    async with Desk(gateway.url) as desk:
        window = await desk.open()
        prompt_id = await window.submit(slow_workflow())

Any error in the console, any page error and any request to a foreign origin is kept and fails the test when the desk
closes, unless the test has said that it expects it (`desk.expected`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, async_playwright

from tests.e2e.browser_kit import FLAGS, chromium_path
from tests.services import Service

PATIENCE = 90_000  # milliseconds: a loaded two-core machine starts three Pythons in one browser


class Desk:
    """One browser profile with its windows."""

    def __init__(self, base: str, *, flags: Sequence[str] = (), locale: str = "en-US", is_strict: bool = True) -> None:
        self.base = base
        self.problems: list[str] = []
        self.expected: list[str] = []  # patterns of console errors that belong to the test
        self.context: BrowserContext
        self._flags = flags
        self._locale = locale
        self._is_strict = is_strict
        self._playwright: Playwright
        self._browser: Browser

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path=chromium_path(), args=[*FLAGS, *self._flags]
        )
        self.context = await self._browser.new_context(locale=self._locale)
        self.context.set_default_timeout(PATIENCE)
        self.context.on("console", self._hear)
        self.context.on("request", self._see)
        self.context.on("weberror", lambda error: self.problems.append(f"page error: {error.error}"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._browser.close()
        await self._playwright.stop()
        left = [item for item in self.problems if not any(re.search(wanted, item) for wanted in self.expected)]
        if kind is None and self._is_strict:
            assert left == []

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text} {message.location.get('url', '')}")

    def _see(self, request: Request) -> None:
        if not request.url.startswith((self.base, "blob:", "data:", self.base.replace("http", "ws", 1))):
            self.problems.append(f"foreign request: {request.url}")

    async def open(self, query: str = "") -> MooringWindow:
        """A new tab with Mooring, ready for work."""
        page = await self.context.new_page()
        await page.goto(f"{self.base}/{query}")
        window = MooringWindow(page)
        await window.ready()
        return window


class MooringWindow:
    """One tab with Mooring in it, through the console contract and the page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def ready(self) -> None:
        """Wait until the session has read its records and the page is up."""
        await self.page.wait_for_function("() => globalThis.mooring?.ready")
        await self.page.evaluate("() => mooring.ready.then(() => true)")
        await self.page.get_by_test_id("run").wait_for()

    async def reload(self) -> None:
        """Reload the tab and wait until it is up again."""
        await self.page.reload()
        await self.ready()

    async def call(self, expression: str, *arguments: Any) -> Any:
        """Evaluate an expression of the console; `a` are the arguments."""
        return await self.page.evaluate(f"async (a) => {{ return await ({expression}); }}", list(arguments))

    async def submit(self, workflow: dict[str, Any], title: str = "test") -> str:
        """Submit by the scripting interface; the prompt_id."""
        return str(await self.call("mooring.submitWorkflow(a[0], {title: a[1]})", workflow, title))

    async def facts(self) -> dict[str, Any]:
        """`debugServerConsistency()`."""
        return dict(await self.call("debugServerConsistency()"))

    async def task(self, prompt_id: str) -> dict[str, Any]:
        """One of `windowTasks`."""
        return dict(await self.call("windowTasks.find((task) => task.promptId === a[0]) ?? {}", prompt_id))

    async def wait_state(self, prompt_id: str, *states: str) -> None:
        """Wait until a task is in one of these states."""
        await self.page.wait_for_function(
            "([id, states]) => states.includes(windowTasks.find((task) => task.promptId === id)?.state)",
            arg=[prompt_id, list(states)],
        )

    async def wait_for(self, prompt_id: str) -> dict[str, Any]:
        """Wait until a task has ended and is home."""
        return dict(await self.call("mooring.waitFor(a[0])", prompt_id))

    async def check(self) -> None:
        """Nothing disagrees, by the window's own account and read afresh."""
        assert await self.call("checkServerSwitchRisk()") is False
        assert (await self.call("mooring.verify()"))["violations"] == []


def slow_workflow(steps: int = 60, seed: int = 1, text: str = "slow tide") -> dict[str, Any]:
    """Takes a few seconds on a demo server, and tells each step."""
    inputs = {"text": text, "seed": seed, "steps": steps, "width": 256, "height": 192}
    return {
        "1": {"class_type": "DemoSampler", "inputs": inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "e2e"}},
    }


def quick_workflow(colour: int = 1) -> dict[str, Any]:
    """One picture in one step; runs on any ComfyUI."""
    inputs = {"width": 64, "height": 48, "batch_size": 1, "color": colour}
    return {
        "1": {"class_type": "EmptyImage", "inputs": inputs},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "e2e"}},
    }


async def break_server(server: Service, **faults: Any) -> dict[str, Any]:
    """Set faults of a demo server, at its own address."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server.url}/demo/faults", json=faults) as answer,
    ):
        assert answer.status == 200, await answer.text()
        return dict(await answer.json())


async def ask_server(server: Service, path: str) -> Any:
    """GET JSON from a server itself, past the gateway."""
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}{path}") as answer:
        return json.loads(await answer.text())


async def runs_of(server: Service, prompt_id: str) -> int:
    """How often a server has this prompt: waiting, running or in history."""
    queue = await ask_server(server, "/queue")
    waiting = sum(item[1] == prompt_id for item in (*queue["queue_running"], *queue["queue_pending"]))
    return waiting + len(await ask_server(server, f"/history/{prompt_id}"))


def a_photo(folder: Path, seed: int = 1) -> Path:
    """A small picture of dunes at dusk, made here."""
    from PIL import Image

    width, height = 160, 120
    image = Image.new("RGB", (width, height))
    image.putdata(
        [
            (90 + (x + seed * 7) % 120, 70 + (y * 2 + (x * seed) % 13) % 110, 120 + y % 90)
            for y in range(height)
            for x in range(width)
        ]
    )
    path = folder / f"dunes-{seed}.png"
    image.save(path)
    return path
