"""How far the latest batch is, and that it has ended, until another run starts. An end by *Stop* needs no words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from app.core.file_runs import FAILED, TO_COME, FileRuns
from app.core.model import BatchId, Task, TaskState
from app.core.past import RECENT
from app.core.waiting_runs import WaitingRuns
from app.ui.kit.session_facts import SessionFacts
from app.ui.runs.queue import is_failure
from app.ui.runs.state import BatchView


class BatchFollower:
    """Counts the runs of the batch under way; its ended runs still count when they are deleted, or become past tasks.

    It must follow each change: also of a tab that is hidden.
    """

    def __init__(self) -> None:
        self._batch_id: BatchId | None = None
        self._total = 0  # the most runs that were known at once: one that is removed counts as stopped
        self._ends: dict[int, TaskState | None] = {}  # by the runs' numbers; None for a failure
        self._before = 0  # runs that had become past tasks when the page was loaded
        self._line: WaitingRuns | None = None
        self._waiting: dict[BatchId, set[int]] = {}
        self._last_start = 0.0  # of another run, when the batch ended
        self._stopped = 0
        self._start_at_stop = 0.0  # of the batch's latest run, when some were stopped last
        self.view: BatchView | None = None

    def follow(self, session: SessionFacts) -> None:
        """Count again: the batch that was followed if it is not over, else the first one under way."""
        tasks = [task for window in session.windows for task in window.tasks.values() if not task.is_ward]
        under_way = self._count_under_way(session, tasks)
        if self._batch_id is None or not under_way[self._batch_id]:
            self._take_up(tasks, under_way)
        if self._batch_id is None:
            self.view = None
            return
        mine = _of_batch(tasks, self._batch_id)
        self._note_ends(self._batch_id, mine)
        view = self._count(under_way[self._batch_id], _files_of(session, self._batch_id))
        latest = max((task.created_at for task in mine), default=0.0)
        if view.stopped > self._stopped:
            self._start_at_stop = latest
        self._stopped = view.stopped
        self.view = replace(view, was_stopped=view.stopped > 0 and latest <= self._start_at_stop)
        started = _newest_start(session, tasks, mine)
        if not self.view.is_over:
            self._last_start = started
        elif started > self._last_start:  # another run has started since
            self._batch_id, self.view = None, None

    def _count_under_way(self, session: SessionFacts, tasks: Iterable[Task]) -> Counter[BatchId]:
        """Count the runs of each batch that run, wait, or are to come from files."""
        line = session.line.line
        if line is not self._line:
            self._line, self._waiting = line, {}
            for entry in line.entries if line is not None else ():
                self._waiting.setdefault(entry.batch_id, set()).add(entry.part.index)
        found = Counter({batch_id: len(entries) for batch_id, entries in self._waiting.items()})
        found.update({work.plan.batch.batch_id: work.count(TO_COME) for work in session.line.files.works})
        for task in tasks:
            if task.part is not None and not task.state.is_end:
                found[task.part.batch_id] += task.part.index not in self._waiting.get(task.part.batch_id, ())
        return found

    def _take_up(self, tasks: Iterable[Task], under_way: Counter[BatchId]) -> None:
        """Follow the batch under way that was started first, of those with several runs."""
        parts = [task.part for task in tasks if task.part is not None and task.state.is_end]
        ended = Counter(part.batch_id for part in parts)
        started = {task.part.batch_id: task.created_at for task in reversed(list(tasks)) if task.part is not None}
        for batch_id in sorted(under_way, key=lambda key: started.get(key, float("inf"))):
            if under_way[batch_id] and under_way[batch_id] + ended[batch_id] > 1:
                self._batch_id, self._ends, self._total, self._stopped = batch_id, {}, 0, 0
                last = max((part.index for part in parts if part.batch_id == batch_id), default=0)
                self._before = max(0, last + 1 - ended[batch_id]) if ended[batch_id] >= RECENT else 0
                return

    def _note_ends(self, batch_id: BatchId, mine: Iterable[Task]) -> None:
        """Note how each run has ended; one that is run again is under way."""
        for task in sorted(mine, key=lambda task: task.created_at):
            assert task.part is not None
            if task.state.is_end:
                self._ends[task.part.index] = None if is_failure(task) else task.state
            else:
                self._ends.pop(task.part.index, None)
        for index in self._ends.keys() & self._waiting.get(batch_id, set()):
            del self._ends[index]

    def _count(self, under_way: int, files: FileRuns | None) -> BatchView:
        assert self._batch_id is not None
        states = Counter(self._ends.values())
        done, failed = states[TaskState.SUCCEEDED] + self._before, states[None]
        self._total = max(self._total, self._before + len(self._ends) + under_way)
        if files is not None:  # some fail before they have a task
            self._total, failed = len(files.plan.runs), max(failed, files.count(FAILED))
        stopped = max(0, self._total - done - failed - under_way)
        return BatchView(batch_id=self._batch_id, done=done, failed=failed, stopped=stopped, total=self._total)


def _of_batch(tasks: Iterable[Task], batch_id: BatchId) -> list[Task]:
    return [task for task in tasks if task.part is not None and task.part.batch_id == batch_id]


def _files_of(session: SessionFacts, batch_id: BatchId) -> FileRuns | None:
    return next((work for work in session.line.files.works if work.plan.batch.batch_id == batch_id), None)


def _newest_start(session: SessionFacts, tasks: Iterable[Task], mine: Iterable[Task]) -> float:
    """Return when the latest run outside the batch has started."""
    known = {task.prompt_id for task in mine}
    starts = [task.created_at for task in tasks if task.prompt_id not in known]
    starts += [run.started_at for run in session.runs if run.prompt_id not in known]
    return max(starts, default=0.0)
