"""What the user has chosen, typed, opened and dismissed in this window, as one value.

    ui.of(FormState).query                                        # a feature's slice, with its defaults until it is set
    ui.with_slices(replace(ui.of(FormState), query="seed"))       # the state with that slice replaced

Each feature declares its own slice. The state finds slices by their type and imports none of them, so that features can
import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TypeVar

from app.core.errors import MooringError
from app.ui.kit.deletions import Deletion


class Slice:
    """The base class of all slices: frozen dataclasses with a default for every field."""

    __slots__ = ()


AnySlice = TypeVar("AnySlice", bound=Slice)


@cache
def _default(kind: type[Slice]) -> Slice:
    return kind()


class Dialog:
    """The base class of all dialogs, as values. A dialog with text fields says whether closing it would lose text."""

    __slots__ = ()

    @property
    def has_unsaved_text(self) -> bool:
        """Whether the user has typed something that is not saved yet."""
        return False

    @property
    def returns_to(self) -> Dialog | None:
        """Return the dialog that it was opened from and closes to, if there is one."""
        return None

    @property
    def is_returned_to(self) -> bool:
        """Whether the dialogs opened from it close to it."""
        return False

    def close(self, ui: UiState, /) -> UiState:
        """Return the state with the dialog closed by one of its buttons, or by Escape."""
        return replace(ui, dialog=self.returns_to)

    def subject(self, _ui: UiState, /) -> str:
        """Return the id of what it is about, if it is about one of many."""
        return ""


@dataclass(frozen=True, slots=True)
class UiState:
    """The open dialog, errors and deletions, which all features share, and one slice per feature."""

    dialog: Dialog | None = None
    unsaved: Mapping[tuple[type, str], Dialog] = field(default_factory=dict)  # closed dialogs, by kind and subject
    errors: tuple[tuple[int, MooringError], ...] = ()  # of actions, until dismissed; numbered
    deletions: tuple[Deletion, ...] = ()  # those that can be undone or are under way; latest last
    hidden: frozenset[str] = frozenset()  # ids of the items of these deletions
    slices: Mapping[type[Slice], Slice] = field(default_factory=dict)

    @property
    def opened_from(self) -> Dialog | None:
        """Return the dialog that one opened now closes to, if there is one."""
        return self.dialog if self.dialog is not None and self.dialog.is_returned_to else None

    def of(self, kind: type[AnySlice]) -> AnySlice:
        """Return the slice of this type."""
        found = self.slices.get(kind) or _default(kind)  # type: ignore[arg-type]
        assert isinstance(found, kind)  # each is kept by its type
        return found

    def with_slices(self, *slices: Slice) -> UiState:
        """Return the state with these slices replaced, each by its type."""
        return replace(self, slices={**self.slices, **{type(item): item for item in slices}})

    def with_error(self, error: MooringError) -> UiState:
        """Return the state with one more error to show; it replaces an older one with the same message."""
        number = self.errors[-1][0] + 1 if self.errors else 1
        others = tuple(item for item in self.errors if str(item[1]) != str(error))
        return replace(self, errors=(*others, (number, error)))

    def without_dialog(self) -> UiState:
        """Return the state with the dialog closed, by Escape or a click beside it, and remembered if it has text."""
        dialog = self.dialog
        if dialog is None:
            return self
        key = type(dialog), dialog.subject(self)
        unsaved = {other: value for other, value in self.unsaved.items() if other != key}
        if dialog.has_unsaved_text:
            unsaved[key] = dialog
        return replace(self, dialog=None, unsaved=unsaved)

    def with_dialog(self, fresh: Dialog) -> UiState:
        """Return the state with the dialog open: as it was left if it has the same subject, otherwise fresh."""
        key = type(fresh), fresh.subject(self)
        unsaved = {other: value for other, value in self.unsaved.items() if other != key}
        return replace(self, dialog=self.unsaved.get(key, fresh), unsaved=unsaved)
