"""The reader of `fleet.toml`; `fleet.example.toml` shows every key.

    fleet = read_fleet(Path("fleet.toml"))

One `[[server]]` table for each server (`gateway/fleet_server.py`), and `[gateway]` for the installation
(`gateway/fleet_rules.py`). Every mistake is a `ConfigError` that names the file, the line and the key.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gateway.direct import check_direct
from gateway.flags import same_server
from gateway.fleet import Fleet, ReadFile, Server, Source
from gateway.fleet_rules import read_names, read_rules
from gateway.fleet_server import ServerReader
from gateway.toml_text import Table, TomlText, nearest

_TABLES = ("server", "gateway")


def read_fleet(path: Path) -> Fleet:
    """The fleet that a file describes, or a `ConfigError` that says where it is wrong. Reads files: for a thread."""
    return fleet_of(TomlText.read(path))


def fleet_of(text: TomlText) -> Fleet:
    """The fleet that a text describes; what it refers to is read now."""
    document = text.parse()
    for key in document:
        if key not in _TABLES:
            raise text.error(f"there is no such setting{nearest(key, _TABLES)}", text.find(key) or text.top(key), key)
    tables = document.get("server", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        line = text.find("server") or text.top("server")
        raise text.error("write each server as a [[server]] table", line, "server")
    reader = ServerReader()
    servers = [reader.read(Table(text, table, "server", index)) for index, table in enumerate(tables)]
    if not servers:
        raise text.error("it names no server: write one [[server]] table for each")
    for index, server in enumerate(servers):
        _check_unique(Table(text, tables[index], "server", index), server, servers[:index])
    values = document.get("gateway", {})
    if not isinstance(values, dict):
        raise text.error("write it as a [gateway] table", text.top("gateway"), "gateway")
    gateway = Table(text, values, "gateway")
    names, rules = read_names(gateway), read_rules(gateway)
    fleet = Fleet(
        Source.FILE,
        f"{text.path.name} names {_count(servers)}.",
        tuple(servers),
        names,
        rules,
        files=(ReadFile(text.path, text.digest), *reader.files),
        warnings=tuple(reader.warnings),
    )
    check_direct(fleet, has_users=bool(rules.trusted_header))
    return fleet


def _check_unique(table: Table, server: Server, earlier: Iterable[Server]) -> None:
    for other in earlier:
        if other.id == server.id:
            raise table.fault(f"another server has the id {server.id!r} already", "id")
        if same_server(other.address, server.address):
            raise table.fault(f"{other.id!r} has the same address, {other.address}", "url")


def _count(servers: list[Server]) -> str:
    return "1 server" if len(servers) == 1 else f"{len(servers)} servers"
