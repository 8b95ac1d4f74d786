"""The sub-commands of `serve.py` and of `python -m gateway`; without one, the gateway runs.

    python3 serve.py [flags]            runs the gateway
    python3 serve.py check [flags]      examines every server
    python3 serve.py static DIR         writes the page for a plain web server
    python3 serve.py user add NAME      adds a user
    python3 serve.py gpus               prints how to start one ComfyUI for each GPU
    python3 serve.py paths              prints where Mooring's files are
    python3 serve.py service install    starts Mooring at each log-in of its user
    python3 serve.py prepare            makes all that a gateway would make while it runs

Standard library only, as `gateway/flags.py`: `serve.py` checks the command line before anything is installed. So a
command, and the parser of its flags, is imported only when it runs.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from gateway.flags import USAGE_ERROR, parse_flags


class Parsed(Protocol):
    """A parsed command line."""

    def arguments(self) -> list[str]:
        """Return it as arguments with absolute paths, for a process in another folder."""


@dataclass(frozen=True, slots=True)
class Command:
    """One sub-command. `parse` ends the process with one sentence and exit code 2; `run` returns the exit code."""

    parse: Callable[[Sequence[str]], Parsed]
    run: Callable[[Sequence[str]], int]


def _parse_check(arguments: Sequence[str]) -> Parsed:
    from gateway.check.flags import parse_check_flags

    return parse_check_flags(arguments)


def _run_check(arguments: Sequence[str]) -> int:
    from gateway.check.command import main

    return main(arguments)


def _parse_user(arguments: Sequence[str]) -> Parsed:
    from gateway.people.user_flags import parse_user_flags

    return parse_user_flags(arguments)


def _run_user(arguments: Sequence[str]) -> int:
    from gateway.people.user_command import main

    return main(arguments)


def _parse_gpus(arguments: Sequence[str]) -> Parsed:
    from gateway.gpus.flags import parse_gpus_flags

    return parse_gpus_flags(arguments)


def _run_gpus(arguments: Sequence[str]) -> int:
    from gateway.gpus.command import main

    return main(arguments)


def _parse_paths(arguments: Sequence[str]) -> Parsed:
    from gateway.installation_commands import parse_paths

    return parse_paths(arguments)


def _run_paths(arguments: Sequence[str]) -> int:
    from gateway.installation_commands import paths

    return paths(arguments)


def _parse_prepare(arguments: Sequence[str]) -> Parsed:
    from gateway.installation_commands import parse_prepare

    return parse_prepare(arguments)


def _run_prepare(arguments: Sequence[str]) -> int:
    from gateway.installation_commands import prepare

    return prepare(arguments)


def _parse_service(arguments: Sequence[str]) -> Parsed:
    from gateway.service.flags import parse_service_flags

    return parse_service_flags(arguments)


def _run_service(arguments: Sequence[str]) -> int:
    from gateway.service.command import main

    return main(arguments)


def _parse_static(arguments: Sequence[str]) -> Parsed:
    from gateway.export.plain_flags import parse_static_flags

    return parse_static_flags(arguments)


def _run_static(arguments: Sequence[str]) -> int:
    from gateway.export.plain_command import main

    return main(arguments)


COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "check": Command(_parse_check, _run_check),
        "gpus": Command(_parse_gpus, _run_gpus),
        "paths": Command(_parse_paths, _run_paths),
        "prepare": Command(_parse_prepare, _run_prepare),
        "service": Command(_parse_service, _run_service),
        "static": Command(_parse_static, _run_static),
        "user": Command(_parse_user, _run_user),
    }
)


def find_command(arguments: Sequence[str]) -> tuple[Command | None, list[str]]:
    """Return the sub-command that the first argument names, and the other arguments; None for the gateway itself."""
    name = arguments[0] if arguments else "-"
    if name.startswith("-"):
        return None, list(arguments)
    if name not in COMMANDS:
        print(_unknown(name), file=sys.stderr)
        sys.exit(USAGE_ERROR)
    return COMMANDS[name], list(arguments[1:])


def parse_command(arguments: Sequence[str]) -> list[str]:
    """Check the command line and return it for `python -m gateway`; an invalid one ends the process."""
    command, words = find_command(arguments)
    if command is None:
        return parse_flags(words).arguments()
    return [arguments[0], *command.parse(words).arguments()]


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(sorted(COMMANDS))}."
    return f"There is no command {name!r}; {hint}"
