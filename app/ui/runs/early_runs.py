"""Presses of Run from before Python had started, as far as a reload came between (`static/js/early.js`).

Each has the prompt_id of its run. One that an earlier page may have carried out is looked up, and is offered again if
there is no such run: a run that was never recorded was never sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from app.core.errors import MooringError
from app.core.model import PromptId
from app.session import Session
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.screen import Screen
from app.ui.runs.state import RunsState

LONGEST_WAIT = 0.5  # seconds for a press to be sent

log = logging.getLogger("mooring.ui")


class EarlyRunActions:
    """Actions on presses that are not simply carried out."""

    def __init__(self, session: Session, context: PageContext, screen: Screen) -> None:
        self._session, self._context, self._screen = session, context, screen
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    @contextmanager
    def carrying(self) -> Iterator[None]:
        """Carry out a press; `until_idle` returns after that."""
        self._is_idle.clear()
        try:
            yield
        finally:
            self._is_idle.set()

    async def until_idle(self) -> None:
        """Wait until no press is carried out, but not long: its server may be slow."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_idle.wait(), LONGEST_WAIT)

    async def is_done(self, press: PromptId, *, is_restored: bool) -> bool:
        """Whether a press needs no run here: it is recorded, or this tab is a copy of the one with the press."""
        identity = self._session.identity
        is_copied = is_restored and identity is not None and identity.is_duplicate
        return is_copied or await self._session.knows(press)

    @action("offer-press")
    async def offer(self, press: str, restored: bool = False) -> None:
        """Say that a press came to nothing, if that is so."""
        try:
            if not await self.is_done(PromptId(press), is_restored=restored):
                runs = self._context.ui.of(RunsState)
                set_slices(self._context, replace(runs, unsent=runs.unsent + 1))
        except MooringError as error:
            log.warning("whether an early run was recorded is unknown: %r", error)
            raise
        finally:
            self._screen.end_press(press)
