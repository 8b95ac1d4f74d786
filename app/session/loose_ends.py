"""What a page that went away at this moment would take with it: clicks not yet durable, uploads and writes under way.

Running tasks are none of it: their records are durable, and whoever opens the page next looks after them.
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
    """Counts what is under way. `changed` is called when something begins that may take long, and when it is over."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._uploads = 0
        self._writes = 0
        self._unwritten: set[PromptId] = set()  # tasks whose last write has failed

    @contextmanager
    def upload(self) -> Iterator[None]:
        """Around an upload that no click stands for."""
        self._uploads += 1
        self._changed()
        try:
            yield
        finally:
            self._uploads -= 1
            self._changed()

    @contextmanager
    def write(self, prompt_id: PromptId) -> Iterator[None]:
        """Around the write of a task's record."""
        self._writes += 1
        self._changed()
        try:
            yield
            self._unwritten.discard(prompt_id)
        except (NotOwner, TaskNotFound, BrokenRecord):  # it is not ours to write any more
            self._unwritten.discard(prompt_id)
            raise
        except StorageError:
            self._unwritten.add(prompt_id)
            raise
        finally:
            self._writes -= 1

    @property
    def unwritten(self) -> tuple[PromptId, ...]:
        """The tasks whose last write has failed."""
        return tuple(sorted(self._unwritten))

    def forget(self, prompt_id: PromptId) -> None:
        """That task is not ours any more, or gone: nobody will write it again."""
        self._unwritten.discard(prompt_id)

    def any(self, runs: Iterable[Run], store_error: StorageError | None) -> bool:
        """Whether there is something to lose now. A failed write counts for as long as the store is not well again."""
        is_under_way = bool(self._uploads or self._writes)
        is_failed = bool(self._unwritten) and store_error is not None
        return is_under_way or is_failed or any(run.stage in _NOT_DURABLE for run in runs)
