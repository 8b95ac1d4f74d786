"""Test nodes for a real ComfyUI, used for the recordings: put this file into its `custom_nodes` folder.

They work step by step, fail, expand, send text and block, without any model. No test imports this file, since it needs
ComfyUI's own modules.
"""

from __future__ import annotations

import time
from typing import Any

import comfy.utils
import latent_preview
import torch
from comfy_execution.graph_utils import ExecutionBlocker, GraphBuilder
from PIL import Image
from server import PromptServer

BIGGEST = 18446744073709551615
NONCE = ("INT", {"default": 0, "min": 0, "max": BIGGEST})


def _steps(default: int) -> tuple[str, dict[str, Any]]:
    return ("INT", {"default": default, "min": 1, "max": 10000})


def _seconds(default: float) -> tuple[str, dict[str, Any]]:
    return ("FLOAT", {"default": default, "min": 0.0, "max": 60.0, "step": 0.01})


def _shown(image: torch.Tensor, brightness: float, form: str = "JPEG", size: int = 256) -> tuple[str, Any, int]:
    """Return a preview of the first image."""
    return (form, Image.fromarray((image[0] * (255 * brightness)).clamp(0, 255).byte().cpu().numpy()), size)


class _ImageNode:
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    CATEGORY = "testing"


class SlowSteps(_ImageNode):
    """Return the image after some steps, each with progress and a preview."""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 - ComfyUI's name
        return {
            "required": {
                "image": ("IMAGE",),
                "steps": _steps(10),
                "seconds_per_step": _seconds(0.5),
                "preview": ("BOOLEAN", {"default": True}),
                "preview_format": (["JPEG", "PNG"],),
                "preview_max_size": ("INT", {"default": 512, "min": 16, "max": 4096}),
                "nonce": NONCE,
            }
        }

    def run(  # noqa: PLR0917 - ComfyUI passes them by name
        self,
        image: torch.Tensor,
        steps: int,
        seconds_per_step: float,
        preview: bool,
        preview_format: str,
        preview_max_size: int,
        nonce: int,
    ) -> tuple[torch.Tensor]:
        bar = comfy.utils.ProgressBar(steps)
        for step in range(1, steps + 1):
            time.sleep(seconds_per_step)
            bar.update_absolute(
                step, steps, _shown(image, step / steps, preview_format, preview_max_size) if preview else None
            )
        return (image,)


class FailAtStep(_ImageNode):
    """Raise an error at one of the steps."""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {
                "image": ("IMAGE",),
                "steps": _steps(5),
                "seconds_per_step": _seconds(0.2),
                "fail_at": _steps(3),
                "nonce": NONCE,
            }
        }

    def run(
        self, image: torch.Tensor, steps: int, seconds_per_step: float, fail_at: int, nonce: int
    ) -> tuple[torch.Tensor]:
        bar = comfy.utils.ProgressBar(steps)
        for step in range(1, steps + 1):
            time.sleep(seconds_per_step)
            if step == fail_at:
                raise RuntimeError(f"FailAtStep: failing on purpose at step {step}")
            bar.update_absolute(step, steps, _shown(image, step / steps))
        return (image,)


class ExpandSlow(_ImageNode):
    """Expand into some SlowSteps, one after the other."""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {
                "image": ("IMAGE",),
                "count": ("INT", {"default": 2, "min": 1, "max": 100}),
                "steps": _steps(3),
                "seconds_per_step": _seconds(0.1),
                "nonce": NONCE,
            }
        }

    def run(self, image: torch.Tensor, count: int, steps: int, seconds_per_step: float, nonce: int) -> dict[str, Any]:
        graph = GraphBuilder()
        last: Any = image
        for number in range(count):
            node = graph.node(
                "SlowSteps",
                image=last,
                steps=steps,
                seconds_per_step=seconds_per_step,
                preview=True,
                preview_format="JPEG",
                preview_max_size=256,
                nonce=nonce + number,
            )
            last = node.out(0)
        return {"result": (last,), "expand": graph.finalize()}


class SendText(_ImageNode):
    """Send a text to all sockets under its own node, and one to the client alone."""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {"image": ("IMAGE",), "text": ("STRING", {"default": "hello"}), "nonce": NONCE},
            "hidden": {"unique_id": "UNIQUE_ID"},
        }

    def run(self, image: torch.Tensor, text: str, nonce: int, unique_id: str) -> tuple[torch.Tensor]:
        server = PromptServer.instance
        server.send_progress_text(text, unique_id)
        server.send_progress_text(f"{text} (to the client only)", unique_id, server.client_id)
        return (image,)


class BlockWithMessage(_ImageNode):
    """Block what follows, with a message or, where that is empty, without one."""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {"image": ("IMAGE",), "message": ("STRING", {"default": "blocked"}), "nonce": NONCE},
        }

    def run(self, image: torch.Tensor, message: str, nonce: int) -> tuple[Any]:
        return (ExecutionBlocker(message or None),)


class FakeSampler:
    """Send a sampler's latent previews without a model."""

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "run"
    CATEGORY = "testing"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {
                "latent": ("LATENT",),
                "seed": ("INT", {"default": 0, "min": 0, "max": BIGGEST}),
                "steps": _steps(5),
                "seconds_per_step": _seconds(0.2),
            }
        }

    def run(self, latent: dict[str, Any], seed: int, steps: int, seconds_per_step: float) -> tuple[dict[str, Any]]:
        samples = torch.randn(latent["samples"].shape, generator=torch.manual_seed(seed % 2**63))

        class Model:
            load_device = torch.device("cpu")

            class model:  # noqa: N801 - the attribute that latent_preview reads
                latent_format = comfy.latent_formats.SD15()

        callback = latent_preview.prepare_callback(Model, steps)
        for step in range(steps):
            time.sleep(seconds_per_step)
            callback(step, samples * (step + 1) / steps, samples, steps)
        return ({"samples": samples},)


class LatentPicture(_ImageNode):
    """Show the first three channels of a latent as an image."""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"latent": ("LATENT",)}}

    def run(self, latent: dict[str, Any]) -> tuple[torch.Tensor]:
        return (latent["samples"][:, :3].movedim(1, -1).clamp(0, 1).contiguous(),)


def register_replacements() -> None:
    """Register replacements for two classes that do not exist, where the server can (0.30 and later)."""
    if not hasattr(PromptServer.instance, "node_replace_manager"):
        return
    from comfy_api.latest import io

    for old, new, names in (
        ("OldInvert", "ImageInvert", {"image": "picture"}),
        ("OldSave", "SaveImage", {"images": "images", "filename_prefix": "prefix"}),
    ):
        mapping: list[Any] = [{"new_id": new_id, "old_id": old_id} for new_id, old_id in names.items()]
        replacement = io.NodeReplace(new_node_id=new, old_node_id=old, input_mapping=mapping)
        PromptServer.instance.node_replace_manager.register(replacement)


register_replacements()

NODE_CLASS_MAPPINGS = {
    node.__name__: node
    for node in (SlowSteps, FailAtStep, ExpandSlow, SendText, BlockWithMessage, FakeSampler, LatentPicture)
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "SlowSteps": "Slow Steps (test)",
    "FailAtStep": "Fail At Step (test)",
    "ExpandSlow": "Expand Slow (test)",
    "SendText": "Send Text (test)",
    "BlockWithMessage": "Block With Message (test)",
}
