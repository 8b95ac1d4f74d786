"""Whose turn it is on a server, from the claims of all windows and the server's queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.core.balancer import Claims, Snapshot
from app.core.durations import Durations, Ran
from app.core.model import Job, PromptId, Reservation, ServerId, Task, TaskState, WindowId
from app.core.turns import (
    GONE_COUNTS_FOR,
    READ_BEFORE,
    UNSEEN_COUNTS_FOR,
    WAITING_COUNTS_FOR,
    Asker,
    turn_of,
)
from tests.kit.builders import task
from tests.ports.tasks import changed
from wire.turns import AHEAD

NOW = 5_000.0
A, B = ServerId("gpu-1"), ServerId("gpu-2")
ME, OTHER = WindowId("me"), WindowId("other")
ASKER = Asker(prompt_id=PromptId("mine"), window_id=ME, server_id=A, now=NOW)


def held(name: str, state: TaskState = TaskState.QUEUED, *, owner: WindowId = OTHER, age: float = 10.0) -> Task:
    """Return an unfinished task on A whose POST was answered, unless its state says otherwise."""
    answered = NOW - age if state in {TaskState.QUEUED, TaskState.RUNNING} else None
    return changed(
        task(name), server_id=A, state=state, owner=owner, created_at=NOW - age, answered_at=answered, job=None
    )


def place(name: str, *, age: float = 1.0, window: WindowId = OTHER, since: float | None = None) -> Reservation:
    return Reservation(
        prompt_id=PromptId(name), window_id=window, server_id=A, address="http://a", at=NOW - age, waits_since=since
    )


def queue(*pending: str, running: str = "", read_at: float = NOW, own: Sequence[str] | None = None) -> Snapshot:
    names = (PromptId(running),) if running else ()
    return Snapshot(A, tuple(map(PromptId, pending)), running=names, read_at=read_at, own=own and [*map(PromptId, own)])


def test_two_runs_of_any_windows_are_enough() -> None:
    one = Claims(unfinished=[held("a", owner=ME)])
    assert turn_of(ASKER, one, None).is_now
    two = Claims(unfinished=[held("a", owner=ME), held("b")])
    assert not turn_of(ASKER, two, None).is_now
    assert turn_of(replace(ASKER, server_id=B), two, None).is_now, "another server"
    assert turn_of(replace(ASKER, prompt_id=PromptId("a")), two, None).own == 1, "it does not count itself"


def test_reservations_of_runs_on_their_way_count() -> None:
    assert turn_of(ASKER, Claims([place("a"), place("b")]), None).own == AHEAD


def test_run_that_has_left_the_queue_counts_no_longer() -> None:
    claims = Claims(unfinished=[held("a"), held("b", TaskState.RUNNING)])
    assert not turn_of(ASKER, claims, queue("a", running="b")).is_now
    turn = turn_of(ASKER, claims, queue("x", running="b"))
    assert (turn.own, turn.others, turn.is_now) == (1, None, True), "x may be another user's"


def test_run_accepted_after_the_queue_was_read_counts() -> None:
    claims = Claims(unfinished=[held("a"), held("b")])
    assert not turn_of(ASKER, claims, queue(read_at=NOW - 20.0)).is_now
    just_before = queue(read_at=NOW - 9.0)  # a read for another window, that had begun earlier, has answered this one
    assert not turn_of(ASKER, claims, just_before).is_now
    assert turn_of(ASKER, claims, queue(read_at=NOW - 10.0 + READ_BEFORE + 0.1)).is_now


def test_unreadable_queue_frees_no_turn() -> None:
    claims = Claims(unfinished=[held("a"), held("b")])
    assert not turn_of(ASKER, claims, Snapshot(A, cause="down", read_at=NOW)).is_now


@pytest.mark.parametrize(
    ("age", "is_alive", "counts"),
    [
        (1.0, None, True),
        (UNSEEN_COUNTS_FOR + 1, None, False),
        (UNSEEN_COUNTS_FOR + 1, True, False),  # its page may sleep
        (GONE_COUNTS_FOR - 1, False, True),
        (GONE_COUNTS_FOR + 1, False, False),
        (-86_400.0, None, False),  # its clock was wrong
    ],
)
def test_count_of_unsent_run_ends(age: float, is_alive: bool | None, counts: bool) -> None:
    claims = Claims(unfinished=[held("a", TaskState.REGISTERED, age=age)])
    assert turn_of(replace(ASKER, alive={OTHER: is_alive}), claims, queue()).own == counts


@pytest.mark.parametrize("name", ["me", "me+2"])
def test_old_place_of_a_living_session_of_the_tab_counts(name: str) -> None:
    """The page slept between the record of the run and its request, as the asking session did."""
    session = WindowId(name)
    for claims in (
        Claims([place("a", window=session, age=86_400.0)]),
        Claims(unfinished=[held("a", TaskState.REGISTERED, owner=session, age=86_400.0)]),
    ):
        first = turn_of(ASKER, claims, queue())
        assert (first.own, first.unsure) == (1, {session} - {ME})
        known = turn_of(replace(ASKER, alive={session: True}), claims, queue())
        assert (known.own, known.unsure) == (1, frozenset())


@pytest.mark.parametrize("is_alive", [None, False])
def test_old_place_of_an_ended_session_of_the_tab_does_not_count(is_alive: bool | None) -> None:
    claims = Claims([place("a", window=WindowId("me+2"), age=UNSEEN_COUNTS_FOR + 1)])
    assert turn_of(replace(ASKER, alive={WindowId("me+2"): is_alive}), claims, queue()).own == 0


def test_own_unsent_run_counts_though_the_clock_was_set() -> None:
    for age in (86_400.0, -86_400.0):
        mine = held("a", TaskState.REGISTERED, owner=ME, age=age)
        assert turn_of(ASKER, Claims(unfinished=[mine]), queue()).own == 1
        assert turn_of(ASKER, Claims(unfinished=[replace(mine, is_ward=True)]), queue()).own == 0


def test_closed_windows_place_frees_its_turn() -> None:
    claims = Claims([place("a"), place("b")])
    assert turn_of(ASKER, claims, queue()).unsure == {OTHER}
    assert turn_of(replace(ASKER, alive={OTHER: False}), claims, queue()).is_now


def test_gateway_counts_runs_of_other_browsers() -> None:
    turn = turn_of(ASKER, Claims(), queue("p", "q", "other-1", own=["p", "q"]))
    assert (turn.own, turn.others, turn.is_now) == (2, 1, False)


def test_turn_does_not_come_with_the_second_of_two_browsers() -> None:
    """The other browser's run ends first, and how long it takes is unknown here."""
    job, durations = Job("family", 1.0), Durations()
    for _ in range(5):
        durations = durations.learned(Ran(server_id=A, address="http://a", job=job, started_ms=1_000, ended_ms=21_000))
    claims = Claims(unfinished=[changed(held("mine"), job=job)], durations=durations)
    seen = queue("mine", running="theirs", own=["mine", "theirs"])
    turn = turn_of(replace(ASKER, prompt_id=PromptId("new")), claims, seen)
    assert (turn.own, turn.eta) == (AHEAD, None)


def test_window_that_waits_longest_is_served_first() -> None:
    notes = [place("early", since=NOW - 50.0), place("late", since=NOW + 1.0)]
    turn = turn_of(ASKER, Claims(notes, [held("a")]), queue("a"))
    assert (turn.own, turn.earlier, turn.is_now, turn.since) == (1, 1, False, NOW)
    known = place("mine", window=ME, since=NOW - 60.0)
    turn = turn_of(ASKER, Claims([*notes, known], [held("a")]), queue("a"))
    assert (turn.is_now, turn.since) == (True, NOW - 60.0)


def test_clock_set_back_moves_no_waiting_run_to_the_end() -> None:
    known = place("mine", window=ME, age=-3_600.0, since=NOW + 3_600.0)
    assert turn_of(ASKER, Claims([known]), queue()).since == NOW


def test_waiting_run_that_asks_no_longer_holds_up_no_one() -> None:
    old = place("old", age=WAITING_COUNTS_FOR + 1, since=NOW - 500.0)
    closed = place("closed", since=NOW - 400.0)
    claims = Claims([old, closed], [held("a")])
    assert turn_of(replace(ASKER, alive={OTHER: False}), claims, queue("a")).earlier == 0


def test_line_of_one_tab_keeps_its_own_order() -> None:
    claims = Claims([place("before", window=WindowId("me+1"), since=NOW - 50.0)], [held("a")])
    assert turn_of(ASKER, claims, queue("a")).is_now


def test_turn_comes_when_the_first_own_run_ends() -> None:
    job = Job("family", 1.0)
    durations = Durations()
    for _ in range(5):
        durations = durations.learned(Ran(server_id=A, address="http://a", job=job, started_ms=1_000, ended_ms=21_000))
    started = changed(held("a", TaskState.RUNNING), job=job, started_at=NOW - 5.0)
    claims = Claims(unfinished=[started, changed(held("b"), job=job)], durations=durations)
    eta = turn_of(ASKER, claims, queue("b", running="a")).eta
    assert eta is not None and eta.left == pytest.approx(15.0, abs=2.0)
    assert turn_of(ASKER, claims, queue("x", "b", running="y")).eta is None, "others' work is unknown"
