"""A Chromium that is driven by the DevTools protocol alone: one that Playwright drives loads no page ahead.

async with open_bare_chromium(profile, f"{gateway.url}/") as chromium:
    first = await chromium.page()
    await first.until("document.body.matches(':not(.is-booting)')")
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from tests.kit.browser.chromium import FLAGS, chromium_path
from tests.kit.browser.engines import PATIENCE, EngineError, background, drain, first_line, run_program

# Whether an element is there, and at the same place in the next frame but one.
_STANDS = """new Promise((resolve) => {{
  const box = {box};
  const compare = () => resolve(box?.width > 0 && JSON.stringify(box) === JSON.stringify({box}));
  requestAnimationFrame(() => requestAnimationFrame(compare));
}})"""
T = TypeVar("T")
_ADDRESS = re.compile(r"DevTools listening on (ws://\S+)")


class BareTab:
    """One page, or one that is loaded ahead."""

    def __init__(self, chromium: BareChromium, target: str, session: str) -> None:
        self.target = target
        self._chromium = chromium
        self._session = session

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._chromium.call(method, parameters, self._session)

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise EngineError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression is true, even while the page is being replaced."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(EngineError):
                    if await self.evaluate(expression):
                        return
                await asyncio.sleep(0.1)

    async def point_at(self, selector: str) -> tuple[float, float]:
        """Move the pointer onto an element, and return where it is."""
        box = f"document.querySelector({json.dumps(selector)})?.getBoundingClientRect()"
        await self.until(_STANDS.format(box=box))
        x, y = await self.evaluate(f"(({{ x, y, width, height }}) => [x + width / 2, y + height / 2])({box})")
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        return x, y

    async def click(self, selector: str) -> None:
        """Click an element with the mouse."""
        x, y = await self.point_at(selector)
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


class BareChromium:
    """A browser with a profile, and the connection to it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._attached: dict[
            str, BareTab
        ] = {}  # pages of the first tab by their session: its own, and one loaded ahead
        self.first: BareTab

    async def listen(self) -> None:
        """Take answers and events until the connection ends."""
        async for message in self._socket:
            content = json.loads(message.data)
            facts = content.get("params", {})
            if waiting := self._answers.pop(content.get("id", 0), None):
                waiting.set_result(content)
            elif content.get("method") == "Target.attachedToTarget" and facts["targetInfo"]["type"] == "page":
                session = facts["sessionId"]
                self._attached[session] = BareTab(self, facts["targetInfo"]["targetId"], session)
            elif content.get("method") == "Target.detachedFromTarget":
                self._attached.pop(facts["sessionId"], None)

    async def begin(self) -> None:
        """Attach to the first tab, not to its page: else the browser loads nothing ahead."""
        tab = await self._attach(await self._found(lambda: self._target("tab")))
        await self.call(
            "Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": True}, tab
        )
        self.first = await self._found(self._own)

    async def call(self, method: str, parameters: dict[str, Any], session: str = "") -> dict[str, Any]:
        """Send a command, and return its result."""
        number = next(self._numbers)
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json(message | ({"sessionId": session} if session else {}))
        answer = await asyncio.wait_for(waiting, PATIENCE)
        if "error" in answer:
            raise EngineError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])

    async def ahead(self) -> BareTab:
        """Return the page that is loaded ahead, as soon as there is one."""
        return await self._found(self._ahead)

    async def dropped(self) -> None:
        """Wait until no page is loaded ahead."""

        async def is_gone() -> bool | None:
            return await self._ahead() is None or None

        await self._found(is_gone)

    async def opened(self, ahead: BareTab | None = None) -> BareTab:
        """Return that page, as soon as it is open; without one, the page beside the first."""
        target = await self._found(lambda: self._target("page", "" if ahead is None else ahead.target))
        return BareTab(self, target, await self._attach(target))

    async def _own(self) -> BareTab | None:
        return next(iter(self._attached.values()), None)

    async def _ahead(self) -> BareTab | None:
        return next((tab for tab in self._attached.values() if tab is not self.first), None)

    async def _attach(self, target: str) -> str:
        return str((await self.call("Target.attachToTarget", {"targetId": target, "flatten": True}))["sessionId"])

    async def _target(self, kind: str, name: str = "") -> str | None:
        """Return a target's id, if it is there: that one, or any but the first page's."""
        for found in (await self.call("Target.getTargets", {"filter": [{"type": kind}]}))["targetInfos"]:
            target = str(found["targetId"])
            is_other = not hasattr(self, "first") or target != self.first.target
            if found["url"].startswith("http") and (target == name if name else is_other):
                return target
        return None

    async def _found(self, look: Callable[[], Awaitable[T | None]]) -> T:
        async with asyncio.timeout(PATIENCE):
            while True:
                if (found := await look()) is not None:
                    return found
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def open_bare_chromium(profile: Path, address: str) -> AsyncIterator[BareChromium]:
    """Start Chromium with a page at an address."""
    path = chromium_path()
    assert path is not None, "the suite has installed one"
    flags = (*FLAGS, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", address)
    async with run_program(path, *flags) as lines:
        control = (await first_line(lines, _ADDRESS))[1]
        async with aiohttp.ClientSession() as session, session.ws_connect(control, max_msg_size=0) as socket:
            chromium = BareChromium(socket)
            async with background(chromium.listen()), background(drain(lines)):
                await chromium.begin()
                yield chromium
