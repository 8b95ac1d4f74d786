"""Why a task was lost, by the notes of its record."""

from __future__ import annotations

import pytest

from app.core.ends import NOT_RESTARTED, UNDATED_RESTART, EndCause, end_cause
from app.core.model import Note, TaskState
from app.core.server_fingerprint import RestartSign
from tests.kit.builders import submitted

ACCEPTED = ("accepted", "number 6")
FELL = ("server_changed", RestartSign.NUMBER_FELL.value)
SAME = ("absent_again", NOT_RESTARTED)


@pytest.mark.parametrize(
    ("notes", "cause"),
    [
        ((ACCEPTED, FELL), EndCause.RESTARTED),
        ((ACCEPTED, SAME), EndCause.REMOVED),
        ((FELL, ACCEPTED, SAME), EndCause.REMOVED),  # the sign is of a restart before the run was sent
        ((FELL, ACCEPTED), EndCause.UNKNOWN),
        ((ACCEPTED, ("server_changed", UNDATED_RESTART)), EndCause.UNKNOWN),
        ((FELL,), EndCause.UNKNOWN),
        ((), EndCause.NEVER_SEEN),
    ],
)
def test_restart_counts_if_it_came_after_the_acceptance(notes: tuple[tuple[str, str], ...], cause: EndCause) -> None:
    noted = tuple(Note(at=100.0 + at, kind=kind, detail=detail) for at, (kind, detail) in enumerate(notes))
    assert end_cause(submitted(state=TaskState.LOST, notes=noted)) is cause


@pytest.mark.parametrize(
    ("kinds", "cause"),
    [
        (("cancel_asked", "told_end"), EndCause.CANCELLED),
        (("told_end", "seen_running", "cancel_asked"), EndCause.INTERRUPTED),
    ],
)
def test_own_cancel_is_the_cause_even_if_the_clock_was_set_back(kinds: tuple[str, ...], cause: EndCause) -> None:
    notes = tuple(
        Note(at=1_000.0 - at, kind=kind, detail="interrupted" if kind == "told_end" else "")
        for at, kind in enumerate(kinds)
    )
    asked = notes[kinds.index("cancel_asked")].at
    assert end_cause(submitted(state=TaskState.CANCELLED, cancel_asked_at=asked, notes=notes)) is cause
