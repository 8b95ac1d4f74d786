"""The stored records of forms and the library, as JSON texts: layouts, presets, recent values, items, their files.

    text = to_text(layout)          # {"v": 1, "workflow_key": …, "hidden": [["3", "cfg"]], …}
    from_text(Layout, text) == layout

The codec is `core/records.py`. An unreadable text is no error: a form works without its layout, so `from_text` returns
an `Undecoded`, and the text stays in the store.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from app.core.records import NEWER, BrokenRecord, decode, encode

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Undecoded:
    """A text that this version cannot read; `is_newer` when a newer version wrote it."""

    detail: str
    is_newer: bool = False


def to_text(value: Any) -> str:
    """A dataclass's record as JSON."""
    return json.dumps(encode(value), ensure_ascii=False)


def from_text(kind: type[T], text: str) -> T | Undecoded:
    """The dataclass of a text, or why there is none."""
    try:
        return decode(kind, json.loads(text))
    except BrokenRecord as error:
        return Undecoded(error.detail, error.cause == NEWER)
    except (ValueError, RecursionError) as error:
        return Undecoded(f"it is not JSON: {error}")


def check_lengths(items: tuple[tuple[str, ...], ...], length: int, name: str) -> None:
    """ValueError unless each item has that many parts: JSON's lists have any length."""
    if any(len(item) != length for item in items):
        raise ValueError(f"{name} has an item without {length} parts")
