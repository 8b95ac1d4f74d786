"""The texts of the header."""

from __future__ import annotations

from dataclasses import replace

from app.ui.kit.i18n import Translator
from app.ui.page.state import HeaderView


def word_servers(view: HeaderView, _: Translator) -> str:
    """Return the chip's text about the servers that work for this window."""
    if view.others or view.tag is None:
        return _("At work for this window: {names}", names=", ".join(tag.name for tag in view.tags))
    if view.silent:
        return _("{server} gave no clear answer: nobody knows how far that work is.", server=view.tag.name)
    return _("All work of this window goes to {server} until it has ended.", server=view.tag.name)


def word_ill(view: HeaderView, _: Translator) -> str:
    """Return how many servers are not well."""
    return _.plural("{count} server is not well", "{count} servers are not well", view.ill)


def word_free(view: HeaderView, _: Translator) -> tuple[str, str]:
    """Return why no server holds the window, and what that means."""
    if view.is_unreadable:
        return _("Records not readable"), ""
    if view.is_restoring:
        return _("Reading this window's records …"), ""
    if view.is_unsure:
        return _("A task cannot be read"), _("It may still run on a server, so nothing new is sent.")
    return _("A server is chosen when you run"), _("No server holds this window.")


def word_counts(view: HeaderView, _: Translator) -> str:
    """Return how much work there is."""
    if view.silent:
        return _with_silent(view, _)
    if view.running and view.waiting:
        return _("{running} running, {waiting} waiting", running=view.running, waiting=view.waiting)
    if view.running:
        return _("{running} running", running=view.running)
    return _("{waiting} waiting", waiting=view.waiting)


def _with_silent(view: HeaderView, _: Translator) -> str:
    """Add the work at servers that do not answer: all that is known of it is that it was sent."""
    silent = _.plural("{count} without an answer", "{count} without an answer", view.silent)
    known = word_counts(replace(view, silent=0), _) if view.running or view.waiting else ""
    return _("{first}, {rest}", first=known, rest=silent) if known else silent
