"""One `[[discover]]` table of the fleet file as a `Discover`: the name under which servers are looked up.

    [[discover]]
    from = "dns://comfyui.internal:8188"     # the A and AAAA records of a name
    from = "srv://_comfyui._tcp.internal"    # or its SRV records, which have the ports too
    leaving = "dns://comfyui-all.internal:8188"  # and a name that they keep until they have ended

Its other keys hold for each server that is found, as in a `[[server]]` table.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from gateway.flags import is_server_id
from gateway.fleet.file_server import ServerReader, read_colour, read_limits, read_tags, read_weight
from gateway.fleet.fleet import MOST_FOUND, Discover
from gateway.fleet.toml_text import TomlTable

KEYS = (
    "from",
    "id",
    "mint",
    "https",
    "nameservers",
    "leaving",
    "most",
    "colour",
    "weight",
    "tags",
    "token",
    "basic",
    "tls_ca",
    "tls_cert",
    "tls_key",
    "tls_verify",
    "max_requests",
    "max_upload",
)
LONGEST_PREFIX = 20  # characters; ten of a digest follow
MOST_NAMESERVERS = 4
_DNS_PORT = 53
_NAME = re.compile(r"(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\.?", re.ASCII)
_REUSED = (
    "{prefix}: an address of {origin} that is given to another server is noticed only if that one describes itself in"
    " other words. mint = true tells any two apart."
)


def read_discover(reader: ServerReader, table: TomlTable) -> Discover:
    """Read one table; `reader` collects the files that it refers to, and its warnings."""
    table.check_keys(KEYS)
    origin = table.needed_text("from")
    kind, name, port = _target(table, origin, "from")
    prefix = table.needed_text("id")
    if not is_server_id(prefix) or len(prefix) > LONGEST_PREFIX:
        raise table.fault(f"{prefix!r} must be at most {LONGEST_PREFIX} lower-case letters, digits and hyphens", "id")
    is_https, is_minted = table.flag("https"), table.flag("mint")
    if kind == "dns" and not is_minted:
        reader.warnings.append(_REUSED.format(prefix=prefix, origin=origin))
    return Discover(
        origin,
        name,
        port,
        prefix,
        is_https=is_https,
        is_minted=is_minted,
        nameservers=_nameservers(table),
        leaving=_leaving(table),
        most=table.whole("most", 1, MOST_FOUND) or MOST_FOUND,
        colour=read_colour(table),
        weight=read_weight(table),
        tags=read_tags(table),
        access=reader.access(table, prefix, f"{'https' if is_https else 'http'}://{name.rstrip('.')}"),
        limits=read_limits(table),
    )


def _leaving(table: TomlTable) -> tuple[str, int | None] | None:
    """Return the name that servers keep until they have ended, and its port."""
    origin = table.get_text("leaving")
    return _target(table, origin, "leaving")[1:] if origin else None


def _target(table: TomlTable, origin: str, key: str) -> tuple[str, str, int | None]:
    """Return the kind, the name and the port of the target."""
    try:
        parts = urlsplit(origin)
        name, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise table.fault(f"{origin!r} is not a name and a port ({error})", key) from error
    is_whole = parts.scheme in {"dns", "srv"} and _NAME.fullmatch(name) and not _is_address(name)
    if not is_whole or origin.lower() != f"{parts.scheme}://{parts.netloc}".lower() or "@" in parts.netloc:
        raise table.fault('write it as "dns://name:port", or "srv://name" for SRV records', key)
    if parts.scheme == "dns" and not port:
        raise table.fault("A and AAAA records have no port: write dns://name:port", key)
    if parts.scheme == "srv" and port is not None:
        raise table.fault("SRV records have each server's own port: leave it out", key)
    return parts.scheme, name, port


def _is_address(name: str) -> bool:
    return re.fullmatch(r"[0-9.]+", name) is not None


def _nameservers(table: TomlTable) -> tuple[tuple[str, int], ...]:
    texts = table.texts("nameservers", "addresses")
    if len(texts) > MOST_NAMESERVERS:
        raise table.fault(f"at most {MOST_NAMESERVERS} are asked", "nameservers")
    try:
        return tuple(_nameserver(text) for text in texts)
    except ValueError as error:
        reason = f"each is an address, with a port where that is not 53, such as 127.0.0.1:8600 ({error})"
        raise table.fault(reason, "nameservers") from error


def _nameserver(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text if text.count(':') < 2 or text.startswith('[') else f'[{text}]'}")
    if parts.path or parts.username is not None or not parts.hostname:
        raise ValueError(f"{text!r} is none")
    return str(ip_address(parts.hostname)), parts.port or _DNS_PORT
