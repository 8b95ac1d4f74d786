"""The page's regions, each with its slice and its view."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from markupsafe import Markup

from app.core.eta import NO_OUTLOOK
from app.core.model import PromptId
from app.ui.fleet.faults_html import breaking
from app.ui.form.controls import field_id
from app.ui.form.field_html import field_inside
from app.ui.form.form_html import form
from app.ui.form.models_html import marked
from app.ui.form.nodes_html import lists, nodes
from app.ui.form.state import FormView
from app.ui.graph.kept import kept_markup
from app.ui.header.header_html import header
from app.ui.header.tabs_html import tabs
from app.ui.kit.i18n import Translator
from app.ui.kit.image_addresses import NO_PREVIEW
from app.ui.notices.notices_html import errors, notices
from app.ui.page.dialogs import dialogs
from app.ui.page.state import PageView
from app.ui.results.cards_html import ended_card, staying_card
from app.ui.results.results_html import results
from app.ui.results.sheets_html import sheet_list
from app.ui.runs.progress_html import pace_inside
from app.ui.runs.run_bar_html import run_bar
from app.ui.runs.runnability_html import standing
from app.ui.runs.state import CardView, NowView
from app.ui.runs.tasks_html import now, preview_inside
from app.ui.runs.waiting_html import waiting
from app.ui.tray.tray_html import tray
from app.ui.windows.orphans_html import left
from app.ui.words.words_html import completion
from app.workflows.forms.fields import Upload

Region = tuple[str, Callable[[Any, Translator], Markup]]

# The id of the element in index.html, and the field of PageView with its slice.
REGIONS: Mapping[str, Region] = {
    "header": ("header", header),
    "notices": ("notices", notices),
    "errors": ("errors", errors),
    "tray": ("tray", tray),
    "form": ("form", form),
    "standing": ("standing", standing),
    "nodes": ("nodes", nodes),
    "lists": ("lists", lists),
    "marked": ("marked", marked),
    "words": ("words", completion),
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


def digest_of(markup: str) -> str:
    """Return a short name for a region's markup, by which the page knows what it was drawn with."""
    return hashlib.sha256(markup.encode()).hexdigest()[:16]


def changed_regions(before: PageView | None, after: PageView, _: Translator) -> dict[str, str]:
    """Return the markup of each region whose slice has changed; of running work, only the parts that moved, and of the
    form only the inputs whose text was typed.

    An ended card that is on the page already is only named, so that the page compares nothing (`patch.js`).
    """
    parts = (
        {} if before is None else {"now": _moved(before.now, after.now, _), "form": _typed(before.form, after.form, _)}
    )
    small = {region: found for region, found in parts.items() if found is not None}
    draw_ended = partial(_draw_ended, drawn=_drawn(before))
    views: dict[str, Region] = {**REGIONS, "results": ("results", partial(results, draw_card=draw_ended))}
    return {
        region: str(view(getattr(after, name), _))
        for region, (name, view) in views.items()
        if before is None or (region not in small and getattr(before, name) != getattr(after, name))
    } | {part: markup for found in small.values() for part, markup in found.items()}


def _draw_ended(card: CardView, _: Translator, drawn: Mapping[PromptId, CardView]) -> Markup:
    return staying_card(card) if drawn.get(card.task.prompt_id) == card else ended_card(card, _)


def _drawn(before: PageView | None) -> Mapping[PromptId, CardView]:
    """Return the ended cards that are on the page now; after a change of language, none."""
    if before is None or before.results.album is not None:
        return {}
    return {card.task.prompt_id: card for card in before.results.cards}


def _moved(before: NowView, after: NowView, _: Translator) -> dict[str, str] | None:
    """Return the small regions of cards that moved; None if anything else has changed."""
    if replace(before, cards=()) != replace(after, cards=()) or len(before.cards) != len(after.cards):
        return None
    moved = {}
    for was, card in zip(before.cards, after.cards, strict=True):
        if was is card or was == card:
            continue
        if _static_part(was) != _static_part(card):
            return None
        moved[f"pace-{card.task.prompt_id}"] = str(pace_inside(card, _))
        if card.preview != was.preview:
            moved[f"preview-{card.task.prompt_id}"] = str(preview_inside(card, _))
    return moved


def _typed(before: FormView, after: FormView, _: Translator) -> dict[str, str] | None:
    """Return the insides of the inputs whose text has changed; None if anything else has."""
    if len(before.fields) != len(after.fields) or replace(before, fields=()) != replace(after, fields=()):
        return None
    typed = {}
    for was, view in zip(before.fields, after.fields, strict=True):
        if was is view or was == view:
            continue
        is_boxed = was.field is view.field and not isinstance(view.field.kind, Upload)
        if not is_boxed or (was.fault is None) is not (view.fault is None):  # which its box shows
            return None
        typed[field_id(view.field, "box")] = str(field_inside(view, _))
    return typed


def _static_part(card: CardView) -> tuple[CardView, bool]:
    """Return a card without its moving parts, and whether it has a picture."""
    still = replace(card, progress=None, node_title="", outlook=NO_OUTLOOK, preview=NO_PREVIEW)
    return still, card.preview.is_there


def graph_change(before: PageView | None, after: PageView, _: Translator) -> dict[str, object]:
    """Return what the open graph needs beside its region: a new drawing, and marks that changed."""
    kept = kept_markup(before.dialog.dialog if before is not None else None, after.dialog.dialog, _)
    is_marked = after.marks is not None and (bool(kept) or before is None or before.marks != after.marks)
    return {
        **({"kept": kept} if kept else {}),
        **({"graph": after.marks.message()} if is_marked and after.marks is not None else {}),
    }
