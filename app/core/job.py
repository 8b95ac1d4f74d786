"""What a workflow will cost, derived before it runs: its family, its size, and the model files that it loads.

    job_of(workflow)      # Job(family="5d1c09a2b7e4", size=20.0 * 1024 * 1024, models=("flux.safetensors",))

Two workflows are of one family if they have the same nodes and the same models: their texts, seeds and pictures may
differ. The size multiplies the inputs that a run's time grows with; the learned seconds of one size help to estimate
the others (`core/durations.py`).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.core.model import Job, NodeId
from app.core.spelling import with_slashes
from app.core.workflow import ApiWorkflow

_MODEL_FILE = re.compile(r"\.(safetensors|sft|ckpt|pt|pt2|pth|bin|gguf|onnx)$", re.I)
# A LoRA patches a loaded model: that takes seconds, not the minute that another model takes.
_PATCHES = re.compile(r"^lora", re.I)
# Inputs that the time grows with, by what they count: passes are summed over the nodes, of the others the largest
# counts. Names of the stock nodes (object_info.json).
_PASSES = ("steps",)
_EXTENTS = (("width",), ("height",), ("batch_size", "amount"), ("length", "video_frames", "frames"))
_LARGEST_NUMBER = 1e9  # a larger number counts nothing

Node = Mapping[str, Any]


def job_of(workflow: ApiWorkflow) -> Job:
    """Return the job of a workflow."""
    nodes = _nodes(workflow)
    models = tuple(sorted({value for node in nodes.values() for value in _model_files(node)}))
    shape = json.dumps([sorted(str(node.get("class_type")) for node in nodes.values()), models])
    family = hashlib.sha256(shape.encode("utf-8", "replace")).hexdigest()[:12]
    return Job(family, _size(list(nodes.values())), models)


def costly_nodes(workflow: ApiWorkflow) -> frozenset[NodeId]:
    """The nodes that a run spends its time in: those with steps, and those that feed the expected outputs.

    A run in which one of them came from the server's cache does not show how long such a job takes.
    """
    nodes = _nodes(workflow)
    stepping = {NodeId(node_id) for node_id, node in nodes.items() if any(name in _inputs(node) for name in _PASSES)}
    feeding = {
        NodeId(str(value[0]))
        for node_id in workflow.expected_outputs
        for value in _inputs(nodes[node_id]).values()
        if isinstance(value, list) and value
    }
    return frozenset(stepping | feeding)


def _nodes(workflow: ApiWorkflow) -> dict[str, Node]:
    graph = json.loads(workflow.text)
    return {node_id: node for node_id, node in graph.items() if isinstance(node, dict)}


def _inputs(node: Node) -> Mapping[str, Any]:
    inputs = node.get("inputs")
    return inputs if isinstance(inputs, dict) else {}


def _model_files(node: Node) -> Iterator[str]:
    for name, value in _inputs(node).items():
        if isinstance(value, str) and _MODEL_FILE.search(value) and not _PATCHES.match(name):
            yield with_slashes(value)


def _size(nodes: list[Node]) -> float:
    size = float(sum(_largest([node], _PASSES, missing=0.0) for node in nodes) or 1.0)
    return size * math.prod(_largest(nodes, names, missing=1.0) for names in _EXTENTS)


def _largest(nodes: list[Node], names: tuple[str, ...], *, missing: float) -> float:
    """The largest number among the inputs with these names."""
    found = (_inputs(node).get(name) for node in nodes for name in names)
    return max(filter(None, map(_count, found)), default=missing)


def _count(value: object) -> float:
    """The number if it is a count; 0 otherwise (a link, a text)."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    return float(value) if 0 < value <= _LARGEST_NUMBER else 0.0
