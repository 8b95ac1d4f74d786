"""Reads other windows and the servers while a panel shows them, and announces changes of this window to the others.

Nothing is read while no panel is open, or while the tab is hidden. A signal of another window (`Signals`) is followed
immediately; a closed window or a server's free memory sends no signal, and is noticed by the next poll.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.core.errors import ConfigError, StorageError, TransportError
from app.core.model import PromptId, WindowId
from app.core.ports.blobs import Blob
from app.core.ports.fleet import StatsSource
from app.core.ports.windows import RosterSource, Signals
from app.core.roster import TaskSummary, digest, moorings
from app.core.window import Window
from app.session import Session
from app.ui.kit.screen import Screen
from app.ui.kit.thumbnails import Find, Sights
from app.ui.windows.panel import NOTHING_READ, PanelFacts, RosterDialog, pictured

EVERY = 5.0  # seconds between two polls without a signal
PAUSE = 0.3  # seconds after a poll, however many signals come

log = logging.getLogger("mooring.ui")


class PanelData:
    """Reads the data of the panels. `on_show` is called when another window asks the user to come to this one."""

    def __init__(
        self,
        panel_sources: PanelSources,
        session: Session,
        screen: Screen,
        *,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
        on_show: Callable[[], None],
    ) -> None:
        self._sources, self._session, self._screen = panel_sources, session, screen
        self._spawn, self._changed, self._on_show = spawn, changed, on_show
        self._facts = NOTHING_READ
        self._sights = Sights(screen, spawn, changed)
        self._dialog: object = None
        self._is_watching = False
        self._news = asyncio.Event()
        self._announced: tuple[Window, ...] = ()
        panel_sources.signals.listen(self._hear)

    @property
    def facts(self) -> PanelFacts:
        return replace(self._facts, sight=self._sight)

    def refresh(self, dialog: object) -> None:
        """Before a drawing: read while a panel that shows the data is open, and release everything otherwise."""
        is_other = type(dialog) is not type(self._dialog)
        self._dialog = dialog
        if self._is_wanted() and not self._is_watching:
            self._is_watching = True
            self._spawn(self._watch())
        elif is_other and self._is_watching:
            self._news.set()
        if not self._is_open() and self._facts is not NOTHING_READ:
            self._facts = NOTHING_READ
            self._sources.roster.forget()
            self._sights.want({})

    def announce(self) -> None:
        """Send a signal to the other windows if this one has changed."""
        windows = self._session.windows
        if len(windows) == len(self._announced) and all(map(lambda a, b: a is b, windows, self._announced)):
            return  # a step of progress: no other window shows it
        before, self._announced = self._announced, windows
        if windows and _outline(before) != _outline(windows):
            self._sources.signals.send("changed", windows[0].window_id)
            self._news.set()

    def ask(self, window_id: WindowId) -> None:
        """Ask another window to mark its tab."""
        self._sources.signals.send("show", window_id)

    def _hear(self, kind: str, window_id: WindowId) -> None:
        if kind == "changed":
            self._news.set()
        if kind == "show" and any(item.window_id == window_id for item in self._session.windows):
            self._on_show()

    def _is_open(self) -> bool:
        return isinstance(self._dialog, RosterDialog)

    def _is_wanted(self) -> bool:
        return self._is_open() and not self._screen.is_hidden()

    async def _watch(self) -> None:
        try:
            while self._is_wanted():
                self._news.clear()
                await self._look()
                self._changed()
                await asyncio.sleep(PAUSE)
                try:
                    await asyncio.wait_for(self._news.wait(), EVERY)
                except TimeoutError:
                    continue
        finally:
            self._is_watching = False

    async def _look(self) -> None:
        found = self._facts
        try:
            read = await self._sources.roster.read([item.server_id for item in self._session.fleet.servers])
            await asyncio.sleep(0)  # thousands of tasks: yield between the steps
            roster = digest(read)
            await asyncio.sleep(0)
            found = replace(found, roster=roster, moorings=moorings(roster), is_unreadable=False)
        except StorageError as error:
            log.warning("the other windows cannot be read: %r", error)
            found = replace(found, is_unreadable=True)
        if isinstance(self._dialog, RosterDialog) and self._dialog.has_stats:
            try:
                found = replace(found, stats=await self._sources.stats.stats())
            except (TransportError, ConfigError) as error:
                log.info("the servers' stats cannot be read: %r", error)
        if not self._is_open():
            return  # the panel was closed
        self._facts = found
        has_pictures = isinstance(self._dialog, RosterDialog) and self._dialog.has_pictures
        self._sights.want(self._wanted() if has_pictures else {})

    def _wanted(self) -> Mapping[str, Find]:
        if self._facts.roster is None:
            return {}
        return {task.prompt_id: self._finder(task) for _, tasks in pictured(self._facts.roster) for task in tasks}

    def _finder(self, task: TaskSummary) -> Find:
        async def find() -> Blob | None:
            return await self._session.results.read_thumbnail(task.prompt_id, 0)

        return find

    def _sight(self, prompt_id: PromptId) -> str:
        return self._sights.url(prompt_id)


def _outline(windows: tuple[Window, ...]) -> list[object]:
    """Return what other windows show of these."""
    return [
        (
            item.window_id,
            item.window_locked_server,
            len(item.tasks),
            [(task.prompt_id, task.state) for task in item.unfinished],
        )
        for item in windows
    ]


@dataclass(frozen=True, slots=True)
class PanelSources:
    """The sources of the panels' data: windows, server stats and signals."""

    roster: RosterSource
    stats: StatsSource
    signals: Signals
