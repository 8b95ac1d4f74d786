"""Pictures of one colour, which are enough for the protocol: nodes change them as ComfyUI's nodes do.

Pillow only reads and writes the files.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Picture:
    """A size, and the colour of the first pixel, with its opacity if the file has any."""

    width: int
    height: int
    colour: Colour
    alpha: int | None = None

    def scaled(self, width: int, height: int) -> Picture:
        """Scale; a side of 0 follows the other, and both 0 change nothing."""
        if not width and not height:
            return self
        width, height = (
            width or max(1, round(self.width * height / self.height)),
            height or max(1, round(self.height * width / self.width)),
        )
        return replace(self, width=width, height=height)

    def fitted(self, side: int) -> Picture:
        """Scale so that no side is longer than this."""
        longest = max(self.width, self.height)
        factor = min(1.0, side / longest)
        return replace(self, width=max(1, int(self.width * factor)), height=max(1, int(self.height * factor)))

    def inverted(self) -> Picture:
        """Return the negative."""
        red, green, blue = self.colour
        return replace(self, colour=(255 - red, 255 - green, 255 - blue))

    def blended(self, other: Picture, mode: str, factor: float) -> Picture:
        """Blend the other picture over this one; raises ValueError for an unknown mode."""
        if mode not in _MODES:
            raise ValueError(f"Unsupported blend mode: {mode}")
        mix = _MODES[mode]
        red, green, blue = (
            _byte(below + (mix(below, above) - below) * factor)
            for below, above in zip(_parts(self.colour), _parts(other.colour), strict=True)
        )
        return replace(self, colour=(red, green, blue))


def _parts(colour: Colour) -> list[float]:
    return [part / 255 for part in colour]


def _byte(part: float) -> int:
    return round(255 * min(1.0, max(0.0, part)))


def _soft_light(below: float, above: float) -> float:
    curve = ((16 * below - 12) * below + 4) * below if below <= 0.25 else math.sqrt(below)
    if above <= 0.5:
        return below - (1 - 2 * above) * below * (1 - below)
    return below + (2 * above - 1) * (curve - below)


_MODES: dict[str, Callable[[float, float], float]] = {
    "normal": lambda below, above: above,
    "multiply": lambda below, above: below * above,
    "screen": lambda below, above: 1 - (1 - below) * (1 - above),
    "overlay": lambda below, above: 2 * below * above if below <= 0.5 else 1 - 2 * (1 - below) * (1 - above),
    "soft_light": _soft_light,
    "difference": lambda below, above: below - above,
}


def read(data: bytes, name: str) -> Picture:
    """Read the picture of a file; raises UnidentifiedImageError if there is none."""
    try:
        with Image.open(io.BytesIO(data)) as file:
            red, green, blue, alpha = file.convert("RGBA").getpixel((0, 0))  # type: ignore[misc]
            return Picture(*file.size, (red, green, blue), alpha if "A" in file.getbands() else None)
    except UnidentifiedImageError:
        raise UnidentifiedImageError(f"cannot identify image file '{name}'") from None


def write(picture: Picture, form: str = "PNG", texts: Mapping[str, str] | None = None) -> bytes:
    """Return the picture as a file; PNG files have texts."""
    if not texts:
        return _plain(picture, form)
    info = PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    buffer = io.BytesIO()
    _image(picture).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


@lru_cache(maxsize=256)
def _plain(picture: Picture, form: str) -> bytes:
    buffer = io.BytesIO()
    _image(picture).save(buffer, form)
    return buffer.getvalue()


def _image(picture: Picture) -> Image.Image:
    size = (picture.width, picture.height)
    if picture.alpha is None:
        return Image.new("RGB", size, picture.colour)
    return Image.new("RGBA", size, (*picture.colour, picture.alpha))
