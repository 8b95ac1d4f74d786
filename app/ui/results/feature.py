"""Results: the latest ones, all that this browser has, contact sheets, and the dialogs about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from markupsafe import Markup

from app.core.model import PromptId
from app.ui.form.state import FormState
from app.ui.kit.colours import tag_of
from app.ui.kit.feature import DialogKind, Feature, Part, Region, plain_dialog
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import Projection, Surroundings
from app.ui.results.album import NO_STRIP, AlbumView, Strip
from app.ui.results.album_html import ask_workflow, delete_question
from app.ui.results.cards_html import ended_card, staying_card
from app.ui.results.compare_html import comparing
from app.ui.results.large_html import large
from app.ui.results.results_html import results
from app.ui.results.saving_html import saving
from app.ui.results.sheet_making import Sheets
from app.ui.results.sheets import SheetDialog, SheetEntry, SheetView
from app.ui.results.sheets_html import sheet, sheet_list
from app.ui.results.state import (
    CompareDialog,
    DeleteDialog,
    InputDialog,
    PictureDialog,
    ResultsState,
    ResultsView,
    SavingDialog,
    SavingView,
)
from app.ui.results.storage import KeepingDialog, KeepingView
from app.ui.results.storage_html import keeping
from app.ui.runs.cards import ended_card as card_of_ended
from app.ui.runs.now import Cards, Queue
from app.ui.runs.questions import asked_card
from app.ui.runs.state import CardView, PastShown, ShownMarks


@dataclass(frozen=True, slots=True)
class AlbumNow:
    """Every result in this browser, while it is shown; `has_given_way` if it was until this window's first run ended.

    `strip` has the results around the one that is shown large.
    """

    view: AlbumView | None = None
    has_given_way: bool = False
    strip: Strip = NO_STRIP


@dataclass(frozen=True, slots=True)
class SheetList:
    """The contact sheets that are listed."""

    entries: tuple[SheetEntry, ...]


@dataclass(frozen=True, slots=True)
class LargeView:
    """A result that is shown large, with the listed ones around it."""

    card: CardView
    index: int
    strip: Strip
    was_compared: bool


@dataclass(frozen=True, slots=True)
class ComparedView:
    """Two compared results, with the listed ones around the shown one."""

    dialog: CompareDialog
    strip: Strip


def _marks(page: Projection) -> ShownMarks:
    state = page.ui.of(ResultsState)
    return ShownMarks(state.marks(page.word), state.results_shown)


def _past(page: Projection) -> PastShown:
    return PastShown(page.of(AlbumNow).view is not None)


def _sheets(page: Projection) -> Sheets:
    return Sheets(page.of(Cards).items, page.session.line.line)


def _sheet_list(page: Projection) -> SheetList:
    return SheetList(page.of(Sheets).entries())


def _results(page: Projection) -> ResultsView:
    state, album, ended = page.ui.of(ResultsState), page.of(AlbumNow), page.of(Queue).ended
    usage = page.session.results.usage
    view = ResultsView(
        kept_size=None if usage is None else usage.size + usage.thumbnails_size,
        project=state.project,
        ended=len(ended),
        is_private=page.of(Surroundings).is_private,
        folder=state.folder,
        has_replaced=album.has_given_way,
    )
    if album.view is not None:
        return replace(view, album=album.view)
    return replace(view, cards=ended[: state.results_shown], more=max(0, len(ended) - state.results_shown))


def _redraw(before: ResultsView, after: ResultsView, _: Translator) -> Markup:
    """Draw the results; a card that is on the page already is only named, so that the page compares nothing
    (`patch.js`)."""
    drawn = {card.task.prompt_id: card for card in before.cards} if before.album is None else {}
    return results(after, _, draw_card=partial(_draw_ended, drawn=drawn))


def _draw_ended(card: CardView, _: Translator, drawn: dict[PromptId, CardView]) -> Markup:
    return staying_card(card) if drawn.get(card.task.prompt_id) == card else ended_card(card, _)


def _large(dialog: PictureDialog, page: Projection) -> LargeView | None:
    task = dialog.task
    if task is not None:
        tag = tag_of(page.session.fleet, task.server_id)
        card: CardView | None = card_of_ended(task, tag, page.pictures, page.of(ShownMarks).marks)
    else:
        card = asked_card(page, dialog.prompt_id)
    if card is None or dialog.index >= len(card.results):
        return None
    return LargeView(card, dialog.index, page.of(AlbumNow).strip, dialog.was_compared)


def _draw_large(shown: LargeView, _: Translator) -> Markup:
    return large(shown.card, shown.index, shown.strip, _, was_compared=shown.was_compared)


def _compared(dialog: CompareDialog, page: Projection) -> ComparedView:
    return ComparedView(dialog, page.of(AlbumNow).strip)


def _draw_compared(shown: ComparedView, _: Translator) -> Markup:
    return comparing(shown.dialog, shown.strip, _)


def _sheet(dialog: SheetDialog, page: Projection) -> SheetView | None:
    return page.of(Sheets).view(dialog.batch_id)


def _saving(_dialog: SavingDialog, page: Projection) -> SavingView:
    state = page.ui.of(ResultsState)
    return SavingView(state.names, state.folder)


def _keeping(dialog: KeepingDialog, page: Projection) -> KeepingView:
    return KeepingView(dialog, page.session.results.usage, len(page.ui.of(FormState).known.recent))


FEATURE = Feature(
    parts=(
        Part(ShownMarks, _marks),
        Part(PastShown, _past),
        Part(Sheets, _sheets),
        Part(SheetList, _sheet_list),
        Part(ResultsView, _results),
    ),
    regions={
        "sheets": Region(SheetList, lambda shown, _: sheet_list(shown.entries, _)),
        "results": Region(ResultsView, results, redraw=_redraw),
    },
    dialogs=(
        DialogKind(PictureDialog, _large, _draw_large),
        DialogKind(CompareDialog, _compared, _draw_compared),
        DialogKind(SheetDialog, _sheet, sheet),
        DialogKind(SavingDialog, _saving, saving),
        DialogKind(KeepingDialog, _keeping, keeping),
        plain_dialog(DeleteDialog, delete_question),
        plain_dialog(InputDialog, ask_workflow),
    ),
)
