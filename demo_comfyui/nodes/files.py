"""Nodes that read and write files: LoadImage, LoadImageMask, SaveImage, PreviewImage."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps, ImageSequence
from PIL.PngImagePlugin import PngInfo

from demo_comfyui.model.results import NodeResult
from demo_comfyui.nodes.contract import NodeContext
from demo_comfyui.storage import Storage, asset_of

if TYPE_CHECKING:
    from demo_comfyui.nodes.contract import Images

SAVE_COMPRESSION = 4
PREVIEW_COMPRESSION = 1
NO_MASK = (64, 64)
"""The size of the empty mask of a picture without transparency."""


def load_image(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Read a picture upright, with every frame of the first one's size; the mask is 1 - alpha."""
    images: Images = []
    masks: Images = []
    with Image.open(context.storage.input_path(inputs["image"])) as file:
        for each in ImageSequence.Iterator(file):
            frame = ImageOps.exif_transpose(each)
            if frame.mode == "I":
                frame = frame.point(lambda value: value * (1 / 255))
            image = frame.convert("RGB")
            if images and image.size != images[0].size:
                continue
            images.append(image)
            masks.append(_mask(frame))
        if file.format == "MPO":  # its other frames are the camera's thumbnails
            images, masks = images[:1], masks[:1]
    return NodeResult((images, masks))


def load_image_mask(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Read one channel of a picture, upright; alpha is inverted."""
    with Image.open(context.storage.input_path(inputs["image"])) as file:
        frame: Image.Image = ImageOps.exif_transpose(file)
        if frame.getbands() != ("R", "G", "B", "A"):
            if frame.mode == "I":
                frame = frame.point(lambda value: value * (1 / 255))
            frame = frame.convert("RGBA")
        channel = inputs["channel"][0].upper()
        mask = frame.getchannel(channel)
    return NodeResult(([ImageOps.invert(mask) if channel == "A" else mask],))


def _mask(frame: Image.Image) -> Image.Image:
    if "A" in frame.getbands():
        return ImageOps.invert(frame.getchannel("A").convert("L"))
    if frame.mode == "P" and "transparency" in frame.info:
        return ImageOps.invert(frame.convert("RGBA").getchannel("A"))
    return Image.new("L", NO_MASK, 0)


def input_exists(storage: Storage, name: Any) -> bool:
    """Whether LoadImage would find `name`."""
    return Path(storage.input_path(name)).exists()


def file_mark(storage: Storage, inputs: dict[str, Any]) -> str:
    """Return the hash of the file that LoadImage would read, so that a replaced file is not taken from the cache."""
    with Path(storage.input_path(inputs["image"])).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_image(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Write one PNG per picture of the batch into output/."""
    return _save(context, inputs["images"], inputs["filename_prefix"], "output")


def preview_image(context: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Write into temp/, under a prefix that is random per process and node."""
    letters = context.memory.setdefault("letters", "".join(random.choices("abcdefghijklmnopqrstupvxyz", k=5)))
    return _save(context, inputs["images"], f"ComfyUI_temp_{letters}", "temp")


def _save(context: NodeContext, images: Images, prefix: str, kind: str) -> NodeResult:
    place = context.storage.save_place(prefix, kind, images[0].size)
    compression = SAVE_COMPRESSION if kind == "output" else PREVIEW_COMPRESSION
    saved = []
    for index, image in enumerate(images):
        name = place.next_name(index)
        image.save(place.folder / name, pnginfo=_png_info(context), compress_level=compression)
        saved.append(
            {"filename": name, "subfolder": place.subfolder, "type": kind, **_asset(context, place.folder / name)}
        )
    return NodeResult((images,), {"images": saved})


def _asset(context: NodeContext, path: Path) -> dict[str, str]:
    return {"id": asset_of(path)["id"]} if context.has_assets else {}


def _png_info(context: NodeContext) -> PngInfo:
    info = PngInfo()
    info.add_text("prompt", json.dumps(context.prompt))
    for key, value in (context.extra_pnginfo or {}).items():
        info.add_text(key, json.dumps(value))
    if context.stamp:
        info.add_text("server", context.stamp)
    return info
