"""The fleet as values: the servers that this installation may use, and how the gateway gets in to each.

Ids come from the fleet file or the flags only; no address is ever taken from a client. `gateway/fleet_file.py` reads
them.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import NewType
from urllib.parse import urlsplit

from gateway.errors import ConfigError
from gateway.flags import FlagError, normal_address
from gateway.rules import Rules

ServerId = NewType("ServerId", str)

MOST_REQUESTS = 24  # of one kind to one server at a time, of all windows together, unless its own limit is set
_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", re.ASCII)


class Source(Enum):
    """Where the fleet came from."""

    DEMO = "demo"
    FOUND = "found"
    FILE = "file"
    FLAGS = "flags"


@dataclass(frozen=True, slots=True)
class Access:
    """How the gateway gets in: the log-in that it sends, and the TLS that it speaks. Nobody else is told either.

    Two are equal if the same is sent and trusted; `tls` is made once, from files whose content is in `digest`.
    """

    authorization: str = field(default="", repr=False)  # the whole value of the header; empty: none is sent
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)  # None: what this machine trusts
    digest: str = ""
    is_unverified: bool = False  # whoever answers at the address is believed


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gateway asks of one server at most."""

    requests: int = MOST_REQUESTS  # of one kind at a time
    upload: int | None = None  # bytes of one request; None: what the server itself takes


@dataclass(frozen=True, slots=True)
class Server:
    """One ComfyUI server of the fleet. `address` is normal: no trailing slash, no default port.

    A drained one is passed everything as before: work that it has is watched and fetched. Pages choose it no more.
    """

    id: ServerId
    name: str
    address: str
    is_drained: bool = False
    colour: str = ""  # a name of `gateway.fleet_server.COLOURS`; empty lets the page choose
    weight: float = 1.0  # how much of the work it gets, compared with the others
    tags: tuple[str, ...] = ()  # short names, for people
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)
    is_direct: bool = False  # pages of a plain web server may ask it at its own address
    direct_at: int | None = field(default=None, compare=False)  # the line of the fleet file that says so

    @property
    def tag(self) -> str:
        """What stands for the address in the paths that pages use: they ask for this server at this address."""
        return hashlib.sha256(self.address.encode()).hexdigest()[:8]


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
    each, for whoever runs the gateway.
    """

    source: Source
    why: str
    servers: tuple[Server, ...]
    names: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)
    files: tuple[ReadFile, ...] = ()
    warnings: tuple[str, ...] = ()


def checked_address(text: str) -> str:
    """The normal form of a server's address, or a `ConfigError` that says what is wrong with it."""
    try:
        address = normal_address(text)
    except FlagError as error:
        raise ConfigError(str(error), key="url") from error
    if not _PREFIX.fullmatch(urlsplit(address).path):
        raise ConfigError(f"the path in {text!r} may hold only plain names", key="url")
    return address
