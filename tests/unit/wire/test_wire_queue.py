"""The rows of a queue."""

from __future__ import annotations

import pytest

from wire.queue import QueueError, QueueRow, TooManyRows, read_remaining, read_rows


def queue(*pending: object, running: tuple[object, ...] = ()) -> dict[str, object]:
    return {"queue_running": list(running), "queue_pending": list(pending)}


def test_rows_come_in_the_order_in_which_they_run() -> None:
    heap = [[2, "c"], [5, "e"], [2, "b"], [-1.5, "a"]]
    rows = read_rows(queue(*heap, running=([9, "r"],)))
    assert [(row.prompt_id, row.is_running) for row in rows] == [
        ("r", True), ("a", False), ("b", False), ("c", False), ("e", False)
    ]  # fmt: skip


def test_row_has_prompt_and_extra_data() -> None:
    whole = [1, "a", {"1": {}}, {"client_id": "c"}, ["1"], "more"]
    assert read_rows(queue(whole)) == (QueueRow(1, "a", {"1": {}}, {"client_id": "c"}, False, whole),)


@pytest.mark.parametrize("rest", [[], [None], [[], "x"]])
def test_missing_parts_of_a_row_are_empty(rest: list[object]) -> None:
    [row] = read_rows(queue([1, "a", *rest]))
    assert (row.prompt, row.extra_data) == ({}, {})


@pytest.mark.parametrize(
    "answer",
    [
        None, [], {}, {"queue_running": []}, {"queue_running": [], "queue_pending": {}},
        queue(3), queue([1]), queue(["1", "a"]), queue([1, 2]), queue([10**400, "a"]), queue(running=([1, None],)),
    ],
)  # fmt: skip
def test_other_answers_are_no_queue(answer: object) -> None:
    with pytest.raises(QueueError):
        read_rows(answer)


def test_queue_longer_than_wanted_is_refused() -> None:
    answer = queue([1, "a"], [2, "b"], running=([0, "r"],))
    assert len(read_rows(answer, most=3)) == 3
    with pytest.raises(TooManyRows):
        read_rows(answer, most=2)


def test_remaining_prompts_are_read() -> None:
    assert read_remaining({"exec_info": {"queue_remaining": 3}}) == 3


@pytest.mark.parametrize("answer", [None, {}, {"exec_info": {}}, {"exec_info": {"queue_remaining": "3"}}])
def test_answer_without_a_number_is_refused(answer: object) -> None:
    with pytest.raises(QueueError):
        read_remaining(answer)
