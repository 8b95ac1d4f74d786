"""Messages about requests that were refused or not answered."""

from __future__ import annotations

from app.core.busy import BUSY
from app.core.errors import GatewayRefused, PromptRejected
from app.core.model import Failure, ServerId
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words
from wire.turns import NOT_YOUR_TURN

GATEWAY_LOST = "gateway-lost"
_FOREIGN = ("bad-host", "bad-origin", "cross-site")


_UNFIT = ("bad-request", "refused-body", "not-listed", "bad-method", "bad-type")


def word_cause(cause: str, _: Translator) -> str:
    """Return why a server gave no answer, from the gateway's or the browser's short cause."""
    known = {
        "connect-failed": _("no connection"),
        "server-moved": _("the fleet has another address for it by now"),
        "down": _("no connection"),
        "timeout": _("no answer in time"),
        "refuses": _("it refuses requests"),
        "not_comfyui": _("something other than ComfyUI answers"),
        "upstream-lost": _("the connection broke"),
        "not_in_fleet": _("not in the fleet"),
        "avoided": _("not wanted this time"),
        "shunned": _("this window avoids it"),
        "lacks": _("it lacks what the workflow needs"),
        "drained": _("it takes nothing new"),
        "busy": _("it has something to do"),
        "moved": _("its address has changed"),
        "deadline": _("no answer in time"),
        "lost": _("the connection broke"),
        GATEWAY_LOST: _("the gateway does not answer"),
        "upstream-refused": _("it refuses requests"),
        "upstream-busy": _("too many requests at once"),
        "gateway-busy": _("the gateway has too much to do"),
        BUSY: _("something in front of it has too much to do, or does not reach it"),
        "answer-too-large": _("its answer is too large"),
        "unknown-server": _("not in the fleet"),
        "unknown": _("no clear answer"),
        "redirected": _("it sends requests elsewhere"),
        "redirect": _("it sends requests elsewhere"),
        "closed": _("the connection was closed"),
        "dropped": _("the connection broke"),
        "already-sent": _("the gateway has sent it already"),
        "not-logged-in": _("you are logged out"),
        "other-person": _("another user is logged in here now"),
        "not-yours": _("it is not yours"),
        "not-allowed": _("it is not allowed here"),
        "denied-node": _("a node of the workflow is not allowed here"),
        "unsafe-path": _("a folder or file name in the workflow is not allowed here"),
        "model-source": _("models may not be downloaded from this address"),
        "no-partner-key": _("there is no key with which you may use credits"),
        "no-partner-server": _("this server gets no keys for nodes that use credits"),
        "too-many-prompts": _("you have too many runs on this server"),
        NOT_YOUR_TURN: _("two of your runs are ahead on this server"),
        "too-many-requests": _("too many requests come from you at the moment"),
        "too-many-logins": _("too many attempts to log in"),
        "picture-changed": _("another file has that name by now"),
        "link-expired": _("its address is too old"),
        "not-comfyui": _("something other than ComfyUI answers"),
        "wrong-login": _("the name or the password is wrong"),
        "too-large": _("it is too large for the gateway"),
        "internal": _("the gateway has made a mistake"),
        **dict.fromkeys(_FOREIGN, _("the gateway does not take it from this address")),
        **dict.fromkeys(_UNFIT, _("the gateway does not understand it: reload the page")),
    }
    if cause.startswith("status-"):
        return _("it answers with status {status}", status=cause.removeprefix("status-"))
    return known.get(cause) or _("no clear answer")


def word_server(server_id: ServerId | None, _: Translator) -> str:
    """Return a server's id for a sentence, or a text for an unnamed server."""
    return str(server_id) if server_id else _("the server")


def word_peer(server_id: ServerId | None, _: Translator) -> str:
    """Return whom a request was for: a server by its id, or the gateway itself, which has none."""
    return str(server_id) if server_id else _("Mooring's gateway")


def word_refused(error: GatewayRefused, _: Translator) -> Words:
    """Return why the gateway refused it."""
    match error.cause:
        case "not-listed":
            return Words(
                _("That is not in the queue any more."), _("It may have ended in the meantime."), tone=Tone.WARN
            )
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


def word_rule(failure: Failure | PromptRejected, _: Translator) -> Words | None:
    """Return the message of a rule of the installation; None if the server itself refused the workflow."""
    rule = failure.exception_type if isinstance(failure, Failure) else failure.details
    advice = {
        "not-logged-in": _("Log in again, and press Run again."),
        "other-person": _("Reload this page to work as the user who is logged in now."),
        "not-yours": _("Choose a file of your own, and press Run again."),
        "not-allowed": _("The administrator of this installation decides what may run here."),
        "denied-node": _("Use a workflow without that node, or ask an administrator."),
        "unsafe-path": _("Change the folder or file name that is named here, and press Run again."),
        "no-partner-key": _("Use a workflow without nodes that use credits, or ask an administrator for a key."),
        "no-partner-server": _("Choose another server, or ask an administrator."),
        **dict.fromkeys(("too-large", "refused-body"), _("Use a smaller workflow, or ask an administrator.")),
        "too-many-prompts": _("Wait until some of your work has ended, and press Run again."),
        NOT_YOUR_TURN: _("Wait until some of your work has ended, and press Run again."),
    }.get(rule)
    if advice is None:
        return None
    return Words(_("Not sent"), advice, failure.message, cause=word_cause(rule, _))
