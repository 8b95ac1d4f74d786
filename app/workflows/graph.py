"""A workflow in API format as a graph: each node's own values and its links, parsed once.

graph = open_graph(workflow)
graph["3"].values["seed"], graph["3"].links["model"]     # 7, Link("4", 0)
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from app.core.workflow import ApiWorkflow, title_in
from app.workflows.catalogue import NodeClass
from app.workflows.catalogue_inputs import COMBO, Autogrow, DynamicCombo, InputSpec
from app.workflows.replacements import FixedInput, MovedInput, Replacement

Key = tuple[str, str]  # (node id, input name)
CUSTOM_COMBO = "CustomCombo"  # ComfyUI's own node; the author of a workflow defines its choices
NUMBER_INPUT = "index"  # its input for the index of the choice
_OWN_CHOICE = re.compile(r"option([0-9]{1,4})")  # the inputs that hold its choices


@dataclass(frozen=True, slots=True)
class Link:
    """The source of an input: an output of another node."""

    node_id: str
    slot: int


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node; `values` are as in JSON, a list without the wrapper that distinguishes it from a link."""

    node_id: str
    class_type: str
    title: str
    values: Mapping[str, object]
    links: Mapping[str, Link]


Graph = Mapping[str, GraphNode]


def read_link(value: object) -> Link | None:
    """Return the link that ComfyUI reads in an input's value, or None for a plain value.

    A link is a list of a text and a number, and `false` is a number to Python. ComfyUI unwraps `{"__value__": …}` when
    it validates a prompt, and parses links once more when it runs the prompt.
    """
    match _unwrapped(value):
        case [str(source), int() | float() as slot]:
            return Link(source, int(slot) if abs(slot) < math.inf else 0)
        case _:
            return None


def _unwrapped(value: object) -> object:
    return value["__value__"] if isinstance(value, dict) and "__value__" in value else value


def open_graph(workflow: ApiWorkflow) -> Graph:
    """The nodes by id, in the workflow's order."""
    return _read_graph(workflow.text)


@lru_cache(maxsize=2)  # of the chosen workflow as it came, and as it is sent
def _read_graph(text: str) -> Graph:
    found: dict[str, GraphNode] = {}
    for node_id, node in json.loads(text).items():
        values: dict[str, object] = {}
        links: dict[str, Link] = {}
        for name, value in node["inputs"].items():
            if type(value) is not list and type(value) is not dict:  # as nearly all are
                values[name] = value
            elif (link := read_link(value)) is not None:
                links[name] = link
            else:
                values[name] = _unwrapped(value)
        found[node_id] = GraphNode(node_id, node["class_type"], title_in(node), values, links)
    return found


def reached(graph: Graph, ends: Iterable[str]) -> frozenset[str]:
    """Return the ids of these nodes and of all nodes that they depend on."""
    found: set[str] = set()
    waiting = list(ends)
    while waiting:
        node_id = waiting.pop()
        if node_id in graph and node_id not in found:
            found.add(node_id)
            waiting += [link.node_id for link in graph[node_id].links.values()]
    return frozenset(found)


def validated(graph: Graph, classes: Mapping[str, NodeClass | None]) -> Collection[str]:
    """Return the ids of the nodes whose values and links a server checks: those that an output depends on.

    `classes` are those of the nodes, None where the server does not know one, which may be an output too.
    """
    if not any(found is not None and found.is_output for found in classes.values()):
        return graph.keys()  # a prompt without outputs is refused anyway
    return reached(graph, (node_id for node_id, found in classes.items() if found is None or found.is_output))


def live_inputs(node_class: NodeClass, values: Mapping[str, object]) -> Iterator[tuple[str, InputSpec]]:
    """The inputs of a node by their names in a prompt; dynamic ones are expanded by the values."""
    for spec in node_class.inputs:
        yield from _opened(spec.name, spec, values)


def _opened(name: str, spec: InputSpec, values: Mapping[str, object]) -> Iterator[tuple[str, InputSpec]]:
    match spec.dynamic if spec.is_dynamic else None:
        case DynamicCombo(choices):
            yield name, spec
            chosen = values.get(name, next(iter(choices), ""))
            for inner in choices.get(chosen, ()) if isinstance(chosen, str) else ():
                yield from _opened(f"{name}.{inner.name}", inner, values)
        case Autogrow(inputs):
            for grown in values:
                if grown.startswith(f"{name}."):
                    yield grown, inputs[0]
        case _:
            yield name, spec


def own_choices(node: GraphNode, name: str, spec: InputSpec) -> tuple[str, ...]:
    """Return the choices that the workflow itself defines for an input, in order; empty if the server defines them.

    The author writes them into the node, so no catalogue lists them and no server checks them.
    """
    if spec.type != COMBO or spec.options or spec.remote_route:
        return ()
    numbered = {
        int(match[1]): value
        for key, value in node.values.items()
        if (match := _OWN_CHOICE.fullmatch(key)) and isinstance(value, str) and value
    }
    found = [numbered[number] for number in sorted(numbered)]
    value = node.values.get(name)
    if node.class_type == CUSTOM_COMBO and isinstance(value, str) and value not in found:
        found.append(value)
    return tuple(found)


def replaced(node: GraphNode, rule: Replacement | None) -> GraphNode | None:
    """Return the node with which the server replaces this one; None if it cannot."""
    if rule is None:
        return None
    values: dict[str, Any] = {}
    links: dict[str, Link] = {}
    for name, source in rule.inputs.items():
        match source:
            case FixedInput(value):
                values[name] = value
            case MovedInput(old) if old in node.values:
                values[name] = node.values[old]
            case MovedInput(old) if old in node.links:
                links[name] = node.links[old]
            case _:
                return None
    return replace(node, class_type=rule.new_class, values=values, links=links)
