"""What Use Everywhere links; `tests/editor/cases_broadcasts.py` has what the editor does with the pack."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.workflows.catalogue import Catalogue
from app.workflows.editor.conversion import Converter
from app.workflows.editor.problems import CannotConvert, Reason
from tests.editor.cases import BROADCASTS
from tests.editor.classes import CLASSES
from tests.editor.drawing import Drawing, key

EXPECTED: dict[str, Any] = json.loads((Path(__file__).parents[3] / "editor" / "expected.json").read_text("utf-8"))
SENDER = "Anything Everywhere"
SENDERS = {SENDER, f"{SENDER}?", f"{SENDER}3", "Prompts Everywhere"}
CURRENT = {"version": "7.8", "widget_ue_connectable": {}, "input_ue_unconnectable": {}}


def sender(draw: Drawing, node_id: int, kind: str = "IMAGE", **facts: Any) -> dict[str, Any]:
    properties = {"ue_properties": {**CURRENT, **facts}}
    slot = {"IMAGE": 0, "MASK": 1, "INT": 2}[kind]
    return draw.node(node_id, SENDER, outputs=0, properties=properties, types={"anything": kind}, anything=(1, slot))


def pair(**facts: Any) -> Drawing:
    draw = Drawing()
    draw.node(1, "CaseSource")
    draw.node(2, "CaseKeep", title="a" * 40)
    sender(draw, 3, **facts)
    return draw


def inputs(found: Mapping[str, Any]) -> Any:
    return found["2"]["inputs"]


@pytest.fixture(scope="module")
def bare() -> Converter:
    """For a server without the pack."""
    return Converter(Catalogue.parse({kind: entry for kind, entry in CLASSES.items() if kind not in SENDERS}))


@pytest.mark.parametrize("name", [name for name in BROADCASTS if "seed" not in name and "very_old" not in name])
def test_servers_without_the_pack_get_the_same_links(name: str, bare: Converter) -> None:
    wanted = {node_id: node for node_id, node in EXPECTED[name].items() if node["class_type"] not in SENDERS}
    assert bare.convert(BROADCASTS[name]()).output == wanted


def test_very_old_links_are_lost_only_with_the_pack(bare: Converter) -> None:
    assert "image" not in EXPECTED["broadcast_of_very_old_names"]["2"]["inputs"]
    assert inputs(bare.convert(BROADCASTS["broadcast_of_very_old_names"]()).output)["image"] == ["1", 0]


@pytest.mark.parametrize(
    "facts",
    [
        {"title_regex": "(?<=a)b"},
        {"input_regex": "(i)\\1"},
        {"title_regex": "(?i)a"},
        {"group_regex": "(?<!a)b"},
        {"apply_to_unrepeated": 1, "repeated_type_rule": 4},
    ],
)
def test_patterns_that_only_the_editor_knows_are_refused(facts: dict[str, Any], converter: Converter) -> None:
    draw = pair(**facts)
    draw.nodes[2]["inputs"][0]["label"] = "("
    with pytest.raises(CannotConvert) as caught:
        converter.convert(draw.file(groups=[{"title": "a", "bounding": [0, 0, 10, 10]}]))
    problem = caught.value.problems[0]
    assert (problem.reason, problem.node_id, problem.class_type) == (Reason.NEEDS_EDITOR, "3", SENDER)


def test_pattern_without_receivers_is_not_read(converter: Converter) -> None:
    draw = pair()
    sender(draw, 4, "MASK", title_regex="(?<=a)b")
    assert inputs(converter.convert(draw.file()).output) == {"images": ["1", 0]}


def test_slow_pattern_is_refused_in_time(converter: Converter) -> None:
    draw = pair(title_regex="(){1000000000}")
    with pytest.raises(CannotConvert) as caught:
        converter.convert(draw.file())
    assert caught.value.problems[0].detail == "a regular expression: too many steps"


def test_too_many_senders_are_refused_in_time(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseSource")
    for node_id in range(2, 2000):
        draw.node(node_id, "CaseKeep")
        sender(draw, 3000 + node_id)
    with pytest.raises(CannotConvert) as caught:
        converter.convert(draw.file())
    assert caught.value.problems[0].reason is Reason.TOO_MANY


def test_too_many_groups_are_refused_in_time(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "CaseSource")
    for node_id in range(2, 200):
        sender(draw, node_id, group_restricted=1)
    groups = [{"title": "all", "bounding": [-9, -9, 10**6, 10**6]}] * 200
    with pytest.raises(CannotConvert) as caught:
        converter.convert(draw.file(groups=groups))
    assert caught.value.problems[0].reason is Reason.NEEDS_EDITOR


def test_groups_of_subgraphs_are_refused(converter: Converter) -> None:
    inner = Drawing(key(1), first_link=100)
    inner.node(10, "CaseKeep")
    inner.node(1, "CaseSource")
    sender(inner, 12, group_restricted=1)
    draw = Drawing()
    draw.node(2, "CaseSource")
    assert converter.convert(draw.hold(inner).file()).output, "no node uses the subgraph"
    draw.node(3, key(1))
    with pytest.raises(CannotConvert):
        converter.convert(draw.file())


@pytest.mark.parametrize(("left", "is_linked"), [(-100, True), (300, False), (35, None)])
def test_collapsed_node_is_in_group_if_its_title_is(left: float, is_linked: bool | None, converter: Converter) -> None:
    draw = pair(group_regex="one")
    draw.nodes[1].update(pos=[0, 0], size=[400, 300], flags={"collapsed": True})
    file = draw.file(groups=[{"title": "one", "bounding": [left, -100, 400, 200]}])
    if is_linked is None:
        with pytest.raises(CannotConvert):
            converter.convert(file)
    else:
        assert bool(inputs(converter.convert(file).output)) is is_linked


def test_primitive_without_widget_is_refused(converter: Converter) -> None:
    draw = Drawing()
    draw.node(1, "PrimitiveNode", [3, "fixed"], outputs=3)
    draw.node(2, "CaseNumbers", properties={"ue_properties": {**CURRENT, "widget_ue_connectable": {"small": True}}})
    sender(draw, 3, "INT")
    draw.links[0]["origin_slot"] = 0
    with pytest.raises(CannotConvert) as caught:
        converter.convert(draw.file())
    assert caught.value.problems[0].node_id == "1"


def test_patterns_of_a_sender_are_no_fields(converter: Converter) -> None:
    found = converter.convert(BROADCASTS["broadcast_of_version_6"]())
    assert found.output["4"]["inputs"]["title_regex"] == "this"
    assert not [key for key in found.fields if key[0] == "4"]


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.floats() | st.sampled_from(["", "1", ".*", "(", "a|I", "*"]),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.sampled_from(["0", "seed", "a"]), inside),
    max_leaves=5,
)
FACTS = [*CURRENT, "title_regex", "input_regex", "group_regex", "title_regex_invert", "priority", "group_restricted"]
FACTS += ["color_restricted", "repeated_type_rule", "apply_to_unrepeated", "string_to_combo", "send_to_any"]
FACTS += ["seed_inputs", "output_not_broadcasting"]
PARTS = ["ue_properties", "ue_convert", "rejects_ue_links", "widget_ue_connectable", "group_restricted"]
ROWS = ["pos", "size", "color", "flags", "title", "widgets_values", "outputs", "mode"]


@given(
    kinds=st.lists(st.sampled_from([*SENDERS, "Seed Everywhere", "CaseTint", "CaseJoin", "Reroute"]), max_size=4),
    properties=st.dictionaries(st.sampled_from(PARTS), ODD | st.dictionaries(st.sampled_from(FACTS), ODD)),
    node=st.dictionaries(st.sampled_from(ROWS), ODD),
    group=st.dictionaries(st.sampled_from(["title", "bounding"]), ODD),
    added=ODD,
)
def test_odd_files_are_converted_or_refused(
    kinds: list[str], properties: Any, node: Any, group: Any, added: Any
) -> None:
    draw = pair()
    for node_id, kind in enumerate(kinds, 10):
        made = draw.node(node_id, kind, properties=properties, types={"anything": "IMAGE"}, anything=(1, 0))
        made.update(node)
    file = draw.file(groups=[group, added], extra={"links_added_by_ue": added})
    with contextlib.suppress(CannotConvert):
        Converter(Catalogue.parse(CLASSES)).convert(file)
