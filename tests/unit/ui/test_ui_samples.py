"""The shipped workflows and their forms."""

from __future__ import annotations

import json

import pytest

from app.core.errors import BadInput
from app.ui.samples import FieldKind, FormField, Sample, parse_sample
from tests.unit.ui.kit import ROOT, samples

SHIPPED = {item.sample_id: item for item in samples()}
SEED = FormField(
    node_id="1", input_name="seed", kind=FieldKind.SEED, label="Seed", minimum=0, maximum=2**64 - 1, is_whole=True
)


def test_four_workflows_are_shipped_and_two_run_on_any_server() -> None:
    assert [item.sample_id for item in samples() if not item.needs_demo] == ["enlarge", "blend"]
    assert [item.sample_id for item in samples() if item.needs_demo] == ["text", "slow"]


@pytest.mark.parametrize("sample", samples(), ids=lambda item: item.sample_id)
def test_defaults_can_be_sent_as_they_are(sample: Sample) -> None:
    assert sample.filled({}).nodes == sample.workflow.nodes
    assert sample.workflow.expected_outputs


@pytest.mark.parametrize("sample", samples(), ids=lambda item: item.sample_id)
def test_every_field_is_an_input_of_its_node(sample: Sample) -> None:
    graph = json.loads(sample.workflow.text)
    assert all(item.input_name in graph[item.node_id]["inputs"] for item in sample.fields)


def test_nodes_and_values_are_those_of_a_plain_comfyui() -> None:
    catalogue = ROOT.parent / "shared/comfyui/object_info.json"
    if not catalogue.exists():
        print("skipped: no object_info.json beside this repository")
        pytest.skip("no object_info.json beside this repository")
    known = json.loads(catalogue.read_text(encoding="utf-8"))
    for sample in (SHIPPED["enlarge"], SHIPPED["blend"]):
        for node in json.loads(sample.workflow.text).values():
            inputs = known[node["class_type"]]["input"]["required"]
            assert set(inputs) == set(node["inputs"]), node["class_type"]
        for item in sample.fields:
            kind, *facts = known[sample.workflow.nodes[item.node_id].class_type]["input"]["required"][item.input_name]
            if item.kind is FieldKind.CHOICE:
                options = kind if isinstance(kind, list) else facts[0]["options"]
                assert {option.value for option in item.options} <= set(options)
            elif item.minimum is not None:
                assert facts[0]["min"] <= item.minimum <= (item.maximum or 0) <= facts[0]["max"]


def test_a_seed_keeps_all_its_sixty_four_bits() -> None:
    sample = SHIPPED["text"]
    filled = sample.filled({("1", "seed"): "18446744073709551615"})
    assert '"seed": 18446744073709551615' in filled.text


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "not-a-number"),
        ("seven", "not-a-number"),
        ("1.5", "not-a-number"),
        ("-1", "out-of-range"),
        ("18446744073709551616", "out-of-range"),
        ("9" * 5000, "not-a-number"),
    ],
)
def test_a_seed_that_cannot_be_sent_is_refused(text: str, cause: str) -> None:
    with pytest.raises(BadInput) as refused:
        SEED.parse(text)
    assert refused.value.cause == cause


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "", "a"])
def test_a_number_is_finite(text: str) -> None:
    with pytest.raises(BadInput):
        FormField(node_id="1", input_name="x", kind=FieldKind.NUMBER, label="X").parse(text)


def test_spaces_around_a_number_do_no_harm() -> None:
    assert SEED.parse(" 42 ") == 42


def test_only_what_is_offered_can_be_chosen() -> None:
    choice = next(item for item in SHIPPED["enlarge"].fields if item.kind is FieldKind.CHOICE)
    assert choice.parse("lanczos") == "lanczos"
    with pytest.raises(BadInput):
        choice.parse("sharpest")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"title": "x"}',
        '{"title": "x", "about": "", "fields": [], "workflow": {}}',
        (
            '{"title": "x", "about": "", "fields": [{"node": "9", "input": "a", "kind": "text", "label": "A"}],'
            ' "workflow": {"1": {"class_type": "SaveImage"}}}'
        ),
        (
            '{"title": "x", "about": "", "fields": [{"node": "1", "input": "a", "kind": "hologram", "label": "A"}],'
            ' "workflow": {"1": {"class_type": "SaveImage"}}}'
        ),
    ],
)
def test_a_broken_sample_file_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_sample("broken", text)
