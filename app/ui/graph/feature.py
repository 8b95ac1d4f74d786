"""The graph of a workflow or a task, as a dialog: its drawing is kept by the page's JavaScript, and its marks move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from app.core.model import Task
from app.ui.form.context import Chosen, opened_on
from app.ui.form.open_workflow import OpenWorkflow, shaped
from app.ui.form.state import Draft, FormState, FormView
from app.ui.graph.actions import GraphActions
from app.ui.graph.graph_html import graph
from app.ui.graph.graphs import (
    Arrange,
    GraphDialog,
    GraphMarks,
    Graphs,
    GraphView,
    Subject,
    subject_of,
    task_graph,
    workflow_graph,
)
from app.ui.graph.kept import kept_markup
from app.ui.kit.colours import ServerTag, tag_of
from app.ui.kit.commands import Command, Group
from app.ui.kit.feature import DialogKind, Feature, Life, PagePart, Service, itself
from app.ui.kit.i18n import Translator
from app.ui.kit.projection import PageView, Projection
from app.ui.kit.services import Services
from app.ui.kit.session_facts import SessionFacts
from app.ui.kit.state import UiState
from app.ui.runs.orders import files_of
from app.ui.runs.questions import find_task


@dataclass(frozen=True, slots=True)
class Arranging:
    """The layout engine."""

    arrange: Arrange


@dataclass(frozen=True, slots=True)
class GraphDrawings:
    """The source of drawings, if there is one."""

    drawings: Graphs | None = None


@dataclass(frozen=True, slots=True)
class ShownGraph:
    """An open graph, with the server of its task."""

    view: GraphView
    tag: ServerTag | None = None


@dataclass(frozen=True, slots=True)
class OpenGraph:
    """The open graph, if there is one, and its marks: they are set on its drawing, so they are in no region."""

    shown: ShownGraph | None = None
    marks: GraphMarks | None = None


def _open_graph(page: Projection) -> OpenGraph:
    session, ui, chosen, drawings = page.session, page.ui, page.of(Chosen), page.of(GraphDrawings).drawings
    subject = graph_subject(session, ui, chosen.shaped)
    if subject is None or drawings is None or not isinstance(ui.dialog, GraphDialog):
        return OpenGraph()
    drawing, node_id = drawings.drawing(subject), ui.dialog.node_id
    task = _task(session, ui.dialog)
    if task is None:
        title = chosen.opened.title if chosen.opened is not None else ""
        view = workflow_graph(ui.of(FormState).workflow_id, title, subject, drawing, node_id)
        return OpenGraph(ShownGraph(view), GraphMarks(view.key, view.chosen, {}))
    view, marks = task_graph(task, drawing, session.progress.get(task.prompt_id), node_id)
    return OpenGraph(ShownGraph(view, tag_of(session.fleet, task.server_id)), marks)


def graph_subject(session: SessionFacts, ui: UiState, chosen: OpenWorkflow | None) -> Subject | None:
    """Return the subject of the open graph; None if none is open, or its subject is gone."""
    if not isinstance(ui.dialog, GraphDialog):
        return None
    if ui.dialog.prompt_id is None:
        return form_subject(chosen, ui.of(FormState).draft) if chosen is not None else None
    task = _task(session, ui.dialog)
    return subject_of(task) if task is not None else None


def form_subject(chosen: OpenWorkflow, draft: Draft) -> Subject:
    """Return the form's graph with its current values, and its author's layout if that is known."""
    names = {key: picked.name for key, picked in files_of(chosen, draft).items()}
    shown = chosen.form.sketched(draft.values)
    shown = shown.with_values(dict(names)) if names else shown
    return Subject(shown.text, chosen.editor.given.graph if chosen.editor is not None else "")


def _task(session: SessionFacts, dialog: GraphDialog) -> Task | None:
    return find_task(session, dialog.prompt_id) or dialog.task


def _draw(shown: ShownGraph, _: Translator) -> Markup:
    return graph(shown.view, shown.tag, _)


def _change(before: PageView | None, after: PageView, _: Translator) -> Mapping[str, object]:
    """Return what the open graph needs beside its region: a new drawing, and marks that changed."""
    was, now = before.of(OpenGraph) if before is not None else OpenGraph(), after.of(OpenGraph)
    kept = kept_markup(was.shown.view if was.shown else None, now.shown.view if now.shown else None, _)
    is_marked = now.marks is not None and (bool(kept) or was.marks != now.marks)
    return {
        **({"kept": kept} if kept else {}),
        **({"graph": now.marks.message()} if is_marked and now.marks is not None else {}),
    }


def _dialog(_dialog: GraphDialog, page: Projection) -> ShownGraph | None:
    return page.of(OpenGraph).shown


def _graphs(services: Services) -> Graphs:
    page, arrange = services.page, services.of(Arranging).arrange
    return Graphs(arrange, services.ports.read_input, page.spawn, page.request)


def _refresh(services: Services) -> Iterable[object]:
    ui, graphs, opened = services.page.ui, services.of(Graphs), opened_on(services.page)
    chosen = shaped(opened, ui.of(FormState).draft.values) if opened is not None else None
    graphs.refresh(graph_subject(services.session, ui, chosen))
    return (GraphDrawings(graphs),)


def _commands(page: Projection | PageView, _ui: UiState, _: Translator) -> Iterator[Command]:
    if page.of(FormView).chosen is not None:
        yield Command("graph", _("See the graph"), Group.FORM, "graph", "open-graph", terms="nodes")


FEATURE = Feature(
    commands=(_commands,),
    services=(
        Service(Graphs, _graphs),
        Service(GraphActions, lambda its: GraphActions(its.session, its.page, its.of(Graphs)), itself),
    ),
    life=Life(refresh=_refresh),
    parts=(PagePart(OpenGraph, _open_graph),),
    dialogs=(DialogKind(GraphDialog, _dialog, _draw, follows_progress=True),),
    changes=(_change,),
)
