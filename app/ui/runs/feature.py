"""Running: the Run bar, the queue, what waits, where the chosen workflow can run, and the dialogs about runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from markupsafe import Markup

from app.core.model import PromptId
from app.core.waiting_runs import EVERY, MOST_SENDERS
from app.session.waiting.file_feed import ROOM
from app.ui.form.context import Chosen
from app.ui.form.nodes_html import lists
from app.ui.form.projection import option_lists
from app.ui.form.recent_values import Recents
from app.ui.form.state import FormState, FormView, GoneFiles, NodesView, OptionLists
from app.ui.kit.account import Account
from app.ui.kit.deletion_actions import Deletions
from app.ui.kit.feature import (
    DialogKind,
    Feature,
    Files,
    Life,
    Movement,
    OpenDialog,
    PagePart,
    Region,
    Service,
    itself,
    plain_dialog,
)
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import Projection
from app.ui.kit.services import Services
from app.ui.runs.batches import BatchFollower
from app.ui.runs.commands import run_commands
from app.ui.runs.downloads import DownloadActions, DownloadDialog, DownloadsState
from app.ui.runs.edit import EditDialog, EditView, edit_view
from app.ui.runs.edit_html import cancel_mine, edit
from app.ui.runs.files import FilesDialog, FilesView, files_view
from app.ui.runs.files_html import files_dialog
from app.ui.runs.many import ManyDialog, ManyView, many_lists, many_view
from app.ui.runs.many_html import many
from app.ui.runs.now import (
    Cards,
    QueueCards,
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
from app.ui.runs.own_windows import own_unfinished
from app.ui.runs.questions import draw_question, question
from app.ui.runs.questions_html import credits_question, download_question
from app.ui.runs.run_actions import ReadWildcards, RunActions
from app.ui.runs.run_bar_html import run_bar
from app.ui.runs.run_view import run_view, with_files
from app.ui.runs.runnability import POLL_INTERVAL, Standings, gone_files, standing_view
from app.ui.runs.runnability_html import standing
from app.ui.runs.server_picker import Spread, senders_for, servers_now
from app.ui.runs.state import (
    BatchNow,
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
from app.workflows.graph import Key

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


@dataclass(frozen=True, slots=True)
class RunNotes:
    """What is noted of each run, and the wildcards that its prompts need: other features know how."""

    note_used: Callable[[str, PromptId], Awaitable[None]]
    read_wildcards: ReadWildcards


def _actions(services: Services) -> RunActions:
    notes = services.of(RunNotes)
    return RunActions(
        services.session,
        services.page,
        services.screen,
        services.ports.random_seed,
        notes.note_used,
        note_values=services.of(Recents).note,
        read_wildcards=notes.read_wildcards,
        deletions=services.of(Deletions),
    )


def _standings(services: Services) -> Standings:
    pause = partial(asyncio.sleep, POLL_INTERVAL)
    return Standings(services.session, services.page, services.screen, pause=pause)


def _downloads(services: Services) -> DownloadActions:
    session = services.session
    return DownloadActions(
        session.model_downloads, lambda: session.fleet, services.page, services.screen, services.ports.sleep
    )


def _follow_ends(services: Services, _ended: frozenset[PromptId] | None) -> None:
    services.of(BatchFollower).follow(services.session)


def _take_files(services: Services, key: Key | None, files: Files, purpose: str) -> bool:
    """Take files for the open plan of runs, or for the field aimed at."""
    services.of(RunActions).take_files(key, files, purpose)
    return True


def _refresh(services: Services) -> Iterable[object]:
    services.of(Standings).refresh()
    return (BatchNow(services.of(BatchFollower).view),)


FEATURE = Feature(
    commands=(run_commands,),
    services=(
        Service(RunActions, _actions, lambda actions: actions.owners),
        Service(Standings, _standings, itself),
        Service(DownloadActions, _downloads, itself),
        Service(BatchFollower, lambda _services: BatchFollower()),
    ),
    life=Life(
        prepare=lambda services: services.of(Standings).check_now(),
        hurry=lambda services: services.of(RunActions).early_runs.until_idle(),
        load=lambda services: services.of(DownloadActions).load(),
        follow_ends=_follow_ends,
        take_files=_take_files,
        take_many=lambda services, key, files, purpose: services.of(RunActions).take_many(key, files, purpose),
        refresh=_refresh,
    ),
    parts=(
        PagePart(Cards, cards_part),
        PagePart(Unsent, unsent_part),
        PagePart(QueueCards, queue_part),
        PagePart(RunView, run_part),
        PagePart(WaitingView, waiting_part),
        PagePart(NowView, now_part),
        PagePart(GoneFiles, _gone),
        PagePart(StandingShown, _standing),
        PagePart(OptionLists, _lists),
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
