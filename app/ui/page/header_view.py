"""The bar on top: the name, which server holds the window with how much work, commands and settings."""

from __future__ import annotations

from dataclasses import replace

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import icon, icon_button
from app.ui.page.state import HeaderView


def header(view: HeaderView, _: Translator) -> h.Node:
    """The content of `#header`."""
    return h.fragment[
        h.a(".brand", href="./", aria_label="Mooring", translate="no")[
            icon("mark", "brand-mark"), h.span(".brand-name")["Mooring"]
        ],
        _chip(view, _),
        view.is_private
        and h.span(
            ".private-mark",
            data_testid="private-mark",
            title=_(
                "What you make here goes when this page is closed or loaded again. Nothing of it stays in this browser."
            ),
        )[icon("private"), h.span[_("Private")]],
        h.div(".bar-tools")[
            # A place that is always there: else a patch would make one button out of another, under the focus.
            h.span(".script-place")[_script(_) if view.is_scripting else None],
            _panels(view, _),
            _commands(_),
            icon_button(_("Settings"), "open-settings", "settings", testid="open-settings"),
        ],
    ]


def _chip(view: HeaderView, _: Translator) -> h.Element:
    if view.others:
        return _crew(view, _)
    if view.tag is None:
        words, hint = _free(view, _)
        return _chip_button("mooring is-free", "", hint)[
            icon("anchor"), h.span(".mooring-state")[words], _ill(view, _, "chip-ill")
        ]
    title = _("All work of this window goes to {server} until it has ended.", server=view.tag.name)
    if view.silent:
        title = _("{server} gave no clear answer: nobody knows how far that work is.", server=view.tag.name)
    return _chip_button(f"mooring tone-{view.tag.tone}", view.tag.server_id, title)[
        icon("anchor"),
        h.span(".mooring-name", translate="no")[view.tag.name],
        h.span(".mooring-state")[_counts(view, _)],
        _ill(view, _, "chip-ill"),
    ]


def _chip_button(class_: str, servers: str, title: str) -> h.Element:
    """The chip is a way into *Fleet*; on a phone it is the only one."""
    return h.button(
        id="mooring-chip",
        class_=class_,
        type="button",
        data_action="open-fleet",
        data_testid="server-chip",
        data_server=servers,
        title=title or None,
        aria_haspopup="dialog",
    )


def _panels(view: HeaderView, _: Translator) -> h.Element:
    """The buttons of the header's two panels. How many servers are not well is told on the first."""
    return h.div(".panel-buttons")[
        h.button(
            ".button.is-quiet.for-fleet",
            type="button",
            id="open-fleet",
            data_action="open-fleet",
            data_testid="open-fleet",
            aria_haspopup="dialog",
            title=_word_ill(view, _) or None,
        )[
            icon("fleet", "panel-sign"),
            h.span(".panel-name")[_("Fleet")],
            _ill(view, _),
            icon("chevron", "panel-chevron"),
        ],
        h.button(
            ".button.is-quiet.for-windows",
            type="button",
            id="open-windows",
            data_action="open-windows",
            data_testid="open-windows",
            aria_haspopup="dialog",
        )[icon("window", "panel-sign"), h.span(".panel-name")[_("Windows")], icon("chevron", "panel-chevron")],
    ]


def _word_ill(view: HeaderView, _: Translator) -> str:
    return _.plural("{count} server is not well", "{count} servers are not well", view.ill) if view.ill else ""


def _ill(view: HeaderView, _: Translator, class_: str = "") -> h.Element | None:
    """How many servers are not well. On a phone the chip has it, since that is the way into *Fleet*."""
    if not view.ill:
        return None
    return h.span(class_=["ill numeric", class_])[
        h.span(aria_hidden="true")[_.formats.number(view.ill)], h.span(".visually-hidden")[_word_ill(view, _)]
    ]


def _crew(view: HeaderView, _: Translator) -> h.Element:
    """More than one server works for this tab, or one other than the window's own."""
    tags = [*([view.tag] if view.tag else []), *view.others]
    title = _("At work for this window: {names}", names=", ".join(tag.name for tag in tags))
    return _chip_button(f"mooring tone-{tags[0].tone}", " ".join(tag.server_id for tag in tags), title)[
        icon("anchor"),
        h.span(".mooring-name", translate="no")[tags[0].name]
        if len(tags) == 1
        else h.span(".mooring-name")[_.plural("{count} server", "{count} servers", len(tags))],
        h.span(".mooring-state")[_counts(view, _)],
        _ill(view, _, "chip-ill"),
    ]


def _free(view: HeaderView, _: Translator) -> tuple[str, str]:
    if view.is_unreadable:
        return _("Records not readable"), ""
    if view.is_restoring:
        return _("Reading this window's records …"), ""
    if view.is_unsure:
        return _("A task cannot be read"), _("It may still run on a server, so nothing new is sent.")
    return _("Not moored"), _("The next run goes to the server that should be done first.")


def _counts(view: HeaderView, _: Translator) -> str:
    if view.silent:
        return _with_silent(view, _)
    if view.running and view.waiting:
        return _("{running} running, {waiting} waiting", running=view.running, waiting=view.waiting)
    if view.running:
        return _("{running} running", running=view.running)
    return _("{waiting} waiting", waiting=view.waiting)


def _with_silent(view: HeaderView, _: Translator) -> str:
    """What is known of work at a server that does not answer is that it was sent there."""
    silent = _.plural("{count} without an answer", "{count} without an answer", view.silent)
    known = _counts(replace(view, silent=0), _) if view.running or view.waiting else ""
    return _("{first}, {rest}", first=known, rest=silent) if known else silent


def _script(_: Translator) -> h.Element:
    """A script runs, whether its drawer is open or not: the way to it."""
    label = _("A script runs")
    return h.button(
        ".button.is-quiet.script-sign",
        type="button",
        data_action="open-scripting",
        data_testid="script-sign",
        title=label,
        aria_haspopup="dialog",
    )[icon("terminal"), h.span(".script-sign-words")[label]]


def _commands(_: Translator) -> h.Element:
    """What opens everything that can be done, by name."""
    label = _("All commands")
    return h.button(
        ".button.commands",
        type="button",
        data_action="open-palette",
        data_testid="open-palette",
        title=label,
        aria_keyshortcuts="Control+K Meta+K",
    )[
        icon("search"),
        h.span(".visually-hidden")[label],
        h.kbd(aria_hidden="true", translate="no")[h.span(".key-control")["Ctrl K"], h.span(".key-command")["⌘ K"]],
    ]
