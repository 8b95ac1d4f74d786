"""The client of a request: the connection's own address, or the one that a trusted proxy names.

A proxy in front of gateways has one address for all clients, so the throttle of logins could not tell them apart. Its
`X-Forwarded-For` is believed only from the addresses that the fleet file lists as `proxies`: such a proxy has to
set the header itself, to the one address that its own connection came from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network

from aiohttp import web

HEADER = "X-Forwarded-For"


def client_of(request: web.BaseRequest, is_proxy: Callable[[str], bool]) -> str:
    """Return the address that a request came from; empty if there is none."""
    peer = request.remote or ""
    return client_address(peer, request.headers.getall(HEADER, ()), is_proxy) if is_proxy(peer) else peer


@lru_cache(1_024)
def network_of(address: str) -> str:
    """Return the network that counts as one party: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, IPv4Address):
        return str(known)
    return str(known.ipv4_mapped or ip_network((known, 64), strict=False))


def client_address(peer: str, named: Sequence[str], is_proxy: Callable[[str], bool]) -> str:
    """Return the client of a connection from `peer`. A proxy that names none, or several, counts as the client."""
    if len(named) != 1 or not is_proxy(peer):
        return peer
    try:
        return str(ip_address(named[0].strip()))
    except ValueError:
        return peer
