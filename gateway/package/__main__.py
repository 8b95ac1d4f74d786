"""`mooring`, or `python -m mooring`: the command of an installed wheel.

Mooring's parts import each other as in a clone, by `gateway`, `wire` and so on. Such common names are not for everyone
who shares this Python, so only this process gets to see them.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run the gateway or a sub-command; return the exit code."""
    sys.path.insert(0, str(Path(__file__).with_name("parts")))
    from gateway.__main__ import main as run_gateway

    return run_gateway()


if __name__ == "__main__":
    sys.exit(main())
