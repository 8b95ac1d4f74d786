"""Texts about servers: their health, their queue, and where the fleet comes from."""

from __future__ import annotations

from app.core.model import Fleet, Server
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words
from wire.health import Health
from wire.server_words import word_condition

_AMBER = frozenset({"login", "forbidden", "too-much", "another", "busy"})  # causes of a server that runs


def word_health(health: Health, cause: str, _: Translator) -> Words:
    """Return the health of a server at its last probe, and its cause."""
    title, advice = word_condition(health, cause, _)
    return Words(title, advice, tone=_tone(health, cause))


def _tone(health: Health, cause: str) -> Tone:
    match health:
        case Health.WELL:
            return Tone.GOOD
        case Health.UNKNOWN:
            return Tone.QUIET
        case Health.DOWN | Health.NOT_COMFYUI if cause not in _AMBER:
            return Tone.BAD
    return Tone.WARN


def word_queue(server: Server, _: Translator) -> str:
    """Return how busy it is."""
    if server.running and server.pending:
        return _("{running} running, {pending} waiting", running=server.running, pending=server.pending)
    if server.running:
        return _("{running} running", running=server.running)
    if server.pending:
        return _("{pending} waiting", pending=server.pending)
    return _("idle")


def word_source(fleet: Fleet, _: Translator) -> str:
    """Return where the list of servers comes from."""
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
    """Return the fault of the fleet file, for an admin."""
    return Words(
        _("The fleet file has a mistake"),
        _("The servers stay as they were until it is corrected."),
        problem,
        tone=Tone.WARN,
    )


def word_searches(searches: tuple[str, ...], _: Translator) -> Words:
    """Return the failed lookups of servers, for an admin."""
    return Words(
        _("Not all servers can be looked up"),
        _("Known servers stay; work on a server that is gone shows as unreachable, and is not lost."),
        "\n\n".join(searches),
        tone=Tone.WARN,
    )
