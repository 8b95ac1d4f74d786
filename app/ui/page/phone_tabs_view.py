"""The tabs at the foot of a phone's page."""

from __future__ import annotations

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts_html import icon
from app.ui.page.state import TabsView


def tabs(view: TabsView, _: Translator) -> h.Node:
    """The content of `#tabs`; `static/js/tabs.js` marks the one that is shown."""
    return h.fragment[
        _tab("form", "edit", _("Form")),
        _tab("now", "waves", _("Now"), _badge(view.busy, _) or (view.has_left and h.span(".tab-dot"))),
        _tab("results", "picture", _("Results"), h.span(".tab-dot.of-news"), count=view.ended),
    ]


def _tab(name: str, icon_name: str, label: str, sign: h.Node = None, *, count: int = 0) -> h.Element:
    return h.button(
        ".tab", type="button", id=f"tab-{name}", data_tab_to=name, data_count=str(count), data_testid=f"tab-{name}"
    )[h.span(".tab-icon")[icon(icon_name), sign], h.span(".tab-name")[label]]


def _badge(count: int, _: Translator) -> h.Node:
    return h.span(".tab-badge.numeric")[_.formats.number(count)] if count else None
