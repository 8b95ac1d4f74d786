"""Undo and redo of a form as a value.

    history = History(start)
    history = history.to(changed, about=("6", "text"))      # further typing in one field is the same step
    history = history.undo().redo()
    history.present

A change after an undo drops the undone steps. `seal` ends the step: further typing is another one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

T = TypeVar("T")

STEPS = 200


@dataclass(frozen=True, slots=True)
class History(Generic[T]):
    """The present value, the values before, and the undone ones: both with the latest last."""

    present: T
    past: tuple[T, ...] = ()
    undone: tuple[T, ...] = ()
    about: object = None  # what the last change was about, while the next may extend it

    def to(self, value: T, about: object = None) -> History[T]:
        """The history after a change; one about the same thing extends the last."""
        if value == self.present:
            return self
        is_same = about is not None and about == self.about
        past = self.past if is_same else (*self.past, self.present)[-STEPS:]
        return History(value, past, (), about)

    def seal(self) -> History[T]:
        """The history after the user has left the field."""
        return self if self.about is None else replace(self, about=None)

    def undo(self) -> History[T]:
        """Undo one step, if there is one."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (*self.undone, self.present))

    def redo(self) -> History[T]:
        """Redo the last undone step, if there is one."""
        if not self.undone:
            return self
        return History(self.undone[-1], (*self.past, self.present), self.undone[:-1])

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return bool(self.past)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to redo."""
        return bool(self.undone)
