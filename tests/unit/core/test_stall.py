"""A stall is a warning compared with learned times; only time between polls counts."""

from __future__ import annotations

import pytest

from app.core.model import TaskState
from app.core.stall import (
    IDLE_PATIENCE,
    LEARNED_FACTOR,
    LEAST_PATIENCE,
    MOST_PATIENCE,
    POLL_COUNTS_FOR,
    UNLEARNED_PATIENCE,
    Stillness,
    is_stalled,
    learned_patience,
)
from tests.kit.builders import A, B, submitted, task

RUNNING = submitted(state=TaskState.RUNNING)
FIRST = submitted(state=TaskState.QUEUED, place=1)


def still(seconds: float) -> Stillness:
    """Stillness of that long, with a poll every five seconds."""
    stillness = Stillness(0.0)
    for step in range(1, round(seconds / 5) + 1):
        stillness = stillness.polled(step * 5.0)
    return stillness


def test_stillness_grows_with_polls_and_restarts_with_movement() -> None:
    assert still(100.0).still_for == 100.0
    moved = still(100.0).moved(105.0)
    assert (moved.still_for, moved.longest) == (0.0, 105.0)


def test_a_page_that_slept_for_an_hour_counts_one_look() -> None:
    assert Stillness(0.0).polled(3600.0).still_for == POLL_COUNTS_FOR


def test_a_clock_that_was_set_back_counts_nothing() -> None:
    assert Stillness(1000.0).polled(10.0).still_for == 0.0


@pytest.mark.parametrize(("seconds", "stalled"), [(595.0, False), (600.0, True)])
def test_a_running_task_is_stalled_after_the_patience(seconds: float, stalled: bool) -> None:
    assert is_stalled(RUNNING, still(seconds), UNLEARNED_PATIENCE, is_server_idle=False) is stalled


def test_minutes_of_model_loading_are_healthy() -> None:
    assert not is_stalled(RUNNING, still(300.0), UNLEARNED_PATIENCE, is_server_idle=False)


def test_next_task_of_idle_server_is_stalled_soon() -> None:
    """The executor's thread has died, and the server still accepts prompts (docs/comfyui.md 8)."""
    assert is_stalled(FIRST, still(IDLE_PATIENCE), UNLEARNED_PATIENCE, is_server_idle=True)
    assert not is_stalled(FIRST, still(IDLE_PATIENCE), UNLEARNED_PATIENCE, is_server_idle=False)


@pytest.mark.parametrize(
    "other", [submitted(place=2), submitted(state=TaskState.UNCLEAR), submitted(state=TaskState.SUCCEEDED), task()]
)
def test_tasks_that_need_not_move_are_not_stalled(other: object) -> None:
    assert not is_stalled(other, still(9000.0), UNLEARNED_PATIENCE, is_server_idle=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("longest", "patience"),
    [(1.0, LEAST_PATIENCE), (100.0, LEARNED_FACTOR * 100.0), (9000.0, MOST_PATIENCE)],
)
def test_patience_is_learned_from_the_longest_stillness_that_ended_well(longest: float, patience: float) -> None:
    done = submitted("p-1", state=TaskState.SUCCEEDED, longest_still=longest)
    quick = submitted("p-2", state=TaskState.SUCCEEDED, longest_still=0.5)
    assert learned_patience(A, [done, quick]) == patience


def test_only_successes_on_the_same_server_teach_patience() -> None:
    elsewhere = submitted("p-1", B, state=TaskState.SUCCEEDED, longest_still=5.0)
    lost = submitted("p-2", state=TaskState.LOST, longest_still=5000.0)
    assert learned_patience(A, [elsewhere, lost, submitted("p-3", state=TaskState.SUCCEEDED)]) == UNLEARNED_PATIENCE
