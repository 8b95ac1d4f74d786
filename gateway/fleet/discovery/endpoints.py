"""What a DNS look-up returns: endpoints of servers, or why it failed (`gateway/fleet/discovery/names.py`)."""

from __future__ import annotations

from dataclasses import dataclass


class LookupFailed(Exception):
    """DNS gave no answer. The message is for users, and equal causes have equal messages."""


class NoRecords(LookupFailed):
    """The name exists without records, which may be only a zone that is being rewritten."""


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One place of a server: its host in requests, and the addresses to connect to.

    One that `is_named` has a name of its own, from an SRV record. Every other is one address of a name of many.
    """

    host: str
    port: int
    dial: tuple[str, ...]
    is_named: bool = False
    priority: int = 0
    weight: int = 0

    @property
    def place(self) -> str:
        """Return the place for messages: its own name, or its address; and the port."""
        return with_port(self.host if self.is_named else self.dial[0], self.port)

    @property
    def is_v6(self) -> bool:
        """Whether it has an IPv6 address."""
        return not self.is_named and ":" in self.dial[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer: the endpoints in a fixed order, the seconds that it is valid, and remarks on what was left out."""

    endpoints: tuple[Endpoint, ...]
    ttl: float
    remarks: tuple[str, ...] = ()


def with_port(host: str, port: int) -> str:
    """Join a host and a port, as in an address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
