"""How a window recognises that a server is not the process that it knew."""

from __future__ import annotations

import pytest

from app.core.model import PromptId, TaskState
from app.core.server_fingerprint import RestartSign, ServerFingerprint, learned_fingerprint
from tests.kit.builders import submitted

P = PromptId("p-1")


@pytest.mark.parametrize(
    ("before", "number", "sign"),
    [
        (None, 0.0, None),
        (4.0, 5.0, None),
        (4.0, 400.0, None),  # others submit too
        (4.0, 4.0, RestartSign.NUMBER_FELL),
        (4.0, 0.0, RestartSign.NUMBER_FELL),
        (4.0, -1.0, None),  # front of the line
        (4.0, None, None),
    ],
)
def test_number_not_above_the_last_shows_restart(
    before: float | None, number: float | None, sign: RestartSign | None
) -> None:
    known = ServerFingerprint(before, P)
    assert known.numbered(number, known)[1] is sign


def test_overtaken_answer_shows_no_restart() -> None:
    before = ServerFingerprint(4.0, P)
    mark, _ = before.numbered(6.0, before)
    assert mark.numbered(5.0, before) == (ServerFingerprint(6.0, P), None)


@pytest.mark.parametrize("first", [1.0, 3.0])
def test_late_answer_of_the_new_process_shows_no_second_restart(first: float) -> None:
    """A POST that left before the restart was noticed; a later one has shown the restart."""
    before = ServerFingerprint(3.0, P)
    mark, sign = before.numbered(first, before)
    assert sign is RestartSign.NUMBER_FELL
    assert mark.numbered(0.0, before) == (ServerFingerprint(first, changes=1), None)


def test_late_answer_of_the_old_process_is_not_learned() -> None:
    before = ServerFingerprint(3.0, P)
    mark, _ = before.numbered(1.0, before)
    mark, sign = mark.numbered(9.0, before)
    assert (mark, sign) == (ServerFingerprint(1.0, changes=1), None)
    assert mark.numbered(2.0, mark)[1] is None


def test_old_history_is_forgotten_after_restart() -> None:
    before = ServerFingerprint(9.0, P)
    mark, _ = before.numbered(0.0, before)
    assert mark == ServerFingerprint(0.0, changes=1)
    assert mark.forgotten()[1] is None


def test_lost_history_is_reported_once() -> None:
    mark, sign = ServerFingerprint().finished(P).forgotten()
    assert sign is RestartSign.HISTORY_GONE
    assert mark.forgotten()[1] is None


def test_another_description_is_another_server_with_nothing_known_of_it() -> None:
    mark, first = ServerFingerprint(7.0, P).described("0.3.64 · cuda:0")
    assert first is None
    mark, same = mark.described("0.3.64 · cuda:0")
    assert (same, mark.known) == (None, P)
    mark, other = mark.described("0.3.70 · cuda:0")
    assert (mark, other) == (ServerFingerprint(description="0.3.70 · cuda:0", changes=1), RestartSign.ANOTHER)


def test_late_answer_of_a_replaced_server_is_not_learned() -> None:
    before = ServerFingerprint(7.0, P, "0.3.64 · cuda:0")
    mark, _ = before.described("0.3.70 · cuda:0")
    assert mark.numbered(8.0, before) == (mark, None)


def test_a_mark_is_learned_from_the_latest_records() -> None:
    tasks = [
        submitted("p-2", created_at=2.0, number=8.0, is_proven=True, server_ended_ms=5, state=TaskState.SUCCEEDED),
        submitted("p-1", created_at=1.0, number=3.0, is_proven=True, server_ended_ms=4, state=TaskState.SUCCEEDED),
        submitted("p-3", created_at=3.0, number=-1.0),
        submitted("p-4", created_at=4.0, is_proven=True, state=TaskState.FAILED),  # refused: never in history
    ]
    assert learned_fingerprint(tasks) == ServerFingerprint(8.0, PromptId("p-2"))
    assert learned_fingerprint([]) == ServerFingerprint()
