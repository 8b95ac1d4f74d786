"""Where a workflow says that its models can be downloaded: in `properties.models` of its nodes, or in its own `models`.

sources = read_model_sources(graph)
find_model_source(sources, "sd15.safetensors", "checkpoints")     # ModelSource(name=…, url="https://…", folder=…)

Anyone may have written the file: the page only shows an address, and a server downloads only what `judge_source` in
`wire/downloads.py` allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.spelling import with_slashes
from wire.downloads import LONGEST_SOURCE
from wire.model_files import NO_MODELS, is_inside, read_size

MOST_MODELS = 500
LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model's file name with slashes, and what the workflow says about it. Empty texts and 0 mean unknown."""

    name: str
    url: str = ""
    folder: str = ""  # one of the server's folders of models
    size: int = 0  # bytes


def read_model_sources(graph: Mapping[str, Any]) -> tuple[ModelSource, ...]:
    """Return the sources that an editor's graph names, those of nodes first. Invalid entries are left out."""
    found: dict[ModelSource, None] = {}
    for item in _entries(graph):
        if len(found) == MOST_MODELS:
            break
        if (source := _source(item)) is not None:
            found[source] = None
    return tuple(found)


def find_model_source(sources: Sequence[ModelSource], value: str, folder: str = "") -> ModelSource | None:
    """Return the source of the model that an input names: by its whole name, else by its file name.

    If several match, one in this folder of models is preferred.
    """
    name = with_slashes(value)
    for wanted in (name, name.rpartition("/")[2]):
        if named := [source for source in sources if source.name == wanted]:
            return next((source for source in named if source.folder == folder), named[0])
    return None


def _entries(graph: Mapping[str, Any]) -> Iterator[object]:
    definitions = graph.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, Mapping) else None
    for level in (graph, *_list(subgraphs)):
        for node in _list(level.get("nodes")) if isinstance(level, Mapping) else ():
            properties = node.get("properties") if isinstance(node, Mapping) else None
            yield from _list(properties.get("models")) if isinstance(properties, Mapping) else ()
    yield from _list(graph.get("models"))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _source(item: object) -> ModelSource | None:
    if not isinstance(item, Mapping):
        return None
    name, url = with_slashes(_text(item, "name", LONGEST_NAME)), _text(item, "url", LONGEST_SOURCE)
    if not name:
        return None
    return ModelSource(
        name,
        url if url.startswith(("https://", "http://")) else "",
        _folder(with_slashes(_text(item, "directory", LONGEST_NAME))),
        read_size(item.get("size")),
    )


def _folder(name: str) -> str:
    """Return the folder; empty for one that is not below the folder of models, or has no models."""
    return name if is_inside(name) and name.partition("/")[0].lower() not in NO_MODELS else ""


def _text(item: Mapping[str, Any], name: str, longest: int) -> str:
    text = item.get(name)
    return text if isinstance(text, str) and len(text) <= longest and text.isprintable() else ""
