"""An icon as PNG, drawn from its SVG, for launchers that show no SVG.

    icon_png(svg, 512)     # the bytes of a PNG of 512 × 512

It reads only what our icons consist of: a filled square, whose corners may be round, and one group of circles and paths
that are stroked with round ends. How much of a pixel a stroke covers follows from the pixel's distance to the stroke's
middle, which gives smooth edges without a library. Pure; equal texts give equal bytes with the same zlib.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from math import ceil, floor, hypot
from xml.etree import ElementTree

_SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?(?:\d*\.)?\d+")
_COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")
_STEPS = 16  # lines that stand for a curve
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB, _RGBA = 2, 6

_Distance = Callable[[complex], float]  # of a point from the middle of a stroke


def icon_png(svg: str, size: int, *, is_opaque: bool = False) -> bytes:
    """Return the icon at this size; round corners are transparent, unless it `is_opaque`. ValueError: no such icon."""
    root = ElementTree.fromstring(svg)
    square, group = root.find(f"{_SVG}rect"), root.find(f"{_SVG}g")
    if square is None or group is None:
        raise ValueError("an icon has a square and a group of strokes")
    scale = size / float(square.get("width", ""))
    paper, pen = _rgb(square.get("fill", "")), _rgb(group.get("stroke", ""))
    radius = 0.0 if is_opaque else float(square.get("rx", "0")) * scale
    alpha = b"\xff" if radius else b""
    blends = [
        bytes(round(a + (b - a) * part / 255) for a, b in zip(paper, pen, strict=True)) + alpha for part in range(256)
    ]
    ink = _ink(group, size, scale)
    rows = [bytearray().join(blends[part] for part in ink[y * size : (y + 1) * size]) for y in range(size)]
    for y, x in product(range(ceil(radius)), repeat=2):
        covered = _covered(hypot(radius - x - 0.5, radius - y - 0.5) - radius)
        for row, column in product((y, size - 1 - y), (x, size - 1 - x)):
            rows[row][4 * column + 3] = covered
    header = struct.pack(">IIBBBBB", size, size, 8, _RGBA if radius else _RGB, 0, 0, 0)
    data = b"".join(b"\0" + row for row in rows)  # no row is filtered
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(data, 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _ink(group: ElementTree.Element, size: int, scale: float) -> bytearray:
    """Return how much of each pixel the strokes cover, from 0 to 255."""
    left, top, zoom = [*map(float, _NUMBER.findall(group.get("transform", "")))] or (0.0, 0.0, 1.0)
    to_pixels = scale * zoom
    origin = complex(left, top) * scale
    half = float(group.get("stroke-width", "")) / 2 * to_pixels
    ink = bytearray(size * size)
    for first, last, distance in _strokes(group):
        low, high = (origin + corner * to_pixels for corner in (first, last))
        for y in range(floor(low.imag - half), ceil(high.imag + half)):
            for x in range(floor(low.real - half), ceil(high.real + half)):
                pixel = y * size + x
                if ink[pixel] < 255:
                    away = distance((complex(x + 0.5, y + 0.5) - origin) / to_pixels) * to_pixels
                    ink[pixel] = max(ink[pixel], _covered(away - half))
    return ink


def _strokes(group: ElementTree.Element) -> Iterator[tuple[complex, complex, _Distance]]:
    """The middles of the strokes, each with the corners of the rectangle that it lies in."""
    for shape in group:
        if shape.tag == f"{_SVG}circle":
            centre = complex(float(shape.get("cx", "")), float(shape.get("cy", "")))
            radius = float(shape.get("r", ""))
            reach = complex(radius, radius)
            yield centre - reach, centre + reach, _ring(centre, radius)
        elif shape.tag == f"{_SVG}path":
            for line in _lines(shape.get("d", "")):
                for start, end in pairwise(line):
                    xs, ys = sorted((start.real, end.real)), sorted((start.imag, end.imag))
                    yield complex(xs[0], ys[0]), complex(xs[1], ys[1]), _segment(start, end)
        else:
            raise ValueError(f"an icon has no {shape.tag}")


def _lines(path: str) -> list[list[complex]]:
    """Return the lines of a path, by their points."""
    lines: list[list[complex]] = []
    for command, text in _COMMAND.findall(path):
        numbers = [*map(float, _NUMBER.findall(text))]
        if command == "M":
            lines.append([complex(*numbers)])
            continue
        line = lines[-1]
        match command:
            case "V":
                line.append(complex(line[-1].real, *numbers))
            case "h":
                line.append(line[-1] + numbers[0])
            case "c":
                for at in range(0, len(numbers), 6):
                    line += _curve(line[-1], *(complex(*numbers[at + i : at + i + 2]) for i in (0, 2, 4)))
            case _:
                raise ValueError(f"an icon has no path with {command}")
    return lines


def _curve(start: complex, first: complex, second: complex, end: complex) -> Iterator[complex]:
    """The points of a Bézier curve after its start, from which the others are counted."""
    for step in range(1, _STEPS + 1):
        part = step / _STEPS
        rest = 1 - part
        yield start + 3 * rest * rest * part * first + 3 * rest * part * part * second + part**3 * end


def _ring(centre: complex, radius: float) -> _Distance:
    return lambda point: abs(abs(point - centre) - radius)


def _segment(start: complex, end: complex) -> _Distance:
    way = end - start
    length = abs(way) ** 2

    def distance(point: complex) -> float:
        off = point - start
        part = (off.real * way.real + off.imag * way.imag) / length
        return abs(off - way * min(1.0, max(0.0, part)))

    return distance


def _covered(outside: float) -> int:
    """Return how much of a pixel is covered whose middle is so far outside, from 0 to 255."""
    return round(255 * min(1.0, max(0.0, 0.5 - outside)))


def _rgb(colour: str) -> tuple[int, ...]:
    digits = colour.removeprefix("#")
    wide = len(digits) // 3
    return tuple(int((digits[at : at + wide] * 2)[:2], 16) for at in range(0, len(digits), wide))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
