"""Catalogues by content: equal servers share one, and an upload changes none."""

from __future__ import annotations

import json
from typing import Any

from gateway.fleet.catalogue_contents import Content, NodeClasses, split_files

LOADER: dict[str, Any] = {
    "input": {"required": {"image": [["a.png", "b.png"], {"image_upload": True}], "size": ["INT", {"default": 3}]}},
    "output": ["IMAGE"],
}
FILM: dict[str, Any] = {
    "input": {"required": {"file": ["COMBO", {"options": ["a.mp4"], "video_upload": True, "multiselect": False}]}}
}
SAMPLER: dict[str, Any] = {
    "input": {
        "required": {"seed": ["INT", {"max": 18446744073709551615}], "name": [["euler", "ddim"]]},
        "hidden": {"prompt": "PROMPT"},
    }
}


def read(content: Content) -> dict[str, Any]:
    """Return the classes as a page joins them."""
    return json.loads("{" + ",".join(content.plain().decode().splitlines()) + "}")  # type: ignore[no-any-return]


def test_lists_of_uploaded_files_are_stored_separately() -> None:
    nodes, files = split_files({"LoadImage": LOADER, "LoadVideo": FILM, "KSampler": SAMPLER})
    assert files == {"LoadImage": {"image": ["a.png", "b.png"]}, "LoadVideo": {"file": ["a.mp4"]}}
    assert nodes["LoadImage"]["input"]["required"]["image"] == [[], {"image_upload": True}]
    assert nodes["LoadVideo"]["input"]["required"]["file"][1] == {
        "options": [],
        "video_upload": True,
        "multiselect": False,
    }
    assert nodes["KSampler"] is SAMPLER
    assert LOADER["input"]["required"]["image"][0] == ["a.png", "b.png"], "what was read is not changed"


def test_node_of_any_form_is_unchanged() -> None:
    odd = {"A": None, "B": [], "C": {"input": []}, "D": {"input": {"required": 3, "optional": {"x": [], "y": "z"}}}}
    assert split_files(odd) == (odd, {})
    assert read(Content.of(odd)) == odd


def test_equal_classes_in_any_order_are_one_content() -> None:
    one, other = Content.of({"A": LOADER, "B": SAMPLER}), Content.of({"B": SAMPLER, "A": LOADER})
    assert one == other
    assert one.hash != Content.of({"A": LOADER}).hash


def test_each_class_is_a_line_and_numbers_stay_whole() -> None:
    content = Content.of({'od"d\nname': SAMPLER, "图": LOADER})
    assert len(content.plain().splitlines()) == 2
    assert read(content) == {'od"d\nname': SAMPLER, "图": LOADER}
    assert b"18446744073709551615" in content.plain()


def test_partner_nodes_are_those_that_ask_for_a_key() -> None:
    older, newer = "API_KEY_COMFY_ORG", ["API_KEY_COMFY_ORG"]
    classes: dict[str, Any] = {
        "Older": {"api_node": True, "input": {"hidden": {"key": older}}},
        "Newer": {"api_node": True, "input": {"hidden": {"api_key_comfy_org": newer}}, "output_node": True},
        "Without a key": {"api_node": True, "input": {"required": {}}},
        "Curious": {"api_node": False, "input": {"hidden": {"key": older, "id": "UNIQUE_ID"}}},
        "Save": {"input": {"hidden": {"prompt": "PROMPT"}}, "output_node": True},
        'od"d\nname': {"input": None},
        "图": [],
    }
    found = NodeClasses.of(classes)
    assert found.names == set(classes)
    assert (found.partner, found.others_with_key) == ({"Older", "Newer"}, {"Curious"})
    assert found.outputs == {"Newer", "Save"}
