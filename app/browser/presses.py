"""Presses of Run in this tab's session storage: the core's `PressMemory`."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import js
from pyodide.ffi import JsException

from app.browser.owned import owned
from app.browser.values import error_text, present
from app.core.presses import Press, read_presses, write_presses
from app.core.records import BrokenRecord

NAME = "mooring.presses"

log = logging.getLogger("mooring.browser")


class BrowserPresses:
    """The presses that a reload of this tab keeps."""

    outlives_line = False

    def read(self) -> Sequence[Press]:
        """Those that were written last; none if the browser forbids it, or if they cannot be read."""
        try:
            return read_presses(str(present(js.sessionStorage.getItem(owned(NAME))) or ""))
        except JsException as error:
            log.warning("presses of Run not recalled: %s", error_text(error))
        except BrokenRecord as error:
            log.error("the presses of Run from before this page cannot be read: %r", error)
        return ()

    def write(self, presses: Sequence[Press]) -> bool:
        """Replace them; False if there is no room, or the browser forbids it."""
        text = write_presses(presses)
        if text is None:
            return False
        try:
            if presses:
                js.sessionStorage.setItem(owned(NAME), text)
            else:
                js.sessionStorage.removeItem(owned(NAME))
        except JsException as error:
            log.warning("presses of Run not remembered: %s", error_text(error))
            return False
        return True
