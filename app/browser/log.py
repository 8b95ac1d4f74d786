"""Python's logging as lines in the browser's console, each with the window's id.

    [mooring 3f2a91c0] mooring: None -> gpu-1

Warnings stay warnings: a console *error* means that Mooring itself is wrong.
"""

from __future__ import annotations

import logging

import js

ROOT = "mooring"


class ConsoleHandler(logging.Handler):
    """Writes records to the console. `window_id` is set once the window has claimed it."""

    def __init__(self) -> None:
        super().__init__()
        self.window_id = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, at the console's own level."""
        try:
            text = f"[mooring {self.window_id[:8] or '-'}] {self.format(record)}"
        except Exception:  # noqa: BLE001 - a message that cannot be formatted must not break its caller
            self.handleError(record)
            return
        if record.levelno >= logging.ERROR:
            js.console.error(text)
        elif record.levelno >= logging.WARNING:
            js.console.warn(text)
        elif record.levelno >= logging.INFO:
            js.console.info(text)
        else:
            js.console.debug(text)


def install_logging() -> ConsoleHandler:
    """Send all logging to the console: ours from INFO on, other modules' warnings. A second call changes nothing."""
    root = logging.getLogger()
    for known in root.handlers:
        if isinstance(known, ConsoleHandler):
            return known
    handler = ConsoleHandler()
    root.handlers[:] = [handler]  # the interpreter's own would write warnings to the console as errors
    root.setLevel(logging.WARNING)
    logging.getLogger(ROOT).setLevel(logging.INFO)
    return handler
