"""A large form is built in two steps: the top first, the rest after it, and the top does not change."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from app.core.errors import BadInput
from app.core.workflow import parse_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.editor.conversion import Converter
from app.workflows.editor.hints import hints_of
from app.workflows.forms.building import STEP, build_form, first_form, form_steps
from app.workflows.forms.form import Form, Hints
from app.workflows.forms.kinds import Choice
from app.workflows.graph import Key
from tests import recordings
from tests.editor.cases import CASES
from tests.editor.classes import CLASSES
from tests.unit.workflows.forms.test_form import CATALOGUE, sampling, workflow


def expect_the_same_top(first: Form, whole: Form) -> None:
    assert first.first == whole.first
    nodes = {node_id for node_id, _name in first.first}
    assert first.by_key == {key: item for key, item in whole.by_key.items() if key[0] in nodes}
    assert {item.node_id: item for item in first.sections} == {
        item.node_id: item for item in whole.sections if item.node_id in nodes
    }
    assert first.own_faults.keys() == {key for key in whole.own_faults if key[0] in nodes}


@pytest.mark.parametrize("name", CASES)
def test_top_of_editor_files_is_same_in_both_steps(name: str) -> None:
    known = Catalogue.parse(CLASSES)
    conversion = Converter(known).convert(CASES[name]())
    hints = hints_of(conversion)
    whole = build_form(conversion.workflow, known, hints)
    expect_the_same_top(first_form(conversion.workflow, known, hints), whole)


@pytest.mark.parametrize("seed", range(30))
def test_top_of_any_graph_is_same_in_both_steps(seed: int) -> None:
    """Random graphs of a real server's classes, or of ours where there is none beside this repository."""
    draw = random.Random(seed)
    known = Catalogue.parse(recordings.catalogue_text())
    nodes: dict[str, Any] = {}
    for number in range(draw.choice([3, 20, 80])):
        node_class = known.get(draw.choice(known.names))
        assert node_class is not None
        inputs: dict[str, Any] = {}
        for spec in node_class.inputs:
            match draw.randrange(4):
                case 0 if nodes:
                    inputs[spec.name] = [draw.choice(list(nodes)), 0]
                case 1 | 2:
                    inputs[spec.name] = draw.choice([7, 0.5, "text", True, next(iter(spec.options or ()), "x")])
        nodes[str(number)] = {"class_type": node_class.name, "inputs": inputs, "_meta": {"title": f"Node {number}"}}
    work = workflow({node_id: (node["class_type"], node["inputs"]) for node_id, node in nodes.items()})
    expect_the_same_top(first_form(work, known, Hints()), build_form(work, known))


def test_users_top_fields_come_in_first_step() -> None:
    work = workflow(sampling())
    pinned: list[Key] = [("sample", "cfg"), ("gone", "cfg"), ("pos", "text")]
    form = first_form(work, CATALOGUE, Hints(), pinned)
    assert form.first == (("sample", "cfg"), ("pos", "text"))
    assert {item.node_id for item in form.sections} == {"sample", "pos"}


def test_the_whole_is_made_a_few_nodes_at_a_time() -> None:
    count = 4 * STEP
    work = workflow({str(number): ("Save", {"filename_prefix": json.dumps(number)}) for number in range(count)})
    steps, taken = form_steps(work, CATALOGUE), 0
    while True:
        try:
            next(steps)
        except StopIteration as made:
            assert made.value == build_form(work, CATALOGUE)
            break
        taken += 1
    assert taken >= 4


OWN = Catalogue.parse({"CustomCombo": {"input": {"required": {"choice": ["COMBO", {"options": []}]}}}})


def test_choices_written_into_the_workflow_are_offered_and_numbered() -> None:
    inputs = {"choice": "two", "index": 1, "option1": "one", "option2": "two", "option3": ""}
    form = build_form(workflow({"1": ("CustomCombo", inputs)}), OWN)
    field = form.by_key["1", "choice"]
    assert isinstance(field.kind, Choice)
    assert field.kind.options == ("one", "two")
    sent = form.filled({("1", "choice"): "one"})
    assert (sent.value("1", "choice"), sent.value("1", "index")) == ("one", 0)
    with pytest.raises(BadInput):
        form.filled({("1", "choice"): "three"})


def test_untouched_choice_keeps_its_number() -> None:
    inputs = {"choice": "gone", "index": -1, "option1": "one", "option2": ""}
    form = build_form(workflow({"1": ("CustomCombo", inputs)}), OWN)
    assert form.filled({("1", "choice"): "gone"}).value("1", "index") == -1
    assert form.filled({("1", "choice"): "one"}).value("1", "index") == 0


def test_invalid_value_counts_only_where_an_output_needs_it() -> None:
    """A server checks no others, so they prevent no run."""
    value = {"input": {"required": {"number": ["INT", {"max": 5}]}}, "output": ["INT"]}
    classes = {"Value": value, "Show": {"input": {"required": {"any": ["INT"]}}, "output_node": True, "output": []}}
    raw: dict[str, Any] = {name: {"class_type": "Value", "inputs": {"number": 9}} for name in ("1", "2")}
    raw["3"] = {"class_type": "Show", "inputs": {"any": ["1", 0]}}
    assert build_form(parse_workflow(raw), Catalogue.parse(classes)).faults({}).keys() == {("1", "number")}
    del raw["3"]
    assert build_form(parse_workflow(raw), Catalogue.parse(classes)).faults({}).keys() == {
        ("1", "number"),
        ("2", "number"),
    }
