"""The texts of the header."""

from __future__ import annotations

from dataclasses import replace

from app.ui.header.state import HeaderView
from app.ui.kit.i18n import Translator
from app.ui.runs.run_bar_words import word_server
from app.ui.runs.server_picker import WhereServer


def word_servers(view: HeaderView, _: Translator) -> str:
    """Return the chip's text about the servers that work for this window."""
    if view.others or view.tag is None:
        return _("Working for this window: {names}", names=", ".join(tag.name for tag in view.tags))
    if view.silent:
        return _("{server} gave no clear answer: the state of that work is unknown.", server=view.tag.name)
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
    if view.chosen is not None:
        return _word_chosen(view.chosen, _)
    hint = _("No server holds this window.")
    if view.is_patient:
        return _("The next run waits for a free server"), hint
    return _("A server is chosen when you run"), hint


def _word_chosen(server: WhereServer, _: Translator) -> tuple[str, str]:
    """Return the text after the name of the server that the user has chosen, and what that means."""
    if server.cause:
        return _("Cannot take the next run"), word_server(server.name, server.cause, _)
    return _("Chosen for the next run"), _(
        "The next run goes to {server}, as chosen in the form. No server holds this window yet.", server=server.name
    )


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
