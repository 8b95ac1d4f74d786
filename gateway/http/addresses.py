"""Addresses that no server may have: link-local ones, a cloud's metadata service, and those of no single machine.

    is_forbidden("169.254.169.254")     # True

A cloud's metadata service gives the machine's credentials to every program on it. A name is checked at every
connection, since DNS may change between two of them.
"""

from __future__ import annotations

import errno
import ipaddress
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # Amazon
        "fd20:ce::254",  # Google
    )
)  # beside 169.254.169.254, which is link-local
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenAddressError(OSError):
    """A name resolves to forbidden addresses only."""


def is_forbidden(host: str) -> bool:
    """Whether no server may have this IP address; False for a name."""
    try:
        address = _unwrapped(ipaddress.ip_address(host.strip("[]").partition("%")[0]))
    except ValueError:
        return False
    if address.is_loopback:
        return False
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or address in _METADATA
    )


def _unwrapped(address: _Address) -> _Address:
    """Return the IPv4 address that an IPv6 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


class GuardedResolver(AbstractResolver):
    """Resolves names, and leaves out forbidden addresses."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name; `ForbiddenAddressError` if none is left."""
        found = await self._inner.resolve(host, port, family)
        allowed = [one for one in found if not is_forbidden(one["host"])]
        if not allowed:
            raise ForbiddenAddressError(errno.EACCES, "its name resolves to an address that no server may have")
        return allowed

    async def close(self) -> None:
        await self._inner.close()
