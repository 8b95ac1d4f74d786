"""The catalogue: what a server's `/object_info` says of its node classes, read without trust and without haste."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import BadInput
from app.workflows.catalogue import Catalogue, CatalogueReader, NodeClass
from app.workflows.catalogue_inputs import Autogrow, DynamicCombo, DynamicGroup, InputSpec, MatchType, read_input
from tests import recordings

BIGGEST = 18446744073709551615


def entry(**more: Any) -> dict[str, Any]:
    """A class's entry, as small as servers send it."""
    return {"input": {"required": {}}, "output": [], "name": "N", "display_name": "N", "category": "c", **more}


def spec(*given: Any, name: str = "x", is_required: bool = True) -> InputSpec:
    """An input as the server gave it."""
    return read_input(name, list(given), is_required=is_required)


@pytest.fixture(scope="module")
def recorded_catalogue() -> Catalogue:
    """The catalogue of a real ComfyUI 0.3.64."""
    return Catalogue.parse(recordings.catalogue_text())


def known(catalogue: Catalogue, name: str) -> NodeClass:
    """A class that must be there."""
    found = catalogue.get(name)
    assert found is not None
    return found


def test_every_class_of_a_real_server_is_readable(recorded_catalogue: Catalogue) -> None:
    assert len(recorded_catalogue) == 369
    assert [
        name
        for name in recorded_catalogue.names
        if recorded_catalogue.get(name) is None or recorded_catalogue.why_unreadable(name)
    ] == []


def test_real_class_has_ordered_inputs_with_ranges(recorded_catalogue: Catalogue) -> None:
    sampler = known(recorded_catalogue, "KSampler")
    assert [item.name for item in sampler.inputs] == [
        "model", "seed", "steps", "cfg", "sampler_name", "scheduler", "positive", "negative", "latent_image", "denoise",
    ]  # fmt: skip
    seed, cfg = sampler.input("seed"), sampler.input("cfg")
    assert seed is not None and seed.maximum == BIGGEST and seed.control_after_generate == "randomize"
    assert cfg is not None and (cfg.type, cfg.default, cfg.step, cfg.round) == ("FLOAT", 8.0, 0.1, 0.01)
    assert [item.type for item in sampler.outputs] == ["LATENT"]
    assert [item.is_widget for item in sampler.inputs] == [
        False,
        True,
        True,
        True,
        True,
        True,
        False,
        False,
        False,
        True,
    ]


def test_a_real_server_has_choices_in_both_forms(recorded_catalogue: Catalogue) -> None:
    old, new = (
        known(recorded_catalogue, "KSampler").input("scheduler"),
        known(recorded_catalogue, "SaveVideo").input("format"),
    )
    assert old is not None and old.type == "COMBO" and old.options and "karras" in old.options
    assert new is not None and new.type == "COMBO" and new.options == ("auto", "mp4")


def test_uploads_are_known_by_their_kind(recorded_catalogue: Catalogue) -> None:
    kinds = {
        (name, item.name): item.upload
        for name in recorded_catalogue.names
        for item in known(recorded_catalogue, name).inputs
        if item.upload
    }
    assert kinds[("LoadImage", "image")] == "image"
    assert kinds[("LoadVideo", "file")] == "video"
    assert set(kinds.values()) <= {"image", "video", "audio", "mesh", "file"}


def test_choices_from_a_route_are_none_until_asked_for(recorded_catalogue: Catalogue) -> None:
    image = known(recorded_catalogue, "LoadImageOutput").input("image")
    assert image is not None
    assert (image.options, image.remote_route, image.upload_folder) == ((), "/internal/files/output", "output")


def test_output_nodes_are_known(recorded_catalogue: Catalogue) -> None:
    assert known(recorded_catalogue, "SaveImage").is_output and not known(recorded_catalogue, "KSampler").is_output


def test_a_class_that_is_not_there_is_none() -> None:
    catalogue = Catalogue.parse("{}")
    assert catalogue.get("KSampler") is None and "KSampler" not in catalogue and catalogue.why_unreadable("K") == ""


@pytest.mark.parametrize(
    "broken",
    [None, 3, "text", [], {"input": 3}, {"input": {"required": []}}, {"input": {"optional": "x"}}],
)
def test_unreadable_class_has_reason_and_spares_others(broken: Any) -> None:
    catalogue = Catalogue.parse({"Bad": broken, "Good": entry()})
    assert catalogue.get("Bad") is None and "Bad" in catalogue and catalogue.why_unreadable("Bad")
    assert catalogue.get("Good") is not None and catalogue.why_unreadable("Good") == ""


def test_inputs_follow_input_order_with_forgotten_ones_last() -> None:
    given = {
        "required": {"a": ["INT"], "b": ["INT"], "late": ["INT"]},
        "optional": {"c": ["INT"], "d": ["INT"]},
        "hidden": {"prompt": "PROMPT"},
    }
    order = {"required": ["b", "a", "c", "nothing"], "optional": ["d", "c", "b"]}
    node = known(Catalogue.parse({"N": entry(input=given, input_order=order)}), "N")
    assert [item.name for item in node.inputs] == ["b", "a", "d", "c", "late"]
    assert [item.is_required for item in node.inputs] == [True, True, False, False, True]


@pytest.mark.parametrize(
    ("options", "name", "kind", "mode"),
    [
        ({}, "seed", "INT", "randomize"),
        ({}, "noise_seed", "INT", "randomize"),
        ({}, "steps", "INT", ""),
        ({"control_after_generate": False}, "seed", "INT", ""),
        ({"control_after_generate": True}, "steps", "INT", "randomize"),
        ({"control_after_generate": "increment"}, "steps", "INT", "increment"),
        ({"control_after_generate": True}, "x", "FLOAT", "fixed"),
        ({}, "seed", "FLOAT", ""),
        ({"control_after_generate": True}, "x", "COMBO", "randomize"),
        ({"control_after_generate": True}, "x", "STRING", ""),
    ],
)
def test_the_mode_that_changes_a_value_after_each_run(options: dict[str, Any], name: str, kind: str, mode: str) -> None:
    assert spec(kind, options, name=name).control_after_generate == mode


@pytest.mark.parametrize(
    ("given", "default"),
    [
        (["INT"], 0),
        (["INT", {"default": 7}], 7),
        (["FLOAT", {"default": 0.5}], 0.5),
        (["BOOLEAN", {}], False),
        (["STRING"], ""),
        ([["a", "b"]], "a"),
        ([["a", "b"], {"default": "b"}], "b"),
        (["COMBO", {"options": ["p", "q"]}], "p"),
        (["COMBO", {}], None),
        (["IMAGE"], None),
    ],
)
def test_a_fresh_node_has_the_editors_defaults(given: list[Any], default: object) -> None:
    assert spec(*given).default == default


def test_a_forced_input_is_a_socket_only() -> None:
    assert spec("INT").is_widget and not spec("INT", {"forceInput": True}).is_widget
    assert not spec("IMAGE").is_widget and spec("MY_TYPE", {"widgetType": "STRING"}).is_widget


def test_dynamic_inputs_show_what_they_hold() -> None:
    combo = spec(
        "COMFY_DYNAMICCOMBO_V3",
        {"options": [{"key": "small", "inputs": {"required": {"side": ["INT"]}}}, {"key": "none", "inputs": {}}, 3]},
    ).dynamic
    assert isinstance(combo, DynamicCombo) and list(combo.choices) == ["small", "none"]
    assert [item.name for item in combo.choices["small"]] == ["side"]
    grow = spec(
        "COMFY_AUTOGROW_V3", {"template": {"input": {"required": {"i": ["IMAGE"]}}, "prefix": "image", "min": 2}}
    ).dynamic
    assert isinstance(grow, Autogrow) and (grow.prefix, grow.least, grow.most, grow.names) == ("image", 2, 100, None)
    match = spec("COMFY_MATCHTYPE_V3", {"template": {"template_id": "t", "allowed_types": "*"}}).dynamic
    assert match == MatchType("t", "*")
    group = spec("COMFY_DYNAMICGROUP_V3", {"template": {"required": {"x": ["INT"]}}, "min": 1, "max": 9000}).dynamic
    assert isinstance(group, DynamicGroup) and (group.least, group.most) == (1, 20)
    assert spec("COMFY_MATCHTYPE_V3", {}).dynamic is None and spec("INT").dynamic is None


def test_a_catalogue_is_read_in_steps_to_the_same_end() -> None:
    entries = {f"N{index}": entry(description="x" * 100) for index in range(300)}
    text = json.dumps(entries, indent=1)
    reader, steps = CatalogueReader(text), 1
    while (found := reader.read(1000)) is None:
        assert 0 < reader.done < 1
        steps += 1
    assert steps > 30 and found.entries == entries


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", '{"a"', '{"a":', '{"a": 1', '{"a": 1 "b": 2}', "{1: 2}", "<html>", '{"a":' + "[" * 200_000],
)
def test_invalid_catalogue_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        Catalogue.parse(text)
    assert refused.value.cause == "bad-catalogue"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["required", "optional", "default", "options", "template", "inputs", "input", "names", "key"])
ODD = st.recursive(
    JSON | st.sampled_from(["INT", "COMBO", "COMFY_AUTOGROW_V3", "COMFY_DYNAMICCOMBO_V3", "COMFY_DYNAMICGROUP_V3"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(ODD, ODD, ODD)
def test_invalid_class_description_never_raises(inputs: Any, order: Any, output: Any) -> None:
    odd = entry(
        input={"required": {"x": inputs}, "optional": inputs}, input_order=order, output=output, output_name=order
    )
    catalogue = Catalogue.parse({"N": odd, "M": inputs})
    for name in catalogue.names:
        node = catalogue.get(name)
        assert (node is None) == bool(catalogue.why_unreadable(name))
        for item in node.inputs if node else ():
            for fact in dir(type(item)):
                getattr(item, fact)
