"""Where mutants are tried: a copy of the sources and of the tests that judge them, apart from the repository."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from py_compile import PycInvalidationMode

ROOT = Path(__file__).resolve().parents[2]
JUDGES = (
    "tests/unit/core/test_window.py",
    "tests/unit/core/test_window_machine.py",
    "tests/unit/core/test_truth.py",
    "tests/unit/core/test_truth_kept.py",
    "tests/unit/core/test_truth_outputs.py",
    "tests/unit/core/test_truth_properties.py",
    "tests/unit/session",
    "tests/unit/test_console_contract.py",
    "tests/unit/test_selfcheck.py",
    "tests/ports/test_fakes.py",
)
COPIED = (
    "app",
    "demo_comfyui",
    "gateway",
    "static/workflows",
    "wire",
    "tests/ports",
    "tests/recordings",
    "tests/simulation",
    "tests/unit/core",
    "tests/unit/session",
    "tests/unit/ui",
)
COMPILED = ("app", "wire", "tests/ports", "tests/simulation")  # what each pytest imports
FILES = (
    "pyproject.toml",
    "docs/console.md",
    "tests/__init__.py",
    "tests/unit/test_console_contract.py",
    "tests/unit/test_selfcheck.py",
)
QUICKLY = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:playwright", "-p", "no:xdist", "--assert=plain")
FAILED = 1  # pytest's code for tests that ran and failed; anything else that is not 0 proves nothing


@dataclass(frozen=True)
class Bench:
    """The copy, below `root`, and the tests there that judge."""

    root: Path
    judges: tuple[str, ...] = JUDGES

    @classmethod
    def set_up(cls, root: Path) -> Bench:
        """Copy what is needed."""
        for name in COPIED:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
        for name in COMPILED:
            # By their hash: a mutant may be of the same size, and of the same second.
            compileall.compile_dir(root / name, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        return cls(root)

    def with_judges(self, patterns: Sequence[str]) -> Bench:
        """The same, judged by the tests of these files alone; all of them must be among its judges."""
        chosen = sorted(
            path.relative_to(self.root).as_posix() for pattern in patterns for path in self.root.glob(pattern)
        )
        strange = [path for path in chosen if not any(is_within(path, judge) for judge in self.judges)]
        if strange or not chosen:
            raise SystemExit(f"no judges: {' '.join(strange or patterns)}")
        return replace(self, judges=tuple(dict.fromkeys(chosen)))

    def restore(self, file: str) -> None:
        """Put a file back as it was."""
        shutil.copy2(ROOT / file, self.root / file)

    def test(self, *tests: str, seconds: float = 120.0) -> int | None:
        """pytest's exit code for these tests, up to the first failure; None if they took too long."""
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "pytest", *QUICKLY, *tests],
                cwd=self.root,
                env=environment,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        return ended.returncode


def is_within(path: str, judge: str) -> bool:
    """Whether that file, or a test of it, is that judge or stands below it."""
    file = path.split("::", maxsplit=1)[0]
    return file == judge or file.startswith(f"{judge}/")
