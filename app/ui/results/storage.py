"""The dialog about what is kept in this browser: what stands in it, and what it means."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.naming import TEMPLATE
from app.core.ports.blobs import Keep, KeepSettings, Usage
from app.ui.kit.state import Dialog
from app.ui.results.state import NO_FOLDER, FolderView

GIGABYTE = 1_000_000_000
LEAST, MOST = 0.001, 10_000.0  # gigabytes that can be set


@dataclass(frozen=True, slots=True)
class KeepingDialog(Dialog):
    """The open dialog with what the person has chosen so far; None is as it is set now.

    `is_deleting` while it asks whether everything is really to be deleted.
    """

    cap: str | None = None  # gigabytes, as typed
    keep: Keep | None = None
    is_deleting: bool = False

    @property
    def has_unsaved_text(self) -> bool:
        """Whether something was chosen that is not set yet."""
        return self.cap is not None or self.keep is not None


@dataclass(frozen=True, slots=True)
class KeepingView:
    """The dialog with what lies here; None until the store has been looked at. `recent` counts inputs with values."""

    dialog: KeepingDialog
    usage: Usage | None
    recent: int = 0
    names: str = TEMPLATE  # of saved files
    folder: FolderView = NO_FOLDER  # where each result is saved

    @property
    def settings(self) -> KeepSettings:
        """As they are set now."""
        return self.usage.settings if self.usage else KeepSettings()

    @property
    def cap(self) -> str:
        """What stands in the field."""
        return write_cap(self.settings.cap_bytes) if self.dialog.cap is None else self.dialog.cap

    @property
    def keep(self) -> Keep:
        """What is chosen."""
        return self.dialog.keep or self.settings.keep

    @property
    def wanted(self) -> KeepSettings | None:
        """What Save would set; None if the field does not say how much."""
        cap = self.settings.cap_bytes if self.dialog.cap is None else read_cap(self.dialog.cap)
        return None if cap is None else KeepSettings(cap, self.keep)

    @property
    def has_results(self) -> bool:
        """Whether there is anything to delete."""
        return self.usage is not None and bool(self.usage.count or self.usage.thumbnails)

    @property
    def excess(self) -> int:
        """Bytes of originals that Save would delete at once."""
        wanted = self.wanted
        return max(0, self.usage.size - wanted.cap_bytes) if self.usage and wanted else 0


def read_cap(text: str) -> int | None:
    """Bytes from gigabytes as typed, with either decimal sign; None if that is no size that can be set."""
    try:
        size = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return round(size * GIGABYTE) if LEAST <= size <= MOST else None


def write_cap(size: int) -> str:
    """Bytes as gigabytes to be typed over."""
    return f"{size / GIGABYTE:.3f}".rstrip("0").rstrip(".")
