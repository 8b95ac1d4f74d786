"""What a person does to a form itself: it stays that way in this browser, and every step can be taken back."""

from __future__ import annotations

import json

import pytest

from app.ui.form.arrange_actions import STORE_KEY, recall_layout
from app.ui.form.state import Draft, FormState, Place
from app.ui.kit.state import UiState
from app.workflows.forms.arrangement import Layout
from app.workflows.forms.fields import SeedMode
from tests.unit.ui.anything import ANYTHING, anything
from tests.unit.ui.form.test_form import Rig, markup, page
from tests.unit.ui.page.test_views import read
from tests.unit.ui.page_kit import MemoryScreen

FIRST = ("prompt", "steps", "seed")


def at(name: str) -> dict[str, str]:
    return {"node": "1", "name": name}


def top(rig: Rig) -> list[str]:
    return [item.input_name for item in rig.context.workflows[0].arranged.first]


async def test_inputs_go_on_top_up_down_and_back() -> None:
    rig = Rig(anything(first=FIRST))
    rig.actions.act("pin", at("name"))
    assert top(rig) == [*FIRST, "name"]
    rig.actions.act("pin-up", at("name"))
    assert top(rig) == ["prompt", "steps", "name", "seed"]
    rig.actions.act("pin-up", at("prompt"))
    rig.actions.act("pin-down", at("seed"))
    assert top(rig) == ["prompt", "steps", "name", "seed"]
    rig.actions.act("pin-down", at("prompt"))
    rig.actions.act("unpin", at("steps"))
    assert top(rig) == ["prompt", "name", "seed"]


async def test_inputs_are_hidden_shown_and_called_otherwise() -> None:
    rig = Rig(anything(first=FIRST))
    rig.actions.act("hide", at("steps"))
    rig.actions.act("rename", {**at("prompt"), "value": "Scene"})
    (opened,) = rig.context.workflows
    assert top(rig) == ["prompt", "seed"]
    assert [item.input_name for item in opened.arranged.hidden] == ["steps"]
    assert opened.arranged.first[0].label == "Scene"
    rig.actions.act("show", at("steps"))
    assert top(rig) == list(FIRST)


async def test_a_layout_is_there_again_in_the_next_window() -> None:
    rig = Rig(anything(first=FIRST))
    rig.actions.act("hide", at("steps"))
    again = recall_layout(rig.screen, anything(first=FIRST))
    assert [item.input_name for item in again.arranged.hidden] == ["steps"]
    rig.actions.act("arrange-anew", {})
    assert top(rig) == list(FIRST)
    assert recall_layout(rig.screen, anything(first=FIRST)).arranged.hidden == ()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"hidden": [["1"]]}', '{"hidden": 5, "v": 9}'])
def test_a_layout_that_cannot_be_read_is_no_obstacle(text: str) -> None:
    opened = anything(first=FIRST)
    screen = MemoryScreen(shared={f"{STORE_KEY}.{opened.published.key}": text})
    assert [item.key for item in recall_layout(screen, opened).arranged.hidden] == []


def test_what_a_newer_version_has_added_to_a_layout_survives() -> None:
    opened = anything(first=FIRST)
    screen = MemoryScreen(
        shared={f"{STORE_KEY}.{opened.published.key}": json.dumps({"hidden": [], "later": 1, "v": 9})}
    )
    rig = Rig(recall_layout(screen, opened))
    rig.screen = screen
    assert rig.context.workflows[0].layout == Layout(extra={"later": 1}, v=9)
    rig.actions.act("hide", at("steps"))
    assert rig.context.workflows[0].layout.extra == {"later": 1}


async def test_steps_are_taken_back_and_forth() -> None:
    rig = Rig(anything())
    for text in ("2", "25"):
        rig.actions.act("field", {**at("steps"), "value": text})
    rig.actions.act("seed-mode", {**at("seed"), "value": "increment"})
    rig.actions.act("switch", {**at("on"), "checked": False})
    rig.actions.act("undo", {})
    rig.actions.act("undo", {})
    assert (rig.draft.values, rig.draft.modes) == ({("1", "steps"): "25"}, {})
    rig.actions.act("undo", {})
    assert rig.draft.values == {}
    assert rig.screen.changes[-1] == {"texts": [{**at("steps"), "text": "20"}]}
    for _ in range(5):
        rig.actions.act("redo", {})
    assert rig.draft.values == {("1", "steps"): "25", ("1", "on"): "false"}
    assert rig.draft.modes == {("1", "seed"): SeedMode.UP}


def test_what_came_from_elsewhere_begins_a_new_history() -> None:
    draft = Draft(values={("1", "steps"): "5"})
    assert not draft.history.can_undo
    assert draft.with_value(("1", "steps"), "6").undo().values == {("1", "steps"): "5"}


def test_tools_are_there_only_while_somebody_arranges() -> None:
    opened = anything(first=FIRST)
    opened = recall_layout(
        MemoryScreen(shared={f"{STORE_KEY}.{opened.published.key}": json.dumps({"hidden": [["1", "on"]]})}), opened
    )
    still = page(opened)
    assert not still.nodes.hidden
    assert "arrange-tools" not in markup(still, "form")
    arranging = UiState().with_slices(
        FormState(workflow_id=ANYTHING, is_arranging=True, drafts={ANYTHING: Draft(unfolded=frozenset({"1"}))})
    )
    view = page(opened, arranging)
    assert {item.place for item in view.form.fields} == {Place.TOP}
    assert [item.field.input_name for item in view.nodes.hidden] == ["on"]
    actions = {facts.get("data-action") for _tag, facts in read(markup(view, "nodes")).tags}
    assert {"pin", "hide", "show"} <= actions
    assert {"pin-up", "pin-down", "unpin"} <= {
        facts.get("data-action") for _t, facts in read(markup(view, "form")).tags
    }


def test_undo_and_redo_say_whether_there_is_something() -> None:
    def disabled(view_text: str) -> dict[str | None, bool]:
        return {
            facts["data-action"]: "disabled" in facts
            for tag, facts in read(view_text).tags
            if tag == "button" and facts.get("data-action") in {"undo", "redo"}
        }

    opened = anything()
    assert disabled(markup(page(opened), "form")) == {"undo": True, "redo": True}
    changed = Draft().with_value(("1", "steps"), "5")
    for draft, told in ((changed, {"undo": False, "redo": True}), (changed.undo(), {"undo": True, "redo": False})):
        ui = UiState().with_slices(FormState(workflow_id=ANYTHING, drafts={ANYTHING: draft}))
        assert disabled(markup(page(opened, ui), "form")) == told
