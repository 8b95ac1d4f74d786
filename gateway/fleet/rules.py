"""The rules of this installation for its users, from the `[gateway]` table of the fleet file."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

DEFAULT_SESSION_DAYS = 30  # one day if sessions cannot be ended early


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one installation, with the defaults for one without a fleet file.

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
