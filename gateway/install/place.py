"""The folders and files that set-up reads and writes, in a clone and where a wheel is installed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.install.failures import SetupError
from gateway.platforms import system

PAGE_RECORD = "page.json"
# They would redirect a child's imports, or pip's installation, out of .venv.
LEADING_ASTRAY = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")


@dataclass(frozen=True, slots=True)
class Installation:
    """One clone of the repository, or the same folders as a wheel has them; every path derives from its root."""

    root: Path

    @property
    def packed(self) -> Path:
        """The folder in which a wheel has the page, ready to be served (`gateway/install/packed.py`)."""
        return self.root / "page"

    @property
    def is_wheel(self) -> bool:
        """Whether this is an installed wheel: everything is made, and nothing is written into it."""
        return (self.packed / PAGE_RECORD).is_file()

    def read_packed(self) -> dict[str, Any]:
        """Return what a wheel says of its page. `SetupError` if it is damaged."""
        record = read_record(self.packed / PAGE_RECORD)
        if record is None:
            raise SetupError(f"{self.packed / PAGE_RECORD} is damaged: install Mooring again.")
        return record

    @property
    def state(self) -> Path:
        """The folder for what Mooring makes while it runs, which may be deleted while it does not."""
        if not self.is_wheel:
            return self.root / ".mooring"
        from platformdirs import user_state_path

        return user_state_path("mooring", appauthor=False)

    @property
    def venv(self) -> Path:
        """The virtual environment, created in place: its scripts contain its path."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter inside the virtual environment."""
        return self.venv / system.VENV_PYTHON

    @property
    def vendor(self) -> Path:
        """What browsers load and is not in the repository; replaced whole, by a rename."""
        return self.root / "static" / "vendor"

    @property
    def scratch(self) -> Path:
        """A folder on the same disk for unfinished work; each set-up empties it."""
        return self.state / "setup"

    @property
    def lock(self) -> Path:
        """The file that is locked while a set-up runs."""
        return self.state / "setup.lock"

    @property
    def log(self) -> Path:
        """The output of the tools of the last set-up."""
        return self.state / "setup.log"

    def digest(self, names: Iterable[str]) -> str:
        """Return the SHA-256 digest of the contents of these files of the clone."""
        total = hashlib.sha256()
        for name in names:
            total.update(hashlib.sha256((self.root / name).read_bytes()).digest())
        return total.hexdigest()

    def set_aside(self, path: Path) -> None:
        """Move `path` away in one rename, so that it is never found half deleted, then delete it."""
        if path.exists():
            self.scratch.mkdir(parents=True, exist_ok=True)
            aside = self.scratch / f"old-{path.name}"
            shutil.rmtree(aside, ignore_errors=True)
            system.replace(path, aside)
            shutil.rmtree(aside, ignore_errors=True)


def read_record(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in `path`; None if there is none, or it cannot be parsed."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write `record` to `path` atomically."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes((json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
    system.replace(fresh, path)


def child_environment() -> dict[str, str]:
    """Return this process's environment without the variables that would mislead .venv's Python."""
    return {name: value for name, value in os.environ.items() if name not in LEADING_ASTRAY}
