"""A panel of the header: a drawer at the right on wide screens, a sheet over all of a phone."""

from __future__ import annotations

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts import icon_button


def drawer(name: str, title: str, _: Translator, *content: h.Node, beside: h.Node = None) -> h.Element:
    """The open panel with its head; `beside` stands next to its title."""
    return h.dialog(
        ".dialog.drawer",
        id=f"{name}-dialog",
        data_modal="",
        aria_labelledby=f"{name}-title",
        data_testid=f"{name}-panel",
    )[
        h.div(".drawer-head")[
            h.h2(id=f"{name}-title")[title],
            beside,
            icon_button(_("Close"), "close-dialog", "close", testid=f"close-{name}"),
        ],
        h.div(".drawer-body", tabindex="0", role="group", aria_labelledby=f"{name}-title")[content],
    ]  # fmt: skip
