"""The panel sources in memory: a roster, server stats, and a channel between windows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import ConfigError, StorageError
from app.core.model import PromptId, ServerId, TaskState, WindowId
from app.core.roster import KnownWindow, Roster, TaskSummary, digest
from app.ui.windows.panel_data import PanelSources
from tests.kit.page.stills import ME
from wire.server_stats import ServerStats

OTHER = WindowId("99999999-9999-4999-8999-999999999999")
NOW = 10_000.0


def glance(name: str, owner: str = ME, server: str = "gpu-1", **more: Any) -> TaskSummary:
    """Return a summary of a task, ended unless `more` changes that."""
    facts: dict[str, Any] = {"state": TaskState.SUCCEEDED, "created_at": 1000.0, "ended_at": 1010.0}
    return TaskSummary(prompt_id=PromptId(name), owner=WindowId(owner), server_id=ServerId(server), **{**facts, **more})


def roster(*tasks: TaskSummary, **more: Any) -> Roster:
    """Two living windows: this one, and one that was opened before it."""
    windows = (KnownWindow(window_id=ME, created_at=5000.0), KnownWindow(window_id=OTHER, created_at=1000.0))
    facts = {"read_at": NOW, "windows": windows, "present": frozenset({ME, OTHER})}
    return digest(Roster(tasks=tasks, **{**facts, **more}))


@dataclass
class MemoryRoster:
    """A roster that a test sets; `reads` counts the reads."""

    now: Roster = field(default_factory=roster)
    reads: int = 0
    forgotten: int = 0
    refusal: StorageError | None = None

    async def read(self, server_ids: Collection[ServerId]) -> Roster:
        self.reads += 1
        if self.refusal is not None:
            raise self.refusal
        return self.now

    def forget(self) -> None:
        self.forgotten += 1


@dataclass
class MemoryStats:
    """Stats that a test sets; None fails."""

    now: Mapping[ServerId, ServerStats] | None = field(default_factory=dict)
    reads: int = 0

    async def stats(self) -> Mapping[ServerId, ServerStats]:
        self.reads += 1
        if self.now is None:
            raise ConfigError("an older gateway")
        return self.now


@dataclass
class MemorySignals:
    """The signals that this page has sent; `hear` receives those of other pages."""

    sent: list[tuple[str, WindowId]] = field(default_factory=list)
    hear: Callable[[str, WindowId], None] = lambda _kind, _window_id: None

    def send(self, kind: str, window_id: WindowId) -> None:
        self.sent.append((kind, window_id))

    def listen(self, hear: Callable[[str, WindowId], None]) -> None:
        self.hear = hear


def panel_sources() -> PanelSources:
    """Return sources that have only two windows."""
    return PanelSources(MemoryRoster(), MemoryStats(), MemorySignals())
