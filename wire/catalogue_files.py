"""Putting a server's lists of uploaded files back into its catalogue.

The gateway publishes them apart, since every upload changes those lists and nothing else:

    with_files({"LoadImage": {…}}, {"LoadImage": {"image": ["a.png", "b.png"]}})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_files(nodes: Mapping[str, Any], files: Mapping[str, Any]) -> dict[str, Any]:
    """The classes of `/object_info` as the server sent them; lists for missing inputs are ignored."""
    return {name: _node(node, files.get(name)) for name, node in nodes.items()}


def _node(node: Any, lists: Any) -> Any:
    groups = node.get("input") if isinstance(node, dict) else None
    if not isinstance(groups, dict) or not isinstance(lists, dict):
        return node
    return {**node, "input": {group: _group(inputs, lists) for group, inputs in groups.items()}}


def _group(inputs: Any, lists: Mapping[str, Any]) -> Any:
    if not isinstance(inputs, dict):
        return inputs
    return {name: _input(spec, lists[name]) if name in lists else spec for name, spec in inputs.items()}


def _input(spec: Any, names: Any) -> Any:
    """An input's spec with its list of files, in either format of a choice."""
    match spec:
        case [list(), *rest]:
            return [names, *rest]
        case [kind, dict(options), *rest]:
            return [kind, {**options, "options": names}, *rest]
        case _:
            return spec
