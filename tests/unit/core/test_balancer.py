"""The choice of a server: least loaded, each prompt counted once, ties spread, refusals named."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.balancer import RESERVATION_COUNTS_FOR, Berths, Snapshot, Wish, choose, load_of
from app.core.errors import NoServerAvailable
from app.core.model import PromptId, ServerId
from tests.unit.core.builders import OTHER, A, B, C, reservation, submitted

NOW = 1000.0
IDS = [PromptId(f"p-{index}") for index in range(8)]


def snapshot(server_id: str, *prompt_ids: str, cause: str = "") -> Snapshot:
    """What one server answered."""
    return Snapshot(ServerId(server_id), frozenset(map(PromptId, prompt_ids)), cause)


def test_the_least_loaded_server_is_chosen_and_the_reason_kept() -> None:
    choice = choose([snapshot(A, "x"), snapshot(B), snapshot(C, "y", "z")], Berths(), now=NOW, tie=0.0)
    assert (choice.server_id, choice.reason) == (B, "least_loaded")
    assert choice.loads == {A: 1, B: 0, C: 2}


def test_a_server_that_does_not_answer_is_no_candidate() -> None:
    choice = choose([snapshot(A, cause="timeout"), snapshot(B, "x")], Berths(), now=NOW, tie=0.0)
    assert (choice.server_id, choice.reason) == (B, "only")
    assert choice.refused == {A: "timeout"}
    assert A not in choice.loads


@pytest.mark.parametrize("snapshots", [[], [snapshot(A, cause="timeout"), snapshot(B, cause="refuses")]])
def test_without_a_server_nothing_is_chosen_and_each_cause_is_told(snapshots: list[Snapshot]) -> None:
    with pytest.raises(NoServerAvailable) as caught:
        choose(snapshots, Berths(), now=NOW, tie=0.0)
    assert caught.value.causes == {item.server_id: item.cause for item in snapshots}


def test_the_server_asked_for_is_taken_however_loaded() -> None:
    choice = choose([snapshot(A, "x", "y"), snapshot(B)], Berths(), now=NOW, tie=0.0, wish=Wish(asked=A))
    assert (choice.server_id, choice.reason) == (A, "asked")


@pytest.mark.parametrize(("asked", "cause"), [(A, "timeout"), (C, "not_in_fleet")])
def test_what_cannot_go_where_the_person_wants_goes_nowhere(asked: ServerId, cause: str) -> None:
    with pytest.raises(NoServerAvailable) as caught:
        choose([snapshot(A, cause="timeout"), snapshot(B)], Berths(), now=NOW, tie=0.0, wish=Wish(asked=asked))
    assert caught.value.causes == {asked: cause}


def test_work_that_is_claimed_and_not_yet_in_a_queue_counts() -> None:
    berths = Berths([reservation("p-1", A, at=NOW)], [submitted("p-2", B), submitted("p-3", B)])
    choice = choose([snapshot(A), snapshot(B), snapshot(C, "x", "y", "z")], berths, now=NOW, tie=0.0)
    assert choice.loads == {A: 1, B: 2, C: 3}
    assert choice.server_id == A


def test_the_same_prompt_is_counted_once() -> None:
    berths = Berths([reservation("p-1", A, at=NOW)], [submitted("p-1", A), submitted("p-2", A)])
    assert load_of(snapshot(A, "p-1", "p-2", "p-3"), berths, NOW) == 3


@pytest.mark.parametrize(
    ("age", "load"), [(0.0, 1), (RESERVATION_COUNTS_FOR - 1, 1), (RESERVATION_COUNTS_FOR, 0), (9e9, 0)]
)
def test_an_abandoned_reservation_stops_counting(age: float, load: int) -> None:
    berths = Berths([reservation("p-1", A, at=NOW - age, window_id=OTHER)])
    assert load_of(snapshot(A), berths, NOW) == load


def test_a_clock_that_was_set_back_does_not_hide_a_reservation() -> None:
    assert load_of(snapshot(A), Berths([reservation("p-1", A, at=NOW + 60)]), NOW) == 1


@given(
    st.lists(st.sets(st.sampled_from(IDS)), min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from(IDS), st.integers(0, 3))),
    st.lists(st.tuples(st.sampled_from(IDS), st.integers(0, 3))),
    st.sets(st.integers(0, 3)),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_the_chosen_one_is_minimal_and_counts_each_id_once(
    queues: list[set[PromptId]],
    reserved: list[tuple[PromptId, int]],
    unfinished: list[tuple[PromptId, int]],
    silent: set[int],
    tie: float,
) -> None:
    servers = [ServerId(f"s-{index}") for index in range(len(queues))]
    snapshots = [
        Snapshot(name, frozenset(queue), "timeout" if index in silent else "")
        for index, (name, queue) in enumerate(zip(servers, queues, strict=True))
    ]
    berths = Berths(
        [reservation(prompt_id, f"s-{index}", at=NOW) for prompt_id, index in reserved],
        [submitted(prompt_id, f"s-{index}") for prompt_id, index in unfinished],
    )
    answering = [index for index in range(len(queues)) if index not in silent]
    if not answering:
        with pytest.raises(NoServerAvailable):
            choose(snapshots, berths, now=NOW, tie=tie)
        return
    choice = choose(snapshots, berths, now=NOW, tie=tie)
    claims = {
        index: queues[index] | {name for name, place in (*reserved, *unfinished) if place == index}
        for index in answering
    }
    assert choice.loads == {f"s-{index}": len(ids) for index, ids in claims.items()}
    assert choice.loads[choice.server_id] == min(choice.loads.values())
    assert set(choice.refused) == {servers[index] for index in silent if index < len(servers)}


@pytest.mark.parametrize("count", [2, 3, 7])
def test_ties_are_spread_evenly(count: int) -> None:
    snapshots = [snapshot(f"s-{index}") for index in range(count)]
    chosen = Counter(
        choose(snapshots, Berths(), now=NOW, tie=step / (count * 100)).server_id for step in range(count * 100)
    )
    assert set(chosen.values()) == {100}


def test_a_tie_is_broken_among_equals_only() -> None:
    snapshots = [snapshot(A), snapshot(B, "x"), snapshot(C)]
    chosen = {choose(snapshots, Berths(), now=NOW, tie=step / 10).server_id for step in range(10)}
    assert chosen == {A, C}
    assert choose(snapshots, Berths(), now=NOW, tie=0.0).reason == "tie"


@given(st.floats(0.0, 1.0, exclude_max=True), st.floats(0.0, 1.0, exclude_max=True), st.permutations([A, B]))
def test_a_second_window_sees_the_firsts_reservation(first: float, second: float, order: list[ServerId]) -> None:
    snapshots = [snapshot(server_id) for server_id in order]
    one = choose(snapshots, Berths(), now=NOW, tie=first).server_id
    berths = Berths([reservation("p-1", one, at=NOW, window_id=OTHER)])
    assert choose(snapshots, berths, now=NOW, tie=second).server_id != one


def test_the_avoided_server_is_not_chosen_though_it_is_the_least_loaded() -> None:
    choice = choose([snapshot(A), snapshot(B, "x")], Berths(), now=NOW, tie=0.0, wish=Wish(avoided=A))
    assert (choice.server_id, choice.refused) == (B, {str(A): "avoided"})


def test_with_nothing_but_the_avoided_server_nothing_is_chosen() -> None:
    with pytest.raises(NoServerAvailable) as refusal:
        choose([snapshot(A)], Berths(), now=NOW, tie=0.0, wish=Wish(avoided=A))
    assert refusal.value.causes == {str(A): "avoided"}
