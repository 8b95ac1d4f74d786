"""What a node of the demo server is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo_comfyui.storage import Storage

if TYPE_CHECKING:
    from PIL.Image import Image

    Images = list[Image]


class Interrupted(BaseException):
    """The job was interrupted. No `Exception`, so that no node swallows it."""


@dataclass(frozen=True, slots=True)
class NodeContext:
    """The surroundings of one run of one node.

    `step(value, total, preview)` reports a step done and raises Interrupted when the job shall stop. `memory` is the
    node's own, from run to run.
    """

    storage: Storage
    prompt: dict[str, Any]
    extra_pnginfo: Any
    memory: dict[str, Any]
    step_seconds: float
    step: Callable[[int, int, Image | None], None]
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """Outputs by slot (an IMAGE is a list of RGB pictures, a MASK a list of L pictures), and what the node shows."""

    outputs: tuple[Any, ...] = ()
    ui: dict[str, Any] | None = None


Runner = Callable[[NodeContext, dict[str, Any]], NodeResult]
