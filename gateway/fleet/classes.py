"""The node classes of one server, under every name that it accepts for them.

A newer ComfyUI runs another class for a name that it does not have, if a replacement is registered for it. Rules that
name classes have to cover both names, and so do the rules about files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.fleet.catalogue_contents import NodeClasses
from wire.paths import Use, uses_of

REPLACEMENTS = "/node_replacements"  # which older servers do not have


@dataclass(frozen=True, slots=True)
class ClassReplacement:
    """The replacement of a class: its class, and the new names of inputs by their old names."""

    class_type: str
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Classes:
    """A server's node classes, and the replaced ones."""

    known: NodeClasses
    replaced: Mapping[str, tuple[ClassReplacement, ...]] = field(default_factory=dict)

    def is_known(self, class_type: str) -> bool:
        """Return whether the server can run a class under this name."""
        return any(name in self.known.names for name in self._running(class_type))

    def is_unexamined(self, class_type: str) -> bool:
        """Return whether it is one of ComfyUI's own classes that may read or write files in a way that is not known."""
        return any(name in self.known.unexamined for name in self._running(class_type))

    def is_output(self, class_type: str) -> bool:
        """Return whether its nodes are output nodes."""
        return any(name in self.known.outputs for name in self._running(class_type))

    def names_of(self, class_type: str) -> frozenset[str]:
        """Return all names of the class that runs under this name: its replacement, and all that it replaces."""
        run = self._running(class_type)
        old = {name for name in self.replaced if any(one.class_type in run for one in self._instead(name))}
        return frozenset(run | old)

    def use_of(self, class_type: str, name: str) -> Use | None:
        """Return what the server does with the path that this input of a class gives; None if it gives none."""
        found = self._use(class_type, name)
        for one in self._instead(class_type):
            found = found or self._use(one.class_type, one.inputs.get(name, name))
        return found

    def _use(self, class_type: str, name: str) -> Use | None:
        if (use := uses_of(class_type).get(name)) is not None:
            return use
        files = self.known.files.get(class_type, frozenset())
        parent, dot, _ = name.partition(".")
        return Use.READS if name in files or (dot and f"{parent}.*" in files) else None

    def _running(self, class_type: str) -> set[str]:
        return {class_type, *(one.class_type for one in self._instead(class_type))}

    def _instead(self, class_type: str) -> tuple[ClassReplacement, ...]:
        return () if class_type in self.known.names else self.replaced.get(class_type, ())


def read_replacements(answer: object) -> dict[str, tuple[ClassReplacement, ...]]:
    """Read the answer to `/node_replacements`; ValueError if it is not ComfyUI's."""
    if not isinstance(answer, dict):
        raise ValueError("no object")
    return {old: tuple(_replacement(item) for item in _list(items)) for old, items in answer.items()}


def _replacement(item: object) -> ClassReplacement:
    match item:
        case {"new_node_id": str(class_type), **rest}:
            mapping = rest.get("input_mapping") or []
            inputs = {
                one["old_id"]: one["new_id"]
                for one in _list(mapping)
                if isinstance(one, dict) and isinstance(one.get("old_id"), str) and isinstance(one.get("new_id"), str)
            }
            return ClassReplacement(class_type, inputs)
        case _:
            raise ValueError("a replacement without a class")


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("no list")
    return value
