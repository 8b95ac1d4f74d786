"""Icons are drawn as their SVG describes them."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from gateway.page.icon_png import icon_png

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" rx="2" fill="#0f4c5c"/>'
    '<g transform="translate(1 1) scale(.75)" fill="none" stroke="#fff" stroke-width="1.6">{}</g></svg>'
)
BLUE, WHITE = (15, 76, 92), (255, 255, 255)


def drawn(shapes: str, *, is_opaque: bool = True) -> Image.Image:
    """Return the icon with these shapes, whose point (2, 2) is at pixel (25, 25), and (6, 6) at (55, 55)."""
    return Image.open(io.BytesIO(icon_png(SVG.format(shapes), 80, is_opaque=is_opaque)))


@pytest.mark.parametrize(
    ("shapes", "white", "blue"),
    [
        ('<circle cx="4" cy="4" r="2"/>', [(55, 40), (25, 40), (40, 25)], [(40, 40), (70, 40)]),
        ('<path d="M2 2V6"/>', [(25, 25), (25, 55), (25, 59)], [(35, 40), (25, 64), (40, 25)]),
        ('<path d="M2 2h4"/>', [(25, 25), (55, 25)], [(40, 35), (64, 25)]),
        ('<path d="M2 2c0 2 2 4 4 4"/>', [(25, 25), (34, 46), (55, 55)], [(25, 55), (45, 30)]),
        ('<path d="M2 2c0 2 2 4 4 4 0-2 0-2 0-4"/>', [(55, 30)], [(40, 30)]),
    ],
)
def test_strokes_are_where_the_svg_has_them(
    shapes: str, white: list[tuple[int, int]], blue: list[tuple[int, int]]
) -> None:
    icon = drawn(shapes)
    assert {icon.getpixel(place) for place in white} == {WHITE}
    assert {icon.getpixel(place) for place in blue} == {BLUE}


def test_edges_are_smooth() -> None:
    edge = {drawn('<circle cx="4" cy="4" r="2"/>').getpixel((x, 30)) for x in range(80)}
    assert len(edge) > 2


def test_round_corners_are_transparent_unless_the_icon_is_opaque() -> None:
    icon = drawn("", is_opaque=False)
    assert [icon.getpixel(place) for place in ((0, 0), (79, 79), (5, 6), (40, 0), (40, 40))] == [
        (*BLUE, alpha) for alpha in (0, 0, 176, 255, 255)
    ]
    assert drawn("").getpixel((0, 0)) == BLUE


@pytest.mark.parametrize("shapes", ['<path d="M2 2q1 1 2 2"/>', '<rect width="2" height="2"/>'])
def test_unknown_shapes_are_refused(shapes: str) -> None:
    with pytest.raises(ValueError, match="an icon has no"):
        drawn(shapes)
