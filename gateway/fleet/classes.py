"""The node classes of one server, under every name that it accepts for them.

A newer ComfyUI runs another class for a name that it does not have, if a replacement is registered for it. Rules that
name classes have to cover both names, and so do the rules about files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

REPLACEMENTS = "/node_replacements"  # which older servers do not have
# ComfyUI's own nodes whose inputs name files in the server's folders without saying so in the catalogue.
READERS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "LoadImageDataSetFromFolder",
            "LoadImageTextDataSetFromFolder",
            "LoadVideoDataSetFromFolder",
            "LoadVideoTextDataSetFromFolder",
        ),
        frozenset({"folder"}),
    ),
    **dict.fromkeys(("GeminiInputFiles", "OpenAIInputFiles"), frozenset({"file"})),
    **dict.fromkeys(("Load3D", "LoadImageOutput", "WebcamCapture"), frozenset({"image"})),
    "LoadLatent": frozenset({"latent"}),
    "Painter": frozenset({"mask"}),
}


@dataclass(frozen=True, slots=True)
class Replacement:
    """The replacement of a class: its class, and the new names of inputs by their old names."""

    class_type: str
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Classes:
    """A server's class names, the inputs that choose uploaded files, and the replaced classes."""

    names: frozenset[str]
    files: Mapping[str, Mapping[str, Any]]
    replaced: Mapping[str, tuple[Replacement, ...]] = field(default_factory=dict)

    def is_known(self, class_type: str) -> bool:
        """Return whether the server can run a class under this name."""
        return class_type in self.names or any(one.class_type in self.names for one in self._instead(class_type))

    def names_of(self, class_type: str) -> frozenset[str]:
        """Return all names of the class that runs under this name: its replacement, and all that it replaces."""
        run = {class_type, *(one.class_type for one in self._instead(class_type))}
        old = {name for name in self.replaced if any(one.class_type in run for one in self._instead(name))}
        return frozenset(run | old)

    def file_inputs(self, class_type: str) -> frozenset[str]:
        """Return the inputs of this class that name files, mostly choices of uploaded files."""
        found = self._reads(class_type)
        for one in self._instead(class_type):
            names = self._reads(one.class_type)
            found |= {*names, *(old for old, new in one.inputs.items() if new in names)}
        return found

    def _reads(self, class_type: str) -> frozenset[str]:
        return READERS.get(class_type, frozenset()) | frozenset(self.files.get(class_type, ()))

    def _instead(self, class_type: str) -> tuple[Replacement, ...]:
        return () if class_type in self.names else self.replaced.get(class_type, ())


def read_replacements(answer: object) -> dict[str, tuple[Replacement, ...]]:
    """Read the answer to `/node_replacements`; ValueError if it is not ComfyUI's."""
    if not isinstance(answer, dict):
        raise ValueError("no object")
    return {old: tuple(_replacement(item) for item in _list(items)) for old, items in answer.items()}


def _replacement(item: object) -> Replacement:
    match item:
        case {"new_node_id": str(class_type), **rest}:
            mapping = rest.get("input_mapping") or []
            inputs = {
                one["old_id"]: one["new_id"]
                for one in _list(mapping)
                if isinstance(one, dict) and isinstance(one.get("old_id"), str) and isinstance(one.get("new_id"), str)
            }
            return Replacement(class_type, inputs)
        case _:
            raise ValueError("a replacement without a class")


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("no list")
    return value
