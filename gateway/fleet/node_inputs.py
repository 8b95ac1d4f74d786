"""What a catalogue shows about the inputs of its nodes: which ones name files, and which are unknown. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wire.file_inputs import FILE_TYPES, PATH_OPTIONS, UPLOADS
from wire.paths import TYPES, Use, is_core, is_examined, uses_of

_TEXT = "STRING"
_COMBO = "COMBO"
_NUMBERED = ("COMFY_AUTOGROW_V3", "COMFY_DYNAMICGROUP_V3")  # name their inputs by a prefix and a number


@dataclass(frozen=True, slots=True)
class _Input:
    """An input, or one inside another: then with both names, or with a star for any name inside."""

    name: str
    types: frozenset[str]
    options: Mapping[str, Any]

    @property
    def is_file(self) -> bool:
        is_marked = any(self.options.get(key) for key in UPLOADS) or bool(PATH_OPTIONS & self.options.keys())
        return is_marked or bool(self.types & FILE_TYPES)


def named_files(node: Mapping[str, Any]) -> frozenset[str]:
    """Return the inputs of a class that name files by their type or an option; `parent.*` for all inside `parent`."""
    return frozenset(one.name for one in _inputs(node) if one.is_file)


def is_unexamined(class_type: str, node: Mapping[str, Any]) -> bool:
    """Return whether ComfyUI itself has this class, its code was not examined, and it may take a path."""
    if is_examined(class_type) or not is_core(node.get("python_module")):
        return False
    return any(one.is_file or not one.types <= TYPES or "remote" in one.options for one in _inputs(node))


def is_file_choice(class_type: str, name: str, spec: Any) -> bool:
    """Return whether an input is a choice of files, in either form: by an option of its own, or by the table."""
    if not (isinstance(spec, list) and spec):
        return False
    options = _options(spec)
    is_choice = isinstance(spec[0], list) or isinstance(options.get("options"), list)
    is_named = any(options.get(key) for key in UPLOADS) or uses_of(class_type).get(name) in {Use.READS, Use.LISTS}
    return is_choice and is_named


def _options(spec: object) -> Mapping[str, Any]:
    return spec[1] if isinstance(spec, list) and len(spec) > 1 and isinstance(spec[1], dict) else {}


def _inputs(node: Mapping[str, Any]) -> Iterator[_Input]:
    groups = node.get("input")
    for group, inputs in groups.items() if isinstance(groups, dict) else ():
        if group != "hidden":
            yield from _within(inputs, "")


def _within(inputs: object, before: str) -> Iterator[_Input]:
    for name, spec in inputs.items() if isinstance(inputs, dict) else ():
        kind = spec[0] if isinstance(spec, list) and spec else spec
        options = _options(spec)
        types = frozenset({_COMBO} if isinstance(kind, list) else kind.split(",") if isinstance(kind, str) else {""})
        place = before if before.endswith("*") else f"{before}{name}"
        yield _Input(place, types, options)
        choices = options.get("options")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                yield from _groups(choice.get("inputs"), f"{place}.")
        inside = f"{place}.*" if types & set(_NUMBERED) else f"{place}."
        template = options.get("template")
        yield from _groups(template.get("input") if isinstance(template, dict) else None, inside)
        yield from _groups(template, inside)


def _groups(groups: object, before: str) -> Iterator[_Input]:
    for group in ("required", "optional"):
        if isinstance(groups, dict):
            yield from _within(groups.get(group), before)
