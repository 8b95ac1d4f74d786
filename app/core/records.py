"""What the store keeps, as plain JSON-able dicts: tasks, reservations, windows, waiting lines.

    record = encode_task(task)          # {"v": 1, "prompt_id": …, "state": "queued", …}
    decode_task(record) == task

Fields that a newer version added at the top of a task or window survive in `extra` and are written back, so a higher
`v` alone is no reason to refuse. Anything that cannot be read as what it claims to be (a missing field, another type, a
state that this version does not know) raises BrokenRecord, so that the session can quarantine it instead of guessing.
Its cause is `newer-record` when the record's `v` is above ours, and `broken-record` otherwise: that one is damaged.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from app.core.durations import Durations
from app.core.errors import StorageError
from app.core.line import Batch, Entry, LineHead
from app.core.model import RECORD_VERSION, PromptId, Records, Reservation, ServerId, Task, Unreadable, WindowId
from app.core.past import PastTask
from app.core.plan import Paces
from app.core.ports import WindowRecord

T = TypeVar("T")
_UNIONS = (Union, types.UnionType)
BROKEN, NEWER = "broken-record", "newer-record"


@dataclass(eq=False)
class BrokenRecord(StorageError):
    """A record that this version cannot read; `key` is its id as far as it can be told, `detail` names the field."""

    key: str = ""


def encode_task(task: Task) -> dict[str, Any]:
    """The task's record. Fields known to this version win over `extra`."""
    return {**dict(task.extra), **_encode_fields(task, skip=("extra",))}


def decode_task(record: Mapping[str, Any]) -> Task:
    """The task of a record, or BrokenRecord."""
    return _decode_top(Task, record, "prompt_id")


def read_task(record: Mapping[str, Any]) -> Task | Unreadable:
    """The task of a record, or what can still be told of it."""
    try:
        return decode_task(record)
    except BrokenRecord as error:
        told = record if isinstance(record, Mapping) else {}
        owner, server_id, title = (_text(told.get(name)) for name in ("owner", "server_id", "title"))
        return Unreadable(
            prompt_id=PromptId(error.key),
            owner=WindowId(owner) if owner else None,
            server_id=ServerId(server_id) if server_id else None,
            title=title,
            detail=error.detail,
            is_newer=error.cause == NEWER,
        )


def read_tasks(records: Iterable[Mapping[str, Any]]) -> Records:
    """Every record, read or told of; oldest first."""
    found = [read_task(record) for record in records]
    tasks = [item for item in found if isinstance(item, Task)]
    unreadable = [item for item in found if isinstance(item, Unreadable)]
    return Records(
        tuple(sorted(tasks, key=lambda task: (task.created_at, task.prompt_id))),
        tuple(sorted(unreadable, key=lambda item: item.prompt_id)),
    )


def name_of(key: object) -> str:
    """A store's key as text; one that is no text, and so none of ours, as its JSON."""
    return key if isinstance(key, str) else json.dumps(key)


def encode_window(window: WindowRecord) -> dict[str, Any]:
    """The window's record. Fields known to this version win over `extra`."""
    return {**dict(window.extra), **_encode_fields(window, skip=("extra",))}


def decode_window(record: Mapping[str, Any]) -> WindowRecord:
    """The window of a record, or BrokenRecord."""
    return _decode_top(WindowRecord, record, "window_id")


def encode_reservation(reservation: Reservation) -> dict[str, Any]:
    """The reservation's record."""
    return {**_encode_fields(reservation), "v": RECORD_VERSION}


def decode_reservation(record: Mapping[str, Any]) -> Reservation:
    """The reservation of a record, or BrokenRecord. Unknown fields are left out: it does not live long."""
    return _decode_top(Reservation, record, "prompt_id")


def encode_entry(entry: Entry) -> dict[str, Any]:
    """The record of a waiting run. Fields known to this version win over `extra`."""
    return {**dict(entry.extra), **_encode_fields(entry, skip=("extra",))}


def decode_entry(record: Mapping[str, Any]) -> Entry:
    """The waiting run of a record, or BrokenRecord."""
    return _decode_top(Entry, record, "prompt_id")


def encode_batch(batch: Batch) -> dict[str, Any]:
    """The record of what waiting runs share."""
    return {**dict(batch.extra), **_encode_fields(batch, skip=("extra",))}


def decode_batch(record: Mapping[str, Any]) -> Batch:
    """The batch of a record, or BrokenRecord."""
    return _decode_top(Batch, record, "batch_id")


def encode_past(row: PastTask) -> dict[str, Any]:
    """The record of a row. Fields known to this version win over `extra`."""
    return {**dict(row.extra), **_encode_fields(row, skip=("extra",))}


def decode_past(record: Mapping[str, Any]) -> PastTask:
    """The row of a record, or BrokenRecord."""
    return _decode_top(PastTask, record, "prompt_id")


def encode_head(head: LineHead) -> dict[str, Any]:
    """The record of a line beside its entries."""
    return {**dict(head.extra), **_encode_fields(head, skip=("extra",))}


def decode_head(record: Mapping[str, Any]) -> LineHead:
    """The line's head of a record, or BrokenRecord."""
    return _decode_top(LineHead, record, "window_id")


def encode_durations(durations: Durations) -> dict[str, Any]:
    """The record of what was learned."""
    return {**_encode_fields(durations), "v": RECORD_VERSION}


def decode_durations(record: Mapping[str, Any]) -> Durations:
    """What was learned, or BrokenRecord: then it is learned anew."""
    return _decode_top(Durations, record, "name")


def encode_paces(paces: Paces) -> dict[str, Any]:
    """The record of what was learned of nodes."""
    return {**_encode_fields(paces), "v": RECORD_VERSION}


def decode_paces(record: Mapping[str, Any]) -> Paces:
    """What was learned of nodes, or BrokenRecord: then it is learned anew."""
    return _decode_top(Paces, record, "name")


def encode_value(value: Any) -> Any:
    """Any value of the core as plain JSON: dataclasses by their fields, enums by their values."""
    return _encode(value)


def decode_as(kind: type[T], record: Mapping[str, Any]) -> T:
    """The dataclass of what `encode_value` made of one, or BrokenRecord."""
    return _decode_top(kind, record, "")


def _decode_top(kind: type[T], record: Mapping[str, Any], key: str) -> T:
    told = record if isinstance(record, Mapping) else {}
    try:
        found: T = _decode_fields(kind, record, kind.__name__)
    except _Fault as fault:
        name = name_of(told[key]) if key in told else ""
        raise BrokenRecord("read", NEWER if _is_newer(told.get("v")) else BROKEN, str(fault), name) from fault
    return found


def _is_newer(version: object) -> bool:
    return isinstance(version, int) and version > RECORD_VERSION


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


class _Fault(Exception):
    """Which field could not be read, and why."""


def _encode_fields(value: Any, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    return {item.name: _encode(getattr(value, item.name)) for item in fields(value) if item.name not in skip}


def _encode(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _encode(item) for name, item in value.items()}
    if is_dataclass(value):
        return _encode_fields(value)
    return value


@cache
def _shape(kind: Any) -> tuple[tuple[Field[Any], Any], ...]:
    """The fields of a dataclass with their types, resolved once."""
    hints = get_type_hints(kind)
    return tuple((item, hints[item.name]) for item in fields(kind))


def _decode_fields(kind: Any, record: object, where: str) -> Any:
    if not isinstance(record, Mapping):
        raise _Fault(f"{where} is not an object")
    values: dict[str, Any] = {}
    for item, hint in _shape(kind):
        if item.name == "extra":
            continue
        if item.name in record:
            values[item.name] = _decode(hint, record[item.name], f"{where}.{item.name}")
        elif item.default is MISSING and item.default_factory is MISSING:
            raise _Fault(f"{where}.{item.name} is missing")
    known = {item.name for item, _ in _shape(kind)}
    if "extra" in known:
        values["extra"] = {name: value for name, value in record.items() if name not in known}
    return kind(**values)


def _decode(hint: Any, value: Any, where: str) -> Any:
    hint = getattr(hint, "__supertype__", hint)  # a NewType is what it wraps
    origin = get_origin(hint)
    if origin in _UNIONS:
        return None if value is None else _decode(_without_none(hint), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise _Fault(f"{where} is not a list")
        return tuple(_decode(get_args(hint)[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is Mapping:
        return _decode_mapping(hint, value, where)
    if is_dataclass(hint):
        return _decode_fields(hint, value, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _decode_enum(hint, value, where)
    return _decode_plain(hint, value, where)


def _decode_mapping(hint: Any, value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _Fault(f"{where} is not an object")
    return {name: _decode(get_args(hint)[1], item, f"{where}.{name}") for name, item in value.items()}


def _decode_enum(hint: type[Enum], value: Any, where: str) -> Enum:
    try:
        return hint(value)
    except ValueError as error:
        raise _Fault(f"{where} has a value that this version does not know: {value!r}") from error


def _decode_plain(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)  # JavaScript has one kind of number: 5.0 comes back as 5
    if isinstance(value, hint) and isinstance(value, bool) == (hint is bool):
        return value
    raise _Fault(f"{where} is not of type {hint.__name__}")


def _without_none(hint: Any) -> Any:
    return next(item for item in get_args(hint) if item is not types.NoneType)
