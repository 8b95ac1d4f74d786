"""JSON that contains workflows: parsed within bounds, and recognised by its structure.

document = parse_document(text)
document.api, document.graph      # one workflow, in API format and as the editor's graph, as text; either may be None

Everything is accepted that the editor opens: API format, its own graph, and both together as
`{"prompt": …, "workflow": …}`, each as an object or as JSON in a string. So are the body of a `POST /prompt`, an entry
of `/history`, and the result of the editor's own `graphToPrompt`.

Python writes NaN and Infinity, which are not JSON (many a prompt has an `is_changed` of NaN). The editor replaces them
by null, and so do the texts returned here, with a note.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeGuard

from app.core.errors import BadInput, SourceFault
from app.workflows.bounds import check_json, check_nodes, refusal
from wire.own_cache import has_marks, without_marks

_MOST_WRAPPINGS = 3  # JSON in a string in a string: some programs encode it thrice
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_HALF_ESCAPE = re.compile(
    r"\\u[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..\\u[dD])[c-fC-F])"
)  # a high one without its low one, or the other way round
_OBJECT = re.compile(r'[\s"\\]*\{[\s\\]*["}]')


class FileNote(Enum):
    """What the user should know about a workflow from a file."""

    ONLY_PROMPT = "only_prompt"  # the file has only the prompt as sent to the server, not the editor's graph
    GRAPH_UNREADABLE = "graph_unreadable"  # it has an invalid graph: the prompt is used instead
    PROMPT_UNREADABLE = "prompt_unreadable"
    GRAPH_REFUSED = "graph_refused"  # it has both, and the graph cannot be converted: the prompt is used
    FILE_DAMAGED = "file_damaged"  # the workflow is whole, the picture or film around it is not
    NON_FINITE = "non_finite"  # NaN or Infinity became null, as in the editor
    NODES_REPLACED = "nodes_replaced"  # it has nodes of old classes, which the server replaces
    SURROGATES = "surrogates"  # half a character became U+FFFD, as in what a browser sends


@dataclass(frozen=True, slots=True)
class Document:
    """The content of one JSON text. If it has no workflow, `missing` says what it is not.

    `parsed` is the editor's graph, where `graph` is this whole text.
    """

    api: str | None = None
    graph: str | None = None
    notes: frozenset[FileNote] = frozenset()
    missing: str = ""
    parsed: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)


def parse_document(text: str) -> Document:
    """Parse one text; BadInput if it passes a bound or is not JSON."""
    return _Reading().read(text)


class _Reading:
    """Parses one text, and collects notes."""

    def __init__(self) -> None:
        self._notes: set[FileNote] = set()

    def read(self, text: str, wrappings: int = _MOST_WRAPPINGS) -> Document:
        """The document; if one of its two parts is invalid and the other usable, that is noted."""
        value = self._parse(text)
        if isinstance(value, str):
            return self.read(value, wrappings - 1) if wrappings else self._done(missing="JSON in a string")
        whole = self._whole(value, text)
        return whole if whole.api or whole.graph else self._parts(value, wrappings)

    def _whole(self, value: object, source: str | None) -> Document:
        """A value that is a workflow by itself; `source` is its text, if it has one of its own."""
        if is_api(value):
            check_nodes(len(value))
            if has_marks(value):
                value, source = without_marks(value), None
            return self._done(api=self._text(value, source))
        if is_graph(value):
            check_nodes(count_nodes(value))
            text = self._text(value, source)
            return self._done(graph=text, parsed=value if text is source else None)
        return self._done(missing=_what_is_missing(value))

    def _parts(self, value: object, wrappings: int) -> Document:
        """A value that contains both formats, side by side or deeper."""
        failures: list[BadInput] = []
        api = graph = None
        for item in _candidates(value) if wrappings else ():
            try:
                found = self.read(item, wrappings - 1) if isinstance(item, str) else self._whole(item, None)
            except BadInput as error:
                failures.append(error)
                continue
            api, graph = api or found.api, graph or found.graph
        if failures and not api and not graph:
            raise failures[0]
        if failures:
            self._notes.add(FileNote.PROMPT_UNREADABLE if graph else FileNote.GRAPH_UNREADABLE)
        return self._done(api, graph, "" if api or graph else _what_is_missing(value))

    def _done(
        self,
        api: str | None = None,
        graph: str | None = None,
        missing: str = "",
        parsed: Mapping[str, Any] | None = None,
    ) -> Document:
        return Document(api, graph, frozenset(self._notes), missing, parsed)

    def _parse(self, text: str) -> Any:
        check_json(text.encode("utf-8", "surrogatepass"))
        try:
            return json.loads(text, parse_constant=self._constant, parse_float=self._float)
        except (ValueError, RecursionError) as error:
            raise refusal(SourceFault.DAMAGED, f"JSON: {error}") from error

    def _constant(self, _name: str) -> None:
        self._notes.add(FileNote.NON_FINITE)

    def _float(self, digits: str) -> float | None:
        """1e999 is JSON, but not a number that could be written."""
        if math.isfinite(value := float(digits)):
            return value
        self._notes.add(FileNote.NON_FINITE)
        return None

    def _text(self, value: object, source: str | None) -> str:
        """The text to return: the source, unless something in it has to change."""
        if source is not None and FileNote.NON_FINITE not in self._notes and not _has_half(source):
            return source
        text, halves = _SURROGATE.subn("\ufffd", json.dumps(value, ensure_ascii=False))
        if halves:
            self._notes.add(FileNote.SURROGATES)
        return text


def _has_half(text: str) -> bool:
    """Whether a JSON text has an unpaired surrogate, raw or escaped; `in` costs nothing if there is none."""
    if ("\\ud" in text or "\\uD" in text) and _HALF_ESCAPE.search(text.replace("\\\\", "")):
        return True
    return not text.isascii() and _SURROGATE.search(text) is not None


def is_api(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether this is API format: an object of nodes, each with its class."""
    return isinstance(value, dict) and bool(value) and all(_has_class(node) for node in value.values())


def is_graph(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether this is the editor's own format: an object with a list of nodes."""
    return isinstance(value, dict) and _is_list_of_objects(value.get("nodes"))


def count_nodes(graph: Mapping[str, Any]) -> int:
    """How many nodes an editor's graph has, those of its subgraphs counted once each."""
    definitions = graph.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    inner = [item.get("nodes") for item in subgraphs if isinstance(item, dict)] if isinstance(subgraphs, list) else []
    return len(graph["nodes"]) + sum(len(nodes) for nodes in inner if isinstance(nodes, list))


def _candidates(value: object) -> Iterator[object]:
    """The places of a workflow in an object that is none itself."""
    if not isinstance(value, dict):
        return
    if (
        len(value) == 1
        and isinstance(entry := next(iter(value.values())), dict)
        and isinstance(entry.get("prompt"), list)
    ):
        value = entry  # what `/history/{id}` answers: the entry under its id
    named = {key.lower(): item for key, item in value.items()}
    yield from _usable(named.get("workflow"), named.get("output"))
    match named:
        case {"prompt": [_, _, prompt, extra, *_]}:
            yield from _usable(_sent_graph(extra), prompt)
        case {"prompt": prompt}:
            yield from _usable(_sent_graph(named.get("extra_data")), prompt)


def _usable(*items: object) -> Iterator[object]:
    for item in items:
        if isinstance(item, dict) or (isinstance(item, str) and looks_like_json(item)):
            yield item


def _sent_graph(extra: object) -> object:
    """The editor's graph that was sent with a prompt."""
    match extra:
        case {"extra_pnginfo": {"workflow": graph}}:
            return graph
    return None


def looks_like_json(text: str) -> bool:
    """Whether a text is meant as a JSON object, once encoded or several times; `{red|blue} house` is not."""
    return _OBJECT.match(text) is not None


def _has_class(node: object) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str)


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _what_is_missing(value: object) -> str:
    if not isinstance(value, dict) or not value:
        return "not an object of nodes"
    if without := [key for key, node in value.items() if not _has_class(node)]:
        if len(without) < len(value):
            return f"node {without[0][:40]!r} has no class_type"
        return "neither nodes with a class_type nor a list of nodes"
    return ""
