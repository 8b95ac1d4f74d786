"""The editor's format becomes exactly what the editor would send; what cannot is refused with its node and reason.

The expected results were observed in the editor itself; `tests/oracle` compares them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import BadInput
from app.core.workflow import MAX_NODES, parse_workflow
from app.workflows.catalogue import Catalogue
from app.workflows.editor.conversion import Converter
from app.workflows.editor.hints import hints_of
from app.workflows.editor.problems import CannotConvert, Problem, Reason
from app.workflows.forms.building import build_form
from app.workflows.forms.kinds import Media, Unknown, Upload
from tests.editor.cases import CASES
from tests.editor.classes import CLASSES
from tests.editor.drawing import Drawing, key
from tests.editor.refused import REFUSED

EXPECTED: dict[str, Any] = json.loads((Path(__file__).parents[3] / "editor" / "expected.json").read_text("utf-8"))
TINT = [0.5, 7, "fixed", "soft", ""]


def exact(graph: Any) -> str:
    """As text in one order: so that 1 and True, and 1 and 1.0, are not the same."""
    return json.dumps(graph, sort_keys=True, ensure_ascii=False, indent=1)


def test_every_case_has_its_expectation() -> None:
    assert list(EXPECTED) == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_feature_of_the_format_gives_the_expected_graph(name: str, converter: Converter) -> None:
    found = converter.convert(CASES[name]())
    assert exact(found.output) == exact(EXPECTED[name])
    assert found.workflow == parse_workflow(found.output)


@pytest.mark.parametrize("name", CASES)
def test_converting_changes_nothing_in_the_file(name: str, converter: Converter) -> None:
    file = CASES[name]()
    before = exact(file)
    converter.convert(file)
    assert exact(file) == before


def test_a_file_with_nothing_to_send_is_no_workflow(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseSource", mode=2)
    with pytest.raises(BadInput):
        _ = converter.convert(draw.file()).workflow


def refused(file: dict[str, Any], converter: Converter) -> tuple[Problem, ...]:
    with pytest.raises(CannotConvert) as caught:
        converter.convert(file)
    assert caught.value.cause == "cannot-convert" and caught.value.problems
    return caught.value.problems


def test_unknown_classes_are_refused_together(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "NotHere", title="My node", picture=(1, 0))
    draw.node(3, "NorHere")
    assert refused(draw.file(), converter) == (
        Problem(Reason.UNKNOWN_CLASS, "2", "NotHere", "My node"),
        Problem(Reason.UNKNOWN_CLASS, "3", "NorHere", ""),
    )


def test_unknown_class_in_subgraph_is_named_by_inner_id(converter: Converter) -> None:
    inner = Drawing(key(1))
    inner.node(10, "NotHere")
    draw = Drawing()
    draw.node(4, key(1))
    assert refused(draw.hold(inner).file(), converter)[0].node_id == "4:10"


def test_invalid_class_description_is_refused_as_such() -> None:
    draw = Drawing()
    draw.node(1, "Broken")
    problem = refused(draw.file(), Converter(Catalogue.parse({"Broken": {"input": 3}})))[0]
    assert (problem.reason, problem.node_id) == (Reason.UNREADABLE_CLASS, "1")


def test_old_group_nodes_are_refused_by_name(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "workflow>My group")
    assert refused(draw.file(), converter)[0].reason is Reason.GROUP_NODE


def test_what_the_editors_page_would_take_is_asked_of_the_user(converter: Converter) -> None:
    """A picture of a camera or of a scene."""
    draw = Drawing()
    draw.node(1, "WebcamCapture", ["", 640, 480, True, "capture"], title="Camera")
    draw.node(2, "Load3D", ["a.glb", "", "", "", "", 64, 64])
    draw.node(3, "Save3DAdvanced", ["3d/a", "", 64, 64])
    conversion = converter.convert(draw.file())
    assert [conversion.output[node_id]["inputs"]["image"] for node_id in "12"] == ["", ""]
    form = build_form(conversion.workflow, Catalogue.parse(CLASSES), hints_of(conversion))
    assert {form.by_key[node_id, "image"].kind for node_id in "12"} == {Upload(Media.PICTURE)}
    assert [form.by_key[node_id, "image"].label for node_id in "12"] == ["Image", "Picture of the scene"]
    assert isinstance(form.by_key["3", "viewport_state"].kind, Unknown), "a view takes no picture"


@pytest.mark.parametrize("name", REFUSED)
def test_circles_and_broken_links_are_refused_with_their_reason(name: str, converter: Converter) -> None:
    case, reason = REFUSED[name]
    problem = refused(case(), converter)[0]
    assert problem.reason is reason and problem.node_id


def test_broken_link_is_named_by_its_input(converter: Converter) -> None:
    problem = refused(REFUSED["link_from_nowhere"][0](), converter)[0]
    assert (problem.node_id, problem.class_type, problem.detail) == ("2", "CaseKeep", "images")


def test_scene_is_sent_as_the_editor_shows_it_first(converter: Converter) -> None:
    """A view that the file has is kept."""
    draw = Drawing()
    draw.node(1, "Save3DAdvanced", ["3d/a", "", 64, 64])
    draw.node(2, "Save3DAdvanced", ["3d/b", {"camera_info": None}, 64, 64])
    output = converter.convert(draw.file()).output
    first = output["1"]["inputs"]["viewport_state"]
    assert (first["camera_info"]["fov"], first["image"], first["model_3d_info"]) == (35, "", [])
    assert output["2"]["inputs"]["viewport_state"] == {"camera_info": None}


@pytest.mark.parametrize("name", ["", "painter/painter-1.png [temp]"])
def test_painted_picture_is_sent_by_its_name(name: str, converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "Painter", [name, 64, 64])
    conversion = converter.convert(draw.file())
    assert conversion.output["1"]["inputs"]["mask"] == name
    item = build_form(conversion.workflow, Catalogue.parse(CLASSES), hints_of(conversion)).by_key["1", "mask"]
    assert (item.kind, item.text) == (Upload(Media.PICTURE, is_optional=True), name)


def test_values_of_custom_scripts_are_not_lost_silently(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseNumbers", [1, 2, 0.5, True, {"row": 1}], title="Rows")
    assert refused(draw.file(), converter)[0].reason is Reason.NEEDS_EDITOR


def test_setters_and_getters_of_an_extension_pass_on_by_name(converter: Converter) -> None:
    inner = Drawing(key(1), first_link=100)
    inner.node(10, "GetNode", ["picture"], outputs=1)
    inner.node(11, "CaseTint", TINT, image=(10, 0))
    inner.leave("IMAGE", "IMAGE", 11, 0)
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "SetNode", ["picture"], outputs=1, IMAGE=(1, 0))
    draw.node(3, "GetNode", ["picture"], outputs=1)
    draw.node(4, "CaseKeep", images=(3, 0))
    draw.node(5, "CaseKeep", images=(2, 0))
    draw.node(6, key(1))
    draw.node(7, "GetNode", ["nobody"], outputs=1)
    draw.node(8, "CaseKeep", images=(7, 0))
    draw.node(9, "Fast Groups Bypasser (rgthree)", outputs=1)
    found = {
        node_id: node["inputs"]
        for node_id, node in converter.convert(draw.hold(inner).file()).output.items()
        if node["class_type"] != "CaseSource"
    }
    assert found["4"] == found["5"] == {"images": ["1", 0]}
    assert found["6:11"]["image"] == ["1", 0] and found["8"] == {} and "9" not in found


def test_other_link_nodes_of_extensions_pass_on(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "easy setNode", ["picture"], outputs=0, IMAGE=(1, 0))
    draw.node(3, "easy getNode", ["picture"], outputs=1)
    draw.node(4, "mxReroute", outputs=1, **{"": (3, 0)})
    draw.node(5, "CaseKeep", images=(4, 0))
    draw.node(6, "GetNode", ["picture"], outputs=1)
    draw.node(7, "CaseKeep", images=(6, 0))
    output = converter.convert(draw.file()).output
    assert {node_id: node["inputs"] for node_id, node in output.items()} == {
        "1": {},
        "5": {"images": ["1", 0]},
        "7": {},
    }


def test_getters_in_a_circle_are_refused(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "GetNode", ["a"], outputs=1)
    draw.node(2, "SetNode", ["a"], outputs=1, IMAGE=(1, 0))
    draw.node(3, "CaseKeep", images=(1, 0))
    assert refused(draw.file(), converter)[0].reason is Reason.CYCLE


def test_power_lora_loader_rows_are_sent_by_name() -> None:
    name = "Power Lora Loader (rgthree)"
    entry = {"input": {"required": {}, "optional": {"model": ["MODEL"], "clip": ["CLIP"]}}, "output": ["MODEL", "CLIP"]}
    first = {"on": True, "lora": "a.safetensors", "strength": 0.5, "strengthTwo": None}
    second = {"on": False, "lora": "b.safetensors", "strength": 1, "strengthTwo": None}
    header = {"type": "PowerLoraLoaderHeaderWidget"}
    draw = Drawing()
    draw.node(1, name, [{}, header, first, second, {}, ""])
    draw.node(2, name, [{}, header, first, {}, ""], properties={"Show Strengths": "Separate Model & Clip"})
    output = Converter(Catalogue.parse({name: entry})).convert(draw.file()).output
    assert output["1"]["inputs"] == {
        "PowerLoraLoaderHeaderWidget": header,
        "lora_1": {"on": True, "lora": "a.safetensors", "strength": 0.5},
        "lora_2": {"on": False, "lora": "b.safetensors", "strength": 1},
        "\N{HEAVY PLUS SIGN} Add Lora": "",
    }
    assert output["2"]["inputs"]["lora_1"]["strengthTwo"] == 1


def test_subgraphs_that_multiply_are_refused_in_time(converter: Converter) -> None:
    """Each level uses the next one ten times: ten thousand million nodes in a file of a few kilobytes."""
    draw = Drawing()
    draw.node(1, key(1))
    for level in range(1, 11):
        inner = Drawing(key(level), first_link=1000 * level)
        for number in range(10):
            inner.node(level * 100 + number, key(level + 1) if level < 10 else "CaseSource")
        draw.hold(inner)
    assert refused(draw.file(), converter)[0].reason is Reason.TOO_MANY


def test_too_many_nodes_are_refused(converter: Converter) -> None:
    draw = Drawing()
    for number in range(MAX_NODES + 1):
        draw.node(number, "Note")
    with pytest.raises(BadInput):
        converter.convert(draw.file())


def test_ways_too_long_are_refused_in_time(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseSource")
    for number in range(2, 2300):
        draw.node(number, "Reroute", outputs=1, **{"": (number - 1, 0)})
    for number in range(2300, 4900):
        draw.node(number, "CaseKeep", images=(2299, 0))
    assert refused(draw.file(), converter)[0].reason is Reason.TOO_MANY


@pytest.mark.parametrize(
    "file",
    [
        {},
        {"nodes": {}},
        {"nodes": [3]},
        {"nodes": [{"id": 1}]},
        {"nodes": [{"type": "Note"}]},
        {"nodes": [{"id": 1, "type": "Note"}, {"id": "1", "type": "Note"}]},
        {"nodes": [], "definitions": {"subgraphs": [3]}},
        {"nodes": [], "definitions": {"subgraphs": [{"nodes": []}]}},
        {"nodes": [], "definitions": {"subgraphs": [{"id": "x", "nodes": [], "inputs": [3]}]}},
    ],
)
def test_invalid_editor_file_is_refused(file: dict[str, Any], converter: Converter) -> None:
    with pytest.raises(BadInput):
        converter.convert(file)


def test_choices_in_prompts_are_the_callers(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseText", ["a {red|green|blue} {one|{two|three}}", ""])
    asked: list[int] = []

    def last(count: int) -> int:
        asked.append(count)
        return count - 1

    found = converter.convert(draw.file(), choose=last)
    assert found.output["1"]["inputs"]["text"] == "a blue three" and asked == [3, 2, 2]
    assert converter.convert(draw.file()).output["1"]["inputs"]["text"] == "a red one"
    assert found.fields["1", "text"].value == "a {red|green|blue} {one|{two|three}}"
    assert found.chosen == {("1", "text"): "a blue three"}


def test_dates_in_file_names_are_those_of_the_call(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "SaveImage", ["%date:yyyy-MM-dd%/%date:hhmmss%_%date:yy d M%"], images=None)
    now = (2026, 3, 9, 7, 5, 1)
    assert (
        converter.convert(draw.file(), now=now).output["1"]["inputs"]["filename_prefix"] == "2026-03-09/070501_26 9 3"
    )
    without = converter.convert(draw.file())
    assert without.output["1"]["inputs"]["filename_prefix"] == "%date:yyyy-MM-dd%/%date:hhmmss%_%date:yy d M%"


def test_fields_are_what_users_may_change(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseTint", [0.5, 7, "increment", "soft", "x"], widgets=("note",), image=(1, 0), note=(1, 3))
    draw.node(3, "LoadImage", ["one.png", "image"])
    fields = converter.convert(draw.file()).fields
    assert {key: field.value for key, field in fields.items()} == {
        ("2", "amount"): 0.5,
        ("2", "seed"): 7,
        ("2", "style"): "soft",
        ("3", "image"): "one.png",
    }
    assert [fields["2", name].control for name in ("seed", "amount")] == ["increment", ""]
    spec = fields["3", "image"].spec
    assert spec is not None and spec.upload == "image"


def test_fields_from_one_place_say_so(converter: Converter) -> None:
    fields = converter.convert(CASES["primitive_for_two"]()).fields
    assert fields["2", "small"].place == fields["3", "even"].place == ("", "1", 0)
    fields = converter.convert(CASES["used_twice"]()).fields
    assert fields["2:10", "note"].place == fields["3:10", "note"].place
    assert fields["2:10", "seed"].place != fields["3:10", "seed"].place
    assert fields["2:10", "seed"].control == "randomize"


def _file_like() -> st.SearchStrategy[Any]:
    scalar = st.none() | st.booleans() | st.integers(-30, 30) | st.floats() | st.text(max_size=3)
    junk = st.recursive(
        scalar,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=5,
    )
    ids = st.integers(0, 4) | st.sampled_from(["-10", "1", "a"])
    kinds = st.sampled_from([*CLASSES, "Reroute", "PrimitiveNode", "Note", "Nothing", key(1), key(2)])
    slot = st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from(["image", "images", "mask", "size.guide", "rows.0.word", "seed", ""]) | junk,
            "type": st.sampled_from(["IMAGE", "*", "MASK", ""]) | junk,
            "link": st.integers(0, 6) | junk,
            "widget": st.fixed_dictionaries({"name": st.sampled_from(["seed", "x"])}) | junk,
        },
    )
    proxies = st.lists(st.lists(st.sampled_from(["1", "-1", "2", "seed", "image", "value"]), max_size=3), max_size=3)
    node = st.fixed_dictionaries(
        {"id": ids | junk, "type": kinds},
        optional={
            "mode": st.sampled_from([0, 2, 4]) | junk,
            "inputs": st.lists(slot | junk, max_size=4) | junk,
            "outputs": st.lists(slot | junk, max_size=3) | junk,
            "widgets_values": st.lists(junk, max_size=8)
            | st.dictionaries(st.sampled_from(["seed", "size", "q"]), junk)
            | junk,
            "properties": st.fixed_dictionaries(
                {}, optional={"proxyWidgets": proxies | junk, "proxyWidgetErrorQuarantine": junk}
            )
            | junk,
            "title": junk,
        },
    )
    link = st.tuples(st.integers(0, 6), ids, st.integers(-1, 3), ids, st.integers(-1, 3), st.just("*")).map(
        list
    ) | st.fixed_dictionaries(
        {
            "id": st.integers(0, 6),
            "origin_id": ids | st.just(-10),
            "origin_slot": st.integers(0, 2),
            "target_id": ids | st.just(-20),
            "target_slot": st.integers(0, 3),
        }
    )
    port = st.fixed_dictionaries(
        {"name": st.sampled_from(["image", "seed"])},
        optional={"type": junk, "linkIds": st.lists(st.integers(0, 6), max_size=3) | junk},
    )
    graph: dict[str, st.SearchStrategy[Any]] = {
        "nodes": st.lists(node, max_size=6),
        "links": st.lists(link | junk, max_size=8),
    }
    definition = st.fixed_dictionaries(
        {
            "id": st.sampled_from([key(1), key(2)]),
            **graph,
            "inputs": st.lists(port, max_size=2),
            "outputs": st.lists(port, max_size=2),
        }
    )
    return st.fixed_dictionaries(
        graph,
        optional={
            "definitions": st.fixed_dictionaries({"subgraphs": st.lists(definition, max_size=2)}) | junk,
            "last_node_id": junk,
        },
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(file=_file_like())
def test_any_file_is_converted_or_refused(file: Any) -> None:
    try:
        found = Converter(Catalogue.parse(CLASSES)).convert(file)
    except BadInput:
        return
    json.dumps(found.output)
    assert all(key[0] in found.output for key in found.fields)


def test_nodes_are_sent_in_the_editors_order_app_outputs_first(converter: Converter) -> None:
    draw = Drawing()
    for node_id, order in ((3, 2), (1, 0), (4, 3), (2, 1)):
        draw.node(
            node_id, *(["CaseSource"] if node_id == 1 else ["CaseKeep"]), **({} if node_id == 1 else {"images": (1, 0)})
        )
        draw.nodes[-1]["order"] = order
    assert list(converter.convert(draw.file()).output) == ["1", "2", "3", "4"]
    chosen = {"extra": {"linearData": {"inputs": [], "outputs": ["4", 3, "99", [], None]}}}
    assert list(converter.convert(draw.file() | chosen).output) == ["4", "3", "1", "2"]
