"""The fleet as values: its servers, its source, and the rules of the installation.

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
from gateway.fleet.partner_rules import PartnerRules
from gateway.fleet.rules import Rules
from gateway.http.servers import Access, Limits, Server

MOST_FOUND = 500  # servers that one table finds at most, unless it says less
_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", re.ASCII)


class DeclaredBy(Enum):
    """What declares the fleet."""

    DEMO = "demo"
    FOUND = "found"
    FILE = "file"
    FLAGS = "flags"


@dataclass(frozen=True, slots=True)
class Discover:
    """One `[[discover]]` table: where to look servers up, and the settings of each that is found."""

    origin: str  # as written: dns://name:port or srv://name
    name: str
    port: int | None  # None: each SRV record has its own
    prefix: str  # of the servers' ids
    is_https: bool = False
    is_minted: bool = False
    nameservers: tuple[tuple[str, int], ...] = ()  # in place of those of this machine
    leaving: tuple[str, int | None] | None = None  # another name and its port: a server with this name only is leaving
    most: int = MOST_FOUND
    colour: str = ""
    weight: float = 1.0
    tags: tuple[str, ...] = ()
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)

    @property
    def place(self) -> tuple[object, ...]:
        """The identity of the table: if it changes, servers found before are dropped."""
        return self.origin, self.prefix, self.is_https, self.is_minted, self.nameservers, self.most


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read, with the digest of its content."""

    path: Path
    digest: str

    @classmethod
    def of(cls, path: Path, data: bytes) -> ReadFile:
        """Return the file with this content's digest."""
        return cls(path, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class Fleet:
    """The servers, their source with an explanation, the gateway's further names, and the installation's rules.

    `files` are all that were read: the fleet file first, then the files it refers to. `warnings` are one sentence each,
    for the operator. `servers` includes those found by `discover`.
    """

    source: DeclaredBy
    why: str
    servers: tuple[Server, ...]
    names: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)
    partner: PartnerRules = field(default_factory=PartnerRules)
    files: tuple[ReadFile, ...] = ()
    warnings: tuple[str, ...] = ()
    discover: tuple[Discover, ...] = ()

    @property
    def declared(self) -> Fleet:
        """The fleet as its file or the flags declare it, without discovered servers."""
        return replace(self, servers=tuple(server for server in self.servers if server.found is None))

    def with_found(self, found: tuple[Server, ...]) -> Fleet:
        """Return the declared fleet with these servers added."""
        return replace(self, servers=(*self.declared.servers, *found))


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A ComfyUI that was found on this machine, with its version and its devices. It is in the fleet once chosen."""

    server: Server
    version: str = ""
    devices: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return what the fleet's state sends of it."""
        return {
            "id": self.server.id,
            "address": self.server.address,
            "version": self.version,
            "devices": list(self.devices),
        }


def checked_address(text: str) -> str:
    """Normalize a server's address, or raise a `ConfigError` that says what is wrong with it."""
    try:
        address = normal_address(text)
    except FlagError as error:
        raise ConfigError(str(error), key="url") from error
    if not _PREFIX.fullmatch(urlsplit(address).path):
        raise ConfigError(f"the path in {text!r} may hold only plain names", key="url")
    return address
