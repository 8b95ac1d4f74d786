"""The nodes about masks, against the real nodes' arithmetic: alpha 0 is mask 1, and colours under it stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from demo_comfyui.catalogue import catalogue_of
from demo_comfyui.model.validation import validate_prompt
from demo_comfyui.model.versions import OLD
from demo_comfyui.nodes import RUNNERS, NodeContext
from demo_comfyui.storage import Storage


@pytest.fixture
def mask_context(tmp_path: Path) -> NodeContext:
    """A server's surroundings, with one picture: red, and transparent in its right half."""
    picture = Image.new("RGBA", (4, 2), (200, 10, 20, 255))
    picture.paste((200, 10, 20, 0), (2, 0, 4, 2))
    storage = Storage(tmp_path)
    picture.save(storage.folder("input") / "half.png")
    return NodeContext(
        storage=storage,
        prompt={},
        extra_pnginfo=None,
        memory={},
        step_seconds=0,
        step=lambda *_: None,
        animate=lambda *_: None,
    )


def run(context: NodeContext, class_type: str, **inputs: Any) -> tuple[Any, ...]:
    return RUNNERS[class_type](context, inputs).outputs


def row(picture: Image.Image) -> list[Any]:
    return [picture.getpixel((x, 0)) for x in range(picture.width)]


def test_transparency_is_the_mask_and_colours_under_it_stay(mask_context: NodeContext) -> None:
    (image,), (mask,) = run(mask_context, "LoadImage", image="half.png")
    assert row(image) == [(200, 10, 20)] * 4
    assert row(mask) == [0, 0, 255, 255]


@pytest.mark.parametrize(("channel", "values"), [("alpha", [0, 0, 255, 255]), ("red", [200] * 4), ("blue", [20] * 4)])
def test_one_channel_is_a_mask(mask_context: NodeContext, channel: str, values: list[int]) -> None:
    ((mask,),) = run(mask_context, "LoadImageMask", image="half.png", channel=channel)
    assert row(mask) == values


def test_a_mask_becomes_a_picture_and_its_inverse(mask_context: NodeContext) -> None:
    mask = Image.new("L", (2, 1), 255)
    mask.putpixel((1, 0), 40)
    assert row(run(mask_context, "MaskToImage", mask=[mask])[0][0]) == [(255,) * 3, (40,) * 3]
    assert row(run(mask_context, "InvertMask", mask=[mask])[0][0]) == [0, 215]


def test_a_picture_is_laid_over_another_where_the_mask_is(mask_context: NodeContext) -> None:
    below, above = Image.new("RGB", (4, 1), (0, 0, 0)), Image.new("RGB", (2, 1), (100, 100, 100))
    mask = Image.new("L", (2, 1), 255)
    mask.putpixel((1, 0), 0)
    given = {"destination": [below], "source": [above], "x": 1, "y": 0, "resize_source": False}
    masked = run(mask_context, "ImageCompositeMasked", **given, mask=[mask])[0][0]
    assert [value[0] for value in row(masked)] == [0, 100, 0, 0]
    whole = run(mask_context, "ImageCompositeMasked", **given)[0][0]
    assert [value[0] for value in row(whole)] == [0, 100, 100, 0]
    assert row(below) == [(0, 0, 0)] * 4, "what is given is never changed"


def test_what_is_optional_may_be_missing_but_is_checked() -> None:
    def verdict(**more: Any) -> Any:
        size = {"width": 8, "height": 8, "batch_size": 1, "color": 0}
        inputs = {"destination": ["1", 0], "source": ["1", 0], "x": 0, "y": 0, "resize_source": False, **more}
        prompt = {
            "1": {"class_type": "EmptyImage", "inputs": size},
            "2": {"class_type": "ImageCompositeMasked", "inputs": inputs},
            "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
        }
        return validate_prompt(prompt, None, lambda _: True, OLD, catalogue_of(OLD.number))

    assert verdict().error is None
    faults = verdict(mask=["1", 0]).node_errors["2"]["errors"]
    assert [fault["type"] for fault in faults] == ["return_type_mismatch"]
