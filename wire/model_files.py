"""A server's model files, their folders, pictures and metadata. Pure.

    GET /models                                                  ["checkpoints", "loras", …]
    GET /models/{folder}                                         ["xl/a.safetensors", …], as its nodes list them
    GET /experiment/models/{folder}                              [{"name": …, "pathIndex": 0, "size": 1024, …}, …]
    GET /experiment/models/preview/{folder}/{pathIndex}/{name}   a WebP
    GET /view_metadata/{folder}?filename={name}                  the metadata in a safetensors header

The last two answer 404 for a model without a picture, or without metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

LISTS = "/experiment/models"
PREVIEWS = f"{LISTS}/preview"
METADATA = "/view_metadata"

_SLASH = re.compile(r"[/\\]")
_UNCLEAR = frozenset("%;?#")
_LONGEST_PART = 200  # characters
_LARGEST = 2**53  # bytes
_MOST_DIRECTORIES = 1_000  # of one folder; gateways pass three digits
MOST_FOLDERS = 200
NO_MODELS = frozenset({"configs", "custom_nodes"})  # folders that a server lists beside those of models


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A file in a folder of models, which may be several directories on the server: `path_index` is one of them."""

    name: str
    path_index: int
    size: int  # bytes


def read_listing(answer: object) -> tuple[ListedModel, ...]:
    """Read `/experiment/models/{folder}`; entries of another shape are left out."""
    return tuple(_read_models(answer)) if isinstance(answer, list) else ()


def _read_models(answer: list[object]) -> Iterator[ListedModel]:
    for item in answer:
        if not isinstance(item, dict):
            continue
        name, index = item.get("name"), item.get("pathIndex")
        if isinstance(name, str) and type(index) is int and 0 <= index < _MOST_DIRECTORIES:
            yield ListedModel(name, index, read_size(item.get("size")))


def read_size(value: object) -> int:
    """Read a number of bytes; 0 for what is none, or is too large to be one."""
    return value if type(value) is int and 0 < value < _LARGEST else 0


def read_folders(answer: object) -> tuple[str, ...]:
    """Read `/models`, without folders of other things, and without names that could be read as a path."""
    names = (name for name in read_names(answer) if name.lower() not in NO_MODELS)
    return tuple(islice((name for name in names if is_plain_path(name) and not _SLASH.search(name)), MOST_FOLDERS))


def read_names(answer: object) -> tuple[str, ...]:
    """Read `/models/{folder}`."""
    return tuple(item for item in answer if isinstance(item, str)) if isinstance(answer, list) else ()


def is_inside(name: str) -> bool:
    """Whether the name is a path that stays inside its folder, with either slash."""
    return all(map(_is_plain, _SLASH.split(name)))


def _is_plain(part: str) -> bool:
    is_name = part not in ("", ".", "..") and len(part) <= _LONGEST_PART
    return is_name and part.isprintable() and ":" not in part


def is_plain_path(name: str) -> bool:
    """Whether the name stays inside its folder even if a reader decodes it twice, or cuts it at signs of a URL."""
    return is_inside(name) and not _UNCLEAR & set(name)


def preview_path(folder: str, path_index: int, name: str) -> str:
    """Return the path of a model's picture on its server; empty if its name could be read as another path."""
    if not is_plain_path(name):
        return ""
    return f"{PREVIEWS}/{quote(folder, safe='')}/{path_index}/{quote(name, safe='')}"


def metadata_path(folder: str, name: str) -> str:
    """Return the path of a model's metadata on its server, with the query."""
    return f"{METADATA}/{quote(folder, safe='')}?filename={quote(name, safe='')}"
