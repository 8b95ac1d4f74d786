"""Trace one run from the click to the picture, with the page, its session and the gateway in one process.

    python3 -m benchmarks walk

The page is drawn on a screen in memory and *Run* is pressed; requests go through a real gateway to a demo server. The
report lists each function that is on the call stack at one of the `TURNING_POINTS`; a task continues the stack that
started it. A function that is called from another file is a station, any other a step of the station before. The
browser's adapters and `static/js` are not traced. The window's socket stays closed, so only polls end the task.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import aiohttp

from app.browser.fleet import read_fleet
from app.core.model import Fleet
from app.core.ports import Ports
from app.core.ports.http import Request, Response
from app.core.ports.sockets import Connection
from app.session.memory.sandbox import SandboxClock, SandboxRandom, SandboxTransfers, SandboxWindows
from app.session.memory.store import MemoryStore
from app.session.session import Session
from app.ui.kit.i18n import Translator
from app.ui.notices.releases import Releases
from gateway.page import templates
from tests.kit.gateways import open_gateway
from tests.kit.page.stills import Bytes, MemoryScreen, translator, workflows
from tests.kit.services import start_demo

if TYPE_CHECKING:
    from app.ui.page.page import Page

ROOT = Path(__file__).resolve().parents[1]
TRACED = ("app/", "gateway/", "wire/", "benchmarks/walk.py")
ADAPTERS = ("app/session/memory/", "benchmarks/")  # they replace the browser's, and are not stations
STARTERS = ("app/session/state.py::State.spawn", "app/session/timing.py::begin")  # of tasks, whatever they do
ABOUT_RUNS = ("/prompt", "/queue", "/history/", "/view?")
PATIENCE = 30.0  # seconds
TURNING_POINTS = frozenset(
    {
        "app/ui/runs/orders.py::order_of",
        "app/core/balancer.py::choose",
        "app/core/window.py::Window.reserve",
        "app/core/window.py::Window.register_window_task",
        "app/core/window.py::Window.settle",
        "app/session/memory/store.py::MemoryStore.register",
        "app/session/memory/store.py::MemoryStore.update",
        "app/core/comfy.py::submit_request",
        "gateway/http/guard.py::judge",
        "gateway/http/once.py::SentOnce.claim",
        "gateway/http/proxy.py::_Call._exchange",
        "benchmarks/walk.py::GatewayHttp.carry",
        "app/core/comfy.py::read_submit",
        "app/core/truth.py::judge",
        "app/core/comfy.py::read_queue",
        "app/core/comfy.py::read_history",
        "app/core/origin.py::is_of",
        "app/session/memory/blob_store.py::MemoryBlobs.keep_result",
    }
)
LATER_POINTS = {  # these also happen for other reasons: each counts once, after the run has passed another station
    "app/ui/page/redraw.py::RedrawScheduler.follow": "app/session/state.py::State.set_window",
    "app/ui/page/projection.py::project": "app/session/state.py::State.amend",
    "app/ui/page/regions.py::changed_regions": "app/session/state.py::State.amend",
}


@cache
def name_of(code: CodeType) -> str | None:
    """Return `file::function` for a function of the traced folders; None for others, and for comprehensions."""
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT):
        return None
    name = code.co_qualname.replace(".<locals>", "")
    file = path.relative_to(ROOT).as_posix()
    return f"{file}::{name}" if file.startswith(TRACED) and not name.endswith(("comp>", "genexpr>")) else None


@dataclass
class Trace:
    """The calls of one run in order, and the functions that led to its turning points."""

    calls: list[str] = field(default_factory=list)
    steps: dict[str, bool] = field(default_factory=dict)  # by function: whether it was called from another file
    is_on: bool = False
    _later: dict[str, str] = field(default_factory=LATER_POINTS.copy)
    _frames: dict[int, FrameType] = field(default_factory=dict)  # a coroutine enters its frame at each step
    _origins: dict[int, Sequence[str]] = field(default_factory=dict)
    _tasks: list[asyncio.Task[Any]] = field(default_factory=list)  # kept, so that no id is used twice

    def start_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
        """Note what starts a task. A task factory."""
        task = asyncio.Task(coro, loop=loop, **more)
        if self.is_on:
            self._tasks.append(task)
            self._origins[id(task)] = self._stack(inspect.currentframe())
        return task

    def enter(self, frame: FrameType, event: str, _: object) -> None:
        """Note a call. A profile function."""
        if event != "call" or not self.is_on or self._frames.get(id(frame)) is frame:
            return
        if (name := name_of(frame.f_code)) is None:
            return
        self._frames[id(frame)] = frame
        self.calls.append(name)
        if name in TURNING_POINTS or name in self._later:
            stack = self._stack(frame)
            if self._later.get(name, name) in {name, *self.steps, *stack}:
                self._later.pop(name, None)
                for step, before in zip(stack, ("", *stack), strict=False):
                    is_entered = step.partition("::")[0] != before.partition("::")[0]
                    self.steps[step] = self.steps.get(step, False) or is_entered

    def _stack(self, frame: FrameType | None) -> Sequence[str]:
        names = list[str]()
        while frame is not None:
            if (name := name_of(frame.f_code)) is not None and not name.startswith((*ADAPTERS, *STARTERS)):
                names.append(name)
            frame = frame.f_back
        with contextlib.suppress(RuntimeError):
            names += reversed(self._origins.get(id(asyncio.current_task()), ()))
        return names[::-1]


class GatewayHttp:
    """The Http port over a gateway."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self._client, self._url = client, url

    async def send(self, request: Request) -> Response:
        response = await self.fetch(request)
        return replace(response, text=(await response.blob.read()).decode() if response.blob else "", blob=None)

    async def fetch(self, request: Request) -> Response:
        is_about_run = any(part in request.path for part in ABOUT_RUNS)
        return await (self.carry(request) if is_about_run else self._exchange(request))

    async def carry(self, request: Request) -> Response:
        """Send a request about the run: a turning point."""
        return await self._exchange(request)

    async def _exchange(self, request: Request) -> Response:
        headers = {"Origin": self._url} | ({"Content-Type": "application/json"} if request.json is not None else {})
        async with self._client.request(
            request.method, self._url + request.path, data=request.json, headers=headers
        ) as answer:
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Response(answer.status, found, blob=Bytes(await answer.read(), answer.content_type))

    async def upload(self, request: Request, on_progress: Callable[[float], None]) -> Response:
        raise NotImplementedError


class SilentSockets:
    """The Sockets port of a network that answers no handshake."""

    async def open(self, path: str, deadline: float) -> Connection:  # noqa: ARG002 - nothing is opened
        return await asyncio.get_running_loop().create_future()


class FixedFleet:
    """The FleetSource port of a fleet that stays as it is."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def first(self) -> Fleet:
        return self._fleet

    async def changes(self) -> Fleet:
        return await asyncio.get_running_loop().create_future()


async def nothing(*_: object) -> Any:
    return None


async def words(language: str) -> Translator:
    return translator(language)


@contextlib.asynccontextmanager
async def open_page(http: GatewayHttp) -> AsyncIterator[tuple[Page, MemoryScreen]]:
    """Open a page whose session reaches its servers through `http`."""
    templates.update(ROOT)
    from tests.kit.page.whole import make_page  # after the page's templates are compiled

    fleet = read_fleet((await http.send(Request(method="GET", path="/fleet", deadline=PATIENCE))).text)
    ports = Ports(
        http=http,
        transfers=SandboxTransfers(),
        sockets=SilentSockets(),
        store=MemoryStore(),
        windows=SandboxWindows(),
        fleet=FixedFleet(fleet),
        clock=SandboxClock(),
        random=SandboxRandom(),
    )
    session, screen = Session(ports), MemoryScreen()
    page = make_page(
        session,
        screen,
        workflows()[2:3],  # it needs no picture
        arrange=nothing,
        break_server=nothing,
        read_input=nothing,
        releases=Releases(""),
        now=lambda: 0.0,
    )
    await session.start()
    while not session.fleet.servers:  # noqa: ASYNC110 - the session notifies of changes, and not of this one alone
        await asyncio.sleep(0.01)
    await page.start("en")
    try:
        yield page, screen
    finally:
        await session.stop()


async def trace_run() -> Trace:
    """Press Run on a page, and return what was called until its picture was on the screen."""
    trace = Trace()
    asyncio.get_running_loop().set_task_factory(trace.start_task)
    with start_demo("--step-seconds", "0.01") as demo:
        async with open_gateway({"a": demo.url}) as gateway, aiohttp.ClientSession() as client:
            await gateway.first_probe()
            async with open_page(GatewayHttp(client, gateway.url)) as (page, screen):
                sys.setprofile(trace.enter)
                trace.is_on = True
                try:
                    page.actions.act("run", {})
                    async with asyncio.timeout(PATIENCE):
                        while not any("blob:" in str(change.get("regions")) for change in screen.changes):
                            screen.draw()
                            await asyncio.sleep(0.01)
                finally:
                    sys.setprofile(None)
                    trace.is_on = False
    return trace


def lines(trace: Trace) -> Iterator[str]:
    """Yield the report's lines."""
    for name, is_station in trace.steps.items():
        yield name if is_station else f"    {name}"
    files = {name.partition("::")[0] for name in trace.steps}
    yield f"{sum(trace.steps.values())} stations, {len(trace.steps)} functions, {len(files)} files"


def main() -> None:
    """Trace and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    print("\n".join(lines(asyncio.run(trace_run()))))


if __name__ == "__main__":
    main()
