"""A user whose session has several windows at work: what befalls one of them must not touch the others.

It spreads a line over servers, runs on a server beside those, stops the work of one window, and sends faults to that
work alone, in any of its steps. Promises 1 and 9 are checked for each window (`promises.py`); the report counts how
often each fault met work of another window than a session's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.core.waiting_runs import EVERY
from tests.simulation.faults import FAULTS, aim_at, strike
from tests.simulation.phases import Phase, phase_of, work_of_window
from tests.simulation.user import is_busy, let_wait

if TYPE_CHECKING:
    from app.core.window import Window
    from tests.simulation.user import User
    from tests.simulation.world import Page, World


class Spreader:
    """Acts at random on the windows of one session that are not its own one."""

    def __init__(self, world: World, user: User) -> None:
        self._world = world
        self._user = user
        self._chance = world.chance
        self._acts: list[tuple[int, Callable[[Page, Window], None]]] = [
            (4, self._strike),
            (1, self._stop),
            (1, self._run_beside),
        ]

    def act(self) -> None:
        """Do one random action in a session that has several windows, or let one have them."""
        world = self._world
        pages = [page for page in world.pages if page.is_awake and page.window is not None]
        if not pages:
            return
        page = self._chance.choice(pages)
        held = {window.window_locked_server for window in page.windows} - {None}
        world.tally.counts["sessions seen on several servers"] += len(held) > 1
        others = [window for window in page.windows[1:] if window.unfinished]
        if not others:
            self._spread(page)
            return
        act = self._chance.choices([act for _, act in self._acts], [weight for weight, _ in self._acts])[0]
        act(page, self._chance.choice(others))

    def _spread(self, page: Page) -> None:
        if not is_busy(self._world):
            senders = self._chance.choice([EVERY, 2, 3])
            let_wait(self._world, page, self._user.order(), self._chance.randint(3, 5), senders)

    def _strike(self, _: Page, window: Window) -> None:
        """Send any fault to the work of this window."""
        world = self._world
        work = [key for key in work_of_window(world, window.window_id) if phase_of(world, key) is not Phase.SETTLED]
        if work:
            fault = self._chance.choices(list(FAULTS.values()), [item.weight for item in FAULTS.values()])[0]
            strike(world, fault, aim_at(world, self._chance.choice(work)))

    def _stop(self, page: Page, window: Window) -> None:
        """Stop all that this window has, and nothing of the others."""
        for task in window.unfinished:
            self._user.cancel(page, task)

    def _run_beside(self, page: Page, window: Window) -> None:
        """Press Run for the server of this window, which the session's own need not have."""
        if window.window_locked_server is not None and not is_busy(self._world):
            self._user.press(page, window.window_locked_server)
