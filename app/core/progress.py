"""How far a task is, from socket events. Transient: never stored, never evidence of an end.

    progress = Progress(prompt_id, 7, weights=plan.weights)     # core/plan.py
    progress = progress.after(message)

Each node counts by its weight: its share of the run's time, as learned or as guessed by its class and steps. A
node that need not run counts as done, with the smallest weight: it takes no time of this run. A node
that expands into others, or that counts its steps more than once, is done by its parts: as many as were learned, else
one more than have been seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.core.events import (
    CachedMessage,
    EndMessage,
    ExecutedMessage,
    ExecutingMessage,
    Message,
    NodeProgress,
    ProgressMessage,
    StartMessage,
)
from app.core.model import NodeId, PromptId

UNEXPECTED_WEIGHT = 0.5  # of an unexpected step: tiles and frames are quicker than passes of a sampler
MOST_UNEXPECTED = 40.0  # such steps that count


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of one task over its `total` nodes. `fraction` never falls while the task runs.

    A node without a weight has the smallest one. If the weights `are_guessed`, a node that turns out to count many
    steps is given more.
    """

    prompt_id: PromptId
    total: int
    done: Mapping[NodeId, float] = field(default_factory=dict)  # 0 to 1 by node
    node: NodeId | None = None
    value: float = 0.0
    maximum: float = 0.0
    fraction: float = 0.0
    weights: Mapping[NodeId, float] = field(default_factory=dict)
    expected_parts: Mapping[NodeId, int] = field(default_factory=dict)  # as learned
    are_guessed: bool = False
    parts: Mapping[NodeId, Mapping[str, float]] = field(default_factory=dict)  # 0 to 1 by part of a node

    def after(self, message: Message) -> Progress:
        """The progress after one message about this task."""
        match message:
            case StartMessage():
                return replace(self, node=None, value=0.0, maximum=0.0)
            case CachedMessage(_, nodes):
                least = self._least
                lighter = {node: least for node in nodes if node in self.weights}
                return replace(self, weights={**self.weights, **lighter})._at(dict.fromkeys(nodes, 1.0))
            case ExecutingMessage(_, node) if node is not None:
                return replace(self, node=node, value=0.0, maximum=0.0) if node != self.node else self
            case ProgressMessage(_, nodes):
                return self._moved(message)
            case ExecutedMessage(_, node, _):
                return self._at({self.origin(node): 1.0})
            case EndMessage(_, "success"):
                return replace(self, fraction=1.0)
        return self

    def origin(self, node: NodeId) -> NodeId:
        """The node of the workflow itself: `2` for `2.0.0.1`, which was created at run time."""
        return node if node in self.weights or "." not in node else NodeId(node.split(".", maxsplit=1)[0])

    @property
    def _least(self) -> float:
        return min(self.weights.values(), default=1.0)

    def _moved(self, message: ProgressMessage) -> Progress:
        moved = self._with_parts(message.nodes)
        running = [item for item in message.nodes if item.state == "running"]
        if not running:
            return moved
        last = running[-1]
        node, is_step = self.origin(last.node), last.maximum > 1
        return replace(
            moved,
            node=node,
            value=last.value if is_step else moved.value if node == self.node else 0.0,
            maximum=last.maximum if is_step else moved.maximum if node == self.node else 0.0,
        )

    def _with_parts(self, items: Iterable[NodeProgress]) -> Progress:
        """Take in the reported nodes, or their parts; each message reports all that have begun."""
        parts, weights, done = dict(self.parts), dict(self.weights), {}
        for item in items:
            node = self.origin(item.node)
            if self.done.get(node, 0.0) >= 1.0:
                continue
            name = item.part or item.node
            is_over = item.state == "finished"
            if is_over and name == node:
                done[node] = 1.0
                continue
            far = 1.0 if is_over else min(1.0, item.value / item.maximum) if item.maximum > 0 else 0.0
            known = parts[node] = dict(parts.get(node, {}))
            if name == node and item.maximum <= 1:
                known.setdefault(name, 0.0)
            else:
                _advance(known, name, far)
            done[node] = max(done.get(node, 0.0), self._share(node, known))
            if self.are_guessed and item.maximum > 1 and node in weights:
                weights[node] = max(weights[node], min(item.maximum, MOST_UNEXPECTED) * UNEXPECTED_WEIGHT)
        return replace(self, parts=parts, weights=weights)._at(done)

    def _share(self, node: NodeId, parts: Mapping[str, float]) -> float:
        """The share of a node that its parts have done; its own entry does not count while it is 0."""
        counted = [far for name, far in parts.items() if name != node or far > 0]
        if not counted:
            return 0.0
        is_alone = len(counted) == 1 and node in parts and parts[node] > 0
        open_end = 0 if is_alone else 1  # another part may come
        return sum(counted) / max(self.expected_parts.get(node, len(counted) + open_end), len(counted))

    def _at(self, done: Mapping[NodeId, float]) -> Progress:
        merged = dict(self.done)
        for node, far in done.items():
            merged[node] = max(far, merged.get(node, 0.0))
        least, named = self._least, {*self.weights, *merged}
        weight = sum(self.weights.get(node, least) for node in named) + least * max(0, self.total - len(named))
        whole = sum(self.weights.get(node, least) * far for node, far in merged.items()) / (weight or 1.0)
        return replace(self, done=merged, fraction=max(self.fraction, min(1.0, whole)))


def _advance(parts: dict[str, float], name: str, far: float) -> None:
    """Advance a part; one that had ended and begins a second time is another part (`2#1`, `2#2`, …)."""
    times = sum(known == name or known.startswith(f"{name}#") for known in parts)
    current = name if times < 2 else f"{name}#{times - 1}"
    known = parts.get(current, 0.0)
    if known >= 1.0 and 0 < far < 1.0:
        current, known = f"{name}#{max(times, 1)}", 0.0
    parts[current] = max(far, known)
