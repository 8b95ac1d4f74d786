"""The virtual environment `.venv`: created, filled from lock files, and recognised when it is complete.

Its record, `.venv/mooring.json`, is either `{"state": "unfinished"}`, written before the first change, or has
the digest of each lock file that was installed. So an interruption at any point leaves an environment that
is known to be unfinished, and it is recreated: pip takes a half-copied package for an installed one.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.install.failures import SetupError
from gateway.install.place import Installation, child_environment, read_record, write_record
from gateway.install.steps import Step, Tools

RUN = "requirements.txt"
TEST = "requirements-dev.txt"  # contains all of RUN, as a unit test checks
NODE = "requirements-node.txt"
COVERED = {RUN: (RUN, TEST), TEST: (TEST,), NODE: (NODE,)}
NAMES = {RUN: "Python packages", TEST: "Python packages, with those of the tests", NODE: "npm, from a wheel"}
UNFINISHED = {"state": "unfinished"}


@dataclass(frozen=True, slots=True)
class Environment:
    """The `.venv` of one clone."""

    place: Installation

    @property
    def record(self) -> Path:
        """The file that records what is installed."""
        return self.place.venv / "mooring.json"

    def missing(self, locks: Sequence[str]) -> list[str]:
        """Return those of `locks` whose packages are not installed; all of them if `.venv` has to be recreated."""
        have = self._installed()
        if have is None:
            return list(locks)
        return [lock for lock in locks if not any(name in have for name in COVERED[lock])]

    def steps(self, locks: Sequence[str], tools: Tools) -> list[Step]:
        """Return the steps that install the packages of all `locks`."""
        steps = []
        if self._installed() is None:
            self._refuse_a_strangers()
            steps.append(Step("Python environment", lambda: self._make(tools)))
        for lock in self.missing(locks):
            steps.append(Step(NAMES[lock], lambda lock=lock: self._install(lock, tools)))  # type: ignore[misc]
        return steps

    def packages(self) -> Path:
        """The folder that its pure-Python packages are installed in."""
        code = "import json, sysconfig; print(json.dumps(sysconfig.get_path('purelib')))"
        found = subprocess.run(
            [str(self.place.python), "-I", "-c", code],
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return Path(json.loads(found.stdout))

    def lend_packages(self) -> None:
        """Let this process import its pure-Python packages too, whatever its own Python version."""
        folder = str(self.packages())
        if folder not in sys.path:
            sys.path.append(folder)

    def _installed(self) -> dict[str, str] | None:
        """Return the digests by lock file, or None if `.venv` is missing, unfinished, outdated or does not run."""
        record = read_record(self.record)
        if record is None or "python" not in record:
            return None
        locks: dict[str, str] = record.get("locks", {})
        for name, digest in locks.items():
            if name not in COVERED or self.place.digest([name]) != digest:
                return None
        return locks if record["python"] == self._version() else None

    def _version(self) -> str | None:
        """Return the version of its Python, or None if it does not run: its base may have been removed or replaced."""
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        try:
            ended = subprocess.run(
                [str(self.place.python), "-I", "-S", "-c", code],
                env=child_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        return ended.stdout.strip()

    def _refuse_a_strangers(self) -> None:
        venv = self.place.venv
        if venv.is_symlink() or (venv.is_dir() and not self.record.exists() and any(venv.iterdir())):
            raise SetupError(
                f"{venv} was not made by Mooring, which would have to replace it: move it away or delete it,"
                " then run the same command again."
            )

    def _make(self, tools: Tools) -> None:
        if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise SetupError(
                "This Python cannot make virtual environments: install its venv module (on Debian and Ubuntu:"
                f" sudo apt install python{version}-venv), then run the same command again."
            )
        self.place.set_aside(self.place.venv)
        self.place.venv.mkdir()
        write_record(self.record, UNFINISHED)
        base: str = getattr(sys, "_base_executable", sys.executable)  # this Python may be the one in .venv itself
        make = [base, "-I", "-m", "venv", str(self.place.venv)]
        tools.run("Python's venv module", make)
        self._save({})

    def _install(self, lock: str, tools: Tools) -> None:
        record = read_record(self.record) or {}
        write_record(self.record, UNFINISHED)
        pip = [str(self.place.python), "-I", "-m", "pip", "install", "--quiet", "--no-input", "--retries", "3"]
        tools.run("pip", [*pip, "--disable-pip-version-check", "--require-hashes", "-r", lock])
        self._save({**record.get("locks", {}), lock: self.place.digest([lock])})

    def _save(self, locks: dict[str, Any]) -> None:
        write_record(self.record, {"python": self._version(), "locks": locks})
