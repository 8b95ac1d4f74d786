"""The open dialog as a slice: its kind and its subject."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from app.core.model import PromptId, Task, Unreadable
from app.core.waiting_runs import EVERY, MOST_SENDERS
from app.session.waiting.file_feed import ROOM
from app.ui.fleet.panel import FleetDialog, fleet_view
from app.ui.form.mask import CameraDialog, MaskDialog, picture_view
from app.ui.form.open_workflow import OpenWorkflow
from app.ui.form.picker import LibraryEntries
from app.ui.form.presets import PresetsDialog, presets_view
from app.ui.form.state import Draft, FormState
from app.ui.graph.graphs import Drawings, GraphDialog, GraphMarks, Subject, subject_of, task_graph, workflow_graph
from app.ui.kit.account import Account
from app.ui.kit.colours import tag_of
from app.ui.kit.session_facts import Pictures, SessionFacts
from app.ui.kit.state import UiState
from app.ui.library.listing import library_view, published_paths
from app.ui.library.state import LibraryDialog
from app.ui.links.sharing import ShareDialog, share_view
from app.ui.page.state import DialogView, PanelDialog, TaskDialog
from app.ui.results.album import NO_STRIP, Strip
from app.ui.results.sheet_making import Sheets
from app.ui.results.sheets import SheetDialog
from app.ui.results.state import (
    CompareDialog,
    DeleteDialog,
    InputDialog,
    PictureDialog,
    ResultsState,
    SavingDialog,
    SavingView,
)
from app.ui.results.storage import KeepingDialog, KeepingView
from app.ui.runs.cards import ended_card, task_card
from app.ui.runs.crew import own_unfinished
from app.ui.runs.downloads import DownloadDialog
from app.ui.runs.edit import EditDialog, edit_view
from app.ui.runs.files import FilesDialog, files_view
from app.ui.runs.many import ManyDialog, many_view
from app.ui.runs.orders import files_of
from app.ui.runs.server_picker import Spread, senders_for, servers_now
from app.ui.runs.state import (
    CardView,
    CreditsDialog,
    GiveUpDialog,
    RunAgainDialog,
    RunsState,
    RunView,
    SameServerDialog,
)
from app.ui.runs.waiting import CancelDialog, cancel_view
from app.ui.settings.account import LogOutDialog
from app.ui.settings.logout import log_out_view
from app.ui.windows.panel import PanelFacts, WindowsDialog, windows_view
from app.ui.words.state import WordsState, words_view

NONE = DialogView()


@dataclass(frozen=True, slots=True)
class Around:
    """What a dialog may be about: the finished parts of the page. `opened` and `chosen` are the chosen workflow."""

    session: SessionFacts
    ui: UiState
    opened: OpenWorkflow | None
    chosen: OpenWorkflow | None  # with the inputs that the choices in its form add
    cards: tuple[CardView, ...]
    pictures: Pictures
    stock: LibraryEntries
    sheets: Sheets
    run: RunView
    drawings: Drawings | None
    sight: Callable[[str], str]
    word: Callable[[str], str]
    panels: PanelFacts
    strip: Strip = NO_STRIP


def dialog_view(around: Around) -> tuple[DialogView, GraphMarks | None]:
    """Return the open dialog, and the marks of an open graph apart from it."""
    session, ui = around.session, around.ui
    match ui.dialog:
        case None:
            return NONE, None
        case GraphDialog(node_id=node_id):
            return _graph(around, node_id)
        case FleetDialog() | WindowsDialog() as dialog:
            return _panel(around, dialog), None
        case LibraryDialog() as dialog:
            view = library_view(dialog, around.stock, session.fleet, ui.of(FormState).workflow_id, around.sight)
            words = words_view(ui.of(WordsState), dialog.query, ui.hidden)
            return DialogView(replace(view, words=words)), None
        case PresetsDialog() | ShareDialog() as dialog if around.opened is not None:
            return _about_form(around, dialog, around.opened), None
        case ManyDialog() | FilesDialog() as dialog if around.chosen is not None:
            return (_many if isinstance(dialog, ManyDialog) else _files)(around, around.chosen), None
        case SheetDialog() | DeleteDialog() | CompareDialog() | InputDialog() as dialog:
            return _about_results(around, dialog), None
        case EditDialog() | CancelDialog() as dialog:
            return _about_line(session, dialog), None
        case CreditsDialog() | DownloadDialog() as dialog:
            return DialogView(dialog), None
        case KeepingDialog() | SavingDialog() | LogOutDialog() as dialog:
            return _about_browser(around, dialog), None
        case MaskDialog() | CameraDialog() as dialog:
            fields = around.chosen.form.by_key if around.chosen is not None else {}
            return DialogView(picture_view(dialog, ui.of(FormState).draft, fields)), None
        case GiveUpDialog() | RunAgainDialog() | SameServerDialog() | PictureDialog() as dialog:
            return _about_task(around, dialog), None
    return NONE, None  # no workflow is chosen, or `offering.py` makes it


def _about_form(around: Around, dialog: PresetsDialog | ShareDialog, opened: OpenWorkflow) -> DialogView:
    ui, draft = around.ui, around.ui.of(FormState).draft
    if isinstance(dialog, PresetsDialog):
        return DialogView(presets_view(dialog, ui.of(FormState).known, opened, draft, ui.hidden))
    return DialogView(share_view(dialog, around.chosen or opened, draft, published_paths(around.stock)))


def _about_results(around: Around, dialog: SheetDialog | DeleteDialog | CompareDialog | InputDialog) -> DialogView:
    shown = around.sheets.view(dialog.batch_id) if isinstance(dialog, SheetDialog) else dialog
    return DialogView(shown, strip=around.strip)


def _about_browser(around: Around, dialog: KeepingDialog | SavingDialog | LogOutDialog) -> DialogView:
    """Dialogs about the data in this browser, and whose it is."""
    session, ui = around.session, around.ui
    if isinstance(dialog, LogOutDialog):
        return DialogView(log_out_view(dialog, ui.of(Account), session, around.panels))
    if isinstance(dialog, SavingDialog):
        return DialogView(SavingView(ui.of(ResultsState).names, ui.of(ResultsState).folder))
    return DialogView(KeepingView(dialog, session.results.usage, len(ui.of(FormState).known.recent)))


def _panel(around: Around, dialog: PanelDialog) -> DialogView:
    session, panels = around.session, around.panels
    if isinstance(dialog, FleetDialog):
        ui = around.ui
        admin = dialog.admin if ui.of(Account).runs_fleet else None
        wished = ui.of(RunsState)
        return DialogView(fleet_view(session, panels, wished.where, wished.leanings, admin))
    return DialogView(windows_view(dialog, session, panels, around.pictures.glimpse_url))


def _about_line(session: SessionFacts, dialog: EditDialog | CancelDialog) -> DialogView:
    if isinstance(dialog, EditDialog):
        return DialogView(edit_view(session.line.line, dialog, session.line.sending))
    return DialogView(cancel_view(session.line.line, own_unfinished(session), session.line.files.works))


def _many(around: Around, chosen: OpenWorkflow) -> DialogView:
    ui = around.ui
    view = many_view(chosen, ui.of(FormState).draft.values, ui.of(RunsState).many, around.word, spread=_spread(around))
    return DialogView(view, blocker=around.run.blocker)


def _files(around: Around, chosen: OpenWorkflow) -> DialogView:
    ui = around.ui
    view = files_view(
        chosen,
        ui.of(FormState).draft.values,
        ui.of(RunsState).files,
        ui.of(RunsState).many,
        around.word,
        room=ROOM,
        spread=_spread(around),
    )
    return DialogView(view, blocker=around.run.blocker)


def _spread(around: Around) -> Spread:
    line, where = around.session.line.line, around.run.where
    senders = line.senders if line is not None and line.entries else senders_for(where)
    return Spread(senders, len(around.session.fleet.servers), servers_now(where, EVERY, MOST_SENDERS))


def _about_task(around: Around, dialog: TaskDialog) -> DialogView:
    session, asked, pictures = around.session, dialog.prompt_id, around.pictures
    marks = around.ui.of(ResultsState).marks(around.word)
    if isinstance(dialog, PictureDialog) and dialog.task is not None:
        past = ended_card(dialog.task, tag_of(session.fleet, dialog.task.server_id), pictures, marks)
        return DialogView(dialog, past, strip=around.strip)
    card = next((item for item in around.cards if item.task.prompt_id == asked), None)
    record = next((item for item in _records(session) if item.prompt_id == asked), None)
    if card is None:
        aside = (
            task_card(task, tag_of(session.fleet, task.server_id), session, pictures, marks=marks)
            for task in _aside(session, asked)
        )
        card = next(aside, None)
    server = session.fleet.get(card.task.server_id) if card else None
    address = server.address if server else ""
    return DialogView(dialog, card, record, address, strip=around.strip) if card or record else NONE


def _graph(around: Around, node_id: str) -> tuple[DialogView, GraphMarks | None]:
    session, ui, opened = around.session, around.ui, around.opened
    subject = graph_subject(session, ui, around.chosen)
    if subject is None or around.drawings is None or not isinstance(ui.dialog, GraphDialog):
        return NONE, None
    drawing = around.drawings.drawing(subject)
    task = _graph_task(session, ui.dialog)
    if task is None:
        title = opened.title if opened is not None else ""
        shown = workflow_graph(ui.of(FormState).workflow_id, title, subject, drawing, node_id)
        return DialogView(shown), GraphMarks(shown.key, shown.chosen, {})
    view, marks = task_graph(task, drawing, session.progress.get(task.prompt_id), node_id)
    return DialogView(view, tag=tag_of(session.fleet, task.server_id)), marks


def graph_subject(session: SessionFacts, ui: UiState, chosen: OpenWorkflow | None) -> Subject | None:
    """Return the subject of the open graph; None if none is open, or its subject is gone."""
    if not isinstance(ui.dialog, GraphDialog):
        return None
    if ui.dialog.prompt_id is None:
        return form_subject(chosen, ui.of(FormState).draft) if chosen is not None else None
    task = _graph_task(session, ui.dialog)
    return subject_of(task) if task is not None else None


def _graph_task(session: SessionFacts, dialog: GraphDialog) -> Task | None:
    return find_task(session, dialog.prompt_id) or dialog.task


def form_subject(chosen: OpenWorkflow, draft: Draft) -> Subject:
    """Return the form's graph with its current values, and its author's layout if that is known."""
    names = {key: picked.name for key, picked in files_of(chosen, draft).items()}
    shown = chosen.form.sketched(draft.values)
    shown = shown.with_values(dict(names)) if names else shown
    return Subject(shown.text, chosen.editor.given.graph if chosen.editor is not None else "")


def find_task(session: SessionFacts, prompt_id: PromptId | None) -> Task | None:
    """Return a task of this tab, also an unreadable one."""
    if prompt_id is None:
        return None
    known = (window.tasks.get(prompt_id) for window in session.windows)
    return next(filter(None, known), None) or next(_aside(session, prompt_id), None)


def _aside(session: SessionFacts, prompt_id: PromptId | None) -> Iterator[Task]:
    """Yield the set-aside tasks of that id."""
    for window in session.windows:
        yield from (task for task in window.quarantined if task.prompt_id == prompt_id)


def _records(session: SessionFacts) -> Iterator[Unreadable]:
    """Yield the unreadable records of this tab and of closed windows."""
    for window in session.windows:
        yield from window.unreadable
    yield from (item.record for item in session.orphan_records)
