"""`serve.py paths` prints where Mooring's files are; `serve.py prepare` makes what a first start would make."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.flags import USAGE_ERROR, FlagError, Parser
from gateway.install import SetupError, set_up
from gateway.install.packed import PackedPage, page_of
from gateway.install.page_python import PagePython
from gateway.installation import PLACE, PROGRAM, Locations, locate


@dataclass(frozen=True, slots=True)
class NoFlags:
    """The command line of a command without flags."""

    def arguments(self) -> list[str]:
        """Return the same flags as a command line."""
        return []


def parse_paths(arguments: Sequence[str]) -> NoFlags:
    """Parse no flags; one that is given ends the process with one sentence on stderr and exit code 2."""
    return _parse("paths", "Print where Mooring's files are.", arguments)


def parse_prepare(arguments: Sequence[str]) -> NoFlags:
    """Parse no flags; one that is given ends the process with one sentence on stderr and exit code 2."""
    text = "Make all that a gateway would make while it runs, for images and folders that are read-only then."
    return _parse("prepare", text, arguments)


def _parse(name: str, description: str, arguments: Sequence[str]) -> NoFlags:
    parser = Parser(prog=f"{PROGRAM} {name}", allow_abbrev=False, description=description)
    try:
        parser.parse_args(list(arguments))
    except FlagError as error:
        parser.exit(USAGE_ERROR, f"{error}\n")
    return NoFlags()


def paths(arguments: Sequence[str]) -> int:
    """Print the paths; return the exit code."""
    parse_paths(arguments)
    for line in describe(locate()):
        print(line)
    return 0


def prepare(arguments: Sequence[str]) -> int:
    """Make everything; return the exit code, which is 1 after one sentence."""
    parse_prepare(arguments)
    try:
        if PLACE.is_wheel:
            PackedPage(PLACE).unpack()
        else:
            set_up(PLACE.root, packed=True)
        PagePython(PLACE).unpack(page_of(PLACE).current(), is_compiled=True)
    except (SetupError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def describe(own: Locations) -> Iterator[str]:
    """Yield a line for each path: what it is, where, and whether it exists."""
    rows: list[tuple[str, Path | None]] = [
        ("Fleet file", own.fleet),
        ("Users", own.users),
        ("Keys", own.key),
        ("Ended sessions", own.sessions),
        ("Log of the service", own.log),
        ("State", own.state),
        ("Documents", own.docs),
    ]
    for name, path in rows:
        if path is not None:
            yield f"{name + ':':20}{path.absolute()}{'' if path.exists() else '  (not there)'}"
    if own.fleet is not None:
        yield ""
        yield "The fleet file and the users are used whenever they exist and no flag names others."
        yield "State is the page and the demo servers' files: it may be deleted while Mooring does not run."
