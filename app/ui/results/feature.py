"""Results: the latest ones, all that this browser has, contact sheets, and the dialogs about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from markupsafe import Markup

from app.core.model import PromptId
from app.ui.form.state import FormState
from app.ui.kit.colours import tag_of
from app.ui.kit.context import attempt
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.feature import DialogKind, Feature, Life, PagePart, Region, Service, itself, plain_dialog
from app.ui.kit.i18n import Translator
from app.ui.kit.image_addresses import ImageAddresses
from app.ui.kit.projection import Projection, Surroundings
from app.ui.kit.services import Services
from app.ui.library.opening import Opener
from app.ui.results.actions import ResultsActions
from app.ui.results.album import NO_STRIP, AlbumView, Strip
from app.ui.results.album_actions import AlbumActions
from app.ui.results.album_html import ask_workflow, delete_question
from app.ui.results.album_rows import AlbumRows
from app.ui.results.cards_html import ended_card, staying_card
from app.ui.results.commands import result_commands
from app.ui.results.compare_html import comparing
from app.ui.results.folder_actions import Folder, FolderActions
from app.ui.results.large_html import large
from app.ui.results.results_html import results
from app.ui.results.reuse import Reuse
from app.ui.results.saving_html import saving
from app.ui.results.sheet_making import Sheets
from app.ui.results.sheets import SheetDialog, SheetList, SheetView
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
from app.ui.results.storage_actions import KeepActions
from app.ui.results.storage_html import keeping
from app.ui.runs.cards import ended_card as card_of_ended
from app.ui.runs.now import Cards, QueueCards
from app.ui.runs.questions import asked_card
from app.ui.runs.run_actions import RunActions
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
    state, album, ended = page.ui.of(ResultsState), page.of(AlbumNow), page.of(QueueCards).ended
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


@dataclass(frozen=True, slots=True)
class SavesTo:
    """Where each result is saved, if the user chooses a folder there."""

    folder: Folder


def _album(services: Services) -> AlbumActions:
    return AlbumActions(
        services.session,
        services.of(AlbumRows),
        services.page,
        services.screen,
        services.ports.now,
        deletions=services.of(Deletions),
    )


def _folder(services: Services) -> FolderActions | None:
    given = services.find(SavesTo)
    if given is None:
        return None
    return FolderActions(
        given.folder,
        services.session,
        services.page,
        services.screen,
        services.ports.now,
        deletions=services.of(Deletions),
    )


def _reuse(services: Services) -> Reuse:
    runs, read_input = services.of(RunActions), services.ports.read_input
    return Reuse(
        services.session,
        services.page,
        services.screen,
        services.of(Opener),
        read_input,
        take_files=lambda files: runs.take_files(None, files),
        recover=lambda: runs.recover(read_input),
    )


def _actions(services: Services) -> ResultsActions:
    return ResultsActions(services.page, services.screen, services.session.name_project)


def _load(services: Services) -> None:
    attempt(services.page, services.of(AlbumRows).load())
    if (folder := services.find(FolderActions)) is not None:
        attempt(services.page, folder.load())


def _wake(services: Services) -> None:
    services.of(AlbumRows).invalidate()
    if (folder := services.find(FolderActions)) is not None:
        folder.refresh()


def _before_drawing(services: Services) -> None:
    if (folder := services.find(FolderActions)) is not None:
        folder.follow()


def _refresh(services: Services) -> Iterable[object]:
    dialog, images = services.page.ui.dialog, services.of(ImageAddresses)
    if isinstance(dialog, PictureDialog):
        images.refresh((dialog.prompt_id, dialog.index), dialog.task)
    else:
        images.refresh()
    album = services.of(AlbumActions)
    return (AlbumNow(album.view(), album.has_given_way, album.strip()),)


FEATURE = Feature(
    commands=(result_commands,),
    services=(
        Service(AlbumRows, lambda its: AlbumRows(its.session, its.ports.documents, its.page)),
        Service(ResultsActions, _actions, itself),
        Service(AlbumActions, _album, itself),
        Service(KeepActions, lambda its: KeepActions(its.session.results, its.page, its.of(Deletions)), itself),
        Service(FolderActions, _folder, itself),
        Service(Reuse, _reuse, itself),
    ),
    life=Life(
        start=lambda services: services.of(ResultsActions).load(),
        load=_load,
        wake=_wake,
        before_drawing=_before_drawing,
        refresh=_refresh,
        messages=lambda services, _: services.of(AlbumActions).change(_),
    ),
    parts=(
        PagePart(ShownMarks, _marks),
        PagePart(PastShown, _past),
        PagePart(Sheets, _sheets),
        PagePart(SheetList, _sheet_list),
        PagePart(ResultsView, _results),
    ),
    regions={
        "sheets": Region(SheetList, lambda shown, _: sheet_list(shown.entries, _)),
        "results": Region(ResultsView, results, redraw=_redraw),
    },
    dialogs=(
        DialogKind(PictureDialog, _large, _draw_large),
        DialogKind(CompareDialog, _compared, _draw_compared),
        DialogKind(SheetDialog, _sheet, sheet, opens="open-sheet"),
        DialogKind(SavingDialog, _saving, saving),
        DialogKind(KeepingDialog, _keeping, keeping),
        plain_dialog(DeleteDialog, delete_question),
        plain_dialog(InputDialog, ask_workflow),
    ),
)
