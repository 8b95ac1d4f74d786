"""A browser with tabs, a few servers, a person who clicks, and everything that breaks; the promises are invariants.

    world = run(lambda loop: World(loop, seed).live(seconds=120), seed)

The invariants are checked after every commit of the store and before every request reaches a server. A broken one, or
an error in the background of a session, raises `PromiseBroken` at the end of the run, with the trace of what happened.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from app.core.errors import MooringError
from app.core.model import PromptId, ServerId, Task, TaskState, WindowId
from app.core.ports import Ports
from app.core.window import Window
from app.core.workflow import ApiWorkflow, parse_workflow
from app.session import Picked, Session
from tests.simulation.browser import Browser, Life, LoopClock, SeededRandom, Tab, TabWindows
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Network, Weather
from tests.simulation.server import SimServer
from tests.simulation.store import Bytes, Database, MemoryStore
from tests.simulation.transport import SimFleet, SimHttp, SimSockets

QUIET_LIMIT = 900.0  # virtual seconds in which everything must come to rest once nothing breaks any more


class Overheard(logging.Handler):
    """Every error that a session or the loop logs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.errors.append(self.format(record))


class PromiseBroken(AssertionError):
    """An invariant did not hold."""


@dataclass
class Page:
    """One page load: a tab, its life and its session."""

    tab: Tab
    life: Life
    sockets: SimSockets
    session: Session


@dataclass
class Click:
    """What the person did and was told."""

    page: Page
    prompt_id: PromptId | None = None
    error: str = ""
    is_returned: bool = False


@dataclass
class World:
    """See the module."""

    loop: VirtualLoop
    seed: int
    servers: int = 3
    has_locks: bool = True
    weather: Weather = field(init=False)
    trace: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.weather = Weather(random.Random(self.seed + 1))
        self.sims = {ServerId(f"gpu-{i}"): SimServer(f"gpu-{i}") for i in range(1, self.servers + 1)}
        self.network = Network(self.sims, self.weather)
        self.network.on_request.append(self._check_request)
        self.database = Database()
        self.database.watchers.append(self._check_store)
        self.browser = Browser(self.has_locks)
        self.pages: list[Page] = []
        self.graveyard: list[Page] = []
        self.clicks: list[Click] = []
        self.posted: Counter[str] = Counter()
        self.bindings: dict[str, tuple[str, str]] = {}
        self.restarted: set[ServerId] = set()
        self._executors = [asyncio.ensure_future(server.run()) for server in self.sims.values()]
        self._starting: set[asyncio.Task[None]] = set()

    def note(self, text: str) -> None:
        """One line of the trace; the same seed writes the same lines."""
        self.trace.append(f"{self.loop.time() - 1_000_000:9.3f} {text}")

    # Pages

    def open(self, tab: Tab | None = None) -> Page:
        """Load the page in a tab, a new one if none is given."""
        tab = tab or Tab(self.browser)
        life = Life(self.loop, random.Random(self.chance.getrandbits(64)))
        sockets = SimSockets(self.network, life)
        ports = Ports(
            http=SimHttp(self.network, life),
            sockets=sockets,
            store=MemoryStore(self.database, life.lag),
            windows=TabWindows(tab, life),
            fleet=SimFleet(self.network, life),
            clock=LoopClock(life, tab.browser),
            random=SeededRandom(life),
        )
        page = Page(tab, life, sockets, Session(ports))
        self.pages.append(page)
        self._start(page)
        return page

    def _start(self, page: Page) -> None:
        task = asyncio.ensure_future(page.session.start())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    def leave(self, page: Page, *, crashed: bool) -> Tab:
        """End a page load: it is frozen, its sockets are closed by the browser, its lock is free."""
        self.note(f"{'crash' if crashed else 'leave'} {page.tab.window_id}")
        page.life.is_alive = False
        page.tab.leave(crashed=crashed)
        page.sockets.vanish()
        self.pages.remove(page)
        self.graveyard.append(page)
        return page.tab

    def reload(self, page: Page, *, crashed: bool = False) -> Page:
        """The same tab, loaded again."""
        return self.open(self.leave(page, crashed=crashed))

    # The person

    def click(self, page: Page, workflow: ApiWorkflow, picture: bytes | None = None) -> Click:
        """Press Run, and remember what came of it."""
        click = Click(page)
        self.clicks.append(click)
        inputs = {("1", "image"): Picked(Bytes(picture, "image/png"), "photo.png")} if picture else {}

        async def work() -> None:
            try:
                click.prompt_id = await page.session.run(workflow, title="sim", inputs=inputs)
            except MooringError as error:
                click.error = repr(error)
            click.is_returned = True
            self.note(f"run {page.tab.window_id}: {click.prompt_id or click.error}")

        task = asyncio.ensure_future(work())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)
        return click

    async def settle(self) -> None:
        """Let everything come to rest: all servers up, nothing breaks any more, every task of a living window ended."""
        self.weather.calm()
        self.database.fail_next, self.database.is_blocked = 0, False
        for server in self.sims.values():
            server.is_down = server.is_forgetful = False
            server.awake.set()
        for page in self.pages:
            page.session.wake("settle")
        deadline = self.loop.time() + QUIET_LIMIT
        while not self._is_quiet():
            if self.loop.time() > deadline:
                self.fail("nothing comes to rest: " + "; ".join(self._restless()))
                break
            await asyncio.sleep(1.0)

    def _restless(self) -> list[str]:
        return [
            f"{task.prompt_id} {task.shown_state} on {task.server_id}"
            for page in self.pages
            if isinstance(page.session.window, Window)
            for task in page.session.window.tasks.values()
            if not task.is_delivered
        ] + [f"{page.tab.window_id} {run.stage}" for page in self.pages for run in page.session.runs if not run.error]

    def _is_quiet(self) -> bool:
        servers = all(not server.heap and server.running is None for server in self.sims.values())
        restored = all(isinstance(page.session.window, Window) for page in self.pages)
        clicks = all(click.is_returned or not click.page.life.is_alive for click in self.clicks)
        return servers and restored and clicks and not self._restless()

    # The invariants

    def fail(self, text: str) -> None:
        """Remember a broken promise."""
        self.note(f"BROKEN {text}")
        self.broken.append(text)

    def _check_store(self) -> None:
        tasks = self.database.all_tasks()
        held: dict[WindowId, set[tuple[str, str]]] = {}
        for task in tasks:
            bound = (task.server_id, task.address)
            if self.bindings.setdefault(task.prompt_id, bound) != bound:
                self.fail(f"promise 2: {task.prompt_id} was moved to {bound}")
            if task.holds_window:
                held.setdefault(task.owner, set()).add(bound)
        for item in self.database.all_reservations():
            held.setdefault(item.window_id, set()).add((item.server_id, item.address))
        for owner, places in held.items():
            if len(places) > 1:
                self.fail(f"promise 1: window {owner} holds {sorted(places)}")

    def _check_request(self, server_id: ServerId, method: str, path: str, body: bytes) -> None:
        self.note(f"{method} {server_id}{path.split('?', maxsplit=1)[0]}")
        if method == "POST" and path.startswith("/prompt"):
            self._check_submit(server_id, json.loads(body))
        if path.startswith("/history/"):
            self._check_place(server_id, PromptId(path.removeprefix("/history/").split("?")[0]), "history")
        if method == "POST" and path.startswith(("/queue", "/interrupt")):
            message = json.loads(body)
            for prompt_id in message.get("delete") or [message.get("prompt_id")]:
                self._check_place(server_id, prompt_id, "cancel")

    def _check_place(self, server_id: ServerId, prompt_id: PromptId, operation: str) -> None:
        bound = self.bindings.get(prompt_id)
        if bound is None or bound[0] != server_id:
            self.fail(f"promise 2: {operation} of {prompt_id} at {server_id}, bound to {bound}")

    def _check_submit(self, server_id: ServerId, message: dict[str, object]) -> None:
        prompt_id = str(message["prompt_id"])
        self.posted[prompt_id] += 1
        if self.posted[prompt_id] > 1:
            self.fail(f"promise 5: {prompt_id} was posted {self.posted[prompt_id]} times")
        if prompt_id not in self.database.tasks:
            self.fail(f"promise 5: {prompt_id} was posted before it was durable")
        self._check_place(server_id, PromptId(prompt_id), "submit")

    def check_end(self) -> None:
        """What must hold once everything has come to rest."""
        self._check_runs()
        self._check_clicks()
        self._check_identity()
        if self.broken:
            raise PromiseBroken("\n".join([f"seed {self.seed}", *self.broken, "", *self.trace[-120:]]))

    def _check_runs(self) -> None:
        runs = Counter(prompt_id for server in self.sims.values() for prompt_id in server.ran)
        for prompt_id, count in runs.items():
            if count > 1:
                self.fail(f"promise 5: {prompt_id} ran {count} times")
        for task in self.database.all_tasks():
            self._check_verdict(task, runs[task.prompt_id])

    def _check_verdict(self, task: Task, runs: int) -> None:
        really = self.sims[task.server_id].finished.get(task.prompt_id)
        elsewhere = [sid for sid, sim in self.sims.items() if sid != task.server_id and task.prompt_id in sim.ran]
        if elsewhere:
            self.fail(f"promise 1: {task.prompt_id} ran on {elsewhere}, bound to {task.server_id}")
        match task.state:
            case TaskState.SUCCEEDED if really != "success":
                self.fail(f"{task.prompt_id} is told as success, really {really}")
            case TaskState.FAILED if runs and really == "success":
                self.fail(f"{task.prompt_id} is told as failed, really {really}")
            case TaskState.LOST if really is not None and task.server_id not in self.restarted:
                self.fail(f"promise 6: {task.prompt_id} is told as lost, really {really}")

    def _check_clicks(self) -> None:
        for click in self.clicks:
            if not click.page.life.is_alive or (click.is_returned and click.error):
                continue  # a page that died before it registered took its click with it; an error was told
            if click.prompt_id is None or click.prompt_id not in self.database.tasks:
                self.fail(f"promise 5: a click was not told: {click.prompt_id} {click.error}")

    def _check_identity(self) -> None:
        ids = [page.tab.window_id for page in self.pages]
        if len(set(ids)) != len(ids):
            self.fail(f"promise 9: two windows share an id: {ids}")
        for page in self.pages:
            window = page.session.window
            if not isinstance(window, Window):
                continue
            for task in window.tasks.values():
                stored = next((item for item in self.database.all_tasks() if item.prompt_id == task.prompt_id), None)
                if stored is None or (stored.owner, stored.epoch) != (window.window_id, task.epoch):
                    self.fail(f"promise 9: {window.window_id} keeps {task.prompt_id}, which is not its own")
            for problem in page.session.violations():
                self.fail(f"promise 4: {problem}")

    # A life

    async def live(self, *, seconds: float = 120.0, tabs: int = 4) -> World:
        """Open tabs, let the person work and things break, come to rest, and check."""
        overheard = Overheard()
        logging.getLogger().addHandler(overheard)
        try:
            await self._live(seconds, tabs)
        finally:
            logging.getLogger().removeHandler(overheard)
        self.broken += overheard.errors
        self.check_end()
        return self

    async def _live(self, seconds: float, tabs: int) -> None:
        for _ in range(tabs):
            self.open()
        end = self.loop.time() + seconds
        while self.loop.time() < end:
            await asyncio.sleep(self.chance.expovariate(1 / 1.5))
            self._act()
        await self.settle()

    def _act(self) -> None:
        actions: list[tuple[int, Callable[[], None]]] = [
            (10, self._click_somewhere),
            (4, self._click_everywhere),
            (2, lambda: void(self.reload(self.chance.choice(self.pages)))),
            (2, lambda: void(self.reload(self.chance.choice(self.pages), crashed=True))),
            (1, lambda: void(self.open(self.chance.choice(self.pages).tab.duplicate()))),
            (2, self._cancel_something),
            (1, self._give_something_up),
            (3, self._change_weather),
            (1, self._restart_a_server),
            (2, self._let_a_server_forget),
            (8, self._look_again),
            (2, self._hang_or_wake_a_server),
            (2, self._drop_sockets),
            (1, self._break_the_store),
        ]
        weights = [weight for weight, _ in actions]
        self.chance.choices([action for _, action in actions], weights)[0]()

    def _click_somewhere(self) -> None:
        steps = self.chance.choice([1, 5, 40, 400])
        picture = self.chance.randbytes(20) if self.chance.random() < 0.5 else None
        self.click(self.chance.choice(self.pages), a_workflow(steps, self.chance.getrandbits(32), picture), picture)

    def _click_everywhere(self) -> None:
        """Windows that choose at the very same moment."""
        for page in tuple(self.pages):
            self.click(page, a_workflow(5, self.chance.getrandbits(32), None))

    def _some_task(self) -> tuple[Page, Task] | None:
        pending = [
            (page, task)
            for page in self.pages
            if isinstance(page.session.window, Window)
            for task in page.session.window.unfinished
        ]
        return self.chance.choice(pending) if pending else None

    def _cancel_something(self) -> None:
        if found := self._some_task():
            self._attempt(found[0].session.cancel(found[1].prompt_id), f"cancel {found[1].prompt_id}")

    def _give_something_up(self) -> None:
        if found := self._some_task():
            self._attempt(found[0].session.give_up(found[1].prompt_id), f"give up {found[1].prompt_id}")

    def _attempt(self, work: object, name: str) -> None:
        async def attempt() -> None:
            try:
                await work  # type: ignore[misc]
            except MooringError as error:
                self.note(f"{name}: {error!r}")

        task = asyncio.ensure_future(attempt())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    def _change_weather(self) -> None:
        level = self.chance.choice([0.0, 0.02, 0.2])
        weather = self.weather
        weather.lose_before = weather.lose_after = weather.error_but_queued = weather.slow = level
        weather.drop_socket = level / 4
        weather.refuse_socket = self.chance.choice([0.0, level, 1.0])
        self.note(f"weather {level}")

    def _restart_a_server(self) -> None:
        server_id = self.chance.choice(list(self.sims))
        self.note(f"restart {server_id}")
        self.restarted.add(server_id)
        self.sims[server_id].restart()

    def _let_a_server_forget(self) -> None:
        server = self.sims[self.chance.choice(list(self.sims))]
        server.is_forgetful = not server.is_forgetful
        self.restarted.add(ServerId(server.name))
        self.note(f"{server.name} {'forgets' if server.is_forgetful else 'remembers'}")

    def _look_again(self) -> None:
        """At a task that was found lost: it may be found again, when its window has long moored elsewhere."""
        lost = [
            (page, task)
            for page in self.pages
            if isinstance(page.session.window, Window)
            for task in page.session.window.tasks.values()
            if task.state is TaskState.LOST
        ]
        if lost:
            page, task = self.chance.choice(lost)
            self._attempt(page.session.look_again(task.prompt_id), f"look again {task.prompt_id}")

    def _hang_or_wake_a_server(self) -> None:
        server = self.sims[self.chance.choice(list(self.sims))]
        if server.awake.is_set():
            server.awake.clear()
            self.note(f"{server.name} hangs")
        else:
            server.awake.set()

    def _drop_sockets(self) -> None:
        for server in self.sims.values():
            for socket in tuple(server.all_sockets):
                server.drop(socket)

    def _break_the_store(self) -> None:
        self.database.fail_next = self.chance.choice([1, 2, 5])


def void(_: object) -> None:
    """Drop a value."""


def a_workflow(steps: int, seed: int, picture: bytes | None) -> ApiWorkflow:
    """A small workflow: a picture through `steps` of work, or one made from nothing."""
    first = (
        {"class_type": "LoadImage", "inputs": {"image": "photo.png"}}
        if picture
        else {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": seed % 99}}
    )
    return parse_workflow(
        {
            "1": first,
            "2": {"class_type": "DemoSampler", "inputs": {"image": ["1", 0], "steps": steps, "seed": seed}},
            "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "sim"}},
        }
    )
