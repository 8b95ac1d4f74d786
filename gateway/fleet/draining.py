"""Draining a server from the gateway: one value is changed in the fleet file, and every other byte stays.

    await set_drain(gateway, ServerId("studio"), is_drained=True)

The new text is parsed before it is written: it must describe the same fleet but for that value. It replaces the old
one in one step, so that a reader of the file (this gateway, another one, an editor) sees one or the other. A fleet
without a file is changed in memory, until the gateway ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gateway.errors import ConfigError
from gateway.fleet.file import fleet_of, read_fleet
from gateway.fleet.fleet import DeclaredBy, Fleet
from gateway.fleet.toml_text import TomlText
from gateway.fleet.watch import FleetOwner, log_change
from gateway.http.servers import ServerId
from gateway.install.exclusion import exclusive
from gateway.whole_file import write_whole

_DRAIN = re.compile(r"(\s*[\"']?drain[\"']?\s*=\s*)(true|false)(?![A-Za-z0-9_])")


async def set_drain(owner: FleetOwner, server_id: ServerId, *, is_drained: bool) -> Fleet:
    """Drain a server or end its draining, and return the fleet; `ConfigError` if the file cannot be changed."""
    async with owner.changing:
        before, known = owner.state.fleet.declared, owner.state.servers
        if server_id not in known:
            raise ConfigError(f"the fleet has no server {server_id!r}")
        if (found := known[server_id].found) is not None:
            raise ConfigError(f"{server_id} was found at {found.origin}: remove it there, and it is drained")
        if before.source is DeclaredBy.FILE:
            path = before.files[0].path
            fleet = await asyncio.to_thread(drain_in_file, path, server_id, is_drained=is_drained)
        else:
            fleet = with_drain(before, server_id, is_drained=is_drained)
        if fleet != before:
            log_change(before, fleet)
            owner.change(fleet)
        return fleet


def with_drain(fleet: Fleet, server_id: ServerId, *, is_drained: bool) -> Fleet:
    """Return the same fleet with this server drained or not."""
    servers = (replace(one, is_drained=is_drained) if one.id == server_id else one for one in fleet.servers)
    return replace(fleet, servers=tuple(servers))


def drain_in_file(path: Path, server_id: ServerId, *, is_drained: bool) -> Fleet:
    """Change the file and return its fleet. Waits for other writers, so call it in a thread."""
    target = path.resolve()  # replace the target of a link, not the link
    with _alone(path, target):
        try:
            data = target.read_bytes()
        except OSError as error:
            raise ConfigError(f"it cannot be read ({error.strerror})", file=path) from error
        changed = drained_text(path, data, server_id, is_drained=is_drained)
        if changed != data:
            _replace(path, target, changed)
    return read_fleet(path)


def drained_text(path: Path, data: bytes, server_id: ServerId, *, is_drained: bool) -> bytes:
    """Return the file's content with that server drained or not; `ConfigError` if one value cannot say so."""
    text = TomlText.of(path, data)
    before = fleet_of(text)
    index = next((index for index, server in enumerate(before.servers) if server.id == server_id), None)
    if index is None:
        raise ConfigError(f"it has no server {server_id!r} any more", file=path)
    if before.servers[index].is_drained == is_drained:
        return data
    lines = data.decode("utf-8").split("\n")
    head, line = text.find("server", index=index), text.find("server", index=index, key="drain")
    if head is None or line is None:
        raise _by_hand(path, None)
    word = "true" if is_drained else "false"
    if "drain" in text.parse()["server"][index]:
        lines[line - 1] = _DRAIN.sub(rf"\g<1>{word}", lines[line - 1], count=1)
    else:
        lines.insert(head, f"drain = {word}" + ("\r" if lines[head - 1].endswith("\r") else ""))
    changed = "\n".join(lines).encode()
    _check(text, TomlText.of(path, changed), index, line, is_drained=is_drained)
    return changed


def _check(before: TomlText, after: TomlText, index: int, line: int, *, is_drained: bool) -> None:
    """Raise `ConfigError` unless the new text means the same but for that value."""
    wanted = before.parse()
    wanted["server"][index]["drain"] = is_drained
    try:
        is_same = after.parse() == wanted
    except ConfigError:
        is_same = False
    if not is_same:
        raise _by_hand(before.path, line)


def _by_hand(path: Path, line: int | None) -> ConfigError:
    reason = "this gateway cannot change it without changing more: edit it by hand"
    return ConfigError(reason, file=path, line=line, key="drain")


@contextlib.contextmanager
def _alone(path: Path, target: Path) -> Iterator[None]:
    """Hold the lock that all writers of the file take, in this process and in others."""
    try:
        with exclusive(target.with_name(f".{target.name}.lock"), lambda: None):
            yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _replace(path: Path, target: Path, data: bytes) -> None:
    """Replace the file by a new one in one step."""
    try:
        write_whole(target, data, like_before=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ConfigError:
    reason = error.strerror or type(error).__name__
    return ConfigError(f"it cannot be written ({reason}): the server stays as it is", file=path, key="drain")
