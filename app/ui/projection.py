"""From the session and the person's own part to the page as values. Pure: it asks, it changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from app.core.model import Fleet, Health, PromptId, Task, TaskState, Unreadable
from app.core.window import Window
from app.session import RunStage
from app.ui.breaking import break_view
from app.ui.cards import Pictures, SessionFacts, linked, tag_of, task_card, task_cards
from app.ui.form_state import Draft
from app.ui.forms import form_blocker, form_view, found_keys, nodes_view, option_lists
from app.ui.graphs import Drawings, GraphMarks, Subject, subject_of, task_graph, workflow_graph
from app.ui.keeping import KeepingDialog, KeepingView
from app.ui.left import left_view
from app.ui.questions import GraphDialog
from app.ui.state import (
    Blocker,
    CardView,
    DialogView,
    FleetView,
    HeaderView,
    Notice,
    NoticeKind,
    NowView,
    PageView,
    ResultsView,
    RunCard,
    RunView,
    Surroundings,
    UiState,
)
from app.ui.waiting import waiting_view
from app.ui.workflows import OpenWorkflow, shaped

ORDINARY = Surroundings()


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
) -> PageView:
    """The page as it has to look now. `word` is what the page shows for a label, so that a search finds it."""
    window = session.window if isinstance(session.window, Window) else None
    cards = _all_linked(task_cards(window, session, pictures), ui)
    opened = next((item for item in workflows if item.workflow_id == ui.workflow_id), None)
    chosen = shaped(opened, ui.draft.values) if opened else None
    found = found_keys(chosen, ui, word)
    form, nodes = form_view(workflows, chosen, ui, session.fleet, found), nodes_view(chosen, ui, found)
    ended = [card for card in cards if card.task.state.is_end]
    graph, marks = _graph(session, ui, opened, drawings)
    return PageView(
        header=_header(window, session, language),
        notices=_notices(session, window, ui, surroundings),
        form=form,
        nodes=nodes,
        lists=option_lists((*form.fields, *nodes.fields)),
        run=replace(run_view(session, chosen, ui.draft), count=ui.run_count),
        now=NowView(
            _runs(session, window),
            _first_offer_open(card for card in reversed(cards) if not card.task.state.is_end),
            is_ready=window is not None,
            is_unreadable=window is None and session.store_error is not None,
        ),
        waiting=waiting_view(session.line),
        left=left_view(session, tag_of, pictures.glimpse_url, is_searching=ui.is_searching),
        results=_results(ended, ui, session),
        fleet=_fleet(session, window),
        breaking=break_view(session.fleet, ui, tag_of, window.window_locked_server if window else None),
        dialog=_dialog(ui, cards, session, pictures) if graph is None else graph,
        marks=marks,
    )


def _all_linked(cards: tuple[CardView, ...], ui: UiState) -> tuple[CardView, ...]:
    ended = [card.task.prompt_id for card in cards if card.task.state.is_end]
    return linked(cards, {card.task.prompt_id for card in cards} - set(ended[ui.results_shown :]))


def _first_offer_open(cards: Iterable[CardView]) -> tuple[CardView, ...]:
    """The first of several doubtful cards shows its offers; a page full of them could not be looked through."""
    shown = list(cards)
    for place, card in enumerate(shown):
        if card.offers:
            shown[place] = replace(card, is_first_offer=True)
            break
    return tuple(shown)


def _header(window: Window | None, session: SessionFacts, language: str) -> HeaderView:
    if window is None:
        return HeaderView(language=language, is_unreadable=session.store_error is not None)
    server_id = window.window_locked_server
    mine = [task for task in window.tasks.values() if task.holds_window]
    running = sum(task.state is TaskState.RUNNING for task in mine)
    return HeaderView(
        language=language,
        is_restoring=False,
        is_unsure=bool(window.unreadable),
        tag=tag_of(session.fleet, server_id) if server_id else None,
        running=running,
        waiting=len(mine) + len(window.reservations) - running,
    )


def _notices(
    session: SessionFacts, window: Window | None, ui: UiState, surroundings: Surroundings
) -> tuple[Notice, ...]:
    fleet = session.fleet
    found = []
    if not surroundings.is_online:
        found.append(Notice(NoticeKind.OFFLINE))
    if session.store_error is not None:
        found.append(Notice(NoticeKind.STORE, error=session.store_error))
    if session.fleet_error is not None:
        found.append(Notice(NoticeKind.FLEET, error=session.fleet_error))
    elif fleet.source and not fleet.servers:
        found.append(Notice(NoticeKind.NO_SERVER))
    elif fleet.servers and all(server.health not in {Health.WELL, Health.UNKNOWN} for server in fleet.servers):
        found.append(Notice(NoticeKind.NONE_WELL))
    found += [
        Notice(NoticeKind.CHANGED, number, tag=tag_of(fleet, server_id), noticed=noticed)
        for number, (server_id, noticed) in enumerate(session.noticed.items(), 1)
    ]
    if window is not None and window.quarantined:
        found.append(Notice(NoticeKind.QUARANTINE, tasks=window.quarantined))
    if window is not None:
        found += [
            Notice(NoticeKind.UNREADABLE, number, record=record) for number, record in enumerate(window.unreadable, 1)
        ]
    if surroundings.newer is not None:
        is_busy = window is not None and bool(window.unfinished or window.reservations)
        found.append(Notice(NoticeKind.NEWER, newer=surroundings.newer, is_busy=is_busy))
    if session.identity is not None and session.identity.is_duplicate:
        found.append(Notice(NoticeKind.DUPLICATE))
    found = [notice for notice in found if notice.key not in ui.dismissed]
    return (*found, *(Notice(NoticeKind.ERROR, number, error) for number, error in ui.errors))


def run_view(session: SessionFacts, chosen: OpenWorkflow | None, draft: Draft) -> RunView:
    """Whether Run is possible now, where it would go, and what Cancel would stop."""
    window = session.window if isinstance(session.window, Window) else None
    locked = window.window_locked_server if window else None
    mine = [task for task in window.unfinished if task.cancel_asked_at is None] if window else []
    return RunView(
        blocker=_blocker(session, window, chosen, draft),
        tag=tag_of(session.fleet, locked) if locked else None,
        cancels=mine[-1].prompt_id if mine else None,
    )


def _blocker(session: SessionFacts, window: Window | None, chosen: OpenWorkflow | None, draft: Draft) -> Blocker | None:
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
    return _demo_blocker(window, chosen, session.fleet) or form_blocker(chosen, draft)


def _demo_blocker(window: Window, chosen: OpenWorkflow, fleet: Fleet) -> Blocker | None:
    if not chosen.needs_demo:
        return None
    if not any(server.is_demo for server in fleet.servers):
        return Blocker.NEEDS_DEMO
    locked = fleet.get(window.window_locked_server) if window.window_locked_server else None
    return Blocker.MOORED_WITHOUT_DEMO if locked is not None and not locked.is_demo else None


def _runs(session: SessionFacts, window: Window | None) -> tuple[RunCard, ...]:
    known = window.tasks if window else {}
    return tuple(
        RunCard(run, tag_of(session.fleet, run.server_id) if run.server_id else None)
        for run in session.runs
        if run.prompt_id not in known and run.stage is not RunStage.DONE
    )


def _fleet(session: SessionFacts, window: Window | None) -> FleetView:
    tasks = window.unfinished if window else ()
    return FleetView(
        fleet=session.fleet,
        servers=tuple(
            (
                server,
                tag_of(session.fleet, server.server_id),
                sum(task.server_id == server.server_id for task in tasks),
            )
            for server in session.fleet.servers
        ),
        moored_to=window.window_locked_server if window else None,
        error=session.fleet_error,
    )


def _results(ended: list[CardView], ui: UiState, session: SessionFacts) -> ResultsView:
    usage = session.results.usage
    return ResultsView(
        tuple(ended[: ui.results_shown]),
        max(0, len(ended) - ui.results_shown),
        None if usage is None else usage.size + usage.thumbnails_size,
    )


def _graph(
    session: SessionFacts, ui: UiState, opened: OpenWorkflow | None, drawings: Drawings | None
) -> tuple[DialogView | None, GraphMarks | None]:
    """The open graph, and its marks apart from it."""
    subject = graph_subject(session, ui, opened)
    if not isinstance(ui.dialog, GraphDialog) or drawings is None:
        return None, None
    if subject is None:
        return DialogView(), None
    drawing, chosen = drawings.drawing(subject), ui.dialog.node_id
    task = find_task(session, ui.dialog.prompt_id)
    if task is None:
        title = opened.title if opened is not None else ""
        shown = workflow_graph(ui.workflow_id, title, subject, drawing, chosen)
        return DialogView(shown), GraphMarks(shown.key, shown.chosen, {})
    view, marks = task_graph(task, drawing, session.progress.get(task.prompt_id), chosen)
    return DialogView(view, tag=tag_of(session.fleet, task.server_id)), marks


def graph_subject(session: SessionFacts, ui: UiState, opened: OpenWorkflow | None) -> Subject | None:
    """What the open graph is of; None if none is open, or what it is of is gone."""
    if not isinstance(ui.dialog, GraphDialog):
        return None
    if ui.dialog.prompt_id is None:
        return Subject(opened.workflow.text) if opened is not None else None
    task = find_task(session, ui.dialog.prompt_id)
    return subject_of(task) if task is not None else None


def find_task(session: SessionFacts, prompt_id: PromptId | None) -> Task | None:
    """A task of this window, also one that is set aside."""
    if prompt_id is None or not isinstance(session.window, Window):
        return None
    aside = (task for task in session.window.quarantined if task.prompt_id == prompt_id)
    return session.window.tasks.get(prompt_id) or next(aside, None)


def _dialog(ui: UiState, cards: tuple[CardView, ...], session: SessionFacts, pictures: Pictures) -> DialogView:
    if ui.dialog is None:
        return DialogView()
    if isinstance(ui.dialog, KeepingDialog):
        return DialogView(KeepingView(ui.dialog, session.results.usage))
    asked = ui.dialog.prompt_id
    card = next((item for item in cards if item.task.prompt_id == asked), None)
    record = next((item for item in _records(session) if item.prompt_id == asked), None)
    if card is None and isinstance(session.window, Window):
        aside = next((task for task in session.window.quarantined if task.prompt_id == asked), None)
        card = task_card(aside, session.window, session, pictures) if aside else None
    server = session.fleet.get(card.task.server_id) if card else None
    return DialogView(ui.dialog, card, record, server.address if server else "") if card or record else DialogView()


def _records(session: SessionFacts) -> Iterator[Unreadable]:
    """What cannot be read, of this window and of those that are gone."""
    if isinstance(session.window, Window):
        yield from session.window.unreadable
    yield from (item.record for item in session.orphan_records)
