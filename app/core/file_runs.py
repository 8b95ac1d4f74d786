"""Runs of one plan that have a file each, such as the photos of a folder: what is known of each run, as a value.

    work = FileRuns(plan, marks=TO_COME * len(plan.runs))
    work.next_file({0, 1})                     # 0: the first file that is at hand and whose runs do not wait yet
    work = work.marked(work.runs_of(0), GIVEN)
    work.missing({1})                          # files that the user has to choose again, after a reload
    work = work.followed({0}, tasks)           # what became of the runs that were given to the waiting line

A run waits only after its file is kept in this browser. Until then the page has the file itself, which a
reload takes away: the user chooses the folder again, and `matches` finds the files by name, size and time of change.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.core.model import Cell, PromptId, Task, TaskState, Template, WindowId
from app.core.ports.files import ChosenFile
from app.core.records import BrokenRecord, decode, encode
from app.core.waiting_runs import Batch

# The mark of each run: not copied yet, given to the waiting line or a server, done, failed, removed by the user.
TO_COME, GIVEN, DONE, FAILED, DROPPED = ".", "w", "d", "f", "c"

_UNKNOWN = WindowId("")  # until the plan is started


@dataclass(frozen=True, slots=True)
class FileInput:
    """An input that gets the file."""

    node_id: str
    input_name: str


@dataclass(frozen=True, slots=True)
class FileRun:
    """One run: its values as JSON text (`core/waiting_runs.py`), its label, place on a contact sheet, and templates."""

    values: str = "[]"
    label: str = ""
    cell: Cell | None = None
    templates: tuple[Template, ...] = ()  # of prompts among the values


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """What was planned; it never changes. The runs of a file follow each other, as many for each file."""

    window_id: WindowId = _UNKNOWN
    batch: Batch
    places: tuple[FileInput, ...]
    files: tuple[ChosenFile, ...]
    runs: tuple[FileRun, ...]
    media: str = ""  # what the input takes (`workflows/forms/kinds.py`, Media)
    folder: str = ""  # the folder's name, if they came from one
    senders: int = 1
    editor: str = ""  # the copy of the editor's file, which is kept while runs wait

    @property
    def per_file(self) -> int:
        """How many runs each file has."""
        return len(self.runs) // len(self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFault:
    """Why a run failed: the cause of a BadInput, or the failed task and the hash of the file that it used."""

    run: int
    cause: str = ""
    detail: str = ""
    prompt_id: PromptId | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProgress:
    """What became of the runs of a plan: a mark for each, and the faults of failed ones."""

    marks: str = ""
    faults: tuple[FileFault, ...] = ()


@dataclass(frozen=True, slots=True)
class FileRuns:
    """A plan and its progress. Every method returns a new value."""

    plan: FilePlan
    progress: FileProgress = field(default_factory=FileProgress)

    @classmethod
    def of(cls, plan: FilePlan) -> FileRuns:
        """A plan of which no run waits yet."""
        return cls(plan, FileProgress(marks=TO_COME * len(plan.runs)))

    # Queries

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do or to say."""
        return not any(mark in self.progress.marks for mark in (TO_COME, GIVEN, FAILED))

    def count(self, mark: str) -> int:
        """How many runs have this mark."""
        return self.progress.marks.count(mark)

    def runs_of(self, file: int) -> range:
        """The runs of a file."""
        per_file = self.plan.per_file
        return range(file * per_file, (file + 1) * per_file)

    def file_of(self, run: int) -> int:
        """The file of a run."""
        return run // self.plan.per_file

    def to_come(self, file: int) -> list[int]:
        """The runs of a file that do not wait yet."""
        return [run for run in self.runs_of(file) if self.progress.marks[run] == TO_COME]

    def next_file(self, held: Collection[int], without: Collection[int] = ()) -> int | None:
        """The first of the files at hand whose runs do not wait yet."""
        run = self.progress.marks.find(TO_COME)
        while run >= 0:
            file = self.file_of(run)
            if file in held and file not in without:
                return file
            run = self.progress.marks.find(TO_COME, self.runs_of(file).stop)
        return None

    def missing(self, held: Collection[int]) -> list[int]:
        """The files that are needed and not at hand."""
        needed = {self.file_of(run) for run, mark in enumerate(self.progress.marks) if mark == TO_COME}
        return sorted(needed.difference(held))

    # Changes

    def marked(self, runs: Iterable[int], mark: str) -> FileRuns:
        """Mark runs, and forget their faults."""
        chosen = set(runs)
        marks = [mark if run in chosen else before for run, before in enumerate(self.progress.marks)]
        faults = tuple(item for item in self.progress.faults if item.run not in chosen)
        return replace(self, progress=FileProgress(marks="".join(marks), faults=faults))

    def failed(self, *faults: FileFault) -> FileRuns:
        """Mark runs as failed, each with its fault."""
        marked = self.marked([item.run for item in faults], FAILED)
        listed = sorted((*marked.progress.faults, *faults), key=lambda item: item.run)
        return replace(marked, progress=replace(marked.progress, faults=tuple(listed)))

    def retried(self) -> FileRuns:
        """Let all failed runs be made another time."""
        return self.marked(self.with_mark(FAILED), TO_COME)

    def with_mark(self, mark: str) -> list[int]:
        """The runs with this mark."""
        return [run for run, found in enumerate(self.progress.marks) if found == mark]

    def followed(self, waiting: Collection[int], tasks: Iterable[Task]) -> FileRuns:
        """Take over what became of the runs: `waiting` are in the line, `tasks` those of this tab.

        A given run that is neither was removed by the user. A failed task of a run that is repeated is history.
        """
        latest, repaired = self._latest(tasks)
        marks, faults = [*self.progress.marks], {item.run: item for item in self.progress.faults}
        for run, mark in enumerate(marks):
            task = latest.get(run)
            if run in waiting:
                marks[run] = GIVEN
            elif mark != TO_COME and task is not None:
                marks[run] = _mark_of(task)
            elif mark == GIVEN:
                marks[run] = DROPPED
            fault = faults.get(run)
            if fault is not None and fault.prompt_id in repaired:
                marks[run] = DONE
            if marks[run] != FAILED:
                faults.pop(run, None)
            elif task is not None and (fault is None or fault.prompt_id != task.prompt_id):
                faults[run] = self._fault(run, task)
        progress = FileProgress(marks="".join(marks), faults=tuple(faults[run] for run in sorted(faults)))
        return self if progress == self.progress else replace(self, progress=progress)

    def _latest(self, tasks: Iterable[Task]) -> tuple[dict[int, Task], set[PromptId | None]]:
        """The latest task of each run, and the tasks that were repeated from their cards with success."""
        latest: dict[int, Task] = {}
        repaired: set[PromptId | None] = set()
        for task in tasks:
            if task.again_of is not None and task.part is None and task.state is TaskState.SUCCEEDED:
                repaired.add(task.again_of)
            if task.part is None or task.part.batch_id != self.plan.batch.batch_id:
                continue
            known = latest.get(task.part.index)
            if known is None or known.created_at <= task.created_at:
                latest[task.part.index] = task
        return latest, repaired

    def _fault(self, run: int, task: Task) -> FileFault:
        used = (item.sha256 for item in task.inputs if FileInput(item.node_id, item.input_name) in self.plan.places)
        detail = task.end.failure.message if task.end.failure is not None else ""
        return FileFault(
            run=run, cause=task.state.value, detail=detail[:400], prompt_id=task.prompt_id, sha256=next(used, "")
        )


def _mark_of(task: Task) -> str:
    match task.state:
        case TaskState.SUCCEEDED:
            return DONE
        case TaskState.FAILED | TaskState.LOST:
            return FAILED
        case TaskState.CANCELLED | TaskState.GIVEN_UP:
            return DROPPED
    return GIVEN


def matches(wanted: Mapping[int, ChosenFile], found: Sequence[ChosenFile]) -> dict[int, int]:
    """Which of the files found is which of those wanted, by name, size and time of change; the same path comes first.

    The folder may have been chosen from elsewhere, so that only the end of the path is the same.
    """
    places: dict[tuple[str, int, int], list[int]] = {}
    for index, file in enumerate(found):
        places.setdefault(_mark(file), []).append(index)
    paired: dict[int, int] = {}
    for is_exact in (True, False):
        for index, file in wanted.items():
            same = places.get(_mark(file), [])
            chosen = next((item for item in same if not is_exact or found[item].path == file.path), None)
            if index not in paired and chosen is not None:
                paired[index] = chosen
                same.remove(chosen)
    return paired


def _mark(file: ChosenFile) -> tuple[str, int, int]:
    return file.name, file.size, file.changed


# As text, which the tab keeps over a reload


def write_plans(works: Iterable[FileRuns]) -> str:
    """The plans as text."""
    return json.dumps([encode(work.plan) for work in works], ensure_ascii=False)


def write_progress(works: Iterable[FileRuns]) -> str:
    """The progress of the plans as text; it is short, and changes with each run."""
    return json.dumps([encode(work.progress) for work in works], ensure_ascii=False)


def read_works(plans: str, progress: str, window_id: WindowId) -> tuple[FileRuns, ...]:
    """The plans of this window with their progress; none if either text cannot be read."""
    try:
        listed = [decode(FilePlan, item) for item in json.loads(plans or "[]")]
        found = [decode(FileProgress, item) for item in json.loads(progress or "[]")]
    except (ValueError, TypeError, BrokenRecord):
        return ()
    works = [FileRuns(*pair) for pair in zip(listed, found, strict=False)]
    return tuple(work for work in works if work.plan.window_id == window_id and _is_whole(work))


def _is_whole(work: FileRuns) -> bool:
    plan, marks = work.plan, work.progress.marks
    is_even = bool(plan.files and plan.places) and len(plan.runs) == plan.per_file * len(plan.files)
    return is_even and bool(plan.runs) and len(marks) == len(plan.runs)
