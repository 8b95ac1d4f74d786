"""A copy of the repository in which sources are changed and tests run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "artifacts", "node_modules", "vendor")
PYTEST = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:playwright", "-p", "no:xdist")
FAILED = 1  # pytest's code for tests that ran and failed; anything else that is not 0 proves nothing
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}  # the simulation's hash seed


@dataclass(frozen=True)
class Copy:
    """The copy, below `root`."""

    root: Path

    @classmethod
    def of_repository(cls, folder: Path) -> Copy:
        """Copy everything but what is made from it."""
        return cls(Path(shutil.copytree(ROOT, folder / "copy", ignore=LEFT_OUT)))

    def restore(self, file: str) -> None:
        """Put a file back as it was."""
        shutil.copy2(ROOT / file, self.root / file)

    def test(self, *tests: str, seconds: float = 120.0) -> int | None:
        """pytest's exit code for these tests, up to the first failure; None if they took too long."""
        try:
            ended = subprocess.run(
                [*PYTEST, "--assert=plain", *tests],
                cwd=self.root,
                env={**os.environ, **ENVIRONMENT},
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        return ended.returncode
