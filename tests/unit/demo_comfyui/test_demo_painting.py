"""The painter: equal arguments give equal pictures, and each step shows more than the one before."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops, ImageStat

from demo_comfyui.painting.painter import paint
from demo_comfyui.painting.palette import AURORA, DAWN, DUSK, GOLD, WINTER, Kind, choose


def last(text: str, seed: int, steps: int = 4, size: tuple[int, int] = (96, 64)) -> Image.Image:
    pictures = list(paint(text, seed, steps, size))
    assert len(pictures) == steps
    assert all((picture.size, picture.mode) == (size, "RGB") for picture in pictures)
    return pictures[-1]


def difference(one: Image.Image, two: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(one, two)).mean)


def test_equal_arguments_give_equal_pictures() -> None:
    assert last("quiet hills", 7).tobytes() == last("quiet hills", 7).tobytes()


@pytest.mark.parametrize("other", [("quiet hills", 8), ("loud hills", 7)])
def test_another_text_or_seed_gives_another_picture(other: tuple[str, int]) -> None:
    assert difference(last("quiet hills", 7), last(*other)) > 1


def test_seeds_up_to_the_largest_are_told_apart() -> None:
    top = 18446744073709551615
    assert last("x", top).tobytes() != last("x", top - 1).tobytes()


def test_steps_come_closer_to_the_result() -> None:
    pictures = list(paint("evening over quiet hills", 3, 8, (128, 128)))
    distances = [difference(picture, pictures[-1]) for picture in pictures]
    assert distances[0] > distances[3] > distances[6] > distances[7] == 0


@pytest.mark.parametrize("size", [(64, 64), (64, 512), (512, 64), (1100, 72)])
@pytest.mark.parametrize("steps", [1, 200])
def test_every_size_and_number_of_steps_works(size: tuple[int, int], steps: int) -> None:
    last("dunes", 1, steps, size)


@pytest.mark.parametrize("text", ["", "  ", "日本の夜", "\x00\n", "word " * 2000])
def test_every_text_works(text: str) -> None:
    last(text, 0, 2)


@pytest.mark.parametrize(
    ("text", "palettes", "kind"),
    [
        ("Aurora over the Sea", (AURORA,), Kind.WATER),
        ("golden desert", (GOLD, DUSK), Kind.DUNES),
        ("snow on a mountain", (WINTER,), Kind.PEAKS),
        ("evening over quiet hills", (DUSK, DAWN), Kind.HILLS),
    ],
)
def test_known_words_choose_the_scene(text: str, palettes: tuple[object, ...], kind: Kind) -> None:
    import random

    for seed in range(5):
        found, found_kind = choose(text, random.Random(seed))
        assert found in palettes
        assert found_kind is kind
