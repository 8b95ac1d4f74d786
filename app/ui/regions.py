"""The page's regions, each with its slice and its view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import htpy as h

from app.ui.card_words import word_card
from app.ui.i18n import Translator
from app.ui.state import PageView
from app.ui.views.breaking import breaking
from app.ui.views.dialogs import dialogs
from app.ui.views.fleet import fleet
from app.ui.views.form import form
from app.ui.views.graph import drawn
from app.ui.views.header import header
from app.ui.views.left import left
from app.ui.views.nodes import lists, nodes
from app.ui.views.notices import notices
from app.ui.views.results import results
from app.ui.views.run_bar import run_bar
from app.ui.views.tasks import now
from app.ui.views.waiting import waiting

# The id of the element in index.html, and the field of PageView with its slice.
REGIONS: Mapping[str, tuple[str, Callable[[Any, Translator], h.Node]]] = {
    "header": ("header", header),
    "notices": ("notices", notices),
    "form": ("form", form),
    "nodes": ("nodes", nodes),
    "lists": ("lists", lists),
    "run": ("run", run_bar),
    "now": ("now", now),
    "waiting": ("waiting", waiting),
    "left": ("left", left),
    "breaking": ("breaking", breaking),
    "results": ("results", results),
    "fleet": ("fleet", fleet),
    "dialogs": ("dialog", dialogs),
}


def changed_regions(before: PageView | None, after: PageView, _: Translator) -> dict[str, str]:
    """The markup of each region whose slice is another one now."""
    return {
        region: str(h.fragment[view(getattr(after, name), _)])
        for region, (name, view) in REGIONS.items()
        if before is None or getattr(before, name) != getattr(after, name)
    }


def graph_change(before: PageView | None, after: PageView, _: Translator) -> dict[str, object]:
    """What the open graph needs beside its region: the drawing where it is new, and its marks where they changed."""
    kept = drawn(before.dialog if before is not None else None, after.dialog, _)
    is_marked = after.marks is not None and (bool(kept) or before is None or before.marks != after.marks)
    return {
        **({"kept": kept} if kept else {}),
        **({"graph": after.marks.told()} if is_marked and after.marks is not None else {}),
    }


def live_words(view: PageView, _: Translator) -> str:
    """The newest task's state for those who listen instead of looking; it changes with the state, not each step."""
    cards = sorted((*view.now.cards, *view.results.cards), key=lambda card: card.task.created_at)
    if not cards:
        return ""
    card = cards[-1]
    title = _.known(card.task.title) or _("Untitled")
    return _("{title} on {server}: {state}", title=title, server=card.tag.name, state=word_card(card, _).title)
