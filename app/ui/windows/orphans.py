"""The panel with what closed windows have left behind, as values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from app.core.model import Fleet, PromptId, ServerId
from app.session import Orphan, OrphanRecord
from app.ui.kit.colours import ServerTag
from app.ui.page.state import LeftView, OrphanView


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
) -> LeftView:
    """The panel, the newest first; empty if nothing was left."""
    newest = sorted(session.orphans, key=lambda item: item.task.created_at, reverse=True)
    return LeftView(
        tuple(
            OrphanView(item, tag_of(session.fleet, item.task.server_id), picture_of(item.task.prompt_id))
            for item in newest
        ),
        session.orphan_records,
        is_searching and bool(session.orphans or session.orphan_records),
    )
