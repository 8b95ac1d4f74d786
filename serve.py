"""Mooring's first command: `python3 serve.py` sets up what is missing, then runs the gateway.

An old Python must be able to parse this file too, to print one sentence about what to do. Everything else is in
`gateway/`; `python3 serve.py --help` lists the flags, and `gateway/commands.py` has the sub-commands.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - the check is for those who have an older one
    sys.exit(
        f"Mooring needs Python 3.11 or newer, and this is Python {sys.version_info[0]}.{sys.version_info[1]}:"
        " run it with a newer one, for example python3.12 serve.py."
    )


def main() -> None:
    """Check the command line, set up, and become the gateway, or its sub-command."""
    from gateway.commands import parse_command
    from gateway.install import SetupError, child_environment, set_up
    from gateway.platforms import system

    words = parse_command(sys.argv[1:])
    root = Path(__file__).resolve().parent
    try:
        python = set_up(root)
    except SetupError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("Set-up was stopped: run the same command again to finish it.", file=sys.stderr)
        sys.exit(130)
    os.chdir(root)
    system.become([str(python), "-m", "gateway", *words], child_environment())


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a C locale has no ellipsis
    main()
