"""Which inputs of nodes become paths of files on a server, and what the server does with them.

    uses_of("SaveText")           # {"filename_prefix": Use.WRITES, "format": Use.NAME}
    is_examined("SaveText")       # whether the table knows the class

`wire/path_table.py` has the facts, made from ComfyUI's sources by `python -m tests.node_paths`. Inputs of node packs
are in no table: theirs are known by their types and options (`wire/file_inputs.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from wire.path_table import EXAMINED, ROWS, TYPES, VERSIONS

__all__ = [
    "NO_FILE",
    "REPEATERS",
    "TYPES",
    "VERSIONS",
    "Use",
    "has_controls",
    "is_core",
    "is_examined",
    "is_numbered",
    "is_relative",
    "uses_of",
]


class Use(Enum):
    """What a server does with the path that an input gives."""

    READS = "reads"  # a file below input, output or temp
    LISTS = "lists"  # a folder, with all files in it
    WRITES = "writes"  # new files: the server adds a number that no file of that prefix has
    OVERWRITES = "overwrites"  # a folder or file that may exist
    NAME = "name"  # one part of a file's name, such as its ending
    CHOICE = "choice"  # a path from the node's own list, which the server does not compare with that list
    MODEL = "model"  # looked up in the folders of models, and nowhere else
    REPEATS = "repeats"  # shown as it is: the server reads and writes nothing by it


_VIEWS = (
    "Load3DAdvanced", "Preview3DAdvanced", "PreviewGaussianSplat", "PreviewPointCloud", "Save3DAdvanced",
    "SaveGaussianSplat", "SavePointCloud",
)  # fmt: skip
# The values that mean no file, for the inputs that have some.
NO_FILE: Mapping[tuple[str, str], frozenset[str]] = MappingProxyType(
    {
        ("Painter", "mask"): frozenset({""}),
        **dict.fromkeys((("Load3D", "model_file"), ("Load3DAdvanced", "model_file")), frozenset({"", "none"})),
        **{(name, "viewport_state"): frozenset({""}) for name in _VIEWS},
    }
)
_DRIVE = re.compile(r"\s*[A-Za-z]:")
_DOTS = re.compile(r"\s*\.[\s.]*\.\s*")  # two or more
_NUMBER_AFTER = "%batch_num%"  # is replaced after the number was found
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CORE = ("nodes", "comfy_extras", "comfy_api_nodes")
_USES: Mapping[str, Mapping[str, Use]] = MappingProxyType(
    {
        class_type: MappingProxyType({name: Use(use) for owner, name, use, _ in ROWS if owner == class_type})
        for class_type in {owner for owner, *_ in ROWS}
    }
)
_NONE: Mapping[str, Use] = MappingProxyType({})

REPEATERS = frozenset(class_type for class_type, uses in _USES.items() if Use.REPEATS in uses.values())
"""The classes that show a file by a path that they are given: that they list a file says nothing about who made it."""


def uses_of(class_type: str) -> Mapping[str, Use]:
    """Return the inputs of one of ComfyUI's own classes that become paths, with their uses; empty for any other."""
    return _USES.get(class_type, _NONE)


def is_examined(class_type: str) -> bool:
    """Return whether the table was made from the code of this class."""
    return class_type in EXAMINED


def is_core(python_module: object) -> bool:
    """Return whether a class of this `python_module`, as the catalogue says it, is ComfyUI's own."""
    return isinstance(python_module, str) and python_module.partition(".")[0] in _CORE


def is_relative(text: str) -> bool:
    """Return whether a path stays in its folder on any system: Windows takes `.. ` for `..`, and knows drives."""
    parts = re.split(r"[/\\]", text)
    is_rooted = len(parts) > 1 and not parts[0].strip()
    return not is_rooted and not _DRIVE.match(text) and not any(_DOTS.fullmatch(part) for part in parts)


def is_numbered(prefix: str) -> bool:
    """Return whether ComfyUI finds the first free number for this prefix of a file's name.

    With an empty last part, or a dot, it compares other names than it writes, and begins at 1 whatever is there.
    """
    parts = re.split(r"[/\\]", prefix)
    return all(part.strip(" .") for part in parts) and _NUMBER_AFTER not in prefix


def has_controls(text: str) -> bool:
    """Return whether a text has characters that no name of a file should have, such as a line break."""
    return _CONTROLS.search(text) is not None
