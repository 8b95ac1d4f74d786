"""The state of each node of a task: by events while it runs, by its end afterwards."""

from __future__ import annotations

from typing import Any

from app.core.events import CachedMessage, ExecutingMessage, NodeProgress, ProgressMessage
from app.core.model import Failure, NodeError, NodeId, Output, Task, TaskState
from app.core.progress import Progress
from app.core.workflow import parse_workflow
from app.workflows.drawing.drawing import Box, Sketch, sketch_of_api
from app.workflows.drawing.marks import Mark, NodeMark, faults_at, marks_of, marks_of_boxes
from tests.kit import builders

PROMPT = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "2": {"class_type": "ImageBlur", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "ImageInvert", "inputs": {"image": ["2", 0]}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
    "5": {"class_type": "ImageBlur", "inputs": {"image": ["1", 0]}},
    "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0]}},
}
WORKFLOW = parse_workflow(PROMPT)


def task(state: TaskState, **more: Any) -> Task:
    return builders.task(state=state, workflow=WORKFLOW.text, expected=WORKFLOW.expected_outputs, **more)


def kinds(marks: Any) -> dict[str, str]:
    return {node_id: mark.mark.value for node_id, mark in marks.items()}


def ids(*names: str) -> tuple[NodeId, ...]:
    return tuple(map(NodeId, names))


def test_running_task_is_marked_by_events() -> None:
    running = task(TaskState.RUNNING, cached=ids("1"))
    progress = Progress(running.prompt_id, 6)
    progress = progress.after(CachedMessage(running.prompt_id, ids("1")))
    progress = progress.after(
        ProgressMessage(
            running.prompt_id,
            (NodeProgress(NodeId("2"), 4, 4, "finished"), NodeProgress(NodeId("3"), 1, 4, "running")),
        )
    )
    progress = progress.after(ExecutingMessage(running.prompt_id, NodeId("3")))
    assert marks_of(running, progress) == {
        "1": NodeMark(Mark.CACHED),
        "2": NodeMark(Mark.FINISHED),
        "3": NodeMark(Mark.RUNNING, 0.25),
    }


def test_nothing_is_claimed_of_a_task_that_has_not_begun() -> None:
    assert marks_of(task(TaskState.QUEUED), Progress(task(TaskState.QUEUED).prompt_id, 6)) == {}


def test_success_marks_all_nodes_of_its_outputs() -> None:
    done = task(TaskState.SUCCEEDED, missing=ids("6"))
    assert kinds(marks_of(done)) == dict.fromkeys("1234", "finished")
    whole = task(TaskState.SUCCEEDED, cached=ids("1", "2"))
    assert kinds(marks_of(whole)) == {**dict.fromkeys("3456", "finished"), **dict.fromkeys("12", "cached")}


def test_a_failure_marks_its_node_and_what_came_before() -> None:
    failure = Failure(kind="execution", node_id="3", message="out of paint")
    output = Output(node_id=NodeId("6"), kind="images", filename="x.png")
    failed = task(TaskState.FAILED, failure=failure, outputs=(output,))
    assert kinds(marks_of(failed)) == {"3": "failed", **dict.fromkeys("1256", "finished")}


def test_refusal_marks_only_nodes_with_faults() -> None:
    errors = tuple(NodeError(node_id=name, class_type="X", type="t", message="m") for name in ("2", "6"))
    refused = task(TaskState.FAILED, failure=Failure(kind="rejected", node_errors=errors))
    assert kinds(marks_of(refused)) == {"2": "failed", "6": "failed"}


def test_omitted_outputs_are_marked_while_the_rest_runs() -> None:
    left_out = NodeError(node_id="6", class_type="SaveImage", type="t", message="m")
    assert kinds(marks_of(task(TaskState.RUNNING, warnings=(left_out,)))) == {"6": "failed"}


def test_a_lost_task_is_not_said_to_have_finished_anything() -> None:
    assert marks_of(task(TaskState.LOST)) == {}


def test_a_workflow_that_cannot_be_read_has_no_marks() -> None:
    assert marks_of(builders.task(state=TaskState.SUCCEEDED, workflow="")) == {}


def _boxes(*names: str) -> Sketch:
    return Sketch({name: Box(node_id=name, title=name, class_type=name) for name in names})


def test_a_subgraphs_box_sums_its_nodes_up() -> None:
    sketch = _boxes("1", "12")
    nodes = ("1", "12:1", "12:2")
    finished, running = NodeMark(Mark.FINISHED), NodeMark(Mark.RUNNING, 0.5)
    assert marks_of_boxes(sketch, {"12:1": finished}, nodes) == {}  # between two of its nodes
    assert marks_of_boxes(sketch, {"12:1": finished, "12:2": running}, nodes) == {"12": NodeMark(Mark.RUNNING, 0.75)}
    assert kinds(marks_of_boxes(sketch, {"12:1": finished, "12:2": NodeMark(Mark.CACHED)}, nodes)) == {"12": "finished"}
    assert kinds(marks_of_boxes(sketch, {"12:1": running, "12:2": NodeMark(Mark.FAILED)}, nodes)) == {"12": "failed"}
    assert marks_of_boxes(sketch, {"1": running}, nodes) == {"1": running}


def test_a_failure_inside_of_a_box_is_found_at_it() -> None:
    failure = Failure(kind="execution", node_id="12:2.0.0.1", message="out of paint")
    errors = (NodeError(node_id="1", class_type="X", type="t", message="m"),)
    failed = task(TaskState.FAILED, failure=failure, warnings=errors)
    sketch = _boxes("1", "12")
    assert faults_at(failed, sketch, "12").failure == failure
    assert faults_at(failed, sketch, "12").errors == ()
    assert faults_at(failed, sketch, "1").failure is None
    assert faults_at(failed, sketch, "1").errors == errors


def test_failure_in_expanded_node_marks_preceding_nodes() -> None:
    failed = task(TaskState.FAILED, failure=Failure(kind="execution", node_id="3.0.0.1"))
    shown = marks_of_boxes(sketch_of_api(WORKFLOW), marks_of(failed), WORKFLOW.nodes)
    assert kinds(shown) == {"1": "finished", "2": "finished", "3": "failed"}
