"""Catalogues by content: equal servers share one, and an upload changes none."""

from __future__ import annotations

import json
from typing import Any

from gateway.fleet.catalogue_contents import Content, NodeClasses, read_contents, split_files
from gateway.people.user import FOLDER, is_shared

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


def test_users_folder_is_in_no_choice() -> None:
    folders = ["3d", "mooring-people", "mooring-people/bob~1", "mooring-shared", "mooring-shared/dunes"]
    chosen = ["COMBO", {"options": [*folders, {"key": "a", "inputs": {"required": {"more": [folders]}}}]}]
    named = {"default": "Mooring-People/bob/a", "mooring-people/bob": 1, "tooltip": "in /srv/mooring-people/bob"}
    inputs = {"plain": [folders], "chosen": chosen, "named": ["STRING", named]}
    classes = {
        "LoadImageDataSetFromFolder": {"input": {"required": {"folder": ["COMBO", {"options": folders}]}}},
        "Pack": {"input": {"required": inputs}},
        "LoadLatent": {"input": {"required": {"latent": [["a.latent"]]}}},
    }
    nodes, files, _ = read_contents(json.dumps(classes).encode(), is_shared, FOLDER)
    assert b"bob" not in nodes.plain() + files.plain()
    assert read(files) == {
        "LoadImageDataSetFromFolder": {"folder": ["mooring-shared/dunes"]},
        "LoadLatent": {"latent": []},
    }
    assert read(nodes)["Pack"]["input"]["required"]["plain"] == [["3d", "mooring-shared", "mooring-shared/dunes"]]
    less = json.dumps(classes).replace('"mooring-people/bob~1", ', "")
    again, _, _ = read_contents(less.encode(), is_shared, FOLDER)
    assert again.hash == nodes.hash, "another user changes no catalogue"


def test_inputs_that_name_files_are_found_wherever_they_are() -> None:
    inner = {"required": {"film": ["COMBO", {"options": [], "video_upload": True}], "text": ["STRING", {}]}}
    found = NodeClasses.of(
        {
            "Sound": {"input": {"required": {"audio": ["AUDIO_RECORD", {}], "text": ["STRING", {}]}}},
            "Chosen": {
                "input": {"required": {"mode": ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "a", "inputs": inner}]}]}}
            },
            "Grown": {
                "input": {
                    "optional": {"films": ["COMFY_AUTOGROW_V3", {"template": {"input": inner, "prefix": "film"}}]}
                }
            },
            "Path": {"input": {"required": {"video": ["STRING", {"vhs_path_extensions": []}]}}},
            "Joined": {"input": {"required": {"scene": ["LOAD_3D,IMAGE", {}]}}},
            "Plain": {
                "input": {"required": {"seed": ["INT", {}], "name": [["a", "b"]]}, "hidden": {"audio": "AUDIO_RECORD"}}
            },
        }
    )
    assert found.files == {
        "Sound": {"audio"},
        "Chosen": {"mode.film"},
        "Grown": {"films.*"},
        "Joined": {"scene"},
        "Path": {"video"},
    }


def test_only_core_classes_that_no_table_knows_are_unexamined() -> None:
    text, number = (
        {"input": {"required": {"a": ["STRING", {}]}}},
        {"input": {"required": {"a": ["INT", {}], "b": [["x"]]}}},
    )
    unknown, remote = (
        {"input": {"optional": {"a": ["NEWER_TYPE", {}]}}},
        {"input": {"required": {"a": ["COMBO", {"remote": {}}]}}},
    )
    core = {"python_module": "comfy_extras.nodes_new"}
    found = NodeClasses.of(
        {
            "Text": text | core,
            "Number": number | core,
            "Unknown": unknown | {"python_module": "nodes"},
            "Remote": remote | {"python_module": "comfy_api_nodes.nodes_new"},
            "Pack": text | {"python_module": "custom_nodes.pack"},
            "SaveText": text | core,
        }
    )
    assert found.unexamined == {"Text", "Unknown", "Remote"}
