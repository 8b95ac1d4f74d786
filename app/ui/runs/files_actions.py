"""Actions of *Many files*: the dialog, and the plans whose files are still copied or whose runs have failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from app.core.balancer import Wish
from app.core.errors import BadInput, MooringError
from app.core.file_runs import FAILED, TO_COME, FileInput, FilePlan, FileRun, FileRuns
from app.core.model import BatchId
from app.core.ports.blobs import Blob
from app.core.ports.files import FileSet
from app.core.waiting_runs import write_values
from app.session.waiting.waiting_runs import WaitingLine
from app.ui.form.actions import FormActions
from app.ui.form.changes import put_draft
from app.ui.form.file_actions import check_file, media_of
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import Draft, FormState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext, set_slices
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.deletions import Deletion, What
from app.ui.kit.screen import Screen
from app.ui.runs.files import CROSSES, FilesDialog, FilesDraft, file_field, kind_of, read_key, sorted_of, variants_of
from app.ui.runs.many import ManyKind
from app.ui.runs.orders import PlannedRuns, files_of
from app.ui.runs.state import CreditsDialog, RunsState
from app.workflows.forms.kinds import Media
from app.workflows.graph import Key
from app.workflows.plans.files import cross, folder_of
from app.workflows.plans.runs import PlannedRun

log = logging.getLogger("mooring.ui")

STEP = 20  # runs that are made at a time, so that the page stays responsive


# The plan of runs that a chosen workflow makes of a draft, and where they go with how many senders.
MakePlan = Callable[[OpenWorkflow, Draft, list[PlannedRun]], Awaitable[PlannedRuns]]
Where = Callable[[OpenWorkflow], tuple[Wish, int] | None]


class FilesActions:
    def __init__(
        self,
        line: WaitingLine,
        context: PageContext,
        screen: Screen,
        *,
        form: FormActions,
        make_plan: MakePlan,
        where: Where,
        deletions: Deletions,
    ) -> None:
        self._feed = line.files
        self._new_batch = line.new_batch
        self._context = context
        self._screen = screen
        self._form = form
        self._make_plan = make_plan
        self._where = where
        self._deletions = deletions
        self._feed.use(screen, self._check)

    @property
    def is_open(self) -> bool:
        return isinstance(self._context.ui.dialog, FilesDialog)

    async def _check(self, blob: Blob, name: str, media: str) -> None:
        await check_file(self._screen, Media(media), blob, name)

    # The dialog

    @action("open-files")
    def open_dialog(self, node: str = "", name: str = "") -> None:
        """Open the dialog without any files yet."""
        key = (node, name) if node else None
        self._show(FilesDraft(key=key), is_open=True)

    def ask(self, key: Key | None, files: FileSet) -> None:
        """Open the dialog for files that were dropped or chosen; more files join those of an open dialog.

        While the runs of those are being made, they are a plan of their own.
        """
        draft = self._draft
        if self.is_open and not draft.is_making:
            joined = draft.files.joined(files) if draft.files is not None else files
            self._show(replace(draft, files=joined))
        else:
            self._show(FilesDraft(files, key), is_open=True)

    @action("files-field")
    def choose_field(self, value: str) -> None:
        self._show(replace(self._draft, key=read_key(value)))

    @action("files-cross")
    def choose_cross(self, value: str) -> None:
        """Choose what each file is crossed with."""
        kind = next((item for item in CROSSES if item.value == value), None)
        self._show(replace(self._draft, is_crossed=kind is not None))
        if kind is not None:  # the fields of that plan are those of *Batch*
            state = self._context.ui.of(RunsState)
            set_slices(self._context, replace(state, many=replace(state.many, kind=kind)))

    @action("files-senders")
    def choose_senders(self, value: int) -> None:
        """Choose how many servers the runs are spread over."""
        self._show(replace(self._draft, senders=value))

    @action("files-clear")
    def clear(self) -> None:
        """Take all files out of the dialog."""
        self._show(replace(self._draft, files=None))

    @action("files-add")
    async def add(self, confirmed: bool = False) -> None:
        """Let the runs come, file by file, and close the dialog; confirm what costs credits first."""
        chosen, draft = self._form.chosen, self._draft
        item = file_field(chosen, draft) if chosen is not None else None
        if chosen is None or item is None or draft.files is None or draft.is_making:
            return
        ui = self._context.ui
        found = sorted_of(chosen, draft).taken
        many = ui.of(RunsState).many
        variants = variants_of(chosen, ui.of(FormState).draft.values, draft, many, self._context.word)
        place = self._where(chosen)
        if not found or place is None:
            return  # the dialog shows why
        if chosen.credit_classes and not confirmed:
            self._context.set_ui(replace(ui, dialog=CreditsDialog("files-add", len(found) * len(variants))))
            return
        self._show(replace(draft, is_making=True))
        try:
            await self._start(chosen, item.key, variants, place)
        except MooringError:
            if self._draft.files is draft.files:
                self._show(draft)
            raise
        if self._draft.files is draft.files:
            self._show(FilesDraft(key=draft.key, is_crossed=draft.is_crossed))
            if isinstance(self._context.ui.dialog, FilesDialog | CreditsDialog):
                self._context.set_ui(replace(self._context.ui, dialog=None))
        self._screen.update({"reveal": "waiting"})

    async def _start(
        self, chosen: OpenWorkflow, key: Key, variants: tuple[PlannedRun, ...], place: tuple[Wish, int]
    ) -> None:
        draft = self._draft
        assert draft.files is not None  # `add` has checked
        chosen_files = draft.files.only(sorted_of(chosen, draft).taken)
        files = chosen_files.files
        folder = folder_of(files)
        labels = [file.path.removeprefix(f"{folder}/") if folder else file.path for file in files]
        plan = await self._planned(chosen, labels, variants)
        shared = [other for other, leader in chosen.form.hints.shared.items() if leader == key]
        inputs = files_of(chosen, self._context.ui.of(FormState).draft)
        others = {other: picked for other, picked in inputs.items() if other not in (key, *shared)}
        item = chosen.form.by_key[key]
        batch = await self._new_batch(
            plan.workflow, title=chosen.title, inputs=others, wish=place[0], editor=plan.editor
        )
        self._feed.start(
            FilePlan(
                batch=batch,
                places=tuple(FileInput(*where) for where in (key, *shared)),
                files=files,
                runs=tuple(FileRun(write_values(run.values), run.label, run.cell, run.templates) for run in plan.runs),
                media=media_of(item).value,
                folder=folder,
                senders=place[1] if draft.senders is None else draft.senders,
                editor=plan.editor,
            ),
            chosen_files,
        )

    async def _planned(self, chosen: OpenWorkflow, labels: list[str], variants: tuple[PlannedRun, ...]) -> PlannedRuns:
        """Make the runs, some at a time. Seeds are drawn for each, unless they are what the files are crossed with."""
        typed = self._context.ui.of(FormState).draft
        drawn = self._form.draw_seeds(chosen, typed)
        has_seeds = kind_of(self._draft, self._context.ui.of(RunsState).many) is not ManyKind.SEEDS
        after = typed if has_seeds else self._form.count_seeds(chosen, drawn)
        all_runs, made, first = list(cross(labels, variants)), list[PlannedRun](), None
        for start in range(0, len(all_runs), STEP):
            runs = all_runs[start : start + STEP]
            if has_seeds:
                runs, after = self._form.with_seeds(chosen, after, runs)
            plan = await self._make_plan(chosen, typed if has_seeds else drawn, runs)
            first = first or plan
            made += plan.runs
            await asyncio.sleep(0)
        form = self._context.ui.of(FormState)
        now = form.drafts.get(chosen.workflow_id, typed)
        for key, value in after.values.items():
            if typed.values.get(key) != value and now.values.get(key) == typed.values.get(key):
                now = now.with_value(key, value)  # a seed; what was typed while the runs were made stays
        put_draft(self._context, now, chosen.workflow_id)
        assert first is not None  # there is at least one file
        return replace(first, runs=tuple(made))

    # Plans under way

    def supply(self, batch_id: str, files: FileSet) -> None:
        """Continue with files of a folder that the user has chosen after a reload."""
        work = self._work(batch_id)
        if work is not None and not self._feed.supply(BatchId(batch_id), files):
            self._context.set_ui(self._context.ui.with_error(BadInput("other-folder", work.plan.folder)))

    @action("files-retry")
    async def retry(self, batch_id: BatchId) -> None:
        """Run the failed ones alone."""
        await self._feed.retry(batch_id)

    @action("files-dismiss")
    def dismiss(self, batch_id: BatchId) -> None:
        """Forget the failures; *Undo* brings them back."""
        self._drop(batch_id, FAILED, self._feed.drop_failures)

    @action("files-drop-rest")
    def drop_rest(self, batch_id: BatchId) -> None:
        """Forget the files that are not copied yet; *Undo* brings them back."""
        self._drop(batch_id, TO_COME, self._feed.drop_rest)

    def _drop(self, batch_id: BatchId, mark: str, drop: Callable[[BatchId], Callable[[], None]]) -> None:
        work = self._work(batch_id)
        if work is not None:
            self._deletions.put_off(Deletion(What.WAITING, count=work.count(mark)), undo=drop(batch_id))

    def _work(self, batch_id: str) -> FileRuns | None:
        return next((item for item in self._feed.works if item.plan.batch.batch_id == batch_id), None)

    @property
    def _draft(self) -> FilesDraft:
        return self._context.ui.of(RunsState).files

    def _show(self, draft: FilesDraft, *, is_open: bool = False) -> None:
        ui = self._context.ui
        ui = ui.with_slices(replace(ui.of(RunsState), files=draft))
        self._context.set_ui(replace(ui, dialog=FilesDialog()) if is_open else ui)
