"""`serve.py check`: looks at every server of a fleet and prints what is wrong with it, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gateway.check_flags import parse_check_flags


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 if every server is well, else 1."""
    parse_check_flags(arguments)
    print("Nothing is looked at yet.", file=sys.stderr)
    return 1
