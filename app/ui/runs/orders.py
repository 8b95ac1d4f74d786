"""What a click on Run sends: the form's values in the workflow and, of an editor's file, that file with them in.

    order = order_of(chosen, draft, now=screen.local_time(), choose=draw)
    await session.run(order.workflow, editor=order.editor, …)

Prompts of the editor with `{a|b}` are chosen for each run, and patterns such as `%date%` in names of files are filled
in, as the editor does when it sends them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.workflow import ApiWorkflow
from app.session import Picked
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.state import Draft
from app.workflows.editor.texts import Choose, Moment
from app.workflows.graph import Key
from app.workflows.plans.runs import PlannedRun


@dataclass(frozen=True, slots=True)
class Order:
    """One run: the workflow, and the copy of the editor's file that goes with it; empty if it came from none."""

    workflow: ApiWorkflow
    editor: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Many runs of one workflow, each with what it changes, and the copy of the editor's file for all of them."""

    workflow: ApiWorkflow
    runs: tuple[PlannedRun, ...]
    editor: str = ""


def order_of(chosen: OpenWorkflow, draft: Draft, *, now: Moment, choose: Choose) -> Order:
    """What stands in the form, to be sent once; BadInput for the first value that cannot be sent."""
    if chosen.editor is None:
        return Order(chosen.form.filled(draft.values))
    values, modes = chosen.form.values(draft.values), {key: mode.value for key, mode in draft.modes.items()}
    sending = chosen.editor.sender.prepare(values, now=now, choose=choose, controls=modes)
    return Order(sending.workflow, sending.editor)


def files_of(chosen: OpenWorkflow, draft: Draft) -> dict[Key, Picked]:
    """The files that stand in the form, for every input that has them: some have theirs from another's field."""
    own = {item.key: draft.pictures[item.key].picked for item in chosen.uploads if item.key in draft.pictures}
    return own | {key: own[leader] for key, leader in chosen.form.shared.items() if leader in own}


def plan_of(chosen: OpenWorkflow, draft: Draft, runs: Iterable[PlannedRun], *, now: Moment, choose: Choose) -> Plan:
    """What stands in the form, to be sent as often as there are runs."""
    order = order_of(chosen, draft, now=now, choose=choose)
    if chosen.editor is None:
        return Plan(order.workflow, tuple(runs))
    values, modes = chosen.form.values(draft.values), {key: mode.value for key, mode in draft.modes.items()}
    planned, editor = chosen.editor.sender.plan(values, runs, now=now, choose=choose, controls=modes)
    return Plan(order.workflow, tuple(planned), editor)
