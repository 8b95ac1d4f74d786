"""The proof, from a server's own report, that a user's prompt made a file. Pure.

A file in the folders `output` and `temp` belongs to a user if the server lists it as an output of a prompt that
carries the user's mark, and all of this is true:

1. Its node does not repeat names (`wire.paths.REPEATERS`), or its name has a random id, which no one could write into a
   prompt before the file was made.
2. Its name occurs nowhere in the prompt and `extra_data` that the user wrote, and is no join of texts of the prompt.
3. The server wrote it while that prompt ran, without any tolerance: a server runs one prompt at a time. An output from
   the server's cache is older; then an earlier run of the same user has to prove it, by a node whose inputs are the
   same all the way up.

A copy that keeps the time of its original is proven by 1 and 2 and, in place of 3, by its Etag: that of an upload that
the prompt names and the user may read. Nothing else proves anything: no text, no queue, no job's copy of a prompt, no
address in an event, and no search that found nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from gateway.people.links import read_link
from gateway.people.seals import File
from gateway.people.user import User
from wire.events import Event
from wire.history import HistoryEntry, HistoryError, describe_model, read_entry
from wire.paths import REPEATERS

MADE = frozenset({"output", "temp"})
MOST_FILES = 2_000  # of one run; further ones are not proven
MOST_UPLOADS = 20  # of one prompt, of which a file may be a copy
MOST_COMPARED = 200_000_000  # characters that are searched for names, each name counted; a tenth of a second
MOST_JOINS = 100_000  # steps to find joined names
LAG = 0.016  # seconds by which a file's time may be behind the clock: a tick of the system, the longest on Windows
TICK = 0.001  # seconds: ComfyUI reports the beginning and end of a run in whole milliseconds, rounded down
_ESCAPES = 4  # JSON in JSON in JSON
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_RANDOM = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.IGNORECASE)  # a UUID
_LEVELS = re.compile(r"[/\\]")


@dataclass(frozen=True, slots=True)
class WriteTime:
    """When a file was last written, in seconds since 1970 by the server's clock: between these two."""

    earliest: float
    latest: float

    @property
    def is_exact(self) -> bool:
        """Return whether it is known to the nanosecond, so that no two files share it by chance."""
        return self.earliest == self.latest


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that a run lists."""

    file: File
    may_prove: bool  # its node and its name allow a proof, or it is an upload of the user
    signature: str | None  # its node's key in ComfyUI's cache: equal if the class and all inputs above are equal


@dataclass(frozen=True, slots=True)
class ProvingRun:
    """What one run of a user's prompt may prove. Times are in seconds since 1970 by the server's clock."""

    files: tuple[ListedFile, ...]
    uploads: tuple[str, ...] = ()  # paths of uploads that the prompt names and the user may read
    began: float | None = None  # None if unknown: then nothing is proven
    ended: float | None = None  # None while it runs

    @classmethod
    def of(cls, entry: object, user: User, server_id: str, wanted: frozenset[File] | None = None) -> ProvingRun | None:
        """Return the run of a history entry, or None if it is not this user's; only of the `wanted` files, if given."""
        try:
            run = read_entry(entry)
        except HistoryError:
            return None
        if not run.prompt_id or not user.owns(server_id, run.prompt_id, run.extra_data):
            return None
        began, ended = _begin(run), max((time for _, time in _times(run)), default=None)
        return cls.read(
            run.prompt, run.extra_data, run.outputs, user, server_id, wanted=wanted, began=began, ended=ended
        )

    @classmethod
    def read(
        cls,
        prompt: Mapping[str, Any],
        extra_data: Mapping[str, Any],
        outputs: object,
        user: User,
        server_id: str,
        *,
        wanted: frozenset[File] | None = None,
        began: float | None = None,
        ended: float | None = None,
    ) -> ProvingRun:
        """Return the run of a prompt with these outputs."""
        found = _claimed(outputs, user, server_id, wanted)
        made = [file for file in found if file.folder in MADE]
        named = _named(made, prompt, extra_data) | _joined(made, prompt)
        signed: dict[str, str] = {}
        files = tuple(
            ListedFile(
                file,
                file.folder == "input" or (file not in named and _may_prove(prompt, node_id, file)),
                _signature(prompt, node_id, signed),
            )
            for file, node_id in found.items()
        )
        return cls(files, _uploads(prompt, user) if made else (), began, ended)

    def wrote(self, written: WriteTime) -> bool:
        """Return whether a file with this time was certainly written during this run.

        The windows of two runs that follow each other never overlap: each begins and ends up to a tick late.
        """
        if self.began is None:
            return False
        return self.began + TICK <= written.earliest and written.latest < self._end

    def began_with(self, written: WriteTime) -> bool:
        """Return whether a file with this time was written as this run began, or as the one before it ended."""
        return self.began is not None and self.began - LAG <= written.earliest < self.began + TICK

    def is_over_before(self, written: WriteTime) -> bool:
        """Return whether a file was written after this run, so that another file has its name now."""
        return written.earliest >= self._end

    def lists(self, file: File) -> bool:
        """Return whether it lists this file, and its node and name allow a proof."""
        return any(one.file == file and one.may_prove for one in self.files)

    @property
    def _end(self) -> float:
        return math.inf if self.ended is None else self.ended + TICK


@dataclass(frozen=True, slots=True)
class Span:
    """The time in which a run of another user was under way; unbounded as far as it is unknown."""

    began: float
    ended: float

    @classmethod
    def of(cls, entry: object) -> Span:
        """Return the span of a history entry."""
        try:
            times = [time for _, time in _times(read_entry(entry))]
        except HistoryError:
            times = []
        began = begin_of(entry) if times else None
        return cls(-math.inf if began is None else began, max(times, default=math.inf))

    def covers(self, written: WriteTime) -> bool:
        """Return whether a file with this time may have been written in it."""
        return self.began - TICK <= written.latest + LAG and written.earliest <= self.ended + TICK


def read_runs(
    entries: Iterable[object], user: User, server_id: str, wanted: frozenset[File] | None = None
) -> tuple[ProvingRun, ...]:
    """Return the runs of this user among history entries, without those that list nothing wanted."""
    runs = (ProvingRun.of(entry, user, server_id, wanted) for entry in entries)
    return tuple(run for run in runs if run is not None and run.files)


def begin_of(entry: object) -> float | None:
    """Return when the run of a history entry began, of any user; None if that is unknown."""
    try:
        return _begin(read_entry(entry))
    except HistoryError:
        return None


def _begin(run: HistoryEntry) -> float | None:
    return min((time for name, time in _times(run) if name == Event.EXECUTION_START), default=None)


def described_files(outputs: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each description of a file in the outputs, with its node: items of lists that hold nothing else.

    A 3D model that is named by its path alone is described beside it, so that the description can be sealed.
    """
    for node_id, shown in outputs.items() if isinstance(outputs, dict) else ():
        if not isinstance(shown, dict):
            continue
        if (model := describe_model(shown)) is not None:
            shown.setdefault("mooring_3d", [model])
        for items in shown.values():
            if isinstance(items, list) and items and all(_is_described(item) for item in items):
                for item in items:
                    yield node_id, item


def _is_described(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("filename"), str)


def _claimed(outputs: object, user: User, server_id: str, wanted: frozenset[File] | None) -> dict[File, str]:
    """Return the files that a run lists, each with its node, if they may be this user's."""
    found: dict[File, str] = {}
    for node_id, described in described_files(outputs):
        file = File.of(server_id, described)
        if file is None or file in found or (wanted is not None and file not in wanted):
            continue
        is_theirs = user.has_upload(file.path) if file.folder == "input" else file.folder in MADE
        if is_theirs and file.is_plain_without_windows:
            found[file] = node_id
        if len(found) == MOST_FILES:
            break
    return found


def _may_prove(prompt: Mapping[str, Any], node_id: str, file: File) -> bool:
    """Return whether a node that lists this file has made it, as far as its class says."""
    if _RANDOM.search(file.path):
        return True
    node = prompt.get(node_id)
    if node is None:  # a node that another one added during the run (`5.0.0.2`): it may be a copy of any of them
        return REPEATERS.isdisjoint(map(_class_of, prompt.values()))
    return _class_of(node) not in REPEATERS


def _class_of(node: object) -> str:
    class_type = node.get("class_type") if isinstance(node, dict) else None
    return class_type if isinstance(class_type, str) else ""


def _named(files: Sequence[File], *writings: object) -> set[File]:
    """Return the files whose names occur in what a user wrote, in any encoding of it that servers decode."""
    names = {file.name.casefold() for file in files}
    found: set[str] = set()
    left = MOST_COMPARED
    for writing in writings if names else ():
        for text in all_texts(writing):
            for form in _decoded(text) if "%" in text or "\\" in text else (text.casefold(),):
                left -= len(form) * len(names)
                if left < 0:
                    return set(files)  # it cannot be ruled out
                found |= {name for name in names if name in form}
    return {file for file in files if file.name.casefold() in found}


def _decoded(text: str) -> Iterator[str]:
    yield text.casefold()
    plain = unquote(text)
    if plain != text:
        yield plain.casefold()
    for _ in range(_ESCAPES):
        if "\\" not in plain:
            return
        plain = _unescaped(plain)
        yield plain.casefold()


def _joined(files: Iterable[File], prompt: Mapping[str, Any]) -> set[File]:
    """Return the files whose names are joins of the prompt's texts, as nodes that concatenate make them.

    Only whole texts and the last parts of paths are pieces. Parts of texts would be pieces of any name at all.
    """
    names = list(files)
    longest = max((len(file.name) for file in names), default=0)
    pieces: set[str] = set()
    for node in prompt.values() if names else ():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        for value in inputs.values() if isinstance(inputs, dict) else ():
            for text in all_texts(value) if read_link(value) is None else ():
                last = _LEVELS.split(text[-longest - 1 :])[-1]
                pieces |= {one.casefold() for one in (text, text.strip(), last, last.strip()) if len(one) <= longest}
    pieces.discard("")
    lengths = sorted({len(piece) for piece in pieces})
    left = MOST_JOINS
    found: set[File] = set()
    for file in names:
        if left < 0:
            return set(names)  # it cannot be ruled out
        name = file.name.casefold()
        reached = {0}
        for start in range(len(name)):
            if start in reached:
                left -= len(lengths)
                reached |= {start + size for size in lengths if name[start : start + size] in pieces}
        if len(name) in reached:
            found.add(file)
    return found if left >= 0 else set(names)


def _uploads(prompt: Mapping[str, Any], user: User) -> tuple[str, ...]:
    paths = sorted({text.removesuffix(" [input]") for text in all_texts(prompt)})
    return tuple(path for path in paths if user.has_upload(path))[:MOST_UPLOADS]


def all_texts(value: object) -> Iterator[str]:
    """Yield every text in a JSON value, including keys."""
    waiting: list[object] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
            waiting += one.keys()


def _unescaped(text: str) -> str:
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _times(entry: HistoryEntry) -> Iterator[tuple[str, float]]:
    for name, data in entry.messages:
        match data:
            case {"timestamp": int() | float() as milliseconds}:
                yield name, milliseconds / 1_000


def _signature(prompt: Mapping[str, Any], node_id: str, signed: dict[str, str]) -> str | None:
    """Return a node's key in ComfyUI's cache: its class and inputs and those of all nodes above; None in a cycle.

    A node that another node added during the run (`5.0.0.2`) has the key of that node (`5`).
    """
    return _sign(prompt, node_id if node_id in prompt else node_id.partition(".")[0], signed)


def _sign(prompt: Mapping[str, Any], start: str, signed: dict[str, str]) -> str | None:
    opened: set[str] = set()
    waiting = [start]
    while waiting:
        node_id = waiting[-1]
        if node_id in signed:
            waiting.pop()
            continue
        node = prompt.get(node_id)
        inputs = node.get("inputs") if isinstance(node, dict) else None
        values = inputs if isinstance(inputs, dict) else {}
        links = {name: link for name, value in values.items() if (link := read_link(value)) is not None}
        unsigned = {link.node_id for link in links.values()} - signed.keys()
        if unsigned:
            if node_id in opened:
                return None
            opened.add(node_id)
            waiting += unsigned
            continue
        plain = {name: value for name, value in values.items() if name not in links}
        above = {name: [signed[link.node_id], link.slot] for name, link in links.items()}
        class_type = node.get("class_type") if isinstance(node, dict) else None
        text = json.dumps([class_type, plain, above], sort_keys=True)
        signed[node_id] = hashlib.sha256(text.encode()).hexdigest()
    return signed[start]
