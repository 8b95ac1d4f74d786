"""The `[gateway]` table of the fleet file: the gateway's further names, and the rules of the installation."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from gateway.errors import ConfigError
from gateway.fleet.rules import Rules
from gateway.fleet.toml_text import TomlTable
from gateway.http.own_hosts import check_name
from wire.downloads import is_host

KEYS = (
    "names",
    "max_pending_per_user",
    "deny_nodes",
    "allow_nodes",
    "share_workflows",
    "only_published",
    "trusted_header",
    "trusted_peers",
    "proxies",
    "model_hosts",
    "session_days",
    "hsts_days",
    "home_screen",
)
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
