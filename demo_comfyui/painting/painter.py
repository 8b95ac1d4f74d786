"""The painter: a wash first, then strokes along the forms of the scene, broad at first and fine at the last."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from PIL import Image, ImageDraw, ImageFilter

from demo_comfyui.painting.noise import Size, cloud
from demo_comfyui.painting.palette import choose
from demo_comfyui.painting.scene import compose

STROKES = 9000
"""The most strokes of a whole picture, for any number of steps: about a second of work."""
PIXELS = 40
"""Pixels for each stroke of a picture that is too small for so many."""
BROADEST, FINEST = 0.085, 0.0045
"""Widths of strokes as shares of the shorter side."""
FIELD = 72
"""Cells per side of the field that gives strokes their direction."""
CLARITY = 0.5
"""How much of the plain scene shows through at the end, so that small details survive."""
SUPERSAMPLED = 1024
"""Pictures up to this side are painted at double size, for smooth edges."""


def paint(text: str, seed: int, steps: int, size: Size) -> Iterator[Image.Image]:
    """The picture after each step, `steps` of them; equal arguments give equal pictures, byte by byte."""
    rng = random.Random(f"{seed}\n{text.strip()}")
    palette, kind = choose(text, rng)
    scene = compose(rng, size, palette, kind)
    canvas = _Canvas(rng, scene)
    strokes = min(STROKES, size[0] * size[1] // PIXELS)
    for step in range(1, steps + 1):
        yield canvas.after(step / steps, strokes // steps)


class _Canvas:
    def __init__(self, rng: random.Random, scene: Image.Image) -> None:
        self._rng = rng
        self._scene = scene
        self._scale = 2 if max(scene.size) <= SUPERSAMPLED else 1
        side = min(scene.size)
        wash = scene.resize((24, 24), Image.Resampling.BOX).resize(scene.size, Image.Resampling.BICUBIC)
        wash = wash.filter(ImageFilter.GaussianBlur(side / 24))
        self._picture = wash.resize((scene.width * self._scale, scene.height * self._scale))
        self._draw = ImageDraw.Draw(self._picture)
        self._angles = _directions(rng, scene)
        self._details = _details(scene)

    def after(self, share: float, strokes: int) -> Image.Image:
        """Paint the strokes of this share of the work, and return the picture as it looks then."""
        side = min(self._picture.size)
        width = side * BROADEST * (FINEST / BROADEST) ** share
        blur = max(1, round(width / self._scale / 2))
        colors = self._scene.reduce(blur) if blur > 1 else self._scene
        for _ in range(strokes):
            self._stroke(colors, width * self._rng.uniform(0.6, 1.2), share)
        shown = self._picture.reduce(self._scale) if self._scale > 1 else self._picture.copy()
        return Image.blend(shown, self._scene, CLARITY * share**3)

    def _stroke(self, colors: Image.Image, width: float, share: float) -> None:
        x, y = self._place(share)
        color = colors.getpixel((int(x * colors.width), int(y * colors.height)))
        assert isinstance(color, tuple)
        lift = self._rng.uniform(-9, 9)
        points = [(x * self._picture.width, y * self._picture.height)]
        pace = width * 1.3
        for _ in range(4):
            angle = self._angles[int(y * FIELD)][int(x * FIELD)]
            px, py = points[-1]
            points.append((px + math.cos(angle) * pace, py + math.sin(angle) * pace))
            x = min(0.999, max(0.0, points[-1][0] / self._picture.width))
            y = min(0.999, max(0.0, points[-1][1] / self._picture.height))
        fill = tuple(min(255, max(0, round(part + lift))) for part in color)
        self._draw.line(points, fill=fill, width=max(1, round(width)), joint="curve")

    def _place(self, share: float) -> tuple[float, float]:
        """Return a place: anywhere at first, later where there is detail."""
        x, y = self._rng.random(), self._rng.random()
        for _ in range(round(share * 3)):
            other = self._rng.random(), self._rng.random()
            if self._detail(*other) > self._detail(x, y):
                x, y = other
        return x, y

    def _detail(self, x: float, y: float) -> int:
        return self._details[int(y * FIELD) * FIELD + int(x * FIELD)]


def _directions(rng: random.Random, scene: Image.Image) -> list[list[float]]:
    """Return an angle for each cell: along the scene's edges if there are any, else nearly level."""
    small = scene.convert("L").resize((FIELD, FIELD), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(1.5))
    light = small.tobytes()
    flow = cloud(rng, (FIELD, FIELD), (3, 4), 2).tobytes()
    angles = []
    for y in range(FIELD):
        row = []
        for x in range(FIELD):
            left, right = light[y * FIELD + max(0, x - 1)], light[y * FIELD + min(FIELD - 1, x + 1)]
            above, below = light[max(0, y - 1) * FIELD + x], light[min(FIELD - 1, y + 1) * FIELD + x]
            across, down = right - left, below - above
            gentle = (flow[y * FIELD + x] / 255 - 0.5) * 1.5
            edge = math.atan2(across, -down) if across * across + down * down > 40 else gentle
            if edge > math.pi / 2:
                edge -= math.pi
            elif edge < -math.pi / 2:
                edge += math.pi
            row.append(edge)
        angles.append(row)
    return angles


def _details(scene: Image.Image) -> bytes:
    edges = scene.convert("L").filter(ImageFilter.FIND_EDGES).filter(ImageFilter.GaussianBlur(2))
    return edges.resize((FIELD, FIELD), Image.Resampling.BOX).tobytes()
