"""Nodes that make and change pictures: EmptyImage, ImageScale, ImageInvert, ImageBlur, ImageSharpen, ImageBlend.

They compute what the real nodes compute, with Pillow's filters: results are close, not equal to the last bit.
"""

from __future__ import annotations

import math
from binascii import crc32
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageChops, ImageFilter, ImageOps

from demo_comfyui.model.results import NodeResult
from demo_comfyui.models import find
from demo_comfyui.nodes.contract import NodeContext

if TYPE_CHECKING:
    from demo_comfyui.nodes.contract import Images

_RESAMPLING = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def empty_image(_: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """A batch of one colour; the batch shares one picture, since nothing changes a picture in place."""
    color = inputs["color"]
    picture = Image.new("RGB", (inputs["width"], inputs["height"]), (color >> 16 & 255, color >> 8 & 255, color & 255))
    return NodeResult(([picture] * inputs["batch_size"],))


def image_scale(_: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Resize; a side of 0 follows the other, both 0 pass the picture on; `center` keeps the aspect by cropping."""
    width, height = inputs["width"], inputs["height"]
    images: Images = inputs["image"]
    if width == 0 and height == 0:
        return NodeResult((images,))
    old_width, old_height = images[0].size
    width = width or max(1, round(old_width * height / old_height))
    height = height or max(1, round(old_height * width / old_width))
    method = _RESAMPLING[inputs["upscale_method"]]
    center = inputs["crop"] == "center"
    return NodeResult(([_scaled(image, (width, height), method, center) for image in images],))


def _scaled(image: Image.Image, size: tuple[int, int], method: Image.Resampling, center: bool) -> Image.Image:
    if not center:
        return image.resize(size, method)
    old, new = image.width / image.height, size[0] / size[1]
    x = round((image.width - image.width * (new / old)) / 2) if old > new else 0
    y = round((image.height - image.height * (old / new)) / 2) if old < new else 0
    return image.resize(size, method, (x, y, image.width - x, image.height - y))


def image_invert(_: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """The negative."""
    return NodeResult(([ImageOps.invert(image) for image in inputs["image"]],))


def image_blur(_: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """A Gaussian blur as wide as the real node's cut-off kernel."""
    spread = kernel_spread(inputs["blur_radius"], inputs["sigma"])
    return NodeResult(([image.filter(ImageFilter.GaussianBlur(spread)) for image in inputs["image"]],))


def image_sharpen(_: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """The real kernel sums to one: image + 10 · alpha · (image - blurred), which is an unsharp mask."""
    spread = kernel_spread(inputs["sharpen_radius"], inputs["sigma"])
    unsharp = ImageFilter.UnsharpMask(spread, round(inputs["alpha"] * 1000), 0)
    return NodeResult(([image.filter(unsharp) for image in inputs["image"]],))


def kernel_spread(radius: int, sigma: float) -> float:
    """The standard deviation, in pixels, of the real nodes' kernel: a Gaussian over -1…1, cut off at the radius."""
    weights = [math.exp(-((index / radius) ** 2) / (2 * sigma * sigma)) for index in range(-radius, radius + 1)]
    squares = (weight * index * index for weight, index in zip(weights, range(-radius, radius + 1), strict=True))
    return math.sqrt(sum(squares) / sum(weights))


def image_blend(_: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Blend the second picture over the first, scaled to its size where they differ."""
    below: Images = inputs["image1"]
    above: Images = inputs["image2"]
    if len(below) != len(above) and 1 not in (len(below), len(above)):
        raise RuntimeError(
            f"The size of tensor a ({len(below)}) must match the size of tensor b ({len(above)})"
            " at non-singleton dimension 0"
        )
    count = max(len(below), len(above))
    pairs = [(below[index % len(below)], above[index % len(above)]) for index in range(count)]
    factor, mode = inputs["blend_factor"], inputs["blend_mode"]
    return NodeResult(([_blended(one, two, mode, factor) for one, two in pairs],))


def _blended(below: Image.Image, above: Image.Image, mode: str, factor: float) -> Image.Image:
    if above.size != below.size:
        above = _scaled(above, below.size, Image.Resampling.BICUBIC, center=True)
    match mode:
        case "normal":
            mixed = above
        case "multiply":
            mixed = ImageChops.multiply(below, above)
        case "screen":
            mixed = ImageChops.screen(below, above)
        case "overlay":
            mixed = ImageChops.overlay(below, above)
        case "soft_light":
            mixed = ImageChops.soft_light(below, above)
        case "difference":  # the real one subtracts, and clips only after the factor
            return ImageChops.subtract(below, above.point(lambda value: value * factor))
        case _:
            raise ValueError(f"Unsupported blend mode: {mode}")
    return Image.blend(below, mixed, factor)


def demo_model(_: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """The picture in the tint of a model."""
    return NodeResult(([_tinted(image, "checkpoints", inputs["ckpt_name"]) for image in inputs["image"]],))


def demo_lora(_: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Return the picture, tinted by the given strength."""
    images: Images = inputs["image"]
    tinted = [_tinted(image, "loras", inputs["lora_name"]) for image in images]
    return NodeResult(([Image.blend(*each, inputs["strength"]) for each in zip(images, tinted, strict=True)],))


def _tinted(image: Image.Image, folder: str, name: str) -> Image.Image:
    name = name.replace("\\", "/")
    model = find(folder, name)
    tint = model.tint if model is not None else f"#{crc32(name.encode()) & 0x7F7F7F:06x}"  # a downloaded model
    return ImageOps.colorize(image.convert("L"), tint, "white")
