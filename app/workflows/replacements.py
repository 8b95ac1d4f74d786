"""Node classes that a server replaces (`GET /node_replacements`), and how a node of such a class is rewritten.

read_replacements(text)["OldInvert"].new_class       # "ImageInvert"

The server does this to classes that it does not have, before it checks anything. It uses the first replacement of a
class, and fails (500) if that one needs an input that the node does not have. `graph.replaced` makes the same node.
The editor does it in its own files, where values have places instead of names (`editor/replacing.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.errors import BadInput

MOST = 10_000  # replaced classes of one server


@dataclass(frozen=True, slots=True)
class MovedInput:
    """An input of the new class that takes the value or link of an input of the old class."""

    name: str


@dataclass(frozen=True, slots=True)
class FixedInput:
    """An input of the new class with a fixed value."""

    value: object


@dataclass(frozen=True, slots=True)
class Replacement:
    """The replacement of a class; `inputs` go by the new class's names, `outputs` by the old class's numbers.

    `old_widgets` are the inputs whose values the editor saves, in its order. If the rule maps nothing (`is_renaming`),
    the editor keeps what the new class has under the same names, while the server drops all inputs.
    """

    new_class: str
    inputs: Mapping[str, MovedInput | FixedInput]
    outputs: Mapping[int, int] = field(default_factory=dict)
    old_widgets: tuple[str, ...] = ()
    is_renaming: bool = False


def read_replacements(text: str) -> dict[str, Replacement]:
    """Return the replacements by old class. BadInput if this is not such a list; unreadable entries are skipped."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput("bad-catalogue", detail="not JSON") from error
    if not isinstance(parsed, dict) or len(parsed) > MOST:
        raise BadInput("bad-catalogue", detail="no list of replaced nodes")
    found = {}
    for name, rules in parsed.items():
        match rules:
            case [{"new_node_id": str(new_class)} as rule, *_]:
                inputs, outputs = rule.get("input_mapping"), rule.get("output_mapping")
                found[name] = Replacement(
                    new_class,
                    dict(_inputs(inputs)),
                    dict(_outputs(outputs)),
                    _names(rule.get("old_widget_ids")),
                    is_renaming=inputs is None and outputs is None,
                )
    return found


def _names(given: object) -> tuple[str, ...]:
    return tuple(map(str, given)) if isinstance(given, list) else ()


def _outputs(mapping: object) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for item in mapping if isinstance(mapping, list) else ():
        match item:
            case {"old_idx": int(old), "new_idx": int(new)}:
                found.append((old, new))
    return found


def _inputs(mapping: object) -> list[tuple[str, MovedInput | FixedInput]]:
    found: list[tuple[str, MovedInput | FixedInput]] = []
    for item in mapping if isinstance(mapping, list) else ():
        match item:
            case {"new_id": str(new_name), "set_value": value}:
                found.append((new_name, FixedInput(value)))
            case {"new_id": str(new_name), "old_id": str(old_name)}:
                found.append((new_name, MovedInput(old_name)))
    return found
