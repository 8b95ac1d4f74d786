"""The picture nodes: sizes, batches, and colours against the real nodes' arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from demo_comfyui.nodes import NodeContext, pictures
from demo_comfyui.nodes.files import load_image, save_image
from demo_comfyui.storage import Storage


@pytest.fixture
def node_context(tmp_path: Path) -> NodeContext:
    return NodeContext(
        storage=Storage(tmp_path),
        prompt={"1": {}},
        extra_pnginfo={"workflow": {"a": 1}},
        memory={},
        step_seconds=0,
        step=lambda *_: None,
        animate=lambda *_: None,
    )


def flat(color: tuple[int, int, int], size: tuple[int, int] = (8, 6)) -> Image.Image:
    return Image.new("RGB", size, color)


def only(result: Any) -> Image.Image:
    (picture,) = result.outputs[0]
    return picture


def test_the_spread_of_the_kernel_follows_radius_and_sigma() -> None:
    assert pictures.kernel_spread(1, 1.0) == pytest.approx(0.740, abs=0.001)
    assert pictures.kernel_spread(31, 10.0) > pictures.kernel_spread(31, 1.0) > pictures.kernel_spread(3, 1.0)
    assert pictures.kernel_spread(5, 0.1) < 0.6


def test_blur_and_sharpen_leave_a_flat_picture_alone_and_change_an_edge(node_context: NodeContext) -> None:
    edge = flat((0, 0, 0), (40, 8))
    edge.paste((200, 200, 200), (20, 0, 40, 8))
    blur = {"blur_radius": 4, "sigma": 1.0}
    sharpen = {"sharpen_radius": 2, "sigma": 1.0, "alpha": 1.0}
    assert only(pictures.image_blur(node_context, {"image": [flat((9, 8, 7))], **blur})).getpixel((3, 3)) == (9, 8, 7)
    assert only(pictures.image_sharpen(node_context, {"image": [flat((9, 8, 7))], **sharpen})).getpixel((3, 3)) == (
        9,
        8,
        7,
    )
    blurred = only(pictures.image_blur(node_context, {"image": [edge], **blur}))
    assert 0 < blurred.getpixel((19, 4))[0] < 110 < blurred.getpixel((20, 4))[0] < 200
    sharpened = only(pictures.image_sharpen(node_context, {"image": [edge], **sharpen}))
    assert (sharpened.getpixel((19, 4))[0], sharpened.getpixel((20, 4))[0]) == (0, 255)


def test_a_blend_scales_and_repeats_the_second_picture(node_context: NodeContext) -> None:
    inputs = {
        "image1": [flat((0, 0, 0)), flat((100, 100, 100))],
        "image2": [flat((200, 0, 0), (16, 16))],
        "blend_factor": 0.5,
        "blend_mode": "normal",
    }
    first, second = pictures.image_blend(node_context, inputs).outputs[0]
    assert (first.size, first.getpixel((2, 2))) == ((8, 6), (100, 0, 0))
    assert second.getpixel((2, 2)) == (150, 50, 50)
    with pytest.raises(RuntimeError, match="must match the size"):
        pictures.image_blend(node_context, {**inputs, "image2": [flat((1, 1, 1))] * 3})


def test_center_crops_to_the_new_aspect(node_context: NodeContext) -> None:
    picture = flat((255, 0, 0), (40, 10))
    picture.paste((0, 0, 255), (15, 0, 25, 10))
    inputs = {"image": [picture], "upscale_method": "nearest-exact", "width": 10, "height": 10, "crop": "center"}
    assert set(only(pictures.image_scale(node_context, inputs)).get_flattened_data()) == {(0, 0, 255)}


def test_loading_gives_upright_frames_and_inverted_alpha(node_context: NodeContext) -> None:
    folder = node_context.storage.folder("input")
    Image.new("RGBA", (4, 3), (1, 2, 3, 55)).save(folder / "alpha.png")
    images, masks = load_image(node_context, {"image": "alpha.png"}).outputs
    assert (images[0].mode, images[0].getpixel((0, 0)), masks[0].getpixel((0, 0))) == ("RGB", (1, 2, 3), 200)
    flat((5, 5, 5)).save(folder / "plain.png")
    _, masks = load_image(node_context, {"image": "plain.png"}).outputs
    assert (masks[0].size, masks[0].getextrema()) == ((64, 64), (0, 0))
    turned = Image.Exif()
    turned[0x0112] = 6
    flat((5, 5, 5), (8, 4)).save(folder / "turned.jpg", exif=turned)
    images, _ = load_image(node_context, {"image": "turned.jpg"}).outputs
    assert images[0].size == (4, 8)
    flat((5, 5, 5)).save(folder / "moving.gif", save_all=True, append_images=[flat((200, 5, 5))])
    images, masks = load_image(node_context, {"image": "moving.gif"}).outputs
    assert len(images) == len(masks) == 2


def test_saving_writes_prompt_and_workflow_into_the_picture(node_context: NodeContext) -> None:
    result = save_image(node_context, {"images": [flat((1, 1, 1))] * 2, "filename_prefix": "s"})
    assert result.ui is not None
    names = [image["filename"] for image in result.ui["images"]]
    assert names == ["s_00001_.png", "s_00002_.png"]
    with Image.open(node_context.storage.folder("output") / names[1]) as saved:
        assert saved.text == {"prompt": '{"1": {}}', "workflow": '{"a": 1}'}
