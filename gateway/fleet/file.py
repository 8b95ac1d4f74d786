"""The reader of `fleet.toml`; `fleet.example.toml` shows every key.

    fleet = read_fleet(Path("fleet.toml"))

One `[[server]]` table for each server (`file_server.py`), one `[[discover]]` table for each name under which servers
are looked up (`file_discover.py`), `[gateway]` for the installation (`rules.py`), and `[partner]` for the keys
of partner nodes (`file_partner.py`).
Every mistake is a `ConfigError` with the file, the line and the key.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError
from gateway.flags import same_server
from gateway.fleet.file_discover import read_discover
from gateway.fleet.file_partner import read_partner
from gateway.fleet.file_server import ServerReader
from gateway.fleet.fleet import DeclaredBy, Discover, Fleet, ReadFile
from gateway.fleet.partner_rules import PartnerRules
from gateway.fleet.rules import read_names, read_rules
from gateway.fleet.toml_text import TomlTable, TomlText, nearest
from gateway.http.servers import Server

_WHAT = {"server": "server", "discover": "name that is looked up"}
_TABLES = ("server", "discover", "gateway", "partner")


def read_fleet(path: Path) -> Fleet:
    """Return the fleet that a file describes; a `ConfigError` says where it is wrong. Call it in a thread."""
    return fleet_of(TomlText.read(path))


def fleet_of(text: TomlText) -> Fleet:
    """Return the fleet that a text describes; the files that it refers to are read now."""
    document = text.parse()
    for key in document:
        if key not in _TABLES:
            raise text.error(f"there is no such setting{nearest(key, _TABLES)}", text.find(key) or text.top(key), key)
    reader = ServerReader()
    tables = _tables(text, document, "server")
    servers = [reader.read(table) for table in tables]
    for index, server in enumerate(servers):
        _check_unique(tables[index], server, servers[:index])
    lookups = _tables(text, document, "discover")
    discover = [read_discover(reader, table) for table in lookups]
    for index, one in enumerate(discover):
        if one.prefix in {other.prefix for other in discover[:index]}:
            raise lookups[index].fault(f"another table has the id {one.prefix!r} already", "id")
    if not servers and not discover:
        raise text.error("it names no server: write one [[server]] table for each")
    gateway = _table(text, document, "gateway")
    partner = read_partner(reader, _table(text, document, "partner")) if "partner" in document else PartnerRules()
    _check_partner(text, servers, partner, tables)
    names, rules = read_names(gateway), read_rules(gateway)
    fleet = Fleet(
        DeclaredBy.FILE,
        f"{text.path.name} names {_count(servers, discover)}.",
        tuple(servers),
        names,
        rules,
        partner,
        files=(ReadFile(text.path, text.digest), *reader.files),
        warnings=tuple(reader.warnings),
        discover=tuple(discover),
    )
    check_direct(fleet, has_users=bool(rules.trusted_header))
    return fleet


def check_direct(fleet: Fleet, *, has_users: bool) -> None:
    """Raise a ConfigError, with line and key, if there are users and a server is `direct`.

    Pages of a plain web server contact such a server at its own address. A user who may open that address without the
    gateway sees the work of all users, so `direct` excludes both users and a login of the server's own.
    """
    for server in fleet.servers if has_users else ():
        if server.is_direct:
            raise ConfigError(
                f"{server.id} could then be contacted without this gateway, which separates users: leave out direct,"
                " --users or trusted_header",
                file=fleet.files[0].path if fleet.files else None,
                line=server.direct_at,
                key="direct",
            )


def _table(text: TomlText, document: dict[str, Any], name: str) -> TomlTable:
    values = document.get(name, {})
    if not isinstance(values, dict):
        raise text.error(f"write it as a [{name}] table", text.top(name), name)
    return TomlTable(text, values, name)


def _check_partner(text: TomlText, servers: list[Server], partner: PartnerRules, tables: list[TomlTable]) -> None:
    """Raise a ConfigError if there are keys and no server may get one, or the reverse."""
    marked = [table for table, server in zip(tables, servers, strict=True) if server.is_partner]
    if any(partner.keys) and not marked:
        raise text.error(
            "no server gets it: write partner = true in the [[server]] tables of those that may",
            text.find("partner"),
            "partner",
        )
    if marked and not any(partner.keys):
        raise marked[0].fault("there is no key for it: name one in a [partner] table", "partner")


def _tables(text: TomlText, document: dict[str, Any], name: str) -> list[TomlTable]:
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        line = text.find(name) or text.top(name)
        raise text.error(f"write each {_WHAT[name]} as a [[{name}]] table", line, name)
    return [TomlTable(text, table, name, index) for index, table in enumerate(tables)]


def _check_unique(table: TomlTable, server: Server, earlier: Iterable[Server]) -> None:
    for other in earlier:
        if other.id == server.id:
            raise table.fault(f"another server has the id {server.id!r} already", "id")
        if same_server(other.address, server.address):
            raise table.fault(f"{other.id!r} has the same address, {other.address}", "url")


def _count(servers: list[Server], discover: list[Discover]) -> str:
    named = "1 server" if len(servers) == 1 else f"{len(servers)} servers"
    if not discover:
        return named
    looked_up = f"those under {', '.join(one.origin for one in discover)}"
    return f"{named}, and {looked_up}" if servers else looked_up
