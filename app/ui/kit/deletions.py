"""Recent deletions that can still be undone, as values (`deletion_actions.py` delays and performs them)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class What(Enum):
    """The kind of item that is deleted."""

    RESULTS = "results"
    WORKFLOW = "workflow"
    WORDS = "words"  # a file of wildcards or tags
    PRESET = "preset"
    WAITING = "waiting"
    KEPT = "kept"  # the bytes of all results
    OLDEST = "oldest"  # the bytes of results over a smaller bound
    RECENT = "recent"  # values used lately
    FOLDER = "folder"
    LAYOUT = "layout"  # of a form
    TEXT = "text"  # of a plan of runs
    VERSION = "version"  # of a workflow, by another content that was opened
    SHARED = "shared"  # files in the tray
    WENT_BACK = "went-back"  # to an earlier version

    @property
    def is_kept(self) -> bool:
        """Whether nothing was deleted: what was replaced is kept."""
        return self in {What.VERSION, What.WENT_BACK}


@dataclass(frozen=True, slots=True)
class Deletion:
    """One deletion. `hides` has the ids of the hidden items; `name` is the item's name, if it is one item with a name.

    `is_over` once it can no longer be undone; it still hides the items until they are deleted. `is_delayed` if
    something is deleted only then; other changes were made immediately.
    """

    what: What
    name: str = ""
    count: int = 1
    hides: frozenset[str] = frozenset()
    number: int = 0
    is_over: bool = False
    is_delayed: bool = False
