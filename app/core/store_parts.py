"""Parts of the one store of all windows (`core/ports.py`): where runs wait, and what is learned of those that ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.core.durations import Durations, Ran
from app.core.model import WindowId
from app.core.plan import Measured, Paces
from app.core.waiting_runs import LineChange, WaitingRuns


@dataclass(frozen=True, slots=True)
class Learned:
    """How long work takes: as a whole, and node by node."""

    durations: Durations = field(default_factory=Durations)
    paces: Paces = field(default_factory=Paces)


class LearnedStore(Protocol):
    """The part of the store that learns. What was learned and cannot be read any more is learned anew."""

    async def learn(self, ran: Ran) -> None:
        """Learn from one more run, for all windows."""

    async def learn_paces(self, measured: Measured) -> None:
        """Learn from one more run what its nodes take, for all windows."""

    async def read_learned(self) -> Learned:
        """All that was learned."""


class LineStore(Protocol):
    """The part of the store where runs wait: one line for each window, fenced by its `line_id`."""

    async def read_line(self, window_id: WindowId) -> WaitingRuns:
        """The line of that window, empty if nothing waits there; BrokenRecord if a part of it cannot be read."""

    async def read_lines(self) -> Mapping[WindowId, int]:
        """How many runs wait, by window; windows without any are left out."""

    async def write_line(self, change: LineChange) -> None:
        """Make one step of a line durable. NotOwner if it is not the line that it was (emptied, or adopted by another
        window), TaskNotFound if a run that was changed or taken off does not wait there any more."""

    async def adopt_line(self, owner: WindowId, new_owner: WindowId, line_id: str) -> WaitingRuns:
        """Put what waits in one window's line to the end of another's, which begins as `line_id` if it is empty, with
        the pause and wishes of the old one. The line as it is then. TaskNotFound if nothing waits there."""
