"""A prompt: the nodes by id, each with a class and inputs, which are values or links to other nodes."""

from __future__ import annotations

from typing import Any

Prompt = dict[str, Any]


def is_link(value: Any) -> bool:
    """Whether an input's value is a link `[node_id, slot]`."""
    return (
        isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], (int, float))
    )
