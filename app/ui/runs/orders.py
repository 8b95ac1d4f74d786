"""What a click on Run sends: the workflow with the form's values and, of an editor's file, a copy with these values.

    order = order_of(chosen, draft, now=screen.local_time(), choose=draw)
    await session.run(order.workflow, editor=order.editor, …)

Prompts of the editor with `{a|b}` are drawn for each run, and patterns such as `%date%` in file names are filled in, as
the editor does when it sends them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.core.workflow import ApiWorkflow
from app.session import Picked
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import Draft
from app.workflows.editor.file_names import name_changes
from app.workflows.editor.texts import Choose, Moment
from app.workflows.graph import Key
from app.workflows.plans.runs import PlannedRun


@dataclass(frozen=True, slots=True)
class Order:
    """One run: the workflow, and the copy of the editor's file sent with it; empty if it came from none."""

    workflow: ApiWorkflow
    editor: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Many runs of one workflow, each with its changes, and the copy of the editor's file for all of them."""

    workflow: ApiWorkflow
    runs: tuple[PlannedRun, ...]
    editor: str = ""


def order_of(chosen: OpenWorkflow, draft: Draft, *, now: Moment, choose: Choose) -> Order:
    """Return the form's values as one run; raises BadInput for the first value that cannot be sent."""
    if chosen.editor is None:
        workflow = chosen.form.filled(draft.values)
        names = name_changes(workflow, now)
        return Order(workflow.with_values(names) if names else workflow)
    values, modes = chosen.form.values(draft.values), {key: mode.value for key, mode in draft.modes.items()}
    sending = chosen.editor.sender.prepare(values, now=now, choose=choose, controls=modes)
    return Order(sending.workflow, sending.editor)


def files_of(chosen: OpenWorkflow, draft: Draft) -> dict[Key, Picked]:
    """Return the form's files by input; some inputs use the file of another's field."""
    own = {item.key: draft.pictures[item.key].picked for item in chosen.uploads if item.key in draft.pictures}
    return own | {key: own[leader] for key, leader in chosen.form.hints.shared.items() if leader in own}


def plan_of(chosen: OpenWorkflow, draft: Draft, runs: Iterable[PlannedRun], *, now: Moment, choose: Choose) -> Plan:
    """Return the form's values for as many runs as are planned."""
    if chosen.editor is None:
        workflow = chosen.form.filled(draft.values)
        return Plan(workflow, tuple(_with_names(run, workflow, now) for run in runs))
    order = order_of(chosen, draft, now=now, choose=choose)
    values, modes = chosen.form.values(draft.values), {key: mode.value for key, mode in draft.modes.items()}
    planned, editor = chosen.editor.sender.plan(values, runs, now=now, choose=choose, controls=modes)
    return Plan(order.workflow, tuple(planned), editor)


def _with_names(run: PlannedRun, workflow: ApiWorkflow, now: Moment) -> PlannedRun:
    if not any("%" in str(text) for text in (workflow.text, *run.values.values())):
        return run
    names = name_changes(workflow.with_values(run.values), now)
    return replace(run, values={**run.values, **names}) if names else run
