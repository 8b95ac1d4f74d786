"""The fleet as values: the servers that this installation may use, and how the gateway gets in to each.

Ids come from the fleet file or the flags only; no address is ever taken from a client. `gateway/fleet/file.py` reads
them.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import NewType
from urllib.parse import urlsplit

from gateway.errors import ConfigError
from gateway.flags import FlagError, normal_address
from gateway.fleet.rules import Rules

ServerId = NewType("ServerId", str)

MOST_FOUND = 500  # servers that one table finds, unless it says less
MOST_REQUESTS = 24  # of one kind to one server at a time, of all windows together, unless its own limit is set
_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", re.ASCII)


class Source(Enum):
    """Where the fleet came from."""

    DEMO = "demo"
    FOUND = "found"
    FILE = "file"
    FLAGS = "flags"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the certificates lie that were read, for another program that speaks to the server."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """How the gateway gets in: the log-in that it sends, and the TLS that it speaks. Nobody else is told either.

    Two are equal if the same is sent and trusted; `tls` is made once, from files whose content is in `digest`.
    """

    authorization: str = field(default="", repr=False)  # the whole value of the header; empty: none is sent
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)  # None: what this machine trusts
    digest: str = ""
    is_unverified: bool = False  # whoever answers at the address is believed
    files: TlsFiles = field(default=TlsFiles(), compare=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gateway asks of one server at most."""

    requests: int = MOST_REQUESTS  # of one kind at a time
    upload: int | None = None  # bytes of one request; None: what the server itself takes


class ProofKind(Enum):
    """By what a server is known that was looked up."""

    MINTED = "minted"  # by the id that is kept on it
    DESCRIBED = "described"  # by what it says of itself: its versions, its devices, how it was started


@dataclass(frozen=True, slots=True)
class Proof:
    """What a server answers for as long as it is the same one. `user` is whose files its id is among, if any."""

    kind: ProofKind
    expected: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a server that was looked up, whose address may be another server's tomorrow.

    `identity` is what a task's record keeps in place of an address.
    """

    origin: str  # the `from` of the table that has found it
    identity: str
    proof: Proof


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
class Server:
    """One ComfyUI server of the fleet. `address` is normal: no trailing slash, no default port.

    A drained one is passed everything as before: work that it has is watched and fetched. Pages choose it no more.
    """

    id: ServerId
    name: str
    address: str
    is_drained: bool = False
    colour: str = ""  # a name of `gateway.fleet.file_server.COLOURS`; empty lets the page choose
    weight: float = 1.0  # how much of the work it gets, compared with the others
    tags: tuple[str, ...] = ()  # short names, for people
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)
    is_direct: bool = False  # pages of a plain web server may ask it at its own address
    direct_at: int | None = field(default=None, compare=False)  # the line of the fleet file that says so
    dial: tuple[str, ...] = ()  # where its host name is, as looked up; empty: as this machine finds it
    found: Found | None = None  # None: it stands in the file

    @property
    def identity(self) -> str:
        """What makes it this server and no other: its address, or what it is known by if it was looked up."""
        return self.address if self.found is None else self.found.identity

    @property
    def tag(self) -> str:
        """What stands for the identity in the paths that pages use: they ask for this server and no other."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:8]


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
