"""The fleet: which servers this installation may use, and the reader of `fleet.toml`.

    [[server]]
    id = "studio"                       # lower-case letters, digits, hyphens
    url = "http://192.168.1.20:8188"    # a path is allowed, for a ComfyUI behind a proxy
    name = "Studio, left desk"          # optional, for people
    drain = true                        # optional: it takes nothing new; what it has is finished there
    colour = "green"                    # optional: which of the page's colours it has

    [gateway]
    names = ["studio.lan"]              # optional: further host names (or whole origins) of this gateway

Ids come from here only; no address is ever taken from a client. Every mistake is a `ConfigError` that names the
file, the line and the key.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NewType
from urllib.parse import urlsplit

from gateway.errors import ConfigError
from gateway.flags import FlagError, is_server_id, normal_address, same_server
from gateway.house import check_name

ServerId = NewType("ServerId", str)

_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", re.ASCII)
_LONGEST_NAME = 80  # characters, shown on a chip
_SERVER_KEYS = ("id", "url", "name", "drain", "colour")
COLOURS = ("teal", "rust", "violet", "green", "rose", "blue", "ochre", "slate")  # as `app/ui/tones.py` has them
_GATEWAY_KEYS = ("names",)
_TABLES = ("server", "gateway")


class Source(Enum):
    """Where the fleet came from."""

    DEMO = "demo"
    FOUND = "found"
    FILE = "file"
    FLAGS = "flags"


@dataclass(frozen=True, slots=True)
class Server:
    """One ComfyUI server of the fleet. `address` is normal: no trailing slash, no default port.

    A drained one is passed everything as before: work that it has is watched and fetched. Pages choose it no more.
    """

    id: ServerId
    name: str
    address: str
    is_drained: bool = False
    colour: str = ""  # one of `COLOURS`; empty lets the page choose

    @property
    def tag(self) -> str:
        """What stands for the address in the paths that pages use: they ask for this server at this address."""
        return hashlib.sha256(self.address.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Fleet:
    """The servers, where they came from, why in words, and the gateway's further names."""

    source: Source
    why: str
    servers: tuple[Server, ...]
    names: tuple[str, ...] = ()


def read_fleet(path: Path) -> Fleet:
    """The fleet that a file describes, or a `ConfigError` that says where it is wrong."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"it cannot be read ({error.strerror})", file=path) from error
    except UnicodeDecodeError as error:
        raise ConfigError("it is not text in UTF-8", file=path) from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, str(error)) from error
    return _Reader(path, text).read(document)


def checked_address(text: str) -> str:
    """The normal form of a server's address, or a `ConfigError` that says what is wrong with it."""
    try:
        address = normal_address(text)
    except FlagError as error:
        raise ConfigError(str(error), key="url") from error
    if not _PREFIX.fullmatch(urlsplit(address).path):
        raise ConfigError(f"the path in {text!r} may hold only plain names", key="url")
    return address


def find_line(text: str, table: str, *, index: int = 0, key: str | None = None) -> int | None:
    """The line (from 1) of the `index`th `[table]` or `[[table]]`, or of a key in it; None if not found."""
    header = re.compile(rf"\s*\[\[?\s*[\"']?{re.escape(table)}[\"']?\s*\]\]?")
    wanted = None if key is None else re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]")
    seen, start = -1, None
    for number, line in enumerate(text.splitlines(), 1):
        if header.match(line):
            seen += 1
            start = number if seen == index else start
        elif seen == index and wanted is not None and wanted.match(line):
            return number
        elif re.match(r"\s*\[", line) and seen == index:
            break
    return start


class _Reader:
    """One reading of one file; knows its text, so that every mistake is told with its line."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text

    def read(self, document: Mapping[str, object]) -> Fleet:
        for key in document:
            if key not in _TABLES:
                line = find_line(self._text, key) or self._top_line(key)
                raise self._error(f"there is no such setting{_nearest(key, _TABLES)}", line, key)
        tables = document.get("server", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            line = find_line(self._text, "server") or self._top_line("server")
            raise self._error("write each server as a [[server]] table", line, "server")
        servers = [self._server(index, table) for index, table in enumerate(tables)]
        if not servers:
            raise ConfigError("it names no server: write one [[server]] table for each", file=self._path)
        for index, server in enumerate(servers):
            self._check_unique(index, server, servers[:index])
        names = self._names(document.get("gateway", {}))
        return Fleet(Source.FILE, f"{self._path.name} names {_count(servers)}.", tuple(servers), names)

    def _server(self, index: int, table: Mapping[str, object]) -> Server:
        for key in table:
            if key not in _SERVER_KEYS:
                raise self._fault(index, f"there is no such setting{_nearest(key, _SERVER_KEYS)}", key)
        server_id = self._text_of(index, table, "id")
        if not is_server_id(server_id):
            reason = f"{server_id!r} must be at most 31 lower-case letters, digits and hyphens"
            raise self._fault(index, reason, "id")
        name = self._text_of(index, table, "name") if "name" in table else server_id
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise self._fault(index, f"a name has 1 to {_LONGEST_NAME} printable characters", "name")
        try:
            address = checked_address(self._text_of(index, table, "url"))
        except ConfigError as error:
            raise (error if error.file else self._fault(index, error.reason, "url")) from error
        is_drained = table.get("drain", False)
        if not isinstance(is_drained, bool):
            raise self._fault(index, "it must be true or false", "drain")
        return Server(ServerId(server_id), name.strip(), address, is_drained, self._colour(index, table))

    def _colour(self, index: int, table: Mapping[str, object]) -> str:
        colour = self._text_of(index, table, "colour") if "colour" in table else ""
        if colour and colour not in COLOURS:
            raise self._fault(index, f"there is no such colour{_nearest(colour, COLOURS)}", "colour")
        return colour

    def _text_of(self, index: int, table: Mapping[str, object], key: str) -> str:
        if key not in table:
            raise self._error("it is missing", find_line(self._text, "server", index=index), key)
        value = table[key]
        if not isinstance(value, str):
            raise self._fault(index, "it must be text in quotes", key)
        return value

    def _check_unique(self, index: int, server: Server, earlier: Iterable[Server]) -> None:
        for other in earlier:
            if other.id == server.id:
                raise self._fault(index, f"another server has the id {server.id!r} already", "id")
            if same_server(other.address, server.address):
                raise self._fault(index, f"{other.id!r} has the same address, {other.address}", "url")

    def _names(self, table: object) -> tuple[str, ...]:
        if not isinstance(table, dict):
            raise self._error("write it as a [gateway] table", self._top_line("gateway"), "gateway")
        for key in table:
            if key not in _GATEWAY_KEYS:
                line = find_line(self._text, "gateway", key=key)
                raise self._error(f"there is no such setting{_nearest(key, _GATEWAY_KEYS)}", line, key)
        names = table.get("names", [])
        line = find_line(self._text, "gateway", key="names")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._error("it must be a list of names in quotes", line, "names")
        try:
            return tuple(check_name(name) for name in names)
        except ConfigError as error:
            raise self._error(error.reason, line, "names") from error

    def _fault(self, index: int, reason: str, key: str) -> ConfigError:
        return self._error(reason, find_line(self._text, "server", index=index, key=key), key)

    def _error(self, reason: str, line: int | None, key: str) -> ConfigError:
        return ConfigError(reason, file=self._path, line=line, key=key)

    def _top_line(self, key: str) -> int | None:
        pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}\b")
        lines = enumerate(self._text.splitlines(), 1)
        return next((number for number, line in lines if pattern.match(line)), None)


def _syntax_error(path: Path, message: str) -> ConfigError:
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    reason = message if found is None else f"{message[: found.start()]} (column {found[2]})"
    return ConfigError(reason, file=path, line=int(found[1]) if found else None)


def _nearest(key: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}"


def _count(servers: list[Server]) -> str:
    return "1 server" if len(servers) == 1 else f"{len(servers)} servers"
