"""The Run bar: Run and Cancel, where a run would go, and why it is not possible now."""

from __future__ import annotations

import htpy as h

from app.ui.kit.cause_words import word_cause
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon, icon_button
from app.ui.runs.server_picker import FREE, SOONEST, WhereServer, WhereView
from app.ui.runs.state import MOST_COUNT, Blocker, RunView


def run_bar(view: RunView, _: Translator) -> h.Node:
    """The content of `#run`."""
    return h.fragment[
        h.p(class_=["run-words", {"is-blocked": view.blocker is not None}], id="run-words")[_words(view, _)],
        h.div(".run-options")[
            _where(view.where, _),
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
            icon_button(_("Many runs …"), "open-many", "grid", testid="open-many"),
        ],
        h.div(".run-buttons")[
            view.cancels
            and action_button(
                _("Cancel"), "cancel", icon_name="stop", class_="is-large run-cancel", prompt_id=view.cancels
            ),
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


def _where(view: WhereView, _: Translator) -> h.Element:
    """Where the run goes: to choose from, or the server that holds the window."""
    return h.label(".where.select", title=_("Where it runs"))[
        h.select(
            id="where",
            data_change="where",
            data_testid="where",
            aria_label=_("Where it runs"),
            disabled=bool(view.moored_to),
            autocomplete="off",
        )[
            h.option(value="")[_("{server}, moored", server=view.moored_to)]
            if view.moored_to
            else h.fragment[
                h.option(value=SOONEST, selected=view.chosen == SOONEST)[_("Soonest")],
                h.option(value=FREE, selected=view.chosen == FREE)[_("Wait for a free one")],
                (_server(item, view, _) for item in view.servers),
            ]
        ],
        icon("chevron"),
    ]


def _server(item: WhereServer, view: WhereView, _: Translator) -> h.Element:
    """A server by name; one that cannot be chosen says why."""
    text = _told(item.name, item.cause, _) if item.cause else _("Only {server}", server=item.name)
    return h.option(value=item.server_id, selected=view.chosen == item.server_id, disabled=bool(item.cause))[text]


def _told(name: str, cause: str, _: Translator) -> str:
    return _("{server} cannot take it: {cause}", server=name, cause=word_cause(cause, _))


def _words(view: RunView, _: Translator) -> str:
    if view.blocker is Blocker.WHERE:
        return _told(view.where.name, view.where.cause, _)
    if view.blocker is not None:
        return word_blocker(view.blocker, _)
    if view.tag is not None:
        return _("Goes to {server}, where this window is moored", server=view.tag.name)
    if view.where.chosen == FREE:
        return _("Waits in this window until a server has nothing to do")
    if view.where.chosen != SOONEST:
        return _("Goes to {server} and to no other", server=view.where.name)
    return _leaning(view.where, _) or _("Goes to the server that should be done first")


def _leaning(where: WhereView, _: Translator) -> str:
    """What this window prefers or avoids, if that plays a part in the choice."""
    if where.preferred:
        return _("Goes to {servers}, preferred by this window", servers=", ".join(where.preferred))
    if where.avoided:
        return _(
            "Goes to the server that should be done first, but not to {servers}",
            servers=", ".join(where.avoided),
        )
    return ""


def word_blocker(blocker: Blocker, _: Translator) -> str:
    """Why Run is not possible, and what makes it possible."""
    match blocker:
        case Blocker.RESTORING:
            return _("Reading this window's records …")
        case Blocker.LOGGED_OUT:
            return _("Not possible: you are logged out. See above.")
        case Blocker.OTHER_PERSON:
            return _("Not possible: somebody else is logged in here now. See above.")
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
    return _word_form_blocker(blocker, _) or _unable(blocker, _)


def _word_form_blocker(blocker: Blocker, _: Translator) -> str:
    """What in the form itself stands in the way."""
    match blocker:
        case Blocker.OPENING:
            return _("Reading the rest of the workflow …")
        case Blocker.CHECKING:
            return _("Reading the file …")
        case Blocker.NO_PICTURE:
            return _("Put a picture in first")
        case Blocker.NO_FILE:
            return _("Put the missing file in first")
        case Blocker.PICTURE_GONE:
            return _("Put the picture in again")
        case Blocker.FILE_GONE:
            return _("Put the file in again")
        case Blocker.BAD_VALUE:
            return _("Correct the marked field first")
    return ""


def _unable(blocker: Blocker, _: Translator) -> str:
    """Where the workflow would have to go, it cannot run."""
    match blocker:
        case Blocker.WHERE:
            return _("Choose another server first")
        case Blocker.NEEDS_DEMO:
            return _("This workflow needs a demo server; this fleet has none.")
        case Blocker.MOORED_WITHOUT_DEMO:
            return _("This window is moored to a server that cannot run this workflow. Open another window for it.")
        case Blocker.MOORED_UNABLE:
            return _(
                "This window is moored to a server that lacks what this workflow needs."
                " Wait until its work has ended, or open another window."
            )
    return _("No server can run this workflow. What each of them lacks is told in the form.")
