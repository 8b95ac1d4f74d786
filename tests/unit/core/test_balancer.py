"""The choice of a server: the soonest one, each prompt counted once, ties distributed, refusals named."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.balancer import (
    RESERVATION_COUNTS_FOR,
    STALE_AFTER,
    Claims,
    Leaning,
    ServerQueue,
    Snapshot,
    Wish,
    choose,
    line_of,
)
from app.core.durations import UNKNOWN, UNKNOWN_SWAP, Durations, Ran
from app.core.errors import NoServerAvailable
from app.core.model import Job, PromptId, ServerId, TaskState
from tests.kit.builders import OTHER, A, B, C, reservation, submitted

NOW = 1000.0
IDS = [PromptId(f"p-{index}") for index in range(8)]


def snapshot(server_id: str, *prompt_ids: str, cause: str = "") -> Snapshot:
    """What one server answered."""
    return Snapshot(ServerId(server_id), tuple(map(PromptId, prompt_ids)), cause)


def line(found: Snapshot, claims: Claims, now: float = NOW) -> ServerQueue:
    """The queue of one server."""
    return line_of(found, claims.by_server(now).get(found.server_id, {}), claims.durations, now)


def test_the_least_loaded_server_is_chosen_and_the_reason_kept() -> None:
    choice = choose([snapshot(A, "x"), snapshot(B), snapshot(C, "y", "z")], Claims(), now=NOW, tie=0.0)
    assert (choice.server_id, choice.reason) == (B, "least_loaded")
    assert choice.loads == {A: 1, B: 0, C: 2}


def test_a_server_that_does_not_answer_is_no_candidate() -> None:
    choice = choose([snapshot(A, cause="timeout"), snapshot(B, "x")], Claims(), now=NOW, tie=0.0)
    assert (choice.server_id, choice.reason) == (B, "only")
    assert choice.refused == {A: "timeout"}
    assert A not in choice.loads


@pytest.mark.parametrize("snapshots", [[], [snapshot(A, cause="timeout"), snapshot(B, cause="refuses")]])
def test_without_servers_nothing_is_chosen_and_causes_are_named(snapshots: list[Snapshot]) -> None:
    with pytest.raises(NoServerAvailable) as caught:
        choose(snapshots, Claims(), now=NOW, tie=0.0)
    assert caught.value.causes == {item.server_id: item.cause for item in snapshots}


def test_the_server_asked_for_is_taken_however_loaded() -> None:
    choice = choose([snapshot(A, "x", "y"), snapshot(B)], Claims(), now=NOW, tie=0.0, wish=Wish(asked=A))
    assert (choice.server_id, choice.reason) == (A, "asked")


@pytest.mark.parametrize(("asked", "cause"), [(A, "timeout"), (C, "not_in_fleet")])
def test_unfulfillable_wish_chooses_no_server(asked: ServerId, cause: str) -> None:
    with pytest.raises(NoServerAvailable) as caught:
        choose([snapshot(A, cause="timeout"), snapshot(B)], Claims(), now=NOW, tie=0.0, wish=Wish(asked=asked))
    assert caught.value.causes == {asked: cause}


def test_claimed_work_not_yet_queued_counts() -> None:
    claims = Claims([reservation("p-1", A, at=NOW)], [submitted("p-2", B), submitted("p-3", B)])
    choice = choose([snapshot(A), snapshot(B), snapshot(C, "x", "y", "z")], claims, now=NOW, tie=0.0)
    assert choice.loads == {A: 1, B: 2, C: 3}
    assert choice.server_id == A


def test_the_same_prompt_is_counted_once() -> None:
    claims = Claims([reservation("p-1", A, at=NOW)], [submitted("p-1", A), submitted("p-2", A)])
    assert line(snapshot(A, "p-1", "p-2", "p-3"), claims).count == 3


@pytest.mark.parametrize(
    ("age", "load"), [(0.0, 1), (RESERVATION_COUNTS_FOR - 1, 1), (RESERVATION_COUNTS_FOR, 0), (9e9, 0)]
)
def test_an_abandoned_reservation_stops_counting(age: float, load: int) -> None:
    claims = Claims([reservation("p-1", A, at=NOW - age, window_id=OTHER)])
    assert line(snapshot(A), claims).count == load


def test_clock_set_back_does_not_hide_reservation() -> None:
    assert line(snapshot(A), Claims([reservation("p-1", A, at=NOW + 60)])).count == 1


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
        Snapshot(name, sorted(queue), "timeout" if index in silent else "")
        for index, (name, queue) in enumerate(zip(servers, queues, strict=True))
    ]
    claims = Claims(
        [reservation(prompt_id, f"s-{index}", at=NOW) for prompt_id, index in reserved],
        [submitted(prompt_id, f"s-{index}") for prompt_id, index in unfinished],
    )
    answering = [index for index in range(len(queues)) if index not in silent]
    if not answering:
        with pytest.raises(NoServerAvailable):
            choose(snapshots, claims, now=NOW, tie=tie)
        return
    choice = choose(snapshots, claims, now=NOW, tie=tie)
    queued = {
        index: queues[index] | {name for name, place in (*reserved, *unfinished) if place == index}
        for index in answering
    }
    assert choice.loads == {f"s-{index}": len(ids) for index, ids in queued.items()}
    assert choice.loads[choice.server_id] == min(choice.loads.values())
    assert set(choice.refused) == {servers[index] for index in silent if index < len(servers)}


@pytest.mark.parametrize("count", [2, 3, 7])
def test_ties_are_spread_evenly(count: int) -> None:
    snapshots = [snapshot(f"s-{index}") for index in range(count)]
    chosen = Counter(
        choose(snapshots, Claims(), now=NOW, tie=step / (count * 100)).server_id for step in range(count * 100)
    )
    assert set(chosen.values()) == {100}


def test_a_tie_is_broken_among_equals_only() -> None:
    snapshots = [snapshot(A), snapshot(B, "x"), snapshot(C)]
    chosen = {choose(snapshots, Claims(), now=NOW, tie=step / 10).server_id for step in range(10)}
    assert chosen == {A, C}
    assert choose(snapshots, Claims(), now=NOW, tie=0.0).reason == "tie"


@given(st.floats(0.0, 1.0, exclude_max=True), st.floats(0.0, 1.0, exclude_max=True), st.permutations([A, B]))
def test_a_second_window_sees_the_firsts_reservation(first: float, second: float, order: list[ServerId]) -> None:
    snapshots = [snapshot(server_id) for server_id in order]
    one = choose(snapshots, Claims(), now=NOW, tie=first).server_id
    claims = Claims([reservation("p-1", one, at=NOW, window_id=OTHER)])
    assert choose(snapshots, claims, now=NOW, tie=second).server_id != one


def test_avoided_server_is_not_chosen_though_least_loaded() -> None:
    choice = choose([snapshot(A), snapshot(B, "x")], Claims(), now=NOW, tie=0.0, wish=Wish(avoided=A))
    assert (choice.server_id, choice.refused) == (B, {str(A): "avoided"})


def test_with_nothing_but_the_avoided_server_nothing_is_chosen() -> None:
    with pytest.raises(NoServerAvailable) as refusal:
        choose([snapshot(A)], Claims(), now=NOW, tie=0.0, wish=Wish(avoided=A))
    assert refusal.value.causes == {str(A): "avoided"}


# Seconds


SMALL = Job("small", 1.0, ("small.safetensors",))
LARGE = Job("large", 1.0, ("large.safetensors",))
PLAIN = Job("plain")


def learned(*runs: tuple[ServerId, Job, float]) -> Durations:
    """What is learned from these runs, one after the other on each server."""
    durations, clock = Durations(), dict.fromkeys((A, B, C), 0)
    for server_id, job, seconds in runs:
        began, clock[server_id] = clock[server_id], clock[server_id] + round(seconds * 1000)
        ran = Ran(server_id=server_id, address="", job=job, started_ms=began, ended_ms=clock[server_id])
        durations = durations.learned(ran)
    return durations


def test_fast_server_with_queue_may_beat_slow_idle_one() -> None:
    durations = learned(*[(A, PLAIN, 10.0), (B, PLAIN, 100.0)] * 9)
    claims = Claims([reservation("p-1", A, at=NOW, job=PLAIN)], durations=durations)
    choice = choose([snapshot(A), snapshot(B)], claims, now=NOW, tie=0.9, job=PLAIN)
    assert (choice.server_id, choice.reason) == (A, "soonest")
    assert choice.scores == {A: pytest.approx(20.0, rel=0.1), B: pytest.approx(100.0, rel=0.1)}


def test_choice_has_no_scores_without_learned_times() -> None:
    choice = choose([snapshot(A, "x"), snapshot(B)], Claims(), now=NOW, tie=0.0, job=PLAIN)
    assert (choice.reason, choice.scores) == ("least_loaded", {})


def test_a_server_that_has_the_model_loaded_is_preferred() -> None:
    durations = learned((A, SMALL, 30.0), (B, LARGE, 30.0), (C, LARGE, 30.0), (C, PLAIN, 1.0))
    choice = choose([snapshot(A), snapshot(B)], Claims(durations=durations), now=NOW, tie=0.9, job=SMALL)
    assert (choice.server_id, choice.reason) == (A, "tie") or choice.server_id == A
    behind = Claims([reservation("p-1", A, at=NOW, job=PLAIN)], durations=durations)
    choice = choose([snapshot(A), snapshot(B)], behind, now=NOW, tie=0.9, job=SMALL)
    assert (choice.server_id, choice.reason) == (A, "warm")


def test_queued_prompts_load_their_own_models_first() -> None:
    durations = learned((A, SMALL, 30.0))
    claims = Claims([reservation("p-1", A, at=NOW, job=LARGE)], durations=durations)
    found = line(snapshot(A), claims)
    assert found.loaded == LARGE.models
    assert found.seconds == pytest.approx(durations.expected(A, LARGE) + UNKNOWN_SWAP)


def test_who_knows_what_other_peoples_work_loads() -> None:
    found = line(snapshot(A, "x"), Claims(durations=learned((A, SMALL, 30.0))))
    assert found.loaded is None
    assert found.seconds == pytest.approx(30.0)


def test_running_prompt_counts_with_its_remaining_time() -> None:
    mine = submitted("p-1", A, state=TaskState.RUNNING, started_at=NOW - 20, job=PLAIN)
    running = Snapshot(A, running=(PromptId("p-1"),))
    durations = learned((A, PLAIN, 50.0))
    assert line(running, Claims(unfinished=[mine], durations=durations)).seconds == pytest.approx(30.0)
    overdue = submitted("p-1", A, state=TaskState.RUNNING, started_at=NOW - 500, job=PLAIN)
    assert line(running, Claims(unfinished=[overdue], durations=durations)).seconds == pytest.approx(5.0)
    assert line(running, Claims(durations=durations)).seconds == pytest.approx(25.0), "since when, nobody knows"


def test_prompt_that_left_the_queue_has_ended() -> None:
    asked = Snapshot(A, read_at=500.0)
    assert line(asked, Claims(unfinished=[submitted("p-1", A, answered_at=499.0)])).count == 0
    assert line(asked, Claims(unfinished=[submitted("p-1", A, answered_at=501.0)])).count == 1
    assert line(asked, Claims(unfinished=[submitted("p-1", A, answered_at=499.0, state=TaskState.UNCLEAR)])).count == 1


def test_queue_shrinks_with_age_of_answer() -> None:
    claims = Claims(durations=learned((A, PLAIN, 30.0)))
    assert line(Snapshot(A, (PromptId("x"), PromptId("y")), read_at=NOW - 20), claims).seconds == pytest.approx(40.0)


# Chance


def test_servers_within_estimate_accuracy_are_equal() -> None:
    durations = learned((A, PLAIN, 100.0), (B, PLAIN, 102.0), (C, PLAIN, 150.0))
    found = [
        choose([snapshot(A), snapshot(B), snapshot(C)], Claims(durations=durations), now=NOW, tie=tie, job=PLAIN)
        for tie in (0.0, 0.9)
    ]
    assert [(item.server_id, item.reason) for item in found] == [(A, "tie"), (B, "tie")]


def test_old_answers_leave_choice_of_two_near_ones_to_chance() -> None:
    queues = ((A, "abcd"), (B, "efg"), (C, "hijk"), (ServerId("gpu-d"), "mnopqrstu"))
    old = [Snapshot(name, tuple(map(PromptId, ids)), read_at=NOW - STALE_AFTER - 1) for name, ids in queues]
    found = [choose(old, Claims(), now=NOW, tie=step / 600) for step in range(600)]
    assert {item.reason for item in found} == {"two_choice"}
    drawn = Counter(item.server_id for item in found)
    assert drawn[B] == pytest.approx(400, abs=3), "it wins whenever it is one of the two"
    assert drawn[A] == pytest.approx(100, abs=3)
    assert drawn[C] == pytest.approx(100, abs=3)


def test_one_old_answer_leaves_nothing_to_chance() -> None:
    old = Snapshot(A, read_at=NOW - STALE_AFTER - 1)
    assert choose([old], Claims(), now=NOW, tie=0.5).reason == "only"
    far = Snapshot(B, tuple(map(PromptId, "abcdef")), read_at=NOW - STALE_AFTER - 1)
    assert choose([old, far], Claims(), now=NOW, tie=0.5).reason == "least_loaded"


# Who may not, and waiting


def test_incapable_server_is_no_candidate_and_cause_is_recorded() -> None:
    unable = {A: "lacks", B: "drained"}
    found = [snapshot(A), snapshot(B), snapshot(C, "x"), snapshot(ServerId("gpu-d"), cause="timeout")]
    choice = choose(found, Claims(), now=NOW, tie=0.0, unable=unable)
    assert choice.server_id == C
    assert choice.refused == {A: "lacks", B: "drained", "gpu-d": "timeout"}
    with pytest.raises(NoServerAvailable) as refusal:
        choose(found, Claims(), now=NOW, tie=0.0, wish=Wish(asked=A), unable=unable)
    assert refusal.value.causes == {A: "lacks"}


def test_patient_work_gets_idle_server_or_none() -> None:
    patient = Wish(is_patient=True)
    assert choose([snapshot(A, "x"), snapshot(B)], Claims(), now=NOW, tie=0.0, wish=patient).server_id == B
    with pytest.raises(NoServerAvailable) as refusal:
        choose([snapshot(A, "x")], Claims(), now=NOW, tie=0.0, wish=patient)
    assert refusal.value.causes == {A: "busy"}
    with pytest.raises(NoServerAvailable):
        choose([snapshot(A, "x"), snapshot(B)], Claims(), now=NOW, tie=0.0, wish=Wish(asked=A, is_patient=True))


def test_spread_run_takes_idle_server_before_faster_busy_one() -> None:
    durations = learned(*[(A, PLAIN, 1.0), (B, PLAIN, 500.0)] * 9)
    answers, claims = [snapshot(A, "x"), snapshot(B), snapshot(C, cause="down")], Claims(durations=durations)
    assert choose(answers, claims, now=NOW, tie=0.0, job=PLAIN).server_id == A
    spread = choose(answers, claims, now=NOW, tie=0.0, job=PLAIN, wish=Wish(spreads=True))
    assert (spread.server_id, spread.reason) == (B, "idle")
    unable = choose(answers, claims, now=NOW, tie=0.0, job=PLAIN, wish=Wish(spreads=True), unable={B: "lacks"})
    assert unable.server_id == A
    preferred = Wish(spreads=True, leanings={A: Leaning.PREFER})
    assert choose(answers, claims, now=NOW, tie=0.0, job=PLAIN, wish=preferred).server_id == A


def test_an_unknown_job_takes_what_is_usual() -> None:
    choice = choose([snapshot(A, "x")], Claims(durations=learned((A, PLAIN, 40.0))), now=NOW, tie=0.0)
    assert choice.scores == {A: pytest.approx(80.0, abs=0.2)}
    assert line(snapshot(A, "x"), Claims()).seconds == UNKNOWN


def test_swap_counts_twice_when_all_are_busy() -> None:
    durations = learned(*[(A, SMALL, 30.0), (B, LARGE, 30.0)] * 5)
    short = [reservation("p-1", B, at=NOW, job=LARGE)]
    long = [
        reservation("p-2", A, at=NOW, job=SMALL),
        reservation("p-3", A, at=NOW, job=Job("brief", 1.0, SMALL.models)),
    ]
    busy = Claims([*short, *long], durations=durations)
    choice = choose([snapshot(A), snapshot(B)], busy, now=NOW, tie=0.0, job=SMALL)
    assert choice.scores[B] < choice.scores[A], "it would be done sooner there"
    assert choice.server_id == A
    free = choose(
        [snapshot(A), snapshot(B), snapshot(C, cause="timeout")],
        Claims(long, durations=durations),
        now=NOW,
        tie=0.0,
        job=SMALL,
    )
    assert free.server_id == B


# Weights


def test_server_of_weight_2_is_drawn_twice_as_often() -> None:
    found = Counter(
        choose([snapshot(A), snapshot(B)], Claims(), now=NOW, tie=index / 300, weights={A: 2.0}).server_id
        for index in range(300)
    )
    assert found == {A: 200, B: 100}
    choice = choose([snapshot(A), snapshot(B)], Claims(), now=NOW, tie=0.9, weights={A: 2.0})
    assert (choice.server_id, choice.reason) == (B, "weighted_tie")


def test_equal_weights_are_no_weights() -> None:
    for index in range(12):
        even = choose([snapshot(A), snapshot(B), snapshot(C)], Claims(), now=NOW, tie=index / 12, weights={})
        same = choose(
            [snapshot(A), snapshot(B), snapshot(C)], Claims(), now=NOW, tie=index / 12, weights={A: 3.0, B: 3.0, C: 3.0}
        )
        assert even == same
        assert even.reason == "tie"


def test_queue_of_weight_2_counts_half_and_is_the_reason() -> None:
    shorter, longer = snapshot(B, "x", "y"), snapshot(A, "u", "v", "w")
    choice = choose([longer, shorter], Claims(), now=NOW, tie=0.0, weights={A: 2.0})
    assert (choice.server_id, choice.reason) == (A, "weighted")
    assert choice.loads == {A: 3, B: 2}
    assert choose([longer, shorter], Claims(), now=NOW, tie=0.0).server_id == B


def test_weight_is_not_the_reason_for_a_server_already_first() -> None:
    choice = choose([snapshot(A), snapshot(B, "x")], Claims(), now=NOW, tie=0.0, weights={A: 2.0})
    assert (choice.server_id, choice.reason) == (A, "least_loaded")


@given(st.sampled_from([2.0, 3.0, 0.5]), st.lists(st.floats(0, 1, exclude_max=True), min_size=90, max_size=90))
def test_simultaneous_runs_are_spread_by_weight(weight: float, chances: list[float]) -> None:
    lines: dict[ServerId, list[str]] = {A: [], B: []}
    for number, chance in enumerate(chances):
        snapshots = [snapshot(name, *queue) for name, queue in lines.items()]
        chosen = choose(snapshots, Claims(), now=NOW, tie=chance, weights={A: weight, B: 1.0}).server_id
        lines[chosen].append(f"r-{number}")
    wanted = len(chances) * weight / (weight + 1)
    assert abs(len(lines[A]) - wanted) <= 4, "as the weights say, but for what a tie may shift"


def test_a_draw_from_old_answers_goes_by_weight_too() -> None:
    old = [Snapshot(name, read_at=NOW - 2 * STALE_AFTER) for name in (A, B, C)]
    found = Counter(
        choose(old, Claims(), now=NOW, tie=index / 1000, weights={A: 8.0}).server_id for index in range(1000)
    )
    assert found[A] > 700


def test_a_leaning_and_a_wish_outweigh_a_weight() -> None:
    snapshots = [snapshot(A), snapshot(B)]
    choice = choose(snapshots, Claims(), now=NOW, tie=0.0, weights={A: 100.0}, wish=Wish(asked=B))
    assert (choice.server_id, choice.reason) == (B, "asked")
