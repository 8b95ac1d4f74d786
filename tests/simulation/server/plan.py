"""The execution order of a prompt's nodes, and the cache of results.

Both are part of the protocol. Of the ready nodes, outputs run first, then those nearest to an output. A node is not run
when its class, its values, its file's content and all of this upstream are as in the latest prompt; SaveImage is no
exception, so an identical prompt writes no file and names the old one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Prompt = dict[str, Any]


def is_link(value: Any) -> bool:
    """Return whether an input's value is `[node_id, slot]`."""
    return (
        isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int | float)
    )


def _links(node: dict[str, Any]) -> list[str]:
    return [value[0] for value in node["inputs"].values() if is_link(value)]


class Plan:
    """The nodes to run, from the outputs upwards; nodes with a cached result are left out."""

    def __init__(
        self, prompt: Prompt, outputs: list[str], is_cached: Callable[[str], bool], is_output: Callable[[str], bool]
    ) -> None:
        self._prompt = prompt
        self._is_output = is_output
        self._blockers: dict[str, set[str]] = {}
        stack = []
        for output in outputs:
            stack.append(output)
            while stack:
                node_id = stack.pop()
                if node_id not in self._blockers:
                    sources = [source for source in _links(prompt[node_id]) if not is_cached(source)]
                    self._blockers[node_id] = set(sources)
                    stack += sources

    def __bool__(self) -> bool:
        return bool(self._blockers)

    def next(self) -> str:
        """Return the node to run now."""
        ready = [node_id for node_id, blockers in self._blockers.items() if not blockers]
        return min(ready, key=self._distance)

    def done(self, node_id: str) -> None:
        """Remove a node that has run."""
        del self._blockers[node_id]
        for blockers in self._blockers.values():
            blockers.discard(node_id)

    def _distance(self, node_id: str, limit: int = 3) -> int:
        """Return the number of steps to an output, up to the limit."""
        if limit == 0 or self._is_output(self._prompt[node_id]["class_type"]):
            return 0
        followers = [other for other, blockers in self._blockers.items() if node_id in blockers]
        return 1 + min((self._distance(other, limit - 1) for other in followers), default=limit)


@dataclass
class Result:
    """The result of a node: its outputs by slot, and what it shows."""

    outputs: tuple[Any, ...] = ()
    shown: dict[str, Any] | None = None


@dataclass
class Results:
    """The results that the latest prompt used."""

    _known: dict[str, Result] = field(default_factory=dict)
    _signatures: dict[str, str] = field(default_factory=dict)

    def set_prompt(self, prompt: Prompt, content_of: Callable[[dict[str, Any]], str | None]) -> None:
        """Set the latest prompt; `content_of` hashes the file that a node reads, or returns None."""
        self._signatures = {}
        for node_id in prompt:
            self._sign(node_id, prompt, content_of)
        used = set(self._signatures.values())
        self._known = {key: value for key, value in self._known.items() if key in used}

    def get(self, node_id: str) -> Result | None:
        """Return the known result of a node of the latest prompt."""
        return self._known.get(self._signatures.get(node_id, ""))

    def put(self, node_id: str, result: Result) -> None:
        """Store a result."""
        self._known[self._signatures.setdefault(node_id, f"once {node_id}")] = result

    def _sign(self, node_id: str, prompt: Prompt, content_of: Callable[[dict[str, Any]], str | None]) -> str:
        if node_id in self._signatures:
            return self._signatures[node_id]
        self._signatures[node_id] = f"never {node_id}"  # for a node in a cycle
        node = prompt.get(node_id)
        if node is None or "inputs" not in node:
            return self._signatures[node_id]
        inputs = [
            [name, self._sign(value[0], prompt, content_of), value[1]] if is_link(value) else [name, value]
            for name, value in sorted(node["inputs"].items())
        ]
        content = content_of(node)
        text = json.dumps([node["class_type"], f"never {node_id}" if content is None else content, inputs])
        self._signatures[node_id] = hashlib.sha256(text.encode()).hexdigest()
        return self._signatures[node_id]
