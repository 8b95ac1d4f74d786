"""The time that each node of a run takes: learned from earlier runs, or guessed from its class and steps.

    paces = paces.learned(measured)                        # from a run, node by node
    plan = paces.plan(server_id, address, job, workflow)   # what the next one should take

Stored by server and kind of job (`core/job.py`), since a node's seconds say little on another machine or at another
size: what is carried over from there only weighs the nodes. Stored as one bounded record for all windows; the entries
that were used longest ago are dropped.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from app.core.model import Job, NodeId, ServerId
from app.core.workflow import ApiWorkflow

MOST_SHAPES = 120
MOST_NODES = 16  # of one kind of job; the others take next to nothing, and share one time
LEAST = 0.02  # seconds that any node counts
FASTER, SLOWER = 0.6, 0.25  # how much a run counts: loading happens once, so a quicker run is a usual one
FAR = 8.0  # how far the seconds of one size are extrapolated to another


class Certainty(Enum):
    """Where a plan's seconds come from."""

    LEARNED = "learned"  # by runs of the same kind on that server
    CARRIED = "carried"  # from another size or server, or only the total is known
    GUESSED = "guessed"  # by classes and steps: no seconds, only weights


@dataclass(frozen=True, slots=True)
class NodePace:
    """The time of one node: seconds of work, seconds of loading before its first step, and its number of parts."""

    seconds: float
    lead: float = 0.0  # when its models were not loaded
    parts: float = 1.0

    def towards(self, other: NodePace, *, has_lead: bool) -> NodePace:
        """The pace with another run."""
        return NodePace(
            _towards(self.seconds, other.seconds),
            _towards(self.lead, other.lead) if has_lead and self.lead else other.lead or self.lead,
            self.parts + (other.parts - self.parts) / 2,
        )


def _towards(known: float, measured: float) -> float:
    return known + (measured - known) * (FASTER if measured < known else SLOWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The times of the nodes of one kind of job on one server; `rest` is the time of each of the small ones."""

    server_id: ServerId
    address: str
    family: str
    size: float
    nodes: Mapping[str, NodePace] = field(default_factory=dict)
    rest: float = LEAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The measured times of a run's nodes, whose events all arrived and which succeeded."""

    server_id: ServerId
    address: str
    job: Job
    nodes: Mapping[NodeId, NodePace]
    is_cold: bool = False  # models had to be loaded


@dataclass(frozen=True, slots=True)
class Plan:
    """The expected times of a run's nodes, in seconds unless they are only guessed."""

    seconds: Mapping[NodeId, float] = field(default_factory=dict)
    leads: Mapping[NodeId, float] = field(default_factory=dict)  # of loading, if the models are not loaded
    parts: Mapping[NodeId, int] = field(default_factory=dict)
    stepping: frozenset[NodeId] = frozenset()  # nodes that should report steps
    certainty: Certainty = Certainty.GUESSED

    def weights(self, *, is_cold: bool) -> Mapping[NodeId, float]:
        """The share of each node in the whole."""
        leads = self.leads if is_cold else {}
        return {node: max(LEAST, seconds) + leads.get(node, 0.0) for node, seconds in self.seconds.items()}

    def scaled(self, factor: float) -> Plan:
        """The plan with all seconds multiplied."""
        return replace(self, seconds={node: seconds * factor for node, seconds in self.seconds.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Paces:
    """The learned times of nodes, on all servers."""

    shapes: Mapping[str, Shape] = field(default_factory=dict)

    def learned(self, measured: Measured) -> Paces:
        """The paces with another run."""
        job, key = measured.job, _key(measured.server_id, measured.job)
        known = self.shapes.get(key)
        if known is None or known.address != measured.address:
            where = measured.server_id, measured.address
            known = Shape(server_id=where[0], address=where[1], family=job.family, size=job.size)
        nodes = dict(known.nodes)
        for node, pace in measured.nodes.items():
            before = nodes.get(node)
            nodes[node] = before.towards(pace, has_lead=measured.is_cold) if before else pace
        heavy = sorted(nodes, key=lambda node: (-nodes[node].seconds - nodes[node].lead, node))
        light = [nodes[node].seconds for node in heavy[MOST_NODES:]]
        shape = replace(
            known,
            nodes={node: nodes[node] for node in heavy[:MOST_NODES]},
            rest=max(LEAST, sum(light) / len(light)) if light else known.rest,
        )
        kept = {name: item for name, item in self.shapes.items() if name != key}
        for name in [*kept][: max(0, len(kept) + 1 - MOST_SHAPES)]:
            del kept[name]
        return replace(self, shapes={**kept, key: shape})

    def plan(self, server_id: ServerId, address: str, job: Job | None, workflow: ApiWorkflow) -> Plan:
        """The expected times of the nodes of such a job there."""
        guess = guessed(workflow)
        known = self._nearest(server_id, address, job) if job is not None else None
        if known is None or job is None:
            return guess
        factor = max(1 / FAR, min(FAR, job.size / known.size)) if known.size > 0 else 1.0
        is_same = factor == 1.0 and (known.server_id, known.address) == (server_id, address)
        return Plan(
            {node: factor * known.nodes[node].seconds if node in known.nodes else known.rest for node in guess.seconds},
            {node: known.nodes[node].lead for node in guess.seconds if node in known.nodes and known.nodes[node].lead},
            {node: round(known.nodes[node].parts) for node in guess.seconds if _is_parted(known.nodes.get(node))},
            guess.stepping,
            Certainty.LEARNED if is_same else Certainty.CARRIED,
        )

    def _nearest(self, server_id: ServerId, address: str, job: Job) -> Shape | None:
        """The shape that is most like such a job there: the same server counts more than the same size."""
        known = self.shapes.get(_key(server_id, job))
        if known is not None and known.address == address:
            return known
        relatives = [shape for shape in self.shapes.values() if shape.family == job.family and shape.size > 0]

        def away(shape: Shape) -> tuple[bool, float]:
            return (shape.server_id, shape.address) != (server_id, address), abs(math.log(job.size / shape.size))

        return min(relatives, key=away, default=None)


def _is_parted(pace: NodePace | None) -> bool:
    return pace is not None and round(pace.parts) > 1


def _key(server_id: ServerId, job: Job) -> str:
    return f"{server_id} {job.kind}"


# Without anything learned. In units of one step of a sampler; by ComfyUI's own classes.

_BY_CLASS = (
    (re.compile(r"VAE.*(Decode|Encode)", re.I), 2.0),
    (re.compile(r"(Upscale|Enlarge).*Model|Video", re.I), 4.0),
    (
        re.compile(r"(Checkpoint|UNET|Diffusion|CLIP|Model).*Load|Load.*(Checkpoint|UNET|Diffusion|CLIP|Model)", re.I),
        3.0,
    ),
    (re.compile(r"TextEncode", re.I), 0.5),
)
LONGEST_CLASS = 200  # characters of a name; searching one takes time that grows with the square of its length
PLAIN = 0.25
MOST_STEPS = 1000.0


def guessed(workflow: ApiWorkflow) -> Plan:
    """Weights by class and steps."""
    graph: dict[str, Any] = json.loads(workflow.text)
    nodes = {name: node for name, node in graph.items() if isinstance(node, dict)}
    steps = _steps(nodes)
    weights = {NodeId(name): steps.get(name) or _class_weight(node) for name, node in nodes.items()}
    return Plan(weights, stepping=frozenset(map(NodeId, steps)))


def _sources(node: Mapping[str, Any]) -> list[str]:
    return [str(value[0]) for value in _inputs(node).values() if isinstance(value, list) and value]


def _steps(nodes: Mapping[str, Any]) -> dict[str, float]:
    """The steps that nodes will take; the steps of a scheduler are counted at the sampler that it feeds."""
    found: dict[str, float] = {}
    fed: dict[str, list[str]] = {}  # the nodes that each node feeds
    for name, node in nodes.items():
        for source in _sources(node):
            fed.setdefault(source, []).append(name)
    for name, node in nodes.items():
        steps = _inputs(node).get("steps")
        if not isinstance(steps, int | float) or isinstance(steps, bool) or not 1 <= steps <= MOST_STEPS:
            continue
        takers = [name]
        if "scheduler" in str(node.get("class_type", "")).lower():
            takers = fed.get(name, [])
        for taker in takers:
            found[taker] = max(float(steps), found.get(taker, 0.0))
    return found


def _class_weight(node: Mapping[str, Any]) -> float:
    name = str(node.get("class_type", ""))[:LONGEST_CLASS]
    return next((weight for pattern, weight in _BY_CLASS if pattern.search(name)), PLAIN)


def _inputs(node: Mapping[str, Any]) -> Mapping[str, Any]:
    inputs = node.get("inputs")
    return inputs if isinstance(inputs, dict) else {}
