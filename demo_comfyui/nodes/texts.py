"""A node that shows a text instead of making a file: PreviewAny."""

from __future__ import annotations

import json
from typing import Any

from demo_comfyui.nodes.contract import NodeContext, NodeResult


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
