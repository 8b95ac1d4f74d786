"""What became of the runs that the user has stopped last, as far as known now."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Iterable
from dataclasses import dataclass

from app.core.file_runs import TO_COME, FileRuns
from app.core.model import BatchId, Task, TaskState
from app.core.waiting_runs import WaitingRuns
from app.ui.kit.colours import tag_of
from app.ui.kit.session_facts import SessionFacts
from app.ui.runs.state import Stopped

_ENDED_BEFORE = frozenset({TaskState.SUCCEEDED, TaskState.FAILED})


@dataclass(frozen=True, slots=True)
class StopOutcome:
    """How many of these runs were stopped, and what became of the others."""

    unsent: int = 0  # they waited in this browser
    stopped: int = 0  # on a server
    ended: int = 0  # before the server had the request
    lost: int = 0  # how they ended is not known
    stopping: int = 0  # the server answers, and has not done it yet
    unconfirmed: int = 0  # the server does not answer, or has not said whether it has the run
    unasked: int = 0  # no request was made, and a message says why
    servers: tuple[str, ...] = ()  # the names of those that have to confirm it

    @property
    def total(self) -> int:
        return self.gone + self.ended + self.lost + self.stopping + self.unconfirmed + self.unasked

    @property
    def gone(self) -> int:
        """How many were stopped, in this browser or on a server."""
        return self.unsent + self.stopped


def to_stop(
    line: WaitingRuns | None, tasks: Iterable[Task], works: Iterable[FileRuns], batch_id: BatchId | None, number: int
) -> Stopped:
    """Return the unfinished runs of a plan; without a `batch_id`, all of this window's."""

    def is_meant(other: BatchId | None) -> bool:
        return batch_id in (None, other)

    return Stopped(
        entries=tuple(item.prompt_id for item in (line.entries if line else ()) if is_meant(item.batch_id)),
        tasks=tuple(
            task.prompt_id
            for task in tasks
            if not task.progress.is_cancelling and is_meant(task.part.batch_id if task.part is not None else None)
        ),
        to_come=sum(work.count(TO_COME) for work in works if is_meant(work.plan.batch.batch_id)),
        number=number,
    )


def outcome_of(stopped: Stopped, session: SessionFacts) -> StopOutcome:
    """Return what is known of each run. One whose record is gone by now is not counted."""
    line, tasks = session.line.line, ChainMap(*(dict(item.tasks) for item in session.windows))
    counts, servers = Counter(unsent=stopped.to_come), []
    for prompt_id in stopped.entries:
        if prompt_id not in tasks:
            is_kept = stopped.is_asked and line is not None and line.has(prompt_id)
            counts["unasked" if is_kept else "unsent"] += 1
    for task in filter(None, map(tasks.get, (*stopped.entries, *stopped.tasks))):
        fate = _fate(task, is_asked=stopped.is_asked)
        counts[fate] += 1
        if fate == "unconfirmed":
            servers.append(tag_of(session.fleet, task.server_id).name)
    return StopOutcome(**counts, servers=tuple(dict.fromkeys(servers)))


def _fate(task: Task, *, is_asked: bool) -> str:
    """Return the field of the outcome that counts it."""
    if task.state is TaskState.CANCELLED:
        return "stopped"
    if task.state in _ENDED_BEFORE:
        return "ended"
    if task.state.is_end:
        return "lost"
    if is_asked and not task.progress.is_cancelling:
        return "unasked"
    return "unconfirmed" if task.is_silent else "stopping"
