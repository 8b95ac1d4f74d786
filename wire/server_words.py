"""What a server's condition means and what to do about it, for the page and for `serve.py check`. Pure.

    title, advice = word_condition(Health.REFUSES, "login", _)

`_` is the page's Translator; a command line writes English with `in_english`.
"""

from __future__ import annotations

from typing import Protocol

from wire.health import Health


class Translate(Protocol):
    """Returns a message in a language."""

    def __call__(self, message: str, /) -> str: ...


def in_english(message: str) -> str:
    """Return a message as it is in the code."""
    return message


def word_condition(health: Health, cause: str, _: Translate) -> tuple[str, str]:
    """Return the condition of a server and what to do; a server that is ready, or was not asked, needs nothing."""
    return _word_cause(cause, _) or _word_health(health, _)


def _word_cause(cause: str, _: Translate) -> tuple[str, str] | None:
    match cause:
        case "login" | "forbidden":
            return _("It requires a login"), _(
                'Name one in the fleet file: token = "env:NAME", or basic = "file:PATH" for user:password. If one is'
                " named there, check its content, and which of the two it is."
            )
        case "web-page":
            return _("A web page answers there, not ComfyUI"), _("Check the port, and the path of its address.")
        case "too-much":
            return _("Its answers are too large"), _(
                "Its queue, or what it says of itself, is more than Mooring reads. Clear its queue, or restart it."
            )
        case "redirect":
            return _("It sends requests elsewhere"), _("No redirect is followed: use its target as the address.")
        case "certificate":
            return _("Its certificate is not trusted"), _(
                'If an authority of your own has signed it, name that in the fleet file: tls_ca = "ca.pem". If it does'
                " not speak https on that port, write http in its address."
            )
        case "another":
            return _("Another server is at its address"), _(
                "Nothing is sent there. Its work continues as soon as it answers again, at any address."
            )
        case "busy":
            return _("Too many requests for it"), _(
                "The proxy in front of it accepts no more now. Ask who runs that, or lower max_requests."
            )
    return None


def _word_health(health: Health, _: Translate) -> tuple[str, str]:
    match health:
        case Health.WELL:
            return _("Ready"), ""
        case Health.UNKNOWN:
            return _("Not asked yet"), ""
        case Health.DOWN:
            return _("Not running"), _(
                "Nothing answers there. Start ComfyUI, on another machine with --listen; check the address and the"
                " firewall."
            )
        case Health.TIMEOUT:
            return _("Does not answer in time"), _("It hangs, or is busy: see its own log.")
        case Health.REFUSES:
            return _("Refuses requests"), _("Its log says why; it may be behind an access rule.")
        case Health.NOT_COMFYUI:
            return _("Not ComfyUI"), _("Something else answers at its address. Check the port, and the address.")
