"""A ComfyUI server as the gateway reaches it: its address, the gateway's login there, and the proof of its identity.

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
    """The paths of the certificates, for another program that connects to the server."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """The gateway's access: its login, and its TLS settings. Neither is sent to other servers.

    Two are equal if they send and trust the same; `tls` is made once, from files whose content is in `digest`.
    """

    authorization: str = field(default="", repr=False)  # the whole value of the header; empty: none is sent
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)  # None: this machine's defaults
    digest: str = ""
    is_unverified: bool = False  # any server that answers at the address is trusted
    files: TlsFiles = field(default=TlsFiles(), compare=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the gateway's requests to one server."""

    requests: int = MOST_REQUESTS  # of one kind at a time
    upload: int | None = None  # bytes of one request; None: the server's own limit


class ProofKind(Enum):
    """How a discovered server is recognized."""

    MINTED = "minted"  # by the id that is stored on it
    DESCRIBED = "described"  # by its description: its versions, its devices, its command line


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer that identifies a server. `user` is the ComfyUI user who owns the id's file, if any."""

    kind: ProofKind
    expected: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class DiscoveredIdentity:
    """The identity of a discovered server, whose address may belong to another server tomorrow.

    `identity` is stored in a task's record in place of an address.
    """

    origin: str  # the `from` of its table
    identity: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class Server:
    """One ComfyUI server of the fleet. `address` is normalized: no trailing slash, no default port.

    A drained one gets every request as before, so that its work is watched and fetched, but no new work from pages.
    """

    id: ServerId
    name: str
    address: str
    is_drained: bool = False
    colour: str = ""  # a name in `gateway.fleet.file_server.COLOURS`; if empty, the page chooses
    weight: float = 1.0  # its share of the work, relative to the others
    tags: tuple[str, ...] = ()  # short names, for users
    access: Access = field(default_factory=Access)
    limits: Limits = field(default_factory=Limits)
    is_direct: bool = False  # pages of a plain web server may contact it at its own address
    is_partner: bool = False  # it may get keys for partner nodes
    direct_at: int | None = field(default=None, compare=False)  # the line of the fleet file that says so
    dial: tuple[str, ...] = ()  # the addresses of its host name that were looked up; empty: this machine resolves it
    found: DiscoveredIdentity | None = None  # None: it is declared in the file

    @property
    def identity(self) -> str:
        """What identifies it: its address, or the proven identity if it was discovered."""
        return self.address if self.found is None else self.found.identity

    @property
    def tag(self) -> str:
        """A short hash of the identity, in the paths that pages use, so that they reach this server and no other."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:8]
