"""The time that each node of a run takes, measured from events by a clock of this page that is never set.

    watch = Stopwatch().after(message, now)
    watch.measured(cached)      # by node: seconds at work, seconds of loading before its first step, parts

The time before a node's first step, beyond the time of a step, is loading: a run with loaded models has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from app.core.events import (
    CachedMessage,
    EndMessage,
    ExecutingMessage,
    Message,
    NodeProgress,
    ProgressMessage,
    StartMessage,
)
from app.core.model import NodeId
from app.core.plan import LEAST, NodePace

SHORTEST_LEAD = 0.5  # seconds; less is how a server works
STUCK = 4.0  # times the pace of a step without another one: it is stuck, and if one comes, this was a pause
SLACK = 3.0  # seconds that may be added to this


@dataclass(frozen=True, slots=True)
class Steps:
    """One row of steps that a node counts: the first and the last reported ones, and how many there are."""

    maximum: float
    first: float
    first_at: float
    last: float
    last_at: float

    @property
    def pace(self) -> float | None:
        """Seconds of a step; None until two were reported."""
        return (self.last_at - self.first_at) / (self.last - self.first) if self.last > self.first else None


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Measures one run. `is_whole` if all events since its beginning were received."""

    started_at: float | None = None
    node: NodeId | None = None
    since: float = 0.0  # when that node began
    steps: Steps | None = None  # of that node, the row that it counts now
    lead: float = 0.0  # of that node
    rows: int = 0  # of steps, that it has begun
    is_expanded: bool = False  # it was replaced by nodes that were created during the run
    spent: Mapping[NodeId, NodePace] = field(default_factory=dict)
    cached: frozenset[NodeId] = frozenset()
    is_whole: bool = False

    def after(self, message: Message, now: float) -> Stopwatch:
        """The stopwatch after one message about the task."""
        match message:
            case StartMessage():
                return Stopwatch(now, is_whole=True)
            case CachedMessage(_, nodes):
                return replace(self, cached=self.cached | set(nodes))
            case ExecutingMessage(_, node):
                return self._switch(_origin(node) if node is not None else None, now)
            case EndMessage():
                return self._switch(None, now)
            case ProgressMessage(_, nodes):
                running = [item for item in nodes if item.state == "running"]
                return self._stepped(running[-1], now) if running else self
        return self

    def interrupted(self) -> Stopwatch:
        """The stopwatch after a gap in the events."""
        return replace(self, is_whole=False, steps=None)

    def measured(self) -> Mapping[NodeId, NodePace]:
        """The times of the nodes that have run."""
        return {node: pace for node, pace in self.spent.items() if node not in self.cached}

    def _switch(self, node: NodeId | None, now: float) -> Stopwatch:
        if node == self.node:
            return self
        spent = dict(self.spent)
        if self.node is not None:
            took = NodePace(max(LEAST, now - self.since - self.lead), self.lead, max(1, self.rows))
            known = spent.get(self.node)
            spent[self.node] = took if known is None else _added(known, took)
        return replace(self, node=node, since=now, spent=spent, steps=None, lead=0.0, rows=0, is_expanded=False)

    def _stepped(self, item: NodeProgress, now: float) -> Stopwatch:
        moved = self._switch(_origin(item.node), now)
        if not moved.is_expanded and (item.part or "." in item.node):
            moved = replace(moved, is_expanded=True)
        if not item.maximum > 1 or not 0 < item.value <= item.maximum:
            return moved
        steps = moved.steps
        if steps is None or item.value < steps.last or item.maximum != steps.maximum:
            fresh = Steps(item.maximum, item.value, now, item.value, now)
            return replace(moved, steps=fresh, rows=moved.rows + 1)
        if item.value == steps.last:
            return moved
        pause = _pause(steps, item.value, now)
        moved = replace(moved, since=moved.since + pause)
        steps = replace(steps, first_at=steps.first_at + pause, last=item.value, last_at=now)
        lead = moved.lead
        if moved.rows == 1 and steps.pace is not None:
            early = steps.first_at - moved.since - steps.pace * steps.first
            lead = early if early > SHORTEST_LEAD else 0.0
        return replace(moved, steps=steps, lead=lead)


def _pause(steps: Steps, value: float, now: float) -> float:
    """Return the seconds before this step in which nothing moved: no step is so slow, so the server was stopped."""
    if steps.pace is None:
        return 0.0
    since, usual = now - steps.last_at, steps.pace * (value - steps.last)
    return since - usual if since > usual * STUCK + SLACK else 0.0


def _added(known: NodePace, more: NodePace) -> NodePace:
    """Add up the times of a node that was interrupted by other nodes."""
    return NodePace(known.seconds + more.seconds, known.lead + more.lead, known.parts + more.parts - 1)


def _origin(node: NodeId) -> NodeId:
    return NodeId(node.split(".", maxsplit=1)[0])
