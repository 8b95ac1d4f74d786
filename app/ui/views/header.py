"""The bar on top: the name, which server holds the window with how much work, language and colours."""

from __future__ import annotations

import htpy as h

from app.ui.i18n import LANGUAGES, Translator
from app.ui.state import HeaderView
from app.ui.views.parts import icon


def header(view: HeaderView, _: Translator) -> h.Node:
    """The content of `#header`."""
    return h.fragment[
        h.a(".brand", href="/", aria_label="Mooring", translate="no")[
            icon("mark", "brand-mark"), h.span(".brand-name")["Mooring"]
        ],
        _chip(view, _),
        h.div(".bar-tools")[_language(view, _), _report(_), _theme(_)],
    ]


def _chip(view: HeaderView, _: Translator) -> h.Element:
    if view.tag is None:
        words, hint = _free(view, _)
        return h.p(".mooring.is-free", data_testid="server-chip", data_server="", title=hint or None)[
            icon("anchor"), h.span(".mooring-state")[words]
        ]
    return h.p(
        class_=["mooring", f"tone-{view.tag.tone}"],
        data_testid="server-chip",
        data_server=view.tag.server_id,
        title=_("All work of this window goes to {server} until it has ended.", server=view.tag.name),
    )[
        icon("anchor"),
        h.span(".mooring-name", translate="no")[view.tag.name],
        h.span(".mooring-state")[_counts(view, _)],
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
    if view.running and view.waiting:
        return _("{running} running, {waiting} waiting", running=view.running, waiting=view.waiting)
    if view.running:
        return _("{running} running", running=view.running)
    return _("{waiting} waiting", waiting=view.waiting)


def _language(view: HeaderView, _: Translator) -> h.Element:
    chosen = view.language if view.language in LANGUAGES else "en"
    return h.label(".language")[
        icon("language"),
        h.span(".visually-hidden")[_("Language")],
        h.select(data_change="language")[
            (
                h.option(value=code, selected=code == chosen, lang=code, translate="no")[name]
                for code, name in LANGUAGES.items()
            )
        ],
    ]


def _report(_: Translator) -> h.Element:
    label = _("Save a report without prompts and pictures")
    return h.button(".button.icon-only", type="button", data_shell="report", aria_label=label, title=label)[
        icon("report")
    ]


def _theme(_: Translator) -> h.Element:
    label = _("Switch between light and dark")
    return h.button(".button.icon-only.theme", type="button", data_shell="theme", aria_label=label, title=label)[
        icon("sun", "for-dark"), icon("moon", "for-light")
    ]
