"""The outputs of a task, as reported in a history entry or an `executed` message: files of every kind, and texts.

read_outputs(entry["outputs"])      # {"9": {"images": [{"filename": …}]}, "12": {"text": ["…"]}}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.core.model import TEXT, NodeId, Output
from wire.history import describe_model, read_file
from wire.media import medium_of

MAX_SHOWN = 200_000  # characters of one text in a record
_TEXT_KINDS = ("text", "string")  # of PreviewAny, and of similar nodes in node packs


def read_outputs(outputs: Mapping[str, Any]) -> tuple[Output, ...]:
    """Every file that a history entry lists, in its order, whatever its kind."""
    return tuple(output for node_id, made in outputs.items() for output in read_node_outputs(node_id, made))


def read_node_outputs(node_id: str, made: object) -> tuple[Output, ...]:
    """The files and texts of one node, in their order, from history or an `executed` message."""
    if not isinstance(made, dict):
        return ()
    files = tuple(_files(node_id, made))
    model = next(_files(node_id, {"3d": [describe_model(made)]}), None)
    if model is not None and all(item.file != model.file for item in files):
        files = (*files, model)
    if any(medium_of("", item.filename) == "text" for item in files):
        return files  # SaveText also shows the text that it saves
    return (*files, *_texts(node_id, made))


def in_order_of(workflow: str, outputs: tuple[Output, ...]) -> tuple[Output, ...]:
    """Return outputs in the order of the workflow's nodes; a history has them in the order in which they were made."""
    if len({output.node_id for output in outputs}) < 2:
        return outputs
    try:
        places = {node_id: place for place, node_id in enumerate(json.loads(workflow))}
    except ValueError:  # an orphan's workflow is unknown
        return outputs

    def place(output: Output) -> int:
        node_id = output.node_id
        return places.get(node_id, places.get(node_id.split(".", maxsplit=1)[0], len(places)))  # 2.0.0.1 is made by 2

    return tuple(sorted(outputs, key=place))


def _files(node_id: str, made: Mapping[str, Any]) -> Iterator[Output]:
    yield from (
        Output(
            node_id=NodeId(node_id),
            kind=str(kind),
            filename=file.name,
            subfolder=file.subfolder,
            folder=file.folder,
            seal=_text(item.get("seal")),
        )
        for kind, items in made.items()
        if isinstance(items, list)
        for item in items
        if (file := read_file(item)) is not None
    )


def _texts(node_id: str, made: Mapping[str, Any]) -> Iterator[Output]:
    """The texts that a node shows (PreviewAny, and similar nodes)."""
    texts = [item for kind in _TEXT_KINDS for item in _list(made.get(kind)) if isinstance(item, str)]
    for number, text in enumerate(texts, 1):
        shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]} […]"
        yield Output(node_id=NodeId(node_id), kind="text", filename=f"text_{number:05}_.txt", folder=TEXT, text=shown)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
