"""A prompt as boxes and lines: their sizes, and what an answer of the layout engine becomes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import LayoutError
from app.core.workflow import parse_workflow
from app.workflows.drawing.drawing import HEAD, MOST_SOCKETS, ROW, DrawnFlow, fitted, sketch_of_api, text_width
from app.workflows.drawing.layout import arranged, question

PROMPT = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tide.safetensors"}},
    "3": {
        "class_type": "KSampler",
        "_meta": {"title": "Sampler"},
        "inputs": {"seed": 7, "model": ["4", 0], "positive": ["4", 1], "gone": ["99", 0], "steps": 20},
    },
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "<b>out</b>"}},
}


def test_every_node_is_a_box_with_title_links_values() -> None:
    sketch = sketch_of_api(parse_workflow(PROMPT))
    assert not sketch.is_placed
    box = sketch.boxes["3"]
    assert (box.title, box.class_type) == ("Sampler", "KSampler")
    assert [(value.name, value.text) for value in box.values] == [("seed", "7"), ("steps", "20")]
    assert [socket.name for socket in box.inputs] == ["model", "positive", "gone"]
    assert sketch.boxes["9"].values[0].text == "<b>out</b>"
    assert [(line.source, line.output, line.target, line.input, line.flow) for line in sketch.lines] == [
        ("4", 0, "3", 0, DrawnFlow.MODEL),
        ("4", 1, "3", 1, DrawnFlow.CONDITIONING),
        ("3", 0, "9", 0, DrawnFlow.IMAGE),
    ]
    assert [socket.flow for socket in sketch.boxes["4"].outputs] == [DrawnFlow.MODEL, DrawnFlow.CONDITIONING]


def test_a_box_is_large_enough_for_its_rows() -> None:
    box = sketch_of_api(parse_workflow(PROMPT)).boxes["3"]
    assert box.height >= HEAD + (3 + 2) * ROW
    assert box.input_at(2)[1] < box.y + box.height
    assert text_width(box.title) + 20 < box.width


def test_a_slot_beyond_reason_makes_no_endless_box() -> None:
    prompt = {"1": {"class_type": "A", "inputs": {}}, "2": {"class_type": "B", "inputs": {"x": ["1", 10**9]}}}
    sketch = sketch_of_api(parse_workflow(prompt))
    assert len(sketch.boxes["1"].outputs) == MOST_SOCKETS
    assert sketch.lines[0].output == MOST_SOCKETS - 1


def test_inner_nodes_are_shown_by_their_outer_box() -> None:
    sketch = sketch_of_api(parse_workflow({"12": PROMPT["4"], "12:3": PROMPT["4"]}))
    found = {wanted: sketch.box_of(wanted) for wanted in ("12", "12:3", "12:4:1", "12.0.0.1", "12:3.0.0.2", "13", "")}
    assert {wanted: box and box.node_id for wanted, box in found.items()} == {
        "12": "12", "12:3": "12:3", "12:4:1": "12", "12.0.0.1": "12", "12:3.0.0.2": "12:3", "13": None, "": None,
    }  # fmt: skip


def test_the_answer_of_the_layout_engine_becomes_places_and_bends() -> None:
    sketch = sketch_of_api(parse_workflow(PROMPT))
    asked = json.loads(question(sketch))
    assert [len(asked["boxes"]), asked["lines"]] == [3, [[0, 1], [0, 1], [1, 2]]]
    answer = {"places": [[0, 0], [300, 10.5], [600, 20]], "bends": [[], [[250, 5]], []]}
    placed = arranged(sketch, json.dumps(answer))
    assert placed.is_placed
    assert [(box.x, box.y) for box in placed.boxes.values()] == [(0, 0), (300, 10.5), (600, 20)]
    assert placed.lines[1].bends == ((250.0, 5.0),)
    assert (placed.frame.x, placed.frame.width) == (0, 600 + placed.boxes["9"].width)


@pytest.mark.parametrize(
    "answer",
    ["", "[]", "{}", '{"places": [], "bends": []}', '{"places": [[0, 0], [1, 1], [NaN, 1]], "bends": [[], [], []]}',
     '{"places": [[0, 0], [1, 1], [2, 2]], "bends": [[]]}'],
)  # fmt: skip
def test_an_answer_that_is_none_is_a_typed_error(answer: str) -> None:
    with pytest.raises(LayoutError):
        arranged(sketch_of_api(parse_workflow(PROMPT)), answer)


@given(st.text(max_size=80), st.floats(40, 300))
def test_a_text_is_cut_to_the_room_that_there_is(text: str, width: float) -> None:
    shown = fitted(text, width)
    assert text_width(shown) <= width + 1
    assert "\n" not in shown
