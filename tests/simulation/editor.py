"""The editor's file of some orders, and what it must contain when it arrives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.core.workflow import ApiWorkflow
from app.workflows.editor.copy import Slot, write_copy

DRAWN = "drawn in the editor"  # the title of a node whose workflow has a file
_HOLES = (
    Slot(("2", "nonce"), (("nodes", 1, "widgets_values", 0), ("nodes", 1, "widgets_values_named", "nonce"))),
    Slot(("1", "image"), (("nodes", 0, "widgets_values", 0),)),
)


def is_drawn(prompt: Mapping[str, Any]) -> bool:
    """Return whether this workflow has a file."""
    return "2" in prompt and prompt["2"].get("_meta", {}).get("title") == DRAWN


def editor_of(workflow: ApiWorkflow) -> str:
    """Return the copy of its file that its variations share, or an empty text."""
    prompt = json.loads(workflow.text)
    if not is_drawn(prompt):
        return ""
    holes = [hole for hole in _HOLES if hole.key[1] in prompt[hole.key[0]]["inputs"]]
    return write_copy(_file(prompt, None, None), holes, prompt)


def graph_of(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return the file that must arrive with this prompt."""
    return _file(prompt, prompt["1"]["inputs"].get("image"), prompt["2"]["inputs"]["nonce"])


def _file(prompt: Mapping[str, Any], image: object, nonce: object) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = [
        {"id": int(node_id), "type": node["class_type"], "widgets_values": [None]} for node_id, node in prompt.items()
    ]
    nodes[0]["widgets_values"] = [image]
    nodes[1] |= {"widgets_values": [nonce], "widgets_values_named": {"nonce": nonce}}
    return {"nodes": nodes, "steps": prompt["2"]["inputs"]["steps"]}
