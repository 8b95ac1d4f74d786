"""The stage for scenarios: a world without random faults, a user, and a call for each fault that a test needs.

    @scene
    async def test_two_windows(stage: Stage) -> None:
        page = await stage.window()
        prompt_id = await stage.run(page)

Each scenario runs on a virtual clock. Broken invariants of the world and background errors fail it at its end.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from app.core.model import Fleet, PromptId, ServerId, Task, TaskState
from app.core.waiting_runs import WaitingRuns
from app.core.window import Window
from app.session import Picked, RunStage
from tests.simulation.browser import Tab
from tests.simulation.loop import VirtualLoop, run
from tests.simulation.store import Bytes, SimStore
from tests.simulation.world import ErrorLog, Page, World, a_picture, a_workflow
from wire.health import Health

SEED = int(os.environ.get("MOORING_STORY_SEED", "1"))  # another seed is another order of concurrent events
PATIENCE = 900.0  # virtual seconds: longer than anything that is bound to happen
PHOTO = a_picture(random.Random(1))
A, B, C = ServerId("gpu-1"), ServerId("gpu-2"), ServerId("gpu-3")


class Everything(set[str]):
    """A set that contains everything."""

    def __contains__(self, _: object) -> bool:
        return True


@dataclass
class Asked:
    """One request as a server received it."""

    server_id: ServerId
    method: str
    path: str
    at: float


@dataclass
class Stage:
    """The world of one scenario, and the actions in it."""

    world: World
    asked: list[Asked] = field(default_factory=list)
    _seed: int = 0

    def __post_init__(self) -> None:
        self.world.requested.cancelled = self.world.requested.removed = Everything()  # tests may do anything
        self.world.network.on_request.append(self._note)

    def _note(self, server_id: ServerId, method: str, path: str, _: bytes) -> None:
        self.asked.append(Asked(server_id, method, path, self.now))

    @property
    def now(self) -> float:
        """The present virtual time."""
        return self.world.loop.time()

    def requests(self, method: str, path: str, since: float = 0.0) -> list[Asked]:
        """The requests that all servers have received, by method and prefix of their path."""
        return [
            item for item in self.asked if item.method == method and item.path.startswith(path) and item.at >= since
        ]

    # Windows

    async def window(self, tab: Tab | None = None) -> Page:
        """Open a page."""
        page = self.world.open(tab)
        await self.until(lambda: isinstance(page.session.window, Window) and bool(page.session.fleet.servers))
        return page

    async def reload(self, page: Page, *, crashed: bool = False) -> Page:
        """The same tab after a reload."""
        return await self.window(self.world.leave(page, crashed=crashed))

    def store(self) -> SimStore:
        """Another connection to the store, as another window has."""
        return SimStore(self.world.database)

    def tell_fleet(self, *server_ids: ServerId) -> None:
        """Let the gateway's list have these servers from now on."""
        network = self.world.network
        whole = Fleet(tuple(network._server(server_id) for server_id in network.servers), "simulation")
        listed = replace(whole, servers=tuple(item for item in whole.servers if item.server_id in server_ids))
        network.fleet = lambda: listed  # type: ignore[method-assign]

    def report(self, health: Health, *server_ids: ServerId) -> None:
        """Let the gateway report this health of these servers; they are down if it says so."""
        network = self.world.network
        known = network.fleet()
        servers = (replace(item, health=health) if item.server_id in server_ids else item for item in known.servers)
        listed = replace(known, servers=tuple(servers))
        network.fleet = lambda: listed  # type: ignore[method-assign]
        for server_id in server_ids:
            self.world.sims[server_id].is_down = health is Health.DOWN

    def move_server(self, server_id: ServerId, address: str) -> None:
        """Move the machine to another address, and report it in the gateway's list."""
        network = self.world.network
        network.machines[address] = network.machines.pop(network.address_of(server_id) or "")
        network.moved[server_id] = address

    # Work

    async def run(
        self,
        page: Page,
        *,
        steps: int = 3,
        picture: bytes | None = None,
        server_id: ServerId | None = None,
        prompt_id: PromptId | None = None,
    ) -> PromptId:
        """Press Run, and wait until it was submitted."""
        self._seed += 1
        inputs = {("1", "image"): Picked(Bytes(picture, "image/png"), "photo.png")} if picture is not None else {}
        workflow = a_workflow(steps, self._seed, picture)
        return await page.session.run(workflow, title="story", inputs=inputs, server_id=server_id, prompt_id=prompt_id)

    async def run_now(self, page: Page, **how: Any) -> PromptId:
        """The same however many are ahead: *send all now* if it would wait."""
        prompt_id = await self.run(page, **how)
        await self.send_all(page)
        return prompt_id

    async def send_all(self, page: Page) -> None:
        """Let nothing of this window wait for its turn."""
        line = page.session.line
        if line.line is not None and line.line.entries:
            await line.send_all()
            await self.until(lambda: line.line is not None and not line.line.entries and not line.sending)

    def begin(self, page: Page, **how: Any) -> asyncio.Task[PromptId]:
        """Press Run without waiting for it."""
        return asyncio.ensure_future(self.run(page, **how))

    def begin_now(self, page: Page) -> asyncio.Task[PromptId]:
        """Press Run without waiting for it, however many are ahead."""
        return asyncio.ensure_future(self.run_now(page))

    async def ended(self, page: Page, prompt_id: PromptId) -> Task:
        """Wait until the task has ended and its results are delivered, and return it."""
        return await asyncio.wait_for(page.session.wait_for(prompt_id), PATIENCE)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition."""
        end = self.now + PATIENCE
        while not condition():
            assert self.now < end, f"never: {inspect.getsource(condition).strip()}"
            await asyncio.sleep(0.02)

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)

    async def until_running(self, page: Page, prompt_id: PromptId) -> None:
        """Wait until it runs."""
        await self.until(lambda: task_of(page, prompt_id).state is TaskState.RUNNING)

    # On cue

    def once_requested(self, method: str, path: str, act: Callable[[ServerId], None]) -> None:
        """Call this when the first such request arrives, before the server acts on it."""
        done: list[ServerId] = []

        def watch(server_id: ServerId, asked: str, where: str, _: bytes) -> None:
            if not done and asked == method and where.startswith(path):
                done.append(server_id)
                act(server_id)

        self.world.network.on_request.append(watch)

    def once_stored(self, condition: Callable[[], object], act: Callable[[], None]) -> None:
        """Call this at the first commit after which the condition holds."""
        done: list[bool] = []

        def watch() -> None:
            if not done and condition():
                done.append(True)
                act()

        self.world.database.watchers.append(watch)

    def while_submitting(self, page: Page, fault: str) -> None:
        """Let that fault happen to every POST /prompt of a page, and to none of its other requests."""

        def watch() -> None:
            is_now = any(item.stage is RunStage.SUBMITTING for item in page.session.runs)
            setattr(self.world.weather, fault, 1.0 if is_now else 0.0)

        page.session.subscribe(watch)


def task_of(page: Page, prompt_id: PromptId) -> Task:
    """The task as the page knows it."""
    assert isinstance(page.session.window, Window)
    return page.session.window.tasks[prompt_id]


def window_of(page: Page) -> Window:
    """The page's window, restored."""
    assert isinstance(page.session.window, Window)
    return page.session.window


def noted(page: Page, kind: str) -> list[dict[str, Any]]:
    """The facts of the journal's entries of that kind."""
    return [dict(entry.facts) for entry in page.session._state.journal_writer.journal.entries if entry.kind == kind]


def line_of(page: Page) -> WaitingRuns:
    """The page's waiting runs."""
    assert page.session.line.line is not None
    return page.session.line.line


async def bytes_of(page: Page, prompt_id: PromptId, index: int = 0) -> bytes | None:
    """The kept bytes of a result."""
    blob = await page.session.read_result(prompt_id, index)
    return await blob.read() if blob else None


Story = Callable[..., Awaitable[None]]


def scene(story: Story) -> Callable[..., None]:
    """Run the test on a stage of its own."""

    def play(**params: Any) -> None:
        overheard = ErrorLog()

        async def work(loop: VirtualLoop) -> None:
            stage = Stage(World(loop, seed=SEED))
            await story(stage, **params)
            assert not stage.world.broken, stage.world.broken
            assert overheard.errors == []

        logging.getLogger().addHandler(overheard)
        try:
            run(work, seed=SEED)
        finally:
            logging.getLogger().removeHandler(overheard)

    signature = inspect.signature(story)
    play.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=list(signature.parameters.values())[1:], return_annotation=None
    )
    play.__name__, play.__doc__, play.__module__ = story.__name__, story.__doc__, story.__module__
    play.__qualname__ = story.__qualname__
    return play


__all__ = ["PHOTO", "A", "Asked", "B", "C", "Stage", "bytes_of", "line_of", "noted", "scene", "task_of", "window_of"]
