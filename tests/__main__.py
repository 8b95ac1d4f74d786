"""Mooring's second command: `python3 -m tests` installs what the tests need, and runs everything.

python3 -m tests                       linters, type check, the whole suite
python3 -m tests tests/unit -k flags   only pytest, with these arguments
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - the check is for those who have an older one
    sys.exit(
        f"Mooring needs Python 3.11 or newer, and this is Python {sys.version_info[0]}.{sys.version_info[1]}:"
        " run its tests with a newer one, for example python3.12 -m tests."
    )

ROOT = Path(__file__).resolve().parent.parent
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
)

# Of the whole suite, three files at a time: a test of the page alone leaves half of two cores idle.
PARALLEL = ("-n", "3", "--dist", "loadfile")


def main(arguments: list[str]) -> int:
    """Set up, then run each check until one fails; its exit code, or pytest's."""
    from gateway.install import SetupError, child_environment, set_up
    from tests.toolchain import VARIABLE, ToolchainError, equip

    try:
        python = set_up(ROOT, dev=True)
        browser = equip(python)
    except (SetupError, ToolchainError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped: run the same command again to go on.", file=sys.stderr)
        return 130
    environment = {**child_environment(), VARIABLE: str(browser)}
    checks = () if arguments else CHECKS
    for words in (*checks, ("pytest", *(arguments or PARALLEL))):
        print(f"== {' '.join(words)}", flush=True)
        try:
            ended = subprocess.run([str(python), "-m", *words], cwd=ROOT, env=environment, check=False)
        except KeyboardInterrupt:
            return 130
        if ended.returncode != 0:
            return ended.returncode
    return 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a C locale has no ellipsis
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
