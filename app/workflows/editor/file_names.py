"""Names of files in API format, with their patterns filled in as the editor does it when it sends them.

name_changes(workflow, now)     # {("9", "filename_prefix"): "2026-11-29/boat"}
"""

from __future__ import annotations

from app.core.workflow import ApiWorkflow
from app.workflows.editor.texts import Moment, fill_patterns
from app.workflows.editor.values import as_text
from app.workflows.editor.widgets import SAVE_CLASSES
from app.workflows.graph import Graph, Key, open_graph

INPUT = "filename_prefix"


def name_changes(workflow: ApiWorkflow, now: Moment) -> dict[Key, object]:
    """Return the file names that have patterns, filled in. `%KSampler.seed%` is a value of a node."""
    if "%" not in workflow.text:
        return {}
    graph = open_graph(workflow)
    found: dict[Key, object] = {}
    for node in graph.values():
        text = node.values.get(INPUT)
        if node.class_type in SAVE_CLASSES and isinstance(text, str):
            filled = fill_patterns(text, now, lambda name, value: _value(graph, name, value))
            if filled != text:
                found[node.node_id, INPUT] = filled
    return found


def _value(graph: Graph, name: str, input_name: str) -> str | None:
    """The value of the first node of that class, or of that title. A node that saves has no name in the editor."""
    named = [node for node in graph.values() if node.class_type == name and name not in SAVE_CLASSES]
    named = named or [node for node in graph.values() if node.title == name]
    if not named or input_name not in named[0].values:
        return None
    value = named[0].values[input_name]
    return "" if value is None else as_text(value)
