"""Being logged in: the account in the settings, the question before one logs out, the way back in."""

from __future__ import annotations

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon, own
from app.ui.kit.words import SEPARATOR
from app.ui.settings.account import Account, LogOutView, LooseWindow
from app.ui.windows.panel import WindowMark
from app.ui.windows.words import word_window


def account(view: Account, _: Translator) -> h.Element | None:
    """The part of the settings; None where nobody can log out here."""
    if not view.can_log_out:
        return None
    return h.section(".settings-group", aria_labelledby="settings-account", data_testid="account")[
        h.h3(id="settings-account")[_("Account")],
        h.p(".account-name")[icon("person"), h.span[_("Logged in as {name}", name=view.name)]],
        h.div(".account-actions")[
            action_button(_("Log out …"), "ask-log-out", icon_name="leave", class_="is-small", testid="ask-log-out"),
            action_button(
                _("Log out everywhere …"),
                "ask-log-out",
                class_="is-small",
                everywhere="true",
                testid="ask-log-out-everywhere",
            ),
        ],
    ]


def log_in_link(_: Translator) -> h.Element:
    """To the log-in page, in a tab of its own: this page stays as it is."""
    return h.a(".button.is-small.is-primary", href="/login", target="_blank", rel="noopener", data_testid="log-in")[
        icon("person"), h.span[_("Log in")]
    ]


def log_out(view: LogOutView, _: Translator) -> h.Element:
    """The question. It begins at the button which changes nothing."""
    dialog = view.dialog
    return h.dialog(".dialog.ask", data_modal="", id="log-out", aria_labelledby="ask-title", data_testid="log-out")[
        h.h2(id="ask-title")[_("Log out everywhere?") if dialog.is_everywhere else _("Log out?")],
        h.p[
            _("Every window in every browser in which you are logged in is logged out.")
            if dialog.is_everywhere
            else _("All windows of this browser are logged out.")
        ],
        view.has_copies
        and h.p(data_testid="copies")[
            _("A copy of this login, if someone made one, stays valid for up to a day."),
            " ",
            _("“Log out everywhere” ends it too."),
        ],
        h.p[_("Work on the servers goes on. It is fetched when you log in again.")],
        h.label(".check.account-wipe")[
            h.input(
                type="checkbox",
                id="log-out-wipe",
                data_change="log-out-wipe",
                checked=dialog.is_wiping,
                disabled=dialog.is_under_way,
                data_testid="wipe",
            ),
            h.span[_("Also delete what this browser keeps of you")],
        ],
        _lost(view, _) if dialog.is_wiping else h.p(".quiet")[_("Otherwise it stays here until you log in again.")],
        h.div(".dialog-actions")[
            h.button(".button", type="button", data_action="close-dialog", autofocus=True)[_("Stay logged in")],
            action_button(
                _("Log out and delete") if dialog.is_wiping else _("Log out"),
                "log-out",
                class_="is-danger" if dialog.is_wiping else "is-primary",
                disabled=dialog.is_under_way,
                testid="confirm-log-out",
            ),
        ],
    ]


def _lost(view: LogOutView, _: Translator) -> h.Element:
    """What goes for good, window by window."""
    return h.div(".told.is-bad.account-lost", role="alert")[
        h.p(".told-title")[_("This is deleted for good:")],
        h.ul[
            h.li[
                _("Results and thumbnails kept here ({size})", size=_.formats.size(view.size))
                if view.size
                else _("Results and thumbnails kept here")
            ],
            h.li[_("The list of all tasks, what waits to be sent, the library, presets, drafts and settings")],
            (h.li(data_testid="loose-window")[_window(item, _)] for item in view.windows),
        ],
        not view.is_read and h.p(".told-advice", role="status")[_("Reading the records …")],
        bool(view.windows)
        and h.p(".told-advice")[
            _("What servers have of it may still run there, but nothing will fetch it any more.")
        ],
    ]  # fmt: skip


def _window(item: LooseWindow, _: Translator) -> h.Node:
    told = [
        _.plural("{count} unfinished task", "{count} unfinished tasks", item.tasks) if item.tasks else "",
        _.plural("{count} waiting in line", "{count} waiting in line", item.in_line) if item.in_line else "",
    ]
    words = SEPARATOR.join((word_window(WindowMark(item.number, item.is_mine), _), *filter(None, told)))
    return h.fragment[words, bool(item.servers) and h.fragment[SEPARATOR, own(", ".join(item.servers))]]
