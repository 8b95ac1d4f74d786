"""A guess at what matters most in a workflow: text, picture, seed, size, steps, by kind, name and graph.

A field's role comes from its kind and name; which of two texts is the negative one comes from the graph: it is before
an input called `negative`, and not also before `positive`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache

from app.workflows.forms.kinds import Choice, Decimal, Kind, Seed, Text, Upload, Whole
from app.workflows.graph import Graph, GraphNode, Key

FIRST = 12  # fields at the top of a form


class GuessedRole(IntEnum):
    """The role of a field, in the order in which users look for it."""

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
    GuessedRole.PROMPT: 2, GuessedRole.TEXT: 1, GuessedRole.FILE: 3, GuessedRole.NEGATIVE: 1, GuessedRole.SEED: 1,
    GuessedRole.SIZE: 3, GuessedRole.STEPS: 3, GuessedRole.MODEL: 2, GuessedRole.OTHER: 0,
}  # fmt: skip
SIZES = frozenset(
    {
        "width", "height", "batch_size", "length", "frames", "num_frames", "frame_count", "duration", "seconds", "fps",
        "resolution", "aspect_ratio", "megapixels", "scale_by", "upscale_by",
    }
)  # fmt: skip
STEPS = frozenset({"steps", "cfg", "guidance", "denoise", "strength", "strength_model"})
MODELS = frozenset({"ckpt_name", "unet_name", "lora_name", "sampler_name"})
NEGATIVE = re.compile(r"negativ|\bneg\b|负|反向|反面", re.IGNORECASE)
TEXTS = frozenset({"text", "prompt", "caption"})
VALUE = "value"


def rank(roles: Mapping[Key, GuessedRole]) -> tuple[Key, ...]:
    """The keys of the fields for the top, in order; `roles` are those of all usable ones, in the workflow's order.

    A form that fits is on top completely.
    """
    ranked = list(roles)
    if len(ranked) > FIRST:
        ranked = [key for key in ranked if roles[key] is not GuessedRole.OTHER]
    ranked.sort(key=roles.__getitem__)  # stable: equal roles stay in the workflow's order
    taken: Counter[GuessedRole] = Counter()
    within: list[Key] = []
    beyond: list[Key] = []
    for key in ranked:
        role = roles[key]
        (within if taken[role] < SHARES[role] else beyond).append(key)
        taken[role] += 1
    chosen = set((within + beyond)[:FIRST])
    return tuple(key for key in ranked if key in chosen)


class Roles:
    """The roles of the inputs of one graph; roles by kind and name alone are computed once for each class."""

    def __init__(self, graph: Graph) -> None:
        self._positive, self._negative = _above(graph, "positive"), _above(graph, "negative")
        self._known: dict[tuple[str, str], tuple[Kind, GuessedRole | None]] = {}

    def of(self, kind: Kind, key: Key, node: GraphNode) -> GuessedRole:
        """The role of one input."""
        known = self._known.get((node.class_type, key[1]))
        if known is None or known[0] is not kind:
            known = self._known[node.class_type, key[1]] = kind, role_of(kind, key[1])
        return self.at(node, kind, known[1])

    def at(self, node: GraphNode, kind: Kind, role: GuessedRole | None) -> GuessedRole:
        """The role that an input with this `role_of` has in a node."""
        if role is None:
            role = _role(kind, _last_word(node.title or VALUE))
        return self._text_role(node) if role is GuessedRole.TEXT else role

    def _text_role(self, node: GraphNode) -> GuessedRole:
        if node.node_id in self._positive:
            return GuessedRole.PROMPT
        is_negative = node.node_id in self._negative or NEGATIVE.search(node.title) is not None
        return GuessedRole.NEGATIVE if is_negative else GuessedRole.TEXT


def role_of(kind: Kind, name: str) -> GuessedRole | None:
    """The role of an input by its kind and name alone; None for a primitive node's `value`, which its node names."""
    return None if name == VALUE else _role(kind, _last_word(name))


def _role(kind: Kind, name: str) -> GuessedRole:
    match kind:
        case Text(is_multiline=is_long) if is_long or name in TEXTS:
            return GuessedRole.TEXT
        case Upload():
            return GuessedRole.FILE
        case Seed() if "seed" in name:
            return GuessedRole.SEED
        case Whole() | Decimal() | Choice() | Seed() if name in SIZES:
            return GuessedRole.SIZE
        case Whole() | Decimal() | Seed() if name in STEPS:
            return GuessedRole.STEPS
        case Choice() if name in MODELS:
            return GuessedRole.MODEL
    return GuessedRole.OTHER


@lru_cache(maxsize=4096)
def _last_word(name: str) -> str:
    return name.rsplit(".", 1)[-1].strip().casefold().replace(" ", "_")


def _above(graph: Graph, name: str) -> frozenset[str]:
    """All nodes before an input of that name. Where both paths pass through one node, each is followed separately."""
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
