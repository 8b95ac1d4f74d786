"""Parts of the kit around what views written in Python put into them."""

from __future__ import annotations

import htpy as h
from markupsafe import Markup

from app.ui.kit import parts_html as parts


def panel_title(text: str, *beside: h.Node) -> Markup:
    """A region's heading, with what stands beside it."""
    return parts.panel_title(text, caller=_markup(beside))


def empty(icon_name: str, title: str, about: str, *ways: h.Node, class_: str = "") -> Markup:
    """Nothing is there yet; `ways` are buttons to change that, the most useful first."""
    return parts.empty(icon_name, title, about, class_, caller=_markup(ways))


def _markup(content: h.Node) -> Markup:
    return Markup(h.fragment[content])
