"""A life: users work, faults happen, everything comes to rest, and all promises are checked.

world = live(seed)                 # raises PromiseBroken, with the trace, if a promise did not hold
"""

from __future__ import annotations

import asyncio
import logging

from app.core.model import Contact, TaskState
from app.session import RunStage
from tests.simulation import faults_server, faults_transport, faults_window
from tests.simulation.ambush import Ambushes
from tests.simulation.faults import FAULTS, aim_somewhere, strike
from tests.simulation.loop import VirtualLoop, run
from tests.simulation.mishaps import watch_mishaps
from tests.simulation.orders import a_workflow
from tests.simulation.phases import work_at
from tests.simulation.spreader import Spreader
from tests.simulation.user import User, adopt_all
from tests.simulation.verdicts import Verdicts
from tests.simulation.world import ErrorLog, Page, PromiseBroken, World

SECONDS = 75.0  # virtual, before everything comes to rest
QUIET_LIMIT = 1800.0  # virtual seconds in which everything must come to rest after the last fault
REGISTERED = (faults_server, faults_transport, faults_window)  # importing them fills the registry
TRACE_SHOWN = 150  # lines of the trace that a broken promise shows


class Life:
    """A world from its first page to its last check."""

    def __init__(self, world: World, *, seconds: float, tabs: int) -> None:
        self._world = world
        self._seconds = seconds
        self._tabs = tabs
        self._user = User(world)
        self._spreader = Spreader(world, self._user)
        self._ambushes = Ambushes(world)
        watch_mishaps(world)

    async def live(self) -> None:
        """Start, run, come to rest, and check."""
        errors = ErrorLog()
        logging.getLogger().addHandler(errors)
        try:
            await self._run_events()
            await self._come_to_rest()
        finally:
            logging.getLogger().removeHandler(errors)
        for error in errors.errors:
            self._world.fail(error)
        Verdicts(self._world).check()
        self._world.tally.counts["lives"] += 1

    async def _run_events(self) -> None:
        world = self._world
        for _ in range(self._tabs):
            world.open()
        end = world.loop.time() + self._seconds
        while world.loop.time() < end:
            self._ambushes.keep()
            await self._wait(world.chance.expovariate(1 / 1.2))
            world.remove_evicted()
            self._user.act()
            if world.chance.random() < 0.15:
                self._spreader.act()
            if world.chance.random() < 0.15:
                fault = world.chance.choices(list(FAULTS.values()), [item.weight for item in FAULTS.values()])[0]
                strike(world, fault, aim_somewhere(world))
        self._ambushes.is_on = False

    async def _wait(self, seconds: float) -> None:
        """Wait, and check the servers now and then, since they send no notification."""
        end = self._world.loop.time() + seconds
        while (now := self._world.loop.time()) < end:
            await asyncio.sleep(min(end - now, self._world.chance.uniform(0.05, 0.3)))
            self._ambushes.check()

    # Coming to rest

    async def _come_to_rest(self) -> None:
        """End all faults, wake and return to all pages, adopt all orphans, and let each window run one last time."""
        world = self._world
        self._heal()
        await self._until_quiet()
        if any(page.life.is_frozen for page in world.pages):
            await asyncio.sleep(faults_window.HOUR)
            self._heal()
        for tab in world.away:
            world.open(tab)
        world.away.clear()
        await self._until_quiet()
        await self._find_all()
        for page in world.pages:
            page.session.wake("visible")  # a wake notices what others have adopted
        await self._until_quiet()
        await self._dismiss_refused()
        Verdicts(world).check_lost()
        await self._run_last()

    def _heal(self) -> None:
        world, network = self._world, self._world.network
        world.weather.calm()
        world.database.fail_next, world.database.is_blocked, world.database.is_full = 0, False, False
        network.moved.clear()
        network.removed.clear()
        network.refusing.clear()
        network.unstall()
        network.is_down = False
        for address, machines in world.stood_at.items():
            if network.machines[address] is not machines[0]:
                world.tally.excuse("server swapped", work_at(world, address))
            network.machines[address] = machines[0]
            if any(world.has_dead_executor(machine) for machine in machines):
                world.tally.excuse("executor died", work_at(world, address))
        for machine in world.machines:
            if world.has_dead_executor(machine):
                machine.restart()
            machine.is_down = False
            machine.awake.set()
            machine.hold(False)
            world.power(machine)
        for page in world.pages:
            page.life.is_online = True
            if page.is_awake:
                page.session.wake("calm")

    async def _until_quiet(self) -> None:
        world = self._world
        deadline = world.loop.time() + QUIET_LIMIT
        while not self._is_quiet():
            if world.loop.time() > deadline:
                world.fail("nothing comes to rest: " + "; ".join(self._restless()))
                return
            await asyncio.sleep(1.0)
            world.remove_evicted()
            self._give_up_moved_work()
            self._resume_lines()

    def _give_up_moved_work(self) -> None:
        """Restore the fleet. Work on a server that is no longer in it can only be given up."""
        world = self._world
        for page in [page for page in world.pages if page.is_awake and page.window]:
            held = page.window.reservations.values() if page.window else ()
            if any(world.network.address_of(item.server_id) != item.address for item in held):
                world.spawn(page.session.release_uploads(), "release")  # a script never releases its own
            for task in [task for window in page.windows for task in window.tasks.values()]:
                session = page.session
                if world.network.address_of(task.server_id) == task.address or task.is_delivered:
                    continue
                if task.state.is_end:
                    world.requested.deleted.add(task.prompt_id)
                    world.spawn(session.delete_task(task.prompt_id), "delete")
                elif task.progress.contact is Contact.MOVED:
                    world.requested.given_up.add(task.prompt_id)
                    world.spawn(session.give_up(task.prompt_id), "give up")

    def _resume_lines(self) -> None:
        """Let the user read why a line is paused, and resume it."""
        for page in [page for page in self._world.pages if page.is_awake]:
            line = page.session.line.line
            if line is not None and line.pause is not None:
                self._world.spawn(page.session.line.resume(), "resume")

    def _restless(self) -> list[str]:
        pages = [page for page in self._world.pages if page.is_awake]
        runs = [f"{run.prompt_id} {run.stage}" for page in pages for run in page.session.runs if not run.error]
        lines = [f"{page.tab.window_id} has not read its line" for page in pages if page.session.line.line is None]
        waiting = [
            f"{item.prompt_id} waits in {item.owner}: {page.session.line.stalled_by or page.session.line.refusal}"
            for page in pages
            for item in (page.session.line.line.entries if page.session.line.line else ())
        ]
        return [*runs, *lines, *waiting] + [
            f"{task.prompt_id} {task.shown_state} on {task.server_id}"
            for page in pages
            for window in page.windows
            for task in window.tasks.values()
            if not task.is_delivered
        ]

    def _is_quiet(self) -> bool:
        world = self._world
        machines = all(not machine.heap and machine.running is None for machine in world.machines)
        fleet = world.network.fleet()
        awake = [page.session for page in world.pages if page.is_awake]
        restored = all(worker.window.restored for session in awake for worker in session.workers)
        restored = restored and all(session.fleet.servers == fleet.servers for session in awake)
        clicks = all(click.is_returned or not click.page.is_awake for click in world.clicks)
        return machines and restored and clicks and not self._restless()

    async def _find_all(self) -> None:
        """Let the user adopt what is left, and poll what is shown as lost."""
        world = self._world
        for page in [*world.pages, world.open()]:
            deadline = world.loop.time() + QUIET_LIMIT
            while page.window is None:
                if world.loop.time() > deadline:
                    world.fail(f"{page.tab.window_id} does not read its records")
                    return
                await asyncio.sleep(1.0)
            await adopt_all(world, page)
            for task in [task for window in page.windows for task in window.tasks.values()]:
                if task.state is TaskState.LOST:
                    await page.session.look_again(task.prompt_id)
            await page.session.release_uploads()

    async def _dismiss_refused(self) -> None:
        """Let the user read why presses were not sent, and dismiss them."""
        for session in [page.session for page in self._world.pages]:
            for refused in [item for item in session.runs if item.stage is RunStage.FAILED]:
                self._world.requested.removed.add(refused.prompt_id)
                self._world.tally.counts["refused presses"] += 1
                await session.dismiss_run(refused.prompt_id)

    async def _run_last(self) -> None:
        """Check that every window still works."""
        clicks = [self._world.click(page, a_workflow(1, serial, None)) for serial, page in enumerate(self._world.pages)]
        await self._until_quiet()
        for click in clicks:
            task = self._world.database.task(click.prompt_id) if click.prompt_id else None
            if task is None or task.state is not TaskState.SUCCEEDED:
                outcome = click.error or (task.state.value if task else "nothing")
                self._world.fail(f"promise 4: {click.page.tab.window_id} cannot run any more: {outcome}")


def live(seed: int, *, seconds: float = SECONDS) -> World:
    """Live one life from its seed, and return its world, or raise PromiseBroken."""
    world = try_living(seed, seconds=seconds)
    if world.broken:
        shown = [f"seed {seed}", *world.broken, "", *world.trace[-TRACE_SHOWN:]]
        raise PromiseBroken("\n".join(shown))
    return world


def try_living(seed: int, *, seconds: float = SECONDS) -> World:
    """Live one life from its seed, whatever breaks. Every fourth browser has no Web Locks."""

    async def work(loop: VirtualLoop) -> World:
        world = World(loop, seed, has_locks=seed % 4 != 0)
        await Life(world, seconds=seconds, tabs=2 + seed % 3).live()
        return world

    return run(work, seed)


__all__ = ["Life", "Page", "live", "try_living"]
