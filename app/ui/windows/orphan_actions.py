"""Actions on the work that closed windows have left: show it or put it aside, search for it, and adopt it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.core.errors import MooringError
from app.core.model import PromptId
from app.session import OrphanLine, Session
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.screen import Screen
from app.ui.windows.orphans import KEY, Adopted, WindowsState, left_names, read_left, write_left

log = logging.getLogger("mooring.ui")


class OrphanActions:
    """The actions of the panel with orphans."""

    def __init__(self, session: Session, context: PageContext, screen: Screen) -> None:
        self._session = session
        self._context = context
        self._screen = screen

    @property
    def _state(self) -> WindowsState:
        return self._context.ui.of(WindowsState)

    def _set(self, **changes: Any) -> None:
        set_slices(self._context, replace(self._state, **changes))

    def follow_kept(self) -> None:
        """Take over what was seen or put aside in any window."""
        seen, aside = read_left(self._screen.kept(KEY))
        self._set(seen=seen, aside=aside)

    @action("toggle-left")
    def toggle(self) -> None:
        """Show the list, or hide it."""
        if self._state.is_open:
            self._set(is_open=False)
        else:
            self._open()

    @action("put-left-aside")
    def put_aside(self) -> None:
        """Show it no more until there is other work."""
        self._set(is_open=False)
        self._keep(aside=left_names(self._session))

    def _open(self) -> None:
        self._set(is_open=True)
        self._keep(seen=left_names(self._session))

    def _keep(self, **changes: frozenset[str]) -> None:
        self._set(**changes)
        self._screen.keep(KEY, write_left(self._state, left_names(self._session)))

    @action("adopt")
    def adopt(self, prompt_id: PromptId) -> None:
        self._context.spawn(self._adopt([prompt_id]))

    @action("adopt-all")
    def adopt_all(self) -> None:
        session = self._session
        damaged = len(session.orphan_records)
        self._context.spawn(
            self._adopt([item.task.prompt_id for item in session.orphans], session.line.orphans, damaged)
        )

    @action("search-orphans")
    def search(self) -> None:
        self._context.spawn(self._search())

    async def _adopt(self, prompt_ids: Sequence[PromptId], lines: Sequence[OrphanLine] = (), damaged: int = 0) -> None:
        """Adopt each on its own: if another window was faster with one, the rest is still adopted."""
        adopted = Adopted(damaged=damaged)
        for prompt_id in prompt_ids:
            try:
                adopted = replace(adopted, tasks=(*adopted.tasks, await self._session.adopt(prompt_id)))
            except MooringError as error:
                self._show(error)
        for line in lines:
            try:
                await self._session.line.adopt(line.owner)
                adopted = replace(adopted, waiting=adopted.waiting + line.count)
            except MooringError as error:
                self._show(error)
        if adopted.count:
            self._set(number=self._state.number + 1, found=None, adopted=adopted)

    async def _search(self) -> None:
        self._note(is_searching=True)
        found = None
        try:
            await self._session.find_orphans()
            found = self._count()
        except MooringError as error:
            self._show(error)
        finally:
            self._note(is_searching=False, found=found)
        if found:
            self._open()

    def _count(self) -> int:
        """Count the runs of closed windows, with those that were never sent."""
        session = self._session
        return len(session.orphans) + len(session.orphan_records) + sum(item.count for item in session.line.orphans)

    def _note(self, *, is_searching: bool, found: int | None = None) -> None:
        self._set(is_searching=is_searching, number=self._state.number + 1, found=found, adopted=None)

    def _show(self, error: MooringError) -> None:
        log.warning("refused: %r", error)
        self._context.set_ui(self._context.ui.with_error(error))
