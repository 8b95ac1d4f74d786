"""Queue and history: heap order, duplicate ids, what moves where, and what leaves no trace."""

from __future__ import annotations

import pytest

from demo_comfyui.model.jobs import HISTORY_LIMIT, Item, Jobs, Outcome

DONE = Outcome("success", [["execution_success", {"prompt_id": "x"}]], {"9": {"images": []}}, {"9": {"node_id": "9"}})


def item(number: float, prompt_id: str, text: str = "") -> Item:
    return number, prompt_id, {"1": {"class_type": text}}, {}, ["1"]


@pytest.fixture
def counts() -> list[int]:
    return []


@pytest.fixture
def jobs(counts: list[int]) -> Jobs:
    return Jobs(counts.append)


def pending(jobs: Jobs) -> list[str]:
    return [entry[1] for entry in jobs.pending]


def run_one(jobs: Jobs) -> str:
    taken = jobs.take()
    jobs.finish(taken, DONE)
    return taken[1]


def test_pending_is_listed_in_heap_order_and_run_in_order_of_number(jobs: Jobs) -> None:
    for number, prompt_id in ((1, "a"), (4, "b"), (2, "c"), (5, "d"), (3, "e")):
        jobs.put(item(number, prompt_id))
    assert pending(jobs) == ["a", "e", "c", "d", "b"]
    assert [run_one(jobs) for _ in range(5)] == ["a", "c", "e", "b", "d"]


def test_equal_numbers_run_in_order_of_id(jobs: Jobs) -> None:
    for prompt_id in ("b", "a", "c"):
        jobs.put(item(7, prompt_id))
    assert [run_one(jobs) for _ in range(3)] == ["a", "b", "c"]


def test_the_same_id_and_number_with_another_prompt_raises_and_is_queued(jobs: Jobs, counts: list[int]) -> None:
    jobs.put(item(7, "same", "one"))
    with pytest.raises(TypeError):
        jobs.put(item(7, "same", "two"))
    assert pending(jobs) == ["same", "same"]
    assert counts == [1]  # the second is not reported


def test_the_same_prompt_three_times_is_no_error(jobs: Jobs) -> None:
    for _ in range(3):
        jobs.put(item(7, "same"))
    assert pending(jobs) == ["same"] * 3


def test_a_job_is_in_exactly_one_place(jobs: Jobs) -> None:
    jobs.put(item(0, "a"))
    assert (pending(jobs), jobs.is_running("a"), jobs.entry("a")) == (["a"], False, {})
    taken = jobs.take()
    assert (pending(jobs), jobs.is_running("a"), jobs.entry("a")) == ([], True, {})
    assert jobs.remaining == 1
    jobs.finish(taken, DONE)
    assert (jobs.is_running("a"), jobs.remaining) == (False, 0)
    entry = jobs.entry("a")["a"]
    assert list(entry) == ["prompt", "outputs", "status", "meta"]
    assert entry["status"] == {
        "status_str": "success",
        "completed": True,
        "messages": [["execution_success", {"prompt_id": "x"}]],
    }


def test_a_delete_takes_one_of_two_and_only_pending_ones(jobs: Jobs) -> None:
    for number in range(3):
        jobs.put(item(number, "twice"))
    jobs.take()
    jobs.delete("twice")
    assert pending(jobs) == ["twice"]
    jobs.delete("twice")
    jobs.delete("twice")
    assert pending(jobs) == [] and jobs.is_running("twice")


def test_every_change_is_reported_with_its_count(jobs: Jobs, counts: list[int]) -> None:
    jobs.put(item(0, "a"))
    jobs.put(item(1, "b"))
    run_one(jobs)
    jobs.put(item(2, "c"))
    jobs.delete("c")
    jobs.clear()
    assert counts == [1, 2, 2, 1, 2, 1, 0]


def test_history_keeps_the_last_of_equal_ids_and_a_bounded_number(jobs: Jobs) -> None:
    for index in range(HISTORY_LIMIT + 5):
        jobs.put(item(index, f"job-{index}"))
        run_one(jobs)
    keys = list(jobs.entries())
    assert len(keys) == HISTORY_LIMIT + 1
    assert keys[-1] == f"job-{HISTORY_LIMIT + 4}"
    assert list(jobs.entries(max_items=2)) == keys[-2:]
    assert list(jobs.entries(max_items=2, offset=1)) == keys[1:3]
    assert list(jobs.entries(max_items=0)) == list(jobs.entries(max_items=-1)) == []


def test_secrets_do_not_reach_the_history(jobs: Jobs) -> None:
    jobs.put((0, "a", {}, {"api_key_comfy_org": "secret", "mine": 1}, []))
    run_one(jobs)
    assert jobs.entry("a")["a"]["prompt"][3] == {"mine": 1}
