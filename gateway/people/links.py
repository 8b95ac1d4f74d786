"""Links between the nodes of a prompt, recognized exactly as ComfyUI recognizes them."""

from __future__ import annotations

from typing import NamedTuple


class LinkedOutput(NamedTuple):
    """The output of another node that an input takes its value from."""

    node_id: str
    slot: float


def read_link(value: object) -> LinkedOutput | None:
    """Return the link that ComfyUI reads in an input's value, or None for a plain value.

    A link is a list of a text and a number, and `false` is a number to Python. ComfyUI takes a value out of
    `{"__value__": …}` when it validates a prompt, and looks for links a second time when it runs it.
    """
    if isinstance(value, dict):
        value = value.get("__value__")
    match value:
        case [str(node_id), int() | float() as slot]:
            return LinkedOutput(node_id, slot)
        case _:
            return None
