"""Bounds for files from outside: every parser checks them before it does the work.

A bound is far above what users have and far below what hurts a browser's tab. A file over one is refused by name
(`SourceFault`), never cut.
"""

from __future__ import annotations

from app.core.errors import BadInput, SourceFault
from app.core.workflow import MAX_NODES, MAX_TEXT

MAX_FILE = 256 * 1024 * 1024  # bytes; a 4K clip of a minute has 200 MB
MAX_DEPTH = 100  # objects and lists in each other; editors write some ten, the parser takes one C frame for each
MAX_VALUES = 2_000_000  # of one JSON text: strings, and values in lists and objects; 5,000 nodes have 600,000
MAX_CONTAINERS = 500_000  # of them lists and objects; 5,000 nodes have 150,000
MAX_CHUNKS = 100_000  # of a container; a 256 MB PNG in libpng's 8 kB pieces has 33,000
MAX_PIXELS = 16384 * 16384  # ComfyUI's MAX_RESOLUTION, squared
MAX_PAINTED = 8192 * 6144  # pixels of a picture that a mask is painted over: a browser's tab needs 13 bytes for each

_BRACKETS = bytes.maketrans(b"{}", b"[]")
_PLAIN = bytes(byte for byte in range(256) if byte not in b'[]{}",')


def refusal(fault: SourceFault, detail: str = "", name: str = "") -> BadInput:
    """The error for one fault; `detail` is for the log and for quoting."""
    return BadInput(fault.value, name, detail)


def check_file(size: int) -> None:
    """BadInput if a file of that many bytes is too large or empty; to be called before it is loaded into memory."""
    if size == 0:
        raise refusal(SourceFault.EMPTY)
    if size > MAX_FILE:
        raise refusal(SourceFault.TOO_LARGE, f"{size} bytes of at most {MAX_FILE}")


def check_nodes(count: int) -> None:
    """BadInput if a graph has too many nodes, including those of its subgraphs."""
    if count > MAX_NODES:
        raise refusal(SourceFault.TOO_MANY_NODES, f"{count} nodes of at most {MAX_NODES}")


def check_pixels(width: int, height: int, name: str = "") -> None:
    """BadInput if a picture would need more memory than any that ComfyUI makes."""
    if width * height > MAX_PIXELS:
        raise refusal(SourceFault.TOO_MANY_PIXELS, f"{width} × {height}", name)


def check_painted(width: int, height: int, name: str) -> None:
    """BadInput if a picture is too large for a mask to be painted over it."""
    if width * height > MAX_PAINTED:
        raise BadInput("too-large-to-paint", name, f"{width} × {height}")


def check_text(size: int, most: int = MAX_TEXT) -> None:
    """BadInput if a text of that many bytes is too long to be a workflow."""
    if size > most:
        raise refusal(SourceFault.TOO_LARGE, f"{size} bytes of text of at most {most}")


def check_json(text: bytes) -> None:
    """BadInput if this JSON is too deep or too large to be parsed; whether it is valid JSON is not checked.

    No recursion and no loop over the bytes: only brackets, quotes and commas are kept, then strings are cut out, then
    the innermost pairs of brackets are removed, layer by layer, each layer by one `bytes.replace`.
    """
    check_text(len(text))
    bare = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_BRACKETS, _PLAIN)
    if bare.count(b'"') > 2 * MAX_VALUES:
        raise refusal(SourceFault.TOO_LARGE, f"more than {MAX_VALUES} strings")
    bare = b"".join(bare.replace(b'""', b"").split(b'"')[::2])
    if bare.count(b",") > MAX_VALUES or bare.count(b"[") > MAX_CONTAINERS:
        raise refusal(SourceFault.TOO_LARGE, f"more than {MAX_VALUES} values")
    if _is_deeper(bare.replace(b",", b""), MAX_DEPTH):
        raise refusal(SourceFault.TOO_DEEP, f"deeper than {MAX_DEPTH}")


def _is_deeper(brackets: bytes, depth: int) -> bool:
    """Whether brackets nest deeper than that; unbalanced ones count as if they were closed at the end."""
    if b"[" * (depth + 1) in brackets:
        return True
    for layer in range(depth + 1):
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            return layer + brackets.count(b"[") > depth
        brackets = shorter
    return True
