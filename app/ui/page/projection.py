"""From the session and the page's own state to the page as values. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from app.core.aim import is_silent, stand_in
from app.core.model import Contact, Fleet, PromptId, Task, TaskState
from app.core.waiting_runs import MOST_SENDERS, WaitingRuns
from app.core.window import Window
from app.session import Picked, RunStage
from app.ui.fleet.faults import FaultsState, break_view
from app.ui.form.open_workflow import OpenWorkflow, find_open, shaped
from app.ui.form.picker import LibraryEntries
from app.ui.form.projection import (
    form_view,
    found_keys,
    is_picture,
    marked_model,
    nodes_view,
    option_lists,
)
from app.ui.form.seeds import makes_the_same, seeds_of
from app.ui.form.state import Draft, FormState, Picture
from app.ui.graph.graphs import Drawings
from app.ui.header.state import HeaderView
from app.ui.kit.account import Account, Presence
from app.ui.kit.colours import tag_of
from app.ui.kit.session_facts import Pictures, SessionFacts
from app.ui.kit.state import UiState
from app.ui.library.listing import NO_SHELVES, stock_of
from app.ui.notices.state import Notice, NoticeKind, NoticesState
from app.ui.page.offering import with_help
from app.ui.page.open_dialog import Around, dialog_view
from app.ui.page.state import PageView, Surroundings
from app.ui.results.album import NO_STRIP, AlbumView, Strip
from app.ui.results.sheet_making import Sheets
from app.ui.results.state import ResultsState, ResultsView
from app.ui.runs.cards import linked, task_cards, with_motion
from app.ui.runs.crew import crew_items, own_unfinished
from app.ui.runs.downloads import DownloadsState
from app.ui.runs.files import FilesDialog, NoBytes, file_field
from app.ui.runs.many import many_lists
from app.ui.runs.queue import queue_cards, shown_rows
from app.ui.runs.runnability import form_blocker, gone_files, standing_of, standing_view, supplied
from app.ui.runs.server_picker import WhereView, senders_for, servers_now, where_view
from app.ui.runs.state import BatchView, Blocker, CardView, NowView, Place, RunCard, RunsState, RunView, Sameness
from app.ui.runs.stopping import outcome_of
from app.ui.runs.turns import turn_view
from app.ui.runs.waiting import cancel_view, waiting_view
from app.ui.scripting.actions import ScriptingState
from app.ui.tray.state import TrayState, tray_view
from app.ui.windows.orphans import WindowsState, left_view
from app.ui.windows.panel import NOTHING_READ, PanelFacts
from app.ui.words.state import WordsState, completion_of
from app.workflows.graph import Key
from app.workflows.needs import Runnability
from wire.health import Health

ORDINARY = Surroundings()
ONE_OF_MANY = Picture(Picked(NoBytes(), ""), "")  # stands for each of many files
DELETIONS_SHOWN = 3  # at a time
ABSENCES = {Presence.OUT: NoticeKind.LOGGED_OUT, Presence.OTHER: NoticeKind.OTHER_PERSON}


def project(
    session: SessionFacts,
    ui: UiState,
    *,
    workflows: tuple[OpenWorkflow, ...],
    pictures: Pictures,
    language: str,
    drawings: Drawings | None = None,
    surroundings: Surroundings = ORDINARY,
    word: Callable[[str], str] = str,
    stock: LibraryEntries | None = None,
    sight: Callable[[str], str] = lambda _name: "",
    album: AlbumView | None = None,
    has_replaced: bool = False,
    batch: BatchView | None = None,
    panels: PanelFacts = NOTHING_READ,
    strip: Strip = NO_STRIP,
    shared: Callable[[str], str] = lambda _name: "",
) -> PageView:
    """Return the page to draw. `word` returns the text that the page shows for a label, so that a search finds it.

    `stock` is the list of the library, if it is longer than `workflows`; `sight` returns a library item's picture.
    `album` is every result in this browser, while it is shown; `has_replaced` if it was until this window's first run
    ended. `batch` is the one under way, or over.
    `shared` returns the picture of a file in the tray.
    `strip` has the results around the one that is shown large. `panels` is the data of the header's panels.
    """
    window = session.window if isinstance(session.window, Window) else None
    typed, saved, runs_state = ui.of(FormState), ui.of(ResultsState), ui.of(RunsState)
    listed = task_cards(session, pictures, saved.marks(word))
    cards = linked([card for card in listed if card.task.prompt_id not in ui.hidden], saved.results_shown)
    opened = find_open(workflows, typed.workflow_id)
    chosen = shaped(opened, typed.draft.values) if opened else None
    found = found_keys(chosen, typed, word)
    stock = stock or stock_of(workflows, NO_SHELVES, session.fleet)
    gone = gone_files(typed, session.fleet, session.window, chosen)
    asking = typed.with_draft(replace(typed.draft, faults={**gone, **typed.draft.faults})) if gone else typed
    form, nodes = form_view(stock, chosen, asking, found), nodes_view(chosen, asking, found)
    runs, on_their_way = _runs(session)
    queue = queue_cards(cards, runs, runs_state)
    most = len(queue) if runs_state.is_whole else shown_rows(runs_state)
    queued = {card.task.prompt_id for card in queue if card.place is not Place.STAYING}
    ended = [card for card in cards if card.task.state.is_end and card.task.prompt_id not in queued]
    run = run_view(session, chosen, ui)
    sheets = Sheets(cards, session.line.line)
    asked = run_view(session, chosen, with_files(ui, chosen)) if isinstance(ui.dialog, FilesDialog) else run
    around = Around(
        session, ui, opened, chosen, cards, pictures, stock, sheets, asked, drawings, sight, word, panels, strip
    )
    dialog, marks = dialog_view(around)
    on_top = batch if batch is not None and _is_telling(batch, runs_state) else None
    waiting = waiting_view(
        session.line,
        crew_items(session),
        len(session.fleet.servers),
        turn_view(session),
        held=runs_state.hold.waiting if runs_state.hold is not None else (),
        cards={card.task.prompt_id: card for card in cards},
        runs=on_their_way,
        is_whole=runs_state.is_whole,
        before=sum(card.rank > 0 for card in queue),
        counted=on_top.batch_id if on_top is not None else None,
    )
    left = left_view(session, tag_of, pictures.glimpse_url, ui.of(WindowsState))
    view = PageView(
        header=_header(
            session,
            run.where,
            is_private=surroundings.is_private,
            is_scripting=ui.of(ScriptingState).is_scripting,
        ),
        notices=_notices(session, ui, surroundings),
        errors=tuple(_messages(session, ui)),
        form=form,
        tray=tray_view(ui.of(TrayState), chosen, ui.hidden, shared),
        standing=standing_view(session, typed, chosen, ui.of(DownloadsState), runs_fleet=ui.of(Account).runs_fleet),
        nodes=nodes,
        lists=(*option_lists((*form.fields, *nodes.fields), typed.known), *many_lists(dialog.dialog)),
        marked=marked_model(chosen, typed),
        words=completion_of(ui.of(WordsState), ui.hidden),
        run=run,
        now=NowView(
            tuple(replace(item, is_large=not queue and not place) for place, item in enumerate(runs)),
            _first_offer_open(queue[:most]),
            is_ready=window is not None,
            is_unreadable=window is None and session.store_error is not None,
            is_many=len(own_unfinished(session)) > 1,
            waits=waiting.count,
            is_brief=bool(ended or queue or (left.is_open and left.count)) or album is not None,
            blocker=run.blocker,
            left=left.sign,
            more=sum(not card.task.state.is_end for card in queue[most:]),
            below=waiting.under_way,
            sending=len(on_their_way),
            is_whole=runs_state.is_whole,
            batch=on_top,
        ),
        waiting=waiting,
        sheets=sheets.entries(),
        left=left,
        results=replace(
            _results(ended, saved, session, album),
            is_private=surroundings.is_private,
            folder=saved.folder,
            has_replaced=has_replaced,
        ),
        breaking=break_view(session.fleet, ui.of(FaultsState), tag_of, window.window_locked_server if window else None),
        dialog=dialog,
        marks=marks,
        cards=cards,
    )
    return with_help(view, ui, stock, language)


def _is_telling(batch: BatchView, state: RunsState) -> bool:
    """Whether the counts of a batch are shown: not after the user has dismissed them, or ended it by stopping it."""
    is_known = batch.is_over and batch.was_stopped and not batch.failed
    return batch.batch_id not in state.dismissed and not is_known


def _waiting(session: SessionFacts) -> frozenset[PromptId]:
    """Return the runs that wait in this window."""
    line = session.line.line
    return frozenset(item.prompt_id for item in line.entries) if line is not None else frozenset()


def with_progress(view: PageView, prompt_id: PromptId, session: SessionFacts, pictures: Pictures) -> PageView:
    """Return the page with the present progress and preview of one task, and all else as it was."""
    cards = tuple(
        with_motion(card, session, pictures) if card.task.prompt_id == prompt_id else card for card in view.now.cards
    )
    return replace(view, now=replace(view.now, cards=cards))


def _first_offer_open(cards: Iterable[CardView]) -> tuple[CardView, ...]:
    """Open the offers of only the first of several unclear cards, to keep the page readable."""
    shown = list(cards)
    for place, card in enumerate(shown):
        if card.offers:
            shown[place] = replace(card, is_first_offer=True)
            break
    return tuple(shown)


def _header(session: SessionFacts, where: WhereView, *, is_private: bool, is_scripting: bool) -> HeaderView:
    window = session.window if isinstance(session.window, Window) else None
    server_id = window.window_locked_server if window is not None else None
    servers = session.fleet.servers
    mine = own_unfinished(session)
    silent = sum(_is_silent(task) for task in mine)
    # A server runs one at a time: of two, the end of one is not read yet.
    running = len({task.server_id for task in mine if task.state is TaskState.RUNNING and not _is_silent(task)})
    entries = _waiting(session)
    places = sum(key not in entries for item in session.windows for key in item.reservations) + len(entries)
    others = {item.window_locked_server for item in session.windows} - {None, server_id}
    return HeaderView(
        is_restoring=window is None,
        is_unreadable=window is None and session.store_error is not None,
        is_unsure=window is not None and bool(window.unreadable),
        tag=tag_of(session.fleet, server_id) if server_id else None,
        others=tuple(tag_of(session.fleet, item) for item in sorted(others, key=str) if item is not None),
        running=running,
        waiting=len(mine) + places - running - silent,
        silent=silent,
        ill=sum(server.health not in {Health.WELL, Health.UNKNOWN} for server in servers),
        is_demo=bool(servers) and all(server.is_demo for server in servers),
        is_private=is_private,
        is_scripting=is_scripting,
        chosen=replace(where.server, queue=0) if where.server is not None else None,
        is_patient=where.is_patient,
    )


def _is_silent(task: Task) -> bool:
    """Whether its progress is unknown: its server does not answer, or gave no clear answer to the prompt."""
    return task.contact is not Contact.OK or task.state is TaskState.UNCLEAR


def _notices(session: SessionFacts, ui: UiState, surroundings: Surroundings) -> tuple[Notice, ...]:
    fleet = session.fleet
    found = []
    if not surroundings.is_online:
        found.append(Notice(NoticeKind.OFFLINE))
    if session.store_error is not None:
        found.append(Notice(NoticeKind.STORE, error=session.store_error))
    if (absence := ABSENCES.get(ui.of(Account).presence)) is not None:
        found.append(Notice(absence))  # nor is the fleet reported then
    elif session.fleet_error is not None:
        found.append(Notice(NoticeKind.FLEET, error=session.fleet_error))
    elif fleet.source and not fleet.servers:
        found.append(Notice(NoticeKind.NO_SERVER))
    elif fleet.servers and all(server.health not in {Health.WELL, Health.UNKNOWN} for server in fleet.servers):
        found.append(Notice(NoticeKind.NONE_WELL))
    found += [
        Notice(NoticeKind.CHANGED, number, tag=tag_of(fleet, server_id), noticed=noticed)
        for number, (server_id, noticed) in enumerate(session.noticed.items(), 1)
    ]
    if quarantined := tuple(task for item in session.windows for task in item.quarantined):
        found.append(Notice(NoticeKind.QUARANTINE, tasks=quarantined))
    unreadable = {record.prompt_id: record for item in session.windows for record in item.unreadable}
    found += [
        Notice(NoticeKind.UNREADABLE, number, record=record) for number, record in enumerate(unreadable.values(), 1)
    ]
    if surroundings.newer is not None:
        is_busy = any(item.unfinished or item.reservations for item in session.windows)
        found.append(Notice(NoticeKind.NEWER, newer=surroundings.newer, is_busy=is_busy))
    if session.identity is not None and session.identity.is_duplicate:
        found.append(Notice(NoticeKind.DUPLICATE))
    if unsent := ui.of(RunsState).unsent:
        found.append(Notice(NoticeKind.UNSENT, unsent))
    if undeleted := ui.of(NoticesState).undeleted:
        found.append(Notice(NoticeKind.UNDELETED, undeleted))
    return tuple(notice for notice in found if notice.key not in ui.of(NoticesState).dismissed)


def _messages(session: SessionFacts, ui: UiState) -> Iterator[Notice]:
    """Yield what the user's own actions have brought about, errors last."""
    yield from _searched(ui)
    yield from _stopped(session, ui)
    yield from _saved(ui)
    yield from _deletions(ui)
    yield from (Notice(NoticeKind.ERROR, number, error) for number, error in ui.errors)


def _deletions(ui: UiState) -> Iterator[Notice]:
    """Yield the notices of deletions that can be undone, latest first; only a few are shown at a time."""
    current = [item for item in reversed(ui.deletions) if not item.is_over]
    return (Notice(NoticeKind.DELETED, item.number, deletion=item) for item in current[:DELETIONS_SHOWN])


def _stopped(session: SessionFacts, ui: UiState) -> Iterator[Notice]:
    """Yield what became of the runs that were stopped last; busy as long as a server that answers has not done it."""
    stopped = ui.of(RunsState).stopped
    notice = Notice(NoticeKind.STOPPED, stopped.number)
    if notice.number and notice.key not in ui.of(NoticesState).dismissed:
        outcome = outcome_of(stopped, session)
        yield replace(notice, stopped=outcome, is_busy=not stopped.is_asked or outcome.stopping > 0)


def _saved(ui: UiState) -> Iterator[Notice]:
    """Yield the download that the browser was given last."""
    saved = ui.of(ResultsState).saved
    notice = Notice(NoticeKind.SAVED, saved.number, saved=saved)
    if notice.number and notice.key not in ui.of(NoticesState).dismissed:
        yield notice


def _searched(ui: UiState) -> Iterator[Notice]:
    """Yield what the search for work of closed windows does, or has found, or what was adopted."""
    search = ui.of(WindowsState)
    notice = Notice(NoticeKind.SEARCHED, search.number, found=search.found, adopted=search.adopted)
    is_shown = search.is_searching or search.found is not None or search.adopted is not None
    if is_shown and notice.key not in ui.of(NoticesState).dismissed:
        yield notice


def _senders(line: WaitingRuns | None, where: WhereView, count: int) -> int:
    """Return over how many servers the next runs are spread: those that join a line are spread as that is."""
    if line is not None and line.entries and (count > 1 or line.pause is None):
        return servers_now(where, line.senders, MOST_SENDERS)
    return servers_now(where, senders_for(where), count)


def run_view(session: SessionFacts, chosen: OpenWorkflow | None, ui: UiState) -> RunView:
    """Return whether Run is possible now, which server it would use, and what Stop would stop."""
    window = session.window if isinstance(session.window, Window) else None
    locked = window.window_locked_server if window else None
    mine = [task for item in session.windows for task in item.unfinished if task.cancel_asked_at is None]
    mine.sort(key=lambda task: task.created_at)
    standing = standing_of(ui.of(FormState), session.fleet, window, chosen)
    lacking = standing.lacks if standing is not None else ()
    wished = ui.of(RunsState)
    where = where_view(session.fleet, wished.where, locked, lacking, wished.leanings)
    count, line = wished.count_for(chosen.workflow_id if chosen is not None else ""), session.line.line
    blocker = _blocker(session, window, chosen, ui)
    instead = stand_in(session.fleet, locked, wished.leanings, lacking) if locked and count == 1 else None
    return RunView(
        blocker=blocker or (Blocker.WHERE if where.cause else None),
        count=count,
        where=where,
        senders=_senders(line, where, count),
        sameness=_sameness(chosen, ui.of(FormState).draft) if count > 1 and chosen is not None else Sameness.NONE,
        tag=tag_of(session.fleet, locked) if locked else None,
        is_silent=locked is not None and is_silent(session.fleet, locked),
        instead=tag_of(session.fleet, instead.server_id) if instead is not None else None,
        others=len({item.window_locked_server for item in session.windows} - {None, locked}),
        cancels=mine[-1].prompt_id if mine else None,
        stops=cancel_view(line, own_unfinished(session), session.line.files.works).everything.count,
    )


def _sameness(chosen: OpenWorkflow, draft: Draft) -> Sameness:
    if not makes_the_same(chosen, draft):
        return Sameness.NONE
    return Sameness.VARIED if seeds_of(chosen) else Sameness.WHOLE


def with_files(ui: UiState, chosen: OpenWorkflow | None) -> UiState:
    """Return the state as if one of the many files were in its field already."""
    item = file_field(chosen, ui.of(RunsState).files) if chosen is not None else None
    if item is None:
        return ui
    form = supplied(ui.of(FormState), item.key, chosen)
    return ui.with_slices(form.with_draft(form.draft.with_picture(item.key, ONE_OF_MANY)))


def _blocker(session: SessionFacts, window: Window | None, chosen: OpenWorkflow | None, ui: UiState) -> Blocker | None:
    if ui.of(Account).presence is not Presence.IN:
        return Blocker.LOGGED_OUT if ui.of(Account).presence is Presence.OUT else Blocker.OTHER_PERSON
    if session.store_error is not None:
        return Blocker.STORE
    if window is None:
        return Blocker.RESTORING
    if window.unreadable:
        return Blocker.UNREADABLE
    if not session.fleet.servers:
        return Blocker.NO_FLEET if session.fleet_error is not None else Blocker.NO_SERVER
    if chosen is None:
        return Blocker.NO_WORKFLOW
    return (
        _demo_blocker(window, chosen, session.fleet)
        or _unable_blocker(window, standing_of(ui.of(FormState), session.fleet, window, chosen))
        or form_blocker(chosen, ui.of(FormState).draft, ui.of(FormState).known.wildcards)
        or _gone_blocker(chosen, gone_files(ui.of(FormState), session.fleet, window, chosen))
    )


def _gone_blocker(chosen: OpenWorkflow, gone: Collection[Key]) -> Blocker | None:
    """Return the blocker for a workflow that names files that no server has."""
    for key in gone:
        return Blocker.PICTURE_GONE if is_picture(chosen.form.by_key[key]) else Blocker.FILE_GONE
    return None


def _unable_blocker(window: Window, standing: Runnability | None) -> Blocker | None:
    """Return the blocker of a workflow that no server can run; the session rechecks it itself."""
    if standing is None or not standing.lacks:
        return None
    locked = window.window_locked_server
    if locked is not None:
        return Blocker.MOORED_UNABLE if locked in standing.lacks else None
    return None if standing.runs_on or standing.unknown else Blocker.UNABLE


def _demo_blocker(window: Window, chosen: OpenWorkflow, fleet: Fleet) -> Blocker | None:
    if not chosen.needs_demo:
        return None
    if not any(server.is_demo for server in fleet.servers):
        return Blocker.NEEDS_DEMO
    locked = fleet.get(window.window_locked_server) if window.window_locked_server else None
    return Blocker.MOORED_WITHOUT_DEMO if locked is not None and not locked.is_demo else None


def _runs(session: SessionFacts) -> tuple[tuple[RunCard, ...], dict[PromptId, RunCard]]:
    """Return the runs that have no task yet: those with a card of their own, and by id those with a waiting row."""
    tasks = {prompt_id for window in session.windows for prompt_id in window.tasks}
    entries, cards, in_rows = _waiting(session), list[RunCard](), dict[PromptId, RunCard]()
    for run in session.runs:
        if run.prompt_id not in tasks and run.stage is not RunStage.DONE:
            card = RunCard(run, tag_of(session.fleet, run.server_id) if run.server_id else None)
            if run.prompt_id in entries and run.stage is not RunStage.FAILED:
                in_rows[run.prompt_id] = card
            else:
                cards.append(card)
    return tuple(cards), in_rows


def _results(ended: list[CardView], state: ResultsState, session: SessionFacts, album: AlbumView | None) -> ResultsView:
    usage = session.results.usage
    kept_size = None if usage is None else usage.size + usage.thumbnails_size
    if album is not None:
        return ResultsView(kept_size=kept_size, album=album, project=state.project, ended=len(ended))
    more = max(0, len(ended) - state.results_shown)
    return ResultsView(tuple(ended[: state.results_shown]), more, kept_size, project=state.project, ended=len(ended))
