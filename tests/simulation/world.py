"""A browser with tabs, a few servers behind a gateway, and a user; `life.py` runs it.

    world = World(loop, seed)
    page = world.open()
    click = world.click(page, workflow)

All promises are checked while it runs (`promises.py`); `broken` lists violations. The same seed gives the same world,
to the last line of its trace.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.core.errors import MooringError
from app.core.model import PromptId, ServerId, WindowId
from app.core.ports import Ports
from app.core.presses import read_presses
from app.core.window import Window
from app.core.workflow import ApiWorkflow
from app.session import Picked, Session
from app.session.memory.private import private_ports
from app.session.waiting.worker import WindowWorker
from tests.simulation.browser import (
    PRESSES,
    Browser,
    LoopClock,
    PageLife,
    SeededRandom,
    Tab,
    TabPressMemory,
    TabTransfers,
    TabWindows,
)
from tests.simulation.early import carry_out
from tests.simulation.editor import editor_of
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Network, Weather, home_of
from tests.simulation.orders import Wanted, a_picture, a_workflow
from tests.simulation.promises import Promises
from tests.simulation.server import NEW, OLD, SimServer
from tests.simulation.store import Bytes, SimDatabase, SimPageBlobs, SimStore
from tests.simulation.tally import Tally
from tests.simulation.transport import SimFleet, SimHttp, SimSockets

START = "start"


class ErrorLog(logging.Handler):
    """Records every error that a session or the loop logs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if "playwright" not in line:  # of an earlier test's page that closed during a request
            self.errors.append(line)


class PromiseBroken(AssertionError):
    """An invariant did not hold."""


@dataclass
class Page:
    """A page load: a tab, its life and its session."""

    tab: Tab
    life: PageLife
    sockets: SimSockets
    session: Session

    @property
    def own(self) -> WindowWorker:
        """What sends from the session's own window."""
        return self.session.workers[0]

    @property
    def others(self) -> tuple[WindowWorker, ...]:
        """What sends from its other windows."""
        return self.session.workers[1:]

    @property
    def windows(self) -> tuple[Window, ...]:
        """The aggregates of all its windows that have read their records."""
        return self.session.windows

    def worker_of(self, prompt_id: PromptId) -> WindowWorker | None:
        """Return the worker of the window that has a task."""
        return next((item for item in self.session.workers if item.has_task(prompt_id)), None)

    @property
    def window(self) -> Window | None:
        """The aggregate, once the page has read its records."""
        window = self.session.window
        return window if isinstance(window, Window) else None

    @property
    def is_awake(self) -> bool:
        """Whether it can act now."""
        return self.life.is_alive and not self.life.is_frozen


@dataclass
class Click:
    """A click on Run, and its outcome."""

    page: Page
    prompt_id: PromptId | None = None
    error: str = ""
    is_returned: bool = False


@dataclass
class UserRequests:
    """What the user has requested, by prompt_id: no verdict may claim more."""

    cancelled: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)  # waiting runs
    clearing: Counter[str] = field(default_factory=Counter)  # windows whose line is being cleared


@dataclass
class World:
    """The browser, the servers, the user, and the record of everything."""

    loop: VirtualLoop
    seed: int
    servers: int = 3
    has_locks: bool = True
    weather: Weather = field(init=False)
    trace: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.weather = Weather(random.Random(self.seed + 1))
        versions = itertools.cycle((OLD, NEW))
        names = [ServerId(f"gpu-{i}") for i in range(1, self.servers + 1)]
        self.sims = {
            ServerId(name): SimServer(name, version=version) for name, version in zip(names, versions, strict=False)
        }
        self.network = Network(self.sims, self.weather)
        self.stood_at = {home_of(server_id): [sim] for server_id, sim in self.sims.items()}  # by address
        self.database = SimDatabase()
        self.browser = Browser(self.has_locks)
        self.pages: list[Page] = []
        self.graveyard: list[Page] = []
        self.away: list[Tab] = []  # tabs without a page, to which the user may return
        self.clicks: list[Click] = []
        self.requested = UserRequests()
        self.presses: dict[str, Wanted] = {}  # of Run, before a page was up, by the prompt_id of their run
        self.interrupted: dict[str, Tab] = {}  # presses whose page was reloaded or crashed, and must not be lost
        self.posted: Counter[str] = Counter()
        self.bindings: dict[str, tuple[str, str]] = {}
        self.workers: dict[str, asyncio.Task[None]] = {}
        self.promises = Promises(self)
        self._busy: set[asyncio.Task[None]] = set()
        for machine in self.machines:
            self.power(machine)

    @property
    def machines(self) -> list[SimServer]:
        """All machines, including earlier ones."""
        return [machine for machines in self.stood_at.values() for machine in machines]

    def has_dead_executor(self, machine: SimServer) -> bool:
        """Return whether its worker has ended or has been asked to end."""
        worker = self.workers[machine.name]
        return worker.done() or worker.cancelling() > 0

    def power(self, machine: SimServer) -> None:
        """Run its worker, or start another one if it has died."""
        if machine.name not in self.workers or self.has_dead_executor(machine):
            self.workers[machine.name] = asyncio.ensure_future(machine.run())

    def note(self, text: str) -> None:
        """Add a line to the trace; the same seed writes the same lines."""
        self.trace.append(f"{self.loop.time() - 1_000_000:9.3f} {text}")

    @property
    def digest(self) -> str:
        """Return a short digest of the trace."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]

    def fail(self, text: str) -> None:
        """Record a broken promise."""
        self.note(f"BROKEN {text}")
        self.broken.append(text)

    def spawn(self, work: Awaitable[object], name: str = "") -> None:
        """Run in the background. Errors of Mooring are recorded, not raised, since a refusal is a valid outcome."""

        async def attempt() -> None:
            try:
                await work
            except MooringError as error:
                self.note(f"{name}: {error!r}")
                if name == START:
                    self.fail(f"a page did not start: {error!r}")

        task = asyncio.ensure_future(attempt())
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        """Call a function after this many seconds."""
        self.loop.call_later(seconds, act)

    # Pages

    def open(self, tab: Tab | None = None) -> Page:
        """Load the page in a tab, or in a new one."""
        tab = tab or Tab(self.browser)
        life = PageLife(self.loop, random.Random(self.chance.getrandbits(64)))
        sockets = SimSockets(self.network, life)
        ports = self._ports(tab, life, sockets)
        session = Session(ports)
        page = Page(tab, life, sockets, session)
        sockets.on_open.append(lambda server_id, client_id: self.promises.socket_opens(page, server_id, client_id))
        self.pages.append(page)
        self.spawn(self._start(page), START)
        return page

    async def _start(self, page: Page) -> None:
        await page.session.start()
        self.spawn(carry_out(self, page), "early presses")

    def _ports(self, tab: Tab, life: PageLife, sockets: SimSockets) -> Ports:
        store = SimStore(self.database, life.lag)
        ports = Ports(
            http=SimHttp(self.network, life),
            transfers=TabTransfers(self.browser, life),
            sockets=sockets,
            store=store,
            past=store,
            windows=TabWindows(tab, life),
            fleet=SimFleet(self.network, life),
            clock=LoopClock(life, tab.browser),
            random=SeededRandom(life),
            presses=TabPressMemory(tab, life),
        )
        return private_ports(ports, SimPageBlobs()) if tab.is_private else ports

    def leave(self, page: Page, *, crashed: bool) -> Tab:
        """End a page load: it is frozen, its sockets are closed by the browser, its lock is free."""
        self.note(f"{'crash' if crashed else 'leave'} {page.tab.window_id}")
        page.life.is_alive = False
        for window_id in page.tab.ids:
            self.browser.cached.pop(window_id, None)
        page.tab.leave(crashed=crashed)
        if crashed and self.chance.random() < 0.5:  # the browser may not have written it
            for press in read_presses(page.tab.storage.pop(PRESSES, "")):
                self.interrupted.pop(press.prompt_id, None)
        page.sockets.vanish()
        self.pages.remove(page)
        self.graveyard.append(page)
        return page.tab

    def reload(self, page: Page, *, crashed: bool = False) -> Page:
        """Reload the tab."""
        return self.open(self.leave(page, crashed=crashed))

    def page_of(self, owner: WindowId | str) -> Page | None:
        """Return the living page of a window."""
        return next((page for page in self.pages if owner in page.tab.ids and page.life.is_alive), None)

    def remove_evicted(self) -> None:
        """Remove pages that the browser evicted from its cache; the user may return to their tabs."""
        for page in [page for page in self.pages if not page.life.is_alive]:
            page.tab.forget()
            self.pages.remove(page)
            self.graveyard.append(page)
            self.away.append(page.tab)

    # The user

    def click(self, page: Page, workflow: ApiWorkflow, picture: bytes | None = None) -> Click:
        """Press Run, and record the outcome."""
        click = self.new_click(page)
        self.spawn(self.follow(click, self._run(page, workflow, picture)))
        return click

    def interrupt(self, page: Page, prompt_id: PromptId, *, crashed: bool) -> None:
        """Reload or crash a page after a press of Run, which the tab has until the store has it.

        A crash loses what only the tab has if the browser has not written it (`leave`). A private window keeps
        nothing else.
        """
        noted = [press.prompt_id for press in read_presses(page.tab.storage.get(PRESSES, ""))]
        if prompt_id in noted and not page.tab.is_private:
            self.interrupted[prompt_id] = page.tab
        self.tally.counts["interrupted presses"] += 1
        self.note(f"press {prompt_id[:8]} is interrupted in {page.tab.window_id}")
        self.reload(page, crashed=crashed)

    async def click_and_follow(
        self,
        page: Page,
        workflow: ApiWorkflow,
        picture: bytes | None,
        prompt_id: PromptId,
        *,
        server_id: ServerId | None = None,
    ) -> None:
        """Press Run, or *Run on* this server, for the run of this prompt_id, and wait for the outcome."""
        await self.follow(self.new_click(page), self._run(page, workflow, picture, prompt_id, server_id))

    def _run(
        self,
        page: Page,
        workflow: ApiWorkflow,
        picture: bytes | None,
        prompt_id: PromptId | None = None,
        server_id: ServerId | None = None,
    ) -> Awaitable[PromptId]:
        return page.session.run(
            workflow,
            title="sim",
            inputs={("1", "image"): Picked(self.blob(picture), "photo.png")} if picture else {},
            server_id=server_id,
            editor=editor_of(workflow),
            prompt_id=prompt_id,
            is_apart=server_id is not None,
        )

    def new_click(self, page: Page) -> Click:
        """Add a click, which needs an outcome."""
        click = Click(page)
        self.clicks.append(click)
        return click

    def blob(self, data: bytes) -> Bytes:
        """Return a picture that the user picked."""
        return Bytes(data, "image/png")

    async def follow(self, click: Click, run: Awaitable[PromptId]) -> None:
        """Record the outcome of a click."""
        try:
            click.prompt_id = await run
        except MooringError as error:
            click.error = repr(error)
        click.is_returned = True
        self.note(f"run {click.page.tab.window_id}: {click.prompt_id or click.error}")


__all__ = ["Click", "ErrorLog", "Page", "PromiseBroken", "World", "a_picture", "a_workflow"]
