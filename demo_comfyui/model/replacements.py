"""Node classes that have been replaced: a prompt that names an old one is rewritten before it is checked.

Only as a newer version. The real one (0.30.0) fails on a node without `_meta`, and so does this one.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from demo_comfyui.model.prompts import Prompt, is_link

REPLACEMENTS: dict[str, list[dict[str, Any]]] = {
    "OldInvert": [
        {
            "new_node_id": "ImageInvert",
            "old_node_id": "OldInvert",
            "old_widget_ids": None,
            "input_mapping": [{"new_id": "image", "old_id": "picture"}],
            "output_mapping": [{"new_idx": 0, "old_idx": 0}],
        }
    ],
    "OldSave": [
        {
            "new_node_id": "SaveImage",
            "old_node_id": "OldSave",
            "old_widget_ids": ["prefix"],
            "input_mapping": [
                {"new_id": "images", "old_id": "images"},
                {"new_id": "filename_prefix", "old_id": "prefix"},
            ],
            "output_mapping": None,
        }
    ],
}
"""By old class; of several replacements the server takes the first."""


def apply_replacements(prompt: Prompt, known: Container[str]) -> None:
    """Rewrite each node of an old class in place, as the real server does before it checks anything."""
    for node_id, node in prompt.items():
        if "class_type" not in node or "inputs" not in node or node["class_type"] in known:
            continue
        for rule in REPLACEMENTS.get(node["class_type"], [])[:1]:
            prompt[node_id] = {
                **node,
                "class_type": rule["new_node_id"],
                "inputs": {
                    item["new_id"]: item["set_value"] if "set_value" in item else node["inputs"][item["old_id"]]
                    for item in rule["input_mapping"] or ()
                },
                "_meta": node["_meta"].copy(),
            }
            _rewire(prompt, node_id, {item["old_idx"]: item["new_idx"] for item in rule["output_mapping"] or ()})


def _rewire(prompt: Prompt, node_id: str, slots: dict[int, int]) -> None:
    """Point the links from a replaced node to its new outputs."""
    for node in prompt.values():
        for value in node.get("inputs", {}).values():
            if is_link(value) and value[0] == node_id and value[1] in slots:
                value[1] = slots[value[1]]
