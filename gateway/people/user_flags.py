"""The flags of `serve.py user`. Standard library only, as `gateway/flags.py`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.flags import USAGE_ERROR, FlagError, Parser
from gateway.installation import PROGRAM, locate

ACTIONS = ("add", "password", "role", "logout", "remove", "list", "newkey", "metrics")
_NEED_NAME = frozenset({"add", "password", "role", "logout", "remove"})


@dataclass(frozen=True, slots=True)
class UserFlags:
    """The action and its user. `password_stdin` reads the password from the first line of standard input."""

    action: str
    name: str
    users: Path
    key: Path
    runs_fleet: bool = False
    password_stdin: bool = False

    def arguments(self) -> list[str]:
        """Return the same as arguments with absolute paths."""
        words = [self.action, *([self.name] if self.name else []), "--users", str(self.users), "--key", str(self.key)]
        words += ["--run-fleet"] if self.runs_fleet else []
        return [*words, "--password-stdin"] if self.password_stdin else words


def parse_user_flags(arguments: Sequence[str]) -> UserFlags:
    """Parse the flags; an invalid one ends the process with one sentence on stderr and exit code 2."""
    parser = _parser()
    try:
        found = parser.parse_args(list(arguments))
        if found.action is None:
            raise FlagError(f"{PROGRAM} user needs to know what to do: {', '.join(ACTIONS)}.")
        if found.action in _NEED_NAME and not found.name:
            raise FlagError(f"{PROGRAM} user {found.action} needs a name.")
        if found.action not in _NEED_NAME and found.name:
            raise FlagError(f"{PROGRAM} user {found.action} takes no name.")
    except FlagError as error:
        parser.exit(USAGE_ERROR, f"{error}\n")
    users = found.users.expanduser().resolve()
    key = found.key.expanduser().resolve() if found.key is not None else key_beside(users)
    return UserFlags(found.action, found.name or "", users, key, found.run_fleet, found.password_stdin)


def key_beside(users: Path) -> Path:
    """Return the default path of the installation's keys."""
    return users.with_name("mooring.key")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=f"{PROGRAM} user",
        allow_abbrev=False,
        description="Change the users. A running gateway notices by itself.",
        epilog="add and password ask for the password, and add makes the installation's key if there is none; logout"
        " ends all sessions of a user; newkey replaces the key, and the one before it stays valid once; metrics prints"
        " the token that Prometheus needs.",
    )
    add = parser.add_argument
    add("action", nargs="?", choices=ACTIONS)
    add("name", nargs="?")
    add("--users", type=Path, default=locate().users, metavar="FILE", help="the file (default: %(default)s)")
    add("--key", type=Path, metavar="FILE", help="the key's file (default: mooring.key beside --users)")
    add("--run-fleet", action="store_true", help="with add and role: may drain servers, cancel any job, free memory")
    add("--password-stdin", action="store_true", help="read the password from standard input")
    return parser
