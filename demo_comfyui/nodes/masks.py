"""Nodes about masks: MaskToImage, InvertMask, ImageCompositeMasked. A mask is 0 outside and 255 inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image, ImageOps

from demo_comfyui.model.results import NodeResult
from demo_comfyui.nodes.contract import NodeContext

if TYPE_CHECKING:
    from demo_comfyui.nodes.contract import Images


def mask_to_image(_: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """White where the mask is."""
    return NodeResult(([mask.convert("RGB") for mask in inputs["mask"]],))


def invert_mask(_: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Invert a mask."""
    return NodeResult(([ImageOps.invert(mask) for mask in inputs["mask"]],))


def image_composite_masked(_: NodeContext, inputs: dict[str, Any]) -> NodeResult:
    """Composite the source over the destination where the mask is, from (x, y) on; without a mask, all of it.

    The batch is as long as the destination's; shorter ones are repeated. The mask is as large as the source.
    """
    below: Images = inputs["destination"]
    above: Images = inputs["source"]
    masks: Images = inputs.get("mask") or []
    made = []
    for index, picture in enumerate(below):
        source = above[index % len(above)]
        if inputs["resize_source"]:
            source = source.resize(picture.size, Image.Resampling.BILINEAR)
        mask = masks[index % len(masks)] if masks else None
        if mask is not None and mask.size != source.size:
            mask = mask.resize(source.size, Image.Resampling.BILINEAR)
        result = picture.copy()
        result.paste(source, (inputs["x"], inputs["y"]), mask)
        made.append(result)
    return NodeResult((made,))
