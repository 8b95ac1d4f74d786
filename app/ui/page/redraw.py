"""When the page is drawn: many changes become one patch, and a click's request is sent before the page is drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from app.core.model import PromptId
from app.session import Run, RunStage

LONGEST_HOLD = 0.1  # seconds; a reaction within that time feels immediate
REST = 0.15  # seconds after the last key that was typed

_LEAVING = frozenset({RunStage.RESERVING, RunStage.CONNECTING, RunStage.REGISTERING})


class Schedule(Protocol):
    """Calls back once, before the next frame, or calmly before one of the next few."""

    def __call__(self, callback: Callable[[], None], *, is_calm: bool = False) -> None: ...


class ProgressOrder:
    """Whose progress is drawn next: one task at a time, so that a patch is short and keys are handled in between."""

    def __init__(self) -> None:
        self._coming: list[PromptId] = []
        self._has_moved = False

    def note_move(self) -> None:
        """Note that tasks have moved."""
        self._has_moved = True

    def next(self, running: Iterable[PromptId]) -> PromptId | None:
        """Return the task to draw; None if none has moved since all were drawn."""
        if not self._coming and self._has_moved:
            self._coming, self._has_moved = list(running), False
        return self._coming.pop(0) if self._coming else None

    @property
    def are_over(self) -> bool:
        return not (self._coming or self._has_moved)


class RedrawScheduler:
    """Decides when to call `draw`, or only `move` if nothing but the progress of running work has changed.

    A patch takes as long as everything between a click on Run and its request together. So nothing is drawn from the
    click until its request was sent, or until a user would wait noticeably for a reaction.
    """

    def __init__(self, schedule: Schedule, draw: Callable[[], None], move: Callable[[], None]) -> None:
        self._schedule = schedule
        self._draw = draw
        self._move = move
        self._is_due = self._is_due_calmly = self._is_moved = False
        self._is_held = self._is_under_way = False
        self._asked = 0  # for how many drawings; only the last one is taken
        self._quiet = 0  # requests

    def request(self) -> None:
        """Draw soon."""
        if not self._is_due:
            self._is_due = True
            self._ask()

    def request_quietly(self) -> None:
        """Draw with what is drawn next, or once there was no such request for a while."""
        self._quiet += 1
        asyncio.get_running_loop().call_later(REST, self._rest, self._quiet)

    def _rest(self, number: int) -> None:
        if number == self._quiet:
            self.request()

    def hold(self) -> None:
        """Hold drawing back: a request is about to be sent."""
        if not self._is_held:
            self._is_held, self._is_under_way = True, False
            asyncio.get_running_loop().call_later(LONGEST_HOLD, self._let_go)

    def follow(self, runs: Iterable[Run]) -> None:
        """Draw a change of the session within a few frames; one that is held, as soon as the clicks have been sent."""
        is_leaving = self._is_held and any(run.stage in _LEAVING for run in runs)
        if self._is_under_way and not is_leaving:
            self._let_go()
        self._is_under_way = is_leaving
        is_scheduled, self._is_due_calmly = self._is_scheduled, True
        if not is_scheduled:
            self._ask(is_calm=True)

    def follow_move(self) -> None:
        """Draw a step of progress within a few frames."""
        is_scheduled, self._is_moved = self._is_scheduled, True
        if not is_scheduled:
            self._ask(is_calm=True)

    @property
    def _is_scheduled(self) -> bool:
        return self._is_due or self._is_due_calmly or self._is_moved

    def drawn(self) -> None:
        self._is_due = self._is_due_calmly = self._is_moved = False

    def _let_go(self) -> None:
        if self._is_held:
            self._is_held, self._is_due = False, True
            self._ask()

    def _ask(self, *, is_calm: bool = False) -> None:
        self._asked += 1
        self._schedule(partial(self._take, self._asked), is_calm=is_calm)

    def _take(self, number: int) -> None:
        if number != self._asked or not self._is_scheduled or self._is_held:
            return  # it was drawn before, or will be, or is held
        if self._is_due or self._is_due_calmly:
            self._quiet += 1  # those before are drawn with it
            self._draw()
        else:
            self._move()
