"""The page's regions, each with its slice and its view."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import htpy as h
from markupsafe import Markup

from app.core.model import PromptId
from app.ui.fleet.faults_html import breaking
from app.ui.form.nodes_view import lists, nodes
from app.ui.form.view import form
from app.ui.graph.view import drawn
from app.ui.kit.i18n import Translator
from app.ui.page.dialogs_view import dialogs
from app.ui.page.header_view import header
from app.ui.page.notices_view import errors, notices
from app.ui.page.phone_tabs_view import tabs
from app.ui.page.state import PageView
from app.ui.results.cards_html import ended_card
from app.ui.results.results_html import results
from app.ui.results.sheets_html import sheet_list
from app.ui.runs.card_words import word_card
from app.ui.runs.cards import NOTHING_TO_TELL
from app.ui.runs.progress_view import pace_inside
from app.ui.runs.run_bar_view import run_bar
from app.ui.runs.runnability_view import standing
from app.ui.runs.state import CardView, NowView
from app.ui.runs.tasks_view import DrawCard, now, preview_inside, task_card
from app.ui.runs.waiting_view import waiting
from app.ui.windows.orphans_html import left

MOST_CARDS = 200  # whose markup is kept, some 5 kB each

Region = tuple[str, Callable[[Any, Translator], h.Node]]

# The id of the element in index.html, and the field of PageView with its slice.
REGIONS: Mapping[str, Region] = {
    "header": ("header", header),
    "notices": ("notices", notices),
    "errors": ("errors", errors),
    "form": ("form", form),
    "standing": ("standing", standing),
    "nodes": ("nodes", nodes),
    "lists": ("lists", lists),
    "run": ("run", run_bar),
    "now": ("now", now),
    "waiting": ("waiting", waiting),
    "sheets": ("sheets", sheet_list),
    "left": ("left", left),
    "breaking": ("breaking", breaking),
    "results": ("results", results),
    "dialogs": ("dialog", dialogs),
    "tabs": ("tabs", tabs),
}


class DrawnCards:
    """The markup of cards, each made once: most stay as they are, and in a browser one takes 3 ms."""

    def __init__(self) -> None:
        self._drawn: dict[PromptId, tuple[DrawCard, CardView, Translator, Markup]] = {}

    def ended(self, card: CardView, _: Translator, there: Container[PromptId] = ()) -> Markup:
        """The same as `ended_card`; of one that is `there` as it was drawn last, only that it stays."""
        known = self._drawn.get(card.task.prompt_id)
        markup = self._draw(ended_card, card, _)
        stays = card.task.prompt_id in there and known is not None and known[3] is markup
        return Markup(h.article(id=f"task-{card.task.prompt_id}", data_stays=True)) if stays else markup

    def unfinished(self, card: CardView, _: Translator) -> Markup:
        """The same as `task_card`."""
        return self._draw(task_card, card, _)

    def _draw(self, make: DrawCard, card: CardView, _: Translator) -> Markup:
        known = self._drawn.pop(card.task.prompt_id, None)
        if known is None or known[0] is not make or known[2] is not _ or known[1] != card:
            known = make, card, _, Markup(make(card, _))
            if len(self._drawn) >= MOST_CARDS:
                del self._drawn[next(iter(self._drawn))]
        self._drawn[card.task.prompt_id] = known  # the latest used last
        return known[3]


def changed_regions(
    before: PageView | None, after: PageView, _: Translator, cards: DrawnCards | None = None
) -> dict[str, str]:
    """The markup of each region whose slice is another one now; of work that only goes on, of what moves.

    With `cards`, what was drawn is `before`, and an ended card that is there already is only said to stay (`patch.js`).
    """
    moved = None if before is None else _moved(before.now, after.now, _)
    drawn = cards or DrawnCards()
    views: dict[str, Region] = {
        **REGIONS,
        "now": ("now", partial(now, draw_card=drawn.unfinished)),
        "results": ("results", partial(results, draw_card=partial(drawn.ended, there=_there(before)))),
    }
    return {
        region: str(h.fragment[view(getattr(after, name), _)])
        for region, (name, view) in views.items()
        if before is None or (getattr(before, name) != getattr(after, name) and (region != "now" or moved is None))
    } | (moved or {})


def _there(before: PageView | None) -> frozenset[PromptId]:
    """The ended cards that are on the page."""
    if before is None or before.results.album is not None:
        return frozenset()
    return frozenset(card.task.prompt_id for card in before.results.cards)


def _moved(before: NowView, after: NowView, _: Translator) -> dict[str, str] | None:
    """What has moved on the cards, by the small regions in them; None if anything else has changed."""
    if replace(before, cards=()) != replace(after, cards=()) or len(before.cards) != len(after.cards):
        return None
    moved = {}
    for was, card in zip(before.cards, after.cards, strict=True):
        if was is card or was == card:
            continue
        if _standing(was) != _standing(card):
            return None
        moved[f"pace-{card.task.prompt_id}"] = str(pace_inside(card, _))
        if card.preview_url != was.preview_url:
            moved[f"preview-{card.task.prompt_id}"] = str(preview_inside(card, _))
    return moved


def _standing(card: CardView) -> tuple[CardView, bool]:
    """What is on a card beside what moves, and whether it has a picture."""
    still = replace(card, progress=None, node_title="", outlook=NOTHING_TO_TELL, preview_url="")
    return still, bool(card.preview_url)


def graph_change(before: PageView | None, after: PageView, _: Translator) -> dict[str, object]:
    """What the open graph needs beside its region: the drawing where it is new, and its marks where they changed."""
    kept = drawn(before.dialog.dialog if before is not None else None, after.dialog.dialog, _)
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
