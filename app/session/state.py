"""The session's state: the window and everything known beside it, changed in one place; listeners are notified.

Evidence about a task goes through `witness`, one at a time per task: judge it (`core/truth.py`), make it durable, then
take it over. An end frees the window only after it is durable; a failed write leaves the task as it was until the
next poll.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import Enum
from typing import Any
from weakref import WeakValueDictionary

from app.core.balancer import Leaning
from app.core.busy import busy_in_front
from app.core.durations import Ran, observed
from app.core.errors import AffinityError, MooringError, NoServerAvailable, NotOwner, StorageError, TaskNotFound
from app.core.evidence import Evidence
from app.core.journal_entries import verdict, window_changes
from app.core.model import Fleet, PromptId, Reservation, ServerId, Task, Unreadable, WindowId
from app.core.ports import Ports
from app.core.ports.http import Request, Response
from app.core.ports.windows import Identity
from app.core.progress import Progress
from app.core.records import NEWER, BrokenRecord
from app.core.stall import Stillness
from app.core.truth import judge
from app.core.window import Free, Moored, Restoring, Window, expect_restored, get_api_base_url
from app.session.facts import Noticed, Preview, Run, RunStage, SocketFacts, TabFacts
from app.session.journal_writer import JournalWriter
from app.session.loose_ends import LooseEnds

log = logging.getLogger("mooring.session")

Listener = Callable[[], None]
Verdict = tuple[Task, Evidence, Task]  # the task before, the evidence, the task after

_NO_WINDOW = WindowId("")  # before the window knows its own id


class _Write(Enum):
    """The outcome of writing one task."""

    DONE = "done"
    FAILED = "failed"
    LET_GO = "let_go"


class State:
    """What the parts of a session share. All of it belongs to one event loop.

    Sessions of one tab share their lanes to the servers (`control` and `bulk`), and the user's leanings.
    """

    def __init__(self, ports: Ports, captain: State | None = None) -> None:
        self.ports = ports
        self.tab: TabFacts = captain.tab if captain else TabFacts()
        self.journal_writer = JournalWriter(ports.clock, ports.journal)
        self.window: Restoring | Window | None = None
        self.identity: Identity | None = None
        self.fleet = Fleet()
        self.fleet_error: MooringError | None = None
        self.has_fleet = asyncio.Event()  # until the gateway has answered, no server is known, and none has moved
        self._store_error: StorageError | None = None
        self.progress: dict[PromptId, Progress] = {}
        self.previews: dict[PromptId, Preview] = {}
        self.runs: dict[PromptId, Run] = {}
        self.posted_at: dict[PromptId, float] = {}  # of this page's unfinished tasks, by `Clock.steady`
        self.stillness: dict[PromptId, Stillness] = {}
        self.stalled: frozenset[PromptId] = frozenset()
        self.noticed: dict[ServerId, Noticed] = {}  # the latest restart or replacement of each server
        self.leanings: dict[ServerId, Leaning] = captain.leanings if captain else {}  # shared by the whole tab
        self.loose_ends = LooseEnds(self.changed)
        self.socket = SocketFacts()
        self.read_back: tuple[Task, ...] = ()  # this window's tasks, as last read from the store
        self.visited: dict[PromptId, Task] = {}  # runs that only their servers know (`delivery/visits.py`)
        self._listeners: list[tuple[Listener, Listener | None]] = []
        self._control: defaultdict[ServerId, asyncio.Lock] = captain._control if captain else defaultdict(asyncio.Lock)
        self._bulk: defaultdict[ServerId, asyncio.Lock] = captain._bulk if captain else defaultdict(asyncio.Lock)
        self._busy_until: dict[ServerId, float] = captain._busy_until if captain else {}  # by `Clock.steady`
        self._judging: WeakValueDictionary[PromptId, asyncio.Lock] = WeakValueDictionary()  # while a caller has it
        self._discarded: set[PromptId] = set()  # unreadable records that the user has given up
        self._background: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    # The journal

    def note(self, kind: str, *, topic: str = "", echo: bool = False, **facts: Any) -> None:
        """Add an entry to the journal. It never fails, and nothing waits for it."""
        self.journal_writer.note(kind, facts, topic=topic, echo=echo)

    @property
    def store_error(self) -> StorageError | None:
        """Why the store could not be read or written the last time."""
        return self._store_error

    @store_error.setter
    def store_error(self, error: StorageError | None) -> None:
        if error is not None:
            self.note("store_error", error=error)
        self._store_error = error

    # Listeners

    def subscribe(self, listener: Listener, on_move: Listener | None = None) -> Callable[[], None]:
        """Call `listener` after every change, `on_move` after every step of progress; the returned function ends it."""
        entry = listener, on_move
        self._listeners.append(entry)
        return lambda: self._listeners.remove(entry)

    def changed(self) -> None:
        """Notify all listeners of a change."""
        event, self._changed = self._changed, asyncio.Event()
        event.set()
        for listener, _ in tuple(self._listeners):
            listener()

    def moved(self) -> None:
        """Notify those who follow it of a change of progress or previews alone: there are many in a second."""
        for _, on_move in tuple(self._listeners):
            if on_move is not None:
                on_move()

    async def wait_change(self) -> None:
        """Return after the next change; a step of progress is none."""
        await self._changed.wait()

    # Background work

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run in the background. The task is held until it is done, and its error is logged."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s ended: %r", task.get_name(), error, exc_info=error)

    async def stop(self) -> None:
        """Cancel all background work and wait for it."""
        for task in tuple(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def control(self, server_id: ServerId) -> asyncio.Lock:
        """The lane of short requests: one at a time per server, since a hung one may not use up the connections."""
        return self._control[server_id]

    async def ask(self, server_id: ServerId, request: Request) -> Response:
        """Send one short request in its turn, and return the answer. Raises TransportError."""
        async with self.control(server_id):
            return self.noticed_busy(server_id, await self.ports.http.send(request))

    def noticed_busy(self, server_id: ServerId, response: Response) -> Response:
        """Note whether something in front of the server asks to be left alone for a while; return the answer."""
        busy = busy_in_front(response, server_id)
        if busy is not None and busy.retry_after is not None:
            self._busy_until[server_id] = self.ports.clock.steady() + busy.retry_after
        return response

    def busy_for(self, server_id: ServerId) -> float:
        """The seconds for which that server should not be asked."""
        return max(0.0, self._busy_until.get(server_id, 0.0) - self.ports.clock.steady())

    @asynccontextmanager
    async def bulk(self, server_id: ServerId, request: Request) -> AsyncIterator[None]:
        """The lane of uploads and results: one at a time per server, and few of all windows of the browser."""
        async with self._bulk[server_id], self.ports.transfers.place(request.path):
            yield

    # The window

    def get_window(self, operation: str) -> Window:
        """The window if it has read its records; StorageError if it cannot, StillRestoring until it has."""
        if self.store_error is not None and not isinstance(self.window, Window):
            raise self.store_error
        return expect_restored(operation, self.window or Restoring(_NO_WINDOW))

    def get_task(self, operation: str, prompt_id: PromptId) -> Task:
        """The task bound to its server, or TaskNotFound, UnboundTask, StillRestoring."""
        return self.get_window(operation).get_task(operation, prompt_id)

    def guard(self, operation: str, server_id: ServerId) -> None:
        """Raise if the operation would go to an unknown server, or to another one than the window's own."""
        window = self.get_window(operation)
        try:
            window.expect_readable(operation)
            window.validate_server_consistency(operation, server_id)
            self._expect_in_fleet(operation, server_id, window.mooring)
        except AffinityError as error:
            self.note("guard_refused", server_id=server_id, error=error)
            raise
        log.info("guard: %s to %s may pass", operation, server_id)
        self.note("guard_passed", operation=operation, server_id=server_id, locked=window.window_locked_server)

    def _expect_in_fleet(self, operation: str, server_id: ServerId, mooring: Free | Moored) -> None:
        """Raise if the fleet lacks this server, or has it at another address than the one that holds the window."""
        if isinstance(mooring, Moored):
            get_api_base_url(operation, mooring, self.fleet)
        elif self.fleet.get(server_id) is None:
            raise NoServerAvailable(operation, {str(server_id): "not_in_fleet"})

    def set_window(self, window: Window) -> None:
        """Take over the next value of the aggregate."""
        before = self.window if isinstance(self.window, Window) else None
        self.window = window
        for kind, facts in window_changes(before, window):
            self.note(kind, **facts)
            if kind == "moored":
                log.info("mooring: %s -> %s", facts["was"], facts["now"])
        self.changed()

    def set_fleet(self, fleet: Fleet) -> None:
        """Take over a fleet, with the addresses that the user has confirmed for servers that moved."""
        tasks = self.window.tasks.values() if isinstance(self.window, Window) else ()
        same = {(task.server_id, task.address, task.confirmed_address) for task in tasks if task.confirmed_address}
        self.fleet = replace(fleet, same=frozenset(same))

    def confirmed_address(self, place: Reservation) -> str:
        """The other address that the user confirmed as the same server, or an empty text."""
        known = (item[2] for item in self.fleet.same if item[:2] == (place.server_id, place.address))
        return next(known, "")

    def age_of(self, prompt_id: PromptId) -> float | None:
        """The seconds since an unfinished task was sent, by a clock that is never set; None if not by this page."""
        posted_at = self.posted_at.get(prompt_id)
        return None if posted_at is None else self.ports.clock.steady() - posted_at

    def set_run(self, run: Run) -> None:
        """Show how far a click is."""
        self.runs[run.prompt_id] = run
        self.changed()

    def show_refused(self, prompt_id: PromptId, title: str, at: float, error: MooringError) -> None:
        """Show a click that was not sent, until it is dismissed."""
        failed = RunStage.FAILED
        self.set_run(Run(prompt_id=prompt_id, title=title, started_at=at, stage=failed, error=error, is_kept=True))

    async def witness(self, prompt_id: PromptId, *evidence: Evidence) -> Task | None:
        """Judge, make durable, take over. Return the resulting task; None if this window no longer owns it."""
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
        stillness = self.stillness.get(task.prompt_id)
        if known.state.is_end or not task.state.is_end or stillness is None:
            return task
        return replace(task, longest_still=stillness.longest)

    async def amend(self, prompt_id: PromptId, change: Callable[[Task], Task]) -> Task | None:
        """Like `witness`, for changes without evidence, such as the delivery of outputs."""
        async with self.judging(prompt_id):
            known = self.get_task("amend", prompt_id)
            return await self._record(known, change(known))

    async def _record(self, known: Task, task: Task, verdicts: Sequence[Verdict] = ()) -> Task | None:
        if task == known:
            self._note_verdicts(verdicts)
            return known
        is_new_state = task.state is not known.state
        if _durable_part(task) != _durable_part(known):
            match await self._write(known, task):
                case _Write.LET_GO:
                    return None
                case _Write.FAILED if is_new_state and (task.state.is_end or known.state.is_end):
                    self.note("unwritten", prompt_id=task.prompt_id, was=known.state, now=task.state)
                    return known  # until the next poll: only what is durable binds or frees the window
        self._note_verdicts(verdicts)
        if not known.state.is_end and (ran := observed(task)) is not None:
            self.spawn(self._learn(ran), f"learn from {task.prompt_id}")
        self.set_window(self.get_window("settle").settle(task))
        if task.state.is_end:
            if is_new_state:  # the real end of a lost task may follow
                log.info("%s on %s: %s", task.prompt_id, task.server_id, task.state.value)
            self._forget_live(task.prompt_id)
            self.changed()
        return task

    async def _learn(self, ran: Ran) -> None:
        """Store how long the run took, for the next choice of a server; no state depends on it."""
        try:
            await self.ports.store.learn(ran)
        except StorageError as error:
            log.warning("nothing learned: %r", error)

    async def _write(self, known: Task, task: Task) -> _Write:
        """Make a task durable. One that another window owns, or that has become unreadable, is let go of."""
        try:
            with self.loose_ends.write(task.prompt_id, is_end=task.state.is_end):
                await self.ports.store.update(task)
        except (NotOwner, TaskNotFound) as error:
            self.let_go(known, error)
            return _Write.LET_GO
        except BrokenRecord as error:
            self.set_aside([_unreadable(known, error)])
            return _Write.LET_GO
        except StorageError as error:
            self.store_error = error
            self.changed()
            log.warning("not written: %r", error)
            return _Write.FAILED
        self.store_error = None
        held = self.get_window("write").tasks.get(task.prompt_id)
        if held is None or held.epoch != task.epoch:  # another window adopted it right after the write
            return _Write.LET_GO
        others = (item for item in self.read_back if item.prompt_id != task.prompt_id)
        self.read_back = (*others, task)
        return _Write.DONE

    async def retry_writes(self) -> None:
        """Retry failed writes, since the store has just worked; if all succeed, clear its error.

        Otherwise the error would stay, and Run be refused, until some other task happens to be written.
        """
        for prompt_id in self.loose_ends.unwritten:
            async with self.judging(prompt_id):
                task = self.get_window("write").tasks.get(prompt_id)
                if task is None:
                    self.loose_ends.forget(prompt_id)
                elif await self._write(task, task) is _Write.FAILED:
                    return
        if self.store_error is not None:
            self.store_error = None
            self.changed()

    def _note_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Note each piece of evidence with its verdict; one that adds nothing is an echo."""
        for task, piece, judged in verdicts:
            is_echo = _durable_part(judged) == _durable_part(task)
            self.journal_writer.note("evidence", verdict(task, piece, judged), topic=task.prompt_id, echo=is_echo)

    def owns(self, stored: Task | None) -> bool:
        """Whether a stored record has the owner and epoch that this window knows."""
        known = self.get_window("verify").tasks.get(stored.prompt_id) if stored is not None else None
        return stored is not None and known is not None and (stored.owner, stored.epoch) == (known.owner, known.epoch)

    def take_in(self, task: Task) -> None:
        """Take over a ward that the store has given to this window; the task may once have been its own."""
        stale = self.get_window("adopt").tasks.get(task.prompt_id)
        if stale is not None:
            self.let_go(stale, NotOwner("adopt", task.prompt_id))
        self.read_back = (*self.read_back, task)
        self.set_window(self.get_window("adopt").adopt(task))

    def let_go(self, task: Task, error: MooringError) -> None:
        """Drop a task that another window owns now, or has deleted. One that came back with a later epoch stays; one
        that is no longer here is ignored."""
        prompt_id, window = task.prompt_id, self.get_window("let_go")
        if prompt_id not in window.tasks or window.tasks[prompt_id].epoch > task.epoch:
            return
        log.warning("let go of %s: %r", prompt_id, error)
        self.read_back = tuple(item for item in self.read_back if item.prompt_id != prompt_id)
        self._forget_live(prompt_id)
        self.set_window(window.drop(prompt_id))

    def set_aside(self, records: Iterable[Unreadable]) -> None:
        """Quarantine unreadable records. What this window knew of such a task is no longer valid."""
        window = self.get_window("set_aside")
        known = {record.prompt_id for record in window.unreadable} | self._discarded
        fresh = [record for record in records if record.prompt_id not in known]
        if not fresh:
            return
        ids = {record.prompt_id for record in fresh}
        for record in fresh:
            log.warning("a stored task cannot be read: %s", record)
        self.read_back = tuple(item for item in self.read_back if item.prompt_id not in ids)
        for prompt_id in ids:
            self._forget_live(prompt_id)
        self.set_window(window.set_aside(fresh))

    async def discard(self, prompt_id: PromptId) -> None:
        """Delete an unreadable record, as the user chose; nothing else can be done with it."""
        window = self.get_window("give_up")
        try:
            await self.ports.store.delete_unreadable(prompt_id, window.window_id)
        except NotOwner:
            self.release_unreadable(prompt_id)
            raise
        self._discarded.add(prompt_id)
        self.release_unreadable(prompt_id)

    def release_unreadable(self, prompt_id: PromptId) -> None:
        """Remove a record from the list that was deleted, or is another window's."""
        window = self.get_window("give_up")
        if any(record.prompt_id == prompt_id for record in window.unreadable):
            log.info("no longer set aside: %s", prompt_id)
            self.set_window(window.release_unreadable(prompt_id))

    def judging(self, prompt_id: PromptId) -> asyncio.Lock:
        """The lock of a task: hold it from reading what is known of the task until the result is taken over."""
        lock = self._judging.get(prompt_id)
        if lock is None:
            lock = self._judging[prompt_id] = asyncio.Lock()
        return lock

    def forget(self, prompt_id: PromptId) -> None:
        """Drop a task that was deleted, or moved to the past tasks."""
        self.read_back = tuple(item for item in self.read_back if item.prompt_id != prompt_id)
        self.set_window(self.get_window("forget").drop(prompt_id))

    def _forget_live(self, prompt_id: PromptId) -> None:
        """Forget what is shown only while a task is unfinished."""
        self.progress.pop(prompt_id, None)
        self.previews.pop(prompt_id, None)
        self.stillness.pop(prompt_id, None)
        self.posted_at.pop(prompt_id, None)
        self.stalled -= {prompt_id}

    def watched(self) -> Sequence[Task]:
        """The tasks that still have to be polled."""
        return self.window.unfinished if isinstance(self.window, Window) else ()


def _unreadable(task: Task, error: BrokenRecord) -> Unreadable:
    """The unreadable record of a task that this window knows."""
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
    return replace(task, silent_looks=0, place=None)
