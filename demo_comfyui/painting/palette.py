"""Colours and kinds of scenes, chosen by a few words of the text and by chance from its hash."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

Color = tuple[int, int, int]


class Kind(Enum):
    """What the lower half shows."""

    HILLS = "hills"
    PEAKS = "peaks"
    DUNES = "dunes"
    WATER = "water"


@dataclass(frozen=True, slots=True)
class Palette:
    """The sky from top to horizon, its light, and the land from far to near."""

    sky: tuple[Color, ...]
    light: Color
    far: Color
    near: Color
    is_night: bool = False


def _color(code: str) -> Color:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def _palette(sky: str, light: str, far: str, near: str, *, is_night: bool = False) -> Palette:
    return Palette(tuple(map(_color, sky.split())), _color(light), _color(far), _color(near), is_night)


DAWN = _palette("274060 6b6b9e c98ba0 f6b8a0 ffe3c0", "fff1d6", "b98f9f", "1d2440")
DUSK = _palette("1f2a52 5a3f7a b9557a f0815f ffc879", "ffe6b0", "a8617c", "1a1733")
DAY = _palette("2f6fb0 5f9fd0 9cc9e6 d6ecf2 fbf6e6", "ffffff", "9fbccb", "1f4a45")
GOLD = _palette("4a6fa5 8fa9c4 d8cfae f3cf86 ffe9b5", "fff6d8", "c9a877", "4a2a1c")
MIST = _palette("5f7f8f 8aa5ad b4c6c6 d7dfd8 f0eee2", "ffffff", "aebfbd", "22383a")
NIGHT = _palette("050a1e 0b1638 14305a 1f5a73 3f8c8a", "eaf6ff", "25506a", "040a16", is_night=True)
AURORA = _palette("060818 0c1433 152a4d 1d4a5c 2c6d6b", "d6ffe9", "1e4556", "03060f", is_night=True)
WINTER = _palette("4d6a94 7f97b8 b3c1d6 e0dfe8 fbeee6", "fffaf2", "b9c4d8", "2b3a55")

PALETTES = (DAWN, DUSK, DAY, GOLD, MIST, NIGHT, AURORA, WINTER)

_PALETTE_WORDS: tuple[tuple[str, tuple[Palette, ...]], ...] = (
    ("aurora northern polar 极光", (AURORA,)),
    ("night moon star midnight dark 夜 月 星", (NIGHT, AURORA)),
    ("snow winter ice frost cold 雪 冬 冰", (WINTER,)),
    ("fog mist cloud rain 雾 云 雨", (MIST, DAWN)),
    ("dawn morning sunrise spring 晨 春", (DAWN, GOLD)),
    ("dusk evening sunset twilight autumn 黄昏 暮 秋", (DUSK, DAWN)),
    ("desert dune sand gold warm 沙", (GOLD, DUSK)),
    ("day noon summer blue sky 夏 天空", (DAY,)),
)
_KIND_WORDS: tuple[tuple[str, Kind], ...] = (
    ("sea ocean lake water river coast bay harbour harbor island 海 湖 水 河", Kind.WATER),
    ("desert dune sand 沙", Kind.DUNES),
    ("mountain peak alp summit snow rock 山 峰", Kind.PEAKS),
    ("hill valley field meadow forest wood tree 丘 田 林", Kind.HILLS),
)


def choose(text: str, rng: random.Random) -> tuple[Palette, Kind]:
    """Return the palette and the kind of scene for a text; known words decide, else chance."""
    lowered = text.lower()
    palette = rng.choice(PALETTES)
    kind = rng.choice(tuple(Kind))
    for words, palettes in _PALETTE_WORDS:
        if _mentions(lowered, words):
            palette = rng.choice(palettes)
            break
    for words, found in _KIND_WORDS:
        if _mentions(lowered, words):
            kind = found
            break
    return palette, kind


def _mentions(text: str, words: str) -> bool:
    return any(word in text for word in words.split())


def mix(one: Color, two: Color, share: float) -> Color:
    """The colour between two, `share` of the way to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, two, strict=True))
    return red, green, blue
