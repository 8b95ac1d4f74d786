"""Texts that must be accurate: the failed node, the owner of a prompt, a state that is only the last known."""

from __future__ import annotations

import json

from app.core.model import Failure, NodeError, PromptId, ServerId, TaskState
from app.core.ports.fleet import QueuedPrompt
from app.core.roster import Roster, TaskSummary
from app.ui.fleet.admin import AdminState
from app.ui.fleet.panel import FleetDialog, fleet_view
from app.ui.fleet.panel_html import fleet as drawn
from app.ui.kit.state import UiState
from app.ui.runs.task_words import word_left, word_task
from app.ui.windows.panel import PanelFacts
from tests.kit.page.stills import ENGLISH, StillSession, fleet, server, task, translator, window
from tests.kit.page.trouble import OTHER, page
from tests.kit.page.views import markup
from tests.ports.tasks import changed

NODES = {
    "3": {"class_type": "ImageSharpen", "inputs": {}, "_meta": {"title": "Sharpen softly"}},
    "4": {"class_type": "ImageSharpen", "inputs": {}, "_meta": {"title": "Sharpen hard"}},
    "5": {"class_type": "ImageBlur", "inputs": {}},
    "6": {"class_type": "ImageBlur", "inputs": {}},
}


def failed(node_id: str, class_type: str, **more: object) -> Failure:
    return Failure(kind="execution", message="no", node_id=node_id, node_type=class_type, **more)  # type: ignore[arg-type]


def test_failed_node_is_named_by_its_title() -> None:
    known = task(state=TaskState.FAILED, workflow=json.dumps(NODES), failure=failed("4", "ImageSharpen"))
    assert word_task(known, ENGLISH).title == "Stopped by an error in “Sharpen hard”"
    expanded = changed(known, failure=failed("4.0.0.1", "Other"))
    assert "Sharpen hard" in word_task(expanded, ENGLISH).title
    memory = changed(known, failure=failed("3", "ImageSharpen", exception_type="OutOfMemoryError"))
    assert word_task(memory, ENGLISH).title == "Not enough memory for “Sharpen softly”"


def test_failed_nodes_with_equal_titles_show_their_ids() -> None:
    known = task(state=TaskState.FAILED, workflow=json.dumps(NODES), failure=failed("6", "ImageBlur"))
    assert word_task(known, ENGLISH).title == "Stopped by an error in “ImageBlur (6)”"


def test_refused_nodes_are_named_by_their_titles() -> None:
    errors = tuple(
        NodeError(node_id=node_id, class_type="ImageSharpen", type="value_smaller_than_min", message="", details="x")
        for node_id in ("3", "4")
    )
    failure = Failure(kind="rejected", message="no", node_errors=errors)
    known = task(state=TaskState.FAILED, workflow=json.dumps(NODES), failure=failure, ended_at=1.0, is_proven=True)
    text = markup(page(StillSession(window=window(known)), UiState()), "results")
    assert "Sharpen softly" in text and "Sharpen hard" in text


def test_own_prompts_in_a_queue_are_recognised() -> None:
    mine, other = (
        task("a"),
        TaskSummary(
            prompt_id=PromptId("theirs"),
            owner=OTHER,
            server_id=ServerId("gpu-1"),
            created_at=1.0,
            state=TaskState.QUEUED,
        ),
    )
    queue = tuple(QueuedPrompt(prompt_id=item) for item in (mine.prompt_id, PromptId("theirs"), PromptId("unknown")))
    session = StillSession(fleet=fleet(server("gpu-1")), window=window(mine))
    facts = PanelFacts(roster=Roster(tasks=(other,), read_at=2.0))
    view = fleet_view(session, facts, "", administered=FleetDialog(AdminState({ServerId("gpu-1"): queue})))
    text = str(drawn(view, translator("en")))
    places = [text.index(name) for name in ("yours, of this window", "yours, of another window", "another user")]
    assert places == sorted(places)
    assert "unknown<" not in text


def test_work_of_closed_window_is_not_shown_as_running() -> None:
    running = task(state=TaskState.RUNNING)
    assert word_left(running, ENGLISH).title == "When last seen, 00:16: Running"
    ended = task(state=TaskState.SUCCEEDED, is_proven=True)
    assert word_left(ended, ENGLISH) == word_task(ended, ENGLISH)
