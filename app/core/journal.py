"""The journal of a window: what happened in it lately, as a bounded ring of structured entries.

    journal = Journal()
    journal.add(now, "wake", {"reason": "online"})
    journal.text                       # JSON, to be stored; `read_entries(text)` parses it

Facts are JSON-like, as the session has them; `core/redaction.py` decides what may leave this browser. Bytes
and objects are recorded only by the name of their type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from typing import Any

MOST_ENTRIES = 1000
MOST_BYTES = 256 * 1024  # of all entries as JSON; kept by the browser as one value
LONGEST_ENTRY = 16 * 1024  # bytes; a longer entry keeps its plain facts, and `cut`
LONGEST_TEXT = 300  # characters of one text; a traceback is in the task's record, whole

_SORT = ("evidence", "now", "state", "server_id", "error")  # the facts that two echoes have in common


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One event. `times` counts repetitions without news; `until` is the time of the last one."""

    at: float
    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    times: int = 1
    until: float | None = None


class Journal:
    """The last entries of one window, oldest first, within the bounds."""

    def __init__(self, most_entries: int = MOST_ENTRIES, most_bytes: int = MOST_BYTES) -> None:
        self._most_entries, self._most_bytes = most_entries, most_bytes
        self._lines: dict[int, tuple[JournalEntry, str]] = {}
        self._echoes: dict[str, dict[str, int]] = {}  # by topic: the echoes since its last new entry
        self._echoed: dict[int, tuple[str, str]] = {}  # the topic and sort of an entry that is an echo
        self._next = 0
        self.bytes = 0
        self.dropped = 0

    def add(self, at: float, kind: str, facts: Mapping[str, Any], *, topic: str = "", echo: bool = False) -> bool:
        """Record an event; return whether it is an entry of its own.

        An `echo` adds nothing new: it repeats an earlier echo of its sort, until its topic has a new entry.
        """
        entry = JournalEntry(at, kind, plain(facts))
        if not echo:
            self._echoes.pop(topic, None)
            self._append(entry)
            return True
        echoes = self._echoes.setdefault(topic, {})
        sort = _sort(entry)
        if (known := self._lines.get(echoes.get(sort, -1))) is None:
            echoes[sort] = self._next
            self._echoed[self._next] = topic, sort
            self._append(entry)
            return True
        self._put(echoes[sort], replace(known[0], times=known[0].times + 1, until=at))
        return False

    def _append(self, entry: JournalEntry) -> None:
        number, self._next = self._next, self._next + 1
        self._put(number, entry)

    def _put(self, number: int, entry: JournalEntry) -> None:
        line = write_entry(entry)
        if len(line) > LONGEST_ENTRY:
            line = write_entry(entry := replace(entry, facts=_cut(entry.facts, len(line))))
        if number in self._lines:
            self.bytes -= len(self._lines[number][1])
        self._lines[number] = (entry, line)
        self.bytes += len(line)
        while len(self._lines) > self._most_entries or (self.bytes > self._most_bytes and self._lines):
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        number = next(iter(self._lines))
        self.bytes -= len(self._lines.pop(number)[1])
        self.dropped += 1
        topic, sort = self._echoed.pop(number, ("", ""))
        if (echoes := self._echoes.get(topic, {})).get(sort) == number:
            del echoes[sort]
            if not echoes:
                del self._echoes[topic]

    def put_before(self, older: tuple[JournalEntry, ...]) -> None:
        """Put the entries of an earlier page of this window before those here, as far as there is room."""
        newer = self.entries
        self._lines, self._echoes, self._echoed, self.bytes = {}, {}, {}, 0
        for entry in (*older, *newer):
            self._append(entry)

    @property
    def entries(self) -> tuple[JournalEntry, ...]:
        """All entries, oldest first."""
        return tuple(entry for entry, _ in self._lines.values())

    @property
    def text(self) -> str:
        """All entries as a JSON array."""
        return f"[{','.join(line for _, line in self._lines.values())}]"


def write_entry(entry: JournalEntry) -> str:
    """One entry as JSON, in ASCII: as many bytes as characters."""
    record: dict[str, Any] = {"at": entry.at, "kind": entry.kind, "facts": entry.facts}
    if entry.times > 1:
        record |= {"times": entry.times, "until": entry.until}
    return json.dumps(record, separators=(",", ":"))


def read_entry(value: object) -> JournalEntry | None:
    """The entry of a JSON object, or None if it is invalid."""
    match value:
        case {"at": int() | float() as at, "kind": str() as kind, "facts": dict() as facts, **more}:
            match more:
                case {"times": int() as times, "until": int() | float() as until}:
                    return JournalEntry(float(at), kind, facts, times, float(until))
            return JournalEntry(float(at), kind, facts)
    return None


def read_entries(text: str) -> tuple[JournalEntry, ...]:
    """The entries of a stored journal. Invalid ones are left out, since nothing depends on a journal."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return ()
    found = (read_entry(item) for item in parsed) if isinstance(parsed, list) else ()
    return tuple(entry for entry in found if entry is not None)


def plain(value: Any) -> Any:
    """A fact as JSON: dataclasses and errors by their fields, long texts cut, anything else by its type."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if value - value == 0 else str(value)  # JSON has no infinity
        case str():
            return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
        case Enum():
            return plain(value.value)
        case Mapping():
            return {str(name): plain(item) for name, item in value.items()}
        case tuple() | list() | set() | frozenset():
            return [plain(item) for item in value]
        case _ if is_dataclass(value):
            facts = {item.name: plain(getattr(value, item.name)) for item in fields(value)}
            return {"is": type(value).__name__, **facts} if isinstance(value, Exception) else facts
        case _:
            return f"({type(value).__name__})"


def _sort(entry: JournalEntry) -> str:
    """The facts that two echoes have in common."""
    return json.dumps([entry.kind, *(entry.facts.get(name) for name in _SORT)])


def _cut(facts: Mapping[str, Any], size: int) -> dict[str, Any]:
    kept = {name: item for name, item in facts.items() if not isinstance(item, dict | list)}
    return {**kept, "cut": size}
