"""Arranging a form: the layout is kept in this browser, and every step can be undone."""

from __future__ import annotations

import json

import pytest

from app.ui.form.arrange_actions import STORE_KEY, recall_layout
from app.ui.form.state import Draft, FormState, InputPlace
from app.ui.kit.state import UiState
from app.workflows.forms.arrangement import Layout
from app.workflows.forms.kinds import SeedMode
from tests.kit.page.anything import ANYTHING, anything
from tests.kit.page.elements import elements
from tests.kit.page.rig import PageRig
from tests.kit.page.stills import MemoryScreen
from tests.kit.page.views import markup
from tests.unit.ui.form.test_form import form_rig, page

FIRST = ("prompt", "steps", "seed")


def at(name: str) -> dict[str, str]:
    return {"node": "1", "name": name}


def top(rig: PageRig) -> list[str]:
    return [item.input_name for item in rig.context.workflows[0].arranged.first]


async def test_inputs_are_pinned_moved_and_unpinned() -> None:
    rig = form_rig(anything(first=FIRST))
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


async def test_inputs_are_hidden_shown_and_renamed() -> None:
    rig = form_rig(anything(first=FIRST))
    rig.actions.act("hide", at("steps"))
    rig.actions.act("rename", {**at("prompt"), "value": "Scene"})
    (opened,) = rig.context.workflows
    assert top(rig) == ["prompt", "seed"]
    assert [item.input_name for item in opened.arranged.hidden] == ["steps"]
    assert opened.arranged.first[0].label == "Scene"
    rig.actions.act("show", at("steps"))
    assert top(rig) == list(FIRST)


async def test_next_window_has_the_layout() -> None:
    rig = form_rig(anything(first=FIRST))
    rig.actions.act("hide", at("steps"))
    other = recall_layout(rig.screen, anything(first=FIRST))
    assert [item.input_name for item in other.arranged.hidden] == ["steps"]
    rig.actions.act("arrange-reset", {})
    assert top(rig) == list(FIRST)
    assert recall_layout(rig.screen, anything(first=FIRST)).arranged.hidden == ()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"hidden": [["1"]]}', '{"hidden": 5, "v": 9}'])
def test_unreadable_layout_is_ignored(text: str) -> None:
    opened = anything(first=FIRST)
    screen = MemoryScreen(shared={f"{STORE_KEY}.{opened.published.key}": text})
    assert [item.key for item in recall_layout(screen, opened).arranged.hidden] == []


def test_unknown_keys_of_a_layout_are_kept() -> None:
    opened = anything(first=FIRST)
    screen = MemoryScreen(
        shared={f"{STORE_KEY}.{opened.published.key}": json.dumps({"hidden": [], "later": 1, "v": 9})}
    )
    rig = form_rig(recall_layout(screen, opened))
    rig.screen = screen
    assert rig.context.workflows[0].layout == Layout(extra={"later": 1}, v=9)
    rig.actions.act("hide", at("steps"))
    assert rig.context.workflows[0].layout.extra == {"later": 1}


async def test_steps_are_undone_and_redone() -> None:
    rig = form_rig(anything())
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


def test_values_without_a_step_begin_a_new_history() -> None:
    draft = Draft(values={("1", "steps"): "5"})
    assert not draft.history.can_undo
    assert draft.with_value(("1", "steps"), "6").undo().values == {("1", "steps"): "5"}


def actions_in(text: str) -> set[str | None]:
    return {item["data-action"] for item in elements(text) if "data-action" in item}


def test_tools_are_shown_only_while_arranging() -> None:
    opened = anything(first=FIRST)
    opened = recall_layout(
        MemoryScreen(shared={f"{STORE_KEY}.{opened.published.key}": json.dumps({"hidden": [["1", "on"]]})}), opened
    )
    still = page(opened)
    assert not still.nodes.hidden
    assert not elements(markup(still, "form"), class_="arrange-tools")
    arranging = UiState().with_slices(
        FormState(workflow_id=ANYTHING, is_arranging=True, drafts={ANYTHING: Draft(unfolded=frozenset({"1"}))})
    )
    view = page(opened, arranging)
    assert {item.place for item in view.form.fields} == {InputPlace.TOP}
    assert [item.field.input_name for item in view.nodes.hidden] == ["on"]
    assert {"pin", "hide", "show"} <= actions_in(markup(view, "nodes"))
    assert {"pin-up", "pin-down", "unpin"} <= actions_in(markup(view, "form"))


def test_undo_and_redo_are_enabled_by_their_steps() -> None:
    def disabled(text: str) -> dict[str, bool]:
        return {name: "disabled" in elements(text, "button", data_action=name)[0] for name in ("undo", "redo")}

    opened = anything()
    assert disabled(markup(page(opened), "form")) == {"undo": True, "redo": True}
    changed = Draft().with_value(("1", "steps"), "5")
    for draft, expected in ((changed, {"undo": False, "redo": True}), (changed.undo(), {"undo": True, "redo": False})):
        ui = UiState().with_slices(FormState(workflow_id=ANYTHING, drafts={ANYTHING: draft}))
        assert disabled(markup(page(opened, ui), "form")) == expected
