"""A workflow: parsed once, checked for shape, and posted unchanged except for the inputs that were set."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from app.core.errors import BadInput, MooringError
from app.core.workflow import MAX_NODES, MAX_TEXT, OUTPUT_CLASSES, parse_workflow
from tests import recordings
from tests.kit import captures
from tests.unit.core.odd import JSON, mutated

GRAPH: dict[str, Any] = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}, "_meta": {"title": "Photo 日本"}},
    "2": {"class_type": "KSampler", "inputs": {"image": ["1", 0], "seed": 18446744073709551615, "cfg": 7.0}},
    "10": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}},
    "4": {"class_type": "PreviewImage"},
}


def test_text_and_mapping_read_alike() -> None:
    assert parse_workflow(json.dumps(GRAPH)) == parse_workflow(GRAPH)


def test_nodes_keep_class_title_and_order() -> None:
    nodes = parse_workflow(GRAPH).nodes
    assert list(nodes) == ["1", "2", "10", "4"]
    assert (nodes["1"].class_type, nodes["1"].title, nodes["2"].title) == ("LoadImage", "Photo 日本", "")


def test_numbers_stay_whole() -> None:
    """JavaScript would lose the seed's last digits."""
    workflow = parse_workflow(GRAPH)
    assert workflow.value("2", "seed") == 18446744073709551615
    assert json.loads(workflow.text)["2"] == GRAPH["2"]
    assert "7.0" in workflow.text


def test_the_files_that_must_show_up_are_known() -> None:
    assert parse_workflow(GRAPH).expected_outputs == ("10", "4")


def test_setting_an_input_changes_it_alone() -> None:
    workflow = parse_workflow(GRAPH)
    changed = workflow.with_values({("1", "image"): "mooring/ab.png", ("4", "images"): ["2", 0]})
    assert changed.value("1", "image") == "mooring/ab.png"
    assert changed.value("4", "images") == ["2", 0]
    assert changed.value("2", "seed") == workflow.value("2", "seed")
    assert workflow.value("1", "image") == "a.png", "the value it was made from is untouched"
    assert workflow.with_value("1", "image", "b").text == workflow.with_values({("1", "image"): "b"}).text


def test_an_input_of_no_node_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        parse_workflow(GRAPH).with_value("99", "image", "x")
    assert caught.value.name == "99"
    assert parse_workflow(GRAPH).value("99", "image") is None


@pytest.mark.parametrize(
    ("source", "name", "detail"),
    [
        ("", "", "not JSON"),
        ("{", "", "not JSON"),
        ("[" * 100_000, "", "not JSON"),
        ("[]", "", "not an object of nodes"),
        ("{}", "", "not an object of nodes"),
        ("null", "", "not an object of nodes"),
        ({"nodes": [{"id": 1}], "links": []}, "", "editor format; export it in API format"),
        ({"1": 3}, "1", "a node without class_type"),
        ({"1": {"inputs": {}}}, "1", "a node without class_type"),
        ({"1": {"class_type": None}}, "1", "a node without class_type"),
        ({"1": {"class_type": "X", "inputs": []}}, "1", "inputs is not an object"),
        ({str(index): {"class_type": "X"} for index in range(MAX_NODES + 1)}, "", f"more than {MAX_NODES} nodes"),
        (" " * (MAX_TEXT + 1), "", "too large"),
    ],
)
def test_invalid_workflow_is_refused_with_reason(source: Any, name: str, detail: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_workflow(source)
    assert caught.value.facts() == {"cause": "bad-workflow", "name": name, "detail": detail}


@pytest.mark.parametrize("meta", [None, [], {"title": None}, {"title": 3}, {}])
def test_an_odd_title_is_no_title(meta: object) -> None:
    assert parse_workflow({"1": {"class_type": "X", "_meta": meta}}).nodes["1"].title == ""


def test_every_captured_prompt_that_was_accepted_is_read() -> None:
    entries = captures.entries()
    assert entries
    for where, entry in entries:
        workflow = parse_workflow(entry["prompt"][2])
        assert json.loads(workflow.text) == entry["prompt"][2], where
        assert set(entry["outputs"]) - set(workflow.expected_outputs) == set(), where


def test_expected_outputs_are_classes_of_the_real_server() -> None:
    known = recordings.catalogue()
    there = OUTPUT_CLASSES & set(known)  # this one was started without audio
    assert {"SaveImage", "PreviewImage"} <= there
    assert {name for name in there if not known[name]["output_node"]} == set()


@given(mutated(GRAPH) | JSON)
def test_only_bad_input_comes_out_of_any_graph(graph: Any) -> None:
    try:
        workflow = parse_workflow(json.dumps(graph))
    except MooringError as error:
        assert isinstance(error, BadInput)
        return
    assert all(isinstance(node.class_type, str) for node in workflow.nodes.values())
    assert isinstance(workflow.expected_outputs, tuple)


def test_uploaded_picture_of_a_scene_is_all_of_its_pictures() -> None:
    inputs = {"model_file": "a.glb", "image": ""}
    workflow = parse_workflow(
        {"1": {"class_type": "Load3D", "inputs": inputs}, "2": {"class_type": "LoadImage", "inputs": {}}}
    )
    sent = workflow.with_uploads({("1", "image"): "mooring/a.png", ("2", "image"): "mooring/b.png"})
    scene = {"image": "mooring/a.png", "mask": "mooring/a.png", "normal": "mooring/a.png"}
    assert sent.value("1", "image") == {**scene, "camera_info": None, "recording": "", "model_3d_info": []}
    assert sent.value("2", "image") == "mooring/b.png"
    assert workflow.with_uploads({}) is workflow
