"""The panel with what closed windows have left behind, as values."""

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
    """What closed windows have left: to be adopted, or only to be given up. Whether it is looked for now."""

    orphans: tuple[OrphanView, ...] = ()
    records: tuple[OrphanRecord, ...] = ()
    is_searching: bool = False


class LeftFacts(Protocol):
    """What the panel reads of a session."""

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
    """The panel, the newest first; empty if nothing was left."""
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
    """Whether work that closed windows have left is being searched for."""

    is_searching: bool = False
