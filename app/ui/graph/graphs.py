"""Graphs of workflows: their drawings, arranged when first needed, and the view of the open one.

A drawing has its author's places if the editor's file is in this browser's store. A workflow as sent has no places:
they come from the layout engine, which takes a while for a large graph.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.core.errors import BadInput, LayoutError, MooringError
from app.core.model import PromptId, Task
from app.core.ports.blobs import Blob
from app.core.progress import Progress
from app.core.workflow import parse_workflow
from app.ui.kit.state import Dialog
from app.workflows.drawing.drawing import Sketch, sketch_of_api
from app.workflows.drawing.editor_drawing import sketch_of_editor
from app.workflows.drawing.layout import arranged, question
from app.workflows.drawing.marks import Mark, NodeFaults, NodeMark, faults_at, graph_of, marks_of, marks_of_boxes
from app.workflows.editor.copy import graph_of_copy

log = logging.getLogger("mooring.ui")

MOST_KEPT = 8  # drawings of other workflows than the open one

Arrange = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class GraphDialog(Dialog):
    """The graph of a task or of the form's workflow, with the chosen box, if any."""

    prompt_id: PromptId | None
    node_id: str = ""
    task: Task | None = None  # the whole record, if no window of this tab has it
    returns_to: Dialog | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The workflow of a graph: as sent and, if known, as its author has drawn it.

    `kept` is the hash of the copy of the author's file (`workflows/editor/copy.py`), if that is in the store.
    """

    api: str
    editor: str = ""
    kept: str = ""


def subject_of(task: Task) -> Subject:
    """Return the workflow of a task."""
    return Subject(task.workflow, kept=task.editor_sha256)


@dataclass(frozen=True, slots=True)
class GraphDrawing:
    """A workflow's drawing: `sketch` may still be without places, and `error` says why it stays so."""

    sketch: Sketch | None = None
    error: MooringError | None = None

    @property
    def is_ready(self) -> bool:
        """Whether there is something to draw."""
        return self.sketch is not None and self.sketch.is_placed


class Graphs:
    """The drawings of one window. `arrange` computes places, `read_input` reads a stored file by its hash, `spawn` runs
    in the background, `changed` redraws the page."""

    def __init__(
        self,
        arrange: Arrange,
        read_input: Callable[[str], Awaitable[Blob | None]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._arrange = arrange
        self._read_input = read_input
        self._spawn = spawn
        self._changed = changed
        self._drawings: dict[Subject, GraphDrawing] = {}  # the latest last

    def drawing(self, subject: Subject) -> GraphDrawing:
        """Return a workflow's drawing as far as it is ready."""
        return self._drawings.get(subject, GraphDrawing())

    def refresh(self, subject: Subject | None) -> None:
        """Begin the drawing of the open graph, if there is one."""
        if subject is None:
            return
        known = self._drawings.pop(subject, None)
        self._drawings[subject] = known or self._begin(subject)
        while len(self._drawings) > MOST_KEPT:
            del self._drawings[next(iter(self._drawings))]

    def retry(self) -> None:
        """Forget failed drawings, so that the next redraw begins them."""
        self._drawings = {known: item for known, item in self._drawings.items() if item.error is None}
        self._changed()

    def _begin(self, subject: Subject) -> GraphDrawing:
        if subject.kept:
            self._spawn(self._recall(subject))
            return GraphDrawing()
        return self._sketched(subject, lambda: sketch_of(subject))

    def _sketched(self, subject: Subject, make: Callable[[], Sketch]) -> GraphDrawing:
        try:
            sketch = make()
        except MooringError as error:
            return GraphDrawing(error=error)
        if not sketch.is_placed:
            self._spawn(self._place(subject, sketch))
        return GraphDrawing(sketch)

    async def _recall(self, subject: Subject) -> None:
        """Draw the graph with its author's places, if the file is still stored, else as it was sent."""
        try:
            blob = await self._read_input(subject.kept)
            graph = None if blob is None else graph_of_copy((await blob.read()).decode(errors="replace"))
        except MooringError as error:
            log.info("the author's drawing is not kept: %r", error)
            graph = None
        if subject in self._drawings:
            self._drawings[subject] = self._sketched(subject, lambda: _sketch_of_kept(subject, graph))
        self._changed()

    async def _place(self, subject: Subject, sketch: Sketch) -> None:
        try:
            drawn = GraphDrawing(arranged(sketch, await self._arrange(question(sketch))))
        except LayoutError as error:
            log.warning("a graph was not arranged: %r", error)
            drawn = GraphDrawing(sketch, error)
        if subject in self._drawings:
            self._drawings[subject] = drawn
        self._changed()


def sketch_of(subject: Subject) -> Sketch:
    """Return the drawing of a workflow, its author's if possible; BadInput if it is no workflow."""
    workflow = parse_workflow(subject.api)
    if not subject.editor:
        return sketch_of_api(workflow)
    try:
        source = json.loads(subject.editor)
    except (ValueError, RecursionError) as error:
        raise BadInput("bad-workflow", detail="not JSON") from error
    return sketch_of_editor(source, workflow)


def _sketch_of_kept(subject: Subject, graph: Mapping[str, Any] | None) -> Sketch:
    workflow = parse_workflow(subject.api)
    try:
        return sketch_of_api(workflow) if graph is None else sketch_of_editor(graph, workflow)
    except BadInput as error:
        log.warning("the author's file cannot be drawn: %r", error)
        return sketch_of_api(workflow)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphView:
    """The open graph without its marks, so that the view stays equal while only those change.

    `key` identifies the graph; without a `task` it is the form's workflow.
    """

    key: str
    title: str
    subject: Subject
    drawing: GraphDrawing
    task: Task | None = None
    chosen: str = ""  # a box's id
    mark: Mark | None = None  # of the chosen box
    done: int = 0  # finished boxes
    total: int = 0  # boxes of nodes that are sent
    failed: str = ""  # the first failed box

    @property
    def faults(self) -> NodeFaults:
        """The errors of the chosen box."""
        sketch = self.drawing.sketch
        return (
            faults_at(self.task, sketch, self.chosen) if self.task is not None and sketch is not None else NodeFaults()
        )


@dataclass(frozen=True, slots=True)
class GraphMarks:
    """The marks of the open graph, which change while its task runs."""

    key: str
    chosen: str
    marks: Mapping[str, NodeMark]

    def message(self) -> dict[str, object]:
        """Return the message for `static/js/graph.js`."""
        marks = {node_id: [mark.mark.value, round(mark.fraction, 3)] for node_id, mark in self.marks.items()}
        return {"key": self.key, "chosen": self.chosen, "marks": marks}


def task_graph(
    task: Task, drawing: GraphDrawing, progress: Progress | None, chosen: str
) -> tuple[GraphView, GraphMarks]:
    """Return a task's graph with a chosen box, and its marks."""
    sketch = drawing.sketch
    marks = marks_of_boxes(sketch, marks_of(task, progress), graph_of(task.workflow)) if sketch is not None else {}
    view = replace(
        workflow_graph(str(task.prompt_id), task.title, subject_of(task), drawing, chosen),
        task=task,
        mark=marks[chosen].mark if chosen in marks else None,
        done=sum(mark.mark in {Mark.FINISHED, Mark.CACHED} for mark in marks.values()),
        total=len({box.node_id for node_id in graph_of(task.workflow) if sketch and (box := sketch.box_of(node_id))}),
        failed=next((node_id for node_id, mark in marks.items() if mark.mark is Mark.FAILED), ""),
    )
    return view, GraphMarks(view.key, view.chosen, marks)


def workflow_graph(key: str, title: str, subject: Subject, drawing: GraphDrawing, chosen: str) -> GraphView:
    """Return the graph of a workflow with a chosen box."""
    boxes = drawing.sketch.boxes if drawing.sketch is not None else {}
    return GraphView(key=key, title=title, subject=subject, drawing=drawing, chosen=chosen if chosen in boxes else "")
