"""The folder of the person's own disk where each result is saved, as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class FolderState(Enum):
    """How the folder stands."""

    ABSENT = "absent"  # this browser cannot, or not at this address
    NONE = "none"
    ASKING = "asking"  # it is chosen, and the browser has not allowed it since the page was loaded
    READY = "ready"


@dataclass(frozen=True, slots=True)
class FolderView:
    """What the page shows of it."""

    state: FolderState = FolderState.ABSENT
    name: str = ""
    waiting: int = 0  # results that are not saved yet


NO_FOLDER = FolderView()
