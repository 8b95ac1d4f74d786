"""The state of each node of a task, for marking it in the drawing.

marks = marks_of(task, progress)            # by the nodes' own ids
shown = marks_of_boxes(sketch, marks, ids)  # by the boxes of the drawing: a subgraph's box sums its nodes up

While a task runs, events report the nodes. After its end, the states are inferred: a node with an output has finished,
and so have all nodes before it; the same holds for the nodes before a failed one. (A node whose input
was evaluated lazily may not have needed all of them.) A node without a mark has not run, or its state is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from app.core.errors import BadInput
from app.core.model import Failure, NodeError, Task, TaskState
from app.core.progress import Progress
from app.core.workflow import parse_workflow
from app.workflows.drawing.drawing import Sketch
from app.workflows.graph import Graph, open_graph


class Mark(Enum):
    """The state of a node."""

    FINISHED = "finished"
    CACHED = "cached"  # it need not run: its result was cached
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NodeMark:
    """A node's mark; `fraction` is the progress of a running one, 0 to 1."""

    mark: Mark
    fraction: float = 0.0


Marks = Mapping[str, NodeMark]


@lru_cache(maxsize=16)
def graph_of(workflow: str) -> Graph:
    """The nodes of a task's workflow; none if it cannot be parsed."""
    try:
        return open_graph(parse_workflow(workflow))
    except BadInput:
        return {}


def marks_of(task: Task, progress: Progress | None = None) -> Marks:
    """The marks of all nodes whose state is known."""
    marks: dict[str, NodeMark] = {}
    if task.state is TaskState.RUNNING and progress is not None:
        marks |= _reported(progress)
    elif task.state.is_end:
        marks |= dict.fromkeys(_made(task), NodeMark(Mark.FINISHED))
    marks |= dict.fromkeys(task.end.cached, NodeMark(Mark.CACHED))
    return marks | {error_id: NodeMark(Mark.FAILED) for error_id in faulty_nodes(task)}


def _reported(progress: Progress) -> Iterator[tuple[str, NodeMark]]:
    for node_id, fraction in progress.done.items():
        if fraction >= 1.0:
            yield node_id, NodeMark(Mark.FINISHED)
        elif node_id != progress.node:
            yield node_id, NodeMark(Mark.RUNNING, fraction)
    if progress.node is not None and (done := progress.done.get(progress.node, 0.0)) < 1.0:
        yield progress.node, NodeMark(Mark.RUNNING, done)


def _made(task: Task) -> set[str]:
    """The nodes that must have run for the existing outputs."""
    graph = graph_of(task.workflow)
    makers = {output.node_id for output in task.delivery.outputs}
    if task.state is TaskState.SUCCEEDED:
        makers |= set(task.expected) - set(task.end.missing)
    found = before(graph, makers) | {node_id for node_id in makers if node_id in graph}
    if task.end.failure is not None and task.end.failure.kind == "execution":
        found |= before(graph, {task.end.failure.node_id.split(".", maxsplit=1)[0]})  # not what it was expanded to
    return found


def before(graph: Graph, node_ids: Iterable[str]) -> set[str]:
    """All nodes that these depend on, without themselves unless one depends on another."""
    found: set[str] = set()
    waiting = list(node_ids)
    while waiting:
        node = graph.get(waiting.pop())
        for link in node.links.values() if node is not None else ():
            if link.node_id not in found and link.node_id in graph:
                found.add(link.node_id)
                waiting.append(link.node_id)
    return found


def faulty_nodes(task: Task) -> set[str]:
    """The nodes with an error."""
    found = {error.node_id for error in task.progress.warnings}
    if task.end.failure is not None:
        found |= {task.end.failure.node_id, *(error.node_id for error in task.end.failure.node_errors)}
    return found - {""}


@dataclass(frozen=True, slots=True)
class NodeFaults:
    """The errors at one box: the failure of the run, if it was there, and those that the server found in the prompt."""

    failure: Failure | None = None
    errors: tuple[NodeError, ...] = ()


def faults_at(task: Task, sketch: Sketch, node_id: str) -> NodeFaults:
    """The errors at the box of that id, or inside it."""

    def is_here(where: str) -> bool:
        box = sketch.box_of(where) if where else None
        return box is not None and box.node_id == node_id

    failed = task.end.failure
    errors = (*(failed.node_errors if failed is not None else ()), *task.progress.warnings)
    return NodeFaults(
        failed if failed is not None and is_here(failed.node_id) else None,
        tuple(error for error in errors if is_here(error.node_id)),
    )


def marks_of_boxes(sketch: Sketch, marks: Marks, node_ids: Iterable[str]) -> Marks:
    """The marks by box; `node_ids` are all nodes of the workflow, so that nodes that have not run count as well."""
    members: dict[str, list[NodeMark | None]] = {}
    for node_id in dict.fromkeys((*node_ids, *marks)):
        if (box := sketch.box_of(node_id)) is not None:
            members.setdefault(box.node_id, []).append(marks.get(node_id))
    return {node_id: summed for node_id, found in members.items() if (summed := _summed(found)) is not None}


def _summed(found: list[NodeMark | None]) -> NodeMark | None:
    known = [mark for mark in found if mark is not None]
    if len(found) == 1 or not known:
        return found[0] if found else None
    kinds = {mark.mark for mark in known}
    if Mark.FAILED in kinds:
        return NodeMark(Mark.FAILED)
    share = sum(mark.fraction if mark.mark is Mark.RUNNING else 1.0 for mark in known) / len(found)
    if Mark.RUNNING in kinds:
        return NodeMark(Mark.RUNNING, share)
    if len(known) < len(found):
        return None
    return NodeMark(Mark.CACHED if kinds == {Mark.CACHED} else Mark.FINISHED)
