"""The palette of commands, and the list of shortcuts: what the page offers now."""

from __future__ import annotations

from app.ui.commands.actions import PaletteActions
from app.ui.commands.commands import Offered, Piece
from app.ui.commands.palette import PaletteDialog, PaletteView, ShortcutsDialog, ShortcutsView
from app.ui.commands.palette_html import palette, shortcuts
from app.ui.commands.shortcuts import SINGLE
from app.ui.form.picker import LibraryEntries
from app.ui.form.state import FormState, FormView
from app.ui.kit.account import Account
from app.ui.kit.feature import DialogKind, Feature, Life, Service, itself
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.services import Services
from app.ui.kit.state import UiState
from app.ui.notices.state import Messages
from app.ui.results.feature import SheetList
from app.ui.results.state import ResultsView
from app.ui.runs.state import CardView, NowView, RunView
from app.ui.runs.waiting import WaitingView
from app.ui.settings.actions import page_settings
from app.ui.settings.settings import Settings
from app.ui.windows.orphans import OrphansView

MOST_PIECES = 12  # cards of each list that the palette names


def _palette(dialog: PaletteDialog, page: Projection) -> PaletteView:
    return PaletteView(dialog, offered_of(page, page.ui))


def _shortcuts(_dialog: ShortcutsDialog, page: Projection) -> ShortcutsView:
    return ShortcutsView(page.ui.of(Settings).has_keys)


def offered_of(page: Projection | PageView, ui: UiState) -> Offered:
    """Return what the page's own buttons would do now."""
    form, waiting, run, now = page.of(FormView), page.of(WaitingView), page.of(RunView), page.of(NowView)
    results, stock = page.of(ResultsView), page.of(LibraryEntries)
    return Offered(
        run=run if run.blocker is None else None,
        cancels=run.cancels,
        has_plan=now.is_many,
        workflow_id=ui.of(FormState).workflow_id,
        is_open=form.chosen is not None,
        is_searchable=form.chosen is not None and form.is_searchable,
        can_undo=form.can_undo,
        can_redo=form.can_redo,
        is_arranging=form.is_arranging,
        workflows=tuple((entry.workflow_id, entry.title) for entry in stock.entries),
        where=run.where,
        waiting=waiting.count,
        is_paused=waiting.pause is not None,
        is_unbounded=waiting.is_unbounded,
        pieces=(*_pieces(now.listed), *_pieces(results.cards)),
        sheets=tuple(Piece(item.batch_id, item.title) for item in page.of(SheetList).entries),
        orphans=page.of(OrphansView).count,
        has_more_results=results.more > 0,
        has_more_runs=not now.is_whole and (now.more > 0 or waiting.more > 0),
        is_album=results.album is not None,
        is_narrow=results.album is not None and results.album.wish.is_narrow,
        picked=len(results.album.picked) if results.album is not None else 0,
        errors=len(page.of(Messages).items),
        settings=ui.of(Settings),
        can_log_out=ui.of(Account).can_log_out,
    )


def _pieces(cards: tuple[CardView, ...]) -> tuple[Piece, ...]:
    return tuple(
        Piece(card.task.prompt_id, card.task.title, card.tag.name, card.task.state.is_end)
        for card in cards[:MOST_PIECES]
    )


def _actions(services: Services) -> PaletteActions:
    page = services.page
    return PaletteActions(
        page,
        services.screen,
        page.act,
        words=lambda: page.translator,
        offered=lambda: offered_of(page.shown, page.ui) if page.shown is not None else None,
        draw=page.draw,
    )


FEATURE = Feature(
    services=(Service(PaletteActions, _actions, itself),),
    life=Life(facts=lambda services: page_settings(services.page.ui.of(Settings), SINGLE)),
    dialogs=(DialogKind(PaletteDialog, _palette, palette), DialogKind(ShortcutsDialog, _shortcuts, shortcuts)),
)
