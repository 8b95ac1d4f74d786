"""Reusing a result: its settings in the form, or its picture as an input of the next run."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from app.core.errors import BadInput, MooringError, TaskNotFound
from app.core.model import PromptId, Task
from app.core.past import ended_at
from app.core.ports.blobs import Blob
from app.core.workflow import parse_workflow
from app.session import Session
from app.ui.form.changes import note_taken, put_draft
from app.ui.form.context import workflows_on
from app.ui.form.open_workflow import OpenWorkflow, changed_texts
from app.ui.form.state import Draft, FormState
from app.ui.kit.actions import action
from app.ui.kit.context import PageContext
from app.ui.kit.screen import Screen
from app.ui.library.opening import Opener
from app.ui.results.state import InputDialog, PictureDialog
from app.workflows.forms.arrangement import workflow_key
from app.workflows.forms.fields import Field
from app.workflows.forms.form import Form
from app.workflows.forms.kinds import Media, Seed, SeedMode, Upload
from app.workflows.graph import Key, open_graph
from app.workflows.library import WorkflowOrigin
from app.workflows.reading import read_text

log = logging.getLogger("mooring.ui")


class Reuse:
    """Actions on a result. `take_files` puts files into the form, `recover` restores the files it waits for."""

    def __init__(
        self,
        source: Session,
        context: PageContext,
        screen: Screen,
        opener: Opener,
        read_input: Callable[[str], Awaitable[Blob | None]],
        *,
        take_files: Callable[[Sequence[tuple[Blob, str]]], None],
        recover: Callable[[], Awaitable[None]],
    ) -> None:
        self._source = source
        self._context = context
        self._screen = screen
        self._opener = opener
        self._read_input = read_input
        self._take_files = take_files
        self._recover = recover

    @action("use-settings")
    async def use_settings(self, prompt_id: PromptId) -> None:
        task = await self._task(prompt_id)
        workflow = parse_workflow(task.workflow)
        key = workflow_key(workflow)
        fitting = [item for item in workflows_on(self._context) if item.is_whole and item.published.key == key]
        fitting.sort(
            key=lambda item: item.workflow_id != self._context.ui.of(FormState).workflow_id
        )  # the chosen one first
        if fitting:
            self._fill(fitting[0], task)
        else:
            await self._open(task)
        note_taken(self._context, ended_at(task))
        self._close()
        await self._recover()

    @action("use-as-input")
    async def use_as_input(self, prompt_id: PromptId, index: int) -> None:
        """Put a result into the form; if the chosen workflow takes no picture, ask which of those that do."""
        takers = [item for item in workflows_on(self._context) if any(_takes_pictures(field) for field in item.uploads)]
        chosen = self._context.ui.of(FormState).workflow_id
        if takers and not any(item.workflow_id == chosen for item in takers):
            choices = tuple((item.workflow_id, item.title) for item in takers)
            self._context.set_ui(replace(self._context.ui, dialog=InputDialog(prompt_id, index, choices)))
        else:
            await self._put_in(prompt_id, index)

    @action("use-in")
    async def use_in(self, workflow_id: str, prompt_id: PromptId, index: int) -> None:
        """Choose a workflow that takes a picture, and put a result into it."""
        self._opener.choose(workflow_id)
        await self._put_in(prompt_id, index)

    async def _put_in(self, prompt_id: PromptId, index: int) -> None:
        task = await self._task(prompt_id)
        output = task.delivery.outputs[index]
        blob = await self._source.results.read(prompt_id, index)
        if blob is None:
            blob = await self._source.results.fetch(prompt_id, index)
        if blob is None:
            raise BadInput("not-kept-here", output.filename, "1")
        self._close()
        self._take_files([(blob, output.filename)])

    def _fill(self, opened: OpenWorkflow, task: Task) -> None:
        """Fill the form of a workflow of the same shape, as one step to undo."""
        before = self._context.ui.of(FormState).drafts.get(opened.workflow_id, Draft())
        values, modes = settings_of(opened.form, task)
        draft = before.with_typed({**before.values, **values}, {**before.modes, **modes})
        self._opener.choose(opened.workflow_id)
        filled = with_files(draft, task)
        for key in draft.pictures.keys() - filled.pictures.keys():  # these are replaced
            for url in filter(None, (draft.pictures[key].url, draft.pictures[key].look_url)):
                self._screen.revoke_url(url)
        put_draft(self._context, filled, opened.workflow_id)
        self._screen.update({"texts": changed_texts(opened, before.values, draft.values)})

    async def _open(self, task: Task) -> None:
        """Open it as a new workflow: the editor's file if the task has one, else what was sent."""
        graph = await self._editors_file(task)
        source = read_text(graph or task.workflow, task.title)
        await self._opener.open_source(replace(source, api=task.workflow) if graph else source, WorkflowOrigin.RESULT)
        chosen = self._context.ui.of(FormState).workflow_id
        draft = with_files(self._context.ui.of(FormState).drafts.get(chosen, Draft()), task)
        draft = draft.with_typed({**draft.values, **templates_of(task)}, draft.modes)
        put_draft(self._context, draft, chosen)

    async def _editors_file(self, task: Task) -> str:
        if not task.editor_sha256:
            return ""
        try:
            blob = await self._read_input(task.editor_sha256)
        except MooringError as error:
            log.info("the editor's file of %s is not read: %r", task.prompt_id, error)
            return ""
        return "" if blob is None else (await blob.read()).decode("utf-8", "replace")

    async def _task(self, prompt_id: PromptId) -> Task:
        held = (window.tasks.get(prompt_id) for window in self._source.windows)
        task = next(filter(None, held), None) or await self._source.past.read_task(prompt_id)
        if not task.workflow:
            raise TaskNotFound("use_settings", prompt_id)
        return task

    def _close(self) -> None:
        if isinstance(self._context.ui.dialog, (PictureDialog, InputDialog)):
            self._context.set_ui(replace(self._context.ui, dialog=None))
        self._screen.update({"reveal": "form"})


def _takes_pictures(field: Field) -> bool:
    return isinstance(field.kind, Upload) and field.kind.media is Media.PICTURE


def settings_of(form: Form, task: Task) -> tuple[dict[Key, str], dict[Key, SeedMode]]:
    """Return a task's values as texts of a form of the same shape, and its prompts as the user wrote them.

    Seeds become fixed.
    """
    graph = open_graph(parse_workflow(task.workflow))
    templates = templates_of(task)
    values: dict[Key, str] = {}
    modes: dict[Key, SeedMode] = {}
    for key, item in form.by_key.items():
        node = graph.get(key[0])
        if node is None or key[1] not in node.values or isinstance(item.kind, Upload):
            continue
        values[key] = templates.get(key) or item.kind.text_of(node.values[key[1]])
        if isinstance(item.kind, Seed):
            modes[key] = SeedMode.FIXED
    return values, modes


def templates_of(task: Task) -> dict[Key, str]:
    """Return the prompts that were drawn for a task as the user wrote them, by input."""
    return {(str(item.node_id), item.input_name): item.text for item in task.templates}


def with_files(draft: Draft, task: Task) -> Draft:
    """Return a form that waits for the files a task has used, if they are kept."""
    used: Mapping[Key, tuple[str, str]] = {
        (str(item.node_id), item.input_name): (item.original_name or item.name, item.sha256)
        for item in task.inputs
        if item.sha256
    }
    return replace(
        draft,
        pictures={key: picture for key, picture in draft.pictures.items() if key not in used},
        awaited={**draft.awaited, **{key: name for key, (name, _sha256) in used.items()}},
        kept={**draft.kept, **{key: sha256 for key, (_name, sha256) in used.items()}},
    )
