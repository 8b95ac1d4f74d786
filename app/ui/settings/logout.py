"""The question before logging out, as values: the data in this browser, and the windows with work under way."""

from __future__ import annotations

from collections import Counter

from app.core.roster import Roster, TaskSummary
from app.core.waiting_runs import own_window_of
from app.ui.kit.account import Account
from app.ui.kit.colours import tag_of
from app.ui.kit.session_facts import SessionFacts
from app.ui.settings.account import LogOutDialog, LogOutView, LooseWindow
from app.ui.windows.panel import PanelFacts, numbers


def log_out_view(dialog: LogOutDialog, account: Account, session: SessionFacts, panels: PanelFacts) -> LogOutView:
    """Return the open question."""
    usage = session.results.usage
    return LogOutView(
        dialog=dialog,
        name=account.name,
        has_copies=account.has_copies and not dialog.is_everywhere,
        windows=() if panels.roster is None else _loose(panels.roster, session),
        size=None if usage is None else usage.size + usage.thumbnails_size,
        is_read=panels.roster is not None or panels.is_unreadable,
    )


def _loose(roster: Roster, session: SessionFacts) -> tuple[LooseWindow, ...]:
    """Return the windows with undelivered work: this one first, then the living ones, then all closed ones together."""
    mine, living = {own_window_of(item.window_id) for item in session.windows}, numbers(roster)
    tasks, in_line = dict[int, list[TaskSummary]](), Counter[int]()
    for task in roster.tasks:
        if not task.is_settled:
            tasks.setdefault(living.get(own_window_of(task.owner), 0), []).append(task)
    for window_id, count in roster.in_line.items():
        in_line[living.get(own_window_of(window_id), 0)] += count
    heads = {number: head for head, number in living.items()}
    found = [
        LooseWindow(
            number,
            heads.get(number) in mine,
            len(tasks.get(number, ())),
            in_line[number],
            tuple(sorted({tag_of(session.fleet, task.server_id).name for task in tasks.get(number, ())})),
        )
        for number in tasks.keys() | in_line.keys()
    ]
    return tuple(sorted(found, key=lambda item: (not item.is_mine, item.number == 0, item.number)))
