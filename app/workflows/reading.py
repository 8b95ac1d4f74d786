"""The kind of a dropped, pasted or chosen file, and the workflow in it.

source = read_source(data, "street.png")
source.carrier, source.size          # Carrier.PNG, PixelSize(1024, 1024): by content, whatever the name is
source.graph, source.api             # the editor's graph and the API format, as text; one may be None
source.notes                         # what the user should know, such as FileNote.ONLY_PROMPT

Every refusal is a BadInput whose cause is a SourceFault; its detail is for the log and for quoting. Nothing else is
raised, whatever the bytes are. Texts are plain strings of whole characters, and nothing in them is trusted: they come
from outside, and are not markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import BadInput, SourceFault
from app.workflows.bounds import check_file, check_text, refusal
from app.workflows.carriers import open_carrier
from app.workflows.carriers.carrier import ENVELOPES, Carrier, Contents, PixelSize
from app.workflows.documents import Document, FileNote, looks_like_json, parse_document

_HEAD = 1024  # bytes in which a JSON file has to begin
_LONGEST_NAME = 255  # characters
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_UNREADABLE = {"workflow": FileNote.GRAPH_UNREADABLE, "prompt": FileNote.PROMPT_UNREADABLE}


@dataclass(frozen=True, slots=True)
class Source:
    """A file with a workflow: at least one of `graph` and `api` is set; `graph` is used if there is one.

    `notes` are about that one. `parsed` is the graph where the whole file is its text.
    """

    name: str
    carrier: Carrier
    api: str | None
    graph: str | None
    size: PixelSize | None
    notes: frozenset[FileNote]
    parsed: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)


def read_source(data: bytes | bytearray | memoryview, name: str = "") -> Source:
    """Read a file's bytes, which are neither copied nor changed. BadInput says why there is no workflow."""
    shown = plain_name(name)
    try:
        return _read(memoryview(data).cast("B"), shown)
    except BadInput as error:
        raise BadInput(error.cause, shown, error.detail) from error


def read_text(text: str, name: str = "") -> Source:
    """Read pasted text: from the first brace to the last, since words or code marks may surround it."""
    shown = plain_name(name)
    start, end = text.find("{"), text.rfind("}")
    try:
        if start < 0:
            raise refusal(SourceFault.UNKNOWN_FILE if text.strip() else SourceFault.EMPTY)
        return _from_json(text[start : end + 1], shown)
    except BadInput as error:
        raise BadInput(error.cause, shown, error.detail) from error


def plain_name(name: str) -> str:
    """A file's name for display: no folders, no control or direction characters, no half characters, bounded."""
    last = re.split(r"[/\\]", name)[-1]
    return _SURROGATE.sub("\ufffd", _UNPRINTABLE.sub("", last)).strip()[:_LONGEST_NAME]


def _read(view: memoryview, name: str) -> Source:
    check_file(len(view))
    if (text := _json_text(view)) is not None:
        return _from_json(text, name)
    if (contents := open_carrier(view)) is None:
        raise refusal(SourceFault.UNKNOWN_FILE)
    return _from_container(contents, name)


def _json_text(view: memoryview) -> str | None:
    """The whole file as text if it is meant as JSON, in any encoding that JSON may have; else None."""
    head = bytes(view[:_HEAD])
    encoding = json.detect_encoding(head)
    if not head.decode(encoding, "ignore").lstrip(" \t\r\n\ufeff").startswith(("{", "[")):
        return None
    check_text(len(view))
    try:
        return str(view, encoding).strip("\0 \t\r\n\ufeff")
    except UnicodeDecodeError as error:
        raise refusal(SourceFault.DAMAGED, f"JSON: {error.reason} at {error.start}") from error


def _from_json(text: str, name: str) -> Source:
    document = parse_document(text)
    if document.api is None and document.graph is None:
        raise refusal(SourceFault.NO_WORKFLOW, f"json: {document.missing}")
    return Source(name, Carrier.JSON, document.api, document.graph, None, document.notes, document.parsed)


def _from_container(contents: Contents, name: str) -> Source:
    """The editor's graph and the prompt, if there are any; recognised by structure, under any key."""
    notes: set[FileNote] = set()
    failures: list[BadInput] = []
    found: list[Document] = []
    for key in ("workflow", "prompt", *ENVELOPES):
        try:
            found.append(_document(contents, key))
        except BadInput as error:
            failures.append(error)
            notes.update({_UNREADABLE[key]} if key in _UNREADABLE else ())
    graph = next((document for document in found if document.graph), None)
    api = next((document for document in found if document.api), None)
    if (chosen := graph or api) is None:
        raise _nothing(contents, failures)
    notes |= chosen.notes
    if contents.fault:
        notes.add(FileNote.FILE_DAMAGED)
    if graph is None and FileNote.GRAPH_UNREADABLE not in notes:
        notes.add(FileNote.ONLY_PROMPT)
    return Source(
        name,
        contents.carrier,
        api.api if api else None,
        graph.graph if graph else None,
        contents.size,
        frozenset(notes),
    )


def _document(contents: Contents, key: str) -> Document:
    """The document under one key; prose is no workflow, and no error."""
    if (embedded := contents.texts.get(key)) is None:
        return Document()
    text = embedded.text()
    return parse_document(text) if looks_like_json(text) else Document()


def _nothing(contents: Contents, failures: list[BadInput]) -> BadInput:
    """Why a container has no workflow: its text is invalid, it is damaged, or there is none."""
    if failures:
        return failures[0]
    if contents.fault:
        return refusal(SourceFault.DAMAGED, contents.fault)
    return refusal(SourceFault.NO_WORKFLOW, contents.carrier.value)
