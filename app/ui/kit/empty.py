"""Places where nothing is yet: what will be there, and a button that does what brings it there."""

from __future__ import annotations

import htpy as h

from app.ui.kit.parts import icon


def empty(icon_name: str, title: str, about: str, *ways: h.Node, class_: str = "") -> h.Element:
    """One of them; `ways` are buttons, the nearest first."""
    return h.div(class_=["empty", class_], data_testid="empty")[
        icon(icon_name, "empty-icon"),
        title and h.p(".empty-title")[title],
        h.p(".quiet")[about],
        any(ways) and h.div(".empty-ways")[ways],
    ]
