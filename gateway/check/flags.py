"""The flags of `serve.py check`. Standard library only, as `gateway/flags.py`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.flags import USAGE_ERROR, FlagError, Parser, add_fleet, check_servers
from gateway.installation import PROGRAM, Locations, locate


@dataclass(frozen=True, slots=True)
class CheckFlags:
    """The servers to examine; with neither a file nor servers, the ComfyUI of this machine."""

    fleet: Path | None = None
    servers: tuple[tuple[str, str], ...] = ()  # (id, normalized address), in the order given

    def arguments(self) -> list[str]:
        """Return the same flags as a command line, with absolute paths."""
        words = [] if self.fleet is None else ["--fleet", str(self.fleet)]
        for server_id, address in self.servers:
            words += ["--server", f"{server_id}={address}"]
        return words


def parse_check_flags(arguments: Sequence[str], own: Locations | None = None) -> CheckFlags:
    """Parse the flags; an invalid one ends the process with one sentence on stderr and exit code 2.

    Without a named fleet it is the one in the installation's `own` fleet file, if that exists.
    """
    parser = _parser()
    try:
        found = parser.parse_args(list(arguments))
        if found.fleet is not None and found.server:
            raise FlagError("--fleet and --server each name the whole fleet: give only one of them.")
        check_servers(found.server)
    except FlagError as error:
        parser.exit(USAGE_ERROR, f"{error}\n")
    if found.fleet is None and not found.server:
        return CheckFlags((own or locate()).existing_fleet)
    return CheckFlags(found.fleet, tuple(found.server))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=f"{PROGRAM} check",
        allow_abbrev=False,
        description="Examine every server of a fleet, and say what is wrong with it and what to do.",
        epilog="The exit code is 1 if a server is not well. Without --fleet and --server it examines the servers of"
        " this installation's fleet file if it has one, otherwise 127.0.0.1:8188.",
    )
    add_fleet(parser)
    return parser
