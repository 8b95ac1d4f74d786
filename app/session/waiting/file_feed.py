"""Feeds the waiting line with runs that have a file each, such as the photos of a folder (`core/file_runs.py`).

    await session.line.files.start(batch, places, file_set, runs, senders=3)

Files are read one at a time: each is checked, copied into the store, and only then do its runs wait. Waiting runs may
hold so many bytes of files (`ROOM`); for the others the page keeps the file that the browser has given it, which is
no more than a name, until there is room. A reload takes these away, and the user chooses the folder again (`supply`).
A file that cannot be used stops nothing: it is listed among the failures, which `retry` repeats.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

from app.core.errors import BadInput, HttpStatusError, MooringError, TaskNotFound
from app.core.file_runs import (
    DROPPED,
    FAILED,
    GIVEN,
    TO_COME,
    FileFault,
    FilePlan,
    FileRuns,
    matches,
    read_works,
    write_plans,
    write_progress,
)
from app.core.model import BatchId, Part, PromptId
from app.core.ports.blobs import Blob
from app.core.ports.files import ChosenFile, FileSet
from app.core.waiting_runs import Attachment, Batch, WaitingRun, WaitingRuns
from app.core.window import Window
from app.session.facts import Picked
from app.session.state import State

log = logging.getLogger("mooring.session")

ROOM = 192 * 1024 * 1024  # bytes of files that waiting runs may hold; the store has 256 MiB for all inputs
MOST_AHEAD = 1_000  # of these runs that wait; each write of a line is as long as the line
GROUP = 16  # files whose runs join the line in one write
GROUP_BYTES = 32 * 1024 * 1024
REST = 5.0  # seconds after the store has refused a file
MOST_REMEMBERED = 2_000_000  # characters of plans; the tab's storage holds 5 million, with what was typed into forms
PLANS_KEY, PROGRESS_KEY = "mooring.files", "mooring.files.progress"

HeldFile = tuple[FileSet, int]  # with the file's place in the set
Check = Callable[[Blob, str, str], Awaitable[None]]


class TabMemory(Protocol):
    """What a tab remembers over a reload."""

    def recall(self, key: str) -> str: ...
    def remember(self, key: str, value: str) -> None: ...


class FeedLine(Protocol):
    """What the feed needs of the waiting line."""

    @property
    def whole(self) -> WaitingRuns | None:
        """The line with the runs that are set aside; None until it is known, with the work of all windows."""

    async def attach(self, where: tuple[str, str], picked: Picked) -> Attachment: ...
    async def join(self, batch: Batch, entries: list[WaitingRun], senders: int, editor: str) -> None: ...
    async def remove(self, *prompt_ids: PromptId) -> None: ...


class FileFeed:
    """The files that wait for their turn, and what became of their runs."""

    def __init__(self, state: State, line: FeedLine) -> None:
        self._state = state
        self._line = line
        self._works: dict[BatchId, FileRuns] = {}
        self._held: dict[BatchId, dict[int, HeldFile]] = {}
        self._refused: set[PromptId] = set()  # runs that are listed as failures, and about to leave the line
        self._memory: TabMemory | None = None
        self._check: Check | None = None
        self._remembered: tuple[BatchId, ...] = ()  # the plans that are small enough
        self._is_restored = False
        self._seen: tuple[object, ...] = ()  # the line and the windows that were followed last
        self._group = 1
        self.error: MooringError | None = None  # why no file can be copied now; it is retried

    # State

    @property
    def works(self) -> tuple[FileRuns, ...]:
        """The plans that are not over yet, oldest first."""
        return tuple(self._works.values())

    def held(self, batch_id: BatchId) -> Mapping[int, HeldFile]:
        """The files that this page has at hand."""
        return self._held.get(batch_id, {})

    @property
    def has_unread(self) -> bool:
        """Whether a reload would need files to be chosen again."""
        return any(work.next_file(self.held(name)) is not None for name, work in self._works.items())

    def is_remembered(self, batch_id: BatchId) -> bool:
        """Whether the plan survives a reload."""
        return batch_id in self._remembered

    # Actions

    def use(self, memory: TabMemory, check: Check) -> None:
        """Use the tab's memory over a reload, and the page's check of a file: BadInput if it cannot be used."""
        self._memory, self._check = memory, check
        self._state.changed()

    def start(self, plan: FilePlan, files: FileSet) -> None:
        """Let the runs of a plan come, file by file; `files` are the plan's, in their order."""
        plan = replace(plan, window_id=self._state.records.get_window("start").window_id)
        self._held[plan.batch.batch_id] = {index: (files, index) for index in range(len(plan.files))}
        self._group = 1
        self._put(FileRuns.of(plan), is_new=True)

    def supply(self, batch_id: BatchId, files: FileSet) -> int:
        """Take the files that are missing from a folder that was chosen again; return how many it had."""
        work = self._works.get(batch_id)
        if work is None:
            return 0
        held = self._held.setdefault(batch_id, {})
        wanted: dict[int, ChosenFile] = {index: work.plan.files[index] for index in work.missing(held)}
        found = matches(wanted, files.files)
        held.update({index: (files, place) for index, place in found.items()})
        self._state.changed()
        return len(found)

    async def retry(self, batch_id: BatchId) -> None:
        """Repeat the failed runs, with the store's copy of a file that is not at hand, if there is one."""
        work = self._works.get(batch_id)
        if work is None:
            return
        held = self._held.setdefault(batch_id, {})
        for fault in work.progress.faults:
            file = work.file_of(fault.run)
            if file not in held and fault.sha256:
                blob = await self._state.ports.store.read_input(fault.sha256)
                if blob is not None:
                    held[file] = (FileSet((), partial(_same, blob)), 0)
        self._change(batch_id, FileRuns.retried)

    def drop_failures(self, batch_id: BatchId) -> Callable[[], None]:
        """Forget the failed runs; the function that is returned takes that back."""
        return self._drop(batch_id, FAILED)

    def drop_rest(self, batch_id: BatchId) -> Callable[[], None]:
        """Forget the runs that do not wait yet; those that wait stay in the line.

        The function that is returned takes that back.
        """
        return self._drop(batch_id, TO_COME)

    def _drop(self, batch_id: BatchId, mark: str) -> Callable[[], None]:
        before, held = self._works[batch_id], self._held.get(batch_id, {})
        runs, faults = before.with_mark(mark), before.progress.faults

        def undo() -> None:
            self._held[batch_id] = held
            work = self._works.get(batch_id, after)
            self._put(work.failed(*faults) if mark == FAILED else work.marked(runs, mark), is_new=True)

        after = before.marked(runs, DROPPED)
        self._put(after)
        return undo

    def take_back(self, entry: WaitingRun, error: MooringError) -> bool:
        """List a run that could not be sent because of its own file, so that the line continues without it.

        False if the line has to pause instead.
        """
        work = self._works.get(entry.batch_id)
        is_of_file = isinstance(error, BadInput) or (isinstance(error, HttpStatusError) and error.status in _OF_FILE)
        if work is None or not is_of_file:
            return False
        self._refused.add(entry.prompt_id)
        self._put(work.failed(_fault(entry.part.index, error)))
        return True

    # Lifecycle

    async def keep(self) -> None:
        """Copy what there is room for, for as long as the page is open."""
        while True:
            if not await self._step():
                await self._state.wait_change()

    async def _step(self) -> bool:
        """Follow what happened, and copy the next files. False if there is nothing to do before the next change."""
        self._restore()
        line = self._line.whole
        if line is None or not self._works:
            return False
        self._follow(line)
        due = next(((name, work) for name, work in self._works.items() if self._next(name, work, line)), None)
        if due is None or self._check is None:
            return False
        try:
            await self._copy(due[0], line)
        except MooringError as error:
            log.warning("no file can be copied now: %r", error)
            self.error = error
            self._state.changed()
            await self._state.ports.clock.sleep(REST)
        else:
            self.error = None
        return True

    def _restore(self) -> None:
        window = self._state.records.own
        if self._memory is None or self._is_restored or not isinstance(window, Window):
            return
        self._is_restored = True
        recalled = self._memory.recall(PLANS_KEY), self._memory.recall(PROGRESS_KEY)
        before = {work.plan.batch.batch_id: work for work in read_works(*recalled, window.window_id)}
        self._works = {**before, **self._works}
        self._remembered = tuple(before)
        if before:
            self._state.changed()

    def _follow(self, line: WaitingRuns) -> None:
        """Take over what became of the runs. Most changes are about something else, and cost nothing here."""
        windows = self._state.records.windows
        seen = (line, *windows)
        if len(seen) == len(self._seen) and all(map(operator.is_, seen, self._seen)):
            return
        self._seen = seen
        tasks = [task for window in windows for task in window.tasks.values()]
        for name, work in [*self._works.items()]:
            mine = (entry for entry in line.entries if entry.batch_id == name and entry.prompt_id not in self._refused)
            waiting = {entry.part.index for entry in mine}
            self._put(work.followed(waiting, tasks))

    def _next(self, name: BatchId, work: FileRuns, line: WaitingRuns) -> bool:
        file = work.next_file(self.held(name))
        return file is not None and self._has_room(work, file, line)

    def _has_room(self, work: FileRuns, file: int, line: WaitingRuns, copied: int = 0, size: int = 0) -> bool:
        """Whether the runs of a file may wait: of one file always, of others while few runs wait and its bytes fit.

        `copied` files of the same plan, of `size` bytes, are about to join the line.
        """
        kept = {item.sha256: item.size for entry in line.entries for item in entry.inputs}
        per_file = work.plan.per_file
        waiting = len(line.entries) + copied * per_file
        if not waiting:
            return True
        fits = sum(kept.values()) + size + work.plan.files[file].size <= ROOM
        return fits and waiting + per_file <= MOST_AHEAD

    async def _copy(self, name: BatchId, line: WaitingRuns) -> None:
        """Copy the next files into the store, and let their runs wait. A file that cannot be used is a failure."""
        copied: dict[int, tuple[Attachment, ...]] = {}
        size = 0
        with self._state.records.loose_ends.upload():
            while len(copied) < self._group and size <= GROUP_BYTES:
                work = self._works.get(name)
                file = work.next_file(self.held(name), copied) if work is not None else None
                if work is None or file is None or not self._has_room(work, file, line, len(copied), size):
                    break
                try:
                    copied[file] = await self._copy_one(work.plan, file, self.held(name)[file])
                except BadInput as error:
                    self._refuse(name, file, error)
                else:
                    size += work.plan.files[file].size
            await self._join(name, copied)
        self._group = min(GROUP, self._group * 2)

    async def _copy_one(self, plan: FilePlan, file: int, held: HeldFile) -> tuple[Attachment, ...]:
        assert self._check is not None  # `_step` waits for it
        path = _shown_path(plan, file)
        files, place = held
        blob = files.open(place)
        await self._check(blob, path, plan.media)
        first, *others = [(place.node_id, place.input_name) for place in plan.places]
        kept = await self._line.attach(first, Picked(blob, path))
        if not await files.claim(place):  # not before the copy, or a crash between the two would lose the file
            raise BadInput("shared-gone", path)
        return (kept, *(_at(kept, where) for where in others))

    def _refuse(self, name: BatchId, file: int, error: BadInput) -> None:
        work = self._works.get(name)
        if work is None:
            return
        if error.cause == "unreadable":  # the file was changed or moved: the one that the page has is of no use
            self._held[name].pop(file, None)
        log.info("file %s of %s is not used: %r", file, name, error)
        self._put(work.failed(*(_fault(run, error) for run in work.to_come(file))))

    async def _join(self, name: BatchId, copied: Mapping[int, tuple[Attachment, ...]]) -> None:
        work = self._works.get(name)
        if work is None:
            return
        runs = {run: inputs for file, inputs in copied.items() for run in work.to_come(file)}
        if not runs:
            return
        entries = [self._entry(work.plan, run, inputs) for run, inputs in runs.items()]
        await self._line.join(work.plan.batch, entries, work.plan.senders, work.plan.editor)
        left = set(self._works[name].with_mark(TO_COME)) if name in self._works else set()
        self._change(name, lambda work: work.marked(left.intersection(runs), GIVEN))
        dropped = [entry.prompt_id for entry in entries if entry.part.index not in left]
        for prompt_id in dropped:  # by the user, while they joined
            try:
                await self._line.remove(prompt_id)
            except TaskNotFound:
                log.info("%s was sent before it could be removed", prompt_id)

    def _entry(self, plan: FilePlan, run: int, inputs: tuple[Attachment, ...]) -> WaitingRun:
        planned = plan.runs[run]
        part = Part(batch_id=plan.batch.batch_id, index=run, label=planned.label, cell=planned.cell)
        prompt_id = PromptId(self._state.ports.random.uuid4())
        return WaitingRun(
            prompt_id=prompt_id,
            owner=plan.window_id,
            part=part,
            values=planned.values,
            templates=planned.templates,
            inputs=inputs,
        )

    # Keeping

    def _change(self, batch_id: BatchId, change: Callable[[FileRuns], FileRuns]) -> None:
        work = self._works.get(batch_id)
        if work is not None:
            self._put(change(work))

    def _put(self, work: FileRuns, *, is_new: bool = False) -> None:
        """Take over the next value of a plan. One that is over is forgotten."""
        name = work.plan.batch.batch_id
        if not is_new and self._works.get(name) == work:
            return
        if work.is_over:
            self._works.pop(name, None)
            self._held.pop(name, None)
        else:
            self._works[name] = work
        self._remember(has_plans=is_new or work.is_over)
        self._state.changed()

    def _remember(self, *, has_plans: bool) -> None:
        if self._memory is None:
            return
        if has_plans:
            kept: list[FileRuns] = []
            for work in self._works.values():
                if len(write_plans([*kept, work])) <= MOST_REMEMBERED:
                    kept.append(work)
            self._remembered = tuple(work.plan.batch.batch_id for work in kept)
            self._memory.remember(PLANS_KEY, write_plans(kept) if kept else "")
        works = [self._works[name] for name in self._remembered]
        self._memory.remember(PROGRESS_KEY, write_progress(works) if works else "")


_OF_FILE = frozenset({400, 413, 415, 422})  # a server's refusals of a file


def _fault(run: int, error: MooringError) -> FileFault:
    if isinstance(error, BadInput):
        return FileFault(run=run, cause=error.cause, detail=error.detail[:400])
    return FileFault(run=run, cause="refused-file", detail=str(getattr(error, "status", "")))


def _same(blob: Blob, _index: int) -> Blob:
    return blob


def _at(kept: Attachment, where: tuple[str, str]) -> Attachment:
    """The same file for another input."""
    return Attachment(node_id=where[0], input_name=where[1], sha256=kept.sha256, name=kept.name, size=kept.size)


def _shown_path(plan: FilePlan, file: int) -> str:
    """A file's path below the chosen folder."""
    return plan.files[file].path.removeprefix(f"{plan.folder}/") if plan.folder else plan.files[file].path
