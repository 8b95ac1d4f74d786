"""What can be done about a task that gives no sign: each offer with what it means, and the buttons on every card."""

from __future__ import annotations

import htpy as h

from app.core.model import Contact
from app.ui.kit.i18n import Translator
from app.ui.kit.parts import disclosure
from app.ui.kit.parts_html import action_button, icon
from app.ui.runs.offers import Offer
from app.ui.runs.state import CardView


def offers(view: CardView, _: Translator) -> h.Node:
    """The list, one row per offer."""
    rows = ((offer, word_offer(offer, view, _)) for offer in view.offers)
    return disclosure(
        _("What you can do"),
        h.ul(".offers", data_testid="offers")[
            (h.li(data_offer=offer.value)[_button(offer, view, _), h.p[words]] for offer, words in rows)
        ],
        key=f"offers-{view.task.prompt_id}",
        is_open=view.is_first_offer,
    )


def word_offer(offer: Offer, view: CardView, _: Translator) -> str:
    """What an offer means."""
    server = view.tag.name
    match offer:
        case Offer.SAME_SERVER:
            return _("The fleet's new address is the very ComfyUI that has this work; it goes on there.")
        case Offer.WAIT:
            return _wait(view, _)
        case Offer.LOOK:
            return _("Ask {server} now, instead of with the next look.", server=server)
        case Offer.RUN_ELSEWHERE:
            return _("A new task with the same inputs on another server. This one is given up and may run twice.")
        case Offer.NOT_ELSEWHERE:
            return _(
                "Not while other work of this window waits for {server}. Give that up first; it can be run again then.",
                server=server,
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
    match view.task.contact:
        case Contact.UNREACHABLE:
            return _("It is asked again and again. As soon as {server} answers, this goes on by itself.", server=server)
        case Contact.MOVED:
            return _("As soon as the fleet has the old address again, this goes on by itself.")
    return _("It is looked at again and again. As soon as it moves, this warning goes.")


def _button(offer: Offer, view: CardView, _: Translator) -> h.Node:
    prompt_id = view.task.prompt_id
    match offer:
        case Offer.SAME_SERVER:
            return _offer(_("It is the same server …"), "ask-same-server", "check", prompt_id)
        case Offer.WAIT:
            return h.span(".offer-name")[_("Wait")]
        case Offer.LOOK:
            return _offer(_("Look again"), "look-again", "retry", prompt_id)
        case Offer.RUN_ELSEWHERE:
            return _offer(_("Run elsewhere …"), "ask-run-again", "elsewhere", prompt_id, elsewhere="true")
        case Offer.NOT_ELSEWHERE:
            return h.span(".offer-name")[_("Run elsewhere")]
        case Offer.RUN_AGAIN:
            return _offer(_("Run again …"), "ask-run-again", "again", prompt_id)
        case Offer.WINDOW:
            return new_window(_)
        case Offer.CANCEL:
            return _offer(_("Cancel"), "cancel", "stop", prompt_id)
        case Offer.GIVE_UP:
            return _offer(_("Give up …"), "ask-give-up", "close", prompt_id)


def _offer(label: str, action: str, icon_name: str, prompt_id: str, *, elsewhere: str = "false") -> h.Node:
    return action_button(
        label,
        action,
        icon_name=icon_name,
        class_="is-small",
        prompt_id=prompt_id,
        elsewhere=elsewhere,
        testid="give-up" if action == "ask-give-up" else action,
    )


def new_window(_: Translator) -> h.Element:
    """A link that opens a fresh window: `noopener` keeps the browser from copying this tab's session storage."""
    return h.a(".button.is-small", href="", target="_blank", rel="noopener", data_testid="open-window")[
        icon("window"), h.span[_("Open another window")]
    ]
