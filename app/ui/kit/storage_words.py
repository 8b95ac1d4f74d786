"""Messages about the browser's store when it cannot be read or written."""

from __future__ import annotations

from app.core.errors import StorageError
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Words


def word_storage(error: StorageError, _: Translator) -> Words:
    """Return the message for one cause. The quote is the browser's own text."""
    match error.cause:
        case "quota":
            title = _("The browser's storage is full.")
            advice = _("Remove finished tasks here, or free space for this site in the browser's settings.")
        case "blocked" | "disabled" | "closed":
            title, advice = _shut(error.cause, _)
        case "broken-record" | "newer-record" | "upgrade":
            title, advice = _unreadable(error.cause, _)
        case _:
            title = _("The browser's storage cannot be read or written.")
            advice = _("Without its record no work is sent. Reload the page; if this stays, restart the browser.")
    return Words(title, advice, error.detail)


def _shut(cause: str, _: Translator) -> tuple[str, str]:
    """The store does not open, or was closed."""
    match cause:
        case "blocked":
            return (
                _("Another window holds the browser's storage."),
                _("Without its record no work is sent. Close windows of Mooring that do not answer, then reload."),
            )
        case "disabled":
            return (
                _("The browser does not let this page store anything."),
                _(
                    "Without its record no work is sent. Allow site data for this address"
                    " (private windows may forbid it), then reload."
                ),
            )
    return _("The browser has closed the storage of this page."), _("Reload this page to go on.")


def _unreadable(cause: str, _: Translator) -> tuple[str, str]:
    """The store opens, but some of its records cannot be read."""
    match cause:
        case "broken-record":
            return (
                _("A record in the browser's storage cannot be read."),
                _("Nothing is sent for it. Reload this page; if this stays, work in another window."),
            )
        case "newer-record":
            return (
                _("A record in the browser's storage is of a newer version of Mooring."),
                _("Reload this page to read it."),
            )
    return (
        _("A newer version of Mooring has changed the browser's storage."),
        _("Reload this page. If this comes back, update Mooring where its gateway runs."),
    )
