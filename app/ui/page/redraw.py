"""When the page is drawn: many changes become one patch, and what a click has just sent for goes before it is drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from app.session import Run, RunStage

LONGEST_HOLD = 0.1  # seconds; a person takes what comes within that long for the answer to the own click

_LEAVING = frozenset({RunStage.RESERVING, RunStage.CONNECTING, RunStage.REGISTERING})


class Schedule(Protocol):
    """Calls back once, before the next frame, or calmly before one of the next few."""

    def __call__(self, callback: Callable[[], None], *, is_calm: bool = False) -> None: ...


class RedrawScheduler:
    """Calls `draw` when it is its turn.

    A patch takes as long as everything between a click on Run and its request together. So nothing is drawn from the
    click on until its request has left, or it turns out to take longer than anybody should wait for a sign of it.
    """

    def __init__(self, schedule: Schedule, draw: Callable[[], None]) -> None:
        self._schedule = schedule
        self._draw = draw
        self._is_due = self._is_due_calmly = False
        self._is_held = self._is_under_way = False

    def request(self) -> None:
        """Draw soon."""
        if not self._is_due:
            self._is_due = True
            self._schedule(self._take)

    def request_calmly(self) -> None:
        """Draw within a few frames: what moves by itself need not be drawn in each."""
        if not self._is_due and not self._is_due_calmly:
            self._is_due_calmly = True
            self._schedule(self._take, is_calm=True)

    def hold(self) -> None:
        """Something was asked for just now, and is on its way from here."""
        if not self._is_held:
            self._is_held, self._is_under_way = True, False
            asyncio.get_running_loop().call_later(LONGEST_HOLD, self._let_go)

    def follow(self, runs: Iterable[Run]) -> None:
        """How far the clicks are now: what is held for may have left."""
        is_leaving = self._is_held and any(run.stage in _LEAVING for run in runs)
        if self._is_under_way and not is_leaving:
            self._let_go()
        self._is_under_way = is_leaving

    def drawn(self) -> None:
        """Everything that was due is drawn."""
        self._is_due = self._is_due_calmly = False

    def _let_go(self) -> None:
        if self._is_held:
            self._is_held, self._is_due = False, True
            self._schedule(self._take)

    def _take(self) -> None:
        if (self._is_due or self._is_due_calmly) and not self._is_held:  # else it was drawn meanwhile, or waits
            self._draw()
