"""What no sequence of evidence can do, in any order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.core.evidence import (
    Absent,
    Accepted,
    CancelAsked,
    Evidence,
    Executed,
    Finished,
    Moved,
    NoAnswer,
    ReportedEnd,
    Seen,
    Started,
    Unclear,
)
from app.core.model import Contact, Task, TaskState
from app.core.truth import LOST_GAP, judge
from tests.kit.builders import after, submitted, task
from tests.unit.core.evidence import LIVES


@given(st.sampled_from([task(), submitted(), submitted(state=TaskState.RUNNING)]), LIVES)
def test_no_evidence_changes_whose_task_it_is_or_where(start: Task, life: list[Evidence]) -> None:
    end = after(start, *life)
    for name in ("server_id", "address", "prompt_id", "owner", "epoch", "client_id", "workflow", "created_at", "v"):
        assert getattr(end, name) == getattr(start, name)


@given(LIVES, LIVES)
def test_a_proven_end_never_changes(life: list[Evidence], more: list[Evidence]) -> None:
    ended = after(task(), *life, Finished(150.0, "success"))
    if ended.state is TaskState.GIVEN_UP:
        return
    assert ended.end.is_proven
    assert after(ended, *more) == ended


@given(LIVES)
def test_every_step_keeps_what_is_final(life: list[Evidence]) -> None:
    now = task()
    for piece in life:
        was, now = now, judge(now, piece)
        if was.state is TaskState.GIVEN_UP or (was.state.is_end and was.end.is_proven):
            assert now == was
        if was.is_ward:
            assert now.is_ward
        if was.state.is_end and not now.state.is_end:
            assert now.is_ward, "the window is free, and stays so"
        assert (now.end.ended_at is not None) == now.state.is_end
        assert now.progress.place is None or not now.state.is_end
        assert now.progress.contact is Contact.OK or not now.state.is_end


@given(LIVES)
def test_silence_alone_never_ends_a_task(life: list[Evidence]) -> None:
    now = task()
    for piece in life:
        was, now = now, judge(now, piece)
        if isinstance(
            piece, NoAnswer | Moved | Unclear | CancelAsked | Started | Executed | ReportedEnd | Seen | Accepted
        ):
            assert now.state.is_end <= was.state.is_end


@given(LIVES)
def test_lost_takes_two_separate_polls_without_news_between(life: list[Evidence]) -> None:
    now, looks = task(), list[Absent]()
    for piece in life:
        was, now = now, judge(now, piece)
        answered_at = was.progress.answered_at
        if isinstance(piece, Absent) and answered_at is not None and piece.began >= answered_at:
            looks.append(piece)
        if isinstance(piece, Seen | Finished | Started | Executed | ReportedEnd):
            looks.clear()
        if now.state is TaskState.LOST and was.state is not TaskState.LOST:
            assert now.progress.answered_at is not None
            assert isinstance(piece, Absent)
            assert len(looks) >= 2
            assert looks[-1].began - looks[0].at >= LOST_GAP
            assert not now.end.told_end
            assert now.progress.cancel_asked_at is None


@given(LIVES)
def test_outputs_are_never_forgotten(life: list[Evidence]) -> None:
    now = task()
    for piece in life:
        was, now = now, judge(now, piece)
        assert {item.file for item in was.delivery.outputs} <= {item.file for item in now.delivery.outputs}
