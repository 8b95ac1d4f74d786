"""Actions on the work that closed windows have left: search for it, and adopt it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from app.core.errors import MooringError
from app.core.model import PromptId, Task
from app.session import Orphan, OrphanLine, OrphanRecord
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.windows.orphans import WindowsState

log = logging.getLogger("mooring.ui")


class LineFacts(Protocol):
    """The part of the waiting runs that the search reads."""

    @property
    def orphans(self) -> Sequence[OrphanLine]: ...


class OrphanCommands(Protocol):
    """The part of a session that these actions call."""

    @property
    def orphans(self) -> tuple[Orphan, ...]: ...
    @property
    def orphan_records(self) -> tuple[OrphanRecord, ...]: ...
    @property
    def line(self) -> LineFacts: ...
    async def find_orphans(self) -> tuple[Orphan, ...]: ...
    async def adopt(self, prompt_id: PromptId) -> Task: ...


class OrphanActions:
    """The actions of the panel with orphans."""

    def __init__(self, session: OrphanCommands, context: PageContext) -> None:
        self._session = session
        self._context = context

    @action("adopt")
    def adopt(self, prompt_id: PromptId) -> None:
        self._context.spawn(self._adopt(prompt_id))

    @action("adopt-all")
    def adopt_all(self) -> None:
        self._context.spawn(self._adopt(*(item.task.prompt_id for item in self._session.orphans)))

    @action("search-orphans")
    def search(self) -> None:
        self._context.spawn(self._search())

    async def _adopt(self, *prompt_ids: PromptId) -> None:
        """Adopt each on its own: if another window was faster with one, the rest is still adopted."""
        for prompt_id in prompt_ids:
            try:
                await self._session.adopt(prompt_id)
            except MooringError as error:
                self._show(error)

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

    def _count(self) -> int:
        """Count the runs of closed windows, with those that were never sent."""
        session = self._session
        return len(session.orphans) + len(session.orphan_records) + sum(item.count for item in session.line.orphans)

    def _note(self, *, is_searching: bool, found: int | None = None) -> None:
        before = self._context.ui.of(WindowsState)
        set_slices(self._context, WindowsState(is_searching, before.number + 1, found))

    def _show(self, error: MooringError) -> None:
        log.warning("refused: %r", error)
        self._context.set_ui(self._context.ui.with_error(error))
