"""The order in which the nodes of one prompt run: outputs as soon as they can, then what leads to them soonest.

The order is part of the protocol (users see previews early, and tests compare event sequences with a real server's), so
ties are broken as there: by the order in which nodes were added, depth first from each output.
"""

from __future__ import annotations

from collections.abc import Callable

from demo_comfyui.model.prompts import Prompt, is_link


class Plan:
    """The nodes still to run. Outputs are always visited; other nodes only when no result of theirs is cached."""

    def __init__(
        self, prompt: Prompt, outputs: list[str], is_cached: Callable[[str], bool], is_output: Callable[[str], bool]
    ) -> None:
        self._prompt = prompt
        self._is_output = is_output
        self._waiting_for: dict[str, set[str]] = {}
        self._followers: dict[str, dict[str, None]] = {}
        for output in outputs:
            self._add(output, is_cached)

    def __bool__(self) -> bool:
        return bool(self._waiting_for)

    def next(self) -> str:
        """The node to run now."""
        ready = [node_id for node_id, blockers in self._waiting_for.items() if not blockers]
        for distance in range(3):
            for node_id in ready:
                if self._leads_to_output(node_id, distance):
                    return node_id
        return ready[0]

    def done(self, node_id: str) -> None:
        """Note that a node has run; nodes that waited for it may be ready now."""
        del self._waiting_for[node_id]
        for follower in self._followers.pop(node_id):
            self._waiting_for[follower].discard(node_id)

    def _add(self, start: str, is_cached: Callable[[str], bool]) -> None:
        stack = [start]
        links: list[tuple[str, str]] = []
        while stack:
            node_id = stack.pop()
            if node_id in self._waiting_for:
                continue
            self._waiting_for[node_id] = set()
            self._followers[node_id] = {}
            for value in self._prompt[node_id]["inputs"].values():
                if is_link(value) and not is_cached(value[0]):
                    stack.append(value[0])
                    links.append((value[0], node_id))
        for source, follower in links:
            self._followers[source][follower] = None
            self._waiting_for[follower].add(source)

    def _leads_to_output(self, node_id: str, distance: int) -> bool:
        if distance == 0:
            return self._is_output(self._prompt[node_id]["class_type"])
        return any(self._leads_to_output(follower, distance - 1) for follower in self._followers[node_id])
