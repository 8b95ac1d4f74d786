"""A large generated catalogue and workflow, the same at each call."""

from __future__ import annotations

import json
from typing import Any

WIDGETS = (
    ("text", ["STRING", {"multiline": True, "default": "a quiet harbour", "dynamicPrompts": True, "tooltip": ""}]),
    ("seed", ["INT", {"default": 0, "min": 0, "max": 18446744073709551615, "control_after_generate": True}]),
    ("steps", ["INT", {"default": 20, "min": 1, "max": 10000, "tooltip": "How many steps it takes. " * 6}]),
    ("cfg", ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01}]),
    ("is_on", ["BOOLEAN", {"default": True}]),
)
KINDS = 120  # classes of one workflow; the largest published ones have fewer
LENGTH = 1650  # characters of one class, so that 3,000 have five million


def catalogue_text(classes: int) -> str:
    """Return an `/object_info` of this many classes: half take a picture and return one, and each has five values."""
    found: dict[str, Any] = {"LoadAnything": _source()}
    for number in range(1, classes):
        found[f"Node{number:04}"] = _class(number)
    return json.dumps(found)


def _class(number: int) -> dict[str, Any]:
    options = [f"folder/{number:04}-{index:02}.safetensors" for index in range(12)]
    required = {"image": ["IMAGE"], **dict(WIDGETS), "model": [options, {"default": options[0]}]}
    entry = {
        "input": {"required": required},
        "input_order": {"required": list(required)},
        "output": ["IMAGE"],
        "output_is_list": [False],
        "output_name": ["IMAGE"],
        "name": f"Node{number:04}",
        "display_name": f"Node {number}",
        "description": "",
        "python_module": "custom_nodes.many",
        "category": "many",
        "output_node": number % 50 == 1,
    }
    entry["description"] = "x" * max(0, LENGTH - len(json.dumps(entry)))
    return entry


def _source() -> dict[str, Any]:
    return {
        "input": {"required": {}},
        "output": ["IMAGE"],
        "output_is_list": [False],
        "output_name": ["IMAGE"],
        "name": "LoadAnything",
        "display_name": "Load anything",
        "description": "",
        "python_module": "nodes",
        "category": "many",
        "output_node": False,
    }


def editor_graph(count: int, seed: int = 0) -> dict[str, Any]:
    """Return a chain of this many nodes of `KINDS` classes as the editor saves it; each `seed` gives another one."""
    nodes: list[dict[str, Any]] = [
        {"id": 1, "type": "LoadAnything", "pos": [0, 0], "size": [200, 60], "mode": 0, "outputs": [_output([1])]}
    ]
    links = []
    for number in range(2, count + 1):
        links.append([number - 1, number - 1, 0, number, 0, "IMAGE"])
        kind = number % KINDS + 1
        model = f"folder/{kind:04}-03.safetensors"
        nodes.append(
            {
                "id": number,
                "type": f"Node{kind:04}",
                "pos": [(number % 25) * 300, number // 25 * 400],
                "size": [280, 260],
                "mode": 0,
                "inputs": [{"name": "image", "type": "IMAGE", "link": number - 1}],
                "outputs": [_output([number] if number < count else [])],
                "widgets_values": [f"scene {number}", seed * 1000 + number, "fixed", 20, 7.5, True, model],
            }
        )
    nodes[-1]["type"] = "Node0051"  # an output node
    nodes[-1]["widgets_values"][-1] = "folder/0051-03.safetensors"
    groups = [{"title": f"Part {index}", "bounding": [0, index * 400, 7500, 380]} for index in range(20)]
    return {"nodes": nodes, "links": links, "groups": groups, "version": 0.4}


def _output(links: list[int]) -> dict[str, Any]:
    return {"name": "IMAGE", "type": "IMAGE", "links": links}
