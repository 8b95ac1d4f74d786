"""Where mutants are tried: a copy of the sources and of the tests that judge them, so that nobody else meets them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("app", "tests/simulation", "tests/unit/core", "tests/unit/session", "tests/ports")
FILES = ("pyproject.toml", "tests/__init__.py")
FAILED = 1  # pytest's code for tests that ran and failed; anything else that is not 0 proves nothing


@dataclass(frozen=True)
class Bench:
    """The copy, below `root`."""

    root: Path

    @classmethod
    def set_up(cls, root: Path) -> Bench:
        """Copy what is needed."""
        for name in FILES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
        for name in COPIED:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        return cls(root)

    def restore(self, file: str) -> None:
        """Put a file back as it was."""
        shutil.copy2(ROOT / file, self.root / file)

    def test(self, *tests: str, seconds: float = 120.0) -> int | None:
        """pytest's exit code for these tests, up to the first failure; None if they took too long."""
        return self._run("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests, seconds=seconds)

    def simulate(self, lives: int, seconds: float = 300.0) -> int | None:
        """The simulation's exit code; None if it took too long."""
        return self._run("-m", "tests.simulation", "--seeds", str(lives), "--jobs", "1", seconds=seconds)

    def _run(self, *command: str, seconds: float) -> int | None:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        try:
            ended = subprocess.run(
                [sys.executable, *command],
                cwd=self.root,
                env=environment,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        return ended.returncode
