"""The records of a user's windows: their tasks and what holds them, as this page knows them and the store has them.

Evidence about a task goes through `witness`, one at a time per task: judge it (`core/truth.py`), make it durable, then
take it over. An end frees the window only after it is durable; a failed write leaves the task as it was until the
next poll.

A session has several windows. The first is its own, by the id that the page has claimed; operations that name no window
mean that one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from weakref import WeakValueDictionary

from app.core.durations import Ran, observed
from app.core.errors import AffinityError, MooringError, NoServerAvailable, NotOwner, StorageError, TaskNotFound
from app.core.evidence import Evidence
from app.core.journal_entries import verdict, window_changes
from app.core.model import Fleet, PromptId, ServerId, Task, TaskDelivery, Unreadable, WindowId
from app.core.records import NEWER, BrokenRecord
from app.core.truth import judge
from app.core.window import Free, Moored, Restoring, Window, expect_restored, get_api_base_url
from app.session.context import Context
from app.session.live import Live
from app.session.loose_ends import LooseEnds

log = logging.getLogger("mooring.session")

Verdict = tuple[Task, Evidence, Task]  # the task before, the evidence, the task after

_NO_WINDOW = WindowId("")  # before the page knows its own id


class _Write(Enum):
    """The outcome of writing one task."""

    DONE = "done"
    FAILED = "failed"
    DISOWNED = "disowned"


class Records:
    """All windows of a session by id, and the only way to change one."""

    def __init__(self, context: Context, live: Live) -> None:
        self._context = context
        self._live = live
        self._windows: dict[WindowId, Restoring | Window] = {}
        self._tasks: Mapping[PromptId, Task] | None = None  # of all windows, until one changes
        self._stored: dict[PromptId, Task] = {}
        self._store_error: StorageError | None = None
        self._judging: WeakValueDictionary[PromptId, asyncio.Lock] = WeakValueDictionary()  # while a caller has it
        self._discarded: set[PromptId] = set()  # unreadable records that the user has given up
        self.loose_ends = LooseEnds(context.changed)

    # The store

    @property
    def store_error(self) -> StorageError | None:
        """Why the store could not be read or written the last time."""
        return self._store_error

    def failed(self, error: StorageError) -> None:
        """Note that the store could not be read or written."""
        self._context.note("store_error", error=error)
        self._store_error = error
        self._context.changed()

    @property
    def stored(self) -> Mapping[PromptId, Task]:
        """The tasks of these windows, as last read from the store or written to it."""
        return self._stored

    def read_back(self, window: Window, tasks: Iterable[Task]) -> None:
        """Note what the store has of a window, beside what was registered while it was read."""
        read = {task.prompt_id: task for task in tasks}
        known = self._stored.items()
        rest = {key: task for key, task in known if task.owner != window.window_id or key not in window.tasks}
        self._stored = {**rest, **read}

    # Windows

    @property
    def own(self) -> Restoring | Window | None:
        """The session's own window; None until the page knows who it is."""
        return next(iter(self._windows.values()), None)

    @property
    def windows(self) -> tuple[Window, ...]:
        """All windows that have read their records, the own one first."""
        return tuple(window for window in self._windows.values() if isinstance(window, Window))

    @property
    def window_ids(self) -> frozenset[WindowId]:
        """The ids of all windows of this session."""
        return frozenset(self._windows)

    def window(self, window_id: WindowId) -> Restoring | Window | None:
        """A window of this session; None if it is not there yet."""
        return self._windows.get(window_id)

    def get_window(self, operation: str, window_id: WindowId | None = None) -> Window:
        """A window, or the own one, if it has read its records.

        StorageError if the store cannot be read, StillRestoring until it has been.
        """
        window = self.own if window_id is None else self._windows.get(window_id)
        if self._store_error is not None and not isinstance(window, Window):
            raise self._store_error
        return expect_restored(operation, window or Restoring(_NO_WINDOW))

    def open_window(self, window_id: WindowId) -> None:
        """Add a window that has not read its records yet; the first is the session's own."""
        self._windows[window_id] = Restoring(window_id)

    def set_window(self, window: Window) -> None:
        """Take over the next value of a window."""
        known = self._windows.get(window.window_id)
        self._windows[window.window_id] = window
        self._tasks = None
        for kind, facts in window_changes(known if isinstance(known, Window) else None, window):
            self._context.note(kind, **{"window_id": window.window_id, **facts})
            if kind == "moored":
                log.info("mooring of %s: %s -> %s", window.window_id, facts["was"], facts["now"])
        self._context.changed()

    # Tasks

    @property
    def tasks(self) -> Mapping[PromptId, Task]:
        """The tasks of all windows."""
        if self._tasks is None:
            windows = self.windows
            self._tasks = (
                windows[0].tasks
                if len(windows) == 1
                else {key: task for window in windows for key, task in window.tasks.items()}
            )
        return self._tasks

    @property
    def unfinished(self) -> tuple[Task, ...]:
        """The tasks of all windows that still have to be polled."""
        return tuple(task for window in self.windows for task in window.unfinished)

    def window_of(self, prompt_id: PromptId) -> Window | None:
        """The window that has this task, or its unreadable or quarantined record."""
        for window in self.windows:
            if prompt_id in window.tasks:
                return window
        for window in self.windows:
            known = {item.prompt_id for item in window.unreadable} | {item.prompt_id for item in window.quarantined}
            if prompt_id in known:
                return window
        return None

    def get_task(self, operation: str, prompt_id: PromptId) -> Task:
        """The task bound to its server, or TaskNotFound, UnboundTask, StillRestoring."""
        own = self.get_window(operation)
        return (self.window_of(prompt_id) or own).get_task(operation, prompt_id)

    def guard(self, operation: str, server_id: ServerId, fleet: Fleet, window_id: WindowId | None = None) -> None:
        """Raise if an operation of a window would go to an unknown server, or to another one than the window's."""
        window = self.get_window(operation, window_id)
        try:
            window.expect_readable(operation)
            window.validate_server_consistency(operation, server_id)
            _expect_in_fleet(operation, server_id, window.mooring, fleet)
        except AffinityError as error:
            self._context.note("guard_refused", server_id=server_id, error=error)
            raise
        log.info("guard: %s to %s may pass", operation, server_id)
        locked = window.window_locked_server
        self._context.note("guard_passed", operation=operation, server_id=server_id, locked=locked)

    # Evidence

    async def witness(self, prompt_id: PromptId, *evidence: Evidence) -> Task | None:
        """Judge, make durable, take over. Return the resulting task; None if no window here owns it any more."""
        async with self.judging(prompt_id):
            try:
                known = self.get_task("witness", prompt_id)
            except TaskNotFound as error:
                log.info("no longer watched: %r", error)
                return None
            task, verdicts = known, []
            for piece in evidence:
                judged = judge(task, piece)
                verdicts.append((task, piece, judged))
                task = judged
            return await self._record(known, self._with_stillness(known, task), verdicts)

    def _with_stillness(self, known: Task, task: Task) -> Task:
        """The task with its longest stillness, if it has ended: what is normal on that server is learned from it."""
        stillness = self._live.stillness.get(task.prompt_id)
        if known.state.is_end or not task.state.is_end or stillness is None:
            return task
        return replace(task, end=replace(task.end, longest_still=stillness.longest))

    async def amend(self, prompt_id: PromptId, change: Callable[[Task], Task]) -> Task | None:
        """Like `witness`, for changes without evidence."""
        async with self.judging(prompt_id):
            known = self.get_task("amend", prompt_id)
            return await self._record(known, change(known))

    async def amend_delivery(self, prompt_id: PromptId, change: Callable[[TaskDelivery], TaskDelivery]) -> Task | None:
        """Change what is known of a task's outputs."""
        return await self.amend(prompt_id, lambda task: replace(task, delivery=change(task.delivery)))

    def judging(self, prompt_id: PromptId) -> asyncio.Lock:
        """The lock of a task: hold it from reading what is known of the task until the result is taken over."""
        lock = self._judging.get(prompt_id)
        if lock is None:
            lock = self._judging[prompt_id] = asyncio.Lock()
        return lock

    async def _record(self, known: Task, task: Task, verdicts: Sequence[Verdict] = ()) -> Task | None:
        if task == known:
            self._note_verdicts(verdicts)
            return known
        is_new_state = task.state is not known.state
        if _durable_part(task) != _durable_part(known):
            match await self._write(known, task):
                case _Write.DISOWNED:
                    return None
                case _Write.FAILED if is_new_state and (task.state.is_end or known.state.is_end):
                    self._context.note("unwritten", prompt_id=task.prompt_id, was=known.state, now=task.state)
                    return known  # until the next poll: only what is durable binds or frees the window
        self._note_verdicts(verdicts)
        if not known.state.is_end and (ran := observed(task)) is not None:
            self._context.spawn(self._learn(ran), f"learn from {task.prompt_id}")
        self.set_window(self.get_window("settle", task.owner).settle(task))
        if task.state.is_end:
            if is_new_state:  # the real end of a lost task may follow
                log.info("%s on %s: %s", task.prompt_id, task.server_id, task.state.value)
            self._live.forget(task.prompt_id)
            self._context.changed()
        return task

    async def _learn(self, ran: Ran) -> None:
        """Store how long the run took, for the next choice of a server; no state depends on it."""
        try:
            await self._context.ports.store.learn(ran)
        except StorageError as error:
            log.warning("nothing learned: %r", error)

    async def _write(self, known: Task, task: Task) -> _Write:
        """Make a task durable. One that another window owns, or that has become unreadable, is let go of."""
        try:
            with self.loose_ends.write(task.prompt_id, is_end=task.state.is_end):
                await self._context.ports.store.update(task)
        except (NotOwner, TaskNotFound) as error:
            self.disown(known, error)
            return _Write.DISOWNED
        except BrokenRecord as error:
            self.note_unreadable([_unreadable(known, error)], known.owner)
            return _Write.DISOWNED
        except StorageError as error:
            self.failed(error)
            log.warning("not written: %r", error)
            return _Write.FAILED
        self._store_error = None
        held = self.tasks.get(task.prompt_id)
        if held is None or held.epoch != task.epoch:  # another window adopted it right after the write
            return _Write.DISOWNED
        self._stored[task.prompt_id] = task
        return _Write.DONE

    async def retry_writes(self) -> None:
        """Retry failed writes, since the store has just worked; if all succeed, clear its error.

        Otherwise the error would stay, and Run be refused, until some other task happens to be written.
        """
        for prompt_id in self.loose_ends.unwritten:
            async with self.judging(prompt_id):
                task = self.tasks.get(prompt_id)
                if task is None:
                    self.loose_ends.forget(prompt_id)
                elif await self._write(task, task) is _Write.FAILED:
                    return
        if self._store_error is not None:
            self._store_error = None
            self._context.changed()

    def _note_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Note each piece of evidence with its verdict; one that adds nothing is an echo."""
        for task, piece, judged in verdicts:
            is_echo = _durable_part(judged) == _durable_part(task)
            facts = verdict(task, piece, judged)
            self._context.journal_writer.note("evidence", facts, topic=task.prompt_id, echo=is_echo)

    # Ownership

    def owns(self, stored: Task | None) -> bool:
        """Whether a stored record has the owner and epoch that this session knows."""
        known = self.tasks.get(stored.prompt_id) if stored is not None else None
        return stored is not None and known is not None and (stored.owner, stored.epoch) == (known.owner, known.epoch)

    def registered(self, task: Task) -> None:
        """Take over a fresh task that the store has: it holds its window instead of its reservation."""
        self._stored[task.prompt_id] = task
        self.set_window(self.get_window("register_window_task", task.owner).register_window_task(task))

    def adopted(self, task: Task) -> None:
        """Take over a ward that the store has given to a window; the task may once have been its own."""
        stale = self.tasks.get(task.prompt_id)
        if stale is not None:
            self.disown(stale, NotOwner("adopt", task.prompt_id))
        self._stored[task.prompt_id] = task
        self.set_window(self.get_window("adopt", task.owner).adopt(task))

    def disown(self, task: Task, error: MooringError) -> None:
        """Drop a task that another window owns now, or has deleted. One that came back with a later epoch stays; one
        that is no longer here is ignored."""
        prompt_id = task.prompt_id
        known = self.tasks.get(prompt_id)
        if known is None or known.epoch > task.epoch:
            return
        log.warning("disowned %s: %r", prompt_id, error)
        self._live.forget(prompt_id)
        self.forget(prompt_id)

    def forget(self, prompt_id: PromptId) -> None:
        """Drop a task that was deleted, moved to the past tasks, or is another window's."""
        window = self.window_of(prompt_id) or self.get_window("forget")
        self._stored.pop(prompt_id, None)
        self.set_window(window.drop(prompt_id))

    # Unreadable records

    def note_unreadable(self, records: Iterable[Unreadable], window_id: WindowId) -> None:
        """Quarantine unreadable records of a window. What was known of such a task is no longer valid."""
        window = self.get_window("note_unreadable", window_id)
        known = {record.prompt_id for record in window.unreadable} | self._discarded
        fresh = [record for record in records if record.prompt_id not in known]
        if not fresh:
            return
        for record in fresh:
            log.warning("a stored task cannot be read: %s", record)
            self._stored.pop(record.prompt_id, None)
            self._live.forget(record.prompt_id)
        self.set_window(window.note_unreadable(fresh))

    async def discard(self, prompt_id: PromptId) -> None:
        """Delete an unreadable record, as the user chose; nothing else can be done with it."""
        window = self.window_of(prompt_id) or self.get_window("give_up")
        try:
            await self._context.ports.store.delete_unreadable(prompt_id, window.window_id)
        except NotOwner:
            self.release_unreadable(prompt_id)
            raise
        self._discarded.add(prompt_id)
        self.release_unreadable(prompt_id)

    def release_unreadable(self, prompt_id: PromptId) -> None:
        """Remove a record from the list that was deleted, or is another window's."""
        for window in self.windows:
            if any(record.prompt_id == prompt_id for record in window.unreadable):
                log.info("no longer set aside: %s", prompt_id)
                self.set_window(window.release_unreadable(prompt_id))


def _expect_in_fleet(operation: str, server_id: ServerId, mooring: Free | Moored, fleet: Fleet) -> None:
    """Raise if the fleet lacks this server, or has it at another address than the one that holds the window."""
    if isinstance(mooring, Moored):
        get_api_base_url(operation, mooring, fleet)
    elif fleet.get(server_id) is None:
        raise NoServerAvailable(operation, {str(server_id): "not_in_fleet"})


def _unreadable(task: Task, error: BrokenRecord) -> Unreadable:
    """The unreadable record of a task that this session knows."""
    return Unreadable(
        prompt_id=task.prompt_id,
        owner=task.owner,
        server_id=task.server_id,
        title=task.title,
        detail=error.detail,
        is_newer=error.cause == NEWER,
    )


def _durable_part(task: Task) -> Task:
    """The task without what every poll may change and a reload may forget."""
    return replace(task, progress=replace(task.progress, silent_looks=0, place=None))
