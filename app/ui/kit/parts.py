"""Parts of the kit around what views written in Python put into them."""

from __future__ import annotations

import htpy as h
from markupsafe import Markup

from app.ui.kit import parts_html as parts
from app.ui.kit.i18n import Translator


def disclosure(summary: str, *content: h.Node, key: str, class_: str = "", is_open: bool = False) -> Markup:
    """Something to open; whether it is open belongs to the user, but for the first time that it is there."""
    return parts.disclosure(summary, key, class_, is_open, caller=_markup(content))


def panel_title(text: str, *beside: h.Node) -> Markup:
    """A region's heading, with what stands beside it."""
    return parts.panel_title(text, caller=_markup(beside))


def empty(icon_name: str, title: str, about: str, *ways: h.Node, class_: str = "") -> Markup:
    """Nothing is there yet; `ways` are buttons to change that, the most useful first."""
    return parts.empty(icon_name, title, about, class_, caller=_markup(ways))


def drawer(name: str, title: str, _: Translator, *content: h.Node, beside: h.Node = None) -> Markup:
    """An open panel with its head; `beside` is next to its title."""
    return parts.drawer(name, title, _, _markup(beside), caller=_markup(content))


def _markup(content: h.Node) -> Markup:
    return Markup(h.fragment[content])
