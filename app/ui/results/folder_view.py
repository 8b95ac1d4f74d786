"""*Save each result to a folder*: its part of the dialog about what is kept, and its sign above the results."""

from __future__ import annotations

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon
from app.ui.results.state import FolderState, FolderView


def folder_field(view: FolderView, _: Translator) -> h.Element:
    """In the dialog."""
    return h.div(".field.folder", role="group", aria_labelledby="folder-title")[
        h.p(".field-title", id="folder-title")[_("Save each result to a folder")],
        h.div(".folder-line")[_ways(view, _)],
        h.p(".hint")[_about(view, _)],
    ]


def folder_sign(view: FolderView, _: Translator) -> h.Node:
    """Above the results, while something is saved there or cannot be."""
    match view.state:
        case FolderState.READY:
            title = _("Each result is saved to “{name}”.", name=view.name)
            return h.span(".folder-sign", title=title, data_testid="folder-sign")[
                icon("folder-save"), h.span(".visually-hidden")[title]
            ]
        case FolderState.ASKING:
            return h.button(
                ".button.is-small.folder-sign", type="button", data_action="allow-folder", data_testid="allow-folder"
            )[icon("folder-save"), h.span[_allow(view, _)]]
    return None


def _ways(view: FolderView, _: Translator) -> h.Node:
    choose = action_button(_("Choose a folder …"), "choose-folder", icon_name="folder", testid="choose-folder")
    another = action_button(_("Another …"), "choose-folder", class_="is-quiet", testid="choose-folder")
    stop = action_button(_("Stop"), "forget-folder", class_="is-quiet", testid="forget-folder")
    name = h.span(".folder-name", translate="no")[icon("folder"), view.name]
    match view.state:
        case FolderState.NONE:
            return choose
        case FolderState.READY:
            return h.fragment[name, another, stop]
        case FolderState.ASKING:
            return h.fragment[
                name, action_button(_allow(view, _), "allow-folder", class_="is-primary", testid="allow-folder"), stop
            ]
    return None


def _allow(view: FolderView, _: Translator) -> str:
    if not view.waiting:
        return _("Allow saving to “{name}”", name=view.name)
    return _.plural(
        "Allow saving {count} result to “{name}”",
        "Allow saving {count} results to “{name}”",
        view.waiting,
        name=view.name,
    )


def _about(view: FolderView, _: Translator) -> str:
    match view.state:
        case FolderState.ABSENT:
            return _(
                "Not here: it needs Chrome or Edge, an address with https or on this machine, and a window that is not"
                " private."
            )
        case FolderState.ASKING:
            return _("The browser asks again after each load of the page. What arrives meanwhile is saved then.")
    return _("As a file of its own, under the name above, as soon as it arrives. For all windows of this browser.")
