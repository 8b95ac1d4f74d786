"""The gateway's errors: what keeps it from starting, each one sentence for the user who started it.

    MooringError
    ├ ConfigError   an invalid fleet file, certificate or name
    └ StartError    the machine does not allow it: a port is in use, a demo server does not start

A failed request is data (`gateway/http/refusal.py`), never an exception past `gateway/server.py`.
"""

from __future__ import annotations

from pathlib import Path


class MooringError(Exception):
    """The root of Mooring's own errors."""


class ConfigError(MooringError):
    """An invalid setting. Names the file, the line and the key if there is one."""

    def __init__(
        self, reason: str, *, file: Path | None = None, line: int | None = None, key: str | None = None
    ) -> None:
        self.reason = reason
        self.file = file
        self.line = line
        self.key = key
        place = "" if file is None else f"{file}, line {line}: " if line is not None else f"{file}: "
        super().__init__(f"{place}{f'{key}: ' if key else ''}{reason}")


class StartError(MooringError):
    """The gateway cannot start on this machine."""
