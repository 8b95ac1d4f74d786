"""The question before logging out, as values: the data in this browser, and the windows with work under way."""

from __future__ import annotations

from typing import Protocol

from app.core.model import Fleet, WindowId
from app.core.ports.blobs import Usage
from app.core.roster import Roster, TaskSummary
from app.core.waiting_runs import captain_of
from app.core.window import Window
from app.ui.kit.colours import tag_of
from app.ui.settings.account import Account, LogOutDialog, LogOutView, LooseWindow
from app.ui.windows.panel import PanelFacts, numbers


class ResultsFacts(Protocol):
    @property
    def usage(self) -> Usage | None: ...


class AccountFacts(Protocol):
    """The part of a session that the question needs."""

    @property
    def windows(self) -> tuple[Window, ...]: ...
    @property
    def fleet(self) -> Fleet: ...
    @property
    def results(self) -> ResultsFacts: ...


def log_out_view(dialog: LogOutDialog, account: Account, session: AccountFacts, panels: PanelFacts) -> LogOutView:
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


def _loose(roster: Roster, session: AccountFacts) -> tuple[LooseWindow, ...]:
    """Return the living windows with unfinished work, this one first."""
    mine = {captain_of(item.window_id) for item in session.windows}
    unfinished: dict[WindowId, list[TaskSummary]] = {}
    for task in roster.tasks:
        if not task.state.is_end:
            unfinished.setdefault(captain_of(task.owner), []).append(task)
    found = [
        LooseWindow(
            number,
            head in mine,
            len(unfinished.get(head, ())),
            roster.in_line.get(head, 0),
            tuple(sorted({tag_of(session.fleet, task.server_id).name for task in unfinished.get(head, ())})),
        )
        for head, number in numbers(roster).items()
    ]
    return tuple(sorted((item for item in found if item.tasks or item.in_line), key=lambda item: not item.is_mine))
