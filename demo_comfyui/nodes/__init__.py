"""The node classes that a demo server can run, by name. Their definitions are in `demo_comfyui.catalogue`."""

from __future__ import annotations

from demo_comfyui.nodes import files, generators, masks, pictures, shapes, texts
from demo_comfyui.nodes.contract import NodeContext, Runner

__all__ = ["RUNNERS", "NodeContext"]

RUNNERS: dict[str, Runner] = {
    "LoadImage": files.load_image,
    "LoadImageMask": files.load_image_mask,
    "SaveImage": files.save_image,
    "PreviewImage": files.preview_image,
    "EmptyImage": pictures.empty_image,
    "ImageScale": pictures.image_scale,
    "ImageInvert": pictures.image_invert,
    "ImageBlur": pictures.image_blur,
    "ImageSharpen": pictures.image_sharpen,
    "ImageBlend": pictures.image_blend,
    "MaskToImage": masks.mask_to_image,
    "InvertMask": masks.invert_mask,
    "ImageCompositeMasked": masks.image_composite_masked,
    "PreviewAny": texts.preview_any,
    "Preview3D": texts.preview_3d,
    "StringConcatenate": texts.concatenate,
    "DemoRepeat": texts.demo_repeat,
    "DemoNote": shapes.demo_note,
    "DemoSampler": generators.demo_sampler,
    "DemoShape": shapes.demo_shape,
    "DemoVideoSampler": generators.demo_video_sampler,
    "DemoFailAt": generators.demo_fail_at,
    "DemoModel": pictures.demo_model,
    "DemoLora": pictures.demo_lora,
}
