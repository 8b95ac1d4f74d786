"""The proof, from a server's own report, that a prompt made a file. Pure.

A file in the folders `output` and `temp` belongs to a user if all of this is true:

1. The server lists it as an output of a prompt that carries the user's mark, in a list of files that a node shows.
2. Its name appears nowhere in the prompt and `extra_data` that the user wrote, since some nodes repeat their inputs.
3. The server wrote it while that prompt ran. A server runs one prompt at a time. An output from the server's cache is
   older; then another run must have written it, with a node whose inputs are the same all the way up. A copy that
   keeps the time of its original has the Etag of an upload that the prompt names and the user may read.

Nothing else in a server's answers proves it: no text, no queue, no job's copy of a prompt, no address in an event.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from gateway.people.links import read_link
from gateway.people.seals import File
from wire.events import Event
from wire.history import Entry, HistoryError, describe_model, read_entry

CLOCKS = 2.0  # seconds by which a file's time and the server's clock may differ, as on a network share
MADE = frozenset({"output", "temp"})
_ESCAPES = 4  # JSON in JSON in JSON
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Written:
    """When a file was last written, in seconds since 1970 by the server's clock: between these two."""

    earliest: float
    latest: float

    @property
    def is_exact(self) -> bool:
        """Return whether it is known to the nanosecond, so that no two files share it by chance."""
        return self.earliest == self.latest


@dataclass(frozen=True)
class Run:
    """One run of a prompt, as the server reports it. Times are in seconds since 1970 by the server's clock."""

    server_id: str
    prompt: Mapping[str, Any]
    extra_data: Mapping[str, Any]
    outputs: object
    began: float | None  # None if unknown: then nothing is proven
    ended: float | None = None  # None while it runs
    _signed: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, server_id: str, entry: object) -> Run | None:
        """Return the run of a history entry, or None if it is not ComfyUI's."""
        try:
            run = read_entry(entry)
        except HistoryError:
            return None
        if not run.prompt_id:
            return None
        times = tuple(_times(run))
        began = min((time for name, time in times if name == Event.EXECUTION_START), default=None)
        ended = max((time for _, time in times), default=None)
        return cls(server_id, run.prompt, run.extra_data, run.outputs, began, ended)

    def files(self) -> Iterator[tuple[str, File]]:
        """Yield the files that this run lists, each with its node."""
        for node_id, described in described_files(self.outputs):
            file = File.of(self.server_id, described)
            if file is not None and file.folder in MADE and file.is_plain_without_windows:
                yield node_id, file

    def names(self, file: File) -> bool:
        """Return whether the file's name appears in what the user wrote."""
        return file.name.casefold() in self._writing

    @cached_property
    def _writing(self) -> str:
        forms = ["\0".join((*all_texts(self.prompt), *all_texts(self.extra_data)))]
        forms.append(unquote(forms[0]))
        for _ in range(_ESCAPES):
            if "\\" not in forms[-1]:
                break
            forms.append(_unescaped(forms[-1]))
        return "\0".join(forms).casefold()

    def wrote(self, written: Written) -> bool:
        """Return whether a file with this time was certainly written during this run."""
        return self.began is not None and self.began <= written.earliest and written.latest <= self._end(0.001)

    def may_have_written(self, written: Written) -> bool:
        """Return whether it may have been, if the file's time comes from another clock."""
        return (
            self.began is not None and self.began - CLOCKS <= written.latest and written.earliest <= self._end(CLOCKS)
        )

    def is_over_before(self, written: Written) -> bool:
        """Return whether a file was written after this run, so that another file has its name now."""
        return written.earliest > self._end(CLOCKS)

    def _end(self, tolerance: float) -> float:
        return float("inf") if self.ended is None else self.ended + tolerance

    def signature(self, node_id: str) -> str | None:
        """Return a node's key in ComfyUI's cache: its class and inputs and those of all nodes above; None in a cycle.

        A node that another node added during the run (`5.0.0.2`) has the key of that node (`5`).
        """
        known = node_id if node_id in self.prompt else node_id.partition(".")[0]
        return _sign(self.prompt, known, self._signed)


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


class Runs:
    """The runs of all users in a server's history, to find the one that wrote a cached file."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._listing: dict[File, list[tuple[Run, str]]] = {}
        for run in runs:
            for node_id, file in run.files():
                self._listing.setdefault(file, []).append((run, node_id))

    def prove(self, run: Run, node_id: str, file: File, written: Written) -> bool:
        """Return whether this run's node, or an equal one of another run, wrote the file."""
        makers = [
            other.signature(node)
            for other, node in self._listing.get(file, ())
            if other.wrote(written) and not other.names(file)
        ]
        if makers:
            own = run.signature(node_id)
            return own is not None and own in makers
        return run.may_have_written(written)


def all_texts(value: object) -> Iterator[str]:
    """Yield every text in a JSON value, including keys."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case list(items):
                waiting += items
            case dict(items):
                waiting += items.values()
                waiting += items.keys()


def _unescaped(text: str) -> str:
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _times(entry: Entry) -> Iterator[tuple[str, float]]:
    for name, data in entry.messages:
        match data:
            case {"timestamp": int() | float() as milliseconds}:
                yield name, milliseconds / 1_000


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
