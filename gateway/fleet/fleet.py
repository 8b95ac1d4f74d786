"""The fleet as values: its servers, where they came from, and what holds for the installation.

`gateway/fleet/file.py` reads it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import ConfigError
from gateway.flags import FlagError, normal_address
from gateway.fleet.rules import Rules
from gateway.http.servers import Access, Limits, Server

MOST_FOUND = 500  # servers that one table finds, unless it says less
_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", re.ASCII)


class Source(Enum):
    """Where the fleet came from."""

    DEMO = "demo"
    FOUND = "found"
    FILE = "file"
    FLAGS = "flags"


@dataclass(frozen=True, slots=True)
class Discover:
    """One `[[discover]]` table: where servers are looked up, and what holds for each that is found."""

    origin: str  # as it is written: dns://name:port or srv://name
    name: str
    port: int | None  # None: each SRV record has its own
    prefix: str  # what their ids begin with
    is_https: bool = False
    is_minted: bool = False
    nameservers: tuple[tuple[str, int], ...] = ()  # instead of those of this machine
    leaving: tuple[str, int | None] | None = None  # another name and its port: who is named there only is leaving
    most: int = MOST_FOUND
    colour: str = ""
    weight: float = 1.0
    tags: tuple[str, ...] = ()
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)

    @property
    def place(self) -> tuple[object, ...]:
        """What makes it another table: if one of these changes, what was found before is gone."""
        return self.origin, self.prefix, self.is_https, self.is_minted, self.nameservers, self.most


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read, by the digest of its content then."""

    path: Path
    digest: str

    @classmethod
    def of(cls, path: Path, data: bytes) -> ReadFile:
        """As it was read."""
        return cls(path, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class Fleet:
    """The servers, where they came from, why in words, the gateway's further names, and the installation's rules.

    `files` are all that was read for it: the fleet file first, then what it refers to. `warnings` are one sentence
    each, for whoever runs the gateway. `servers` are those that were looked up by `discover`, too.
    """

    source: Source
    why: str
    servers: tuple[Server, ...]
    names: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)
    files: tuple[ReadFile, ...] = ()
    warnings: tuple[str, ...] = ()
    discover: tuple[Discover, ...] = ()

    @property
    def declared(self) -> Fleet:
        """The fleet as its file or the flags have it, without what was looked up."""
        return replace(self, servers=tuple(server for server in self.servers if server.found is None))

    def with_found(self, found: tuple[Server, ...]) -> Fleet:
        """The fleet as declared, and these servers after."""
        return replace(self, servers=(*self.declared.servers, *found))


def checked_address(text: str) -> str:
    """The normal form of a server's address, or a `ConfigError` that says what is wrong with it."""
    try:
        address = normal_address(text)
    except FlagError as error:
        raise ConfigError(str(error), key="url") from error
    if not _PREFIX.fullmatch(urlsplit(address).path):
        raise ConfigError(f"the path in {text!r} may hold only plain names", key="url")
    return address
