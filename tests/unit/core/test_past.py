"""Rows of ended tasks: their content, searching them, and which tasks a window need not hold whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core import past
from app.core.model import BatchId, Cell, Delivery, InputFile, NodeId, Part, PromptId, Task, TaskState
from app.core.past import MAX_TEXT, PastQuery, PastTask, is_settled, matches, past_of, to_lay_by
from app.core.records import decode, encode
from tests.kit.builders import B, output, task


def home(prompt_id: str = "p-1", **changes: Any) -> Task:
    """A settled task."""
    facts: dict[str, Any] = {
        "state": TaskState.SUCCEEDED,
        "ended_at": 130.0,
        "is_proven": True,
        "outputs": (output("a.png", delivery=Delivery.KEPT, media_type="image/png", size=9),),
    }
    return task(prompt_id, **{**facts, **changes})


WORKFLOW = json.dumps(
    {
        "1": {"class_type": "Encode", "inputs": {"text": "  沙丘上的 Boats ", "clip": ["4", 1]}},
        "2": {"class_type": "Encode", "inputs": {"text": "sun", "again": "sun"}},
        "3": {"class_type": "KSampler", "inputs": {"seed": 2**60, "sampler_name": "euler", "steps": 20}},
        "4": {"class_type": "Load", "inputs": {"ckpt_name": "base.safetensors"}},
        "5": {"class_type": "Own", "inputs": {"wish": "two words", "list": {"__value__": ["no text"]}}},
    },
    ensure_ascii=False,
)


def test_row_has_only_what_lists_show() -> None:
    row = past_of(
        home(
            title="Dunes",
            workflow=WORKFLOW,
            project="harbour",
            part=Part(batch_id=BatchId("b"), label="3 of 9"),
            server_started_ms=1000,
            server_ended_ms=3500,
            inputs=(InputFile(node_id=NodeId("1"), input_name="image", name="x", sha256="abc"),),
            editor_sha256="def",
        )
    )
    assert (row.title, row.project, row.label, row.seconds, row.ended_at) == ("Dunes", "harbour", "3 of 9", 2.5, 130.0)
    assert row.seed == str(2**60)
    assert row.texts.split("\n") == ["沙丘上的 Boats", "sun", "two words"]
    assert row.inputs == ("abc", "def")
    assert [(item.index, item.filename, item.size) for item in row.outputs] == [(0, "a.png", 9)]
    assert decode(PastTask, encode(row)) == row


@pytest.mark.parametrize("workflow", ["", "[", "[1]", '{"1": 5}', '{"1": {"inputs": []}}'])
def test_unreadable_workflow_has_no_prompts_and_no_seed(workflow: str) -> None:
    row = past_of(home(workflow=workflow))
    assert (row.seed, row.texts) == ("", "")


def test_prompts_are_shortened() -> None:
    workflow = json.dumps({"1": {"class_type": "E", "inputs": {"text": "long " * MAX_TEXT}}})
    assert len(past_of(home(workflow=workflow)).texts) == MAX_TEXT


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        (PastQuery(), True),
        (PastQuery("boats"), True),
        (PastQuery("沙丘"), True),
        (PastQuery("BOATS dunes"), True),
        (PastQuery("boats snow"), False),
        (PastQuery(f"{2**60}"), True),
        (PastQuery("a.png"), True),
        (PastQuery(servers=frozenset({B})), False),
        (PastQuery(titles=frozenset({"Dunes"})), True),
        (PastQuery(titles=frozenset({"Other"})), False),
        (PastQuery(projects=frozenset({""})), True),
        (PastQuery(projects=frozenset({"harbour"})), False),
        (PastQuery(media="image"), True),
        (PastQuery(media="video"), False),
        (PastQuery(since=130.0), True),
        (PastQuery(since=130.1), False),
        (PastQuery(until=130.0), False),
        (PastQuery(until=130.1), True),
    ],
)
def test_search_matches_rows(query: PastQuery, is_found: bool) -> None:
    assert matches(past_of(home(title="Dunes", workflow=WORKFLOW)), query) is is_found


@pytest.mark.parametrize(
    ("changes", "is_home"),
    [
        ({}, True),
        ({"state": TaskState.FAILED, "outputs": ()}, True),
        ({"state": TaskState.CANCELLED}, True),
        ({"state": TaskState.LOST}, False),
        ({"state": TaskState.GIVEN_UP}, False),
        ({"state": TaskState.RUNNING}, False),
        ({"is_proven": False}, False),
        ({"outputs": (output("a.png"),)}, False),
    ],
)
def test_only_what_cannot_change_any_more_is_settled(changes: dict[str, Any], is_home: bool) -> None:
    assert is_settled(home(**changes)) is is_home


def test_oldest_tasks_are_moved_once_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "RECENT", 3)
    monkeypatch.setattr(past, "SLACK", 2)
    tasks = {PromptId(f"p-{at}"): home(f"p-{at}", ended_at=float(at)) for at in (5, 1, 4, 2, 3)}
    tasks[PromptId("lost")] = home("lost", state=TaskState.LOST, ended_at=0.0)
    assert to_lay_by(tasks) == ()
    tasks[PromptId("p-6")] = home("p-6", ended_at=6.0)
    assert [item.prompt_id for item in to_lay_by(tasks)] == ["p-1", "p-2", "p-3"]


def test_latest_grids_stay_whole_for_their_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "RECENT", 1)
    monkeypatch.setattr(past, "SLACK", 0)
    tasks = {}
    for number in range(past.SHEETS + 2):
        part = Part(batch_id=BatchId(f"b-{number}"), cell=Cell(column=0, row=0))
        tasks[PromptId(f"g-{number}")] = home(f"g-{number}", ended_at=float(number), part=part)
    tasks[PromptId("list")] = home("list", ended_at=99.0, part=Part(batch_id=BatchId("list")))
    assert [item.prompt_id for item in to_lay_by(tasks)] == ["g-0", "g-1"]
