"""`python3 -m gateway.install`: set-up alone, with everything that a gateway would otherwise make while it runs.

For images and packages, whose gateways find everything and write nothing. Exit code 1 after one sentence.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.install import SetupError, set_up


def main() -> int:
    """Set up the clone that contains this file."""
    try:
        set_up(Path(__file__).resolve().parents[2], packed=True)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
