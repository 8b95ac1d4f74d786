"""The user's arrangement of the form of one workflow, kept by the workflow's shape; and the form so arranged.

layout = Layout(workflow_key(workflow)).hide(("3", "cfg")).rename(("6", "text"), "Scene")
arranged = arrange(form, layout)
arranged.first, arranged.sections, arranged.hidden

A layout may name inputs that a form lacks: those of another catalogue, or of a branch not chosen now. They stay.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.core.model import RECORD_VERSION
from app.core.workflow import ApiWorkflow
from app.workflows.forms.distinct_labels import distinguished
from app.workflows.forms.fields import Field
from app.workflows.forms.form import Form, Section
from app.workflows.forms.records import check_lengths
from app.workflows.graph import GraphNode, Key, open_graph


def workflow_key(workflow: ApiWorkflow) -> str:
    """The name of a workflow's shape: its nodes, classes and links, whatever their order, titles and values."""
    graph = open_graph(workflow)
    shape = [[node_id, graph[node_id].class_type, _links(graph[node_id])] for node_id in sorted(graph)]
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:32]


def _links(node: GraphNode) -> list[tuple[str, str, int]]:
    return sorted((name, link.node_id, link.slot) for name, link in node.links.items())


@dataclass(frozen=True, slots=True)
class Layout:
    """What the user wants to see of a form, and where.

    `first` is the top, in order; None leaves it to the guess. `names` are (node id, input name, label).
    `order` are the ids of the nodes that come first; a node that is not in it keeps its place after them.
    """

    workflow_key: str = ""
    first: tuple[Key, ...] | None = None
    hidden: tuple[Key, ...] = ()
    names: tuple[tuple[str, str, str], ...] = ()
    order: tuple[str, ...] = ()
    v: int = RECORD_VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_lengths(self.first or (), 2, "first")
        check_lengths(self.hidden, 2, "hidden")
        check_lengths(self.names, 3, "names")

    def pin(self, key: Key, shown: Sequence[Key], place: int | None = None) -> Layout:
        """The layout with an input on top, last or at a place, moved if it is there. `shown` is the present top."""
        rest = [item for item in shown if item != key]
        rest.insert(len(rest) if place is None else max(0, place), key)
        return replace(self.show(key), first=tuple(rest))

    def unpin(self, key: Key, shown: Sequence[Key]) -> Layout:
        """The layout with an input back in its node's section."""
        return replace(self, first=tuple(item for item in shown if item != key))

    def with_guessed_top(self) -> Layout:
        """The layout with a guessed top."""
        return replace(self, first=None)

    def hide(self, key: Key) -> Layout:
        """The layout with an input hidden; its place is remembered."""
        return self if key in self.hidden else replace(self, hidden=(*self.hidden, key))

    def show(self, key: Key) -> Layout:
        """The layout with a hidden input shown."""
        return replace(self, hidden=tuple(item for item in self.hidden if item != key))

    def rename(self, key: Key, name: str) -> Layout:
        """The layout with the user's own label; an empty one restores the original."""
        kept = tuple(item for item in self.names if item[:2] != key)
        return replace(self, names=(*kept, (*key, name.strip())) if name.strip() else kept)

    def move(self, node_id: str, place: int, shown: Sequence[str]) -> Layout:
        """The layout with a node's section at a place among those shown."""
        order = [item for item in shown if item != node_id]
        order.insert(max(0, place), node_id)
        return replace(self, order=tuple(order))


@dataclass(frozen=True, slots=True)
class Arranged:
    """A form for display: each field once. Sections with no fields left are omitted; `whole` has all."""

    first: tuple[Field, ...]
    sections: tuple[Section, ...]
    hidden: tuple[Field, ...]
    whole: tuple[Section, ...]


def arrange(form: Form, layout: Layout) -> Arranged:
    """Apply a layout to a form."""
    names = {(node_id, input_name): name for node_id, input_name, name in layout.names}
    hidden = set(layout.hidden)

    def named(item: Field) -> Field:
        return replace(item, label=names[item.key]) if item.key in names else item

    renamed, ordered = {node_id for node_id, _ in names}, _ordered(form.sections, layout.order)
    whole = tuple(
        replace(section, fields=tuple(named(item) for item in section.fields))
        if section.node_id in renamed
        else section
        for section in ordered
    )
    first = form.first if layout.first is None else layout.first
    top = [key for key in dict.fromkeys(first) if key in form.by_key and key not in hidden]
    gone = hidden | set(top)
    parted = {node_id for node_id, _ in gone}  # most sections of a large form stay as they are
    below = [without(section, gone) if section.node_id in parted else section for section in whole]
    return Arranged(
        first=distinguished((named(form.by_key[key]) for key in top), form),
        sections=tuple(section for section in below if section.fields),
        hidden=tuple(named(form.by_key[key]) for key in layout.hidden if key in form.by_key),
        whole=whole,
    )


def without(section: Section, keys: Collection[Key]) -> Section:
    """A section without some of its fields."""
    return replace(section, fields=tuple(item for item in section.fields if item.key not in keys))


def _ordered(sections: tuple[Section, ...], order: tuple[str, ...]) -> Iterator[Section]:
    by_id = {section.node_id: section for section in sections}
    yield from (by_id.pop(node_id) for node_id in order if node_id in by_id)
    yield from by_id.values()
