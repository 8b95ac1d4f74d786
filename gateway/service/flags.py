"""The flags of `serve.py service`. Standard library only, as `gateway/flags.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.flags import USAGE_ERROR, FlagError, Flags, Parser, read_flags
from gateway.installation import PROGRAM

ACTIONS = ("install", "remove")


@dataclass(frozen=True, slots=True)
class ServiceFlags:
    """What to do, whether to ask before, and the flags of the gateway that the service runs."""

    action: str
    gateway: Flags
    is_agreed: bool = False

    def arguments(self) -> list[str]:
        """Return the same flags as a command line, with absolute paths."""
        return [self.action, *(["--yes"] if self.is_agreed else []), *self.gateway.arguments()]


def parse_service_flags(arguments: Sequence[str]) -> ServiceFlags:
    """Parse the flags; an invalid one ends the process with one sentence on stderr and exit code 2."""
    parser = Parser(
        prog=f"{PROGRAM} service",
        allow_abbrev=False,
        description="Start Mooring whenever you log in: as a systemd user unit, a launchd agent or a Windows task.",
        epilog=f"The definition is shown before it is written. All other flags are those of the gateway: {PROGRAM}"
        f" service install --port 8300. remove deletes the definition.",
    )
    parser.add_argument("action", nargs="?", choices=ACTIONS)
    parser.add_argument("--yes", action="store_true", help="write it without a question")
    try:
        found, others = parser.parse_known_args(list(arguments))
        flags = read_flags(others)
        if found.action is None:
            raise FlagError(f"{PROGRAM} service needs to know what to do: {' or '.join(ACTIONS)}.")
        if flags.export is not None:
            raise FlagError("--export writes files and ends: a service cannot do that.")
    except FlagError as error:
        parser.exit(USAGE_ERROR, f"{error}\n")
    return ServiceFlags(found.action, flags, found.yes)
