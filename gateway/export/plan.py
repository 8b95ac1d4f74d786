"""The plan of an exported nginx, as values: its addresses, its host names, its servers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import ConfigError
from gateway.flags import Flags
from gateway.fleet.fleet import Fleet
from gateway.http.own_hosts import OwnHosts, build_own_hosts
from gateway.http.servers import Server

AUTHORITIES = (  # trusted certificate authorities, if a fleet file names none: Debian, Red Hat, Alpine and macOS
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate chain of nginx, and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """One nginx in front of gateways. `origins` has the origin of a page under each of our Host values, `servers` the
    servers that nginx reaches without a gateway."""

    listen: str
    origins: dict[str, str]
    gateways: tuple[str, ...]
    servers: tuple[Server, ...]
    has_people: bool
    tls: Tls | None = None
    authorities: Path | None = None

    @property
    def has_secrets(self) -> bool:
        """Whether the configuration contains secrets, such as a server's login."""
        return any(server.access.authorization for server in self.servers)


def make_plan(flags: Flags, fleet: Fleet) -> ExportPlan:
    """Return the plan for these flags and this fleet; a `ConfigError` says what is missing."""
    named = [name for name in (*flags.names, *fleet.names) if "://" in name]
    file = fleet.files[0].path if fleet.files else None
    if not named:
        raise ConfigError(
            "say by which address people open nginx, scheme and port included, such as"
            ' names = ["https://mooring.studio.lan"]: the gateways refuse requests under any other',
            file=file,
            key="names",
        )
    if not fleet.rules.proxies:
        reason = 'name the addresses that nginx reaches the gateways from, such as proxies = ["127.0.0.1"]'
        raise ConfigError(f"{reason}: they believe nobody else about who asks", file=file, key="proxies")
    authorities = next((path for path in AUTHORITIES if path.is_file()), None)
    if authorities is None and (blind := next(filter(_needs_authorities, fleet.servers), None)) is not None:
        raise ConfigError(f"{blind.id} needs it: this machine's list of authorities is not found", key="tls_ca")
    tls = None if flags.tls_cert is None or flags.tls_key is None else Tls(flags.tls_cert, flags.tls_key)
    return ExportPlan(
        _listen(flags.host, flags.port),
        _origins(build_own_hosts(host="127.0.0.1", port=1, is_tls=False, names=named)),
        flags.gateways or (f"127.0.0.1:{flags.port + 1}",),
        tuple(filter(is_reached, fleet.servers)),
        has_people=flags.users is not None or bool(fleet.rules.trusted_header),
        tls=tls,
        authorities=authorities,
    )


def _origins(own_hosts: OwnHosts) -> dict[str, str]:
    return {authority: origin for authority, origin in own_hosts.listed.items() if authority not in own_hosts.own}


def _listen(host: str, port: int) -> str:
    address = "127.0.0.1" if host.lower() == "localhost" else host
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _needs_authorities(server: Server) -> bool:
    access = server.access
    return server.address.startswith("https:") and access.files.ca is None and not access.is_unverified


def is_reached(server: Server) -> bool:
    """Whether nginx may reach a server without a gateway. It compares certificates with names only, never with
    addresses; requests to a server without a name pass through the gateways, which compare both. A gateway also keeps
    keys for partner nodes out of answers."""
    if server.is_partner:
        return False
    has_name = not _is_address(urlsplit(server.address).hostname or "")
    return server.address.startswith("http:") or server.access.is_unverified or has_name


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def host_of(server: Server) -> str:
    """Return the Host of requests to a server."""
    return urlsplit(server.address).netloc


def dial_of(server: Server) -> str:
    """Return the address to connect to, always with its port."""
    parts = urlsplit(server.address)
    own = 443 if parts.scheme == "https" else 80
    return parts.netloc if parts.port is not None else f"{parts.netloc}:{own}"


def hosts_of(plan: ExportPlan) -> Iterable[str]:
    """Yield each of our Host values, in the order in which they are written."""
    return sorted(plan.origins)
