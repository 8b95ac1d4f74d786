"""What waits in this window, as values: the panel with the line, and what gone windows' lines can be taken in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.core.errors import MooringError, StorageError
from app.core.line import Line, Pause
from app.core.model import PromptId
from app.session import OrphanLine

SHOWN = 50  # rows; a longer line is told by its number


class LineFacts(Protocol):
    """What the panel reads of a session's waiting line."""

    @property
    def line(self) -> Line | None: ...
    @property
    def error(self) -> StorageError | None: ...
    @property
    def sending(self) -> frozenset[PromptId]: ...
    @property
    def refusal(self) -> MooringError | None: ...
    @property
    def stalled_by(self) -> MooringError | None: ...
    @property
    def orphans(self) -> tuple[OrphanLine, ...]: ...


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """One run that waits; `is_on_its_way` once it is taken up, so that it can only be taken back."""

    prompt_id: PromptId
    title: str
    label: str
    is_on_its_way: bool = False
    is_first: bool = False
    is_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingView:
    """The panel: empty without anything that waits here or is left by gone windows."""

    items: tuple[WaitingItem, ...] = ()
    count: int = 0
    pause: Pause | None = None
    refusal: MooringError | None = None
    stalled_by: MooringError | None = None
    error: StorageError | None = None
    is_unbounded: bool = False
    orphans: tuple[OrphanLine, ...] = ()


def waiting_view(facts: LineFacts) -> WaitingView:
    """The panel as it has to look now."""
    line = facts.line
    if line is None or not line.entries:
        return WaitingView(error=facts.error, orphans=facts.orphans)
    return WaitingView(
        items=tuple(_items(line, facts.sending)),
        count=len(line.entries),
        pause=line.pause,
        refusal=facts.refusal,
        stalled_by=facts.stalled_by if line.pause is None else None,
        error=facts.error,
        is_unbounded=line.is_unbounded,
        orphans=facts.orphans,
    )


def _items(line: Line, sending: frozenset[PromptId]) -> Sequence[WaitingItem]:
    last = len(line.entries) - 1
    return [
        WaitingItem(
            entry.prompt_id,
            line.batches[entry.batch_id].title,
            entry.part.label,
            is_on_its_way=entry.prompt_id in sending,
            is_first=number == 0,
            is_last=number == last,
        )
        for number, entry in enumerate(line.entries[:SHOWN])
    ]
