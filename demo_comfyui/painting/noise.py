"""Soft noise as pictures and curves, from a seeded generator: random grids, enlarged smoothly and added up."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from PIL import Image, ImageChops

Size = tuple[int, int]


def cloud(rng: random.Random, size: Size, cells: tuple[int, int], octaves: int = 4) -> Image.Image:
    """Fractal noise, L, 0…255 around 128; `cells` is the coarsest grid, so unequal cells stretch it."""
    total = _grid(rng, cells, size)
    for octave in range(1, octaves):
        finer = (min(cells[0] << octave, size[0]), min(cells[1] << octave, size[1]))
        total = Image.blend(total, _grid(rng, finer, size), 1 / (octave + 1.6))
    low, high = min(total.tobytes()), max(total.tobytes())
    span = max(1, high - low)
    return total.point([min(255, max(0, (value - low) * 255 // span)) for value in range(256)])


def _grid(rng: random.Random, cells: Size, size: Size) -> Image.Image:
    grid = Image.frombytes("L", cells, rng.randbytes(cells[0] * cells[1]))
    return grid.resize(size, Image.Resampling.BICUBIC)


def curve(rng: random.Random, roughness: float, octaves: int = 6) -> Callable[[float], float]:
    """A wavy line over 0…1 with values around 0, about ±1; a higher roughness keeps more of the small waves."""
    waves = []
    for octave in range(octaves):
        strength = roughness**octave
        waves.append((rng.uniform(0.7, 1.4) * 2**octave, rng.uniform(0, math.tau), strength))
    top = sum(strength for _, _, strength in waves)

    def at(x: float) -> float:
        return sum(math.sin(x * pace * 4.1 + phase) * strength for pace, phase, strength in waves) / top

    return at


def ridge(rng: random.Random, points: int, roughness: float) -> list[float]:
    """A jagged line of `points` values, about -0.5…1.2: a few summits, broken up by midpoint displacement."""
    length = 1
    while length + 1 < points:
        length *= 2
    line = [0.0] * (length + 1)
    step, strength = max(1, length // 8), 0.3
    first = rng.randrange(3)
    for index in range(0, length + 1, step):
        line[index] = rng.uniform(0.4, 1.0) if (index // step + first) % 3 == 0 else rng.uniform(-0.5, 0.1)
    while step > 1:
        half = step // 2
        for index in range(half, length, step):
            line[index] = (line[index - half] + line[index + half]) / 2 + rng.uniform(-strength, strength)
        step, strength = half, strength * roughness
    return line[:points]


def lighten(below: Image.Image, color: tuple[int, int, int], mask: Image.Image) -> Image.Image:
    """Light of a colour added where the mask says how much."""
    glow = Image.composite(Image.new("RGB", below.size, color), Image.new("RGB", below.size), mask)
    return ImageChops.screen(below, glow)
