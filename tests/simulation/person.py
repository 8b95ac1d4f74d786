"""What the person does: clicks, cancels, gives up, looks again, runs again, deletes, opens windows, adopts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.core.errors import MooringError
from app.core.model import Task, TaskState
from tests.simulation.network import MISHAPS
from tests.simulation.orders import Wanted, an_order

if TYPE_CHECKING:
    from tests.simulation.world import Page, World

MOST_PAGES = 6
MOST_UNFINISHED = 12  # clicks beyond that only make a life longer


class Person:
    """Acts at random, on pages that are awake."""

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
            (3, self._look_again),
            (2, self._run_again),
            (1, self._delete),
            (1, self._open),
            (3, self._adopt),
            (1, self._wake),
            (3, self._change_weather),
        ]

    def act(self) -> None:
        """Do one thing."""
        pages = [page for page in self._world.pages if page.is_awake]
        self._world.tally.counts["acts"] += 1
        if pages:
            act = self._chance.choices([act for _, act in self._acts], [weight for weight, _ in self._acts])[0]
            act(self._chance.choice(pages))

    def _order(self) -> Wanted:
        wanted = an_order(self._chance, self._earlier)
        self._earlier.append(wanted)
        return wanted

    # Clicks

    def _is_busy(self) -> bool:
        return sum(1 for page in self._world.pages if page.window for _ in page.window.unfinished) > MOST_UNFINISHED

    def _click(self, page: Page) -> None:
        if not self._is_busy():
            wanted = self._order()
            self._world.click(page, wanted.workflow, wanted.picture)

    def _click_everywhere(self, _: Page) -> None:
        """Windows that choose at the very same moment."""
        if not self._is_busy():
            for page in [page for page in self._world.pages if page.is_awake]:
                self._click(page)

    def _upload_and_submit(self, page: Page) -> None:
        """As a script does it: the upload holds the place."""
        wanted = self._order()
        click = self._world.new_click(page)

        async def work() -> None:
            if wanted.picture is not None:
                await page.session.upload_image(self._world.blob(wanted.picture), "photo.png")
            if self._chance.random() < 0.2:
                await page.session.release_uploads()
            await self._world.follow(click, page.session.submit_workflow(wanted.workflow, title="script"))

        async def told() -> None:
            try:
                await work()
            except MooringError as error:
                click.error, click.is_returned = repr(error), True

        self._world.spawn(told())

    def _run_again(self, page: Page) -> None:
        if page.window and (task := self._some(page, lambda _: True)) and not self._is_busy():
            elsewhere = self._chance.random() < 0.3
            if elsewhere and not task.state.is_end:
                self._world.deeds.given_up.add(task.prompt_id)
            again = page.session.run_again(task.prompt_id, elsewhere=elsewhere)
            self._world.spawn(self._world.follow(self._world.new_click(page), again))

    # Tasks

    def _some(self, page: Page, fits: Callable[[Task], bool]) -> Task | None:
        tasks = [task for task in page.window.tasks.values() if fits(task)] if page.window else []
        return self._chance.choice(tasks) if tasks else None

    def _cancel(self, page: Page) -> None:
        if task := self._some(page, lambda task: not task.state.is_end):
            self._world.deeds.cancelled.add(task.prompt_id)
            self._world.spawn(page.session.cancel(task.prompt_id), f"cancel {task.prompt_id}")

    def _give_up(self, page: Page) -> None:
        if task := self._some(page, lambda task: not task.state.is_end):
            self._world.deeds.given_up.add(task.prompt_id)
            self._world.spawn(page.session.give_up(task.prompt_id), f"give up {task.prompt_id}")

    def _look_again(self, page: Page) -> None:
        """At a task that was found lost: it may be found again, when its window has long moored elsewhere."""
        if task := self._some(page, lambda task: task.state is TaskState.LOST):
            self._world.spawn(page.session.look_again(task.prompt_id), f"look again {task.prompt_id}")

    def _delete(self, page: Page) -> None:
        if task := self._some(page, lambda task: task.is_delivered and task.state is not TaskState.LOST):
            self._world.deeds.deleted.add(task.prompt_id)
            self._world.spawn(page.session.delete_task(task.prompt_id), f"delete {task.prompt_id}")

    # Windows

    def _open(self, _: Page) -> None:
        if len(self._world.pages) < MOST_PAGES:
            self._world.open()

    def _adopt(self, page: Page) -> None:
        self._world.spawn(adopt_all(self._world, page), "adopt")

    def _wake(self, page: Page) -> None:
        page.session.wake("visible")

    # The weather is nobody's deed, but it changes at such moments

    def _change_weather(self, _: Page) -> None:
        level = self._chance.choice([0.0, 0.0, 0.01, 0.1])
        weather = self._world.weather
        for name in (*MISHAPS.values(), "slow"):
            setattr(weather, name, level)
        weather.drop_socket = level / 8
        weather.refuse_socket = self._chance.choice([0.0, level, 1.0])
        self._world.note(f"weather {level}")


async def adopt_all(world: World, page: Page) -> None:
    """Take in everything whose window is gone, as far as the page can tell."""
    for orphan in await page.session.find_orphans():
        try:
            task = await page.session.adopt(orphan.task.prompt_id)
            world.note(f"adopted {task.prompt_id} by {page.tab.window_id}")
        except MooringError as error:
            world.note(f"not adopted: {error!r}")
