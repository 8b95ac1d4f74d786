"""WebM and Matroska (EBML): SaveWEBM's texts are SimpleTags named PROMPT and WORKFLOW, the size is in the tracks.

Clusters, the film itself, are skipped by their headers. One of unknown length, as in a live recording, is walked
through: its elements are like those beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.workflows.carriers.carrier import Contents, Cut, Embedded, part

SIGNATURE = b"\x1a\x45\xdf\xa3"

_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_TRACKS, _TRACK, _VIDEO, _WIDTH, _HEIGHT = 0x1654AE6B, 0xAE, 0xE0, 0xB0, 0xBA
_TAGS, _TAG, _SIMPLE_TAG, _NAME, _STRING = 0x1254C367, 0x7373, 0x67C8, 0x45A3, 0x4487
_LONGEST_ID, _LONGEST_SIZE = 4, 8
_PATHS = {_TRACKS: (_TRACK, _VIDEO), _TAGS: (_TAG, _SIMPLE_TAG)}


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its id and its content."""

    number: int
    body: memoryview


def read_webm(view: memoryview, contents: Contents) -> None:
    """Walk the segment's elements; tags may come before or after the film."""
    for element in _elements(view, contents):
        if element.number in _PATHS:
            for leaf in _descend(element, _PATHS[element.number], contents):
                _read_leaf(leaf, contents)


def _descend(element: Element, path: tuple[int, ...], contents: Contents) -> Iterator[Element]:
    for inner in _elements(element.body, contents):
        if inner.number == path[0]:
            if len(path) == 1:
                yield inner
            else:
                yield from _descend(inner, path[1:], contents)


def _read_leaf(leaf: Element, contents: Contents) -> None:
    values = {inner.number: inner.body for inner in _elements(leaf.body, contents)}
    if leaf.number == _VIDEO:
        contents.measure(*(int.from_bytes(values.get(number, b"")[:4], "big") for number in (_WIDTH, _HEIGHT)))
    elif _NAME in values and _STRING in values:
        contents.keep(str(values[_NAME][:64], "utf-8", "replace"), Embedded(values[_STRING]))


def _elements(view: memoryview, contents: Contents) -> Iterator[Element]:
    """Adjacent elements; a segment, or a cluster of unknown length, is entered instead of skipped."""
    offset = 0
    while offset < len(view):
        contents.step()
        number, start = _number(view, offset, _LONGEST_ID, keeps_length=True)
        size, start = _number(view, start, _LONGEST_SIZE, keeps_length=False)
        if number == _SEGMENT or (number == _CLUSTER and size is None):
            offset = start
            continue
        if number is None or size is None:
            raise Cut(f"an element of unknown length at {offset}")
        yield Element(number, part(view, start, size))
        offset = start + size


def _number(view: memoryview, offset: int, longest: int, *, keeps_length: bool) -> tuple[int | None, int]:
    """An EBML number and where it ends: its first set bit gives its length; all ones mean unknown."""
    first = part(view, offset, 1)[0]
    length = 9 - first.bit_length()
    if length > longest:
        raise Cut(f"no EBML number at {offset}")
    value = int.from_bytes(part(view, offset, length), "big")
    if keeps_length:
        return value, offset + length
    mask = (1 << 7 * length) - 1
    return (None if value & mask == mask else value & mask), offset + length
