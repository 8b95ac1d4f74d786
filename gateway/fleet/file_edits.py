"""Changes of the fleet file from the page: all other bytes stay.

    changed = with_value(FleetText(path, data), ServerId("studio"), "name", "Left desk")

Pure. Each result is parsed before it is returned: it must describe the same values but for the change, else a
`ConfigError` says that a person has to make it. A removed server is commented out, with all of its settings, so that
adding its address again brings the same server back.
"""

from __future__ import annotations

import codecs
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError
from gateway.flags import FlagError, normal_address, same_server
from gateway.fleet.file import fleet_of
from gateway.fleet.toml_text import TomlText
from gateway.http.servers import Server, ServerId

_VALUE = r"""(\s*["']?{key}["']?\s*=\s*)(true|false|"(?:[^"\\]|\\.)*"|'[^']*')(?=\s*(?:#.*)?$)"""
_NO_CONTENT = re.compile(r"\s*(?:#.*)?$")  # of a line: empty, or only a comment
_TABLE = re.compile(r"\s*\[")
_OUT = "#- "  # before each line of a removed server
_OUT_HEADER = re.compile(r"#- \s*\[\[\s*server\s*\]\]")
_NOTE = "# Removed in the page. Adding its address there restores it:"
_HEADING = "# The servers that Mooring uses. fleet.example.toml shows what else this file can say."


@dataclass(frozen=True, slots=True)
class FleetText:
    """The content of a fleet file; `path` is for the errors."""

    path: Path
    data: bytes = b""

    @property
    def toml(self) -> TomlText:
        return TomlText.of(self.path, self.data)

    @property
    def lines(self) -> list[str]:
        """The lines; those of Windows keep their carriage return."""
        return self.toml.lines()

    def with_lines(self, lines: Sequence[str]) -> FleetText:
        """Return the content with these lines."""
        mark = codecs.BOM_UTF8 if self.data.startswith(codecs.BOM_UTF8) else b""
        return FleetText(self.path, mark + "\n".join(lines).encode())

    def new_lines(self, *lines: str) -> list[str]:
        """Return lines that end as the first one here does."""
        end = "\r" if self.data.partition(b"\n")[0].endswith(b"\r") else ""
        return [line + end for line in lines]


@dataclass(frozen=True, slots=True)
class Removed:
    """A server that is commented out, in these lines (from 0; `end` is the first one after it)."""

    server: Server  # its id, its address and its name
    begin: int
    end: int


def with_value(text: FleetText, server_id: ServerId, key: str, value: bool | str) -> FleetText:
    """Return the text with another value of a server: of `drain` or `name`."""
    index = _index_of(text, server_id)
    head, line = text.toml.find("server", index=index), text.toml.find("server", index=index, key=key)
    known = text.toml.parse()["server"][index]
    if known.get(key, False) == value:
        return text
    if head is None or line is None:
        raise _by_hand(text, key)
    lines = text.lines
    written = json.dumps(value, ensure_ascii=False)
    if key in known:
        pattern = re.compile(_VALUE.format(key=key))
        lines[line - 1] = pattern.sub(lambda found: found[1] + written, lines[line - 1], count=1)
    else:
        lines[head:head] = text.new_lines(f"{key} = {written}")
    return _checked(
        text, text.with_lines(lines), lambda values: values["server"][index].update({key: value}), key, line
    )


def with_server(text: FleetText, server: Server) -> FleetText:
    """Return the text with one more server at its end; an empty text becomes a whole file."""
    if not text.data:
        return new_file(text.path, (server,))
    lines = text.lines
    if lines[-1]:  # the last line has no end yet
        lines[-1:] = text.new_lines(lines[-1])
    else:
        lines.pop()
    changed = text.with_lines([*lines, *text.new_lines("", *table_of(server)), ""])
    return _checked(text, changed, lambda values: values.setdefault("server", []).append(_values_of(server)))


def without_server(text: FleetText, server_id: ServerId) -> FleetText:
    """Return the text with this server commented out."""
    index = _index_of(text, server_id)
    head = text.toml.find("server", index=index)
    if head is None:
        raise _by_hand(text, "server")
    lines = text.lines
    after = next((at for at in range(head, len(lines)) if _TABLE.match(lines[at])), len(lines))
    while _NO_CONTENT.match(lines[after - 1]):  # comments before the next table are about that
        after -= 1
    lines[head - 1 : after] = [*text.new_lines(_NOTE), *(_OUT + line for line in lines[head - 1 : after])]
    return _checked(text, text.with_lines(lines), lambda values: values["server"].pop(index), "server", head)


def restored(text: FleetText, removed: Removed) -> FleetText:
    """Return the text with a removed server as it was, but for `drain`, since it was drained to be removed."""
    lines = text.lines
    table = [line.removeprefix(_OUT) for line in lines[removed.begin : removed.end]]
    begin = removed.begin - (removed.begin > 0 and lines[removed.begin - 1].rstrip("\r") == _NOTE)
    lines[begin : removed.end] = table
    changed = text.with_lines(lines)
    values = _values_in(table)
    index = _index_of(changed, removed.server.id)
    _checked(text, changed, lambda known: known.setdefault("server", []).insert(index, values), "server", begin)
    return with_value(changed, removed.server.id, "drain", value=False)


def removed_servers(text: FleetText) -> tuple[Removed, ...]:
    """Return the servers that are commented out; what else is commented out is skipped."""
    lines, begin = text.lines, 0
    found: list[Removed] = []
    while begin < len(lines):
        end = begin + 1
        if _OUT_HEADER.match(lines[begin]):
            while end < len(lines) and lines[end].startswith(_OUT) and not _OUT_HEADER.match(lines[end]):
                end += 1
            found += _read_removed(lines, begin, end)
        begin = end
    return tuple(found)


def find_removed(text: FleetText, address: str) -> Removed | None:
    """Return the removed server with this address."""
    return next((one for one in removed_servers(text) if same_server(one.server.address, address)), None)


def new_file(path: Path, servers: Iterable[Server]) -> FleetText:
    """Return a whole file with these servers."""
    tables = [line for server in servers for line in ("", *table_of(server))]
    return FleetText(path, "\n".join([_HEADING, *tables, ""]).encode())


def table_of(server: Server) -> list[str]:
    """Return the lines of a server's table: its id, its address and its name."""
    return [
        "[[server]]",
        *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in _values_of(server).items()),
    ]


def _values_of(server: Server) -> dict[str, str]:
    name = {} if server.name == server.id else {"name": server.name}
    return {"id": server.id, "url": server.address} | name


def _values_in(table: Iterable[str]) -> dict[str, Any]:
    values: dict[str, Any] = tomllib.loads("".join(f"{line}\n" for line in table))["server"][0]
    return values


def _read_removed(lines: Sequence[str], begin: int, end: int) -> Iterable[Removed]:
    try:
        values = _values_in(line.removeprefix(_OUT) for line in lines[begin:end])
        server_id = ServerId(str(values["id"]))
        server = Server(server_id, str(values.get("name", server_id)), normal_address(str(values["url"])))
        return [Removed(server, begin, end)]
    except (tomllib.TOMLDecodeError, KeyError, FlagError):
        return []  # the operator has edited it


def _index_of(text: FleetText, server_id: ServerId) -> int:
    """Return the place of a server among the tables; `ConfigError` if the file is invalid."""
    for index, server in enumerate(fleet_of(text.toml).servers):
        if server.id == server_id:
            return index
    raise ConfigError(f"it has no server {server_id!r} any more", file=text.path)


def _checked(
    before: FleetText,
    after: FleetText,
    change: Callable[[dict[str, Any]], object],
    key: str = "server",
    line: int | None = None,
) -> FleetText:
    """Return the new text; `ConfigError` unless it means the old one with that change, and is a valid fleet."""
    wanted = before.toml.parse()
    change(wanted)
    try:
        is_same = _without_empty(after.toml.parse()) == _without_empty(wanted)
    except ConfigError:
        is_same = False
    if not is_same:
        raise _by_hand(before, key, line)
    fleet_of(after.toml)
    return after


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value != []}


def _by_hand(text: FleetText, key: str, line: int | None = None) -> ConfigError:
    reason = "this gateway cannot change it without changing more: edit it by hand"
    return ConfigError(reason, file=text.path, line=line, key=key)
