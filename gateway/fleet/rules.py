"""The `[gateway]` table of the fleet file: the gateway's further names, and the rules of the installation."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from gateway.errors import ConfigError
from gateway.fleet.toml_text import TomlTable
from gateway.http.own_hosts import check_name
from wire.downloads import is_host

DEFAULT_SESSION_DAYS = 30  # one day if sessions cannot be ended early
MOST_PENDING = 10_000
LONGEST_SESSION = 365  # days
LONGEST_HSTS = 730  # days
LONGEST_NODE = 200  # characters
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*", re.ASCII)
# Headers with a meaning of their own: a client could set them, so none may carry a user's name.
_TAKEN = re.compile(
    r"(host|origin|referer|cookie|authorization|connection|upgrade|expect|te|trailer|range|date|via|forwarded"
    r"|user-agent|keep-alive|transfer-encoding|(accept|content|if|sec|proxy|x-mooring|access-control)(-.*)?)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one installation, each under its key, with the defaults for one without a fleet file.

    `trusted_header` names the header in which a login proxy sends the user's name. It is believed only from
    `trusted_peers`, the addresses that the proxy's connections come from. `proxies` forward requests of others: their
    `X-Forwarded-For` is believed.
    """

    max_pending_per_user: int | None = None  # queued and running prompts of one user on one server
    deny_nodes: tuple[str, ...] = ()  # node classes, `*` and `?` as in file names
    allow_nodes: tuple[str, ...] = ()  # classes that the role *use* may run although their use of files is not known
    share_workflows: bool = False  # whether users see the workflows that are saved on the servers
    only_published: bool = False  # whether the role *use* may run published workflows only
    trusted_header: str = ""
    trusted_peers: tuple[IPv4Network | IPv6Network, ...] = ()
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    session_days: int | None = None  # None: as long as sessions may last
    model_hosts: tuple[str, ...] = ()  # from which servers may download models
    home_screen: bool = True  # whether the page has a service worker
    hsts_days: int | None = None  # how long browsers use only https for this host; None: no header

    def denies(self, class_type: str) -> bool:
        """Whether prompts may not contain this node class."""
        return any(fnmatchcase(class_type, pattern) for pattern in self.deny_nodes)

    def allows(self, class_type: str) -> bool:
        """Whether the role *use* may run this class although its use of files is not known."""
        return any(fnmatchcase(class_type, pattern) for pattern in self.allow_nodes)

    @property
    def judge_classes(self) -> bool:
        """Return whether node classes can be forbidden, in which case unknown classes are."""
        return bool(self.deny_nodes) or self.only_published

    def trusts(self, peer: str) -> bool:
        """Whether `trusted_header` is believed from this address."""
        return _is_in(peer, self.trusted_peers)

    def is_proxy(self, peer: str) -> bool:
        """Whether this address is that of a proxy in front of the gateway."""
        return _is_in(peer, self.proxies)


@lru_cache(1_024)
def _is_in(peer: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    if not networks:
        return False
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # a socket that listens on both kinds writes ::ffff:10.0.0.1
    return any((mapped or address) in network for network in networks)


# The table

KEYS = ("names", *(item.name for item in fields(Rules)))


def read_names(table: TomlTable) -> tuple[str, ...]:
    """Return further host names or origins of the gateway."""
    table.check_keys(KEYS)
    try:
        return tuple(check_name(name) for name in table.texts("names", "names"))
    except ConfigError as error:
        raise (error if error.file else table.fault(error.reason, "names")) from error


def read_rules(table: TomlTable) -> Rules:
    """Return the rules for users."""
    header, peers = _header(table), _networks(table, "trusted_peers")
    if header and not peers:
        raise table.fault(
            "name the proxy's addresses in trusted_peers: it is believed from them only", "trusted_header"
        )
    if peers and not header:
        raise table.fault("nothing is believed from them without a trusted_header", "trusted_peers")
    return Rules(
        max_pending_per_user=table.whole("max_pending_per_user", 1, MOST_PENDING),
        deny_nodes=_nodes(table, "deny_nodes"),
        allow_nodes=_nodes(table, "allow_nodes"),
        share_workflows=table.flag("share_workflows"),
        only_published=table.flag("only_published"),
        trusted_header=header,
        trusted_peers=peers,
        proxies=_networks(table, "proxies"),
        model_hosts=_model_hosts(table),
        session_days=table.whole("session_days", 1, LONGEST_SESSION),
        hsts_days=table.whole("hsts_days", 0, LONGEST_HSTS),
        home_screen=table.flag("home_screen", default=True),
    )


def _nodes(table: TomlTable, key: str) -> tuple[str, ...]:
    nodes = table.texts(key, "node classes")
    if not all(node.strip() == node and 0 < len(node) <= LONGEST_NODE and node.isprintable() for node in nodes):
        raise table.fault("a node class is its name, with * and ? as in file names", key)
    return nodes


def _model_hosts(table: TomlTable) -> tuple[str, ...]:
    hosts = table.texts("model_hosts", "host names")
    for host in hosts:
        if not is_host(host):
            rule = "in lower case, without a dot at its end, and not an address"
            raise table.fault(f"{host!r} is not a host name, such as huggingface.co: {rule}", "model_hosts")
    return hosts


def _header(table: TomlTable) -> str:
    header = table.get_text("trusted_header")
    if header and (not _HEADER.fullmatch(header) or _TAKEN.fullmatch(header)):
        raise table.fault(f"{header!r} is no header for a user's name, such as X-Forwarded-User", "trusted_header")
    return header


def _networks(table: TomlTable, key: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(_network(table, key, text) for text in table.texts(key, "addresses"))


def _network(table: TomlTable, key: str, text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        reason = f"{text!r} is neither an address such as 10.0.0.7 nor a network such as 10.0.0.0/24"
        raise table.fault(reason, key) from error
