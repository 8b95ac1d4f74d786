"""placeholder"""

from __future__ import annotations

import random
from collections.abc import Iterator

from PIL import Image


def paint(text: str, seed: int, steps: int, size: tuple[int, int]) -> Iterator[Image.Image]:
    rng = random.Random(f"{text}{seed}")
    grid = Image.new("RGB", (8, 8))
    grid.putdata([(rng.randrange(256), rng.randrange(256), rng.randrange(256)) for _ in range(64)])
    for _ in range(steps):
        yield grid.resize(size, Image.Resampling.BICUBIC)
