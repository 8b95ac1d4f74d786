"""This installation, a clone or a wheel: what starts it, and where its user's files are.

Standard library only, as `gateway/flags.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from gateway.install.place import Installation
from gateway.platforms import system

ROOT = Path(__file__).resolve().parent.parent
PLACE = Installation(ROOT)
PROGRAM = "mooring" if PLACE.is_wheel else "serve.py"  # as help texts and errors have it


def command_words(shell: ModuleType = system) -> list[str]:
    """Return the words that start this installation, as its user types them."""
    return ["mooring"] if PLACE.is_wheel else [shell.PYTHON, "serve.py"]


COMMAND = " ".join(command_words())


@dataclass(frozen=True, slots=True)
class Locations:
    """The files of one user's installation.

    A clone has its fleet in its own folder and `users` in the current one; `sessions`, `log` and `docs` are None.
    """

    users: Path
    state: Path  # the page, and the demo servers' files
    fleet: Path | None = None
    sessions: Path | None = None
    log: Path | None = None  # of a service, where its platform has no log of its own
    docs: Path | None = None

    @property
    def existing_fleet(self) -> Path | None:
        """The fleet file, if it exists."""
        return self.fleet if self.fleet is not None and self.fleet.is_file() else None

    @property
    def key(self) -> Path:
        """The installation's keys."""
        return self.users.with_name("mooring.key")


def locate(place: Installation = PLACE) -> Locations:
    """Return where this installation's files are, whether they exist or not."""
    if not place.is_wheel:
        return Locations(Path("users.toml"), place.state, fleet=place.root / "fleet.toml")
    from platformdirs import PlatformDirs

    folders = PlatformDirs("mooring", appauthor=False)
    return Locations(
        users=folders.user_config_path / "users.toml",
        state=place.state,
        fleet=folders.user_config_path / "fleet.toml",
        sessions=folders.user_config_path / "sessions",
        log=folders.user_log_path / "mooring.log",
        docs=place.root.parent / "docs",
    )
