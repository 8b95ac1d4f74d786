"""What a node of the demo server receives and returns.

An IMAGE is a list of RGB pictures, a MASK a list of L pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo_comfyui.model.results import NodeResult
from demo_comfyui.storage import Storage

if TYPE_CHECKING:
    from PIL.Image import Image

    Images = list[Image]


@dataclass(frozen=True, slots=True)
class NodeContext:
    """The surroundings of one run of one node.

    `step(value, total, preview)` reports a step, and raises Interrupted if the job must stop. `animate(frames, rate)`
    sends an animated preview. `memory` belongs to the node, and persists from run to run.
    """

    storage: Storage
    prompt: dict[str, Any]
    extra_pnginfo: Any
    memory: dict[str, Any]
    step_seconds: float
    step: Callable[[int, int, Image | None], None]
    animate: Callable[[Images, int], None]
    stamp: str = ""
    shows_latents: bool = True
    """Whether a sampler sends previews. Nodes that show pictures themselves always do."""
    has_assets: bool = False
    """Whether a saved file is an asset, with an id."""


Runner = Callable[[NodeContext, dict[str, Any]], NodeResult]
