"""Programs that the gateway has run beside its serving: gently, and ended with it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from gateway.install.failures import CommandFailed
from gateway.install.place import child_environment


class Closed(Exception):
    """The gateway ends, and with it what it has run."""


class Errand:
    """One program at a time, run from a thread in a folder; `close` ends it, from another thread, for good."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.is_closed = False

    def run(self, command: list[str | Path]) -> None:
        """Run it to its end. `CommandFailed` with what it printed if it fails, `Closed` if it was ended."""
        with subprocess.Popen(
            ["nice", "-n", "10", *command] if shutil.which("nice") else command,
            cwd=self._folder,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl+C is for the gateway, which ends it then
        ) as process:
            self._process = process
            if self.is_closed:
                process.kill()
            printed, _ = process.communicate()
        self._process = None
        if self.is_closed:
            raise Closed
        if process.returncode != 0:
            raise CommandFailed(printed)

    def close(self) -> None:
        """End what runs; nothing runs afterwards."""
        self.is_closed = True
        if (process := self._process) is not None:
            process.kill()
