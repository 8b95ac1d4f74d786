"""Nodes that work step by step: DemoSampler and DemoVideoSampler make pictures, DemoFailAt fails on purpose."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from PIL import ImageChops

from demo_comfyui.model.results import NodeResult
from demo_comfyui.nodes.contract import NodeContext
from demo_comfyui.painting.painter import paint

if TYPE_CHECKING:
    from demo_comfyui.nodes.contract import Images


def demo_sampler(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """A procedural picture, refined from step to step; the same inputs give the same picture."""
    steps = inputs["steps"]
    size = (inputs["width"], inputs["height"])
    picture = None
    for index, picture in enumerate(paint(inputs["text"], inputs["seed"], steps, size), start=1):
        time.sleep(context.step_seconds)
        context.step(index, steps, picture if context.shows_latents else None)
    return NodeResult(([picture],))


def demo_video_sampler(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """A picture, panned. Its previews are animated if the editor's file says so, as with VideoHelperSuite."""
    steps, count = inputs["steps"], inputs["frames"]
    size = (inputs["width"], inputs["height"])
    graph = (context.extra_pnginfo or {}).get("workflow") or {}
    is_animated = (graph.get("extra") or {}).get("VHS_latentpreview") is True
    frames: Images = []
    for index, picture in enumerate(paint(inputs["text"], inputs["seed"], steps, size), start=1):
        time.sleep(context.step_seconds)
        frames = [ImageChops.offset(picture, -part * size[0] // count, 0) for part in range(count)]
        if is_animated and context.shows_latents:
            context.animate(frames, inputs["rate"])
        context.step(index, steps, picture if context.shows_latents and not is_animated else None)
    return NodeResult((frames,))


def demo_fail_at(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Pass the image on, step by step, with previews; raise at step `fail_at` unless that is 0."""
    for index in range(1, inputs["steps"] + 1):
        time.sleep(context.step_seconds)
        if index == inputs["fail_at"]:
            raise RuntimeError(f"DemoFailAt: failing on purpose at step {index}")
        context.step(index, inputs["steps"], inputs["image"][0])
    return NodeResult((inputs["image"],))
