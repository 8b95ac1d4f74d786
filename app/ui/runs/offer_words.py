"""What can be done about a task that does not advance, in words."""

from __future__ import annotations

from app.core.model import Contact
from app.ui.kit.i18n import Translator
from app.ui.runs.offers import Offer
from app.ui.runs.state import CardView


def word_offer(offer: Offer, view: CardView, _: Translator) -> str:
    """Explain an offer."""
    server = view.tag.name
    match offer:
        case Offer.SAME_SERVER:
            return _("The fleet's new address is the very ComfyUI that has this work; it goes on there.")
        case Offer.WAIT:
            return _wait(view, _)
        case Offer.LOOK_AGAIN:
            return _("Ask {server} now, instead of with the next look.", server=server)
        case Offer.RUN_ELSEWHERE:
            return _(
                "A new task with the same inputs on another server. This one is no longer tracked, and may run twice."
            )
        case Offer.RUN_AGAIN if view.task.holds_window:
            return _("A new task with the same inputs on {server}. This one stays, so it may run twice.", server=server)
        case Offer.RUN_AGAIN:
            return _("A new task with the same inputs. This one stays, so it may run twice.")
        case Offer.WINDOW:
            return _("For other work, on another server. This window and what it waits for stay as they are.")
        case Offer.CANCEL:
            return _("Have {server} stop it; if it does not answer, as soon as it does.", server=server)
        case Offer.GIVE_UP:
            return _("Stop watching it, so that this window is free. If it still runs, its result stays there.")


def _wait(view: CardView, _: Translator) -> str:
    server = view.tag.name
    match view.task.progress.contact:
        case Contact.UNREACHABLE:
            return _(
                "It is asked repeatedly. As soon as {server} answers, this continues automatically.", server=server
            )
        case Contact.MOVED:
            return _("As soon as the fleet has the old address again, this continues automatically.")
    return _("It is checked repeatedly. As soon as it makes progress, this warning disappears.")
