"""The labels of the waiting panel."""

from __future__ import annotations

from app.ui.kit.i18n import Translator
from app.ui.kit.words import SEPARATOR
from app.ui.runs.waiting import PlanItem, WaitingView


def word_line(view: WaitingView, _: Translator) -> str:
    """Say how the waiting runs are sent, or that they are paused."""
    if view.pause is not None:
        return _("Paused. What waits is saved, and holds no server.")
    if view.is_unbounded:
        return _("All of it is being sent now. Once nothing waits here any more, this page may be closed.")
    return _("Sent two at a time while this page is open. What waits is saved, also over a reload.")


def word_plan(item: PlanItem, _: Translator) -> str:
    """How many of its runs wait, and how many are on a server."""
    counts = [
        item.waiting > 0 and _("{waiting} waiting", waiting=item.waiting),
        item.running > 0 and _("{count} on a server", count=item.running),
    ]
    return SEPARATOR.join(count for count in counts if count) or _("nothing under way")
