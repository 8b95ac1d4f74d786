"""A ComfyUI server as the gateway reaches it: its address, how the gateway gets in, and how it proves who it is.

Ids come from the fleet file or the flags only; no address is ever taken from a client.
"""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import NewType

ServerId = NewType("ServerId", str)

MOST_REQUESTS = 24  # of one kind to one server at a time, of all windows together, unless its own limit is set


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the certificates lie that were read, for another program that speaks to the server."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """How the gateway gets in: the log-in that it sends, and the TLS that it speaks. Neither is sent to others.

    Two are equal if the same is sent and trusted; `tls` is made once, from files whose content is in `digest`.
    """

    authorization: str = field(default="", repr=False)  # the whole value of the header; empty: none is sent
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)  # None: what this machine trusts
    digest: str = ""
    is_unverified: bool = False  # any server that answers at the address is trusted
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
