"""A step of set-up, the line that shows it, and the tools that it runs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from gateway.install.failures import CommandFailed, explain
from gateway.install.place import Installation, child_environment
from gateway.platforms import system


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, under the name that the user reads. `work` returns why it was left out, or None."""

    name: str
    work: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Tools:
    """Runs other programs for set-up: quietly, logged, and holding its lock."""

    place: Installation
    lock: int

    def run(self, tool: str, command: Sequence[str | Path], folder: Path | None = None) -> None:
        """Run `command` to its end; the error of a failed one names `tool`."""
        try:
            self.output_of(command, folder)
        except CommandFailed as failure:
            raise explain(tool, failure.output) from failure

    def output_of(self, command: Sequence[str | Path], folder: Path | None = None) -> str:
        """Return what `command` prints; `CommandFailed` if it ends with an error."""
        words = [str(word) for word in command]
        ended: subprocess.CompletedProcess[str] = subprocess.run(
            words,
            cwd=folder or self.place.root,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            **system.inheriting(self.lock),
        )
        with self.place.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(words)}\n{ended.stdout}\n")
        if ended.returncode != 0:
            raise CommandFailed(ended.stdout)
        return ended.stdout


def take(steps: Sequence[Step], show: TextIO) -> None:
    """Take the steps in order, and show each as one line: `[2/4] Python packages … done in 3.1 s`."""
    for number, step in enumerate(steps, 1):
        show.write(f"[{number}/{len(steps)}] {step.name} … ")
        show.flush()
        began = time.monotonic()
        try:
            left_out = step.work()
        except BaseException:  # also after an interruption the line is complete
            show.write("failed\n")
            show.flush()
            raise
        show.write(f"{left_out or f'done in {time.monotonic() - began:.1f} s'}\n")
        show.flush()
