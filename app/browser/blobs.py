"""JavaScript Blobs and Files as the core's `Blob`: the bytes stay in the browser until `read()` copies them.

    picked = JsBlob(input.files[0])      # a File is a Blob
    picked.size, picked.media_type
    await picked.read()                  # one copy, whatever the size

`js_blob` is the reverse, for `URL.createObjectURL` and for requests; slices are made in JavaScript, so a
preview's picture never passes through Python.
"""

from __future__ import annotations

from typing import Any

import js
from pyodide.ffi import JsException

from app.browser.values import bytes_to_js, error_text, js_object
from app.core.errors import BadInput
from app.core.ports.blobs import Blob, SlicedBlob


class JsBlob:
    """A Blob of the browser. `js` is the JavaScript object itself, for adapters."""

    __slots__ = ("js",)

    def __init__(self, blob: Any) -> None:
        self.js = blob

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self.js.size)

    @property
    def media_type(self) -> str:
        """The browser's or the server's name for it; may be empty."""
        return str(self.js.type)

    @property
    def name(self) -> str:
        """A File's name; empty for any other Blob."""
        return str(getattr(self.js, "name", None) or "")

    def slice(self, start: int, stop: int) -> JsBlob:
        """A part of it; nothing is copied."""
        return JsBlob(self.js.slice(start, stop))

    async def read(self, most: int | None = None) -> bytes:
        """All of it, or its first `most` bytes, copied; BadInput if the file behind it has changed or is gone."""
        try:
            buffer = await (self.js if most is None else self.js.slice(0, most)).arrayBuffer()
        except JsException as error:
            raise BadInput("unreadable", name=self.name, detail=error_text(error)) from error
        data: bytes = buffer.to_bytes()
        return data


def js_blob(blob: Blob, media_type: str = "") -> Any | None:
    """The JavaScript Blob of a Blob in JavaScript, with this media type; None for any other."""
    match blob:
        case JsBlob():
            return blob.js if not media_type else blob.js.slice(0, blob.size, media_type)
        case SlicedBlob(whole, offset):
            inner = js_blob(whole)
            return None if inner is None else inner.slice(offset, whole.size, media_type)
    return None


async def to_js_blob(blob: Blob) -> Any:
    """The JavaScript Blob of any Blob; one in Python is copied."""
    known = js_blob(blob)
    if known is not None:
        return known
    parts = js.Array.of(bytes_to_js(await blob.read()))
    return js.Blob.new(parts, js_object({"type": blob.media_type}))
