"""The input that keeps users apart in the cache of a ComfyUI server, which is shared by all who use it.

ComfyUI ignores an input that a node's class does not have, but the node's key in the cache contains it. So an output
node that has its user's mark here is never answered with the file of another user, while everything above it
(models, samples) stays shared. Pictures contain the prompt with the mark, so a reader of workflows leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

OWN_CACHE = "mooring"


def keep_apart(prompt: Mapping[str, Any], is_output: Callable[[str], bool], mark: str) -> dict[str, Any]:
    """Return a prompt with this mark in its output nodes."""
    return {
        node_id: {**node, "inputs": {**node["inputs"], OWN_CACHE: mark}} if _is_output_node(node, is_output) else node
        for node_id, node in prompt.items()
    }


def has_marks(prompt: Mapping[str, Any]) -> bool:
    """Return whether a node has a mark."""
    return any(OWN_CACHE in _inputs(node) for node in prompt.values())


def without_marks(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return a prompt as its user wrote it."""
    return {
        node_id: {**node, "inputs": {name: value for name, value in node["inputs"].items() if name != OWN_CACHE}}
        if OWN_CACHE in _inputs(node)
        else node
        for node_id, node in prompt.items()
    }


def _is_output_node(node: object, is_output: Callable[[str], bool]) -> bool:
    match node:
        case {"class_type": str(class_type), "inputs": dict()}:
            return is_output(class_type)
    return False


def _inputs(node: object) -> Mapping[str, Any]:
    match node:
        case {"inputs": dict(inputs)}:
            return inputs
    return {}
