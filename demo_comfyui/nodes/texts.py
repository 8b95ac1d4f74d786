"""Nodes about texts: PreviewAny shows one, StringConcatenate joins two, Preview3D and DemoRepeat show a file by it."""

from __future__ import annotations

import json
from typing import Any

from demo_comfyui.model.results import NodeResult
from demo_comfyui.nodes.contract import NodeContext


def preview_any(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:  # noqa: ARG001 - as every node
    """Show its input as a text, in the history entry itself."""
    source = inputs["source"]
    if isinstance(source, str):
        text = source
    else:
        try:
            text = json.dumps(source)
        except TypeError:  # pictures are no JSON
            text = str(source)
    return NodeResult((text,), {"text": (text,)})


def concatenate(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:  # noqa: ARG001 - as every node
    """Join two texts."""
    return NodeResult((inputs["delimiter"].join((inputs["string_a"], inputs["string_b"])),))


def preview_3d(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:  # noqa: ARG001 - as every node
    """Show the path of a model, and a camera, as they are given."""
    return NodeResult(ui={"result": [inputs["model_file"], inputs.get("camera_info")]})


def demo_repeat(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:  # noqa: ARG001 - as every node
    """Show a picture by the name that is given."""
    return NodeResult(ui={"images": [{"filename": inputs["name"], "subfolder": "", "type": "output"}]})
