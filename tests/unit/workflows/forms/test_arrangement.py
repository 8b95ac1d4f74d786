"""How a person arranges a form: kept by the workflow's shape, and nothing is shown twice or lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.workflow import ApiWorkflow, parse_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.forms.arrangement import Layout, arrange, workflow_key
from app.workflows.forms.building import build_form
from app.workflows.forms.form import Form
from app.workflows.forms.records import Undecoded, from_text, to_text

NODE = {
    "input": {"required": {"seed": ["INT", {}], "steps": ["INT", {}], "text": ["STRING", {"multiline": True}]}},
    "output": ["IMAGE"],
}
CATALOGUE = Catalogue.parse({"A": NODE, "B": NODE})
RAW: dict[str, Any] = {
    "1": {"class_type": "A", "inputs": {"seed": 1, "steps": 2, "text": "one"}},
    "2": {"class_type": "B", "inputs": {"seed": 3, "steps": 4, "text": "two", "from": ["1", 0]}},
}
KEYS = [(node_id, name) for node_id in RAW for name in ("seed", "steps", "text")]
keys = st.sampled_from([*KEYS, ("9", "gone")])
names = st.tuples(st.sampled_from(["1", "2"]), st.sampled_from(["seed", "text"]), st.text(min_size=1, max_size=5))
layouts = st.builds(
    Layout,
    workflow_key=st.text(max_size=4),
    first=st.none() | st.lists(keys).map(tuple),
    hidden=st.lists(keys).map(tuple),
    names=st.lists(names).map(tuple),
    order=st.lists(st.sampled_from(["1", "2", "9"])).map(tuple),
    extra=st.dictionaries(st.sampled_from(["later", "newer"]), st.integers()),
)


def changed(change: Any) -> ApiWorkflow:
    raw = json.loads(json.dumps(RAW))
    change(raw)
    return parse_workflow(raw)


@pytest.fixture
def arranged_form() -> Form:
    return build_form(parse_workflow(RAW), CATALOGUE)


def test_workflow_is_identified_by_shape_not_values() -> None:
    key = workflow_key(parse_workflow(RAW))
    assert key == workflow_key(changed(lambda raw: raw["1"]["inputs"].update(steps=99, text="海边")))
    assert key == workflow_key(changed(lambda raw: raw["1"].update(_meta={"title": "Named"})))
    assert key == workflow_key(parse_workflow(dict(reversed(RAW.items()))))
    assert len(key) == 32
    ways = [{"from": ["1", 0], "to": ["1", 0]}, {"to": ["1", 0], "from": ["1", 0]}]
    one, other = (changed(lambda raw, links=links: raw["2"].update(inputs=links)) for links in ways)
    assert workflow_key(one) == workflow_key(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw["1"].update(class_type="B"),
        lambda raw: raw["2"]["inputs"].update({"from": ["1", 1]}),
        lambda raw: raw["2"]["inputs"].update(other=["1", 0]),
        lambda raw: raw["2"]["inputs"].pop("from"),
        lambda raw: raw.update({"3": {"class_type": "A"}}),
        lambda raw: raw.update({"3": raw.pop("2")}),
    ],
)
def test_another_shape_is_another_workflow(change: Any) -> None:
    assert workflow_key(changed(change)) != workflow_key(parse_workflow(RAW))


def test_pinned_input_moves_to_the_top(arranged_form: Form) -> None:
    layout = Layout().pin(("2", "steps"), [("1", "text")])
    arranged = arrange(arranged_form, layout)
    assert [item.key for item in arranged.first] == [("1", "text"), ("2", "steps")]
    assert ("2", "steps") not in {item.key for section in arranged.sections for item in section.fields}
    moved = layout.pin(("2", "steps"), layout.first or (), place=0)
    assert moved.first == (("2", "steps"), ("1", "text"))
    assert moved.unpin(("1", "text"), moved.first).first == (("2", "steps"),)


def test_top_is_guessed_until_the_user_chooses(arranged_form: Form) -> None:
    assert [item.key for item in arrange(arranged_form, Layout()).first] == list(arranged_form.first)
    assert arrange(arranged_form, Layout(first=())).first == ()
    assert Layout(first=()).with_guessed_top().first is None


def test_a_hidden_input_is_out_of_sight_and_remembered(arranged_form: Form) -> None:
    layout = Layout().hide(("1", "seed")).hide(("1", "seed"))
    arranged = arrange(arranged_form, layout)
    assert [item.key for item in arranged.hidden] == [("1", "seed")]
    assert ("1", "seed") not in {item.key for item in arranged.first}
    assert arrange(arranged_form, layout.show(("1", "seed"))) == arrange(arranged_form, Layout())
    assert layout.pin(("1", "seed"), []).hidden == ()


def test_input_has_the_users_label(arranged_form: Form) -> None:
    layout = Layout(first=(("1", "text"),)).rename(("1", "text"), " Scene ").rename(("2", "text"), "Mood")
    arranged = arrange(arranged_form, layout)
    assert arranged.first[0].label == "Scene"
    assert "Mood" in {item.label for section in arranged.sections for item in section.fields}
    assert layout.rename(("1", "text"), "Place").names == (("2", "text", "Mood"), ("1", "text", "Place"))
    assert layout.rename(("1", "text"), " ").rename(("2", "text"), "").names == ()


def test_nodes_keep_the_users_order(arranged_form: Form) -> None:
    layout = Layout(first=()).move("2", 0, ["1", "2"])
    assert [section.node_id for section in arrange(arranged_form, layout).sections] == ["2", "1"]
    assert [section.node_id for section in arrange(arranged_form, Layout(first=(), order=("9", "2"))).sections] == [
        "2",
        "1",
    ]


@given(layouts)
def test_each_field_appears_once_in_any_layout(layout: Layout) -> None:
    form = build_form(parse_workflow(RAW), CATALOGUE)
    arranged = arrange(form, layout)
    hidden = {item.key for item in arranged.hidden}
    shown = [item.key for item in arranged.first]
    shown += [item.key for section in arranged.sections for item in section.fields]
    assert sorted([*shown, *hidden]) == sorted(KEYS)


@given(layouts)
def test_layout_keeps_newer_fields_in_store(layout: Layout) -> None:
    text = to_text(layout)
    assert from_text(Layout, text) == layout
    assert set(layout.extra) <= set(json.loads(text))


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        {"first": [["1"]]},
        {"hidden": [["1", 2]]},
        {"names": [["1", "text"]]},
        {"names": "text"},
        {"order": [1]},
        {"workflow_key": 7},
    ],
)
def test_unreadable_layout_is_reported(record: object) -> None:
    for version in (1, 99):
        text = json.dumps({**record, "v": version} if isinstance(record, dict) else record)
        found = from_text(Layout, text)
        assert isinstance(found, Undecoded)
        assert found.is_newer is (version == 99 and isinstance(record, dict))
