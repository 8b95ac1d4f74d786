"""Chromium, Firefox and WebKit, as installed on this machine, driven through one small interface.

    async with open_engine("webkit", profile) as engine:
        tab = await engine.open(f"{gateway.url}/")
        await tab.until(READY)
        await tab.click("#pick-text")
        await tab.press("Control", "Enter")

Chromium is driven by Playwright, Firefox by WebDriver BiDi, and WebKit by WebDriver: Playwright drives only its own
builds of the other two, and Debian has neither a driver for Firefox nor BiDi for WebKit.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from gateway.platforms import system
from tests import toolchain
from tests.kit.browser.chromium import open_headless_shell
from tests.kit.services import free_ports

NAMES = ("chromium", "firefox", "webkit")
PATIENCE = 120.0  # seconds
_LOOK_SECONDS = 10.0
_LOST_SECONDS = 20.0  # after which a new tab is given up for another
READY = "globalThis.mooring && mooring.ready.then(() => document.body.matches(':not(.is-booting)'))"
Point = tuple[float, float]

_KEYS = {"Control": "\ue009", "Enter": "\ue007", "Escape": "\ue00c"}  # WebDriver's codes
_WEBKIT_HOST = Path(__file__).with_name("webkit_host.py")  # for Debian's Python, which has `gi`
_ENDED = "due to access control checks."  # of a request to its own origin, which a reload has ended
_OPENED = "opened"  # the line that it prints then
_WEBKIT_MESSAGE = re.compile(r"(?:^|: )CONSOLE (?:[A-Z]+ )?(?P<level>LOG|INFO|DEBUG|WARN|ERROR) (?P<text>.*)")
_FIREFOX_ADDRESS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
_FIREFOX_PREFERENCES = {
    "browser.cache.disk.capacity": 65536,  # kB
    "browser.tabs.warnOnClose": False,
    "dom.disable_beforeunload": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class Engine(ABC):
    """A running browser with one profile."""

    name: str

    def __init__(self) -> None:
        self.faults: list[str] = []  # console errors and uncaught errors of all tabs
        self.messages: list[str] = []  # other console messages

    async def open(self, address: str) -> EngineTab:
        """Open a tab at an address, and wait until the page is there, though not for its files."""
        tab = await self.new_tab()
        await tab.go(address)
        await tab.until("location.protocol !== 'about:'")
        return tab

    def take_faults(self) -> list[str]:
        """Return the errors since the last call."""
        taken, self.faults = self.faults, []
        return taken

    @abstractmethod
    async def new_tab(self) -> EngineTab:
        """Open an empty tab."""

    @abstractmethod
    async def tabs(self) -> dict[Any, EngineTab]:
        """Return all tabs, also those that a page has opened."""


class EngineTab(ABC):
    """A tab."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        return json.loads(await self.run(f"JSON.stringify((await ({expression})) ?? null)"))

    async def until(self, expression: str) -> None:
        """Wait until an expression is true, even while the page is being replaced."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    with contextlib.suppress(EngineError):
                        if await self.evaluate(f"Promise.resolve({expression}).then(Boolean)"):
                            return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{expression} is not true in {await self._describe()}") from None

    async def _describe(self) -> str:
        """Return what the page shows, for a test's failure."""
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                page = await self.evaluate("[location.href, document.body.className, document.body.innerText]")
        except (EngineError, TimeoutError) as error:
            page = repr(error)
        return f"{page}; errors: {self.engine.faults}; messages: {self.engine.messages[-20:]}"

    async def click(self, selector: str) -> None:
        """Click an element as soon as it is present and enabled."""
        name = json.dumps(f":is({selector}):not(:disabled)")
        await self.until(f"(() => {{ const it = document.querySelector({name}); it?.click(); return it; }})()")

    async def press_at(self, selector: str) -> None:
        """Press the pointer on an element, which allows what needs a user's gesture."""
        box = f"document.querySelector({json.dumps(selector)})?.getBoundingClientRect()"
        await self.until(f"{box}?.width > 0")
        await self.drag(await self.evaluate(f"(({{ x, y, width, height }}) => [x + width / 2, y + height / 2])({box})"))

    async def duplicate(self) -> EngineTab:
        """Open a tab from this one: it has a copy of the session storage, as a duplicated tab does."""
        return await self.following("window.open(location.href)")

    async def following(self, expression: str) -> EngineTab:
        """Return the tab that an expression opens."""
        before = await self.engine.tabs()
        await self.evaluate(f"void {expression}")
        async with asyncio.timeout(PATIENCE):
            while True:
                for key, tab in (await self.engine.tabs()).items():
                    if key not in before:
                        return tab
                await asyncio.sleep(0.05)

    async def show(self) -> None:  # noqa: B027 - most browsers here show all of them
        """Make the tab the visible one, in a browser that shows one at a time."""

    @abstractmethod
    async def run(self, expression: str) -> str:
        """Return the value of an expression that may await; EngineError if it fails."""

    @abstractmethod
    async def go(self, address: str) -> None:
        """Go to an address, without waiting for the page."""

    @abstractmethod
    async def reload(self) -> None:
        """Reload the page, without waiting for it."""

    @abstractmethod
    async def press(self, *keys: str) -> None:
        """Press keys together."""

    @abstractmethod
    async def type(self, text: str) -> None:
        """Type a text."""

    @abstractmethod
    async def drag(self, *points: Point) -> None:
        """Move the pressed pointer over these points of the window."""

    @abstractmethod
    async def choose(self, selector: str, file: Path) -> None:
        """Choose a file in a file input."""

    @abstractmethod
    async def close(self) -> None:
        """Close the tab."""


class EngineError(Exception):
    """A command failed, or an expression raised."""


@contextlib.asynccontextmanager
async def open_engine(name: str, profile: Path, *, is_private: bool = False) -> AsyncIterator[Engine]:
    """Start a browser with an empty profile, until the block ends; `is_private` starts a private session."""
    opened = {"chromium": _open_chromium, "firefox": _open_firefox, "webkit": _open_webkit}[name]
    async with opened(profile, is_private) as engine:
        yield engine


def missing(name: str) -> str:
    """Return the Debian packages without which this engine cannot be started here; empty if it can."""
    return next((need.packages for need in toolchain.missing() if need.name.lower() == name), "")


# Chromium


class _Chromium(Engine):
    name = "chromium"

    def __init__(self, context: BrowserContext) -> None:
        super().__init__()
        self._context = context
        context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))
        context.on(
            "console", lambda entry: (self.faults if entry.type == "error" else self.messages).append(entry.text)
        )

    async def new_tab(self) -> EngineTab:
        return _ChromiumTab(self, await self._context.new_page())

    async def tabs(self) -> dict[Any, EngineTab]:
        return {page: _ChromiumTab(self, page) for page in self._context.pages}


class _ChromiumTab(EngineTab):
    def __init__(self, engine: Engine, page: Page) -> None:
        super().__init__(engine)
        self._page = page

    async def run(self, expression: str) -> str:
        return str(await self._do(self._page.evaluate(f"async () => {expression}")))

    async def go(self, address: str) -> None:
        await self._page.goto(address, wait_until="commit")

    async def reload(self) -> None:
        await self._page.reload(wait_until="commit")

    async def press(self, *keys: str) -> None:
        await self._page.keyboard.press("+".join(keys))

    async def type(self, text: str) -> None:
        await self._page.keyboard.type(text)

    async def drag(self, *points: Point) -> None:
        await self._page.mouse.move(*points[0])
        await self._page.mouse.down()
        for point in points[1:]:
            await self._page.mouse.move(*point)
        await self._page.mouse.up()

    async def choose(self, selector: str, file: Path) -> None:
        await self._page.set_input_files(selector, file)

    async def close(self) -> None:
        await self._page.close()

    async def _do(self, awaitable: Any) -> Any:
        try:
            return await asyncio.wait_for(awaitable, PATIENCE)
        except PlaywrightError as error:
            raise EngineError(error.message) from error


@contextlib.asynccontextmanager
async def _open_chromium(profile: Path, is_private: bool) -> AsyncIterator[Engine]:
    async with open_headless_shell(profile=None if is_private else profile) as opened:
        yield _Chromium(await opened.new_context() if is_private else opened)


# WebDriver, in both of its forms


class _DriverTab(EngineTab):
    """A tab whose keys and pointer are WebDriver's actions."""

    @abstractmethod
    async def perform(self, source: dict[str, Any]) -> None:
        """Perform the actions of one input source."""

    async def press(self, *keys: str) -> None:
        codes = [_KEYS.get(key, key) for key in keys]
        await self._keys([("keyDown", code) for code in codes] + [("keyUp", code) for code in reversed(codes)])

    async def type(self, text: str) -> None:
        await self._keys([(kind, letter) for letter in text for kind in ("keyDown", "keyUp")])

    async def drag(self, *points: Point) -> None:
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y)} for x, y in points]
        press, release = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        actions = [moves[0], press, *moves[1:], release]
        await self.perform(
            {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        )

    async def _keys(self, strokes: Sequence[tuple[str, str]]) -> None:
        actions = [{"type": kind, "value": code} for kind, code in strokes]
        await self.perform({"type": "key", "id": "keys", "actions": actions})


# Firefox


class _Firefox(Engine):
    name = "firefox"

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        super().__init__()
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def new_tab(self) -> EngineTab:
        return _FirefoxTab(self, (await self.send("browsingContext.create", type="tab"))["context"])

    async def tabs(self) -> dict[Any, EngineTab]:
        tree = await self.send("browsingContext.getTree", maxDepth=0)
        return {found["context"]: _FirefoxTab(self, found["context"]) for found in tree["contexts"]}

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command, and return its result."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        return await asyncio.wait_for(waiting, PATIENCE)

    async def listen(self) -> None:
        """Take answers and events until the connection ends."""
        async for message in self._socket:
            content = json.loads(message.data)
            waiting = self._waiting.pop(content.get("id"), None)
            if waiting is not None and not waiting.done():
                if content["type"] == "success":
                    waiting.set_result(content["result"])
                else:
                    waiting.set_exception(EngineError(f"{content['error']}: {content['message']}"))
            elif content.get("method") == "log.entryAdded":
                entry = content["params"]
                (self.faults if entry["level"] == "error" else self.messages).append(str(entry["text"]))


class _FirefoxTab(_DriverTab):
    def __init__(self, engine: _Firefox, context: str) -> None:
        super().__init__(engine)
        self._send, self._context = engine.send, context

    async def run(self, expression: str) -> str:
        return str((await self._evaluate(f"(async () => {expression})()"))["value"])

    async def go(self, address: str) -> None:
        await self._send("browsingContext.navigate", context=self._context, url=address, wait="none")

    async def reload(self) -> None:
        await self._send("browsingContext.reload", context=self._context, wait="none")

    async def show(self) -> None:
        await self._send("browsingContext.activate", context=self._context)

    async def perform(self, source: dict[str, Any]) -> None:
        await self._send("input.performActions", context=self._context, actions=[source])

    async def choose(self, selector: str, file: Path) -> None:
        found = await self._evaluate(f"document.querySelector({json.dumps(selector)})")
        element = {"sharedId": found["sharedId"]}
        await self._send("input.setFiles", context=self._context, element=element, files=[str(file)])

    async def close(self) -> None:
        await self._send("browsingContext.close", context=self._context)

    async def _evaluate(self, expression: str) -> dict[str, Any]:
        found = await self._send(
            "script.evaluate",
            expression=expression,
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        if found["type"] != "success":
            raise EngineError(found["exceptionDetails"]["text"])
        return dict(found["result"])


@contextlib.asynccontextmanager
async def _open_firefox(profile: Path, is_private: bool) -> AsyncIterator[Engine]:
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    assert path is not None, "asked before"
    preferences = {**_FIREFOX_PREFERENCES, "browser.privatebrowsing.autostart": is_private}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")
    flags = ("--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0", "about:blank")
    async with run_program(path, *flags, HOME=str(profile), MOZ_HEADLESS="1") as lines:
        address = (await first_line(lines, _FIREFOX_ADDRESS))[1]
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address}/session", max_msg_size=0) as socket,
        ):
            firefox = _Firefox(socket)
            async with background(firefox.listen()), background(drain(lines)):
                await firefox.send("session.new", capabilities={})
                await firefox.send("session.subscribe", events=["log.entryAdded"])
                yield firefox


# WebKit


class _WebKit(Engine):
    """A session of WebKitWebDriver. A command goes to its current window, so commands to tabs pass one at a time."""

    name = "webkit"

    def __init__(self, client: aiohttp.ClientSession, address: str) -> None:
        super().__init__()
        self._client, self._address = client, address
        self._lock = asyncio.Lock()
        self._current = ""
        self.has_opened = asyncio.Event()  # the first page of the latest tab is there

    async def open(self, address: str) -> EngineTab:
        # A new tab can stay empty on a loaded machine, also by a script that runs before its page, and whatever is
        # asked of it then: another takes its place.
        self.has_opened.clear()
        async with asyncio.timeout(PATIENCE):
            while True:
                tab = await self.new_tab()
                await tab.go(address)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.has_opened.wait(), _LOST_SECONDS)
                    return tab
                await tab.close()

    async def new_tab(self) -> EngineTab:
        # The session ends with its last window, so its first one stays open.
        found = await self.send_to(next(iter(await self.tabs())), "POST", "window/new", {"type": "tab"})
        return _WebKitTab(self, found["handle"])

    async def tabs(self) -> dict[Any, EngineTab]:
        return {handle: _WebKitTab(self, handle) for handle in await self.send("GET", "window/handles")}

    async def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a command, and return its value."""
        async with self._client.request(method, f"{self._address}/{path}", json=body) as answer:
            value = (await answer.json(content_type=None))["value"]
            if answer.status != 200:
                raise EngineError(f"{value['error']}: {value['message']}")
            return value

    async def send_to(self, handle: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a command to a window, and return its value."""
        async with self._lock:
            if self._current != handle:
                await self.send("POST", "window", {"handle": handle})
                self._current = handle
            return await self.send(method, path, body)

    async def listen(self, lines: AsyncIterator[str]) -> None:
        """Take the lines that the window prints, until the process ends."""
        async for line in lines:
            if line == _OPENED:
                self.has_opened.set()
            elif found := _WEBKIT_MESSAGE.search(line):
                is_fault = found["level"] == "ERROR" and not found["text"].endswith(_ENDED)
                (self.faults if is_fault else self.messages).append(found["text"])


class _WebKitTab(_DriverTab):
    def __init__(self, engine: _WebKit, handle: str) -> None:
        super().__init__(engine)
        self._driver, self._handle = engine, handle

    async def run(self, expression: str) -> str:
        script = (
            f"(async () => {expression})()"
            ".then((value) => arguments[0]([value]), (error) => arguments[0](`${error}`))"
        )
        found = await self._post("execute/async", script=script, args=[])
        if not isinstance(found, list):
            raise EngineError(found)
        return str(found[0])

    async def go(self, address: str) -> None:
        await self._post("url", url=address)

    async def following(self, expression: str) -> EngineTab:
        self._driver.has_opened.clear()  # as in `open`
        tab = await super().following(expression)
        await asyncio.wait_for(self._driver.has_opened.wait(), PATIENCE)
        return tab

    async def reload(self) -> None:
        await self._post("refresh")

    async def perform(self, source: dict[str, Any]) -> None:
        await self._post("actions", actions=[source])

    async def choose(self, selector: str, file: Path) -> None:
        found = await self._post("element", using="css selector", value=selector)
        (element,) = found.values()
        await self._post(f"element/{element}/value", text=str(file))

    async def close(self) -> None:
        await self._driver.send_to(self._handle, "DELETE", "window")

    async def _post(self, path: str, **body: Any) -> Any:
        return await self._driver.send_to(self._handle, "POST", path, body)


@contextlib.asynccontextmanager
async def _open_webkit(profile: Path, is_private: bool) -> AsyncIterator[Engine]:
    screen = ("Xvfb", "-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp")
    async with run_program(*screen) as screen_lines:
        display = (await first_line(screen_lines, re.compile(r"^\d+$")))[0]
        port = free_ports()
        environment = {
            "DISPLAY": f":{display}",
            "HOME": str(profile),
            "MOORING_PROFILE": "" if is_private else str(profile),
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # the sandbox does not start as root
            "WEBKIT_SKIA_ENABLE_CPU_RENDERING": "1",  # Xvfb has no graphics card: OpenGL takes more
        }
        address = f"http://127.0.0.1:{port}/session"
        async with (
            run_program("WebKitWebDriver", f"--port={port}", "--host=127.0.0.1", **environment) as lines,
            aiohttp.ClientSession() as client,
        ):
            session_id = await _webkit_session(client, address)
            webkit = _WebKit(client, f"{address}/{session_id}")
            async with background(webkit.listen(lines)):
                await webkit.send("POST", "timeouts", {"script": round(PATIENCE * 1000)})
                yield webkit
                await webkit.send("DELETE", "")


async def _webkit_session(client: aiohttp.ClientSession, address: str) -> str:
    """Begin a session as soon as the driver accepts connections."""
    wanted = {
        "pageLoadStrategy": "none",
        "unhandledPromptBehavior": "accept",
        "webkitgtk:browserOptions": {"binary": "/usr/bin/python3", "args": [str(_WEBKIT_HOST)]},
    }
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                async with client.post(address, json={"capabilities": {"alwaysMatch": wanted}}) as answer:
                    value = (await answer.json(content_type=None))["value"]
                    assert answer.status == 200, value
                    return str(value["sessionId"])
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)


# Processes


@contextlib.asynccontextmanager
async def run_program(*command: str, **environment: str) -> AsyncIterator[AsyncIterator[str]]:
    """Start a program with its children, until the block ends; yield the lines that they print."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environment},
        limit=2**20,
        **system.OWN_GROUP,
    )
    try:
        yield _lines(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            system.kill_group(process)
        await process.wait()


async def _lines(process: asyncio.subprocess.Process) -> AsyncIterator[str]:
    assert process.stdout is not None
    async for line in process.stdout:
        yield line.decode(errors="replace").rstrip()


async def first_line(lines: AsyncIterator[str], pattern: re.Pattern[str]) -> re.Match[str]:
    """Return the first match in these lines."""
    seen = []
    async with asyncio.timeout(PATIENCE):
        async for line in lines:
            seen.append(line)
            if found := pattern.search(line):
                return found
    raise AssertionError("the browser ended at once:\n" + "\n".join(seen))


@contextlib.asynccontextmanager
async def background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a coroutine until the block ends."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def drain(lines: AsyncIterator[str]) -> None:
    """Read what a process prints, so that it never blocks on it."""
    async for _line in lines:
        pass
