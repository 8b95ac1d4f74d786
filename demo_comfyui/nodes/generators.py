"""Nodes that work step by step: DemoSampler makes a picture from a text, DemoFailAt fails on purpose."""

from __future__ import annotations

import time
from typing import Any

from demo_comfyui.nodes.contract import NodeContext, NodeResult
from demo_comfyui.painting.painter import paint


def demo_sampler(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """A procedural picture, refined from step to step; the same inputs give the same picture."""
    steps = inputs["steps"]
    size = (inputs["width"], inputs["height"])
    picture = None
    for index, picture in enumerate(paint(inputs["text"], inputs["seed"], steps, size), start=1):
        time.sleep(context.step_seconds)
        context.step(index, steps, picture)
    return NodeResult(([picture],))


def demo_fail_at(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Pass the image on, step by step, with previews; raise at step `fail_at` unless that is 0."""
    for index in range(1, inputs["steps"] + 1):
        time.sleep(context.step_seconds)
        if index == inputs["fail_at"]:
            raise RuntimeError(f"DemoFailAt: failing on purpose at step {index}")
        context.step(index, inputs["steps"], inputs["image"][0])
    return NodeResult((inputs["image"],))
