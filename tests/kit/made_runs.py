"""Simulated runs with uneven steps, loads and caches, for tests of progress and estimates.

made = RunMaker(seed).run(workflow, job, cold=True)
made.messages      # (seconds since the start, message), in order
made.seconds       # when it had ended
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

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
from app.core.job import job_of
from app.core.model import Job, NodeId, PromptId
from app.core.workflow import ApiWorkflow, parse_workflow

P = PromptId("p-1")


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def text_to_picture(steps: int = 20, width: int = 1024) -> ApiWorkflow:
    """The usual workflow: load, two texts, sample, decode, save."""
    return parse_workflow(
        {
            "1": node("CheckpointLoaderSimple", ckpt_name="large.safetensors"),
            "2": node("CLIPTextEncode", clip=["1", 1], text="a bay"),
            "3": node("CLIPTextEncode", clip=["1", 1], text="fog"),
            "4": node("EmptyLatentImage", width=width, height=1024, batch_size=1),
            "5": node("KSampler", model=["1", 0], positive=["2", 0], negative=["3", 0], latent=["4", 0], steps=steps),
            "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
            "7": node("SaveImage", images=["6", 0]),
        }
    )  # fmt: skip


def twice_sampled() -> ApiWorkflow:
    """The usual workflow with a second, larger pass and an upscaler that works in tiles."""
    graph = json.loads(text_to_picture().text)
    graph["8"] = node("LatentUpscale", samples=["5", 0], width=2048, height=2048)
    graph["9"] = node("KSampler", model=["1", 0], positive=["2", 0], negative=["3", 0], latent_image=["8", 0], steps=12)
    graph["6"]["inputs"]["samples"] = ["9", 0]
    graph["10"] = node("ImageUpscaleWithModel", image=["6", 0])
    graph["7"]["inputs"]["images"] = ["10", 0]
    return parse_workflow(graph)


# By node: (seconds at work, seconds of loading if the models are not there, rows of steps, steps of a row)
COSTS = {
    "1": (0.4, 9.0, 0, 0), "2": (0.15, 2.0, 0, 0), "3": (0.1, 0.0, 0, 0), "4": (0.01, 0.0, 0, 0),
    "5": (9.0, 4.0, 1, 20), "6": (1.2, 0.5, 0, 0), "7": (0.4, 0.0, 0, 0),
    "8": (0.02, 0.0, 0, 0), "9": (14.0, 0.0, 1, 12), "10": (6.0, 0.0, 2, 9),
}  # fmt: skip


@dataclass
class MadeRun:
    """One run."""

    workflow: ApiWorkflow
    job: Job
    messages: list[tuple[float, Message]] = field(default_factory=list)
    seconds: float = 0.0
    cached: tuple[NodeId, ...] = ()
    is_cold: bool = False


class RunMaker:
    """Makes runs; `pace` is how slow the server is, `noise` how uneven its runs and its steps are."""

    def __init__(self, seed: int, pace: float = 1.0, noise: float = 0.12) -> None:
        self._random = random.Random(seed)
        self._pace, self._noise = pace, noise

    def run(
        self,
        workflow: ApiWorkflow,
        *,
        is_cold: bool = False,
        cached: Collection[str] = (),
        larger: float = 1.0,
    ) -> MadeRun:
        """A run with these nodes from the cache; `larger` is how much more there is to do than usual."""
        made = MadeRun(workflow, job_of(workflow), cached=tuple(map(NodeId, cached)), is_cold=is_cold)
        mood = self._uneven() * self._pace * larger
        tell = made.messages.append
        tell((0.0, StartMessage(P)))
        tell((0.0, CachedMessage(P, made.cached)))
        at = 0.0
        for name in _order(workflow):
            if name not in cached:
                at = self._node(made, name, at, mood)
        tell((at, EndMessage(P, "success")))
        made.seconds = at
        return made

    def _node(self, made: MadeRun, name: str, at: float, mood: float) -> float:
        work, load, rows, steps = COSTS[name]
        steps = json.loads(made.workflow.text)[name]["inputs"].get("steps", steps)
        work *= steps / (COSTS[name][3] or 1) if rows else 1.0
        node_id, tell = NodeId(name), made.messages.append
        tell((at, ProgressMessage(P, (NodeProgress(node_id, 0.0, 1.0, "running"),))))
        tell((at, ExecutingMessage(P, node_id)))
        at += load * self._uneven() if made.is_cold else 0.0
        for _ in range(rows):
            for step in range(1, steps + 1):
                at += work / rows / steps * mood * self._uneven()
                tell((at, ProgressMessage(P, (NodeProgress(node_id, float(step), float(steps), "running"),))))
        at += 0.0 if rows else work * mood * self._uneven()
        if name == "7":
            tell((at, ExecutedMessage(P, node_id, ())))
        tell((at, ProgressMessage(P, (NodeProgress(node_id, 1.0, 1.0, "finished"),))))
        return at

    def _uneven(self) -> float:
        return self._random.lognormvariate(0.0, self._noise)


def _order(workflow: ApiWorkflow) -> list[str]:
    """Sources first."""
    graph, found = json.loads(workflow.text), []  # type: ignore[var-annotated]

    def visit(name: str) -> None:
        if name in found:
            return
        for value in graph[name]["inputs"].values():
            if isinstance(value, list):
                visit(str(value[0]))
        found.append(name)

    for name in graph:
        visit(name)
    return found
