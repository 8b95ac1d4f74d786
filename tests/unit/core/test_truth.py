"""What each piece of evidence proves, what it does not prove, and what no sequence of evidence can do."""

from __future__ import annotations

import pytest

from app.core.busy import BUSY
from app.core.evidence import (
    Absent,
    Accepted,
    CancelAsked,
    Evidence,
    Executed,
    Finished,
    GivenUp,
    Moved,
    NoAnswer,
    Refused,
    Removed,
    ReportedEnd,
    Seen,
    Started,
    Unclear,
)
from app.core.model import Contact, Failure, NodeError, NodeId, Note, TaskState
from app.core.truth import LOST_GAP, UNREACHABLE_AFTER, judge
from tests.kit.builders import after, output, submitted, task
from tests.ports.tasks import changed

REJECTED = Failure(kind="rejected", message="no")
FIRST = Absent(200.0, 200.1)
SECOND = Absent(200.1 + LOST_GAP, 200.2 + LOST_GAP)
LATER = 300.0
UNFINISHED = [state for state in TaskState if not state.is_end]


# The answer of the submit


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Accepted(101.0, 7.0), TaskState.QUEUED),
        (Accepted(101.0, None), TaskState.QUEUED),
        (Refused(101.0, REJECTED), TaskState.FAILED),
        (Refused(101.0, Failure(kind="not_sent")), TaskState.FAILED),
        (Unclear(101.0, "timeout"), TaskState.UNCLEAR),
    ],
)
def test_submit_answer_sets_state(answer: Evidence, state: TaskState) -> None:
    judged = after(task(), answer)
    assert judged.state is state
    assert judged.progress.answered_at == 101.0
    assert judged.end.is_proven == (state is TaskState.FAILED)


def test_an_unclear_answer_ends_nothing() -> None:
    assert after(task(), Unclear(101.0, "status 500")).holds_window


def test_outputs_that_the_server_dropped_are_kept_as_warnings() -> None:
    dropped = (NodeError(node_id="6", class_type="SaveImage", type="required_input_missing", message="m"),)
    assert after(task(), Accepted(101.0, 54.0, dropped)).progress.warnings == dropped


@pytest.mark.parametrize("second", [Refused(102.0, REJECTED), Unclear(102.0, "x"), Accepted(102.0, 9.0)])
def test_first_answer_counts(second: Evidence) -> None:
    first = after(task(), Accepted(101.0, 7.0))
    assert judge(first, second) == first


@pytest.mark.parametrize("seen", [Seen(100.5, True), Seen(100.5, False, 1), Started(100.5)])
def test_task_seen_on_server_cannot_be_refused(seen: Evidence) -> None:
    """It is there, whatever an answer says: a proxy may have made that answer up."""
    judged = after(task(), seen, Refused(101.0, REJECTED))
    assert not judged.state.is_end
    assert judged.notes[-1].kind == "refused_after_seen"


@pytest.mark.parametrize("seen", [Seen(100.5, True), Started(100.5), Executed(100.5, ())])
def test_a_late_acceptance_does_not_undo_what_is_known(seen: Evidence) -> None:
    assert after(task(), seen, Accepted(101.0, 7.0)).state is TaskState.RUNNING


# Lost takes two looks


def test_one_absent_poll_is_not_lost() -> None:
    assert after(submitted(), FIRST).state is TaskState.QUEUED


def test_two_separate_absent_polls_are_lost() -> None:
    lost = after(submitted(), FIRST, SECOND)
    assert lost.state is TaskState.LOST
    assert not lost.end.is_proven
    assert [note.kind for note in lost.notes] == ["absent", "absent_again"], "shown with its evidence"


@pytest.mark.parametrize(
    "second",
    [
        Absent(200.1, 200.2),
        Absent(200.1 + LOST_GAP - 0.01, 200.1 + LOST_GAP),
        Absent(199.0, 299.0),  # it took long, but it began before the first had ended
    ],
    ids=["at once", "just too near", "slow, but begun early"],
)
def test_two_polls_too_close_count_as_one(second: Absent) -> None:
    assert after(submitted(), FIRST, second).state is TaskState.QUEUED


@pytest.mark.parametrize("state", [TaskState.QUEUED, TaskState.RUNNING, TaskState.UNCLEAR])
def test_lost_always_takes_two_polls(state: TaskState) -> None:
    start = submitted(state=state)
    assert after(start, FIRST).state is state
    assert after(start, FIRST, SECOND).state is TaskState.LOST


def test_absence_proves_nothing_while_the_post_is_under_way() -> None:
    assert after(task(), FIRST, SECOND, Absent(400.0, 401.0)) == task()
    judged = after(task(), FIRST, SECOND, Unclear(250.0, "timeout"))
    assert after(judged, Absent(260.0, 260.1)).state is TaskState.UNCLEAR, "the looks before do not count"
    assert after(judged, Absent(260.0, 260.1), Absent(270.0, 270.1)).state is TaskState.LOST


def test_a_clock_that_was_set_back_delays_no_verdict() -> None:
    hour = 3600.0
    known = after(submitted(), Absent(200.0 + hour, 200.1 + hour))
    assert after(known, Absent(50.0, 50.1)).state is TaskState.QUEUED, "the two looks cannot be compared"
    assert after(known, Absent(50.0, 50.1), Absent(55.0, 55.1)).state is TaskState.LOST


def test_poll_begun_before_post_ended_proves_nothing() -> None:
    early = Absent(100.9, 101.5)
    assert after(submitted(), early).progress.absent_since is None
    assert after(submitted(), early, Absent(105.0, 105.1)).state is TaskState.QUEUED


@pytest.mark.parametrize("silence", [NoAnswer(202.0, "timeout"), Moved(202.0, "http://elsewhere:1")])
def test_poll_without_real_answer_does_not_count(silence: Evidence) -> None:
    assert after(submitted(), FIRST, silence).state is TaskState.QUEUED
    assert after(submitted(), silence, silence, silence, Absent(400.0, 400.1)).state is TaskState.QUEUED


@pytest.mark.parametrize(
    "sign", [Seen(201.0, False, 3), Seen(201.0, True), Started(201.0), Executed(201.0, (output("a.png"),))]
)
def test_sign_of_life_between_polls_undoes_the_first(sign: Evidence) -> None:
    assert not after(submitted(), FIRST, sign, SECOND).state.is_end
    assert after(submitted(), FIRST, sign, SECOND, Absent(400.0, 400.1)).state is TaskState.LOST


# Absence, with something known


@pytest.mark.parametrize(
    ("judged", "state"),
    [("success", TaskState.SUCCEEDED), ("error", TaskState.FAILED), ("interrupted", TaskState.CANCELLED)],
)
def test_reported_end_decides_when_history_forgot(judged: str, state: TaskState) -> None:
    ended = after(submitted(), ReportedEnd(150.0, judged), FIRST, SECOND)
    assert ended.state is state
    assert not ended.end.is_proven


def test_reported_success_alone_is_no_end() -> None:
    assert after(submitted(), ReportedEnd(150.0, "success")).state is TaskState.RUNNING
    assert after(submitted(), ReportedEnd(150.0, "success"), FIRST).state is TaskState.RUNNING


def test_reported_end_keeps_outputs_and_names_missing_ones() -> None:
    start = submitted(expected=(NodeId("3"), NodeId("4")))
    ended = after(start, Executed(149.0, (output("a.png"),)), ReportedEnd(150.0, "success"), FIRST, SECOND)
    assert ended.delivery.outputs == (output("a.png"),)
    assert ended.end.missing == ("4",)


def test_a_cancelled_prompt_leaves_no_trace() -> None:
    assert after(submitted(), CancelAsked(150.0), FIRST).state is TaskState.QUEUED
    assert after(submitted(), CancelAsked(150.0), FIRST, SECOND).state is TaskState.CANCELLED


def test_removed_task_that_ran_gets_its_real_end() -> None:
    removed = after(submitted(), CancelAsked(150.0), Removed(151.0))
    assert removed.state is TaskState.CANCELLED
    assert after(removed, Finished(160.0, "success")).state is TaskState.SUCCEEDED


def test_a_task_began_when_it_was_first_seen_running() -> None:
    seen = after(submitted(), Seen(150.0, is_running=True), Seen(160.0, is_running=True))
    assert seen.progress.started_at == 150.0
    assert after(submitted(), Seen(150.0, is_running=False, place=1)).progress.started_at is None


def test_removal_counts_only_after_cancel() -> None:
    assert after(submitted(), Removed(150.0)).state is TaskState.QUEUED
    assert after(submitted(), CancelAsked(149.0), Removed(150.0)).state is TaskState.CANCELLED
    assert after(task(), CancelAsked(149.0), Removed(150.0)).state is TaskState.REGISTERED, "its POST is under way"


# History


@pytest.mark.parametrize("state", UNFINISHED)
@pytest.mark.parametrize(
    ("end", "ended"),
    [("success", TaskState.SUCCEEDED), ("error", TaskState.FAILED), ("interrupted", TaskState.CANCELLED)],
)
def test_history_is_the_end_from_every_state(state: TaskState, end: str, ended: TaskState) -> None:
    judged = after(submitted(state=state), Finished(200.0, end, ended_ms=199_000))
    assert judged.state is ended
    assert judged.end.is_proven
    assert (judged.end.ended_at, judged.end.server_ended_ms) == (200.0, 199_000)
    assert judged.end.failure is not None or end != "error"


def test_history_counts_while_the_post_is_under_way() -> None:
    """A run may be over before the answer to its POST arrives."""
    judged = after(task(), Finished(200.0, "success"), Unclear(201.0, "timeout"))
    assert judged.state is TaskState.SUCCEEDED
    assert judged.progress.answered_at == 200.0


def test_success_in_history_overturns_lost() -> None:
    lost = after(submitted(), FIRST, SECOND)
    found = after(lost, Finished(LATER, "success", (output("a.png"),)))
    assert found.state is TaskState.SUCCEEDED
    assert found.end.is_proven
    assert found.delivery.outputs == (output("a.png"),)


@pytest.mark.parametrize("sign", [Seen(LATER, False, 1), Seen(LATER, True), Started(LATER), Executed(LATER, ())])
@pytest.mark.parametrize("ended", ["lost", "cancelled", "reported"])
def test_any_positive_evidence_overturns_an_inferred_end(sign: Evidence, ended: str) -> None:
    before: dict[str, tuple[Evidence, ...]] = {
        "lost": (),
        "cancelled": (CancelAsked(150.0),),
        "reported": (ReportedEnd(150.0, "success"),),
    }
    inferred = after(submitted(), *before[ended], FIRST, SECOND)
    assert inferred.state.is_end
    back = judge(inferred, sign)
    assert not back.state.is_end
    assert back.end.ended_at is None
    assert back.is_ward, "its end has freed the window"
    assert not back.holds_window


@pytest.mark.parametrize("silence", [FIRST, SECOND, Absent(900.0, 901.0), NoAnswer(900.0, "x"), Moved(900.0)])
def test_more_silence_changes_no_end(silence: Evidence) -> None:
    lost = after(submitted(), FIRST, SECOND)
    assert judge(lost, silence) == lost


def test_success_names_the_outputs_that_do_not_exist() -> None:
    """An output behind a blocker is missing, and the status still says success."""
    start = submitted(expected=(NodeId("3"), NodeId("4")))
    judged = after(start, Finished(200.0, "success", (output("a.png", "3"),)))
    assert judged.state is TaskState.SUCCEEDED
    assert judged.end.missing == ("4",)


def test_the_outputs_of_a_failed_run_are_kept() -> None:
    judged = after(submitted(), Finished(200.0, "error", (output("a.png"),), Failure(kind="execution", message="m")))
    assert judged.delivery.outputs == (output("a.png"),)
    assert judged.end.failure is not None and judged.end.failure.message == "m"


def test_reported_failure_completes_history() -> None:
    words = Failure(kind="execution", message="out of memory", node_id="2")
    judged = after(submitted(), ReportedEnd(150.0, "error", words), Finished(200.0, "error"))
    assert judged.end.failure == words


# Contact


def test_a_disconnect_never_ends_a_task() -> None:
    cut = after(submitted(state=TaskState.RUNNING), *(NoAnswer(200.0 + index, "refused") for index in range(500)))
    assert cut.state is TaskState.RUNNING
    assert cut.progress.contact is Contact.UNREACHABLE
    assert cut.progress.contact_detail == "refused"
    assert cut.holds_window


def test_one_silent_poll_is_ignored() -> None:
    looks = [NoAnswer(200.0 + index, "timeout") for index in range(UNREACHABLE_AFTER)]
    assert after(submitted(), *looks[:-1]).progress.contact is Contact.OK
    assert after(submitted(), *looks).progress.contact is Contact.UNREACHABLE


@pytest.mark.parametrize(
    "sign",
    [Seen(LATER, True), Seen(LATER, False, 1), Absent(LATER, LATER), Started(LATER), ReportedEnd(LATER, "error")],
)
@pytest.mark.parametrize("lost", [[NoAnswer(200.0, "x"), NoAnswer(201.0, "x")], [Moved(200.0, "y")]])
def test_a_real_answer_restores_contact(lost: list[Evidence], sign: Evidence) -> None:
    back = after(submitted(), *lost, sign)
    assert (back.progress.contact, back.progress.contact_detail, back.progress.silent_looks) == (Contact.OK, "", 0)


def test_a_server_that_moved_is_unreachable_and_never_lost() -> None:
    moved = after(submitted(), *(Moved(200.0 + index * 10, "http://elsewhere:1") for index in range(9)))
    assert moved.progress.contact is Contact.MOVED
    assert moved.progress.contact_detail == "http://elsewhere:1"
    assert moved.state is TaskState.QUEUED
    assert moved.shown_state == "unreachable_moved"
    assert len(moved.notes) == 1


def test_moved_server_is_noted_with_present_address() -> None:
    moved = after(submitted(), Moved(200.0, "http://elsewhere:1"), Moved(210.0, "http://elsewhere:2"), Moved(220.0))
    assert (moved.progress.contact, moved.progress.contact_detail) == (Contact.MOVED, "")
    assert [note.detail for note in moved.notes if note.kind == "moved"] == [
        "http://elsewhere:1",
        "http://elsewhere:2",
        "",
    ]


# The person


def test_given_up_is_final() -> None:
    given = after(submitted(), GivenUp(150.0))
    assert given.state is TaskState.GIVEN_UP
    assert not given.holds_window
    for piece in (Finished(200.0, "success"), Seen(200.0, True), Started(200.0), Accepted(200.0, 1.0)):
        assert judge(given, piece) == given


def test_asking_to_cancel_ends_nothing() -> None:
    asked = after(submitted(), CancelAsked(150.0))
    assert asked.state is TaskState.QUEUED
    assert asked.progress.cancel_asked_at == 150.0
    assert judge(asked, CancelAsked(160.0)) == asked


@pytest.mark.parametrize("end", ["success", "error", "interrupted"])
@pytest.mark.parametrize("asked", [CancelAsked(300.0), GivenUp(300.0)])
def test_an_end_that_was_read_cannot_be_asked_away(end: str, asked: Evidence) -> None:
    ended = after(submitted(), Finished(200.0, end))
    assert judge(ended, asked) == ended


def test_success_before_cancel_arrived_stays_success() -> None:
    assert after(submitted(), CancelAsked(150.0), Finished(200.0, "success")).state is TaskState.SUCCEEDED


# Places and repeated looks


def test_identical_second_poll_changes_nothing() -> None:
    once = after(submitted(), Seen(200.0, True))
    assert judge(once, Seen(201.0, True)) == once
    waiting = after(submitted(), Seen(200.0, False, 2))
    assert judge(waiting, Seen(201.0, False, 1)) == changed(waiting, place=1)


def test_a_running_task_waits_nowhere() -> None:
    assert after(submitted(), Seen(200.0, False, 2), Seen(201.0, True)).progress.place is None
    assert after(submitted(), Seen(200.0, False, 2), Started(201.0)).progress.place is None
    assert after(submitted(), Seen(200.0, False, 2), Finished(201.0, "success")).progress.place is None


def test_the_evidence_kept_is_bounded_and_keeps_its_ends() -> None:
    steps: list[Evidence] = [item for n in range(100) for item in (Seen(200.0 + n, True), Seen(200.5 + n, False, 1))]
    noted = after(submitted(), Unclear(101.0, "x"), *steps)
    assert len(noted.notes) <= 40
    assert noted.notes[0].at == 200.0
    assert noted.notes[-1].at == 299.5


def test_prompt_of_a_busy_proxy_is_not_queued_instead_of_lost() -> None:
    known = after(task(), Unclear(100.0, BUSY), FIRST, SECOND)
    assert (known.state, known.end.is_proven) == (TaskState.FAILED, False)
    assert known.end.failure == Failure(kind="not_sent", message=BUSY)
    found = after(known, Seen(300.0, True))
    assert found.state is TaskState.RUNNING, "positive evidence overturns it"
    assert found.is_ward


def test_busy_answer_of_a_server_that_changed_since_is_lost() -> None:
    """A prompt that was queued after all may have run before."""
    unclear = after(task(), Unclear(100.0, BUSY)).with_note(Note(150.0, "server_changed", "history_gone"))
    assert after(unclear, FIRST, SECOND).state is TaskState.LOST
