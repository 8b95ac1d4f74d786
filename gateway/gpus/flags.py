"""The flags of `serve.py gpus`. Standard library only, as `gateway/flags.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.flags import USAGE_ERROR, FlagError, Parser, port_number
from gateway.installation import PROGRAM

FIRST_PORT = 8188  # ComfyUI's default


@dataclass(frozen=True, slots=True)
class GpusFlags:
    """The port of the first server; the others follow it."""

    port: int = FIRST_PORT

    def arguments(self) -> list[str]:
        """Return the same flags as a command line."""
        return [] if self.port == FIRST_PORT else ["--port", str(self.port)]


def parse_gpus_flags(arguments: Sequence[str]) -> GpusFlags:
    """Parse the flags; an invalid one ends the process with one sentence on stderr and exit code 2."""
    parser = _parser()
    try:
        return GpusFlags(parser.parse_args(list(arguments)).port)
    except FlagError as error:
        parser.exit(USAGE_ERROR, f"{error}\n")


def _parser() -> Parser:
    parser = Parser(
        prog=f"{PROGRAM} gpus",
        allow_abbrev=False,
        description="Print how to start one ComfyUI for each GPU of this machine, and Mooring for all of them.",
        epilog="Nothing is started. The exit code is 1 if no GPU is found.",
    )
    parser.add_argument(
        "--port", type=port_number, default=FIRST_PORT, help="port of the first server (default: %(default)s)"
    )
    return parser
