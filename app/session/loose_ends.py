"""What would be lost if the page closed now: runs of scripts that are not durable yet, uploads, and writes of ends.

Running tasks are not lost: their records are durable, and the next page of this window continues to watch them. So
what was to be written of one meanwhile is learned again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from app.core.errors import NotOwner, StorageError, TaskNotFound
from app.core.model import PromptId
from app.core.records import BrokenRecord
from app.session.facts import Run, RunStage

_NOT_DURABLE = frozenset({RunStage.RESERVING, RunStage.CONNECTING, RunStage.UPLOADING, RunStage.REGISTERING})


class LooseEnds:
    """Counts uploads and writes in progress. `changed` is called when a long one starts, and when it ends."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._uploads = 0
        self._writes = 0
        self._unwritten: set[PromptId] = set()  # tasks whose last write has failed

    @contextmanager
    def upload(self) -> Iterator[None]:
        """Enclose an upload that belongs to no click."""
        self._uploads += 1
        self._changed()
        try:
            yield
        finally:
            self._uploads -= 1
            self._changed()

    @contextmanager
    def write(self, prompt_id: PromptId, *, is_end: bool) -> Iterator[None]:
        """Enclose the write of a task's record; that of an end would be lost."""
        self._writes += is_end
        if is_end:
            self._changed()
        try:
            yield
            self._unwritten.discard(prompt_id)
        except (NotOwner, TaskNotFound, BrokenRecord):  # no longer ours to write
            self._unwritten.discard(prompt_id)
            raise
        except StorageError:
            self._unwritten.add(prompt_id)
            raise
        finally:
            self._writes -= is_end

    @property
    def unwritten(self) -> tuple[PromptId, ...]:
        """The tasks whose last write has failed."""
        return tuple(sorted(self._unwritten))

    def forget(self, prompt_id: PromptId) -> None:
        """Drop a task that is no longer ours, or was deleted: its write will not be retried."""
        self._unwritten.discard(prompt_id)

    def any(self, runs: Iterable[Run], store_error: StorageError | None) -> bool:
        """Whether something would be lost now. A failed write counts while the store has an error."""
        is_under_way = bool(self._uploads or self._writes)
        is_failed = bool(self._unwritten) and store_error is not None
        return is_under_way or is_failed or any(run.stage in _NOT_DURABLE and not run.is_kept for run in runs)
