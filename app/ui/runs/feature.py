"""Running: the Run bar, the queue, what waits, where the chosen workflow can run, and the dialogs about runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from markupsafe import Markup

from app.core.waiting_runs import EVERY, MOST_SENDERS
from app.session.waiting.file_feed import ROOM
from app.ui.form.context import Chosen
from app.ui.form.nodes_html import lists
from app.ui.form.projection import option_lists
from app.ui.form.state import FormState, FormView, GoneFiles, NodesView, OptionLists
from app.ui.kit.account import Account
from app.ui.kit.feature import DialogKind, Feature, Movement, OpenDialog, Part, Region, plain_dialog
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import Projection
from app.ui.runs.crew import own_unfinished
from app.ui.runs.downloads import DownloadDialog, DownloadsState
from app.ui.runs.edit import EditDialog, EditView, edit_view
from app.ui.runs.edit_html import cancel_mine, edit
from app.ui.runs.files import FilesDialog, FilesView, files_view
from app.ui.runs.files_html import files_dialog
from app.ui.runs.many import ManyDialog, ManyView, many_lists, many_view
from app.ui.runs.many_html import many
from app.ui.runs.now import (
    Cards,
    Queue,
    Unsent,
    cards_part,
    moved,
    moved_parts,
    now_part,
    queue_part,
    run_part,
    running,
    unsent_part,
    waiting_part,
)
from app.ui.runs.questions import draw_question, question
from app.ui.runs.questions_html import credits_question, download_question
from app.ui.runs.run_bar_html import run_bar
from app.ui.runs.run_view import run_view, with_files
from app.ui.runs.runnability import gone_files, standing_view
from app.ui.runs.runnability_html import standing
from app.ui.runs.server_picker import Spread, senders_for, servers_now
from app.ui.runs.state import (
    Blocker,
    CreditsDialog,
    GiveUpDialog,
    NowView,
    RunAgainDialog,
    RunnabilityView,
    RunsState,
    RunView,
    SameServerDialog,
)
from app.ui.runs.tasks_html import now
from app.ui.runs.waiting import CancelDialog, CancelView, WaitingView, cancel_view
from app.ui.runs.waiting_html import waiting

Plan = TypeVar("Plan", ManyView, FilesView)


@dataclass(frozen=True, slots=True)
class StandingShown:
    """Where the chosen workflow can run, as far as known."""

    view: RunnabilityView | None


@dataclass(frozen=True, slots=True)
class Planned(Generic[Plan]):
    """A dialog that plans runs, and why nothing can run now."""

    view: Plan
    blocker: Blocker | None


def _gone(page: Projection) -> GoneFiles:
    session = page.session
    return GoneFiles(gone_files(page.ui.of(FormState), session.fleet, session.window, page.of(Chosen).shaped))


def _standing(page: Projection) -> StandingShown:
    ui, chosen = page.ui, page.of(Chosen).shaped
    runs_fleet = ui.of(Account).runs_fleet
    return StandingShown(
        standing_view(page.session, ui.of(FormState), chosen, ui.of(DownloadsState), runs_fleet=runs_fleet)
    )


def _lists(page: Projection) -> OptionLists:
    fields = (*page.of(FormView).fields, *page.of(NodesView).fields)
    shown = page.of(OpenDialog).view
    planned = shown.view if isinstance(shown, Planned) else shown
    return OptionLists((*option_lists(fields, page.ui.of(FormState).known), *many_lists(planned)))


def _many(_dialog: ManyDialog, page: Projection) -> Planned[ManyView] | None:
    chosen, ui, run = page.of(Chosen).shaped, page.ui, page.of(RunView)
    if chosen is None:
        return None
    values = ui.of(FormState).draft.values
    view = many_view(chosen, values, ui.of(RunsState).many, page.word, spread=_spread(page, run))
    return Planned(view, run.blocker)


def _files(_dialog: FilesDialog, page: Projection) -> Planned[FilesView] | None:
    chosen, ui = page.of(Chosen).shaped, page.ui
    if chosen is None:
        return None
    run, state = run_view(page.session, chosen, with_files(ui, chosen)), ui.of(RunsState)
    values = ui.of(FormState).draft.values
    view = files_view(chosen, values, state.files, state.many, page.word, room=ROOM, spread=_spread(page, run))
    return Planned(view, run.blocker)


def _spread(page: Projection, run: RunView) -> Spread:
    line, where = page.session.line.line, run.where
    senders = line.senders if line is not None and line.entries else senders_for(where)
    return Spread(senders, len(page.session.fleet.servers), servers_now(where, EVERY, MOST_SENDERS))


def _edit(dialog: EditDialog, page: Projection) -> EditView:
    return edit_view(page.session.line.line, dialog, page.session.line.sending)


def _cancel(_dialog: CancelDialog, page: Projection) -> CancelView:
    line = page.session.line
    return cancel_view(line.line, own_unfinished(page.session), line.files.works)


def _draw_many(shown: Planned[ManyView], _: Translator) -> Markup:
    return many(shown.view, shown.blocker, _)


def _draw_files(shown: Planned[FilesView], _: Translator) -> Markup:
    return files_dialog(shown.view, shown.blocker, _)


FEATURE = Feature(
    parts=(
        Part(Cards, cards_part),
        Part(Unsent, unsent_part),
        Part(Queue, queue_part),
        Part(RunView, run_part),
        Part(WaitingView, waiting_part),
        Part(NowView, now_part),
        Part(GoneFiles, _gone),
        Part(StandingShown, _standing),
        Part(OptionLists, _lists),
    ),
    regions={
        "standing": Region(StandingShown, lambda shown, _: standing(shown.view, _)),
        "lists": Region(OptionLists, lambda shown, _: lists(shown.lists, _)),
        "run": Region(RunView, run_bar),
        "now": Region(NowView, now, patch=moved_parts),
        "waiting": Region(WaitingView, waiting),
    },
    dialogs=(
        plain_dialog(CreditsDialog, credits_question),
        plain_dialog(DownloadDialog, download_question),
        DialogKind(GiveUpDialog, question, draw_question),
        DialogKind(RunAgainDialog, question, draw_question),
        DialogKind(SameServerDialog, question, draw_question),
        DialogKind(ManyDialog, _many, _draw_many),
        DialogKind(FilesDialog, _files, _draw_files),
        DialogKind(EditDialog, _edit, edit),
        DialogKind(CancelDialog, _cancel, cancel_mine),
    ),
    movements=(Movement(running, moved),),
)
