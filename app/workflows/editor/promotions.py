"""Widgets shown outside their subgraph: what each leads to, and their description in older files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from app.workflows.editor.graph import INPUT_NODE, GraphLink, Port
from app.workflows.editor.nodes import PRIMITIVE, LiveGraph, LiveNode, Place
from app.workflows.editor.values import as_id

_PREFIX = re.compile(r"\s*(\d+)\s*:\s*(.+)", re.DOTALL)


def source_of(graph: LiveGraph, port: Port) -> Place | None:
    """The first widget that an input of a subgraph leads to: of a node inside, or one shown by a subgraph inside."""
    for link_id in port.link_ids:
        link = graph.links.get(link_id)
        node = graph.nodes.get(link.target) if link else None
        if link is None or node is None:
            continue
        if node.graph is not None:
            if 0 <= link.target_slot < len(node.input_widgets) and node.input_widgets[link.target_slot] is not None:
                return node, link.target_slot
            continue
        index = node.widget_at(link.target_slot)
        if index is not None:
            return node, index
    return None


def set_host_values(host: LiveNode) -> None:
    """Put the file's values into a subgraph node's widgets: in order, or as an earlier opening kept them aside."""
    given = host.raw.get("widgets_values")
    values = given if isinstance(given, list) else ()
    aside = _kept_aside(host)
    position = 0
    for slot, name in enumerate(host.input_widgets):
        if name is None:
            continue
        if host.input_names[slot] in aside:
            host.values[slot] = aside[host.input_names[slot]]
            host.origins.pop(slot, None)
        elif position < len(values):
            host.values[slot] = values[position]
            host.origins.pop(slot, None)
            host.kept[slot] = position
        position += 1


def _kept_aside(host: LiveNode) -> dict[str, object]:
    properties = host.raw.get("properties")
    given = _array(properties.get("proxyWidgetErrorQuarantine")) if isinstance(properties, dict) else ()
    found: dict[str, object] = {}
    for item in reversed(given):
        entry = item.get("originalEntry") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not _is_entry(entry) or not isinstance(entry, list):
            return {}
        if entry[0] == "-1" and "hostValue" in item:
            found[entry[1]] = item["hostValue"]
    return found


def _array(given: object) -> Sequence[object]:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return ()
    return given if isinstance(given, list) else ()


def _is_entry(entry: object) -> bool:
    return isinstance(entry, list) and len(entry) in (2, 3) and all(isinstance(part, str) for part in entry)


def apply_proxies(host: LiveNode, renumbered: Mapping[str, str]) -> None:
    """Make inputs of the shown widgets that older files list, with the values that the node has for them."""
    properties = host.raw.get("properties")
    entries = _array(properties.get("proxyWidgets")) if isinstance(properties, dict) else ()
    if not entries or not all(_is_entry(entry) for entry in entries) or host.graph is None:
        return
    given = host.raw.get("widgets_values")
    values = given if isinstance(given, list) else ()
    proxies = _Proxies(host, host.graph)
    for index, entry in enumerate(entries):
        assert isinstance(entry, list)
        source_id, name = renumbered.get(entry[0], entry[0]), entry[1]
        found = proxies.normal(source_id, name, entry[2] if len(entry) == 3 else None)
        proxies.plan(source_id, *found, index if index < len(values) else None)
    proxies.carry_out(values)


@dataclass(frozen=True, slots=True)
class _Step:
    """The step for one entry: put its value into the input of that name, or show a widget of a node inside first."""

    name: str
    value_at: int | None
    node: LiveNode | None = None
    inner: str | None = None


class _Proxies:
    """The listed widgets of one subgraph node: all are checked before any is changed, as the editor does."""

    def __init__(self, host: LiveNode, graph: LiveGraph) -> None:
        self.host = host
        self.graph = graph
        self.steps: list[_Step] = []
        self.primitives: dict[str, tuple[LiveNode, str, list[int | None]]] = {}

    def normal(self, source_id: str, name: str, inner: str | None) -> tuple[str, str | None]:
        """The widget's own name, without the ids that an older editor put before it."""
        if self._leads_to_widget(source_id, name):
            return name, inner
        while (found := _PREFIX.fullmatch(name)) is not None:
            inner, name = found[1], found[2]
        return name, inner

    def plan(self, source_id: str, name: str, inner: str | None, value_at: int | None) -> None:
        """Decide the step for one entry."""
        shown = self._shown_by(source_id, name)
        if shown is not None:
            self.steps.append(_Step(self.host.input_names[shown], value_at))
            return
        node = self.graph.nodes.get(source_id)
        if node is None:
            if source_id == "-1":
                self.steps.append(_Step(name, value_at))
            return
        if node.type == PRIMITIVE and node.layout is None:
            properties = node.raw.get("properties")
            done = properties.get("proxyBypassedToSubgraphInput") if isinstance(properties, dict) else None
            if isinstance(done, str) and done in self.host.input_names:
                self.steps.append(_Step(done, value_at))
                return
            self.primitives.setdefault(source_id, (node, name, []))[2].append(value_at)
            return
        if not name.startswith("$$"):
            self.steps.append(_Step(name, value_at, node, inner))

    def carry_out(self, values: Sequence[object]) -> None:
        """Change the subgraph, and put the values in."""
        for step in self.steps:
            if step.node is None:
                if self.host.input_names.count(step.name) == 1:
                    self._put(self.host.input_names.index(step.name), step.value_at, values)
                continue
            source = self._source(step.node, step.name, step.inner)
            slot = None if source is None else self._slot_of(step.node, source)
            if slot is not None:
                self._put(self._show(step.name, [(step.node, slot)]), step.value_at, values)
        for node, name, value_places in self.primitives.values():
            self._take_over(node, name, value_places, values)

    def _put(self, slot: int, value_at: int | None, values: Sequence[object]) -> None:
        if value_at is None or self.host.input_widgets[slot] is None:
            return
        self.host.values[slot] = values[value_at]
        self.host.origins.pop(slot, None)
        self.host.kept[slot] = value_at

    def _take_over(
        self, primitive: LiveNode, name: str, value_places: list[int | None], values: Sequence[object]
    ) -> None:
        """Let an input of the subgraph replace a primitive inside."""
        targets: list[tuple[LiveNode, int]] = []
        for link in self.graph.leaving(primitive.node_id):
            node = self.graph.nodes.get(link.target)
            if node is None or not 0 <= link.target_slot < len(node.input_names):
                return
            targets.append((node, link.target_slot))
        if not targets:
            return
        title = primitive.title if primitive.title not in ("", PRIMITIVE) else ""
        slot = self._show(title or name, targets)
        self.graph.level.inputs[slot].primitive = as_id(primitive.raw.get("id"))
        self._put(slot, next((place for place in value_places if place is not None), None), values)

    def _show(self, name: str, targets: list[tuple[LiveNode, int]]) -> int:
        """Add an input to the subgraph that leads to these targets; return its slot."""
        level = self.graph.level
        taken, unique = {port.name for port in level.inputs}, name
        for number in count(1):
            if unique not in taken:
                break
            unique = f"{name}_{number}"
        kind = str(targets[0][0].input_types[targets[0][1]] or "*")
        port, slot = Port(unique, kind, []), len(level.inputs)
        level.inputs.append(port)
        for node, at in targets:
            link = GraphLink(f"shown {level.key} {slot} {len(port.link_ids)}", INPUT_NODE, slot, node.node_id, at)
            old = node.links.get(at)
            if old is not None:
                self.graph.links.pop(old.link_id, None)
                self.graph.by_origin[old.origin] = [
                    other for other in self.graph.by_origin[old.origin] if other.link_id != old.link_id
                ]
            node.links[at] = self.graph.links[link.link_id] = link
            self.graph.by_origin.setdefault(INPUT_NODE, []).append(link)
            port.link_ids.append(link.link_id)
        source = source_of(self.graph, port)
        for host in self.graph.hosts:
            host.input_names.append(unique)
            host.input_types.append(kind)
            host.input_widgets.append(None if source is None else unique)
            host.values.append(None if source is None else source[0].values[source[1]])
            if source is not None:
                host.origins[slot] = source
        return slot

    def _shown_by(self, source_id: str, name: str) -> int | None:
        """The input that shows this widget already."""
        for slot, port in enumerate(self.graph.level.inputs):
            if _target(self.graph, port) == (source_id, name):
                return slot
        return None

    def _leads_to_widget(self, source_id: str, name: str) -> bool:
        graph, node_id, wanted = self.graph, source_id, name
        for _ in range(100):
            node = graph.nodes.get(node_id)
            if node is None:
                return False
            if node.graph is None:
                return node.layout is not None and wanted in node.layout.widget_of
            port = next((port for port in node.graph.level.inputs if port.name == wanted), None)
            target = None if port is None else _target(node.graph, port)
            if target is None:
                return False
            graph = node.graph
            node_id, wanted = target
        return False

    def _source(self, node: LiveNode, name: str, inner: str | None) -> int | None:
        """The widget's number on its node (of a subgraph node: the slot)."""
        if node.graph is None:
            return None if node.layout is None else node.layout.widget_of.get(name)
        for slot, port in enumerate(node.graph.level.inputs):
            target = _target(node.graph, port)
            if (
                target == (inner, name)
                if inner is not None
                else port.name == name or (target is not None and target[1] == name)
            ):
                return slot if node.input_widgets[slot] is not None else None
        return None

    @staticmethod
    def _slot_of(node: LiveNode, source: int) -> int | None:
        if node.graph is not None:
            return source
        name = node.widgets[source].name
        return next((slot for slot, own in enumerate(node.input_widgets) if own == name), None)


def _target(graph: LiveGraph, port: Port) -> tuple[str, str] | None:
    """The first target of an input of a subgraph: a node's id and the name of its widget (or of its own input)."""
    for link_id in port.link_ids:
        link = graph.links.get(link_id)
        node = graph.nodes.get(link.target) if link else None
        if link is None or node is None or not 0 <= link.target_slot < len(node.input_names):
            continue
        if node.graph is not None:
            return node.node_id, node.input_names[link.target_slot]
        index = node.widget_at(link.target_slot)
        if index is not None:
            return node.node_id, node.widgets[index].name
    return None
