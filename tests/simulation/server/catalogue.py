"""The node catalogue: `object_info/` has the answers of real ComfyUI servers for these classes, without descriptions.

The last ones are small test nodes of the recorded servers: they work step by step, fail, expand, send text, block, and
sample without a model, which ComfyUI's own nodes do not do.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

Definition = dict[str, Any]

_FOLDER = Path(__file__).parent / "object_info"


class Catalogue(dict[str, Definition]):
    """The definitions of the node classes of one version."""

    def is_output(self, class_type: str) -> bool:
        """Return whether runs start from nodes of this class."""
        return bool(self[class_type]["output_node"])

    def inputs_of(self, class_type: str) -> dict[str, tuple[str, list[Any]]]:
        """Return each input as (required | optional, its entry)."""
        groups = self[class_type]["input"]
        return {
            name: (group, entry) for group in ("required", "optional") for name, entry in groups.get(group, {}).items()
        }

    def output_types(self, class_type: str) -> tuple[str, ...] | list[str]:
        """Return the types of the outputs, as a tuple for older classes, which the text of an IndexError shows."""
        definition = self[class_type]
        output: list[str] = definition["output"]
        return output if "api_node" in definition else tuple(output)

    def describe(self, class_type: str, pictures: list[str]) -> Definition:
        """Return the definition as `/object_info` gives it now: LoadImage lists the pictures in input/."""
        definition = copy.deepcopy(self[class_type])
        if class_type == "LoadImage":
            definition["input"]["required"]["image"][0] = pictures
        return definition


@cache
def catalogue_of(*, is_new: bool) -> Catalogue:
    """Return the catalogue of the older or the newer version."""
    name = "0.30.0" if is_new else "0.3.64"
    return Catalogue(json.loads((_FOLDER / f"{name}.json").read_text("utf-8")))
