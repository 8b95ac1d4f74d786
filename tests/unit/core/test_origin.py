"""Which file on a server is the one that a task made, by the server's own dates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.core.model import NodeId, TaskState
from app.core.origin import is_of, needs_confirmation
from tests.kit.builders import output, submitted
from tests.ports.tasks import changed

MADE = submitted(state=TaskState.SUCCEEDED, server_started_ms=1_000_000, server_ended_ms=1_060_000)
CACHED = submitted(state=TaskState.SUCCEEDED, server_started_ms=1_000_000, cached=(NodeId("3"),), is_proven=True)
UNDATED = submitted(state=TaskState.SUCCEEDED)
LOST = submitted(state=TaskState.LOST, server_started_ms=1_000_000)


@pytest.mark.parametrize(
    ("task", "made", "modified", "is_its_own"),
    [
        (MADE, {}, 1030.0, True),
        (MADE, {}, 998.0, True),  # whole seconds, and a clock that is read twice
        (MADE, {}, 1062.0, True),
        (MADE, {}, 1063.0, False),  # written over since
        (MADE, {}, 997.0, False),  # an older file of that name
        (MADE, {"folder": "temp"}, 900.0, False),
        (MADE, {"folder": "input"}, 900.0, True),  # a node that shows its input
        (MADE, {}, None, True),
        (changed(MADE, is_proven=True), {"kind": "3d"}, 500.0, True),  # a node that shows a model of its server
        (MADE, {"kind": "3d"}, 500.0, False),  # of another machine
        (CACHED, {}, 500.0, True),  # the prompt that it was cached from has made it
        (CACHED, {"node_id": "3.0.1"}, 500.0, True),
        (CACHED, {"node_id": "30"}, 500.0, True),  # without an end's date nothing is held against it
        (changed(CACHED, server_ended_ms=1_060_000), {"node_id": "30"}, 500.0, False),
        (changed(CACHED, server_ended_ms=1_060_000), {}, 500.0, True),
        (changed(CACHED, server_ended_ms=1_060_000, is_proven=False), {}, 500.0, False),  # of another machine
        (changed(UNDATED, is_proven=True), {}, 5.0, True),  # an old server, whose history has no dates
        (UNDATED, {}, 5.0, False),
        (LOST, {"told_ms": 1_060_000}, 1030.0, True),
        (LOST, {"told_ms": 1_060_000}, 1063.0, False),  # made after the socket had reported it
        (LOST, {"told_ms": 1_060_000}, 997.0, False),
        (LOST, {}, 1030.0, False),
    ],
)
def test_a_file_is_of_its_tasks_time(task: Any, made: dict[str, Any], modified: float | None, is_its_own: bool) -> None:
    assert is_of(task, replace(output("a.png"), **made), modified) is is_its_own


@pytest.mark.parametrize(
    ("task", "made", "modified", "is_needed"),
    [
        (MADE, {}, 998.0, False),
        (CACHED, {}, 1000.0, False),
        (CACHED, {}, 997.0, True),  # as old as many a file of that name
        (CACHED, {"folder": "temp"}, 997.0, True),
        (CACHED, {"folder": "input"}, 997.0, False),
        (MADE, {}, None, True),
        (changed(UNDATED, is_proven=True), {}, 1000.0, True),
    ],
)
def test_file_without_matching_date_needs_confirmation(
    task: Any, made: dict[str, Any], modified: float | None, is_needed: bool
) -> None:
    assert needs_confirmation(task, output("a.png", **made), modified) is is_needed
