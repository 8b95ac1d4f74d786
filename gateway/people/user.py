"""A user, and what belongs to them on the servers, which signatures prove: no gateway keeps a list.

A user's client_ids, prompts and uploads carry marks that only this installation can make and only for that user,
so any gateway with the key recognizes the owner, also after a restart.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from gateway.people.keys import Keys
from wire.file_names import is_unambiguous
from wire.queue import OTHER

NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}", re.ASCII)  # a proxy may send an e-mail address
FOLDER = "mooring-people"  # in each server's input folder
SHARED = "mooring-shared"  # beside it: files that the operator puts there are for all users
MARK = "mooring"  # the key in `extra_data`, whose value is the owner's mark


class Role(Enum):
    """The role of a user."""

    USE = "use"  # make pictures, see and change one's own
    RUN = "run"  # also administer the fleet: drain, cancel any job, free memory


@dataclass(frozen=True, slots=True)
class User:
    """A user who is logged in.

    A name is unique in an installation, but may later be given to a new account, which is another user (`account_id`).
    """

    name: str
    roles: frozenset[Role] = frozenset({Role.USE})
    keys: Keys = field(repr=False, default=Keys((bytes(32),)))
    epoch: int = 0  # of the account, when they logged in
    account_id: str = ""
    session: str = ""  # the id of the session of this request, and its end in seconds since 1970
    until: float = math.inf

    @property
    def subject(self) -> str:
        """The user's name in signatures and folder names."""
        return subject_of(self.name, self.account_id)

    @property
    def terms(self) -> tuple[object, ...]:
        """The facts of the account that must not change while they are logged in."""
        return self.account_id, self.epoch, self.roles

    @property
    def runs_fleet(self) -> bool:
        """Whether they may administer the fleet."""
        return Role.RUN in self.roles

    @property
    def folder(self) -> str:
        """The folder of their uploads, in each server's input folder.

        A name that is another file's or a device's on Windows, such as `con` or `bob.`, is put between underscores,
        with which no name begins.
        """
        return f"{FOLDER}/{self.subject if is_unambiguous(self.subject) else f'_{self.subject}_'}"

    @property
    def store(self) -> str:
        """The name of their stores in a browser; it reveals nothing, and is different in each installation."""
        return self.keys.sign("store", self.subject)[:16]

    @property
    def cache_mark(self) -> str:
        """What keeps their results apart in a server's cache. It is in the pictures, and reveals nothing."""
        return self.keys.sign("cache", self.subject)[:16]

    def client_id(self, client_id: str) -> str:
        """Return a window's client_id on a server, on which no other user can listen."""
        return self.keys.sign("client", self.subject, client_id)

    def mark(self, server_id: str, prompt_id: str) -> str:
        """Return the mark that their prompt carries on that server."""
        return self.keys.sign("prompt", self.subject, server_id, prompt_id)

    def owns(self, server_id: str, prompt_id: str, extra_data: object) -> bool:
        """Whether a prompt with this `extra_data` is theirs."""
        mark = mark_of(extra_data)
        return mark is not None and self.keys.is_signed(mark, "prompt", self.subject, server_id, prompt_id)

    def has_upload(self, path: str) -> bool:
        """Whether they may use a path in a server's input folder: their own, or a shared one."""
        return path.startswith((f"{self.folder}/", f"{SHARED}/")) and all(map(is_unambiguous, path.split("/")))

    def may_list(self, path: str) -> bool:
        """Whether they may use this path as a folder: their whole one, the shared one, or one inside."""
        return self.has_upload(path) or path in {self.folder, SHARED}


def subject_of(name: str, account_id: str) -> str:
    """Return the permanent name of one account: its name and its id. Names contain no tilde."""
    return f"{name}~{account_id}" if account_id else name


def is_shared(path: str) -> bool:
    """Whether all users may use a path in a server's input folder."""
    return path.startswith(f"{SHARED}/")


def mark_of(extra_data: object) -> str | None:
    """Return the owner's mark in a prompt's `extra_data`, if it has one."""
    mark = extra_data.get(MARK) if isinstance(extra_data, Mapping) else None
    return mark if isinstance(mark, str) else None


def other_id(keys: Keys, server_id: str, prompt_id: str) -> str:
    """Return a substitute for another user's prompt_id: the same each time, and of no use anywhere."""
    return f"{OTHER}{hashlib.sha256(keys.sign('stranger', server_id, prompt_id).encode()).hexdigest()[:16]}"
