"""What a click on Run sends: the workflow with the form's values and, of an editor's file, a copy with these values.

    wildcards = await words.read(wildcards_of(chosen, draft))
    order = order_of(chosen, draft, now=screen.local_time(), draw=PromptDraw(choose, wildcards))
    await session.run(order.workflow, editor=order.editor, templates=order.templates, …)

Prompts with `{a|b}` or `__wildcards__` are drawn for each run. Patterns such as `%date%` in file names are filled in,
as the editor does when it sends them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from app.core.model import Template
from app.core.workflow import ApiWorkflow
from app.session import Picked
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import Draft
from app.workflows.editor.file_names import name_changes
from app.workflows.editor.texts import Choose, Moment
from app.workflows.forms.prompts import draw_prompts, wildcards_in
from app.workflows.graph import Key
from app.workflows.plans.runs import PlannedRun
from app.workflows.wildcards import NO_WILDCARDS, Wildcards


@dataclass(frozen=True, slots=True)
class FilledWorkflow:
    """One run: the workflow, and the copy of the editor's file sent with it; empty if it came from none.

    `templates` are those of its prompts, where another text was drawn.
    """

    workflow: ApiWorkflow
    editor: str = ""
    templates: tuple[Template, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedRuns:
    """Many runs of one workflow, each with its changes, and the copy of the editor's file for all of them."""

    workflow: ApiWorkflow
    runs: tuple[PlannedRun, ...]
    editor: str = ""


@dataclass(frozen=True, slots=True)
class PromptDraw:
    """What prompts are drawn with: `choose(count)` draws a number below `count`."""

    choose: Choose
    wildcards: Wildcards = NO_WILDCARDS


def wildcards_of(chosen: OpenWorkflow, draft: Draft, runs: Iterable[PlannedRun] = ()) -> tuple[str, ...]:
    """Return the wildcards in the form's prompts, and in those of planned runs."""
    keys = {item.key for item in chosen.prompts}
    own = (item.text_in(draft.values) for item in chosen.prompts)
    return wildcards_in((*own, *(value for run in runs for key, value in run.values.items() if key in keys)))


def order_of(chosen: OpenWorkflow, draft: Draft, *, now: Moment, draw: PromptDraw) -> FilledWorkflow:
    """Return the form's values as one run; raises BadInput for the first value that cannot be sent."""
    values = chosen.form.values(draft.values)
    drawn = draw_prompts(chosen.form, chosen.prompts, values, draw.choose, draw.wildcards)
    if chosen.editor is None:
        workflow = chosen.form.filled(draft.values).with_values(drawn.texts)
        names = name_changes(workflow, now)
        return FilledWorkflow(workflow.with_values(names) if names else workflow, templates=drawn.templates)
    modes = {key: mode.value for key, mode in draft.modes.items()}
    sending = chosen.editor.sender.prepare(
        {**values, **drawn.texts}, now=now, choose=draw.choose, controls=modes, drawn=drawn.texts.keys()
    )
    return FilledWorkflow(sending.workflow, sending.editor, drawn.templates)


def files_of(chosen: OpenWorkflow, draft: Draft) -> dict[Key, Picked]:
    """Return the form's files by input; some inputs use the file of another's field."""
    pictures = {item.key: draft.pictures[item.key] for item in chosen.uploads if item.key in draft.pictures}
    own = {key: replace(picture.picked, sha256=picture.sha256) for key, picture in pictures.items()}
    return own | {key: own[leader] for key, leader in chosen.form.hints.shared.items() if leader in own}


def plan_of(
    chosen: OpenWorkflow, draft: Draft, runs: Iterable[PlannedRun], *, now: Moment, draw: PromptDraw
) -> PlannedRuns:
    """Return the form's values for as many runs as are planned, with prompts drawn for each of them."""
    values = chosen.form.values(draft.values)
    planned = [_with_prompts(run, chosen, values, draw) for run in runs]
    if chosen.editor is None:
        workflow = chosen.form.filled(draft.values)
        return PlannedRuns(workflow, tuple(_with_names(run, workflow, now) for run in planned))
    order = order_of(chosen, draft, now=now, draw=draw)
    modes = {key: mode.value for key, mode in draft.modes.items()}
    planned, editor = chosen.editor.sender.plan(values, planned, now=now, choose=draw.choose, controls=modes)
    return PlannedRuns(order.workflow, tuple(planned), editor)


def _with_prompts(run: PlannedRun, chosen: OpenWorkflow, values: Mapping[Key, object], draw: PromptDraw) -> PlannedRun:
    drawn = draw_prompts(chosen.form, chosen.prompts, {**values, **run.values}, draw.choose, draw.wildcards)
    return replace(run, values={**run.values, **drawn.texts}, templates=drawn.templates) if drawn.texts else run


def _with_names(run: PlannedRun, workflow: ApiWorkflow, now: Moment) -> PlannedRun:
    if not any("%" in str(text) for text in (workflow.text, *run.values.values())):
        return run
    names = name_changes(workflow.with_values(run.values), now)
    return replace(run, values={**run.values, **names}) if names else run
