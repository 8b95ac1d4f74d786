"""The node classes. Those with steps take them on the server's clock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from demo_comfyui.model.results import NodeResult
from demo_comfyui.model.running import Blocker, Expansion, RunningNode
from tests.simulation.server.files import Files
from tests.simulation.server.pictures import Picture, read, write

LETTERS = "abcdefghijklmnopqrstupvxyz"  # ComfyUI's own alphabet


@dataclass(frozen=True)
class Context:
    """The surroundings of one run of one node. `wait` lets time pass, and raises if the job was stopped."""

    server: str
    files: Files
    node: RunningNode
    wait: Callable[[float], Awaitable[None]]

    def step(self, value: int, total: int, form: str = "JPEG", preview: Picture | None = None) -> None:
        """Report a step, with a preview (JPEG or PNG) if there is one."""
        self.node.step(value, total, None if preview is None else (form, write(preview, form)))


Inputs = dict[str, Any]
Runner = Callable[[Context, Inputs], Awaitable[NodeResult | Expansion]]


def _each(change: Callable[[Picture, Inputs], Picture], name: str = "image") -> Runner:
    async def run(_: Context, inputs: Inputs) -> NodeResult:
        return NodeResult(([change(picture, inputs) for picture in inputs[name]],))

    return run


async def load_image(context: Context, inputs: Inputs) -> NodeResult:
    """Return the picture, and its transparency as a mask."""
    picture = read(context.files.content(inputs["image"]), inputs["image"])
    shade = 0 if picture.alpha is None else 255 - picture.alpha
    return NodeResult(([replace(picture, alpha=None)], [replace(picture, colour=(shade, shade, shade), alpha=None)]))


async def empty_image(_: Context, inputs: Inputs) -> NodeResult:
    """Return a batch of one colour."""
    colour = inputs["color"]
    parts = (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
    return NodeResult(([Picture(inputs["width"], inputs["height"], parts)] * inputs["batch_size"],))


async def blend(_: Context, inputs: Inputs) -> NodeResult:
    """Blend the second picture over the first."""
    mode, factor = inputs["blend_mode"], inputs["blend_factor"]
    pairs = zip(inputs["image1"], inputs["image2"], strict=False)
    return NodeResult(([below.blended(above, mode, factor) for below, above in pairs],))


async def save_image(context: Context, inputs: Inputs) -> NodeResult:
    """Write one file per picture into output/."""
    return _save(context, inputs["images"], inputs["filename_prefix"], "output")


async def preview_image(context: Context, inputs: Inputs) -> NodeResult:
    """Write into temp/, with letters for this process and this node."""
    digest = hashlib.sha256(f"{context.server} {context.node.node_id}".encode()).digest()
    letters = "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:5])
    return _save(context, inputs["images"], f"ComfyUI_temp_{letters}", "temp")


def _save(context: Context, pictures: list[Picture], prefix: str, kind: str) -> NodeResult:
    """Write the server's name into each file, so that no two servers make equal ones."""
    texts = {"prompt": json.dumps(context.node.prompt)}
    texts |= {key: json.dumps(value) for key, value in context.node.extra_data.get("extra_pnginfo", {}).items()}
    texts["server"] = context.server
    saved = [context.files.save(prefix, kind, write(picture, "PNG", texts)) for picture in pictures]
    return NodeResult((pictures,), {"images": saved})


async def slow_steps(context: Context, inputs: Inputs) -> NodeResult:
    """Pass the picture on step by step, with previews if wanted."""
    for step in range(1, inputs["steps"] + 1):
        await context.wait(inputs["seconds_per_step"])
        shown = inputs["image"][0].fitted(inputs["preview_max_size"]) if inputs["preview"] else None
        context.step(step, inputs["steps"], inputs["preview_format"], shown)
    return NodeResult((inputs["image"],))


async def fail_at_step(context: Context, inputs: Inputs) -> NodeResult:
    """Pass the picture on step by step, and raise on the way."""
    for step in range(1, inputs["steps"] + 1):
        await context.wait(inputs["seconds_per_step"])
        if step == inputs["fail_at"]:
            raise RuntimeError(f"FailAtStep: failing on purpose at step {step}")
        context.step(step, inputs["steps"], preview=inputs["image"][0].fitted(256))
    return NodeResult((inputs["image"],))


async def empty_latent(_: Context, inputs: Inputs) -> NodeResult:
    """Return a batch of empty latents."""
    size = (inputs["width"] // 8, inputs["height"] // 8)
    return NodeResult(([Picture(*size, (0, 0, 0))] * inputs["batch_size"],))


async def fake_sampler(context: Context, inputs: Inputs) -> NodeResult:
    """Sample step by step, with previews where the server sends them."""
    colour = (inputs["seed"] >> 16 & 255, inputs["seed"] >> 8 & 255, inputs["seed"] & 255)
    made = [replace(latent, colour=colour) for latent in inputs["latent"]]
    for step in range(1, inputs["steps"] + 1):
        await context.wait(inputs["seconds_per_step"])
        context.step(step, inputs["steps"], preview=made[0] if context.node.shows_latents else None)
    return NodeResult((made,))


async def expand_slow(_: Context, inputs: Inputs) -> Expansion:
    """Expand into a chain of `count` SlowSteps."""
    steps = {key: inputs[key] for key in ("image", "steps", "seconds_per_step")}
    preview = {"preview": True, "preview_format": "JPEG", "preview_max_size": 512}
    return Expansion([{"class_type": "SlowSteps", "inputs": steps | preview}] * inputs["count"])


async def send_text(context: Context, inputs: Inputs) -> NodeResult:
    """Send a text frame to all clients, and another one only to the job's client."""
    context.node.text(inputs["text"], to_all=True)
    context.node.text(f"{inputs['text']} (to the client only)", to_all=False)
    return NodeResult((inputs["image"],))


async def block_with_message(_: Context, inputs: Inputs) -> NodeResult:
    """Block, with a message."""
    return NodeResult((Blocker(inputs["message"]),))


RUNNERS: dict[str, Runner] = {
    "LoadImage": load_image,
    "SaveImage": save_image,
    "PreviewImage": preview_image,
    "EmptyImage": empty_image,
    "ImageScale": _each(lambda picture, inputs: picture.scaled(inputs["width"], inputs["height"])),
    "ImageInvert": _each(lambda picture, _: picture.inverted()),
    "ImageBlur": _each(lambda picture, _: picture),
    "ImageSharpen": _each(lambda picture, _: picture),
    "ImageBlend": blend,
    "EmptyLatentImage": empty_latent,
    "FakeSampler": fake_sampler,
    "LatentPicture": _each(lambda picture, _: picture, "latent"),
    "SlowSteps": slow_steps,
    "FailAtStep": fail_at_step,
    "ExpandSlow": expand_slow,
    "SendText": send_text,
    "BlockWithMessage": block_with_message,
}
