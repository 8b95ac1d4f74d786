"""What each piece of evidence leaves in the record, exactly: later rules depend on it."""

from __future__ import annotations

import pytest

from app.core.evidence import (
    Absent,
    Accepted,
    Executed,
    Finished,
    GivenUp,
    NoAnswer,
    ReportedEnd,
    Seen,
    Started,
    Unclear,
)
from app.core.model import Contact, TaskState
from app.core.truth import LOST_GAP, judge
from tests.kit.builders import after, output, submitted, task

CREATED = 100.0  # of every task here


def test_the_servers_number_is_kept() -> None:
    assert after(task(), Accepted(101.0, 7.0)).progress.number == 7.0


def test_unclear_answer_restarts_absence() -> None:
    looked = task(absent_since=100.5)
    assert judge(looked, Unclear(101.0, "timeout")).progress.absent_since is None


def test_start_is_first_poll_that_saw_it_running() -> None:
    waiting = after(submitted(), Seen(200.0, False, 2))
    assert (waiting.progress.started_at, waiting.progress.place) == (None, 2)
    running = after(waiting, Seen(201.0, True))
    assert (running.progress.started_at, running.progress.place) == (201.0, None)
    assert after(running, Seen(202.0, True)).progress.started_at == 201.0


@pytest.mark.parametrize("piece", [Started(201.0), Executed(201.0, ()), ReportedEnd(201.0, "success")])
def test_start_is_also_reported_by_socket(piece: Started | Executed | ReportedEnd) -> None:
    waiting = after(submitted(), Seen(200.0, False, 1))
    assert after(waiting, piece).progress.started_at == 201.0
    seen = after(submitted(), Seen(190.0, True), Seen(191.0, False, 1))
    assert after(seen, piece).progress.started_at == 190.0


def test_poll_counts_unless_post_ended_during_it() -> None:
    answered = after(task(), Accepted(150.0, 7.0))
    assert after(answered, Absent(150.0, 150.5)).progress.absent_since == 150.5
    assert after(answered, Absent(149.9, 150.0)) == answered
    assert after(answered, Absent(149.0, 149.9)).progress.absent_since == 149.9


def test_poll_at_the_time_of_the_first_does_not_count() -> None:
    first = after(submitted(), Absent(200.0, 200.1))
    assert judge(first, Absent(200.05, 200.1)) == first
    set_back = judge(first, Absent(150.0, 150.1))
    assert set_back.progress.absent_since == 150.1


def test_an_end_out_of_history_forgets_that_it_was_missed() -> None:
    missed = after(submitted(), Seen(199.0, False, 3), Absent(200.0, 200.1))
    ended = after(missed, Finished(201.0, "success", ended_ms=9_000))
    assert (ended.progress.absent_since, ended.progress.place, ended.end.server_ended_ms) == (None, None, 9_000)


def test_an_end_out_of_history_ends_an_unanswered_post_too() -> None:
    assert after(task(), Finished(201.0, "success")).progress.answered_at == 201.0
    assert after(task(), Accepted(101.0, 7.0), Finished(201.0, "success")).progress.answered_at == 101.0


def test_silent_polls_are_counted_and_reset_by_the_end() -> None:
    silent = after(submitted(), NoAnswer(200.0, "timeout"), NoAnswer(201.0, "refused"), NoAnswer(202.0, "down"))
    assert (silent.progress.contact, silent.progress.contact_detail) == (Contact.UNREACHABLE, "refused")
    assert silent.progress.silent_looks == 3
    assert after(submitted(), NoAnswer(200.0, "a"), NoAnswer(201.0, "b")).progress.silent_looks == 2
    ended = after(silent, GivenUp(203.0))
    assert (ended.state, ended.progress.contact, ended.progress.contact_detail) == (TaskState.GIVEN_UP, Contact.OK, "")


def test_reported_outputs_are_dated_by_server_clock() -> None:
    """The server's clock at the start, and no more time since then than the task is old."""
    begun = after(submitted(), Started(150.0, 5_000))
    (made,) = after(begun, Executed(160.5, (output("a.png"),), age=60.25)).delivery.outputs
    assert made.told_ms == 5_000 + 60_250
    (unknown,) = after(submitted(), Executed(160.0, (output("a.png"),), age=60.0)).delivery.outputs
    (of_an_earlier_page,) = after(begun, Executed(160.0, (output("a.png"),))).delivery.outputs
    assert unknown.told_ms is None and of_an_earlier_page.told_ms is None


def test_start_is_no_earlier_than_creation() -> None:
    piece = after(submitted(), ReportedEnd(130.25, "success", ended_ms=90_000, age=30.25))
    assert piece.end.server_started_ms == 90_000 - 30_250
    assert piece.end.server_ended_ms == 90_000
    assert after(submitted(), ReportedEnd(130.0, "success", age=30.0)).end.server_started_ms is None
    of_an_earlier_page = after(submitted(), ReportedEnd(130.0, "success", ended_ms=90_000))
    assert of_an_earlier_page.end.server_started_ms is None
    known = after(submitted(), Started(110.0, 5_000), ReportedEnd(130.0, "success", ended_ms=90_000, age=30.0))
    assert known.end.server_started_ms == 5_000
    repeated = after(known, ReportedEnd(131.0, "success"))
    assert (repeated.end.server_started_ms, repeated.end.server_ended_ms) == (5_000, 90_000)


def test_two_absent_polls_are_three_seconds_apart() -> None:
    first = after(submitted(), Absent(200.0, 200.0))
    assert not judge(first, Absent(200.0 + LOST_GAP - 0.1, 204.0)).state.is_end
    assert judge(first, Absent(200.0 + LOST_GAP, 204.0)).state is TaskState.LOST


def test_poll_is_noted_by_what_it_saw() -> None:
    seen = after(submitted(), Seen(200.0, True), Seen(201.0, False, 1))
    assert [note.kind for note in seen.notes if note.at >= 200.0] == ["seen_running", "seen_queued"]


def test_inferred_end_is_not_changed_by_give_up() -> None:
    lost = after(submitted(), Absent(200.0, 200.1), Absent(201.0 + LOST_GAP, 201.1 + LOST_GAP))
    assert lost.state is TaskState.LOST and not lost.end.is_proven
    assert judge(lost, GivenUp(300.0)) is lost
