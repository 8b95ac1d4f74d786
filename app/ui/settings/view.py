"""The settings of this browser: language, colours, previews, notices, keys; the ways to what is kept and a report."""

from __future__ import annotations

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import action_button, icon, icon_button
from app.ui.settings.account import SettingsView
from app.ui.settings.account_view import account
from app.ui.settings.settings import Permission, Switch, Theme


def settings(view: SettingsView, _: Translator) -> h.Element:
    """The dialog."""
    return h.dialog(
        ".dialog.settings", data_modal="", id="settings", aria_labelledby="settings-title", data_testid="settings"
    )[
        h.div(".dialog-head")[
            h.h2(id="settings-title")[_("Settings")], icon_button(_("Close"), "close-dialog", "close")
        ],
        h.p(".quiet.settings-about")[_("For all windows of this browser. They follow at once.")],
        h.div(".settings-rows")[_language(view, _), _theme(view, _)],
        _previews(view, _),
        _notices(view, _),
        _keys(view, _),
        account(view.account, _),
        h.div(".settings-foot")[
            action_button(
                _("Kept in this browser"), "open-keeping", icon_name="shelf", class_="is-small", testid="to-keeping"
            ),
            action_button(
                _("Scripting"), "open-scripting", icon_name="terminal", class_="is-small", testid="to-scripting"
            ),
            h.button(".button.is-small", type="button", data_shell="report")[
                icon("report"), h.span[_("Save a report without prompts and pictures")]
            ],
        ],
    ]  # fmt: skip


def _language(view: SettingsView, _: Translator) -> h.Element:
    chosen = view.settings.language
    return h.div(".setting")[
        h.label(".setting-title", for_="setting-language")[icon("language"), _("Language")],
        h.span(".select")[
            h.select(id="setting-language", data_change="language", autocomplete="off")[
                h.option(value="", selected=not chosen)[_("As the browser wants")],
                (
                    h.option(value=code, selected=code == chosen, lang=code, translate="no")[name]
                    for code, name in _.languages.names.items()
                ),
            ],
            icon("chevron"),
        ],
    ]


def _theme(view: SettingsView, _: Translator) -> h.Element:
    names = {Theme.SYSTEM: _("System"), Theme.LIGHT: _("Light"), Theme.DARK: _("Dark")}
    return h.fieldset(".setting")[
        h.legend(".setting-title")[icon("sun"), _("Colours")],
        h.div(".segments")[
            (
                h.label(class_=["segment", {"is-chosen": view.settings.theme is theme}])[
                    h.input(
                        type="radio",
                        name="theme",
                        value=theme.value,
                        checked=view.settings.theme is theme,
                        data_change="theme",
                    ),
                    h.span[name],
                ]
                for theme, name in names.items()
            )
        ],
    ]


def _previews(view: SettingsView, _: Translator) -> h.Element:
    return h.section(".settings-group", aria_labelledby="settings-work")[
        h.h3(id="settings-work")[_("While work runs")],
        _switch(view, Switch.PREVIEWS, _("Previews"), _("The picture as it grows, where its server sends it.")),
    ]


def _notices(view: SettingsView, _: Translator) -> h.Element:
    granted = view.dialog.permission == Permission.GRANTED
    is_on = (view.settings.has_notices and granted) or view.settings.has_sound
    return h.section(".settings-group", aria_labelledby="settings-notices")[
        h.h3(id="settings-notices")[_("When work is done or has failed, and you look elsewhere")],
        _switch(
            view,
            Switch.NOTICES,
            _("A notice of the system"),
            _about_notices(view, _),
            is_impossible=view.dialog.permission in {Permission.ABSENT, Permission.DENIED},
            is_on=view.settings.has_notices and granted,
        ),
        _switch(
            view, Switch.SOUND, _("A sound"), _("Two soft notes. The browser plays them once this page was clicked on.")
        ),
        is_on and h.div(".settings-try")[action_button(_("Try it"), "try-bell", class_="is-small", testid="try-bell")],
    ]


def _about_notices(view: SettingsView, _: Translator) -> str:
    match view.dialog.permission:
        case Permission.ABSENT:
            return _(
                "Not possible here: browsers show notices only for pages over https or on this machine."
                " The sound and the tab's title tell it all the same."
            )
        case Permission.DENIED:
            return _("The browser forbids it. Allow notifications for this address in the browser's own settings.")
        case Permission.DEFAULT:
            return _("The browser asks you once. One notice for a whole burst of work, by one window.")
    return _("One notice for a whole burst of work, by one window, with its server and workflow.")


def _keys(view: SettingsView, _: Translator) -> h.Element:
    return h.section(".settings-group", aria_labelledby="settings-keys")[
        h.h3(id="settings-keys")[_("Keyboard")],
        _switch(
            view,
            Switch.KEYS,
            _("Shortcuts of a single key"),
            _("Outside of fields. Switch them off if speech input or a slip of the hand sets them off."),
        ),
        h.div(".settings-try")[
            action_button(_("Keyboard shortcuts"), "open-shortcuts", icon_name="keyboard", class_="is-small")
        ],
    ]


def _switch(
    view: SettingsView,
    switch: Switch,
    title: str,
    about: str,
    *,
    is_impossible: bool = False,
    is_on: bool | None = None,
) -> h.Element:
    """A switch with its name and what it means; one that is impossible says why and does nothing."""
    name = switch.value.replace("_", "-")
    shown = view.settings.is_on(switch) if is_on is None else is_on
    return h.div(class_=["setting", {"is-impossible": is_impossible}])[
        h.div(".setting-words")[h.span(".setting-title")[title], h.span(".quiet", id=f"{name}-about")[about]],
        h.button(
            ".switch",
            type="button",
            role="switch",
            aria_checked="true" if shown else "false",
            aria_label=title,
            aria_describedby=f"{name}-about",
            disabled=is_impossible,
            data_action="setting",
            data_setting=switch.value,
            data_testid=name,
        ),
    ]
