"""The command palette, and the list of shortcuts. `static/js/keys.js` chooses in the list, and knows the keys."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import htpy as h

from app.ui.commands.commands import MOST_SHOWN, Command, Group, commands, find_commands
from app.ui.commands.palette import PaletteView, ShortcutsView
from app.ui.commands.shortcuts import SINGLE, Shortcut, at_fields, everywhere, in_album, in_graph, in_script, on_mask
from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon, icon_button


def palette(view: PaletteView, _: Translator) -> h.Element:
    """The dialog: a field with a list, of which one is chosen while the field keeps the focus."""
    query = view.dialog.query
    found = find_commands(commands(view.offered, _), query, view.dialog.recent)
    shown = found[:MOST_SHOWN]
    return h.dialog(
        ".dialog.palette", data_modal="", id="palette", aria_label=_("All commands"), data_testid="palette"
    )[
        h.div(".palette-head")[
            icon("search"),
            h.input(
                id="palette-query",
                type="text",
                role="combobox",
                value=query,
                placeholder=_("What do you want to do?"),
                aria_label=_("Search all commands"),
                aria_controls="palette-list",
                aria_expanded="true",
                aria_autocomplete="list",
                aria_describedby="palette-count",
                data_input="palette-query",
                data_testid="palette-query",
                autocomplete="off",
                spellcheck="false",
                autofocus=True,
            ),
            icon_button(_("Close"), "close-dialog", "close"),
        ],
        h.div(".palette-list", id="palette-list", role="listbox", aria_label=_("Commands"), data_query=query)[
            _groups(shown, view, _)
        ],
        not found and h.p(".quiet.palette-none")[_("No command is called so. Workflows are found by their names too.")],
        h.p(".palette-foot.quiet", id="palette-count", role="status")[_count(len(found), _)],
    ]  # fmt: skip


def _count(count: int, _: Translator) -> str:
    if count > MOST_SHOWN:
        return _("The first {shown} of {count}: type on.", shown=MOST_SHOWN, count=count)
    return _.plural("{count} command", "{count} commands", count)


def _groups(shown: Sequence[Command], view: PaletteView, _: Translator) -> h.Node:
    if view.dialog.query.strip():
        return h.fragment[(_option(item, _) for item in shown)]
    late = set(view.dialog.recent)
    known = {item.command_id: item for item in shown}
    recent = [known[name] for name in view.dialog.recent if name in known]

    def group_of(item: Command) -> Group:
        return Group.RECENT if item.command_id in late and item in recent else item.group

    return h.fragment[
        (
            h.div(role="group", aria_labelledby=f"palette-{group.value}")[
                h.div(".palette-group", id=f"palette-{group.value}", role="presentation")[word_group(group, _)],
                (_option(item, _) for item in items),
            ]
            for group, items in groupby(shown, group_of)
        )
    ]


def word_group(group: Group, _: Translator) -> str:
    """What a group of commands is called."""
    match group:
        case Group.RECENT:
            return _("Used lately")
        case Group.WORK:
            return _("Work")
        case Group.WORKFLOWS:
            return _("Workflows")
        case Group.FORM:
            return _("Form")
        case Group.GO:
            return _("Go to")
        case Group.WINDOW:
            return _("This window")
        case Group.SETTINGS:
            return _("Settings")


def _option(item: Command, _: Translator) -> h.Element:
    return h.div(
        ".palette-option",
        id=f"command-{item.command_id}",
        role="option",
        aria_selected="false",
        data_action="command",
        data_command=item.command_id,
    )[
        icon(item.icon),
        h.span(".palette-title", translate="no" if item.is_own else None)[item.title],
        item.aside and h.span(".palette-aside.quiet", translate="no")[item.aside],
        item.key and h.kbd(aria_hidden="true", translate="no")[item.key.upper()],
        item.command_id == "run" and h.kbd(aria_hidden="true", translate="no")[_keys(("Mod", "Enter"))],
    ]


def shortcuts(view: ShortcutsView, _: Translator) -> h.Element:
    """The dialog with all of them."""
    single = tuple(Shortcut((key.upper(),), _single(command, _)) for key, command in SINGLE.items())
    groups = (
        (_("Everywhere"), everywhere(_)),
        (_("Outside of fields"), single),
        (_("At a field"), at_fields(_)),
        (_("In all results"), in_album(_)),
        (_("In a graph"), in_graph(_)),
        (_("While a mask is painted"), on_mask(_)),
        (_("In a script"), in_script(_)),
    )
    return h.dialog(
        ".dialog.shortcuts",
        data_modal="",
        id="shortcuts",
        aria_labelledby="shortcuts-title",
        data_testid="shortcuts",
        tabindex="0",
    )[
        h.div(".dialog-head")[
            h.h2(id="shortcuts-title")[_("Keyboard shortcuts")], icon_button(_("Close"), "close-dialog", "close")
        ],
        not view.has_keys
        and h.div(".told.shortcuts-off")[
            h.p(".told-advice")[_("Shortcuts of a single key are switched off.")],
            action_button(_("Settings"), "open-settings", icon_name="settings", class_="is-small"),
        ],
        h.div(".shortcuts-groups")[(_shortcut_group(title, items, _) for title, items in groups)],
    ]


def _single(command: str, _: Translator) -> str:
    known = {
        "search": _("Search the inputs, or the library"),
        "new-window": _("Open another window"),
        "graph": _("See the graph"),
        "library": _("Library"),
        "presets": _("Presets"),
        "many-runs": _("Many runs …"),
        "scripting": _("Scripting"),
        "settings": _("Settings"),
        "shortcuts": _("Keyboard shortcuts"),
    }
    return known[command]


def _shortcut_group(title: str, items: Sequence[Shortcut], _: Translator) -> h.Element:
    return h.section[
        h.h3[title],
        h.dl[(h.div[h.dt[item.does], h.dd[_keys(item.keys)]] for item in items)],
    ]


def _keys(keys: Sequence[str]) -> h.Node:
    return h.fragment[
        (
            h.kbd(translate="no")[h.span(".key-control")["Ctrl"], h.span(".key-command")["⌘"]]
            if key == "Mod"
            else h.kbd(translate="no")[key]
            for key in keys
        )
    ]
