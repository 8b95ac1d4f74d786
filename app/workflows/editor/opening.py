"""A whole file opened as in the editor: subgraphs from the inside out, their widgets shown, primitives applied.

An input of a subgraph that leads to a widget inside shows that widget on every node that represents the subgraph,
with a value of that node's own: initially the one inside. Older files have instead a list of such widgets
(`properties.proxyWidgets`), which the editor converts to inputs of the subgraph when it opens them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.workflows.editor.graph import EditorFile
from app.workflows.editor.layout import Layouts
from app.workflows.editor.nodes import LiveGraph, LiveNode, Place, open_level
from app.workflows.editor.primitives import feed_primitives
from app.workflows.editor.promotions import apply_proxies, set_host_values, source_of
from app.workflows.editor.values import MISSING
from app.workflows.editor.widgets import Widget


@dataclass(slots=True)
class Opened:
    """The root, and the subgraphs by their ids."""

    root: LiveGraph
    graphs: Mapping[str, LiveGraph] = field(default_factory=dict)


def open_file(file: EditorFile, layouts: Layouts) -> Opened:
    """Open all levels of a file."""
    graphs = {key: LiveGraph(level) for key, level in file.definitions.items()}
    root = LiveGraph(file.root)
    for graph in (*(graphs[key] for key in _inside_out(file)), root):
        open_level(graph, layouts, graphs)
        _connect(graph, file)
    for graph in (*graphs.values(), root):
        _fill_empty_choices(graph)
        feed_primitives(graph)
    return Opened(root, graphs)


def _connect(graph: LiveGraph, file: EditorFile) -> None:
    """Show widgets: on nodes that were opened before the graph that they represent, and on this level's own."""
    for host in graph.hosts:
        _show(host, graph)
    hosts = [(node, node.graph) for node in graph.nodes.values() if node.graph is not None]
    for host, inner in hosts:
        inner.hosts.append(host)
        host.input_widgets = [None] * len(host.input_names)
        host.values = [MISSING] * len(host.input_names)
        _show(host, inner)
        set_host_values(host)
    for host, _ in hosts:
        apply_proxies(host, file.definitions[host.type].renumbered)


def _show(host: LiveNode, graph: LiveGraph) -> None:
    """Show the widgets inside on a node that represents the subgraph."""
    for slot, port in enumerate(graph.level.inputs):
        source = source_of(graph, port)
        if source is not None:
            node, index = source
            host.input_widgets[slot] = port.name
            host.values[slot] = node.values[index]
            host.origins[slot] = source


def _inside_out(file: EditorFile) -> list[str]:
    """The definitions, each after those that it needs, if the editor manages to sort them.

    It counts a definition that is used twice in another one as two needs, but removes only one. Then it opens them
    in the file's order, and a node that represents one that is not open yet loses the values that it has in the file.
    """
    needs = dict.fromkeys(file.definitions, 0)
    dependents: dict[str, dict[str, None]] = {key: {} for key in file.definitions}
    for key, level in file.definitions.items():
        for node in level.nodes:
            if node["type"] in dependents:
                dependents[node["type"]][key] = None
                needs[key] += 1
    order = [key for key, count in needs.items() if not count]
    for key in order:  # grows in the loop
        for other in dependents[key]:
            needs[other] -= 1
            if not needs[other]:
                order.append(other)
    return order if len(order) == len(file.definitions) else list(file.definitions)


def innermost(place: Place) -> Place | None:
    """The widget that shows a value: at the place itself, or inside if the node represents a subgraph."""
    node, index = place
    for _ in range(100):
        if node.graph is None:
            return (node, index) if 0 <= index < len(node.widgets) else None
        source = source_of(node.graph, node.graph.level.inputs[index])
        if source is None:
            return None
        node, index = source
    return None


def widget_of(place: Place) -> Widget | None:
    """The widget of a value."""
    found = innermost(place)
    return None if found is None else found[0].widgets[found[1]]


def control_of(place: Place) -> Place | None:
    """The widget with the mode that changes a value after each run."""
    found = innermost(place)
    if found is None:
        return None
    node, index = found
    is_controlled = index + 1 < len(node.widgets) and node.widgets[index + 1].controls
    return (node, index + 1) if is_controlled else None


def _fill_empty_choices(graph: LiveGraph) -> None:
    for host in graph.nodes.values():
        if host.graph is None:
            continue
        for slot, value in enumerate(host.values):
            if value is None and host.input_widgets[slot] is not None:
                widget = widget_of((host, slot))
                if widget is not None and widget.options:
                    host.values[slot] = widget.options[0]
