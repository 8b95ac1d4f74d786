"""All cases by their names."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from tests.editor import cases_broadcasts, cases_dynamic, cases_links, cases_nodes, cases_subgraphs


def _cases(module: ModuleType) -> dict[str, Callable[[], dict[str, Any]]]:
    found = {}
    for name, value in vars(module).items():
        if callable(value) and getattr(value, "__module__", "") == module.__name__ and not name.startswith("_"):
            found[name] = value
    return found


# Those that the editor sends so only with the scripts of Use Everywhere.
BROADCASTS = _cases(cases_broadcasts)
# Those that it sends so only with the scripts of other packs.
LINKS = _cases(cases_links)
CASES: dict[str, Callable[[], dict[str, Any]]] = {
    **_cases(cases_nodes),
    **_cases(cases_dynamic),
    **_cases(cases_subgraphs),
    **BROADCASTS,
    **LINKS,
}
