"""*Many files*: the question before a run for each of many files, and what became of those runs.

view = files_view(chosen, values, draft, many, word)          # the open dialog
views = work_views(session.line.files)                        # a panel for each plan that is not over
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from app.core.errors import BadPlan, MooringError
from app.core.file_runs import DONE, FAILED, GIVEN, TO_COME, FileFault, FileRuns
from app.core.model import BatchId
from app.core.ports.files import FileSet
from app.ui.form.file_actions import media_of
from app.ui.form.labels import word_label
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.kit.session_facts import FeedFacts
from app.ui.kit.state import Dialog
from app.ui.runs.many import ManyDraft, ManyKind, ManyView, many_view, plan_of
from app.ui.runs.server_picker import ALONE, Spread
from app.workflows.forms.fields import Field
from app.workflows.forms.kinds import Media, Seed
from app.workflows.graph import Key
from app.workflows.plans.files import LeftOut, SortedFiles, folder_of, sort_files, takes
from app.workflows.plans.runs import MAX_RUNS, PlannedRun

NAMES_SHOWN = 5  # of each reason
KINDS_SHOWN = 4
FAULTS_SHOWN = 50
ONCE = "once"
CROSSES = (ManyKind.SEEDS, ManyKind.LINES, ManyKind.TABLE)  # plans with which files can be crossed

Word = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class FilesDraft:
    """What the user has chosen in the dialog; a field that is None is guessed.

    If it `is_crossed`, the plan of *Batch* is made for each file (`kind_of`).
    """

    files: FileSet | None = None
    key: Key | None = None
    is_crossed: bool = False
    senders: int | None = None
    is_making: bool = False  # the runs are being made


@dataclass(frozen=True, slots=True)
class FilesDialog(Dialog):
    """The open dialog; its values are in `RunsState.files`."""


@dataclass(frozen=True, slots=True)
class LeftView:
    """Files that are left out for one reason, with the first names."""

    reason: LeftOut
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesView:
    """The open dialog. `is_beyond`: the files are larger than what the browser keeps for waiting runs."""

    title: str = ""
    fields: tuple[tuple[str, str], ...] = ()  # id and label of each field that takes files
    key: str = ""
    media: Media = Media.PICTURE
    folder: str = ""
    count: int = 0
    size: int = 0
    kinds: tuple[tuple[str, int], ...] = ()
    more_kinds: int = 0
    left: tuple[LeftView, ...] = ()
    cross: str = ONCE
    many: ManyView | None = None
    runs: int = 0
    error: MooringError | None = None
    is_beyond: bool = False
    is_cut: bool = False
    is_making: bool = False
    has_seeds: bool = False
    spread: Spread = ALONE

    @property
    def is_empty(self) -> bool:
        """Whether nothing was chosen yet."""
        return not self.count and not self.left


@dataclass(frozen=True, slots=True)
class FaultView:
    """A failed run by its file; the task has a card, unless there never was one."""

    label: str
    fault: FileFault


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkView:
    """What became of the runs of one plan. `missing` files have to be chosen again, `unread` ones are read later.

    A plan that is not `is_remembered` is too large to survive a reload. With `is_counted_on_top`, the top of the queue
    has its counts.
    """

    batch_id: BatchId
    title: str
    folder: str = ""
    count: int = 0
    done: int = 0
    given: int = 0
    unread: int = 0
    missing: int = 0
    failed: int = 0
    to_come: int = 0
    faults: tuple[FaultView, ...] = ()
    error: MooringError | None = None
    is_remembered: bool = True
    is_counted_on_top: bool = False


NO_FILES = SortedFiles()


@dataclass(frozen=True, slots=True)
class NoBytes:
    """Stands for a file that is read later."""

    size: int = 0
    media_type: str = ""

    async def read(self, most: int | None = None) -> bytes:  # noqa: ARG002 - see the class
        return b""


def file_field(chosen: OpenWorkflow, draft: FilesDraft) -> Field | None:
    """The field that the files go into: the one chosen, else the first that takes most of them."""
    uploads = chosen.uploads
    for item in uploads:
        if item.key == draft.key:
            return item
    files = draft.files.files if draft.files is not None else ()
    fitting = {item.key: sum(takes(media_of(item), file) for file in files) for item in uploads}
    return max(uploads, key=lambda item: fitting[item.key], default=None)


def sorted_of(chosen: OpenWorkflow, draft: FilesDraft) -> SortedFiles:
    """Which of the files the field takes."""
    item = file_field(chosen, draft)
    return sort_files(draft.files.files, media_of(item)) if item is not None and draft.files is not None else NO_FILES


def kind_of(draft: FilesDraft, many: ManyDraft) -> ManyKind | None:
    """The kind of plan that is made for each file; None for one run."""
    return many.kind if draft.is_crossed and many.kind in CROSSES else None


def variants_of(
    chosen: OpenWorkflow, texts: Mapping[Key, str], draft: FilesDraft, many: ManyDraft, word: Word
) -> tuple[PlannedRun, ...]:
    """The runs that each file has. Raises BadPlan or BadInput for a plan that cannot be used."""
    if kind_of(draft, many) is None:
        return (PlannedRun(0, {}, ""),)
    plan = plan_of(chosen, texts, many, word)
    if many.is_blank or plan.runs is None:
        raise plan.error or BadPlan("empty-plan")
    return tuple(plan.runs)


def files_view(
    chosen: OpenWorkflow,
    texts: Mapping[Key, str],
    draft: FilesDraft,
    many: ManyDraft,
    word: Word,
    *,
    room: int,
    spread: Spread,
) -> FilesView:
    """The dialog as it is shown now; `room` is how many bytes of files waiting runs may hold."""
    item, found = file_field(chosen, draft), sorted_of(chosen, draft)
    files = draft.files.files if draft.files is not None else ()
    taken = [files[index] for index in found.taken]
    folder, kind = folder_of(files), kind_of(draft, many)
    runs, error = 0, None
    try:
        runs = len(taken) * len(variants_of(chosen, texts, draft, many, word))
        if runs > MAX_RUNS:
            raise BadPlan("too-many-runs", str(MAX_RUNS), str(runs))
    except MooringError as fault:
        error = fault
    kinds = Counter(file.name.rpartition(".")[2].upper() for file in taken).most_common()
    size = sum(file.size for file in taken)
    shown = many_view(chosen, texts, many, word) if kind is not None else None
    return FilesView(
        title=chosen.title,
        fields=tuple((key_text(each.key), word_label(each, word)) for each in chosen.uploads),
        key=key_text(item.key) if item is not None else "",
        media=media_of(item) if item is not None else Media.PICTURE,
        folder=folder,
        count=len(taken),
        size=size,
        kinds=tuple(kinds[:KINDS_SHOWN]),
        more_kinds=sum(count for _, count in kinds[KINDS_SHOWN:]),
        left=tuple(
            LeftView(reason, len(indexes), tuple(files[index].path for index in indexes[:NAMES_SHOWN]))
            for reason, indexes in found.left.items()
        ),
        cross=ONCE if kind is None else kind.value,
        many=shown,
        runs=runs,
        error=None if kind is not None and many.is_blank else error,
        is_beyond=size > room,
        is_cut=draft.files is not None and draft.files.is_cut,
        is_making=draft.is_making,
        has_seeds=any(isinstance(each.kind, Seed) for each in chosen.form.by_key.values()),
        spread=spread if draft.senders is None else replace(spread, senders=draft.senders),
    )


def key_text(key: Key) -> str:
    """A field's key as the value of a choice; a node's id has no space."""
    return f"{key[0]} {key[1]}"


def read_key(text: str) -> Key:
    """The key of such a value."""
    node_id, _, name = text.partition(" ")
    return node_id, name


def work_views(feed: FeedFacts, counted: BatchId | None = None) -> tuple[WorkView, ...]:
    """The panels, oldest first; the counts of the batch `counted` are at the top of the queue."""
    return tuple(_work_view(work, feed, counted) for work in feed.works)


def _work_view(work: FileRuns, feed: FeedFacts, counted: BatchId | None) -> WorkView:
    plan, held = work.plan, feed.held(work.plan.batch.batch_id)
    missing = len(work.missing(held))
    to_come = len(work.missing(()))
    return WorkView(
        batch_id=plan.batch.batch_id,
        title=plan.batch.title,
        folder=plan.folder,
        count=len(plan.runs),
        done=work.count(DONE),
        given=work.count(GIVEN),
        unread=to_come - missing,
        missing=missing,
        failed=work.count(FAILED),
        to_come=work.count(TO_COME),
        faults=tuple(_fault_view(work, fault) for fault in work.progress.faults[:FAULTS_SHOWN]),
        error=feed.error,
        is_remembered=feed.is_remembered(plan.batch.batch_id),
        is_counted_on_top=plan.batch.batch_id == counted,
    )


def _fault_view(work: FileRuns, fault: FileFault) -> FaultView:
    return FaultView(work.plan.runs[fault.run].label, fault)
