"""The flags of `serve.py static`. Standard library only, as `gateway/flags.py`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.flags import USAGE_ERROR, FlagError, Parser
from gateway.installation import PROGRAM, Locations, locate


@dataclass(frozen=True, slots=True)
class StaticFlags:
    """The fleet to list, and the folder to write."""

    folder: Path
    fleet: Path

    def arguments(self) -> list[str]:
        """Return the same as arguments with absolute paths."""
        return [str(self.folder), "--fleet", str(self.fleet)]


def parse_static_flags(arguments: Sequence[str], own: Locations | None = None) -> StaticFlags:
    """Parse the flags; an invalid one ends the process with one sentence on stderr and exit code 2.

    Without `--fleet` it is the installation's `own` fleet file, or in a clone fleet.toml of the current folder.
    """
    parser = _parser((own or locate()).fleet or Path("fleet.toml"))
    try:
        found = parser.parse_args(list(arguments))
        if found.folder is None:
            raise FlagError(f"{PROGRAM} static needs a folder to write to.")
        if not found.fleet.is_file():
            raise FlagError(f"There is no fleet file {str(found.fleet)!r}: name one with --fleet.")
    except FlagError as error:
        parser.exit(USAGE_ERROR, f"{error}\n")
    return StaticFlags(found.folder.expanduser().resolve(), found.fleet.expanduser().absolute())


def _parser(fleet: Path) -> argparse.ArgumentParser:
    parser = Parser(
        prog=f"{PROGRAM} static",
        allow_abbrev=False,
        description="Write the page as plain files for any web server; it asks the servers itself.",
        epilog="Only servers with direct = true are listed. docs/static-hosting.md says what each of them needs.",
    )
    add = parser.add_argument
    add("folder", nargs="?", type=Path, metavar="DIR", help="a new folder, or one that was written before")
    add("--fleet", type=Path, default=fleet, metavar="FILE", help="your servers (default: %(default)s)")
    return parser
