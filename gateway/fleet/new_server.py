"""An address that was typed in the page: parsed, and checked before anything is sent to it.

address = read_address("gpu-1")                    # http://gpu-1:8188
await judge_address(address)
server_id = propose_id(address, taken={"gpu-1"})   # gpu-1-2
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from gateway.errors import ConfigError
from gateway.flags import is_loopback
from gateway.fleet.choice import USUAL_ADDRESS, USUAL_ID
from gateway.fleet.fleet import checked_address
from gateway.http.addresses import ForbiddenAddressError, GuardedResolver, is_forbidden
from gateway.http.servers import ServerId
from wire.new_servers import LONGEST_ADDRESS, LONGEST_NAME, AddressFault

USUAL_PORT = 8188
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)  # as the end of a host it makes the whole an IPv4 address
_LONGEST_ID = 31  # characters; SERVER_ID in gateway/flags.py


class AddressError(Exception):
    """No server can be at the address."""

    def __init__(self, fault: AddressFault) -> None:
        self.fault = fault
        super().__init__(fault.value)


def read_address(typed: str) -> str:
    """Return the normal address for what was typed, with http and port 8188 if it names neither; or `AddressError`."""
    text = typed.strip()
    if not text or len(text) > LONGEST_ADDRESS:
        raise AddressError(AddressFault.INVALID)
    if not _SCHEME.match(text):
        text = _with_port(f"http://{text}")
    try:
        has_login = urlsplit(text).username is not None
        address = text if has_login else checked_address(text)
    except (ConfigError, ValueError) as error:
        raise AddressError(AddressFault.INVALID) from error
    if has_login:
        raise AddressError(AddressFault.LOGIN)
    if not _is_host(urlsplit(address).hostname or ""):
        raise AddressError(AddressFault.INVALID)
    return address


def _with_port(text: str) -> str:
    """Return an address without a scheme with ComfyUI's port, if it has none."""
    try:
        parts = urlsplit(text)
        host, port = parts.netloc, parts.port
    except ValueError:
        return text
    is_whole = port is not None or host.endswith(":") or (":" in host and not host.endswith("]"))
    return text if is_whole else text.replace(host, f"{host}:{USUAL_PORT}", 1)


def _is_host(host: str) -> bool:
    """Whether it is a name or an IP address as programs write it: no `127.1`, `2130706433` or `0x7f000001`."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            name = host.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return False
        return _HOST.fullmatch(name) is not None and _NUMBER.fullmatch(name.rpartition(".")[2]) is None
    return True


async def judge_address(address: str, seconds: float) -> None:
    """Raise `AddressError` if the address is forbidden or its name is unknown. Nothing is sent to it."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if is_forbidden(host):
        raise AddressError(AddressFault.FORBIDDEN)
    resolver = GuardedResolver()
    try:
        async with asyncio.timeout(seconds):
            await resolver.resolve(host, parts.port or 0, socket.AF_UNSPEC)
    except ForbiddenAddressError as error:
        raise AddressError(AddressFault.FORBIDDEN) from error
    except (OSError, TimeoutError, UnicodeError) as error:
        raise AddressError(AddressFault.UNKNOWN_NAME) from error
    finally:
        await resolver.close()


def propose_id(address: str, taken: Collection[str]) -> ServerId:
    """Return a free id for a server, made of its address: the same at each start."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if is_loopback(host):
        is_usual = parts.port == urlsplit(USUAL_ADDRESS).port
        wanted = USUAL_ID if is_usual else f"{USUAL_ID}-{parts.port or parts.scheme}"
    elif re.search("[a-z]", host) and ":" not in host:
        wanted = host.partition(".")[0]
    else:
        wanted = host
    wanted = re.sub("[^a-z0-9]+", "-", wanted.lower()).strip("-")[:_LONGEST_ID].rstrip("-") or "server"
    found, number = wanted, 1
    while found in taken:
        number += 1
        found = f"{wanted[: _LONGEST_ID - len(str(number)) - 1].rstrip('-')}-{number}"
    return ServerId(found)


def propose_name(address: str, server_id: ServerId) -> str:
    """Return what people call a server until they name it: its host, or its id if that is this machine."""
    host = urlsplit(address).hostname or ""
    return server_id if is_loopback(host) else host[:LONGEST_NAME]
