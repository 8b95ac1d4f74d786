"""Deletions that can be undone: each is delayed for ten seconds, while a message offers *Undo*.

    deletions.put_off(Deletion(What.RESULTS, name="Dunes", hides=frozenset({prompt_id})), delete)

The deleted item is hidden in this window immediately, and stays in the store until its time is over. So a page that is
reloaded or closed before then has deleted nothing, and other windows show the item until it is really deleted. The tab
keeps the number of those under way, so that a reloaded page can say so. A change that affects only this page is made
immediately, and `undo` reverts it.

The countdown pauses while the pointer is on the message or the focus is in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any

from app.core.errors import MooringError
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext
from app.ui.kit.deletions import Deletion

log = logging.getLogger("mooring.ui")

SECONDS = 10.0  # for which a deletion can be undone
TICK = 0.25  # seconds between checks of the countdown

Work = Callable[[], Coroutine[Any, Any, None]]


async def nothing() -> None:
    """Do nothing: the work of a deletion that was made immediately."""


class Deletions:
    """The deletions that can still be undone. `now` is in seconds; `note` gets how many are under way."""

    def __init__(
        self,
        context: PageContext,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        note: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._context = context
        self._now = now
        self._sleep = sleep
        self._note = note
        self._number = 0
        self._undo: dict[int, Callable[[], None]] = {}
        self._is_held = False

    def put_off(self, deletion: Deletion, work: Work = nothing, undo: Callable[[], None] = lambda: None) -> None:
        """Hide the item, and do the `work` once the deletion can no longer be undone. `undo` shows it again."""
        self._number += 1
        deletion = replace(deletion, number=self._number, is_delayed=work is not nothing)
        self._undo[deletion.number] = undo
        self._show(*self._context.ui.deletions, deletion)
        self._context.spawn(self._run_out(deletion, work))

    @action("hold-deletions")
    def hold(self) -> None:
        """Pause the countdown."""
        self._is_held = True

    @action("release-deletions")
    def release(self) -> None:
        """Let the countdown continue."""
        self._is_held = False

    def undo_last(self) -> bool:
        """Undo the latest deletion; return False if there is none."""
        if not self._undo:
            return False
        self.undo(max(self._undo))
        return True

    @action("undo-deletion")
    def undo(self, number: int) -> None:
        undo = self._undo.pop(number, None)
        if undo is not None:  # otherwise its time has just run out
            self._forget(number)
            undo()

    def spare(self, item_id: str) -> None:
        """Undo the deletion of this item, which the user has opened since."""
        for item in self._all:
            if item_id in item.hides:
                self.undo(item.number)

    async def _run_out(self, deletion: Deletion, work: Work) -> None:
        left, before = SECONDS, self._now()
        while left > 0 and deletion.number in self._undo:
            await self._sleep(TICK)
            now = self._now()
            left -= 0.0 if self._is_held else now - before
            before = now
        undo = self._undo.pop(deletion.number, None)
        if undo is None:
            return  # it was undone
        self._show(*(replace(item, is_over=item.is_over or item.number == deletion.number) for item in self._all))
        is_deleted = False
        try:
            await work()
            is_deleted = True
        except MooringError as error:
            log.warning("deletion failed: %r", error)
            self._context.set_ui(self._context.ui.with_error(error))
        finally:
            self._forget(deletion.number)
            if not is_deleted:
                undo()  # the item still exists, and is shown again

    @property
    def _all(self) -> tuple[Deletion, ...]:
        return self._context.ui.deletions

    def _forget(self, number: int) -> None:
        self._show(*(item for item in self._all if item.number != number))

    def _show(self, *deletions: Deletion) -> None:
        hidden = frozenset[str]().union(*(item.hides for item in deletions))
        if not any(not item.is_over for item in deletions):
            self._is_held = False  # the message is gone, and the pointer cannot leave it
        if (count := _under_way(deletions)) != _under_way(self._all):
            self._note(count)
        self._context.set_ui(replace(self._context.ui, deletions=deletions, hidden=hidden))


def _under_way(deletions: Iterable[Deletion]) -> int:
    """Return how many of these would not happen if the page closed now."""
    return sum(item.is_delayed for item in deletions)
