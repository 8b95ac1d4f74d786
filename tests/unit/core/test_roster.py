"""Which window was moored to which server, from the records of all windows."""

from __future__ import annotations

from typing import Any

from app.core.model import Delivery, PromptId, ServerChoice, ServerId, TaskState, WindowId
from app.core.roster import LISTED, PICTURES, OutputSummary, ReservedPlace, Roster, TaskSummary, digest, moorings
from tests.kit.builders import ME, OTHER, A, B


def glance(name: str, began: float, ended: float | None, server: ServerId = A, **more: Any) -> TaskSummary:
    facts: dict[str, Any] = {"owner": ME, "state": TaskState.RUNNING if ended is None else TaskState.SUCCEEDED}
    return TaskSummary(
        prompt_id=PromptId(name), server_id=server, created_at=began, ended_at=ended, **{**facts, **more}
    )


def seen(*tasks: TaskSummary, **more: Any) -> list[tuple[WindowId, ServerId, float, float | None, int]]:
    found = moorings(Roster(read_at=1000.0, tasks=tasks, **more))
    return [(item.window_id, item.server_id, item.began_at, item.ended_at, item.count) for item in found]


def test_work_that_overlaps_is_of_one_mooring() -> None:
    assert seen(glance("a", 10, 20), glance("b", 15, 40), glance("c", 30, 35)) == [(ME, A, 10, 40, 3)]


def test_between_two_moorings_the_window_was_free() -> None:
    tasks = glance("a", 10, 20), glance("b", 25, 30), glance("c", 50, None, B)
    assert seen(*tasks) == [(ME, B, 50, None, 1), (ME, A, 25, 30, 1), (ME, A, 10, 20, 1)]


def test_work_found_moored_belongs_to_same_mooring() -> None:
    """Clocks and writes are not exact; the record of the choice is."""
    moored = ServerChoice(server_id=A, reason="moored")
    assert seen(glance("a", 10, 20), glance("b", 20.4, 30, choice=moored)) == [(ME, A, 10, 30, 2)]


def test_the_choice_that_began_a_mooring_is_its_reason() -> None:
    first, later = ServerChoice(server_id=A, reason="soonest"), ServerChoice(server_id=A, reason="moored")
    found = moorings(Roster(read_at=1.0, tasks=(glance("a", 10, 20, choice=first), glance("b", 12, 30, choice=later))))
    assert [item.choice for item in found] == [first]


def test_ward_makes_no_mooring() -> None:
    assert seen(glance("a", 10, None, is_ward=True)) == []


def test_moorings_are_kept_apart_by_window() -> None:
    assert seen(glance("a", 10, 20), glance("b", 12, 18, owner=OTHER)) == [(OTHER, A, 12, 18, 1), (ME, A, 10, 20, 1)]


def test_a_place_that_is_held_is_a_mooring_already() -> None:
    places = (ReservedPlace(window_id=ME, server_id=B, at=90.0), ReservedPlace(window_id=OTHER, server_id=A, at=95.0))
    assert seen(glance("a", 80, None, owner=OTHER), places=places) == [(ME, B, 90, None, 0), (OTHER, A, 80, None, 1)]


def test_of_thousands_the_latest_are_listed_and_all_are_counted() -> None:
    many = [glance(f"a{number}", number, number + 1) for number in range(5000)]
    running = glance("r", 1, None)
    found = digest(Roster(read_at=1.0, tasks=(*many, running)))
    assert found.ended == {ME: 5000}
    assert running in found.tasks and set(many[-LISTED:]) <= {*found.tasks}
    assert len(found.tasks) == LISTED + 1
    assert [task.created_at for task in found.tasks] == sorted(task.created_at for task in found.tasks)


def test_old_session_keeps_last_task_and_pictures() -> None:
    kept = (OutputSummary(delivery=Delivery.KEPT),)
    old = [glance(f"o{number}", number, number + 1, owner=OTHER, outputs=kept) for number in range(9)]
    last = glance("last", 20, 21, owner=OTHER)
    many = [glance(f"a{number}", 100 + number, 101 + number) for number in range(2 * LISTED)]
    found = digest(Roster(read_at=1.0, tasks=(*old, last, *many)))
    assert [task for task in found.tasks if task.owner == OTHER] == [*old[-PICTURES:], last]
    assert found.ended[OTHER] == 10
