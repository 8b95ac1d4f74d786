"""The labels of *Save each result to a folder*."""

from __future__ import annotations

from app.ui.kit.i18n import Translator
from app.ui.results.state import FolderState, FolderView


def word_allow(view: FolderView, _: Translator) -> str:
    """The button that asks the browser for permission."""
    if not view.waiting:
        return _("Allow saving to “{name}”", name=view.name)
    return _.plural(
        "Allow saving {count} result to “{name}”",
        "Allow saving {count} results to “{name}”",
        view.waiting,
        name=view.name,
    )


def word_folder(view: FolderView, _: Translator) -> str:
    """What saving does, or why it is not available."""
    match view.state:
        case FolderState.ABSENT:
            return _(
                "Not here: it needs Chrome or Edge, an address with https or on this machine, and a window that is not"
                " private."
            )
        case FolderState.ASKING:
            return _("The browser asks again after each load of the page. Results that arrive before are saved then.")
    return _("As a separate file, under the name above, as soon as it arrives. For all windows of this browser.")
