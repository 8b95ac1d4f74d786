"""The labels of contact sheets."""

from __future__ import annotations

from app.ui.kit.i18n import Translator
from app.ui.results.sheets import CellKind


def word_done(done: int, total: int, _: Translator) -> str:
    return _("{done} of {total} done", done=done, total=total)


def word_cell(kind: CellKind, _: Translator) -> str:
    """Say why a cell has no picture."""
    match kind:
        case CellKind.WAITING:
            return _("waiting")
        case CellKind.RUNNING:
            return _("running")
        case CellKind.COMING:
            return _("being fetched")
        case CellKind.FAILED:
            return _("failed")
        case CellKind.CANCELLED:
            return _("stopped")
        case CellKind.LOST:
            return _("lost")
        case CellKind.BARE:
            return _("no picture")
        case CellKind.REMOVED:
            return _("removed")
        case CellKind.PICTURE | CellKind.FILE:
            return ""
