"""How far a task is, from what the socket tells. Passing: never stored, never evidence of an end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.core.events import CachedMessage, ExecutedMessage, ExecutingMessage, Message, ProgressMessage, StartMessage
from app.core.model import NodeId, PromptId


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of one task over its `total` nodes. `fraction` never falls while the task runs."""

    prompt_id: PromptId
    total: int
    done: Mapping[NodeId, float] = field(default_factory=dict)  # 0 to 1 by node
    node: NodeId | None = None
    value: float = 0.0
    maximum: float = 0.0
    fraction: float = 0.0

    def told(self, message: Message) -> Progress:
        """The progress after one message about this task."""
        match message:
            case StartMessage():
                return replace(self, node=None, value=0.0, maximum=0.0)
            case CachedMessage(_, nodes):
                return self._at(dict.fromkeys(nodes, 1.0))
            case ExecutingMessage(_, node) if node is not None:
                return replace(self, node=node, value=0.0, maximum=0.0)
            case ProgressMessage(_, nodes):
                return self._moved(message)
            case ExecutedMessage(_, node, _):
                return self._at({node: 1.0})
        return self

    def _moved(self, message: ProgressMessage) -> Progress:
        done = {
            item.node: 1.0
            if item.state == "finished"
            else min(1.0, item.value / item.maximum)
            if item.maximum > 0
            else 0.0
            for item in message.nodes
        }
        moved = self._at(done)
        running = [item for item in message.nodes if item.state == "running"]
        if not running:
            return moved
        last = running[-1]
        is_step = last.maximum > 1
        return replace(
            moved,
            node=last.node,
            value=last.value if is_step else moved.value if last.node == self.node else 0.0,
            maximum=last.maximum if is_step else moved.maximum if last.node == self.node else 0.0,
        )

    def _at(self, done: Mapping[NodeId, float]) -> Progress:
        merged = dict(self.done)
        for node, fraction in done.items():
            merged[node] = max(fraction, merged.get(node, 0.0))
        whole = sum(merged.values()) / max(self.total, len(merged), 1)
        return replace(self, done=merged, fraction=max(self.fraction, min(1.0, whole)))
