"""Mutants that survive, and why that is right: nobody could see what they change, or it is a number that is a choice.

A mutant is known by its file and by what it changes, not by its line.
"""

from __future__ import annotations

_GIVEN_UP = "return _ended(task, TaskState.GIVEN_UP, at, proven=False, note=Note(at, 'given_up'))"

JUDGED: dict[tuple[str, str], str] = {
    (
        "app/core/truth.py",
        "3.0 is 4.0 in: LOST_GAP = 3.0",
    ): "the gap between two looks is a choice; that it is is tested",
    ("app/core/truth.py", f"False is True in: {_GIVEN_UP}"): "what is given up is final, proven or not",
}


def reason_for(file: str, what: str) -> str:
    """Why that survivor is none, or nothing."""
    return JUDGED.get((file, what), "")
