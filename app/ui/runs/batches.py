"""How far the latest batch is, and that it has ended, until another run starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from app.core.file_runs import TO_COME
from app.core.model import BatchId, PromptId, Task, TaskState
from app.core.past import RECENT
from app.core.waiting_runs import WaitingRuns
from app.ui.runs.cards import SessionFacts
from app.ui.runs.queue import is_failure
from app.ui.runs.state import BatchView


class BatchFollower:
    """Counts the runs of the batch under way; its ended runs still count when they are deleted, or become past tasks.

    It must follow each change: also of a tab that is hidden.
    """

    def __init__(self) -> None:
        self._batch_id: BatchId | None = None
        self._ends: dict[PromptId, TaskState | None] = {}  # None for a failure
        self._before = 0  # runs that had become past tasks when the page was loaded
        self._line: WaitingRuns | None = None
        self._waiting: Counter[BatchId] = Counter()
        self._last_start = 0.0  # of another run, when the batch ended
        self.view: BatchView | None = None

    def follow(self, session: SessionFacts) -> None:
        """Count again: the batch that was followed if it is not over, else the first one under way."""
        tasks = [task for window in session.windows for task in window.tasks.values() if not task.is_ward]
        under_way = Counter(task.part.batch_id for task in tasks if task.part is not None and not task.state.is_end)
        under_way.update(self._count_waiting(session))
        if self._batch_id is None or not under_way[self._batch_id]:
            self._take_up(tasks, under_way)
        if self._batch_id is None:
            self.view = None
            return
        mine = [task for task in tasks if task.part is not None and task.part.batch_id == self._batch_id]
        self._ends |= {task.prompt_id: None if is_failure(task) else task.state for task in mine if task.state.is_end}
        self.view = self._count(under_way[self._batch_id])
        started = self._newest_start(session, tasks)
        if not self.view.is_over:
            self._last_start = started
        elif started > self._last_start:  # another run has started since
            self._batch_id, self.view = None, None

    def _count_waiting(self, session: SessionFacts) -> Counter[BatchId]:
        line = session.line.line
        if line is not self._line:
            self._line = line
            self._waiting = Counter(entry.batch_id for entry in line.entries) if line is not None else Counter()
        to_come = {work.plan.batch.batch_id: work.count(TO_COME) for work in session.line.files.works}
        return self._waiting + Counter(to_come)

    def _take_up(self, tasks: Iterable[Task], under_way: Counter[BatchId]) -> None:
        """Follow the first batch under way that has several runs, if there is one."""
        parts = [task.part for task in tasks if task.part is not None and task.state.is_end]
        ended = Counter(part.batch_id for part in parts)
        for batch_id, count in under_way.items():
            if count and count + ended[batch_id] > 1:
                self._batch_id, self._ends = batch_id, {}
                last = max((part.index for part in parts if part.batch_id == batch_id), default=0)
                self._before = max(0, last + 1 - ended[batch_id]) if ended[batch_id] >= RECENT else 0
                return

    def _count(self, under_way: int) -> BatchView:
        assert self._batch_id is not None
        ends = Counter(self._ends.values())
        done, failed, ended = ends[TaskState.SUCCEEDED] + self._before, ends[None], ends.total() + self._before
        return BatchView(
            batch_id=self._batch_id,
            done=done,
            failed=failed,
            stopped=ended - done - failed,
            total=ended + under_way,
        )

    def _newest_start(self, session: SessionFacts, tasks: Iterable[Task]) -> float:
        """Return when the latest run outside the batch has started."""
        others = (task for task in tasks if task.part is None or task.part.batch_id != self._batch_id)
        mine = self._ends.keys()
        clicks = (run.started_at for run in session.runs if run.prompt_id not in mine)
        return max((*(task.created_at for task in others), *clicks), default=0.0)
