"""The dialog about what is kept in this browser: its values, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.ports.blobs import Keep, KeepSettings, Usage
from app.ui.kit.state import Dialog

GIGABYTE = 1_000_000_000
LEAST, MOST = 0.001, 10_000.0  # gigabytes


@dataclass(frozen=True, slots=True)
class KeepingDialog(Dialog):
    """The open dialog with the user's choices so far; None is the current setting.

    `is_deleting` is true while it asks whether everything should be deleted.
    """

    cap: str | None = None  # gigabytes, as typed
    keep: Keep | None = None
    is_deleting: bool = False

    @property
    def has_unsaved_text(self) -> bool:
        """Whether a choice is not saved yet."""
        return self.cap is not None or self.keep is not None


@dataclass(frozen=True, slots=True)
class KeepingView:
    """The dialog's data; `usage` is None until the store was measured. `recent` counts inputs with values."""

    dialog: KeepingDialog
    usage: Usage | None
    recent: int = 0

    @property
    def settings(self) -> KeepSettings:
        """The current settings."""
        return self.usage.settings if self.usage else KeepSettings()

    @property
    def cap(self) -> str:
        """The text of the size field."""
        return write_cap(self.settings.cap_bytes) if self.dialog.cap is None else self.dialog.cap

    @property
    def keep(self) -> Keep:
        return self.dialog.keep or self.settings.keep

    @property
    def wanted(self) -> KeepSettings | None:
        """The settings that Save would apply; None if the field has no valid size."""
        cap = self.settings.cap_bytes if self.dialog.cap is None else read_cap(self.dialog.cap)
        return None if cap is None else KeepSettings(cap, self.keep)

    @property
    def has_results(self) -> bool:
        """Whether there is anything to delete."""
        return self.usage is not None and bool(self.usage.count or self.usage.thumbnails)

    @property
    def excess(self) -> int:
        """Bytes of originals that Save would delete immediately."""
        wanted = self.wanted
        return max(0, self.usage.size - wanted.cap_bytes) if self.usage and wanted else 0


def read_cap(text: str) -> int | None:
    """Parse gigabytes as typed, with either decimal sign, into bytes; None if that is no valid size."""
    try:
        size = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return round(size * GIGABYTE) if LEAST <= size <= MOST else None


def write_cap(size: int) -> str:
    """Format bytes as gigabytes for the field."""
    return f"{size / GIGABYTE:.3f}".rstrip("0").rstrip(".")
