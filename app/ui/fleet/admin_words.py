"""What the gateway did not do, or what was done to a server, in plain words."""

from __future__ import annotations

from app.core.errors import GatewayRefused, PromptRejected
from app.core.fleet_admin import QueuedPrompt
from app.core.model import Failure
from app.ui.fleet.admin import ServerAdmin
from app.ui.fleet.words import word_cause, word_server
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words


def word_refused(error: GatewayRefused, _: Translator) -> Words:
    """Why the gateway did not do it."""
    match error.cause:
        case "not-listed":
            return Words(_("That is not in the queue any more."), _("It may have ended meanwhile."), tone=Tone.WARN)
        case "not-allowed" if error.server_id is not None:
            return Words(
                _("That is not possible for {server}.", server=word_server(error.server_id, _)),
                _("Nothing was changed."),
                error.detail,
                Tone.WARN,
            )
    return Words(
        _("Mooring's gateway did not do it."), _("Nothing was changed."), error.detail, cause=word_cause(error.cause, _)
    )


def word_deed(deed: str, _: Translator) -> str:
    """What was done, for whoever has done it; empty where it is seen anyway."""
    if deed == "free-memory":
        return _("It gives back memory as soon as nothing runs there that needs it.")
    return _("It is cancelled.") if deed.startswith("cancel ") else ""


def word_owner(prompt: QueuedPrompt, view: ServerAdmin, _: Translator) -> str:
    """Whose it is."""
    if prompt.prompt_id in view.own:
        return _("yours, of this window")
    if prompt.prompt_id in view.ours:
        return _("yours, of another window")
    return prompt.name or _("another user")


def word_rule(failure: Failure | PromptRejected, _: Translator) -> Words | None:
    """What one of the installation's rules says to a workflow; None if it was the server that refused it."""
    rule = failure.exception_type if isinstance(failure, Failure) else failure.details
    advice = {
        "not-logged-in": _("Log in again, and press Run again."),
        "other-person": _("Reload this page to work as whoever is logged in now."),
        "not-yours": _("Choose a file of your own, and press Run again."),
        "not-allowed": _("Whoever runs this installation decides what may run here."),
        "denied-node": _("Use a workflow without that node, or ask whoever runs this installation."),
        "too-many": _("Wait until some of your work has ended, and press Run again."),
    }.get(rule)
    if advice is None:
        return None
    return Words(_("Not sent"), advice, failure.message, cause=word_cause(rule, _))
