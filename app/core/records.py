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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from app.core.durations import Durations
from app.core.errors import StorageError
from app.core.model import RECORD_VERSION, PromptId, Records, Reservation, ServerId, Task, Unreadable, WindowId
from app.core.past import PastTask
from app.core.plan import Paces
from app.core.ports.store import WindowRecord
from app.core.waiting_runs import Batch, Entry, LineHead

T = TypeVar("T")
_UNIONS = (Union, types.UnionType)
BROKEN, NEWER = "broken-record", "newer-record"


@dataclass(eq=False)
class BrokenRecord(StorageError):
    """A record that this version cannot read; `key` is its id if that is readable, `detail` names the field."""

    key: str = ""


def encode_task(task: Task) -> dict[str, Any]:
    """The task's record. Fields known to this version win over `extra`."""
    return {**dict(task.extra), **_encode_fields(task, skip=("extra",))}


def decode_task(record: Mapping[str, Any]) -> Task:
    """The task of a record, or BrokenRecord."""
    return _decode_top(Task, record, "prompt_id")


def read_task(record: Mapping[str, Any]) -> Task | Unreadable:
    """The task of a record, or an `Unreadable` with its readable fields."""
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
    """The learned durations, or BrokenRecord: then learning starts from nothing."""
    return _decode_top(Durations, record, "name")


def encode_paces(paces: Paces) -> dict[str, Any]:
    """The record of what was learned of nodes."""
    return {**_encode_fields(paces), "v": RECORD_VERSION}


def decode_paces(record: Mapping[str, Any]) -> Paces:
    """The learned times of nodes, or BrokenRecord: then learning starts from nothing."""
    return _decode_top(Paces, record, "name")


def encode_value(value: Any) -> Any:
    """Any value of the core as plain JSON: dataclasses by their fields, enums by their values."""
    return _encode(value)


def decode_as(kind: type[T], record: Mapping[str, Any]) -> T:
    """The dataclass of what `encode_value` made of one, or BrokenRecord."""
    return _decode_top(kind, record, "")


def _decode_top(kind: type[T], record: Mapping[str, Any], key: str) -> T:
    told, hint = record if isinstance(record, Mapping) else {}, cast("Any", kind)
    try:
        found: T = _reader(hint)(record)
    except _Fault as fault:
        fault.within(kind.__name__)
        name = name_of(told[key]) if key in told else ""
        raise BrokenRecord("read", NEWER if _is_newer(told.get("v")) else BROKEN, str(fault), name) from fault
    return found


def _is_newer(version: object) -> bool:
    return isinstance(version, int) and version > RECORD_VERSION


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


class _Fault(Exception):
    """Which field could not be read, and why; the path to it grows on the way out."""

    def __init__(self, cause: str, path: str = "") -> None:
        super().__init__()
        self.cause, self.path = cause, path

    def within(self, step: str) -> _Fault:
        """The same, seen from what it is in."""
        self.path = step + self.path
        return self

    def __str__(self) -> str:
        return f"{self.path} {self.cause}"


_PLAIN = frozenset({str, int, float, bool, types.NoneType})


def _encode_fields(value: Any, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    return {name: _encode(getattr(value, name)) for name in _names(cast("Any", type(value))) if name not in skip}


def _encode(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
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
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind))


# Thousands of records are read where many windows are open, so what each type needs is worked out once.

Reader = Callable[[Any], Any]


@cache
def _reader(hint: Any) -> Reader:
    """What reads a value of this type out of JSON, or raises _Fault."""
    hint = getattr(hint, "__supertype__", hint)  # a NewType is what it wraps
    origin = get_origin(hint)
    if origin in _UNIONS:
        return _optional_reader(_reader(next(item for item in get_args(hint) if item is not types.NoneType)))
    if origin is tuple:
        return _tuple_reader(_reader(get_args(hint)[0]))
    if origin is Mapping:
        return _mapping_reader(_reader(get_args(hint)[1]))
    if is_dataclass(hint):
        return _fields_reader(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum_reader(hint)
    return _float if hint is float else _plain_reader(hint)


def _optional_reader(reader: Reader) -> Reader:
    return lambda value: None if value is None else reader(value)


def _tuple_reader(reader: Reader) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _Fault("is not a list")
        found: list[Any] = []
        try:
            for item in value:
                found.append(reader(item))
        except _Fault as fault:
            raise fault.within(f"[{len(found)}]") from None
        return tuple(found)

    return read


def _mapping_reader(reader: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise _Fault("is not an object")
        found: dict[str, Any] = {}
        for name, item in value.items():
            try:
                found[name] = reader(item)
            except _Fault as fault:
                raise fault.within(f".{name}") from None
        return found

    return read


def _fields_reader(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    shape = tuple(
        (item.name, _reader(hints[item.name]), item.default is MISSING and item.default_factory is MISSING)
        for item in fields(kind)
        if item.name != "extra"
    )
    known, has_extra = frozenset(_names(kind)), "extra" in _names(kind)

    def read(record: Any) -> Any:
        if not isinstance(record, Mapping):
            raise _Fault("is not an object")
        values: dict[str, Any] = {}
        for name, reader, is_needed in shape:
            if name in record:
                try:
                    values[name] = reader(record[name])
                except _Fault as fault:
                    raise fault.within(f".{name}") from None
            elif is_needed:
                raise _Fault("is missing", f".{name}")
        if has_extra:
            values["extra"] = {name: record[name] for name in record if name not in known}
        return kind(**values)

    return read


def _enum_reader(kind: type[Enum]) -> Reader:
    def read(value: Any) -> Enum:
        try:
            return kind(value)
        except ValueError as error:
            raise _Fault(f"has a value that this version does not know: {value!r}") from error

    return read


def _float(value: Any) -> float:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)  # JavaScript has one kind of number: 5.0 comes back as 5
    if isinstance(value, float):
        return value
    raise _Fault("is not of type float")


def _plain_reader(kind: type) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is kind or (isinstance(value, kind) and isinstance(value, bool) == (kind is bool)):
            return value
        raise _Fault(f"is not of type {kind.__name__}")

    return read
