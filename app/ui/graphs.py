"""The graphs that are looked at: each workflow's drawing, arranged when it is first asked for, and what is shown of it.

A drawing is made of what was sent; its places come from the layout engine, which takes a while for a large one.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.core.errors import LayoutError, MooringError
from app.core.model import Task
from app.core.progress import Progress
from app.core.workflow import parse_workflow
from app.workflows.arrangement import arranged, question
from app.workflows.marks import Faults, Mark, NodeMark, faults_at, graph_of, marks_of, marks_of_boxes
from app.workflows.sketch import Sketch, sketch_of_api

log = logging.getLogger("mooring.ui")

MOST_KEPT = 8  # drawings of other workflows than the open one

Arrange = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A workflow's drawing as far as it is: `sketch` has its places unless they are coming, or `error` says why not."""

    sketch: Sketch | None = None
    error: MooringError | None = None

    @property
    def is_ready(self) -> bool:
        """Whether there is something to draw."""
        return self.sketch is not None and self.sketch.is_placed


class Drawings(Protocol):
    """Where drawings are had from."""

    def drawing(self, workflow: str) -> Drawing:
        """A workflow's drawing as far as it is."""


class Graphs:
    """The drawings of one window. `arrange` gives places, `spawn` runs in the background, `changed` draws the page."""

    def __init__(
        self,
        arrange: Arrange,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._arrange = arrange
        self._spawn = spawn
        self._changed = changed
        self._drawings: dict[str, Drawing] = {}  # by the workflow's text, the latest last

    def drawing(self, workflow: str) -> Drawing:
        """A workflow's drawing as far as it is."""
        return self._drawings.get(workflow, Drawing())

    def refresh(self, workflow: str | None) -> None:
        """Have the drawing made of what is looked at now, if anything is."""
        if workflow is None:
            return
        known = self._drawings.pop(workflow, None)
        self._drawings[workflow] = known or self._begin(workflow)
        while len(self._drawings) > MOST_KEPT:
            del self._drawings[next(iter(self._drawings))]

    def try_again(self) -> None:
        """Forget what could not be arranged, so that it is tried once more."""
        self._drawings = {text: item for text, item in self._drawings.items() if item.error is None}
        self._changed()

    def _begin(self, workflow: str) -> Drawing:
        try:
            sketch = sketch_of_api(parse_workflow(workflow))
        except MooringError as error:
            return Drawing(error=error)
        if not sketch.is_placed:
            self._spawn(self._place(workflow, sketch))
        return Drawing(sketch)

    async def _place(self, workflow: str, sketch: Sketch) -> None:
        try:
            drawn = Drawing(arranged(sketch, await self._arrange(question(sketch))))
        except LayoutError as error:
            log.warning("a graph was not arranged: %r", error)
            drawn = Drawing(sketch, error)
        if workflow in self._drawings:
            self._drawings[workflow] = drawn
        self._changed()


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphView:
    """The open graph, but for the marks: it is equal to what it was while only those change."""

    task: Task
    drawing: Drawing
    chosen: str = ""  # a box's id
    mark: Mark | None = None  # of the chosen box
    done: int = 0  # boxes that need no more work
    failed: str = ""  # the first box at which something went wrong

    @property
    def key(self) -> str:
        """What tells this graph from another one."""
        return str(self.task.prompt_id)

    @property
    def faults(self) -> Faults:
        """What went wrong at the chosen box."""
        sketch = self.drawing.sketch
        return faults_at(self.task, sketch, self.chosen) if sketch is not None else Faults()


@dataclass(frozen=True, slots=True)
class GraphMarks:
    """What changes in the open graph while its task runs."""

    key: str
    chosen: str
    marks: Mapping[str, NodeMark]

    def told(self) -> dict[str, object]:
        """As `static/js/graph.js` takes it."""
        marks = {node_id: [mark.mark.value, round(mark.fraction, 3)] for node_id, mark in self.marks.items()}
        return {"key": self.key, "chosen": self.chosen, "marks": marks}


def graph_view(task: Task, drawing: Drawing, progress: Progress | None, chosen: str) -> tuple[GraphView, GraphMarks]:
    """A task's graph with a chosen box, and its marks."""
    sketch = drawing.sketch
    if sketch is None:
        return GraphView(task=task, drawing=drawing), GraphMarks(str(task.prompt_id), "", {})
    chosen = chosen if chosen in sketch.boxes else ""
    marks = marks_of_boxes(sketch, marks_of(task, progress), graph_of(task.workflow))
    done = sum(mark.mark in {Mark.FINISHED, Mark.CACHED} for mark in marks.values())
    view = GraphView(
        task=task,
        drawing=drawing,
        chosen=chosen,
        mark=marks[chosen].mark if chosen in marks else None,
        done=done,
        failed=next((node_id for node_id, mark in marks.items() if mark.mark is Mark.FAILED), ""),
    )
    return view, GraphMarks(view.key, chosen, marks)
