"""Progress of the running tasks, their remaining time, and how long the waiting ones still wait.

It follows events of the socket (`received`) and polls (`polled`), and measures how long nodes take. When a run whose
events all arrived has succeeded, all windows learn from it. No task's state depends on any of this.

All moments in here are of the clock that is never set, except those of an `Outlook`, which the page shows.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.core import comfy
from app.core.ahead import QueueSeen
from app.core.durations import missing_share
from app.core.errors import BadInput, StorageError
from app.core.eta import Eta, Outlook, Queued, Work, running_eta, steady, waiting_etas
from app.core.events import CachedMessage, EndMessage, Message, StartMessage
from app.core.job import costly_nodes
from app.core.model import NodeId, PromptId, ServerId, Task, TaskState
from app.core.plan import Certainty, Measured, Plan
from app.core.ports.store import Learned
from app.core.progress import Progress
from app.core.stopwatch import Stopwatch
from app.core.workflow import ApiWorkflow, parse_workflow
from app.session.state import State
from app.session.watching.restart_detection import Place
from wire.queue import OTHER

log = logging.getLogger("mooring.session")

OFTEN = 0.25  # seconds between two estimates of a running task
EVERY = 1.0  # seconds between two estimates of the waiting ones
OLD = 30.0  # seconds; an older queue shows nothing about now
SET = 0.5  # seconds; the clock of records was set if it has moved by more


@dataclass(slots=True)
class Estimated:
    """An unfinished task: how long it should take, and how long it has taken so far."""

    plan: Plan = field(default_factory=Plan)
    total: float | None = None
    is_cold: bool = False
    swap: float | None = 0.0
    costly: frozenset[NodeId] = frozenset()
    watch: Stopwatch = field(default_factory=Stopwatch)
    shown: Eta | None = None
    asked_at: float = -1.0
    started: tuple[float, float] | None = (
        None  # when it began, by the clock of records, and by the one that is never set
    )

    def take(self, other: Estimated) -> None:
        """Take over a better plan. What was loaded at the start is not changed after the start."""
        self.plan, self.total, self.costly = other.plan, other.total, other.costly
        if self.watch.started_at is None:
            self.is_cold, self.swap = other.is_cold, other.swap


class Forecast:
    """Estimates for the tasks of a session."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._learned = Learned()
        self._live: dict[PromptId, Estimated] = {}
        self._queues: dict[Place, QueueSeen] = {}
        self._loaded: dict[ServerId, tuple[str, ...]] = {}  # by our work that ran there last
        self._waiting: dict[ServerId, tuple[QueueSeen, float, Mapping[PromptId, Outlook]]] = {}
        self._is_due = False
        self._ahead = 0.0  # seconds from the clock that is never set to the one of records

    # Learned times

    def refresh_soon(self) -> None:
        """Read what all windows have learned, in the background."""
        if not self._is_due:
            self._is_due = True
            self._state.spawn(self._refresh(), "read what was learned")

    async def _refresh(self) -> None:
        self._is_due = False
        try:
            self._learned = await self._state.ports.store.read_learned()
        except StorageError as error:
            log.info("what was learned is not known: %r", error)
            return
        for task in self._state.records.unfinished:
            live = self._live.get(task.prompt_id)
            if live is not None and live.plan.certainty is not Certainty.LEARNED:
                live.take(self._planned(task))

    async def _learn(self, measured: Measured) -> None:
        try:
            await self._state.ports.store.learn_paces(measured)
        except StorageError as error:
            log.warning("nothing learned of nodes: %r", error)
        self.refresh_soon()

    # Events and polls

    def received(self, task: Task, message: Message) -> None:
        """Note an event about a task of ours, with the task's current state."""
        live = self._live_of(task)
        if isinstance(message, StartMessage) and task.job is not None and task.job.models:
            self._loaded[task.server_id] = task.job.models
        live.watch = live.watch.after(message, self._state.ports.clock.steady())
        if not task.state.is_end:
            progress = self._state.live.progress.get(task.prompt_id) or _begun(task, live)
            self._state.live.show_progress(progress.after(message))
        if isinstance(message, EndMessage):
            del self._live[task.prompt_id]
            nodes = live.watch.measured()
            if message.end == "success" and live.watch.is_whole and task.job is not None and nodes:
                measured = Measured(
                    server_id=task.server_id, address=task.address, job=task.job, nodes=nodes, is_cold=live.is_cold
                )
                self._state.spawn(self._learn(measured), f"learn the nodes of {task.prompt_id}")

    def interrupted(self, tasks: Collection[PromptId]) -> None:
        """Note that the socket which reports on these tasks has ended, so that later events are incomplete."""
        for prompt_id in self._live.keys() & set(tasks):
            self._live[prompt_id].watch = self._live[prompt_id].watch.interrupted()

    def polled(self, place: Place, queue: comfy.Queue, text: str) -> None:
        """Note the queue that a poll of a server has read; `text` is the answer."""
        now = self._state.ports.clock.steady()
        tasks = {task.prompt_id: task.job for task in self._state.records.unfinished if task.job is not None}
        if not any(prompt_id in queue.pending for prompt_id in tasks):
            self._queues.pop(place, None)
            return
        known = self._queues.get(place, QueueSeen(now, comfy.Queue((), ())))
        self._queues[place] = known.seen(queue, text, now, tasks)

    # Estimates

    def outlook(self, task: Task) -> Outlook:
        """When a running task is expected to end, or a waiting one to begin; empty if that is unknown."""
        now = self._state.ports.clock.steady()
        if not task.progress.is_reachable or task.progress.is_cancelling:
            return Outlook()
        if task.state is TaskState.RUNNING:
            return self._shown(Outlook(self._left(task, now)))
        seen = self._queues.get((task.server_id, task.address))
        if task.state is not TaskState.QUEUED or seen is None or now - seen.at > OLD:
            return Outlook()
        return self._shown(self._waits(seen, task.server_id, now).get(task.prompt_id, Outlook()))

    def _shown(self, outlook: Outlook) -> Outlook:
        """The same by the clock of records. Its distance is kept while it is about the same: what is shown compares."""
        clock = self._state.ports.clock
        ahead = clock.now() - clock.steady()
        if abs(ahead - self._ahead) > SET:
            self._ahead = ahead
        return (
            outlook if outlook.eta is None or not self._ahead else replace(outlook, eta=outlook.eta.later(self._ahead))
        )

    def _left(self, task: Task, now: float) -> Eta | None:
        """The remaining time of that running task; computed a few times a second, however often it is called."""
        live = self._live_of(task)
        if 0 <= now - live.asked_at < OFTEN:
            return live.shown and replace(live.shown, left=live.shown.left_at(now))
        live.asked_at = now
        live.shown = steady(live.shown, running_eta(self._work(task, live), now=now), now)
        return live.shown

    def _waits(self, seen: QueueSeen, server_id: ServerId, now: float) -> Mapping[PromptId, Outlook]:
        """Estimates for everything that waits there; computed once a second."""
        known = self._waiting.get(server_id)
        if known is not None and known[0] is seen and 0 <= now - known[1] < EVERY:
            return known[2]
        etas = waiting_etas(server_id, tuple(self._queued(seen)), self._learned.durations, now=now)
        shown = known[2] if known is not None else {}
        waits, own, has_users = dict[PromptId, Outlook](), 0, self._state.servers.fleet.has_users
        for before, (prompt_id, eta) in enumerate(etas):
            if prompt_id in seen.queue.pending:
                outlook = Outlook(steady(shown.get(prompt_id, Outlook()).eta, eta, now))
                waits[prompt_id] = replace(outlook, own=own, others=before - own) if has_users else outlook
            own += not prompt_id.startswith(OTHER)
        self._waiting[server_id] = (seen, now, waits)
        return waits

    def _queued(self, seen: QueueSeen) -> Iterator[Queued]:
        mine = {task.prompt_id: task for task in self._state.records.unfinished}
        for prompt_id in seen.queue.running:
            runs = mine.get(prompt_id)
            eta = self.outlook(runs).eta if runs is not None and runs.state is TaskState.RUNNING else None
            yield Queued(
                prompt_id=prompt_id,
                job=seen.jobs.get(prompt_id),
                left=eta.left if eta is not None else None,
                running_since=seen.running_since.get(prompt_id),
                is_running=True,
            )
        for prompt_id in seen.queue.pending:
            yield Queued(prompt_id=prompt_id, job=seen.jobs.get(prompt_id))

    def _work(self, task: Task, live: Estimated) -> Work:
        clock, progress = self._state.ports.clock, self._state.live.progress.get(task.prompt_id)
        started_at = task.progress.started_at
        if started_at is not None and (live.started is None or live.started[0] != started_at):
            live.started = started_at, clock.steady() - max(0.0, clock.now() - started_at)
        stillness = self._state.live.stillness.get(task.prompt_id)
        done = {node for node, far in progress.done.items() if far >= 1.0} if progress is not None else set()
        return Work(
            plan=live.plan,
            watch=live.watch,
            started_at=None if live.started is None else live.started[1],
            done=frozenset({*done, *task.end.cached}),
            total=live.total,
            is_cold=live.is_cold,
            swap=live.swap,
            is_partly_cached=not live.costly.isdisjoint(task.end.cached),
            seen_at=None if stillness is None else stillness.polled_at,
        )

    def _live_of(self, task: Task) -> Estimated:
        known = self._live.get(task.prompt_id)
        if known is not None:
            return known
        for prompt_id in self._live.keys() - {item.prompt_id for item in self._state.records.unfinished}:
            del self._live[prompt_id]
        live = self._live[task.prompt_id] = self._planned(task)
        if cached := task.end.cached:
            live.watch = live.watch.after(CachedMessage(task.prompt_id, cached), self._state.ports.clock.steady())
        return live

    def _planned(self, task: Task) -> Estimated:
        workflow = _workflow(task)
        if workflow is None:
            return Estimated()
        durations, job = self._learned.durations, task.job
        plan = self._learned.paces.plan(task.server_id, task.address, job, workflow)
        live = Estimated(plan, costly=costly_nodes(workflow))
        if job is None:
            return live
        loaded = self._loaded.get(task.server_id) or durations.loaded(task.server_id)
        live.is_cold = missing_share(job.models, loaded) > 0
        live.swap = durations.swap(job.models, loaded) if durations.knows_swap(job.models) else None
        if durations.knows_kind(job, task.server_id):
            live.total = durations.expected(task.server_id, job)
            whole = sum(plan.seconds.values())
            if plan.certainty is not Certainty.LEARNED and whole > 0:
                live.plan = replace(plan.scaled(live.total / whole), certainty=Certainty.CARRIED)
        return live


def _workflow(task: Task) -> ApiWorkflow | None:
    try:
        return parse_workflow(task.workflow)
    except BadInput:
        return None


def _begun(task: Task, live: Estimated) -> Progress:
    """The progress of a task without events so far; nodes that need not run are known after a reload."""
    begun = Progress(
        task.prompt_id,
        len(live.plan.seconds),
        weights=live.plan.weights(is_cold=live.is_cold),
        expected_parts=live.plan.parts,
        are_guessed=live.plan.certainty is Certainty.GUESSED,
    )
    return begun.after(CachedMessage(task.prompt_id, task.end.cached)) if task.end.cached else begun
