"""Nodes as the editor has them in an open file: sockets by the server's classes, values restored, links adjusted.

A node in a file is a record of how some server and some editor once saw it. The editor gives it the sockets that
its class has now, and finds each link by the name of the input that it led to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.workflows.catalogue_inputs import InputSpec
from app.workflows.editor.graph import GraphLink, Level
from app.workflows.editor.layout import EditorLayout, Layouts, migrate_values
from app.workflows.editor.values import MISSING, as_area
from app.workflows.editor.widgets import Style, Widget

NEVER, BYPASS = 2, 4
REROUTE, PRIMITIVE = "Reroute", "PrimitiveNode"
# The editor's own nodes: they are never sent.
VIRTUAL = frozenset({REROUTE, PRIMITIVE, "Note", "MarkdownNote"})
# Nodes that popular extensions add to the editor only; no server lists them. A setter passes its input on,
# and so does each getter of its name.
SETTERS = {"GetNode": "SetNode", "easy getNode": "easy setNode"}  # by their getters
# The senders of Use Everywhere (broadcasts.py) do nothing on a server, so that they are not needed there.
FOREIGN = frozenset(
    {*SETTERS, *SETTERS.values(), "mxReroute"}
    | {"Anything Everywhere", "Anything Everywhere?", "Anything Everywhere3", "Prompts Everywhere"}
    | {
        f"{name} (rgthree)"
        for name in (
            "Reroute", "Label", "Bookmark", "Fast Muter", "Fast Bypasser", "Fast Groups Muter", "Fast Groups Bypasser",
            "Fast Actions Button", "Mute / Bypass Relay", "Mute / Bypass Repeater", "Random Unmuter", "Node Collector",
        )
    }
)  # fmt: skip

Place = tuple["LiveNode", int]  # a node, and the number of one of its values


@dataclass(slots=True)
class LiveNode:
    """One opened node.

    `values` belong to `widgets`; those of a subgraph node to its inputs, MISSING where an input has no widget.
    `origins` are the places of values that are stored elsewhere in the file.
    """

    level: Level
    index: int
    node_id: str
    type: str
    mode: int
    title: str
    raw: dict[str, Any]
    layout: EditorLayout | None = None
    graph: LiveGraph | None = None  # of a subgraph node: the graph that it represents
    input_names: list[str] = field(default_factory=list)
    input_types: list[object] = field(default_factory=list)
    input_widgets: list[str | None] = field(default_factory=list)
    output_types: list[object] = field(default_factory=list)
    widgets: Sequence[Widget] = ()
    values: list[object] = field(default_factory=list)
    saved: Sequence[object] = ()  # the file's values, in the order of the widgets
    links: dict[int, GraphLink] = field(default_factory=dict)
    origins: dict[int, Place] = field(default_factory=dict)
    fed_by: dict[int, LiveNode] = field(default_factory=dict)  # the primitives that set values
    suits: Sequence[InputSpec] = ()  # of a primitive: the inputs that its number has to suit
    kept: dict[int, int] = field(default_factory=dict)  # of a subgraph node: where in the file's list a value is

    @property
    def is_active(self) -> bool:
        """Whether it is neither muted nor bypassed."""
        return self.mode not in (NEVER, BYPASS)

    @property
    def is_virtual(self) -> bool:
        """Whether it exists in the editor only."""
        return self.graph is not None or (self.layout is None and (self.type in VIRTUAL or self.type in FOREIGN))

    def widget_at(self, slot: int) -> int | None:
        """The number of the widget behind an input; None if there is none."""
        name = self.input_widgets[slot] if 0 <= slot < len(self.input_widgets) else None
        return None if name is None or self.layout is None else self.layout.widget_of.get(name)

    def place(self, index: int) -> Place:
        """Where one of its values is stored."""
        node, seen = self, 0
        while (origin := node.origins.get(index)) is not None and seen < 100:
            node, index = origin
            seen += 1
        return node, index


@dataclass(slots=True)
class LiveGraph:
    """One opened level; `hosts` are the subgraph nodes that represent it."""

    level: Level
    nodes: dict[str, LiveNode] = field(default_factory=dict)
    links: dict[object, GraphLink] = field(default_factory=dict)
    by_origin: dict[str, list[GraphLink]] = field(default_factory=dict)
    hosts: list[LiveNode] = field(default_factory=list)

    def leaving(self, node_id: str) -> list[GraphLink]:
        """The links from a node's first output, in the order of their ids."""
        found = [link for link in self.by_origin.get(node_id, ()) if link.origin_slot == 0]
        return sorted(found, key=lambda link: link.link_id if isinstance(link.link_id, int | float) else 0)


def open_level(graph: LiveGraph, layouts: Layouts, graphs: dict[str, LiveGraph]) -> None:
    """Open one level; `graphs` are the subgraphs, opened or not."""
    level = graph.level
    arriving: dict[str, dict[int, GraphLink]] = {}
    for link in level.links:
        arriving.setdefault(link.target, {})[link.target_slot] = link
        graph.by_origin.setdefault(link.origin, []).append(link)
        graph.links[link.link_id] = link
    for index, raw in enumerate(level.nodes):
        node = _open_node(level, index, raw, layouts, graphs)
        links = arriving.get(node.node_id)
        if links:
            _attach(node, links, graph)
        graph.nodes[node.node_id] = node


def _open_node(
    level: Level, index: int, raw: dict[str, Any], layouts: Layouts, graphs: dict[str, LiveGraph]
) -> LiveNode:
    class_type, mode, title = raw["type"], raw.get("mode"), raw.get("title")
    node = LiveNode(
        level,
        index,
        level.ids[index],
        class_type,
        mode if isinstance(mode, int) else 0,
        title if isinstance(title, str) else "",
        raw,
    )
    node.graph = graphs.get(class_type)
    if node.graph is not None:
        node.title = node.title or node.graph.level.name
        node.input_names = [port.name for port in node.graph.level.inputs]
        node.input_types = [port.type for port in node.graph.level.inputs]
        node.output_types = [port.type for port in node.graph.level.outputs]
        return node
    _lay_out(node, layouts)
    return node


def _lay_out(node: LiveNode, layouts: Layouts) -> None:
    raw_inputs = [item for item in _list(node.raw.get("inputs")) if isinstance(item, dict)]
    saved = saved_values(node.raw)
    linked = [item["name"] for item in raw_inputs if item.get("link") is not None and isinstance(item.get("name"), str)]
    layout = None if node.type in VIRTUAL else layouts.of(node.type, saved, linked)
    if layout is None:
        node.input_names = [item["name"] if isinstance(item.get("name"), str) else "" for item in raw_inputs]
        node.input_types = [item.get("type") for item in raw_inputs]
        node.input_widgets = [None] * len(raw_inputs)
        outputs = _list(node.raw.get("outputs"))
        node.output_types = [item.get("type") if isinstance(item, dict) else None for item in outputs]
        return
    node.layout = layout
    node.title = node.title or layout.title
    node.input_names, node.input_types = list(layout.input_names), list(layout.input_types)
    node.input_widgets, node.widgets = list(layout.input_widgets), layout.widgets
    node.output_types = list(layout.output_types)
    outputs = _list(node.raw.get("outputs"))
    if len(outputs) > len(node.output_types):
        node.output_types += [
            item.get("type") if isinstance(item, dict) else None for item in outputs[len(node.output_types) :]
        ]
    for item in raw_inputs:
        name = item.get("name")
        if isinstance(name, str) and name not in layout.slots and not name.startswith(layout.leftovers):
            widget = item.get("widget")
            widget_name = widget.get("name") if isinstance(widget, dict) else None
            node.input_names.append(name)
            node.input_types.append(item.get("type"))
            node.input_widgets.append(widget_name if isinstance(widget_name, str) else None)
    node.saved = migrate_values(saved, layout)
    node.values = _restored(layout, node.saved, node.raw)


def saved_values(raw: dict[str, Any]) -> Sequence[object]:
    """The values of a node in the file, as a list; those of a dict in its order."""
    given = raw.get("widgets_values")
    if isinstance(given, list):
        return given
    return list(given.values()) if isinstance(given, dict) else ()


def _restored(layout: EditorLayout, saved: Sequence[object], raw: dict[str, Any]) -> list[object]:
    named = raw.get("widgets_values")
    if isinstance(named, dict):
        return _by_name(layout, saved, named)
    if len(saved) == len(layout.widgets) == len(layout.saved):
        values = list(saved)
    else:
        values = [widget.default for widget in layout.widgets]
        for index, value in zip(layout.saved, saved, strict=False):
            values[index] = value
    for index in layout.converted:
        values[index] = converted(layout.widgets[index], values[index])
    return values


def _by_name(layout: EditorLayout, saved: Sequence[object], named: dict[str, object]) -> list[object]:
    """Values saved under their names, as some classes' own scripts do."""
    values = [widget.default for widget in layout.widgets]
    if not any(widget.name in named for widget in layout.widgets):
        if len(saved) == len(layout.saved):
            for index, value in zip(layout.saved, saved, strict=True):
                values[index] = value
        return values
    for index, widget in enumerate(layout.widgets):
        if widget.is_saved and widget.name in named:
            values[index] = converted(widget, named[widget.name])
    return values


def converted(widget: Widget, value: object) -> object:
    """The value that a widget makes of a saved one."""
    if widget.style is Style.AREA:
        return value if isinstance(value, str) or value is MISSING else as_area(value)
    if value is None or value is MISSING:
        return widget.options[0] if widget.options else value
    if widget.name == "sampler_name" and isinstance(value, str) and value.startswith("sample_"):
        return value[len("sample_") :]
    return value


def _attach(node: LiveNode, arriving: dict[int, GraphLink], graph: LiveGraph) -> None:
    """Attach each link to the input of the name that it led to, wherever that is now."""
    named: dict[object, list[str]] = {}
    for item in _list(node.raw.get("inputs")):
        link_id = item.get("link") if isinstance(item, dict) else None
        if link_id is not None and isinstance(item.get("name"), str) and isinstance(link_id, int | float | str):
            named.setdefault(link_id, []).append(item["name"])
    moves: dict[int, int] = {}
    lost: set[int] = set()
    gone: list[int] = []  # with the sockets of a choice that is not taken
    for slot, link in arriving.items():
        names = named.get(link.link_id)
        if names is None or (0 <= slot < len(node.input_names) and node.input_names[slot] in names):
            continue
        found = next((at for at, name in enumerate(node.input_names) if name in names), None)
        if found is None and node.layout is not None and names[0].startswith(node.layout.leftovers):
            gone.append(slot)
        elif found is None:
            lost.add(slot)
        else:
            moves[slot] = found
    count = len(arriving)
    for slot in gone:
        del arriving[slot]
    if moves:
        arriving = _moved(arriving, moves, lost)
    node.links = dict(arriving)
    _drop_dead_sockets(node)
    if moves or len(node.links) != count:
        _renumber(node, graph)


def _moved(arriving: dict[int, GraphLink], moves: dict[int, int], lost: set[int]) -> dict[int, GraphLink]:
    """The links by their new slots; one whose new slot is taken by a link that stays does not move."""
    while True:
        taken = {slot for slot in arriving if slot not in moves and not (slot in lost and slot in moves.values())}
        blocked = [slot for slot, goal in moves.items() if goal in taken]
        if not blocked:
            break
        for slot in blocked:
            del moves[slot]
        if not moves:
            return arriving
    gone = {slot for slot in lost if slot in moves.values()}
    kept = {slot: link for slot, link in arriving.items() if slot not in moves and slot not in gone}
    for slot, goal in moves.items():
        kept.setdefault(goal, arriving[slot])
    return kept


def _drop_dead_sockets(node: LiveNode) -> None:
    """Remove sockets whose widget the class no longer has. The editor skips the next one each time, and so do we."""
    if node.layout is None or len(node.input_names) == len(node.layout.input_names):
        return
    slot = len(node.layout.input_names)
    while slot < len(node.input_names):
        name = node.input_widgets[slot]
        if name is not None and name not in node.layout.widget_of:
            for row in (node.input_names, node.input_types, node.input_widgets):
                del row[slot]
            node.links = {at - (at > slot): link for at, link in node.links.items() if at != slot}
        slot += 1


def _renumber(node: LiveNode, graph: LiveGraph) -> None:
    """Update the graph's links with their new slots."""
    new = {link.link_id: link._replace(target_slot=slot) for slot, link in node.links.items()}
    node.links = {slot: new[link.link_id] for slot, link in node.links.items()}
    arrived = [link_id for link_id, link in graph.links.items() if link.target == node.node_id]
    for link_id in arrived:
        old = graph.links[link_id]
        leaving = graph.by_origin[old.origin]
        at = next(index for index, link in enumerate(leaving) if link.link_id == link_id)
        if link_id in new:
            graph.links[link_id] = leaving[at] = new[link_id]
        else:
            del graph.links[link_id], leaving[at]


def _list(given: object) -> list[Any]:
    return given if isinstance(given, list) else []


def virtual_nodes(graph: LiveGraph, kind: str) -> Iterator[LiveNode]:
    """The editor's own nodes of one kind in a level."""
    return (node for node in graph.nodes.values() if node.type == kind and node.layout is None)
