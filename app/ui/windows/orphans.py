"""The panel with the work of closed windows, as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.core.model import Fleet, PromptId, ServerId
from app.session import Orphan, OrphanRecord
from app.ui.kit.colours import ServerTag
from app.ui.kit.state import Slice


@dataclass(frozen=True, slots=True)
class OrphanView:
    """One orphan with its server and its picture; without one, `picture_url` is empty."""

    orphan: Orphan
    tag: ServerTag
    picture_url: str = ""


@dataclass(frozen=True, slots=True)
class OrphansView:
    """The work of closed windows: to be adopted, or only given up; `is_searching` while more is searched for."""

    orphans: tuple[OrphanView, ...] = ()
    records: tuple[OrphanRecord, ...] = ()
    is_searching: bool = False


class LeftFacts(Protocol):
    """The part of a session that the panel shows."""

    @property
    def fleet(self) -> Fleet: ...
    @property
    def orphans(self) -> tuple[Orphan, ...]: ...
    @property
    def orphan_records(self) -> tuple[OrphanRecord, ...]: ...


def left_view(
    session: LeftFacts,
    tag_of: Callable[[Fleet, ServerId], ServerTag],
    picture_of: Callable[[PromptId], str],
    *,
    is_searching: bool,
) -> OrphansView:
    """Return the panel, the newest work first; empty if there is none."""
    newest = sorted(session.orphans, key=lambda item: item.task.created_at, reverse=True)
    return OrphansView(
        tuple(
            OrphanView(item, tag_of(session.fleet, item.task.server_id), picture_of(item.task.prompt_id))
            for item in newest
        ),
        session.orphan_records,
        is_searching and bool(session.orphans or session.orphan_records),
    )


@dataclass(frozen=True, slots=True)
class WindowsState(Slice):
    """The search for work that closed windows have left, as the user asked for it.

    `number` differs for each message about it; `found` is the number of runs, None before the end.
    """

    is_searching: bool = False
    number: int = 0
    found: int | None = None
