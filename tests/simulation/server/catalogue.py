"""The node catalogue: `object_info.json` is the answer of a real ComfyUI 0.3.64 for these classes, unchanged.

The last five are small test nodes of the recorded server: they work step by step, fail, expand, send text and block,
which ComfyUI's own nodes do not do without a model.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

Definition = dict[str, Any]

DEFINITIONS: dict[str, Definition] = json.loads((Path(__file__).parent / "object_info.json").read_text("utf-8"))


def is_output(class_type: str) -> bool:
    """Return whether runs start from nodes of this class."""
    return bool(DEFINITIONS[class_type]["output_node"])


def inputs_of(class_type: str) -> dict[str, tuple[str, list[Any]]]:
    """Return each input as (required | optional, its entry)."""
    groups = DEFINITIONS[class_type]["input"]
    return {name: (group, entry) for group in ("required", "optional") for name, entry in groups.get(group, {}).items()}


def output_types(class_type: str) -> tuple[str, ...] | list[str]:
    """Return the types of the outputs, as a tuple for older classes, which the text of an IndexError shows."""
    definition = DEFINITIONS[class_type]
    output: list[str] = definition["output"]
    return output if "api_node" in definition else tuple(output)


def describe(class_type: str, pictures: list[str]) -> Definition:
    """Return the definition as `/object_info` gives it now: LoadImage lists the pictures in input/."""
    definition = copy.deepcopy(DEFINITIONS[class_type])
    if class_type == "LoadImage":
        definition["input"]["required"]["image"][0] = pictures
    return definition
