"""What its operator says of a server, as the gateway's list and `fleet.json` of a page without a gateway have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class OperatorFacts(Protocol):
    """A server of the fleet. A fact that is added here is written and read below, and nowhere else."""

    @property
    def name(self) -> str: ...
    @property
    def is_drained(self) -> bool: ...
    @property
    def colour(self) -> str: ...
    @property
    def weight(self) -> float: ...
    @property
    def tags(self) -> tuple[str, ...]: ...


def operator_facts_json(server: OperatorFacts) -> dict[str, object]:
    """Return the facts as an entry of a list."""
    return {
        "name": server.name,
        "drained": server.is_drained,
        "colour": server.colour,
        "weight": server.weight,
        "tags": list(server.tags),
    }


def read_operator_facts(item: Mapping[str, Any]) -> dict[str, Any]:
    """Read an entry, by the names of `OperatorFacts`; what an older gateway does not send has its default."""
    weight = item.get("weight")
    return {
        "name": str(item.get("name") or item["id"]),
        "is_drained": item.get("drained") is True,
        "colour": str(item.get("colour") or ""),
        "weight": float(weight) if isinstance(weight, int | float) and weight > 0 else 1.0,
        "tags": tuple(str(tag) for tag in item.get("tags") or ()),
    }
