"""Set-up: installs everything that Mooring needs in a fresh clone, and repairs it after an interruption.

    python = set_up(Path("."))     # the interpreter of .venv, with the packages in it

Standard library only, since it runs before anything is installed. What is installed already is not touched, so a
second call takes a few hundredths of a second and uses no network.
"""

from __future__ import annotations

from gateway.install.failures import SetupError
from gateway.install.place import Installation, child_environment
from gateway.install.plan import set_up

__all__ = ["Installation", "SetupError", "child_environment", "set_up"]
