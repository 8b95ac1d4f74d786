"""The servers in plain words: their health, their queue, and where the fleet comes from."""

from __future__ import annotations

from app.core.model import Fleet, Health, Server, ServerId
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words


def word_health(health: Health, _: Translator) -> Words:
    """What the gateway last saw of a server; each has its own words."""
    match health:
        case Health.UNKNOWN:
            return Words(_("Not asked yet"), tone=Tone.QUIET)
        case Health.WELL:
            return Words(_("Ready"), tone=Tone.GOOD)
        case Health.DOWN:
            return Words(_("Not running"), _("No connection. Start it, or check its address."))
        case Health.TIMEOUT:
            return Words(_("Does not answer in time"), _("It may be busy or stuck."), tone=Tone.WARN)
        case Health.REFUSES:
            return Words(
                _("Refuses requests"), _("Its log tells why; an access rule may stand before it."), tone=Tone.WARN
            )
        case Health.NOT_COMFYUI:
            return Words(_("Not ComfyUI"), _("Something else answers at its address."))


def word_queue(server: Server, _: Translator) -> str:
    """How busy it is."""
    if server.running and server.pending:
        return _("{running} running, {pending} waiting", running=server.running, pending=server.pending)
    if server.running:
        return _("{running} running", running=server.running)
    if server.pending:
        return _("{pending} waiting", pending=server.pending)
    return _("idle")


def word_source(fleet: Fleet, _: Translator) -> str:
    """Where the list of servers comes from."""
    match fleet.source:
        case "demo":
            return _("A demo fleet on this machine.")
        case "found":
            return _("A ComfyUI that was found running on this machine.")
        case "file":
            return _("Listed in the fleet file.")
        case "flags":
            return _("Named when Mooring was started.")
        case "beside-page":
            return _("Listed in a file beside this page, which asks each server itself.")
    return ""


def word_problem(problem: str, _: Translator) -> Words:
    """The fleet file is wrong, for who runs the fleet."""
    return Words(
        _("The fleet file has a mistake"),
        _("The servers stay as they were until it is put right."),
        problem,
        tone=Tone.WARN,
    )


def word_searches(searches: tuple[str, ...], _: Translator) -> Words:
    """Something is amiss where servers are looked up, for who runs the fleet."""
    return Words(
        _("Not all servers can be looked up"),
        _("Those that are known stay; work on a server that is gone shows as unreachable, and is not lost."),
        "\n\n".join(searches),
        tone=Tone.WARN,
    )


_FOREIGN = ("bad-host", "bad-origin", "cross-site")
_UNFIT = ("bad-request", "refused-body", "not-listed", "bad-method", "bad-type")


def word_cause(cause: str, _: Translator) -> str:
    """Why a server gave no answer, from the gateway's or the browser's short cause."""
    known = {
        "connect-failed": _("no connection"),
        "server-moved": _("the fleet has another address for it by now"),
        "down": _("no connection"),
        "timeout": _("no answer in time"),
        "refuses": _("it refuses requests"),
        "not_comfyui": _("something else than ComfyUI answers"),
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
        "upstream-refused": _("it refuses requests"),
        "upstream-busy": _("too many requests at once"),
        "gateway-busy": _("the gateway has too much to do"),
        "answer-too-large": _("its answer is too large"),
        "unknown-server": _("not in the fleet"),
        "unknown": _("no clear answer"),
        "redirected": _("it sends requests elsewhere"),
        "redirect": _("it sends requests elsewhere"),
        "closed": _("the connection was closed"),
        "dropped": _("the connection broke"),
        "resting": _("it is tried again in a moment"),
        "already-sent": _("the gateway has sent it already"),
        "not-logged-in": _("you are logged out"),
        "other-person": _("somebody else is logged in here now"),
        "not-yours": _("it is not yours"),
        "not-allowed": _("it is not allowed here"),
        "denied-node": _("a node of the workflow is not allowed here"),
        "too-many": _("too many at once"),
        "picture-changed": _("another file has that name by now"),
        "link-expired": _("its address is too old"),
        "not-comfyui": _("something else than ComfyUI answers"),
        "wrong-login": _("the name or the password is wrong"),
        "too-large": _("it is too large for the gateway"),
        "internal": _("the gateway has made a mistake"),
        **dict.fromkeys(_FOREIGN, _("the gateway does not take it from this address")),
        **dict.fromkeys(_UNFIT, _("the gateway does not understand it: reload the page")),
    }
    return known.get(cause, cause)


def word_server(server_id: ServerId | None, _: Translator) -> str:
    """A server's id in a sentence, or words for one that is not named."""
    return str(server_id) if server_id else _("the server")
