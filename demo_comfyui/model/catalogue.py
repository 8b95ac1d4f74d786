"""The node catalogue: what `/object_info` says about each class that a server can run.

Two spellings of a list of choices appear: a list in the place of the type, and `["COMBO", {"options": […]}]`.
"""

from __future__ import annotations

import copy
from typing import Any

Definition = dict[str, Any]

ANY = "*"  # an input that takes whatever it is given
LOADERS = ("LoadImage", "LoadImageMask")  # they read a file of input/, and check themselves that it exists


class Catalogue(dict[str, Definition]):
    """The definitions of one server's node classes, by their names."""

    def is_output(self, class_type: str) -> bool:
        """Whether runs start from nodes of this class."""
        return bool(self[class_type]["output_node"])

    def return_types(self, class_type: str) -> tuple[str, ...] | list[str]:
        """Return the types of the outputs: a tuple for classes of the older kind, which error texts show."""
        definition = self[class_type]
        output: list[str] = definition["output"]
        return output if "api_node" in definition else tuple(output)

    def inputs_of(self, class_type: str) -> dict[str, tuple[str, list[Any]]]:
        """Return the inputs of a node of this class by name: the group, and the entry of the definition."""
        groups = self[class_type]["input"]
        return {
            name: (group, entry) for group in ("required", "optional") for name, entry in groups.get(group, {}).items()
        }

    def describe(self, class_type: str, input_images: list[str]) -> Definition:
        """Return the definition as `/object_info` has it now: the loaders list the pictures in input/."""
        definition = copy.deepcopy(self[class_type])
        if class_type in LOADERS:
            definition["input"]["required"]["image"][0] = input_images
        return definition
