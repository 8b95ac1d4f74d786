"""Workflows that cost credits are marked, and several runs or a repeated one are confirmed."""

from __future__ import annotations

import json

import pytest

from app.core.workflow import parse_workflow
from app.ui.form.open_workflow import OpenWorkflow, open_workflow
from app.ui.form.state import FormState
from app.ui.kit.state import UiState
from app.ui.runs.many import ManyDialog, ManyDraft, ManyKind
from app.ui.runs.state import CreditsDialog, RunsState
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import Layout
from app.workflows.published import Published
from app.workflows.replacements import Replacement
from tests.kit.page.elements import element, elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import StillPictures, StillSession, translator, window
from tests.kit.page.views import Seen, markup, project

WORKFLOW = {
    "1": {"class_type": "PartnerImage", "inputs": {"text": "hills", "size": 8}, "_meta": {"title": "Far away"}},
    "2": {"class_type": "Blur", "inputs": {"image": ["1", 0], "radius": 3}},
    "3": {"class_type": "PartnerModel", "inputs": {"detail": 2, "image": ["2", 0]}},
}


def node(inputs: dict[str, object], *, costs: bool) -> dict[str, object]:
    return {"input": {"required": inputs}, "output": ["IMAGE"], "output_node": True, "api_node": costs}


NODES = {
    "PartnerImage": node({"text": ["STRING", {}], "size": ["INT", {}]}, costs=True),
    "PartnerModel": node({"detail": ["INT", {}], "image": ["IMAGE"]}, costs=True),
    "Blur": node({"image": ["IMAGE"], "radius": ["INT", {}]}, costs=False),
}


def opened(*, costs: bool = True) -> OpenWorkflow:
    nodes = {name: {**entry, "api_node": costs and entry["api_node"]} for name, entry in NODES.items()}
    workflow = parse_workflow(json.dumps(WORKFLOW))
    first = (("1", "text"), ("1", "size"), ("2", "radius"))
    return open_workflow(Published("far", "Far", "", False, workflow, Layout("far", first=first)), Catalogue(nodes))


def page(opened: OpenWorkflow, ui: UiState | None = None) -> Seen:
    ui = (ui or UiState()).with_slices(FormState(workflow_id="far"))
    session = StillSession(window=window())
    return project(session, ui, workflows=(opened,), pictures=StillPictures(), language="en")


def rig(*, costs: bool = True) -> PageRig:
    return PageRig("far", workflows=(opened(costs=costs),), random_seed=lambda _: 1)


def test_nodes_that_cost_credits_are_marked() -> None:
    view = page(opened())
    assert [item.uses_credits for item in view.form.fields] == [True, False, False], "the first field of the node"
    assert {node.class_type: node.uses_credits for node in view.nodes.nodes} == {"PartnerModel": True}
    form = markup(view, "form")
    assert len(elements(form, data_testid="credits")) == 1
    assert "uses credits" in element(form, data_testid="uses-credits").text
    assert element(markup(view, "nodes"), data_testid="credits").text == "uses credits"
    free = page(opened(costs=False))
    assert "credits" not in markup(free, "form") + markup(free, "nodes")


def test_replaced_class_costs_what_its_replacement_costs() -> None:
    known = Catalogue(NODES, {"Old": Replacement("PartnerImage", {}), "Blur": Replacement("PartnerImage", {})})
    assert [known.uses_credits(name) for name in ("Old", "PartnerModel", "Blur", "Unknown")] == [
        True,
        True,
        False,
        False,
    ]


async def test_several_runs_are_confirmed_once() -> None:
    made = rig()
    made.actions.act("run-count", {"value": "3"})
    await made.act("run")
    assert made.context.ui.dialog == CreditsDialog("run", 3)
    assert made.session.line.calls == []
    await made.act("run", confirmed="true")
    assert made.context.ui.dialog is None
    ((verb, _, runs, *_rest),) = made.session.line.calls
    assert (verb, len(runs)) == ("add", 3)


@pytest.mark.parametrize(("count", "costs"), [("1", True), ("3", False)])
async def test_single_and_free_runs_need_no_confirmation(count: str, costs: bool) -> None:
    made = rig(costs=costs)
    made.actions.act("run-count", {"value": count})
    await made.act("run")
    assert made.context.ui.dialog is None
    assert len(made.session.line.calls) + len(made.session.calls) == 1


async def test_plan_of_several_runs_is_confirmed() -> None:
    made = rig()
    many = ManyDraft(kind=ManyKind.LINES, lines="a\nb", target=("1", "text"))
    made.context.ui = UiState(dialog=ManyDialog()).with_slices(FormState(workflow_id="far"), RunsState(many=many))
    await made.act("many-add")
    assert made.context.ui.dialog == CreditsDialog("many-add", 2)
    assert made.session.line.calls == []
    await made.act("many-add", confirmed="true")
    assert [len(call[2]) for call in made.session.line.calls] == [2]
    assert made.context.ui.dialog is None


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_run_again_is_confirmed_if_it_costs_credits(elsewhere: bool) -> None:
    made = rig()
    made.session.costly = frozenset({"p-1"})
    facts = {"promptId": "p-1", "elsewhere": str(elsewhere).lower()}
    await made.act("run-again", **facts)
    assert made.context.ui.dialog == CreditsDialog("run-again", prompt_id="p-1", elsewhere=elsewhere)
    assert made.session.calls == []
    await made.act("run-again", **facts, confirmed="true")
    assert (made.context.ui.dialog, made.session.calls) == (None, [("run_again", "p-1", elsewhere)])


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    "dialog",
    [CreditsDialog("run", 3), CreditsDialog("many-add", 40), CreditsDialog("run-again", prompt_id="p", elsewhere=True)],
)
def test_question_continues_what_was_asked(dialog: CreditsDialog, language: str) -> None:
    text = markup(page(opened(), UiState(dialog=dialog)), "dialogs", translator(language))
    button = element(text, "button", data_testid="confirm-credits")
    assert (button["data-action"], button["data-confirmed"]) == (dialog.action, "true")
    assert button["data-elsewhere"] == str(dialog.elsewhere).lower()
    assert element(text, "button", data_action="close-dialog")
    if dialog.count > 1:
        assert str(dialog.count) in button.text
