"""A real Firefox over WebDriver BiDi.

    async with open_firefox(profile) as firefox:
        tab = await firefox.open(f"{gateway.url}/")
        await tab.until("document.body.matches(':not(.is-booting)')")
        await tab.press("a")

Playwright can control only its own build of Firefox; this is the one that users have.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

PATIENCE = 120.0  # seconds
_ADDRESS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_PREFERENCES = {
    "browser.cache.disk.capacity": 65536,  # kB
    "browser.tabs.warnOnClose": False,
    "dom.disable_beforeunload": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


def firefox_path() -> str | None:
    """Return the machine's Firefox, or None."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


class Firefox:
    """A Firefox with its tabs."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.faults: list[str] = []  # console errors and uncaught errors of all tabs
        self.messages: list[str] = []  # other console messages
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listening = asyncio.ensure_future(self._listen())

    async def open(self, address: str) -> FirefoxTab:
        """Open a tab at an address."""
        context = (await self.send("browsingContext.create", type="tab"))["context"]
        await self.send("browsingContext.navigate", context=context, url=address, wait="none")
        return FirefoxTab(self, context)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command, and return its result."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        return await asyncio.wait_for(waiting, PATIENCE)

    async def close(self) -> None:
        """Close the connection."""
        self._listening.cancel()
        await self._socket.close()

    async def _listen(self) -> None:
        async for message in self._socket:
            content = json.loads(message.data)
            waiting = self._waiting.pop(content.get("id"), None)
            if waiting is not None and not waiting.done():
                if content["type"] == "success":
                    waiting.set_result(content["result"])
                else:
                    waiting.set_exception(AssertionError(f"{content['error']}: {content['message']}"))
            elif content.get("method") == "log.entryAdded":
                entry = content["params"]
                (self.faults if entry["level"] == "error" else self.messages).append(str(entry["text"]))


class FirefoxTab:
    """A tab."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self._firefox = firefox
        self._context = context

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        found = await self._firefox.send(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await ({expression})) ?? null))()",
            target={"context": self._context},
            awaitPromise=True,
        )
        assert found["type"] == "success", found["exceptionDetails"]["text"]
        return json.loads(found["result"]["value"])

    async def until(self, expression: str) -> None:
        """Wait until an expression is true, even while the page is being replaced."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(AssertionError):
                    if await self.evaluate(f"Promise.resolve({expression}).then(Boolean)"):
                        return
                await asyncio.sleep(0.1)

    async def reload(self) -> None:
        """Reload the page."""
        await self._firefox.send("browsingContext.reload", context=self._context, wait="none")

    async def press(self, *keys: str) -> None:
        """Press keys one after another; all but the last of several long names stay down, as modifiers."""
        held = [key for key in keys[:-1] if len(key) == 1 and ord(key) >= 0xE000]
        free = [key for key in keys if key not in held]
        actions = [{"type": "keyDown", "value": key} for key in held]
        actions += [{"type": kind, "value": key} for key in free for kind in ("keyDown", "keyUp")]
        actions += [{"type": "keyUp", "value": key} for key in reversed(held)]
        await self._firefox.send(
            "input.performActions",
            context=self._context,
            actions=[{"type": "key", "id": "keys", "actions": actions}],
        )


@contextlib.asynccontextmanager
async def open_firefox(profile: Path) -> AsyncIterator[Firefox]:
    """Start Firefox with an empty profile, until the block ends."""
    path = firefox_path()
    assert path is not None, "asked before"
    preferences = "".join(
        f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _PREFERENCES.items()
    )
    (profile / "user.js").write_text(preferences, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        path, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env=_environment(profile),
    )  # fmt: skip
    try:
        address = await asyncio.wait_for(_address_of(process), PATIENCE)
        draining = asyncio.ensure_future(_drain(process))
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address}/session", max_msg_size=0) as socket,
        ):
            firefox = Firefox(socket)
            await firefox.send("session.new", capabilities={})
            await firefox.send("session.subscribe", events=["log.entryAdded"])
            try:
                yield firefox
            finally:
                await firefox.close()
        draining.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _environment(profile: Path) -> dict[str, str]:
    """Return an environment with a home of its own, so that the user's profile is not touched."""
    return {**os.environ, "HOME": str(profile), "MOZ_HEADLESS": "1"}


async def _address_of(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    messages = []
    async for line in process.stderr:
        messages.append(line.decode(errors="replace"))
        if (found := _ADDRESS.search(messages[-1])) is not None:
            return found[1]
    raise AssertionError(f"Firefox ended at once: {''.join(messages)}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Read the output, so that the process never blocks on it."""
    assert process.stderr is not None
    async for _line in process.stderr:
        pass
