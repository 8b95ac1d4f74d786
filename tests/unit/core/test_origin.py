"""Which file on a server is the one that a task made, by the server's own dates."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.model import NodeId, TaskState
from app.core.origin import is_of
from tests.unit.core.builders import output, submitted

MADE = submitted(state=TaskState.SUCCEEDED, server_started_ms=1_000_000, server_ended_ms=1_060_000)
CACHED = submitted(state=TaskState.SUCCEEDED, server_started_ms=1_000_000, cached=(NodeId("3"),))
UNDATED = submitted(state=TaskState.SUCCEEDED)


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
        (CACHED, {}, 500.0, True),  # the prompt that it was cached from has made it
        (CACHED, {"node_id": "3.0.1"}, 500.0, True),
        (CACHED, {"node_id": "30"}, 500.0, False),
        (UNDATED, {}, 5.0, True),
    ],
)
def test_a_file_is_of_its_tasks_time(task: Any, made: dict[str, Any], modified: float | None, is_its_own: bool) -> None:
    assert is_of(task, output("a.png", **made), modified) is is_its_own
