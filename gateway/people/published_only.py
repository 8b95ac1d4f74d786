"""Checks whether a prompt is a published workflow, if the role *use* may run no others.

A prompt passes if one published workflow has all of its node classes and, where that is in API format (alone or with a
form), all of its links, compared by classes, output and input. The values of inputs are free: users
fill them in. A workflow in the editor's format has its classes compared only, since its links may pass through
nodes and subgraphs that are not sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.http.json_reader import Bounds, JsonError, read_json
from gateway.people.links import read_link
from gateway.site.published import Published

LARGEST = 5_000_000  # bytes of a file that is read for this

ClassLink = tuple[str, float, str, str]  # from an output of a class to an input of another


@dataclass(frozen=True, slots=True)
class NodeShape:
    """The contents of a workflow; `links` is None if only the classes are known."""

    classes: frozenset[str]
    links: frozenset[ClassLink] | None

    def has(self, other: NodeShape) -> bool:
        """Whether everything in the other is in this one."""
        fits = self.links is None or other.links is None or other.links <= self.links
        return bool(other.classes) and other.classes <= self.classes and fits


class PublishedOnly:
    """Compares prompts with the workflows that are published now. Blocks: call it in a thread."""

    def __init__(self, published: Published) -> None:
        self._published = published
        self._tag = ""
        self._shapes: tuple[NodeShape, ...] = ()

    def allows(self, prompt: Mapping[str, Any]) -> bool:
        """Whether a prompt is one of the published workflows."""
        listing = self._published.listing()
        if listing.tag != self._tag:
            texts = (self._published.read(path) for path in listing.files if path.lower().endswith(".json"))
            self._shapes = tuple(shape for text in texts if text and (shape := read_shape(text)) is not None)
            self._tag = listing.tag
        asked = shape_of(prompt)
        return any(shape.has(asked) for shape in self._shapes)


def read_shape(text: bytes) -> NodeShape | None:
    """Return the shape of a published file in any of its three forms; None if it is no workflow."""
    try:
        value = read_json(text, Bounds(LARGEST))
    except JsonError:
        return None
    if not isinstance(value, dict):
        return None
    inner = value.get("workflow")
    if isinstance(inner, dict):
        value = inner
    return (
        NodeShape(frozenset(_editor_classes(value)), None) if isinstance(value.get("nodes"), list) else shape_of(value)
    )


def shape_of(prompt: Mapping[str, Any]) -> NodeShape:
    """Return the shape of a workflow in API format."""
    classes = {
        node_id: node["class_type"]
        for node_id, node in prompt.items()
        if isinstance(node, dict) and isinstance(node.get("class_type"), str)
    }
    links = {
        (classes[link.node_id], link.slot, class_type, str(name))
        for node_id, class_type in classes.items()
        if isinstance(prompt[node_id].get("inputs"), dict)
        for name, value in prompt[node_id]["inputs"].items()
        if (link := read_link(value)) is not None and link.node_id in classes
    }
    return NodeShape(frozenset(classes.values()), frozenset(links))


def _editor_classes(value: Mapping[str, Any]) -> Iterator[str]:
    definitions = value.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    for graph in (value, *(one for one in subgraphs or () if isinstance(one, dict))):
        nodes = graph.get("nodes")
        for node in nodes if isinstance(nodes, list) else ():
            if isinstance(node, dict) and isinstance(node.get("type"), str):
                yield node["type"]
