"""The stored records of forms, as plain JSON-able dicts: layouts, presets, recent values.

    record = encode(layout)          # {"v": 1, "workflow_key": …, "hidden": [["3", "cfg"]], …}
    decode(Layout, record) == layout

As in `core/records.py`, fields of a newer version survive in `extra`. An unreadable record is no error: a form works
without its layout, so `decode` returns an `Undecoded`, which still has the record and may be written back unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

from app.core.model import RECORD_VERSION
from app.core.records import BrokenRecord, decode_as, encode_value

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Undecoded:
    """A record that this version cannot read; `is_newer` when a newer version wrote it."""

    detail: str
    is_newer: bool
    record: object


def encode(value: Any) -> dict[str, Any]:
    """A dataclass's record. Fields known to this version win over `extra`."""
    record: dict[str, Any] = _encode(value)
    return record


def decode(kind: type[T], record: object) -> T | Undecoded:
    """The value of a record, or an `Undecoded`."""
    try:
        return decode_as(kind, record if isinstance(record, Mapping) else {})
    except BrokenRecord as error:
        return Undecoded(error.detail, _is_newer(record), record)
    except ValueError as error:  # raised by the dataclass itself if its parts do not fit
        return Undecoded(str(error), _is_newer(record), record)


def check_lengths(items: tuple[tuple[str, ...], ...], length: int, name: str) -> None:
    """ValueError unless each item has that many parts: JSON's lists have any length."""
    if any(len(item) != length for item in items):
        raise ValueError(f"{name} has an item without {length} parts")


def _is_newer(record: object) -> bool:
    version = record.get("v") if isinstance(record, Mapping) else None
    return isinstance(version, int) and version > RECORD_VERSION


def _encode(value: Any) -> Any:
    if not is_dataclass(value) or isinstance(value, type):
        return [_encode(item) for item in value] if isinstance(value, tuple) else encode_value(value)
    own = {item.name: _encode(getattr(value, item.name)) for item in fields(value) if item.name != "extra"}
    return {**getattr(value, "extra", {}), **own}
