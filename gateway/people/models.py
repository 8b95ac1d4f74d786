"""Models, which are the same for all users, without a user's pictures and prompts.

ComfyUI counts `output/loras` and the like among its folders of models, and shows whatever picture has a model's name.
A prompt that saves a model writes itself into the model's metadata.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from urllib.parse import unquote

from gateway.fleet.server_answers import MODELS, parse_json
from gateway.http.servers import ServerId
from gateway.http.upstream import Upstream
from gateway.people.upstream_query import fetch_as
from gateway.people.user import FOLDER
from wire.model_files import LISTS, METADATA, read_listing

FRESH = 60.0  # seconds; a page requests many pictures at a time
MOST_LISTS = 100  # that are kept, since a user may name any folder
_OWN_METADATA = frozenset({"prompt", "workflow"})

_Listed = frozenset[tuple[int, str]]  # the directory's number and the name of each model


@dataclass(slots=True)
class _List:
    """The list of one folder."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    models: _Listed = frozenset()
    until: float = 0.0


class ModelLists:
    """The models that servers list, each list kept for `FRESH` seconds."""

    def __init__(self) -> None:
        self._lists: defaultdict[tuple[ServerId, str], _List] = defaultdict(_List)

    async def has_preview(self, upstream: Upstream, path: str) -> bool:
        """Whether this path of a preview belongs to a model that its server lists."""
        *_, folder, index, name = path.split("/")
        known = self._lists[upstream.server.id, folder]
        if len(self._lists) > MOST_LISTS:
            del self._lists[next(iter(self._lists))]
        async with known.lock:
            if time.monotonic() >= known.until:
                known.models = await fetch_as(upstream, f"{LISTS}/{folder}", MODELS, _read)
                known.until = time.monotonic() + FRESH
        return (int(index), unquote(name)) in known.models


def _read(text: bytes | bytearray) -> _Listed:
    listing = read_listing(parse_json(text, LISTS))
    return frozenset((item.path_index, item.name) for item in listing if not item.name.startswith(f"{FOLDER}/"))


def without_prompts(text: bytes | bytearray) -> bytes:
    """Return the metadata of a model without the prompt that saved it."""
    answer = parse_json(text, METADATA)
    shown = answer.items() if isinstance(answer, dict) else ()
    return json.dumps({name: value for name, value in shown if name not in _OWN_METADATA}).encode()
