"""The cache of node results: what the latest prompt used is kept, and a node whose signature is known is not run.

A signature is the node's class, its values, its file's hash where it reads one, and the same of everything upstream.
SaveImage is cached like any other node: an identical prompt writes no file and names the old one, which may be gone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from demo_comfyui.model.prompts import Prompt, is_link

Fingerprint = Callable[[dict[str, Any]], Hashable]


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What a node returns: its outputs by slot, and what it shows."""

    outputs: tuple[Any, ...] = ()
    ui: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Cached:
    """The results of one node: its outputs by slot, and what it shows (None for nodes that show nothing)."""

    outputs: tuple[Any, ...]
    ui: dict[str, Any] | None
    meta: dict[str, Any] | None


class OutputCache:
    """Results by signature, and each node's own memory (kept while the node stays in the prompt)."""

    def __init__(self) -> None:
        self._results: dict[Hashable, Cached] = {}
        self._signatures: dict[str, Hashable] = {}
        self._memories: dict[tuple[str, str], dict[str, Any]] = {}

    def set_prompt(self, prompt: Prompt, fingerprints: dict[str, Fingerprint]) -> None:
        """Make this the latest prompt: compute its signatures, drop what it does not use."""
        signing = _Signing(prompt, fingerprints)
        self._signatures = {node_id: signing.sign(node_id) for node_id in prompt}
        used = set(self._signatures.values())
        self._results = {key: value for key, value in self._results.items() if key in used}
        nodes = {(node_id, node["class_type"]) for node_id, node in prompt.items()}
        self._memories = {key: value for key, value in self._memories.items() if key in nodes}

    def get(self, node_id: str) -> Cached | None:
        """The results of a node of the latest prompt, if they are known."""
        return self._results.get(self._signatures.get(node_id))

    def put(self, node_id: str, cached: Cached) -> None:
        """Keep the results of a node of the latest prompt, or of one that another expanded into."""
        self._results[self._signatures.setdefault(node_id, (object(),))] = cached

    def memory(self, node_id: str, class_type: str) -> dict[str, Any]:
        """Return what a node keeps from run to run (PreviewImage: its random file prefix)."""
        return self._memories.setdefault((node_id, class_type), {})

    def shown(self) -> dict[str, Cached]:
        """The nodes of the latest prompt that show something."""
        found = {node_id: self.get(node_id) for node_id in self._signatures}
        return {node_id: cached for node_id, cached in found.items() if cached and cached.ui is not None}


class _Signing:
    def __init__(self, prompt: Prompt, fingerprints: dict[str, Fingerprint]) -> None:
        self._prompt = prompt
        self._fingerprints = fingerprints
        self._file_marks: dict[str, Hashable] = {}

    def sign(self, node_id: str) -> Hashable:
        order: dict[str, int] = {}
        self._gather(node_id, order)
        return tuple(self._immediate(each, order) for each in (node_id, *order))

    def _gather(self, start: str, order: dict[str, int]) -> None:
        """Number the ancestors in the order of the inputs; iterative, since chains may be long."""
        stack = [iter(self._sources(start))]
        while stack:
            source = next(stack[-1], None)
            if source is None:
                stack.pop()
            elif source not in order:
                order[source] = len(order)
                stack.append(iter(self._sources(source)))

    def _sources(self, node_id: str) -> list[str]:
        inputs = self._prompt.get(node_id, {}).get("inputs", {})
        return [inputs[name][0] for name in sorted(inputs) if is_link(inputs[name])]

    def _immediate(self, node_id: str, order: dict[str, int]) -> Hashable:
        node = self._prompt.get(node_id)
        if node is None:
            return (object(),)  # equals nothing: a link to nowhere is never cached
        inputs = node.get("inputs", {})  # the real server's worker dies of such a node
        signed: list[Hashable] = [node["class_type"], self._mark(node_id, node)]
        for name in sorted(inputs):
            value = inputs[name]
            signed.append((name, "link", order[value[0]], value[1]) if is_link(value) else (name, _frozen(value)))
        return tuple(signed)

    def _mark(self, node_id: str, node: dict[str, Any]) -> Hashable:
        if node["class_type"] not in self._fingerprints:
            return False
        if node_id not in self._file_marks:
            try:
                self._file_marks[node_id] = self._fingerprints[node["class_type"]](node["inputs"])
            except (OSError, KeyError, TypeError, AttributeError):
                self._file_marks[node_id] = object()  # unreadable: never cached, and the run reports why
        return self._file_marks[node_id]


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return frozenset((key, _frozen(each)) for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(each) for each in value)
    return value if isinstance(value, Hashable) else object()
