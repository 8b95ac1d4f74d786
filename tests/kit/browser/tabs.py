"""Chromium as users have it: tabs of one window, of which only one is visible.

    async with open_tabs(profile) as tabs:
        mooring = await tabs.open(f"{gateway.url}/")
            other = await tabs.open("about:blank")        # visible now: `mooring` is hidden and draws no frames
        await mooring.until("document.title.includes('%')")

Playwright makes every page believe that it is visible and focused, so this uses the DevTools protocol directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.kit.browser.chromium import FLAGS, chromium_path

PATIENCE = 120.0  # seconds
READY = "globalThis.mooring && mooring.ready.then(() => document.body.matches(':not(.is-booting)'))"
PORT_FILE = "DevToolsActivePort"

BETWEEN_PAGES = ("context", "collected", "navigated or closed")  # the page is being replaced


class Tabs:
    """A browser window with its tabs, over one DevTools connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.faults: list[str] = []  # console errors and uncaught errors of all tabs
        self.messages: list[str] = []  # other console messages
        self.dialogs: list[str] = []  # the types of dialogs that opened; each is accepted
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._listening = asyncio.ensure_future(self._listen())

    async def open(self, address: str) -> Tab:
        """Open a visible tab."""
        target = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        tab = Tab(self, target, session)
        for domain in ("Page", "Runtime"):
            await tab.send(f"{domain}.enable")
        await tab.bring_to_front()
        await tab.send("Page.navigate", url=address)
        return tab

    async def send(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Send a command, and return its result."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json({**message, "sessionId": session} if session else message)
        answer = await asyncio.wait_for(waiting, PATIENCE)
        assert "error" not in answer, (method, answer["error"])
        return dict(answer["result"])

    async def close(self) -> None:
        """Stop listening."""
        self._listening.cancel()
        await asyncio.gather(self._listening, *self._background, return_exceptions=True)

    async def _listen(self) -> None:
        async for message in self._socket:
            content = json.loads(message.data)
            if (waiting := self._waiting.pop(content.get("id", 0), None)) is not None:
                waiting.set_result(content)
            elif content.get("method") == "Page.javascriptDialogOpening":
                self.dialogs.append(content["params"]["type"])
                accept = self.send("Page.handleJavaScriptDialog", content["sessionId"], accept=True)
                self._background.add(asyncio.ensure_future(accept))
            elif content.get("method") == "Runtime.exceptionThrown":
                self.faults.append(str(content["params"]["exceptionDetails"]))
            elif content.get("method") == "Runtime.consoleAPICalled":
                text = " ".join(str(item.get("value")) for item in content["params"]["args"])
                (self.faults if content["params"]["type"] == "error" else self.messages).append(text)


class Tab:
    """A tab."""

    def __init__(self, tabs: Tabs, target: str, session: str) -> None:
        self._tabs, self._target, self._session = tabs, target, session

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command to this tab."""
        return await self._tabs.send(method, self._session, **parameters)

    async def bring_to_front(self) -> None:
        """Make this tab visible, and the others hidden."""
        await self._tabs.send("Target.activateTarget", targetId=self._target)

    async def call(self, expression: str) -> Any:
        """Return the value of an expression, awaited if it is a promise. It counts as a user gesture."""
        answer = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until an expression is true. It is polled from outside, since timers of a hidden page are unreliable."""
        async with asyncio.timeout(PATIENCE):
            while not await self._is_true(condition):  # noqa: ASYNC110 - the condition is in another process
                await asyncio.sleep(0.05)

    async def _is_true(self, condition: str) -> bool:
        try:
            return bool(await self.call(f"Promise.resolve({condition}).then(Boolean)"))
        except AssertionError as error:
            if any(sign in str(error) for sign in BETWEEN_PAGES):
                return False
            raise

    async def ready(self) -> None:
        """Wait until Mooring is ready in this tab."""
        await self.until(READY)


@contextlib.asynccontextmanager
async def open_tabs(profile: Path, *flags: str) -> AsyncIterator[Tabs]:
    """Start Chromium without flags that hide real behaviour. Errors in its tabs fail the test."""
    own = ("--headless=new", "--remote-debugging-port=0", "--lang=en-US")
    command = [chromium_path() or "chromium", *FLAGS, *own, *flags]
    process = await asyncio.create_subprocess_exec(
        *command, f"--user-data-dir={profile}", "about:blank", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        port, path = await _address(profile / PORT_FILE)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket,
        ):
            tabs = Tabs(socket)
            yield tabs
            await tabs.close()
        assert tabs.faults == []
    finally:
        process.terminate()
        await process.wait()


async def _address(file: Path) -> tuple[str, str]:
    """Wait for the address of DevTools, which Chromium writes into a file."""
    async with asyncio.timeout(PATIENCE):
        while not file.exists() or len(lines := file.read_text().split()) < 2:  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.05)
    return lines[0], lines[1]
