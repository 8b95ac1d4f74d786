"""Programs that the gateway runs in the background, at low priority, and ends when it ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

from gateway.install.failures import CommandFailed
from gateway.install.place import child_environment
from gateway.platforms import system


class Closed(Exception):
    """The gateway is ending, so the program was killed."""


class BackgroundProcess:
    """Runs one program at a time from a thread; `close`, from another thread, kills it and refuses further ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.is_closed = False

    def run(self, command: list[str | Path]) -> None:
        """Run a command to its end. `CommandFailed` has what a failed one printed; `Closed` if it was killed."""
        words, how = system.at_low_priority(command)
        with subprocess.Popen(
            words,
            cwd=self._folder,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            **how,  # not for Ctrl+C: the gateway ends this
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
        """Kill the running program; no other one runs afterwards."""
        self.is_closed = True
        if (process := self._process) is not None:
            process.kill()
