"""Hints for a form in the editor's own file, besides the graph that is sent.

hints = hints_of(conversion)
form = build_form(conversion.workflow, catalogue, hints)
Sender(converter, conversion).prepare(form.values(texts), …)      # what to send, and the file to send along
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.workflows.editor.app_mode import Named, app_inputs
from app.workflows.editor.conversion import Conversion, control_word, file_place
from app.workflows.editor.graph import label_in
from app.workflows.editor.nodes import REROUTE, LiveGraph, LiveNode, Place
from app.workflows.editor.values import as_id
from app.workflows.forms.form import Hints, NodeHint
from app.workflows.forms.kinds import SeedMode
from app.workflows.forms.labels import label_by_author
from app.workflows.graph import Key

_COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE | re.ASCII)
_MODES = {mode.value: mode for mode in SeedMode}
_LONGEST = 200  # characters of a group's title
_MOST_REROUTES = 100

Area = tuple[float, float, float, float]  # left, top, right, bottom


def hints_of(conversion: Conversion) -> Hints:
    """Values as the editor shows them, which of them are shared, modes of seeds, and how the author shows them."""
    leaders: dict[tuple[str, str, int], Key] = {}
    shared: dict[Key, Key] = {}
    named: dict[Named, Key] = {}
    hosted: dict[Key, Place] = {}
    chosen = tuple(dict.fromkeys(app_inputs(conversion.source)))
    opened = conversion.opened
    is_plain = not (chosen or opened.graphs or any(node.origins for node in opened.root.nodes.values()))
    for key, place, inside in () if is_plain else conversion.shown():
        leader = leaders.setdefault(file_place(place), key)
        if leader != key:
            shared[key] = leader
            continue
        if chosen:
            for name in _names(place, inside):
                named.setdefault(name, key)
        if place[0].graph is not None:
            hosted[key] = place
    return Hints(
        nodes=_Nodes(conversion.source),
        seeds=_Modes(conversion),
        values=_Values(conversion),
        shared=shared,
        chosen=tuple(dict.fromkeys(named[name] for name in chosen if name in named)),
        promoted=_promoted(hosted),
        labels=_Labels(conversion),
        titles={key: node.title for key, (node, _slot) in hosted.items()},
        leads=dict(_leads(opened.root)),
    )


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of inputs as the editor shows them."""

    conversion: Conversion

    def get(self, key: Key, default: object, /) -> object:
        if (found := self.conversion.shown_at(key)) is None:
            return default
        (node, index), _inside = found
        return node.values[index]


@dataclass(frozen=True, slots=True)
class _Modes:
    """How each seed changes after a run."""

    conversion: Conversion

    def get(self, key: Key, default: SeedMode, /) -> SeedMode:
        found = self.conversion.shown_at(key)
        return default if found is None else _MODES.get(control_word(found[1]), default)


class _Labels:
    """The author's label of each input that has one."""

    def __init__(self, conversion: Conversion) -> None:
        self._conversion = conversion
        self._node: LiveNode | None = None  # the last one that was asked for
        self._given: Mapping[str, str] = {}  # the labels on it

    def get(self, key: Key, default: str, /) -> str:
        if (found := self._conversion.shown_at(key)) is None:
            return default
        place, (node, index) = found
        if node is not self._node:
            self._node, self._given = node, _widget_labels(node)
        widget = node.widgets[index].name
        if place[0] is node and not self._given and widget == key[1]:  # as nearly all are
            return default
        return _own_label(place, widget, key, self._given) or default


class _Nodes:
    """Colours and groups of the top level's nodes; those inside a subgraph have no colour and position there."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self._source = source

    def get(self, node_id: str, default: NodeHint, /) -> NodeHint:
        raw = self._raw.get(node_id)
        if raw is None:
            return default
        colour = raw.get("bgcolor") or raw.get("color")
        known = colour if isinstance(colour, str) and _COLOUR.fullmatch(colour) else ""
        return NodeHint(colour=known, group=_group(raw.get("pos"), self._groups))

    @cached_property
    def _raw(self) -> dict[str, Mapping[str, Any]]:
        return {str(raw.get("id")): raw for raw in _items(self._source.get("nodes"))}

    @cached_property
    def _groups(self) -> list[tuple[str, Area]]:
        """The smallest first."""
        return sorted(_groups(self._source), key=_size)


def _names(place: Place, inside: Place) -> Iterator[Named]:
    """All names of one value: on a subgraph node, inside of it, and on the primitive node that has or had it."""
    widget = inside[0].widgets[inside[1]].name
    for node, index in (place, inside):
        yield as_id(node.raw.get("id")), widget if node.graph is None else node.input_names[index]
        primitive = node.fed_by.get(index)
        if node_id := as_id(primitive.raw.get("id")) if primitive is not None else _replaced_primitive(node, index):
            yield from ((node_id, "value"), (node_id, widget))


def _replaced_primitive(host: LiveNode, slot: int) -> str:
    """The id of the primitive that an input of a subgraph node has replaced; empty if there is none."""
    return "" if host.graph is None else host.graph.level.inputs[slot].primitive


def _promoted(hosted: Mapping[Key, Place]) -> tuple[Key, ...]:
    """The widgets that the root's subgraph nodes show: by the order of these nodes, then as on the node."""

    def place(key: Key) -> tuple[float, int, int]:
        node, slot = hosted[key]
        order = node.raw.get("order")
        return order if isinstance(order, int | float) else 0, node.index, slot

    return tuple(sorted((key for key, (node, _) in hosted.items() if not node.level.key), key=place))


def _own_label(place: Place, widget: str, key: Key, given: Mapping[str, str]) -> str:
    """The author's label of a widget, on the subgraph node that shows it or on its own; empty if that is its name.

    `given` are the labels on its own node.
    """
    label = _socket_label(*place)
    if not label or re.fullmatch(rf"{re.escape(widget)}(_\d+)?", label):  # the editor numbers those of one name
        label = given.get(widget) or widget
    label = label_by_author(label)
    return "" if label == label_by_author(key[1]) else label


def _widget_labels(node: LiveNode) -> dict[str, str]:
    """The author's labels of widgets on their own node; the first counts."""
    found: dict[str, str] = {}
    for item in _items(node.raw.get("inputs")):
        label, shown = item.get("label"), item.get("widget")
        if isinstance(label, str) and isinstance(shown, dict) and isinstance(name := shown.get("name"), str):
            is_own = label not in {item.get("name"), item.get("localized_name")}
            found.setdefault(name, label.strip() if is_own else "")
    return found


def _socket_label(host: LiveNode, slot: int) -> str:
    """What the author calls an input of a subgraph node, there or at the edge of the subgraph, else its name."""
    if host.graph is None or not 0 <= slot < len(host.input_names):
        return ""
    name = host.input_names[slot]
    items = (item for item in _items(host.raw.get("inputs")) if item.get("name") == name)
    given = next((label for item in items if (label := label_in(item))), "")
    inputs = host.graph.level.inputs
    return given or (inputs[slot].label if slot < len(inputs) else "") or name


def _items(given: object) -> Iterator[Mapping[str, Any]]:
    return (item for item in given if isinstance(item, dict)) if isinstance(given, list) else iter(())


def _leads(root: LiveGraph) -> Iterator[tuple[str, str]]:
    """For each node of the root, what the author calls the subgraph's input to which its first output leads."""
    has_hosts = any(node.graph is not None for node in root.nodes.values())
    for node_id in root.nodes if has_hosts else ():
        labels = (label_by_author(_socket_label(host, slot)) for host, slot in _targets(root, node_id, 0))
        if label := next((label for label in labels if label), ""):
            yield node_id, label


def _targets(graph: LiveGraph, node_id: str, depth: int) -> Iterator[Place]:
    for link in graph.leaving(node_id):
        node = graph.nodes.get(link.target)
        if node is None:
            continue
        if node.type == REROUTE and node.layout is None:
            if depth < _MOST_REROUTES:
                yield from _targets(graph, node.node_id, depth + 1)
        else:
            yield node, link.target_slot


def _groups(source: Mapping[str, Any]) -> Iterator[tuple[str, Area]]:
    """The title and the edges of each group."""
    groups = source.get("groups")
    for raw in groups if isinstance(groups, list) else ():
        title = raw.get("title") if isinstance(raw, Mapping) else None
        bounds = raw.get("bounding") if isinstance(raw, Mapping) else None
        match bounds:
            case [int() | float() as x, int() | float() as y, int() | float() as w, int() | float() as h]:
                if isinstance(title, str):
                    yield title[:_LONGEST], (x, y, x + w, y + h)


def _size(group: tuple[str, Area]) -> tuple[float, str]:
    title, (left, top, right, bottom) = group
    return (right - left) * (bottom - top), title


def _group(place: object, groups: list[tuple[str, Area]]) -> str:
    """The first of these groups around a node: groups may be nested, and the smallest is the first."""
    match place:
        case [int() | float() as x, int() | float() as y, *_]:
            pass
        case {"0": int() | float() as x, "1": int() | float() as y}:  # as very old files have it
            pass
        case _:
            return ""
    for title, (left, top, right, bottom) in groups:
        if left <= x <= right and top <= y <= bottom:
            return title
    return ""
