"""The codec of everything that is kept: dataclasses of the core and of forms as plain JSON-able dicts, and back.

    record = encode(task)          # {"v": 1, "prompt_id": …, "state": "queued", …}
    decode(Task, record) == task

Fields that a newer version added survive in `extra`, where the dataclass has one, and are written back, so a higher `v`
alone is no reason to refuse. Anything that cannot be read as what it claims to be (a missing field, another type, a
state that this version does not know) raises BrokenRecord, so that the session can quarantine it instead of guessing.
Its cause is `newer-record` when the record's `v` is above ours, and `broken-record` otherwise: that one is damaged.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from app.core import model  # errors name its types for the type checker alone
from app.core.errors import MooringError, StorageError
from app.core.model import RECORD_VERSION, PromptId, ServerId, StoredTasks, Task, Unreadable, WindowId

T = TypeVar("T")
# A task's parts: its record has their fields as its own, so how a task is divided is not stored.
TASK_PARTS: Mapping[str, type] = {item.name: type(item.default) for item in fields(Task) if is_dataclass(item.default)}
# The fields of the record, in its order.
TASK_RECORD = (
    "prompt_id", "server_id", "address", "client_id", "owner", "epoch", "created_at", "title", "workflow", "inputs",
    "templates", "expected", "choice", "job", "again_of", "part", "project", "editor_sha256", "editor_fault", "state",
    "contact", "contact_detail", "confirmed_address", "silent_looks", "number", "place", "answered_at", "absent_since",
    "cancel_asked_at", "started_at", "ended_at", "server_started_ms", "server_ended_ms", "cached", "longest_still",
    "told_end", "is_proven", "is_ward", "outputs", "missing", "failure", "warnings", "notes", "v",
)  # fmt: skip
_UNIONS = (Union, types.UnionType)
BROKEN, NEWER = "broken-record", "newer-record"


@dataclass(eq=False)
class BrokenRecord(StorageError):
    """A record that this version cannot read; `key` is its id if that is readable, `detail` names the field."""

    key: str = ""


def encode(value: Any) -> Any:
    """Any value of the core as plain JSON: dataclasses by their fields over what `extra` has kept, enums by value."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): encode(item) for name, item in value.items()}
    if is_dataclass(value):
        own = {name: encode(read(value)) for name, read, _ in stored_fields(cast("Any", type(value)))}
        return {**getattr(value, "extra", {}), **own}
    return value


def decode(kind: type[T], record: object) -> T:
    """The dataclass of a record, or BrokenRecord with the path of the field. Its first field is the record's key."""
    hint = cast("Any", kind)
    try:
        found: T = _reader(hint)(record)
    except _Fault as fault:
        known = record if isinstance(record, Mapping) else {}
        key = next((item.name for item in stored_fields(hint)), "")
        name = name_of(known[key]) if key in known else ""
        cause = NEWER if _is_newer(known.get("v")) else BROKEN
        raise BrokenRecord("read", cause, f"{kind.__name__}{fault.path} {fault.cause}", name) from fault
    return found


def read_task(record: Mapping[str, Any]) -> Task | Unreadable:
    """The task of a record, or an `Unreadable` with its readable fields."""
    try:
        return decode(Task, record)
    except BrokenRecord as error:
        known = record if isinstance(record, Mapping) else {}
        owner, server_id, title = (_text(known.get(name)) for name in ("owner", "server_id", "title"))
        return Unreadable(
            prompt_id=PromptId(error.key),
            owner=WindowId(owner) if owner else None,
            server_id=ServerId(server_id) if server_id else None,
            title=title,
            detail=error.detail,
            is_newer=error.cause == NEWER,
        )


def read_tasks(records: Iterable[Mapping[str, Any]]) -> StoredTasks:
    """Every record, read or mentioned; oldest first."""
    found = [read_task(record) for record in records]
    tasks = [item for item in found if isinstance(item, Task)]
    unreadable = [item for item in found if isinstance(item, Unreadable)]
    return StoredTasks(
        tuple(sorted(tasks, key=lambda task: (task.created_at, task.prompt_id))),
        tuple(sorted(unreadable, key=lambda item: item.prompt_id)),
    )


def name_of(key: object) -> str:
    """A store's key as text; one that is no text, and so none of ours, as its JSON."""
    return key if isinstance(key, str) else json.dumps(key)


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


_PLAIN: frozenset[type] = frozenset({str, int, float, bool, types.NoneType})


class StoredField(NamedTuple):
    """A field of a record: `read` takes it from the value; `default` is MISSING if it has none."""

    name: str
    read: Callable[[Any], Any]
    default: object


@cache
def stored_fields(kind: Any) -> tuple[StoredField, ...]:
    """What the record of a dataclass has, in its order."""
    parts = TASK_PARTS if kind is Task else {}
    own = [("", item) for item in fields(kind) if item.name != "extra" and item.name not in parts]
    of_parts = [(f"{name}.", item) for name, part in parts.items() for item in fields(part)]
    found = {
        item.name: StoredField(item.name, attrgetter(at + item.name), _default(item)) for at, item in own + of_parts
    }
    return tuple(found[name] for name in (TASK_RECORD if kind is Task else found))


def _default(item: Field[Any]) -> object:
    return item.default_factory() if item.default_factory is not MISSING else item.default


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


def _as_is(hint: Any) -> frozenset[type]:
    """The types of JSON values that need no reading for this type: most fields of most records have one of them."""
    hint = getattr(hint, "__supertype__", hint)
    parts = get_args(hint) if get_origin(hint) in _UNIONS else (hint,)
    return _PLAIN.intersection(getattr(part, "__supertype__", part) for part in parts)


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
    hints = get_type_hints(kind, localns=vars(model) if issubclass(kind, MooringError) else None)
    parts = {name: _reader(part) for name, part in TASK_PARTS.items()} if kind is Task else {}
    shape = tuple(
        (item.name, _as_is(hints[item.name]), _reader(hints[item.name]), _default(item) is MISSING)
        for item in fields(kind)
        if item.name != "extra" and item.name not in parts
    )
    known = frozenset((*(item.name for item in stored_fields(kind)), "extra"))
    has_extra = any(item.name == "extra" for item in fields(kind))

    def read(record: Any) -> Any:
        if not isinstance(record, (dict, Mapping)):  # nearly always a dict, which is seen sooner
            raise _Fault("is not an object")
        values: dict[str, Any] = {}
        name = ""
        try:
            for name, as_is, reader, is_needed in shape:
                if name in record:
                    value = record[name]
                    values[name] = value if type(value) in as_is else reader(value)
                elif is_needed:
                    raise _Fault("is missing")
        except _Fault as fault:
            raise fault.within(f".{name}") from None
        for part, reader in parts.items():
            values[part] = reader(record)
        if has_extra and not record.keys() <= known:  # rarely
            values["extra"] = {name: record[name] for name in record if name not in known}
        try:
            return kind(**values)
        except ValueError as error:  # the dataclass itself says that its parts do not fit
            raise _Fault(str(error)) from error

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
