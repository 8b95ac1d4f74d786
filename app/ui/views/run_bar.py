"""The Run bar: Run and Cancel, where a run would go, and why it is not possible now."""

from __future__ import annotations

import htpy as h

from app.ui.i18n import Translator
from app.ui.state import MOST_COUNT, Blocker, RunView
from app.ui.views.parts import action_button, icon


def run_bar(view: RunView, _: Translator) -> h.Node:
    """The content of `#run`."""
    return h.fragment[
        h.p(class_=["run-words", {"is-blocked": view.blocker is not None}], id="run-words")[_words(view, _)],
        h.div(".run-buttons")[
            view.cancels
            and action_button(_("Cancel"), "cancel", icon_name="stop", class_="is-large", prompt_id=view.cancels),
            h.label(".run-count", title=_("How many runs"))[
                h.span(aria_hidden="true")["×"],
                h.input(
                    type="number",
                    min="1",
                    max=str(MOST_COUNT),
                    step="1",
                    value=str(view.count),
                    id="run-count",
                    data_change="run-count",
                    data_testid="run-count",
                    aria_label=_("How many runs"),
                ),
            ],
            h.button(
                ".button.is-primary.is-large",
                type="button",
                id="run-button",
                data_action="run",
                data_testid="run",
                disabled=view.blocker is not None,
                aria_describedby="run-words",
                aria_keyshortcuts="Control+Enter Meta+Enter",
            )[
                icon("run"),
                h.span[_("Run")],
                h.kbd(aria_hidden="true", translate="no")[
                    h.span(".key-control")["Ctrl ↵"], h.span(".key-command")["⌘ ↵"]
                ],
            ],
        ],
    ]


def _words(view: RunView, _: Translator) -> str:
    if view.blocker is not None:
        return word_blocker(view.blocker, _)
    if view.tag is not None:
        return _("Goes to {server}, where this window is moored", server=view.tag.name)
    return _("Goes to the server that should be done first")


def word_blocker(blocker: Blocker, _: Translator) -> str:
    """Why Run is not possible, and what makes it possible."""
    match blocker:
        case Blocker.RESTORING:
            return _("Reading this window's records …")
        case Blocker.STORE:
            return _("Not possible: the browser's storage does not work. See above.")
        case Blocker.UNREADABLE:
            return _("Not possible: a stored task cannot be read. See above.")
        case Blocker.NO_FLEET:
            return _("Not possible: the list of servers is not known yet.")
        case Blocker.NO_SERVER:
            return _("Not possible: there is no server. See above.")
        case Blocker.NO_WORKFLOW:
            return _("Choose a workflow first")
        case Blocker.NEEDS_DEMO:
            return _("This workflow needs a demo server; this fleet has none.")
        case Blocker.MOORED_WITHOUT_DEMO:
            return _("This window is moored to a server that cannot run this workflow. Open another window for it.")
        case Blocker.CHECKING:
            return _("Reading the file …")
        case Blocker.NO_PICTURE:
            return _("Put a picture in first")
        case Blocker.NO_FILE:
            return _("Put the missing file in first")
        case Blocker.BAD_VALUE:
            return _("Correct the marked field first")
