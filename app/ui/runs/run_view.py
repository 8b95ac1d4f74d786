"""Whether Run is possible now, where a run would go, and what Stop would stop."""

from __future__ import annotations

from collections.abc import Collection

from app.core.aim import is_silent, stand_in
from app.core.model import Fleet
from app.core.waiting_runs import MOST_SENDERS, WaitingRuns
from app.core.window import Window
from app.session import Picked
from app.ui.form.changes import with_draft
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.projection import is_picture
from app.ui.form.seeds import makes_the_same, seeds_of
from app.ui.form.state import Draft, FormState, Picture
from app.ui.kit.account import Account, Presence
from app.ui.kit.colours import tag_of
from app.ui.kit.session_facts import SessionFacts
from app.ui.kit.state import UiState
from app.ui.runs.files import NoBytes, file_field
from app.ui.runs.own_windows import own_unfinished
from app.ui.runs.runnability import form_blocker, gone_files, standing_of, supplied
from app.ui.runs.server_picker import WhereView, senders_for, servers_now, where_view
from app.ui.runs.state import Blocker, RunsState, RunView, Sameness
from app.ui.runs.waiting import cancel_view
from app.workflows.graph import Key
from app.workflows.needs import Runnability

ONE_OF_MANY = Picture(Picked(NoBytes(), ""), "")  # stands for each of many files


def run_view(session: SessionFacts, chosen: OpenWorkflow | None, ui: UiState) -> RunView:
    """Return whether Run is possible now, which server it would use, and what Stop would stop."""
    window = session.window if isinstance(session.window, Window) else None
    locked = window.window_locked_server if window else None
    mine = [task for item in session.windows for task in item.unfinished if not task.progress.is_cancelling]
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


def _senders(line: WaitingRuns | None, where: WhereView, count: int) -> int:
    """Return over how many servers the next runs are spread: those that join a line are spread as that is."""
    if line is not None and line.entries and (count > 1 or line.pause is None):
        return servers_now(where, line.senders, MOST_SENDERS)
    return servers_now(where, senders_for(where), count)


def _sameness(chosen: OpenWorkflow, draft: Draft) -> Sameness:
    if not makes_the_same(chosen, draft):
        return Sameness.NONE
    return Sameness.VARIED if seeds_of(chosen) else Sameness.WHOLE


def with_files(ui: UiState, chosen: OpenWorkflow | None) -> UiState:
    """Return the state as if one of the many files were in its field already."""
    item = file_field(chosen, ui.of(RunsState).files) if chosen is not None else None
    if item is None:
        return ui
    ui = supplied(ui, item.key, chosen)
    return with_draft(ui, ui.of(FormState).draft.with_picture(item.key, ONE_OF_MANY))


def _blocker(session: SessionFacts, window: Window | None, chosen: OpenWorkflow | None, ui: UiState) -> Blocker | None:
    if ui.of(Account).presence is not Presence.IN:
        return Blocker.LOGGED_OUT if ui.of(Account).presence is Presence.OUT else Blocker.OTHER_USER
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
