"""What differs between systems: `posix` and `windows` have the same names, and `system` is the one of this machine.

    from gateway.platforms import system

    system.replace(new, path)

Nothing else calls what only one system has (`tests/unit/test_platforms.py`). Where Python has one call for all of them,
that is used instead. Standard library only, since set-up and the tests' runner work before anything is installed.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from gateway.platforms import windows as system
else:
    from gateway.platforms import posix as system

__all__ = ["system"]
