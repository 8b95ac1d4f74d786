"""The editor's graph as its author has drawn it, and whatever else may stand in such a file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import BadInput
from app.core.workflow import parse_workflow
from app.workflows.drawing.drawing import HEAD, BoxKind, DrawnFlow, Mode, Sketch
from app.workflows.drawing.editor_drawing import FARTHEST, shade, sketch_of_editor


def editor_graph(**more: Any) -> dict[str, Any]:
    """Two nodes, a link and a group, as the editor writes them."""
    nodes = [
        {"id": 4, "type": "CheckpointLoaderSimple", "pos": [10, 100], "size": [300, 98],
         "outputs": [{"name": "MODEL", "type": "MODEL"}, {"name": "CLIP", "type": "CLIP"}]},
        {"id": 3, "type": "KSampler", "title": "Mine", "pos": {"0": 400, "1": 80}, "size": {"0": 315, "1": 262},
         "mode": 4, "bgcolor": "#533",
         "inputs": [{"name": "model", "type": "MODEL", "link": 1},
                    {"name": "steps", "type": "INT", "link": None, "widget": {"name": "steps"}},
                    {"name": "seed", "type": "INT", "link": 2, "widget": {"name": "seed"}}]},
    ]  # fmt: skip
    links = [[1, 4, 0, 3, 0, "MODEL"], [2, 4, 1, 3, 2, "CLIP"], None, [3, 4, 0, 77, 0, "MODEL"]]
    return {"nodes": nodes, "links": links, "groups": [], **more}


def node(number: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "type": kind, "pos": [number * 100, 0], "size": [120, 60], **more}


def test_the_authors_places_sizes_and_colours_are_kept() -> None:
    sketch = sketch_of_editor(editor_graph(), parse_workflow({"3": {"class_type": "KSampler", "inputs": {"cfg": 8}}}))
    assert sketch.is_placed
    loader, sampler = sketch.boxes["4"], sketch.boxes["3"]
    assert (loader.x, loader.y, loader.width, loader.height) == (10, 70, 300, 128)
    assert (sampler.x, sampler.y, sampler.width, sampler.height) == (400, 50, 315, 292)
    assert (sampler.title, sampler.mode, sampler.colour) == ("Mine", Mode.BYPASSED, "#be7272")
    assert [value.text for value in sampler.values] == ["8"]


def test_field_is_a_socket_only_while_linked() -> None:
    sketch = sketch_of_editor(editor_graph())
    assert [socket.name for socket in sketch.boxes["3"].inputs] == ["model", "seed"]
    assert [(line.source, line.target, line.input, line.flow) for line in sketch.lines] == [
        ("4", "3", 0, DrawnFlow.MODEL),
        ("4", "3", 1, DrawnFlow.CLIP),
    ]


def test_groups_notes_reroutes_folded_nodes_and_subgraphs_are_drawn() -> None:
    inner = {"id": "aaaa", "name": "Upscale twice", "nodes": [node(1, "Inner"), node(2, "Other", title="Named")],
             "links": []}  # fmt: skip
    graph = {
        "nodes": [
            node(10, "Note", widgets_values=["<b>read</b> me"]),
            node(11, "Reroute", size=[75, 26]),
            node(12, "aaaa"),
            node(13, "Folded", flags={"collapsed": True}, size=[400, 300]),
        ],
        "links": [],
        "groups": [
            {"title": "Inputs", "bounding": [0, -80, 300, 200], "color": "#3f789e"},
            {"bounding": [0, 0, -1, 5]},
        ],
        "definitions": {"subgraphs": [inner]},
    }
    sketch = sketch_of_editor(graph)
    note, reroute, subgraph, folded = (sketch.boxes[key] for key in ("10", "11", "12", "13"))
    assert (note.kind, note.note) == (BoxKind.NOTE, "<b>read</b> me")
    assert (reroute.kind, reroute.y, reroute.height) == (BoxKind.REROUTE, 0, 26)
    assert (subgraph.kind, subgraph.title) == (BoxKind.SUBGRAPH, "Upscale twice")
    assert sketch.inside == {"12": ("Inner", "Named")}
    assert (folded.is_folded, folded.height, folded.y) == (True, HEAD, -HEAD)
    assert folded.width < 400
    assert [(area.title, area.y, area.colour) for area in sketch.areas] == [("Inputs", -80, "#4b90be")]
    assert sketch.frame.y == -80


def test_reroute_points_keep_order_in_both_file_formats() -> None:
    points = [{"id": 1, "pos": [340, 10]}, {"id": 2, "parentId": 1, "pos": [360, 20]}, {"id": 9, "parentId": 9}]
    old = editor_graph(
        extra={"reroutes": points, "linkExtensions": [{"id": 1, "parentId": 2}, {"id": 2, "parentId": 9}]}
    )
    new = editor_graph(reroutes=points)
    new["links"] = [
        {"id": 1, "origin_id": 4, "origin_slot": 0, "target_id": 3, "target_slot": 0, "type": "MODEL", "parentId": 2}
    ]
    for graph in (old, new):
        assert sketch_of_editor(graph).lines[0].bends == ((340, 10), (360, 20))
    assert sketch_of_editor(old).lines[1].bends == ()  # a point that is its own parent leads nowhere, and no loop


def test_a_graph_without_places_is_laid_out_like_a_prompt() -> None:
    graph = {"nodes": [{"id": 1, "type": "A"}, {"id": 2, "type": "B"}], "links": [[1, 1, 0, 2, 0, "IMAGE"]]}
    sketch = sketch_of_editor(graph)
    assert not sketch.is_placed
    assert len(sketch.lines) == 1


@pytest.mark.parametrize(
    ("colour", "shown"),
    [("#322", "#be7e7e"), ("#FFFFFF", "#bebebe"), ("#000", ""), ("red", ""), ("#12345", ""), (7, ""),
     ('#fff" onload="x', "")],
)  # fmt: skip
def test_colours_are_valid_and_never_too_dark(colour: object, shown: str) -> None:
    assert shade(colour) == shown


def test_coordinates_beyond_reason_are_held_within_bounds() -> None:
    graph = {"nodes": [{"id": 1, "type": "A", "pos": [1e308, -1e308], "size": [1e308, float("nan")]}], "links": []}
    box = sketch_of_editor(graph).boxes["1"]
    assert (box.x, box.y) == (FARTHEST, -FARTHEST - HEAD)
    assert box.width < FARTHEST


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
keys = (
    "pos",
    "size",
    "inputs",
    "outputs",
    "flags",
    "mode",
    "title",
    "color",
    "bgcolor",
    "widgets_values",
    "properties",
)
odd_nodes = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 5), "type": st.sampled_from(["A", "Note", "Reroute"])},
                          optional=dict.fromkeys(keys, json_like)),
    max_size=4, unique_by=lambda item: item["id"],
)  # fmt: skip


@given(odd_nodes, json_like, json_like, json_like)
def test_any_editor_file_is_drawn_or_refused(nodes: list[Any], links: Any, groups: Any, extra: Any) -> None:
    try:
        sketch = sketch_of_editor({"nodes": nodes, "links": links, "groups": groups, "extra": extra})
    except BadInput:
        return
    assert isinstance(sketch, Sketch)
    assert abs(sketch.frame.width) < 4 * FARTHEST
    assert all(line.source in sketch.boxes and line.target in sketch.boxes for line in sketch.lines)
