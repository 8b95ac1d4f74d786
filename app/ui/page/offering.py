"""The commands that the page offers now, and the dialogs about the page as a whole. Pure."""

from __future__ import annotations

from dataclasses import replace

from app.ui.commands.commands import Offered, Piece
from app.ui.commands.palette import PaletteDialog, PaletteView, ShortcutsDialog, ShortcutsView
from app.ui.form.picker import LibraryEntries
from app.ui.form.state import FormState
from app.ui.kit.account import Account
from app.ui.kit.state import UiState
from app.ui.page.state import DialogView, PageView
from app.ui.runs.state import CardView
from app.ui.scripting.actions import ScriptingDialog
from app.ui.settings.account import SettingsView
from app.ui.settings.settings import Settings, SettingsDialog

MOST_PIECES = 12  # cards of each list that the palette names


def with_help(view: PageView, ui: UiState, stock: LibraryEntries, language: str) -> PageView:
    """Return the page with the settings, palette, shortcuts or scripting console, if one of them is open."""
    match ui.dialog:
        case SettingsDialog() as dialog:
            return replace(view, dialog=DialogView(SettingsView(dialog, ui.of(Settings), language, ui.of(Account))))
        case PaletteDialog() as dialog:
            return replace(view, dialog=DialogView(PaletteView(dialog, offered_of(view, ui, stock))))
        case ShortcutsDialog():
            return replace(view, dialog=DialogView(ShortcutsView(ui.of(Settings).has_keys)))
        case ScriptingDialog() as dialog:
            return replace(view, dialog=DialogView(dialog))
    return view


def offered_of(view: PageView, ui: UiState, stock: LibraryEntries) -> Offered:
    """Return what the page's own buttons would do now."""
    form, waiting = view.form, view.waiting
    return Offered(
        run=view.run if view.run.blocker is None else None,
        cancels=view.run.cancels,
        has_plan=view.now.is_many,
        workflow_id=ui.of(FormState).workflow_id,
        is_open=form.chosen is not None,
        is_searchable=form.chosen is not None and form.is_searchable,
        can_undo=form.can_undo,
        can_redo=form.can_redo,
        is_arranging=form.is_arranging,
        workflows=tuple((entry.workflow_id, entry.title) for entry in stock.entries),
        where=view.run.where,
        waiting=waiting.count,
        is_paused=waiting.pause is not None,
        is_unbounded=waiting.is_unbounded,
        pieces=(*_pieces(view.now.listed), *_pieces(view.results.cards)),
        sheets=tuple(Piece(item.batch_id, item.title) for item in view.sheets),
        orphans=view.left.count,
        has_more_results=view.results.more > 0,
        has_more_runs=not view.now.is_whole and (view.now.more > 0 or waiting.more > 0),
        is_album=view.results.album is not None,
        is_narrow=view.results.album is not None and view.results.album.wish.is_narrow,
        picked=len(view.results.album.picked) if view.results.album is not None else 0,
        errors=len(view.errors),
        settings=ui.of(Settings),
        can_log_out=ui.of(Account).can_log_out,
    )


def _pieces(cards: tuple[CardView, ...]) -> tuple[Piece, ...]:
    return tuple(
        Piece(card.task.prompt_id, card.task.title, card.tag.name, card.task.state.is_end)
        for card in cards[:MOST_PIECES]
    )
