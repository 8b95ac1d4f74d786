"""The user's actions: clicks, waiting runs, cancel, give up, check, delete, open windows, adopt."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.core.errors import MooringError
from app.core.model import PromptId, ServerId, Task, TaskState
from app.core.waiting_runs import EVERY
from app.session import Picked
from app.workflows.plans.runs import Seeds, plan_runs
from app.workflows.plans.targets import Target
from tests.simulation.browser import Tab
from tests.simulation.early import press
from tests.simulation.editor import editor_of
from tests.simulation.network import MISHAPS
from tests.simulation.orders import Wanted, random_order

if TYPE_CHECKING:
    from tests.simulation.world import Page, World

MOST_PAGES = 6
MOST_UNFINISHED = 12


class User:
    """Acts at random on pages that are awake."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = world.chance
        self._earlier: list[Wanted] = []
        self._acts: list[tuple[int, Callable[[Page], None]]] = [
            (14, self._click),
            (2, self._click_everywhere),
            (1, self._upload_and_submit),
            (3, self._cancel),
            (2, self._give_up),
            (3, self._poll_lost),
            (2, self._repeat),
            (1, self._delete),
            (3, self._let_wait),
            (6, self._tend_line),
            (1, self._open),
            (2, self._press_early),
            (2, self._press_and_reload),
            (3, self._run_on_another),
            (3, self._adopt),
            (1, self._wake),
            (3, self._change_weather),
        ]

    def act(self) -> None:
        """Do one random action."""
        pages = [page for page in self._world.pages if page.is_awake]
        self._world.tally.counts["acts"] += 1
        if pages:
            act = self._chance.choices([act for _, act in self._acts], [weight for weight, _ in self._acts])[0]
            act(self._chance.choice(pages))

    def order(self) -> Wanted:
        """Think of something to run."""
        wanted = random_order(self._chance, self._earlier)
        self._earlier.append(wanted)
        return wanted

    # Clicks

    def _click(self, page: Page) -> None:
        if not is_busy(self._world):
            wanted = self.order()
            self._world.click(page, wanted.workflow, wanted.picture)

    def _click_everywhere(self, _: Page) -> None:
        """Click in all windows at the same moment."""
        if not is_busy(self._world):
            for page in [page for page in self._world.pages if page.is_awake]:
                self._click(page)

    def _upload_and_submit(self, page: Page) -> None:
        """Upload and submit as a script does; the upload reserves the server."""
        wanted = self.order()
        click = self._world.new_click(page)

        async def work() -> None:
            if wanted.picture is not None:
                await page.session.upload_image(self._world.blob(wanted.picture), "photo.png")
            if self._chance.random() < 0.2:
                await page.session.release_uploads()
            editor = editor_of(wanted.workflow)
            await self._world.follow(
                click, page.session.submit_workflow(wanted.workflow, title="script", editor=editor)
            )

        async def follow_up() -> None:
            try:
                await work()
            except MooringError as error:
                click.error, click.is_returned = repr(error), True

        self._world.spawn(follow_up())

    def _repeat(self, page: Page) -> None:
        if page.window and (task := self._some(page, lambda _: True)) and not is_busy(self._world):
            elsewhere = self._chance.random() < 0.3
            if elsewhere and not task.state.is_end:
                self._world.requested.given_up.add(task.prompt_id)
            repeated = page.session.run_again(task.prompt_id, elsewhere=elsewhere)
            self._world.spawn(self._world.follow(self._world.new_click(page), repeated))

    # Tasks

    def _some(self, page: Page, fits: Callable[[Task], bool]) -> Task | None:
        tasks = [task for window in page.windows for task in window.tasks.values() if fits(task)]
        return self._chance.choice(tasks) if tasks else None

    def _cancel(self, page: Page) -> None:
        if task := self._some(page, lambda task: not task.state.is_end):
            self.cancel(page, task)

    def cancel(self, page: Page, task: Task) -> None:
        """Press Stop."""
        self._world.requested.cancelled.add(task.prompt_id)
        self._world.spawn(page.session.cancel(task.prompt_id), f"cancel {task.prompt_id}")

    def _give_up(self, page: Page) -> None:
        if task := self._some(page, lambda task: not task.state.is_end):
            self._world.requested.given_up.add(task.prompt_id)
            self._world.spawn(page.session.give_up(task.prompt_id), f"give up {task.prompt_id}")

    def _poll_lost(self, page: Page) -> None:
        """Poll a task that was found lost: it may return after its window has moored elsewhere."""
        if task := self._some(page, lambda task: task.state is TaskState.LOST):
            self._world.spawn(page.session.look_again(task.prompt_id), f"look again {task.prompt_id}")

    def _delete(self, page: Page) -> None:
        if task := self._some(page, lambda task: task.is_delivered and task.state is not TaskState.LOST):
            self._world.requested.deleted.add(task.prompt_id)
            self._world.spawn(page.session.delete_task(task.prompt_id), f"delete {task.prompt_id}")

    # The waiting line

    def _let_wait(self, page: Page) -> None:
        """Add many runs, in one or more sessions."""
        if not is_busy(self._world) and page.window is not None:
            wanted = self.order()
            count, senders = self._chance.randint(2, 5), self._chance.choice([None, None, EVERY, 2, 3])
            let_wait(self._world, page, wanted, count, senders)

    def _tend_line(self, _: Page) -> None:
        """Pause, resume, send all, remove, move or edit, wherever runs wait."""
        pages = [page for page in self._world.pages if page.is_awake and page.session.line.line is not None]
        pages = [page for page in pages if page.session.line.line and page.session.line.line.entries]
        if not pages:
            return
        page = self._chance.choice(pages)
        line = page.session.line
        assert line.line is not None
        entry = self._chance.choice(line.line.entries)
        before = self._chance.choice(line.line.entries)
        act = self._chance.randrange(9)
        self._world.note(f"line of {page.tab.window_id}: {act}")
        match act:
            case 0:
                tended = line.pause()
            case 1 | 2:
                tended = line.resume()
            case 3:
                tended = line.send_all(self._chance.random() < 0.7)
            case 4:
                self._world.requested.removed.add(entry.prompt_id)
                tended = line.remove(entry.prompt_id)
            case 5:
                tended = line.move(entry.prompt_id, before.prompt_id)
            case 6:
                tended = line.edit(entry.prompt_id, {("2", "nonce"): self._chance.getrandbits(48)}, "edited")
            case 7:
                tended = line.spread(self._chance.randint(EVERY, 3))
            case _:
                tended = self._clear(page)
        self._world.spawn(tended, "line")

    async def _clear(self, page: Page) -> None:
        clearing, window_id = self._world.requested.clearing, page.tab.window_id or ""
        clearing[window_id] += 1  # stays if the page ends during this
        line = page.session.line
        waiting = [entry.prompt_id for entry in line.line.entries] if line.line is not None else []
        line.set_aside(*waiting)
        try:
            await line.remove(*waiting)
        finally:
            clearing[window_id] -= 1

    # Windows

    def _open(self, _: Page) -> None:
        if len(self._world.pages) < MOST_PAGES:
            self._world.open()

    def _press_early(self, page: Page) -> None:
        """Reload, or open another tab, and press Run before that page is up."""
        if is_busy(self._world) or page.tab.is_private:
            return
        world, wanted = self._world, self.order()
        tab = Tab(world.browser) if self._chance.random() < 0.3 else page.tab
        press(world, tab, wanted)
        if tab is page.tab:
            world.reload(page, crashed=self._chance.random() < 0.2)
        elif len(world.pages) < MOST_PAGES:
            world.open(tab)

    def _press_and_reload(self, page: Page) -> None:
        """Press Run, and reload or crash at any step until it is sent."""
        if not is_busy(self._world):
            self._interrupt(page, self.press(page))

    def _run_on_another(self, page: Page) -> None:
        """Press *Run on another server* in a window that a server holds, at times with a reload or a crash.

        The page offers it while that server is silent, and may show it for a moment longer.
        """
        locked = page.window.window_locked_server if page.window else None
        if locked is None or is_busy(self._world):
            return
        others = [item.server_id for item in page.session.fleet.servers if item.server_id != locked]
        if not others:
            return
        prompt_id = self.press(page, self._chance.choice(others))
        self._world.tally.counts["runs on another server"] += 1
        if self._chance.random() < 0.5:
            self._interrupt(page, prompt_id)

    def press(self, page: Page, server_id: ServerId | None = None) -> PromptId:
        """Press Run, or *Run on* this server; return the id of the run."""
        world, wanted = self._world, self.order()
        prompt_id = PromptId(str(uuid.UUID(int=self._chance.getrandbits(128), version=4)))
        pressed = world.click_and_follow(page, wanted.workflow, wanted.picture, prompt_id, server_id=server_id)
        world.spawn(pressed, "press")
        return prompt_id

    def _interrupt(self, page: Page, prompt_id: PromptId) -> None:
        """Reload or crash a page soon after a press."""
        world, crashed = self._world, self._chance.random() < 0.4
        delay = self._chance.choice([0.0, 0.001, 0.005, self._chance.uniform(0.0, 0.3)])

        def interrupt() -> None:
            if page in world.pages and page.is_awake:
                world.interrupt(page, prompt_id, crashed=crashed)

        world.later(delay, interrupt)

    def _adopt(self, page: Page) -> None:
        self._world.spawn(adopt_all(self._world, page), "adopt")

    def _wake(self, page: Page) -> None:
        page.session.wake("visible")

    # Fault rates change at random, and often at such moments

    def _change_weather(self, _: Page) -> None:
        level = self._chance.choice([0.0, 0.0, 0.01, 0.1])
        weather = self._world.weather
        for name in (*MISHAPS.values(), "slow"):
            setattr(weather, name, level)
        weather.drop_socket = level / 8
        weather.refuse_socket = self._chance.choice([0.0, level, 1.0])
        self._world.note(f"weather {level}")


def is_busy(world: World) -> bool:
    """Return whether so much is unfinished that more would only make a life longer."""
    waiting = len(world.database.waiting)
    return waiting + sum(len(window.unfinished) for page in world.pages for window in page.windows) > MOST_UNFINISHED


def let_wait(world: World, page: Page, wanted: Wanted, count: int, senders: int | None) -> None:
    """Add so many runs to the line of a page, to be sent by so many windows."""
    numbers = tuple(world.chance.getrandbits(48) for _ in range(count))
    runs = plan_runs(wanted.workflow, Seeds(Target("2", "nonce"), numbers))
    inputs = {("1", "image"): Picked(world.blob(wanted.picture), "photo.png")} if wanted.picture else {}
    editor = editor_of(wanted.workflow)
    adding = page.session.line.add(wanted.workflow, runs, title="line", inputs=inputs, senders=senders, editor=editor)
    world.spawn(adding, "let wait")


async def adopt_all(world: World, page: Page) -> None:
    """Adopt all work whose window has gone, as far as the page can tell."""
    for orphan in await page.session.find_orphans():
        try:
            task = await page.session.adopt(orphan.task.prompt_id)
            world.note(f"adopted {task.prompt_id} by {page.tab.window_id}")
        except MooringError as error:
            world.note(f"not adopted: {error!r}")
    for line in page.session.line.orphans:
        try:
            await page.session.line.adopt(line.owner)
            world.note(f"line of {line.owner} adopted by {page.tab.window_id}")
        except MooringError as error:
            world.note(f"line not adopted: {error!r}")
