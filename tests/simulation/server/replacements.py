"""Replaced node classes of newer versions: a prompt is rewritten in place before it is checked."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

REPLACEMENTS: dict[str, list[dict[str, Any]]] = {
    "OldInvert": [
        {
            "new_node_id": "ImageInvert",
            "old_node_id": "OldInvert",
            "old_widget_ids": None,
            "input_mapping": [{"new_id": "image", "old_id": "picture"}],
            "output_mapping": None,
        }
    ],
    "OldSave": [
        {
            "new_node_id": "SaveImage",
            "old_node_id": "OldSave",
            "old_widget_ids": None,
            "input_mapping": [
                {"new_id": "images", "old_id": "images"},
                {"new_id": "filename_prefix", "old_id": "prefix"},
            ],
            "output_mapping": None,
        }
    ],
}
"""The answer of /node_replacements."""


def apply_replacements(prompt: dict[str, Any], known: Container[str]) -> None:
    """Rewrite the nodes of replaced classes. Raises as ComfyUI does for what is no prompt, and without `_meta`."""
    for node_id, node in prompt.items():
        if "class_type" not in node or "inputs" not in node or node["class_type"] in known:
            continue
        for rule in REPLACEMENTS.get(node["class_type"], ()):
            inputs = {item["new_id"]: node["inputs"][item["old_id"]] for item in rule["input_mapping"]}
            made = {"class_type": rule["new_node_id"], "inputs": inputs, "_meta": node["_meta"].copy()}
            prompt[node_id] = {**node, **made}
