"""`users.toml`: the accounts. `serve.py user …` writes it, and gateways reload it when it has changed.

[[user]]
name = "alice"                # lower-case letters, digits, . _ @ -
id = "5f0c8e19a2b4d637"       # of this account: a later account with this name is another user; older files have none
password = "scrypt$15$8$3…"   # never the password itself; without one, only a login proxy authenticates her
roles = ["use"]               # or ["use", "run"]: may also drain servers, cancel any job, free memory
epoch = 3                     # grows when she logs out everywhere: older sessions are over
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.errors import ConfigError
from gateway.install.exclusion import exclusive
from gateway.installation import PROGRAM
from gateway.people.passwords import PasswordHash
from gateway.people.user import NAME, Role, subject_of
from gateway.whole_file import write_whole

MOST_USERS = 10_000
_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_KEYS = frozenset({"name", "id", "password", "roles", "epoch"})
_HEAD = "# Who may log in to Mooring. Written by `python3 serve.py user`; gateways notice a change by themselves.\n"


@dataclass(frozen=True, slots=True)
class Account:
    """One user. A session is valid only while its epoch is the account's."""

    name: str
    password: PasswordHash | None = None
    roles: frozenset[Role] = frozenset({Role.USE})
    epoch: int = 0
    id: str = ""

    @property
    def subject(self) -> str:
        """The account's name in signatures."""
        return subject_of(self.name, self.id)


@dataclass(frozen=True, slots=True)
class Accounts:
    """All users, by name."""

    by_name: Mapping[str, Account]

    def get(self, name: str) -> Account | None:
        """Return the account of that name."""
        return self.by_name.get(name)

    def put(self, account: Account) -> Accounts:
        """Return the accounts with this one added or replaced."""
        return Accounts({**self.by_name, account.name: account})

    def without(self, name: str) -> Accounts:
        """Return the accounts without that one."""
        return Accounts({one: account for one, account in self.by_name.items() if one != name})

    def logged_out(self, name: str) -> Accounts:
        """Return the accounts with every session of that user ended."""
        account = self.by_name[name]
        return self.put(replace(account, epoch=account.epoch + 1))


def read_accounts(path: Path) -> Accounts:
    """Return the users in a file; a `ConfigError` says what is wrong, and for which user."""
    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"it cannot be read ({error.strerror})", file=path) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"it cannot be read ({error})", file=path) from error
    tables = document.get("user", [])
    if set(document) - {"user"} or not isinstance(tables, list) or len(tables) > MOST_USERS:
        raise ConfigError("write each user as a [[user]] table, and nothing else", file=path)
    found: dict[str, Account] = {}
    for number, table in enumerate(tables, 1):
        try:
            account = _account(table)
        except ConfigError as error:
            raise ConfigError(f"user {number}: {error.reason}", file=path, key=error.key) from error
        if account.name in found:
            raise ConfigError(f"user {number}: another user has the name {account.name!r}", file=path, key="name")
        found[account.name] = account
    return Accounts(found)


def _account(table: object) -> Account:
    if not isinstance(table, dict):
        raise ConfigError("write it as a [[user]] table")
    for key in table:
        if key not in _KEYS:
            raise ConfigError(f"there is no such setting; known here: {', '.join(sorted(_KEYS))}", key=str(key))
    epoch, password = table.get("epoch", 0), table.get("password")
    if not isinstance(epoch, int) or isinstance(epoch, bool) or epoch < 0:
        raise ConfigError("it must be a number, 0 or more", key="epoch")
    account_id = table.get("id", "")
    if not isinstance(account_id, str) or (account_id and not _ID.fullmatch(account_id)):
        raise ConfigError(f"it must be 16 hexadecimal digits, as {PROGRAM} user add writes them", key="id")
    if password is not None and not isinstance(password, str):
        raise ConfigError("it must be text in quotes", key="password")
    try:
        known = None if password is None else PasswordHash.read(password)
    except ConfigError as error:
        raise ConfigError(error.reason, key="password") from error
    return Account(checked_name(table.get("name")), known, _roles(table.get("roles", ["use"])), epoch, account_id)


def new_id() -> str:
    """Return a random id for a new account."""
    return secrets.token_hex(8)


def checked_name(name: object) -> str:
    """Return a valid user name, or raise a `ConfigError` with the rules for one."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        reason = f"{name!r} must be at most 64 lower-case letters, digits and . _ @ -"
        raise ConfigError(reason, key="name")
    return name


def _roles(words: object) -> frozenset[Role]:
    known = {role.value: role for role in Role}
    if not isinstance(words, list) or not words or not all(word in known for word in words):
        raise ConfigError('it must be ["use"] or ["use", "run"]', key="roles")
    return frozenset({Role.USE, *(known[word] for word in words)})


def write_accounts(path: Path, accounts: Accounts) -> None:
    """Replace the file in one step, readable by its owner only. If it is a link, its target is replaced."""
    path = path.resolve()
    text = _HEAD + "".join(_written(account) for account in accounts.by_name.values())
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise ConfigError(f"it cannot be written ({error.strerror})", file=path) from error


def _written(account: Account) -> str:
    lines = ["", "[[user]]", f"name = {json.dumps(account.name)}"]
    lines += [f"id = {json.dumps(account.id)}"] if account.id else []
    if account.password is not None:
        lines.append(f"password = {json.dumps(account.password.write())}")
    lines += [f"roles = {json.dumps(sorted((role.value for role in account.roles), reverse=True))}"]
    lines += [f"epoch = {account.epoch}"] if account.epoch else []
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def changing(path: Path) -> Iterator[None]:
    """Hold the exclusive right to read and write the file, among all gateways and commands of this machine."""
    path = path.resolve()
    try:
        with exclusive(path.with_name(f".{path.name}.lock"), lambda: None):
            yield
    except OSError as error:
        raise ConfigError(f"it cannot be written ({error.strerror})", file=path) from error
