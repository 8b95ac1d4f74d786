"""The labels of the waiting panel."""

from __future__ import annotations

from dataclasses import replace

from app.core.errors import MooringError, NoServerAvailable
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.words import SEPARATOR, Tone, Words
from app.ui.runs.waiting import PlanItem, TurnView, WaitingView


def word_line(view: WaitingView, _: Translator) -> str:
    """Say how the waiting runs are sent, or that they are paused."""
    if view.pause is not None:
        return _("Paused. What waits is saved, and holds no server.")
    if view.is_unbounded:
        return _("All of it is being sent now. Once nothing waits here any more, this page may be closed.")
    if view.needs_page:  # the panel of the files says what a reload does
        return _("Each server gets two of your runs at a time.")
    return _("Each server gets two of your runs at a time. Keep this page open until all are sent; a reload is fine.")


def word_stalled(error: MooringError, _: Translator) -> Words:
    """Say why nothing is sent at present."""
    words = word_error(error, _)
    if not isinstance(error, NoServerAvailable):
        return words
    return replace(words, advice=_("It is sent by itself as soon as one can take it."), tone=Tone.WARN)


def word_turn(turn: TurnView, _: Translator) -> str:
    """Say what the next run waits for on its server."""
    parts = [
        _.plural("{count} run of yours is ahead", "{count} runs of yours are ahead", turn.own),
        turn.earlier > 0
        and _.plural(
            "{count} of another window waits for longer", "{count} of other windows wait for longer", turn.earlier
        ),
        bool(turn.others) and _.plural("{count} of others", "{count} of others", turn.others or 0),
    ]
    before = SEPARATOR.join(part for part in parts if part)
    return _("Waits for its turn on {server}: {before}.", server=turn.server, before=before)


def turn_patterns(_: Translator) -> tuple[str, str]:
    """Return the texts for the time until the turn, and for its end."""
    return _("Its turn comes in about {time}."), _("Its turn comes any moment now.")


def word_plan(item: PlanItem, _: Translator) -> str:
    """How many of its runs wait, and how many are on a server."""
    counts = [
        item.waiting > 0 and _("{waiting} waiting", waiting=item.waiting),
        item.running > 0 and _("{count} on a server", count=item.running),
    ]
    return SEPARATOR.join(count for count in counts if count) or _("nothing under way")
