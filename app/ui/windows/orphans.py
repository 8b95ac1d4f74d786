"""The panel with the work of closed windows, as values.

It is found some seconds after the page was loaded, so it must not move what the user is about to press: the heading of
*Now* has a button, and the list is shown on request. What the user has seen, or put aside, is kept for all windows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from app.core.model import Fleet, PromptId, ServerId, Task
from app.core.past import seed_and_prompts
from app.session import Orphan, OrphanLine, OrphanRecord
from app.ui.kit.colours import ServerTag
from app.ui.kit.session_facts import SessionFacts
from app.ui.kit.state import Slice
from app.ui.runs.state import LeftSign

KEY = "mooring.left"  # of what the user has seen and put aside
LONGEST = 160  # characters of a prompt


@dataclass(frozen=True, slots=True)
class OrphanView:
    """One orphan with its server and its picture; without one, `picture_url` is empty."""

    orphan: Orphan
    tag: ServerTag
    picture_url: str = ""

    @property
    def prompt(self) -> str:
        """The beginning of its prompt, on one line."""
        return " ".join(seed_and_prompts(self.orphan.task.workflow)[1].split())[:LONGEST]


@dataclass(frozen=True, slots=True)
class OrphansView:
    """The work of closed windows: to be adopted, or only given up; `is_searching` while more is searched for."""

    orphans: tuple[OrphanView, ...] = ()
    records: tuple[OrphanRecord, ...] = ()
    is_searching: bool = False
    lines: tuple[OrphanLine, ...] = ()  # runs that were never sent
    is_open: bool = False
    is_new: bool = False
    is_aside: bool = False  # the user has put all of it aside

    @property
    def count(self) -> int:
        """The number of runs."""
        return len(self.orphans) + len(self.records) + sum(line.count for line in self.lines)

    @property
    def adoptable(self) -> int:
        """The number of items that can be adopted."""
        return len(self.orphans) + len(self.lines)

    @property
    def sign(self) -> LeftSign | None:
        """The button, if there is something to show."""
        if not self.count or (self.is_aside and not self.is_open):
            return None
        return LeftSign(self.count, self.is_open, self.is_new)


def left_names(session: SessionFacts) -> frozenset[str]:
    """Return what identifies each item: the ids of tasks, and the windows whose runs wait."""
    tasks = (item.task.prompt_id for item in session.orphans)
    records = (item.record.prompt_id for item in session.orphan_records)
    return frozenset((*tasks, *records, *(item.owner for item in session.line.orphans)))


def left_view(
    session: SessionFacts,
    tag_of: Callable[[Fleet, ServerId], ServerTag],
    picture_of: Callable[[PromptId], str],
    state: WindowsState,
) -> OrphansView:
    """Return the panel, the newest work first; empty if there is none."""
    names = left_names(session)
    newest = sorted(session.orphans, key=lambda item: item.task.created_at, reverse=True)
    return OrphansView(
        tuple(
            OrphanView(item, tag_of(session.fleet, item.task.server_id), picture_of(item.task.prompt_id))
            for item in newest
        ),
        session.orphan_records,
        state.is_searching and bool(names),
        tuple(session.line.orphans),
        is_open=state.is_open,
        is_new=not names <= state.seen,
        is_aside=names <= state.aside,
    )


@dataclass(frozen=True, slots=True)
class Adopted:
    """What the user has adopted last: tasks, runs that wait, and how many records were too damaged for it."""

    tasks: tuple[Task, ...] = ()
    waiting: int = 0
    damaged: int = 0

    @property
    def count(self) -> int:
        """The number of adopted runs."""
        return len(self.tasks) + self.waiting


@dataclass(frozen=True, slots=True)
class WindowsState(Slice):
    """The panel, and the search for such work as the user asked for it.

    `number` differs for each message about it; `found` is the number of runs, None before the end.
    """

    is_searching: bool = False
    number: int = 0
    found: int | None = None
    adopted: Adopted | None = None
    is_open: bool = False
    seen: frozenset[str] = frozenset()
    aside: frozenset[str] = frozenset()


def read_left(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Read what was seen and what was put aside; anything invalid is left out."""
    try:
        kept = json.loads(text or "{}")
    except ValueError:
        kept = {}
    found = kept if isinstance(kept, dict) else {}
    seen, aside = (_names(found.get(name)) for name in ("seen", "aside"))
    return seen, aside


def _names(kept: object) -> frozenset[str]:
    return frozenset(item for item in kept if isinstance(item, str)) if isinstance(kept, list) else frozenset()


def write_left(state: WindowsState, present: Collection[str]) -> str:
    """Return the text to keep: nothing about work that is gone."""

    def listed(names: Iterable[str]) -> list[str]:
        return sorted(set(names) & set(present))

    return json.dumps({"seen": listed(state.seen), "aside": listed(state.aside)})
