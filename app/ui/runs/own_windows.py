"""A session's windows as the waiting panel shows them."""

from __future__ import annotations

from app.core.model import Task
from app.ui.kit.colours import tag_of
from app.ui.kit.session_facts import SessionFacts
from app.ui.runs.waiting import WindowItem


def window_items(session: SessionFacts) -> tuple[WindowItem, ...]:
    """Return every window of this session that uses a server, its own first."""
    found = []
    for number, window in enumerate(session.windows, 1):
        locked = window.window_locked_server
        if locked is not None:
            tag = tag_of(session.fleet, locked)
            found.append(WindowItem(number, tag.name, tag.tone, sum(task.holds_window for task in window.unfinished)))
    return tuple(found)


def own_unfinished(session: SessionFacts) -> list[Task]:
    """Return this tab's tasks under way, without those that it watches for closed windows."""
    return [task for window in session.windows for task in window.unfinished if task.holds_window]
