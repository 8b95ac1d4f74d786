"""`serve.py user …`: adds, changes and removes users."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from gateway.errors import ConfigError, MooringError
from gateway.installation import PROGRAM
from gateway.people.accounts import Account, Accounts, changing, checked_name, new_id, read_accounts, write_accounts
from gateway.people.keys import load_keys, make_keys, renew_keys
from gateway.people.login import METRICS
from gateway.people.passwords import PasswordHash, fault_of
from gateway.people.user import Role
from gateway.people.user_flags import UserFlags, parse_user_flags

_FAILED = 1


def main(arguments: Sequence[str]) -> int:
    """Run the command; return 0, or 1 after one sentence."""
    flags = parse_user_flags(arguments)
    try:
        print(_do(flags))
    except MooringError as error:
        print(error, file=sys.stderr)
        return _FAILED
    except (KeyboardInterrupt, EOFError):
        print("Nothing was changed.", file=sys.stderr)
        return _FAILED
    return 0


def _do(flags: UserFlags) -> str:
    match flags.action:
        case "list":
            return _listed(_read(flags.users))
        case "newkey":
            load_keys(flags.key)
            renew_keys(flags.key)
            return f"{flags.key} has a new key; what the last one has signed stays valid until the next newkey."
        case "metrics":
            return load_keys(flags.key).sign(*METRICS)
        case "add" | "password":
            name = checked_name(flags.name)
            _check_there(_read(flags.users), name, wanted=flags.action == "password")
            hashed = PasswordHash.of(_ask(flags))  # before the file is locked: typing takes time
            summary = _change(flags.users, name, lambda account: _with_password(flags, name, account, hashed))
            return summary + _key_made(flags.key)
        case "role":
            roles = _roles(flags)
            return _change(flags.users, flags.name, lambda account: replace(_there(account, flags.name), roles=roles))
        case "logout":
            return _change(flags.users, flags.name, lambda account: _logged_out(_there(account, flags.name)))
        case _:
            return _change(flags.users, flags.name, lambda account: _removed(account, flags.name))


def _change(users: Path, name: str, change: Callable[[Account | None], Account | None]) -> str:
    with changing(users):
        accounts = _read(users)
        account = change(accounts.get(name))
        write_accounts(users, accounts.without(name) if account is None else accounts.put(account))
    return f"{users} has it: {name}{' is gone' if account is None else _description(account)}."


def _key_made(path: Path) -> str:
    """Create the key for sessions if it is missing, since a gateway with read-only files cannot."""
    if path.exists():
        return ""
    make_keys(path)
    return f"\n{path} is this installation's key, and new."


def _with_password(flags: UserFlags, name: str, account: Account | None, hashed: PasswordHash) -> Account:
    _check_account(account, name, wanted=flags.action == "password")
    if account is None:
        return Account(name, hashed, _roles(flags), id=new_id())
    return replace(account, password=hashed, epoch=account.epoch + 1)  # sessions that began with the old password end


def _logged_out(account: Account) -> Account:
    return replace(account, epoch=account.epoch + 1)


def _removed(account: Account | None, name: str) -> None:
    _there(account, name)


def _there(account: Account | None, name: str) -> Account:
    if account is None:
        raise ConfigError(f"there is no user {name!r}")
    return account


def _check_there(accounts: Accounts, name: str, *, wanted: bool) -> None:
    _check_account(accounts.get(name), name, wanted=wanted)


def _check_account(account: Account | None, name: str, *, wanted: bool) -> None:
    if wanted:
        _there(account, name)
    elif account is not None:
        raise ConfigError(f"there is a user {name!r} already: {PROGRAM} user password changes the password")


def _roles(flags: UserFlags) -> frozenset[Role]:
    return frozenset({Role.USE, Role.RUN} if flags.runs_fleet else {Role.USE})


def _read(users: Path) -> Accounts:
    return read_accounts(users) if users.exists() else Accounts({})


def _ask(flags: UserFlags) -> str:
    """Read the password, typed twice or from standard input."""
    if flags.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass(f"Password for {flags.name}: ")
        if getpass.getpass("The same again: ") != password:
            raise ConfigError("the two are not the same: nothing was changed")
    if fault := fault_of(password):
        raise ConfigError(fault)
    return password


def _description(account: Account) -> str:
    return ", who runs the fleet too" if Role.RUN in account.roles else ""


def _listed(accounts: Accounts) -> str:
    lines = [
        f"{account.name}{_description(account)}{'' if account.password else ', without a password'}"
        for account in accounts.by_name.values()
    ]
    return "\n".join(lines) or f"There are no users yet: {PROGRAM} user add NAME"
