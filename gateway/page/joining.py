"""The page's modules joined to a few files: what that needs to know of a build. `gateway/install/joined.py` does it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.page.index_page import imported_by

FOLDER = "static/js/"


@dataclass(frozen=True, slots=True)
class Joined:
    """Modules that were joined: the text of each file by its path, and the paths of all modules that are in them."""

    files: Mapping[str, str]
    modules: frozenset[str]


Join = Callable[[Sequence[str], str], Joined | None]  # modules that the page loads, and a digest of all modules
NOT_JOINED = Joined({}, frozenset())


def join_modules(loaded: Sequence[str], digests: Mapping[str, str], join: Join | None) -> Joined:
    """Join what a page loads of our own modules, if that is possible; `digests` are those of all files."""
    entries = [name for name in loaded if name.startswith(FOLDER)]
    if join is None or not entries:
        return NOT_JOINED
    modules = {name: content for name, content in digests.items() if name.endswith((".js", ".mjs"))}
    sources = hashlib.sha256(json.dumps(modules, sort_keys=True).encode()).hexdigest()
    return join(entries, sources) or NOT_JOINED


def only_joined(joined: Joined, files: Mapping[str, str], read: Callable[[str], str]) -> set[str]:
    """Return the modules that no page requests: they are in joined files, and nothing else imports them."""
    others = [name for name in files if name.startswith(FOLDER) and name not in joined.modules]
    inside = {name for name in joined.modules - joined.files.keys() if name in files}
    return inside - {*imported_by(others, files, read)}
