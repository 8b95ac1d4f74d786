"""Thumbnails of pictures, made by the browser itself: the bytes never pass through Python.

    small = await make_thumbnail(blob)      # a JavaScript Blob of type image/webp, or None if it is no picture

At most `LONGEST` pixels on the longer side. A smaller picture keeps its size and, where the browser
writes lossless WebP at quality 1, every pixel. A browser that cannot write WebP (Safari) makes a PNG.
"""

from __future__ import annotations

import logging
from typing import Any

import js
from pyodide.ffi import JsException, create_once_callable

from app.browser.values import error_text, js_object, present

LONGEST = 384  # pixels
MEDIA_TYPE = "image/webp"
LARGEST_DRAWING = 4_000_000  # bytes of what may be an SVG file
QUALITY = 0.82  # of a reduced picture; about 15 kB

log = logging.getLogger("mooring.browser")


async def make_thumbnail(blob: Any) -> Any | None:
    """A thumbnail of a JavaScript Blob; None if the browser does not read it as a picture."""
    try:
        whole = await _decode(blob)
    except JsException as error:
        log.info("no thumbnail of %s: %s", blob.type or "bytes without a type", error_text(error))
        return None
    try:
        return await _made_from(whole)
    except JsException as error:  # no memory for a canvas, or the browser forbids reading it
        log.warning("no thumbnail: %s", error_text(error))
        return None
    finally:
        whole.close()


async def _decode(blob: Any) -> Any:
    try:
        return await js.createImageBitmap(blob)
    except JsException:
        if blob.size > LARGEST_DRAWING:
            raise
    url = js.URL.createObjectURL(blob.slice(0, blob.size, "image/svg+xml"))
    image = js.Image.new()  # which runs no script of a drawing
    image.src = url
    try:
        await image.decode()
        return await js.createImageBitmap(image)
    finally:
        js.URL.revokeObjectURL(url)


async def _made_from(whole: Any) -> Any | None:
    width, height = fit(int(whole.width), int(whole.height))
    options = {"resizeWidth": width, "resizeHeight": height, "resizeQuality": "high"}
    small = await js.createImageBitmap(whole, js_object(options))
    try:
        return await _encode(small, width, height, QUALITY if width < whole.width else 1.0)
    finally:
        small.close()


def fit(width: int, height: int) -> tuple[int, int]:
    """The size within `LONGEST`, in the same proportions; never larger than it was."""
    scale = min(1.0, LONGEST / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


async def _encode(bitmap: Any, width: int, height: int, quality: float) -> Any | None:
    if hasattr(js, "OffscreenCanvas"):
        canvas = js.OffscreenCanvas.new(width, height)
        canvas.getContext("2d").drawImage(bitmap, 0, 0)
        return await canvas.convertToBlob(js_object({"type": MEDIA_TYPE, "quality": quality}))
    canvas = js.document.createElement("canvas")
    canvas.width, canvas.height = width, height
    canvas.getContext("2d").drawImage(bitmap, 0, 0)

    def start(resolve: Any, _reject: Any) -> None:
        canvas.toBlob(resolve, MEDIA_TYPE, quality)

    return present(await js.Promise.new(create_once_callable(start)))
