"""Inputs and outputs that an author has chosen for the editor's app mode: `extra.linearData` of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.workflows.editor.values import as_id

_IN_GRAPH = re.compile(r"([^:]+):([^:]+):(.+)", re.DOTALL)  # a widget's id in newer files: graph, node, name

Named = tuple[str, str]  # a widget: the id of its node in the file, and its name


def app_inputs(source: Mapping[str, Any]) -> Iterator[Named]:
    """Yield the chosen inputs, in order.

    Nodes inside subgraphs are named by their id alone, or after the id of their graph. Ids are unique in a file.
    """
    for item in _chosen(source, "inputs"):
        match item:
            case [str() | int() as node_id, str(name), *_]:
                found = _IN_GRAPH.fullmatch(node_id) if isinstance(node_id, str) else None
                yield (as_id(node_id), name) if found is None else (found[2], found[3])


def app_outputs(source: Mapping[str, Any]) -> Iterator[str]:
    """Return the ids of the chosen output nodes, in order, as a history has them."""
    return (as_id(item) for item in _chosen(source, "outputs") if isinstance(item, str | int))


def _chosen(source: Mapping[str, Any], name: str) -> list[Any]:
    match source.get("extra"):
        case {"linearData": {**chosen}} if isinstance(found := chosen.get(name), list):
            return found
    return []
