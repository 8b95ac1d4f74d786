"""What two runs were given that differs: the inputs of their common nodes, as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.core.model import Task
from app.ui.runs.cards import named_node
from app.workflows.forms.kinds import text_of_option
from app.workflows.forms.labels import label_of

MOST = 60  # differences that are shown
LONGEST = 600  # characters of a value


@dataclass(frozen=True, slots=True)
class Difference:
    """An input with its two values; one that a run does not have is empty. `node` is the title of its node."""

    node: str
    label: str
    one: str
    other: str


def differences(one: Task, other: Task) -> tuple[Difference, ...]:
    """Return the inputs with other values, in the order of the first run's workflow."""
    found = _differences(one, other)
    return tuple(difference for difference, _ in zip(found, range(MOST), strict=False))


def _differences(one: Task, other: Task) -> Iterator[Difference]:
    nodes, others = _nodes(one.workflow), _nodes(other.workflow)
    for node_id, inputs in nodes.items():
        rest = others.get(node_id, {})
        for name in dict.fromkeys((*inputs, *rest)):
            if (mine := _text(inputs.get(name))) != (theirs := _text(rest.get(name))):
                yield Difference(named_node(one, node_id), label_of(name), mine, theirs)
    for node_id, inputs in others.items():
        if node_id not in nodes:
            for name, value in inputs.items():
                if text := _text(value):
                    yield Difference(named_node(other, node_id), label_of(name), "", text)


def _nodes(workflow: str) -> dict[str, dict[str, Any]]:
    """Return the inputs of each node of a workflow in API format."""
    try:
        graph = json.loads(workflow)
    except ValueError:
        return {}
    if not isinstance(graph, dict):
        return {}
    return {
        node_id: node["inputs"]
        for node_id, node in graph.items()
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict)
    }


def _text(value: object) -> str:
    """Return a value as text; a link to another node is none."""
    if value is None or isinstance(value, list):
        return ""
    text = text_of_option(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
