"""What was deleted a moment ago and can still be undone, as values (`deletion_actions.py` puts it off and does it)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class What(Enum):
    """What is deleted."""

    RESULTS = "results"
    WORKFLOW = "workflow"
    PRESET = "preset"
    WAITING = "waiting"
    KEPT = "kept"  # the bytes of all results
    OLDEST = "oldest"  # the bytes of results over a smaller bound
    RECENT = "recent"  # values used lately
    FOLDER = "folder"
    LAYOUT = "layout"  # of a form
    TEXT = "text"  # of a plan of runs


@dataclass(frozen=True, slots=True)
class Deletion:
    """One of them. `hides` are the ids of what is not shown any more; `name` is of the one thing, if it has one.

    `is_over` once it cannot be undone any more; it still hides then, until it is done.
    """

    what: What
    name: str = ""
    count: int = 1
    hides: frozenset[str] = frozenset()
    number: int = 0
    is_over: bool = False
