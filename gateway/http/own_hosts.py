"""The gateway's own names: which Host headers are ours, and the origin of a page under each.

If a foreign name is pointed at us (DNS rebinding), the page's Host and Origin agree with each other, so agreement
proves nothing: only known names are ours. Bound to loopback, the gateway has one canonical
address. Bound to other interfaces (`--insecure`), it accepts every IP literal with our port (no foreign page can have a
literal address of ours as its origin), this machine's own name, and what `--name` and the fleet file list
(`[gateway] names`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from urllib.parse import urlsplit

from gateway.errors import ConfigError
from gateway.flags import AUTHORITY, HOST_NAME, FlagError, is_ip_literal, is_loopback, own_name

_OWN_PORT = {"http": 80, "https": 443}


class Alias(Enum):
    """A Host that is ours but not canonical."""

    LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True)
class OwnHosts:
    """The address on which the gateway listens, and its names."""

    scheme: str
    host: str  # canonical, without brackets
    port: int
    is_open: bool  # bound to more than loopback
    listed: Mapping[str, str]  # authority (lower case) -> the origin of a page under it
    own: Mapping[str, str]  # those of them that are not from the fleet file

    @property
    def origin(self) -> str:
        """The canonical origin."""
        return origin_of(self.scheme, self.host, self.port)

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches it. If it has a further name, something in front of it is reached, too."""
        return not self.is_open and set(self.listed.values()) == {self.origin}

    def named(self, names: Iterable[str]) -> OwnHosts:
        """Return the same hosts with these names from the fleet file in place of the earlier ones."""
        origins = [_listed_origin(name, self.scheme, self.port) for name in names]
        return replace(self, listed=MappingProxyType({**self.own, **_by_authority(origins)}))

    def origin_for(self, host_header: str) -> str | Alias | None:
        """Return the origin of a page under this Host header; `Alias` if it should redirect; None if it is not ours."""
        header = host_header.lower()
        if header in self.listed:
            return self.listed[header]
        match = AUTHORITY.fullmatch(header)
        if match is None or int(match[2] or _OWN_PORT[self.scheme]) != self.port:
            return None
        host = match[1].strip("[]")
        if host == "localhost":
            return Alias.LOCALHOST
        if self.is_open and is_ip_literal(host):
            return origin_of(self.scheme, host, self.port)
        return None


def build_own_hosts(
    *,
    host: str,
    port: int,
    is_tls: bool,
    names: Iterable[str] = (),
    machine: str = "",
    flagged: Iterable[str] = (),
) -> OwnHosts:
    """Return the own hosts of a gateway on `host:port`.

    `names` are from the fleet file, `flagged` from `--name`, and `machine` is its host name.
    """
    scheme = "https" if is_tls else "http"
    is_open = not is_loopback(host)
    canonical = _canonical(host)
    origins = [origin_of(scheme, canonical, port)]
    if is_open:
        own = {host.lower(), machine.lower(), f"{machine.lower().split('.')[0]}.local"}
        origins += [origin_of(scheme, name, port) for name in sorted(own) if HOST_NAME.fullmatch(name)]
    origins += [_listed_origin(name, scheme, port) for name in flagged]
    listed = MappingProxyType(_by_authority(origins))
    return OwnHosts(scheme, canonical, port, is_open, listed, own=listed).named(names)


def origin_of(scheme: str, host: str, port: int) -> str:
    """Return an origin as browsers write it: IPv6 in brackets, the scheme's default port left out."""
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" if port == _OWN_PORT[scheme] else f"{scheme}://{shown}:{port}"


def split_origin(origin: str) -> tuple[str, int]:
    """Return the scheme and the port of an origin."""
    parts = urlsplit(origin)
    return parts.scheme, parts.port or _OWN_PORT[parts.scheme]


def check_name(name: str) -> str:
    """Return `name` in lower case if it is a host name or an http(s) origin; otherwise raise `ConfigError`."""
    try:
        return own_name(name)
    except FlagError as error:
        raise ConfigError(str(error), key="names") from error


def _listed_origin(name: str, scheme: str, port: int) -> str:
    checked = check_name(name)
    if "://" not in checked:
        return origin_of(scheme, checked, port)
    parts = urlsplit(checked)
    return origin_of(parts.scheme, parts.hostname or "", parts.port or _OWN_PORT[parts.scheme])


def _by_authority(origins: Iterable[str]) -> dict[str, str]:
    return {authority: origin for origin in origins for authority in _authorities(origin)}


def _authorities(origin: str) -> tuple[str, ...]:
    parts = urlsplit(origin)
    own = _OWN_PORT[parts.scheme]
    return (parts.netloc, f"{parts.netloc}:{own}") if parts.port is None else (parts.netloc,)


def _canonical(host: str) -> str:
    """Return the host in a page's address for a bind address: never `localhost`, never the unspecified address."""
    lower = host.lower()
    if lower in {"localhost", "0.0.0.0"}:
        return "127.0.0.1"
    return "::1" if lower == "::" else lower
