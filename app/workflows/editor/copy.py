"""A file of the editor with slots for the values: kept once, and filled for each run that sends it along.

copy = write_copy(graph, slots, api)             # JSON text; runs that differ only in slots share it
filled(copy, workflow)                           # the file with exactly the values that this workflow sends

    {"v": 1, "graph": {…}, "places": [["3", "seed", [["nodes", 0, "widgets_values", 1]], "plain"], …], "rest": "ab12…"}
    {"v": 1, "fault": ["not-kept", "3", "seed"]}     # there is no such file, and why

Filling it needs no catalogue. `rest` is the hash of what has no slot, so that a file is never sent along with a
workflow that it does not convert to. Models keep their author's spelling, whichever way a server spells their folders.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.core.spelling import with_slashes
from app.core.workflow import ApiWorkflow
from app.workflows.editor.problems import CannotWrite, WriteFault
from app.workflows.editor.texts import PATTERN, escaped
from app.workflows.editor.write_back import Path, is_same, write_fault
from app.workflows.graph import Key

VERSION = 1
LONGEST = 20_000_000  # characters; a server takes 100 MB, the workflow itself included


class SlotKind(Enum):
    """How a value is stored in the file, compared with how it is sent."""

    PLAIN = "plain"
    PROMPT = "prompt"  # the chosen text is stored, so that it is chosen when the file is opened
    FILE_NAME = "file_name"  # patterns stay, if this is what they were filled to
    CHOICE = "choice"  # the file's own spelling stays, if this is how the server spells it


@dataclass(frozen=True, slots=True)
class Slot:
    """One value that is sent, with all paths to where it is stored in the file."""

    key: Key
    paths: tuple[Path, ...]
    lies: SlotKind = SlotKind.PLAIN


def write_copy(graph: Mapping[str, Any], slots: Collection[Slot], sent: Mapping[str, Any]) -> str:
    """The copy of a file that converts to `sent` (API format)."""
    places = [[*slot.key, [list(path) for path in slot.paths], slot.lies.value] for slot in slots]
    rest = _rest(sent, {slot.key for slot in slots})
    return json.dumps({"v": VERSION, "graph": graph, "places": places, "rest": rest}, ensure_ascii=False)


def ready_copy(graph: Mapping[str, Any]) -> str:
    """The copy of a file that has its values already."""
    return json.dumps({"v": VERSION, "graph": graph, "places": []}, ensure_ascii=False)


def no_copy(error: CannotWrite) -> str:
    """The text instead of a copy if a file cannot have the values that are sent."""
    return json.dumps({"v": VERSION, "fault": [error.fault.value, error.name, error.detail]}, ensure_ascii=False)


def graph_of_copy(copy: str) -> dict[str, Any]:
    """The file in the copy, as its author has drawn it; its values are those of any run. CannotWrite."""
    parsed = _read(copy)
    graph: dict[str, Any] = parsed["graph"]
    return graph


def filled(copy: str, workflow: ApiWorkflow) -> dict[str, Any]:
    """The file with the values that a workflow sends, or CannotWrite if it would not convert to that workflow."""
    parsed = _read(copy)
    graph: dict[str, Any] = parsed["graph"]
    sent = json.loads(workflow.text)
    try:
        slots = [_slot(*place) for place in parsed["places"]]
        if "rest" in parsed and parsed["rest"] != _rest(sent, {slot.key for slot in slots}):
            raise CannotWrite("cannot-write", "", "", WriteFault.OTHERWISE)
        _fill(graph, slots, sent)
    except (LookupError, TypeError, ValueError) as error:
        raise _unreadable() from error
    return graph


def _fill(graph: dict[str, Any], slots: Iterable[Slot], sent: Mapping[str, Any]) -> None:
    done: dict[Path, object] = {}
    for slot in slots:
        value = _lying(slot, _sent(sent, slot.key), graph)
        for path in slot.paths:
            if path in done and not is_same(done[path], value):
                raise write_fault(slot.key, WriteFault.SHARED)
            done[path] = value
            _put(graph, path, value)


def _read(copy: str) -> dict[str, Any]:
    if len(copy) > LONGEST:
        raise CannotWrite("cannot-write", "", "", WriteFault.TOO_LARGE)
    try:
        match json.loads(copy):
            case {"v": 1, "fault": [str() as fault, str() as node_id, str() as name]}:
                raise CannotWrite("cannot-write", node_id, name, WriteFault(fault))
            case {"v": 1, "graph": dict(), "places": list()} as parsed:
                return dict(parsed)
    except (ValueError, RecursionError) as error:
        raise _unreadable() from error
    raise _unreadable()


def _unreadable() -> CannotWrite:
    return CannotWrite("cannot-write", "", "", WriteFault.UNREADABLE)


def _slot(node_id: str, name: str, paths: list[list[str | int]], lies: str) -> Slot:
    return Slot((node_id, name), tuple(tuple(path) for path in paths), SlotKind(lies))


def _rest(sent: Mapping[str, Any], slots: set[Key]) -> str:
    """The hash of what is sent, without the values that have slots, titles, and the kind of slashes."""
    left = {
        node_id: [
            node["class_type"],
            {name: value for name, value in node["inputs"].items() if (node_id, name) not in slots},
        ]
        for node_id, node in sent.items()
    }
    return hashlib.sha256(json.dumps(left, sort_keys=True).replace("\\\\", "/").encode()).hexdigest()


def _sent(sent: Mapping[str, Any], key: Key) -> object:
    inputs = sent[key[0]]["inputs"] if key[0] in sent else {}
    match inputs.get(key[1], ...):
        case {"__value__": value, **more} if not more:
            return value
        case value if value is not ... and not isinstance(value, list):
            return value
    raise write_fault(key, WriteFault.NO_SUCH_INPUT)


def _lying(slot: Slot, value: object, graph: dict[str, Any]) -> object:
    """A value as it must be stored in the file to be sent like this."""
    if not isinstance(value, str) or slot.lies is SlotKind.PLAIN:
        return value
    if slot.lies in (SlotKind.FILE_NAME, SlotKind.CHOICE):
        own, is_kept = _get(graph, slot.paths[0]), becomes if slot.lies is SlotKind.FILE_NAME else _is_same_model
        return own if isinstance(own, str) and is_kept(own, value) else value
    found = escaped(value)
    if found is None:
        raise write_fault(slot.key, WriteFault.NOT_KEPT)
    return found


def _is_same_model(own: str, sent: str) -> bool:
    return with_slashes(own) == with_slashes(sent)


def becomes(pattern: str, name: str) -> bool:
    """Whether these patterns can be filled to this file name."""
    first, *others = PATTERN.split(pattern)[::2]  # the text around the patterns
    if not others:
        return name == first
    *middle, last = others
    at = len(first)
    for part in middle:  # the earliest match of each part leaves the most for the next; linear, unlike a `.*` for each
        if (found := name.find(part, at)) < 0:
            return False
        at = found + len(part)
    return name.startswith(first) and name.endswith(last) and at + len(last) <= len(name)


def _get(graph: Any, path: Path) -> object:
    for step in path:
        graph = graph[step]
    return graph


def _put(graph: Any, path: Path, value: object) -> None:
    for step in path[:-1]:
        graph = graph[step]
    graph[path[-1]] = value
