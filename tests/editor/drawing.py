"""Draws workflows in the editor's format: nodes by what they are linked to, the numbers of the links filled in.

draw = Drawing()
draw.node(1, "CaseSource")
draw.node(2, "CaseTint", [0.5, 7, "fixed", "soft", ""], image=(1, 0))
draw.file()
"""

from __future__ import annotations

import uuid
from typing import Any

INSIDE, OUTSIDE = -10, -20  # where links enter and leave a subgraph

Source = tuple[int | str, int] | None


class Drawing:
    """One graph being drawn: the root, or with `key` the inside of a subgraph."""

    def __init__(self, key: str = "", name: str = "Inside", *, first_link: int = 1) -> None:
        self.key = key
        self.name = name
        self.nodes: list[dict[str, Any]] = []
        self.links: list[dict[str, Any]] = []
        self.ports: list[dict[str, Any]] = []
        self.exits: list[dict[str, Any]] = []
        self.inner: list[dict[str, Any]] = []
        self._next = first_link

    def port(self, name: str, kind: str) -> int:
        """An input of the subgraph; its slot."""
        self.ports.append(
            {"id": _uuid(f"{self.key}{name}{len(self.ports)}"), "name": name, "type": kind, "linkIds": []}
        )
        return len(self.ports) - 1

    def node(
        self,
        node_id: int | str,
        kind: str,
        values: Any = None,
        *,
        mode: int = 0,
        title: str = "",
        outputs: int = 4,
        types: dict[str, str] | None = None,
        properties: dict[str, Any] | None = None,
        widgets: tuple[str, ...] = (),
        **inputs: Source,
    ) -> dict[str, Any]:
        """A node. Each keyword is an input and what it comes from; those in `widgets` have a widget behind them."""
        slots = []
        for slot, (name, source) in enumerate(inputs.items()):
            item: dict[str, Any] = {"name": name.replace("__", "."), "type": (types or {}).get(name, "*"), "link": None}
            if name in widgets:
                item["widget"] = {"name": item["name"]}
            if source is not None:
                item["link"] = self.link(source[0], source[1], node_id, slot, item["type"])
            slots.append(item)
        node: dict[str, Any] = {
            "id": node_id,
            "type": kind,
            "pos": [100 * len(self.nodes), 0],
            "size": [100, 50],
            "flags": {},
            "order": len(self.nodes),
            "mode": mode,
            "inputs": slots,
            "outputs": [{"name": f"out{slot}", "type": "*", "links": []} for slot in range(outputs)],
            "properties": properties or {},
        }
        if values is not None:
            node["widgets_values"] = values
        if title:
            node["title"] = title
        self.nodes.append(node)
        return node

    def link(self, origin: int | str, origin_slot: int, target: int | str, target_slot: int, kind: str = "*") -> int:
        """A link; its number."""
        number = self._next
        self._next += 1
        self.links.append(
            {
                "id": number,
                "origin_id": origin,
                "origin_slot": origin_slot,
                "target_id": target,
                "target_slot": target_slot,
                "type": kind,
            }
        )
        if origin == INSIDE:
            self.ports[origin_slot]["linkIds"].append(number)
        if target == OUTSIDE:
            self.exits[target_slot]["linkIds"].append(number)
        return number

    def leave(self, name: str, kind: str, origin: int | str, slot: int) -> None:
        """An output of the subgraph, and what it comes from."""
        self.exits.append({"id": _uuid(f"{self.key}{name} out"), "name": name, "type": kind, "linkIds": []})
        self.link(origin, slot, OUTSIDE, len(self.exits) - 1, kind)

    def hold(self, *inner: Drawing) -> Drawing:
        """Take subgraphs into the file; the drawing itself."""
        self.inner += [drawing.definition() for drawing in inner]
        return self

    def definition(self) -> dict[str, Any]:
        """The subgraph as a file has it."""
        return {
            "id": self.key,
            "version": 1,
            "state": {"lastGroupId": 0, "lastNodeId": 0, "lastLinkId": 0, "lastRerouteId": 0},
            "revision": 0,
            "config": {},
            "name": self.name,
            "inputNode": {"id": INSIDE, "bounding": [0, 0, 100, 100]},
            "outputNode": {"id": OUTSIDE, "bounding": [900, 0, 100, 100]},
            "inputs": self.ports,
            "outputs": self.exits,
            "widgets": [],
            "nodes": self.nodes,
            "groups": [],
            "links": self.links,
            "extra": {},
            **({"definitions": {"subgraphs": self.inner}} if self.inner else {}),
        }

    def file(self, *, is_new: bool = False, **more: Any) -> dict[str, Any]:
        """The whole file: version 0.4 with links as lists, or the newer one with links as objects."""
        numbers = [node["id"] for node in self.nodes if isinstance(node["id"], int)]
        last = max(numbers, default=0)
        given: dict[str, Any] = {"nodes": self.nodes, "groups": [], "config": {}, "extra": {}}
        if self.inner:
            given["definitions"] = {"subgraphs": self.inner}
        if is_new:
            state = {"lastGroupId": 0, "lastNodeId": last, "lastLinkId": self._next, "lastRerouteId": 0}
            return {**given, "version": 1, "state": state, "links": self.links, **more}
        links = [list(link.values()) for link in self.links]
        return {**given, "version": 0.4, "last_node_id": last, "last_link_id": self._next, "links": links, **more}


def _uuid(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, text))


def key(number: int) -> str:
    """The id of a subgraph's definition."""
    return f"00000000-0000-4000-8000-{number:012d}"
