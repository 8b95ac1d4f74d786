"""A guess at what matters most in a workflow: text, picture, seed, size, steps, by kind, name and place in the graph.

A field's role comes from what it is; which of two texts is the negative one comes from where it leads: up from every
input called `negative`, and only where the way from `positive` does not lead too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from enum import IntEnum

from app.workflows.fields import Choice, Decimal, Field, Seed, Switch, Text, Unknown, Upload, Whole
from app.workflows.graph import Graph, GraphNode, Key

FIRST = 12  # fields at the top of a form


class Role(IntEnum):
    """What a field is for, in the order in which people look for it."""

    PROMPT = 1
    TEXT = 2
    FILE = 3
    NEGATIVE = 4
    SEED = 5
    SIZE = 6
    STEPS = 7
    MODEL = 8
    OTHER = 9


# How many of a role may come before any of the next: a graph of ten samplers has more than steps.
SHARES = {
    Role.PROMPT: 2, Role.TEXT: 1, Role.FILE: 3, Role.NEGATIVE: 1, Role.SEED: 1, Role.SIZE: 3, Role.STEPS: 3,
    Role.MODEL: 2, Role.OTHER: 0,
}  # fmt: skip
SIZES = frozenset(
    {
        "width", "height", "batch_size", "length", "frames", "num_frames", "frame_count", "duration", "seconds", "fps",
        "resolution", "aspect_ratio", "megapixels", "scale_by", "upscale_by",
    }
)  # fmt: skip
STEPS = frozenset({"steps", "cfg", "guidance", "denoise", "strength", "strength_model"})
MODELS = frozenset({"ckpt_name", "unet_name", "lora_name", "sampler_name"})
_NEGATIVE = re.compile(r"negativ|\bneg\b|负|反向|反面", re.IGNORECASE)
_TEXTS = frozenset({"text", "prompt", "caption"})


def guess_first(graph: Graph, fields: Mapping[Key, Field]) -> tuple[Key, ...]:
    """The keys of the fields for the top, in order. A form that fits there as a whole is there as a whole."""
    usable = [item for item in fields.values() if _is_usable(item)]
    positive, negative = _above(graph, "positive"), _above(graph, "negative")
    roles = {item.key: _role(item, graph[item.node_id], positive, negative) for item in usable}
    ranked = sorted(usable, key=lambda item: roles[item.key])  # stable: equal roles stay in the workflow's order
    if len(usable) > FIRST:
        ranked = [item for item in ranked if roles[item.key] is not Role.OTHER]
    taken: Counter[Role] = Counter()
    within: list[Field] = []
    beyond: list[Field] = []
    for item in ranked:
        role = roles[item.key]
        (within if taken[role] < SHARES[role] else beyond).append(item)
        taken[role] += 1
    chosen = {item.key for item in (within + beyond)[:FIRST]}
    return tuple(item.key for item in ranked if item.key in chosen)


def _is_usable(item: Field) -> bool:
    return not (isinstance(item.kind, Unknown) or item.is_advanced or (item.is_absent and item.is_optional))


def _role(item: Field, node: GraphNode, positive: frozenset[str], negative: frozenset[str]) -> Role:
    name = _name(item, node)
    match item.kind:
        case Text(is_multiline=is_long) if is_long or name in _TEXTS:
            return _text_role(node, positive, negative)
        case Upload():
            return Role.FILE
        case Seed() if "seed" in name:
            return Role.SEED
        case Whole() | Decimal() | Choice() | Seed() if name in SIZES:
            return Role.SIZE
        case Whole() | Decimal() | Seed() if name in STEPS:
            return Role.STEPS
        case Choice() if name in MODELS:
            return Role.MODEL
        case Switch():
            return Role.OTHER
    return Role.OTHER


def _name(item: Field, node: GraphNode) -> str:
    """What it is called; a primitive node's `value` is called as its node."""
    name = node.title if item.input_name == "value" and node.title else item.input_name
    return name.rsplit(".", 1)[-1].strip().casefold().replace(" ", "_")


def _text_role(node: GraphNode, positive: frozenset[str], negative: frozenset[str]) -> Role:
    if node.node_id in positive:
        return Role.PROMPT
    is_negative = node.node_id in negative or _NEGATIVE.search(node.title) is not None
    return Role.NEGATIVE if is_negative else Role.TEXT


def _above(graph: Graph, name: str) -> frozenset[str]:
    """All nodes that lead into an input of that name. Where both ways pass through one node, each keeps to its own."""
    found: set[str] = set()
    waiting = [node.links[name].node_id for node in graph.values() if name in node.links]
    while waiting:
        node_id = waiting.pop()
        if node_id in found or node_id not in graph:
            continue
        found.add(node_id)
        links = graph[node_id].links
        is_both = "positive" in links and "negative" in links
        waiting += [links[name].node_id] if is_both else [link.node_id for link in links.values()]
    return frozenset(found)
