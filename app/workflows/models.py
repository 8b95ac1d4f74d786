"""Models that a workflow names with their sources: in `properties.models` of its nodes, and in a list of its own.

models = read_models(graph)
find_model(models, "sd15.safetensors", "checkpoints")     # ModelSource(name=…, url="https://…", folder="checkpoints")

A source is its author's word: the page shows it, and a server is asked for it only if `wire/downloads.py` lets it pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.spelling import with_slashes
from wire.downloads import LONGEST_SOURCE

MOST_MODELS = 500
LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model's file name with slashes, and what the workflow says about it; empty and 0 are unknown."""

    name: str
    url: str = ""
    folder: str = ""  # of the server's folders of models
    hash: str = ""
    hash_type: str = ""
    size: int = 0  # bytes


def read_models(graph: Mapping[str, Any]) -> tuple[ModelSource, ...]:
    """Return the models that an editor's graph names, those of nodes first; anything invalid is left out."""
    found: dict[ModelSource, None] = {}
    for item in _entries(graph):
        if len(found) == MOST_MODELS:
            break
        if (model := _model(item)) is not None:
            found[model] = None
    return tuple(found)


def find_model(models: Sequence[ModelSource], value: str, folder: str = "") -> ModelSource | None:
    """Return what is said about the model that an input names: of its name, else of its name without folders.

    Of several, the one in this folder of models is preferred.
    """
    name = with_slashes(value)
    for wanted in (name, name.rpartition("/")[2]):
        if named := [model for model in models if model.name == wanted]:
            return next((model for model in named if model.folder == folder), named[0])
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


def _model(item: object) -> ModelSource | None:
    if not isinstance(item, Mapping):
        return None
    name, url = with_slashes(_text(item, "name", LONGEST_NAME)), _text(item, "url", LONGEST_SOURCE)
    size = item.get("size")
    if not name:
        return None
    return ModelSource(
        name,
        url if url.startswith(("https://", "http://")) else "",
        with_slashes(_text(item, "directory", LONGEST_NAME)),
        _text(item, "hash", LONGEST_NAME),
        _text(item, "hash_type", LONGEST_NAME),
        size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else 0,
    )


def _text(item: Mapping[str, Any], name: str, longest: int) -> str:
    text = item.get(name)
    return text if isinstance(text, str) and len(text) <= longest and text.isprintable() else ""
