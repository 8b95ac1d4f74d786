"""Changes of the fleet from the page: in its file, or until the gateway ends if it has none.

    added = await changes.add(Server(ServerId("gpu-1"), "Left desk", "http://192.168.1.20:8188"))

The file is replaced in one step, so that a reader of it (this gateway, another one, an editor) sees the old one or the
new one. A fleet without a file gets one once a server is added, which is used from the next start on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from gateway.errors import ConfigError
from gateway.flags import same_server
from gateway.fleet.file import fleet_of, read_fleet
from gateway.fleet.file_edits import (
    FleetText,
    find_removed,
    new_file,
    removed_servers,
    restored,
    table_of,
    with_server,
    with_value,
    without_server,
)
from gateway.fleet.file_server import NAME_FAULT, is_name
from gateway.fleet.fleet import DeclaredBy, Fleet, ReadFile
from gateway.fleet.watch import FleetOwner, log_change
from gateway.http.servers import Server, ServerId
from gateway.install.exclusion import exclusive
from gateway.whole_file import PUBLIC, write_whole
from wire.new_servers import AddedServer, Kept

Edit = Callable[[FleetText], FleetText]


@dataclass(frozen=True, slots=True)
class OwnFile:
    """The fleet file of this installation, which may not exist yet. `is_read` if the next start reads it by itself."""

    path: Path
    is_read: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """The server at an address, if it is in the fleet (`is_listed`) or was in it before."""

    server: Server | None = None
    is_listed: bool = False
    taken: frozenset[str] = frozenset()  # ids of all other servers, for ever


class FleetChanges:
    """Changes the fleet of a gateway, one change at a time."""

    def __init__(self, owner: FleetOwner, own_file: OwnFile | None = None) -> None:
        self._owner = owner
        self._own_file = own_file
        fleet = owner.state.fleet
        self._demo = (
            frozenset(server.id for server in fleet.servers) if fleet.source is DeclaredBy.DEMO else frozenset()
        )
        self._removed: tuple[Server, ...] = ()  # from a fleet without a file, until the gateway ends
        self._kept = frozenset[ServerId]()  # servers of a fleet without a file that are in the own one

    async def known(self, address: str) -> Known:
        """Return the server at an address, if it is known; `ConfigError` if the file cannot be read."""
        if (listed := self._listed(address)) is not None:
            return Known(listed, is_listed=True)
        former = (*self._removed, *await asyncio.to_thread(self._former_in_file))
        taken = frozenset(one.id for one in (*self._owner.state.servers.values(), *former))
        return Known(_find(former, address), taken=taken)

    async def drain(self, server_id: ServerId, *, is_drained: bool) -> None:
        """Drain a server or end its draining; `ConfigError` if that cannot be."""
        async with self._owner.changing:
            self._check_own(server_id)
            edit = partial(with_value, server_id=server_id, key="drain", value=is_drained)
            await self._apply(edit, partial(_with, server_id, is_drained=is_drained), server_id)

    async def rename(self, server_id: ServerId, name: str) -> None:
        """Change a server's name, never its id; `ConfigError` if that cannot be."""
        _check_name(name)
        async with self._owner.changing:
            self._check_own(server_id)
            edit = partial(with_value, server_id=server_id, key="name", value=name)
            await self._apply(edit, partial(_with, server_id, name=name), server_id, is_strict=True)

    async def remove(self, server_id: ServerId) -> None:
        """Remove a drained server; `ConfigError` if that cannot be."""
        async with self._owner.changing:
            self._check_own(server_id)
            server = self._owner.state.servers[server_id]
            self._check_lasting(server_id)
            if not server.is_drained:
                raise ConfigError(f"{server_id} takes new work: it has to be drained first")
            edit = partial(without_server, server_id=server_id)
            await self._apply(edit, partial(_without, server_id), server_id, is_strict=True)
            self._removed = (*self._removed, replace(server, is_drained=False))

    async def add(self, server: Server) -> AddedServer:
        """Add a server, or bring the removed one with its address back, with all that it had.

        One that is in the fleet already is kept for the next start. `ConfigError` if it cannot be.
        """
        _check_name(server.name)
        async with self._owner.changing:
            before = self._owner.state.fleet.declared
            listed = self._listed(server.address)
            if listed is not None:
                self._check_lasting(listed.id)
            if before.source is DeclaredBy.FILE:
                return await self._add_to_file(before.files[0], listed or server)
            former = listed or _find(self._removed, server.address) or server
            added = await self._add_to_own_file(before, former)
            if listed is None:
                self._use(_with_new(before, former))
                self._removed = tuple(one for one in self._removed if one is not former)
            return added

    async def _add_to_file(self, file: ReadFile, server: Server) -> AddedServer:
        """Add a server to the fleet file in use; nothing changes if that cannot be written."""
        if self._listed(server.address) is None:
            edit = partial(_added, server=server)
            try:
                self._use(await asyncio.to_thread(change_file, file.path, edit, file.digest))
            except ConfigError as error:
                return AddedServer(problem=str(error), lines="\n".join(table_of(server)))
        found = self._listed(server.address)
        assert found is not None
        return AddedServer(server_id=found.id, kept=Kept.FILE, path=str(file.path))

    async def _add_to_own_file(self, before: Fleet, server: Server) -> AddedServer:
        """Add a server to the file that the next start reads; without it the server stays until the gateway ends."""
        if self._own_file is None:
            return AddedServer(server_id=server.id)
        others = [one for one in before.servers if one.id not in self._demo and one.id != server.id]
        path = self._own_file.path
        try:
            edit = partial(_added_to_own, server=server, others=others)
            written = await asyncio.to_thread(change_file, path, edit)
        except ConfigError as error:
            return AddedServer(server_id=server.id, problem=str(error), lines="\n".join(table_of(server)))
        used = {one.id: one.address for one in (*before.servers, server)}
        self._kept = frozenset(one.id for one in written.servers if used.get(one.id) == one.address)
        kept = Kept.NEXT_START if self._own_file.is_read else Kept.NAMED
        return AddedServer(server_id=server.id, kept=kept, path=str(path))

    def _listed(self, address: str) -> Server | None:
        return _find(self._owner.state.servers.values(), address)

    def _check_own(self, server_id: ServerId) -> None:
        known = self._owner.state.servers
        if server_id not in known:
            raise ConfigError(f"the fleet has no server {server_id!r}")
        if (found := known[server_id].found) is not None:
            raise ConfigError(f"{server_id} was found at {found.origin}: change it there")

    def _check_lasting(self, server_id: ServerId) -> None:
        if server_id in self._demo:
            raise ConfigError(f"{server_id} is a demo server, which ends with Mooring")

    async def _apply(
        self, edit: Edit, change: Callable[[Fleet], Fleet], server_id: ServerId, *, is_strict: bool = False
    ) -> None:
        """Change the fleet's file, or a fleet without one and the file that the next start reads.

        `is_strict` refuses a file that is another than the one in use.
        """
        before = self._owner.state.fleet.declared
        if before.source is DeclaredBy.FILE:
            file = before.files[0]
            expected = file.digest if is_strict else ""
            self._use(await asyncio.to_thread(change_file, file.path, edit, expected))
            return
        after = change(before)
        if self._own_file is not None and server_id in self._kept:
            await asyncio.to_thread(change_file, self._own_file.path, edit)
        self._use(after)

    def _use(self, fleet: Fleet) -> None:
        before = self._owner.state.fleet.declared
        if fleet != before:
            log_change(before, fleet)
            self._owner.change(fleet)

    def _former_in_file(self) -> tuple[Server, ...]:
        """Return the servers that the file has removed, and those of an own file that is not in use."""
        fleet = self._owner.state.fleet
        is_in_use = fleet.source is DeclaredBy.FILE
        path = fleet.files[0].path if is_in_use else self._own_file.path if self._own_file is not None else None
        if path is None or not path.exists():
            return ()
        removed = tuple(one.server for one in removed_servers(FleetText(path, _read(path))))
        return removed if is_in_use else (*removed, *read_fleet(path).servers)


def change_file(path: Path, edit: Edit, expected: str = "") -> Fleet:
    """Change a fleet file and return its fleet; `ConfigError` if it is not the `expected` one, by its digest.

    Waits for other writers, so call it in a thread.
    """
    target = path.resolve()  # replace the target of a link, not the link
    is_new = not target.exists()
    with _alone(path, target):
        text = FleetText(path, b"" if is_new else _read(path))
        if expected and text.toml.digest != expected:
            raise ConfigError("it has just been changed: look at the servers and try again", file=path)
        changed = edit(text)
        if changed.data != text.data:
            try:
                write_whole(target, changed.data, PUBLIC, like_before=not is_new)
            except OSError as error:
                raise _unwritable(path, error) from error
    return read_fleet(path)


def _check_name(name: str) -> None:
    if not is_name(name):
        raise ConfigError(NAME_FAULT)


def _added(text: FleetText, *, server: Server) -> FleetText:
    removed = find_removed(text, server.address)
    return with_server(text, server) if removed is None else restored(text, removed)


def _added_to_own(text: FleetText, *, server: Server, others: list[Server]) -> FleetText:
    if not text.data:
        return new_file(text.path, [*others, server])
    is_there = _find(fleet_of(text.toml).servers, server.address) is not None
    return text if is_there else _added(text, server=server)


def _find(servers: Iterable[Server], address: str) -> Server | None:
    return next((one for one in servers if same_server(one.address, address)), None)


def _with(server_id: ServerId, fleet: Fleet, **changes: object) -> Fleet:
    servers = (replace(one, **changes) if one.id == server_id else one for one in fleet.servers)  # type: ignore[arg-type]
    return replace(fleet, servers=tuple(servers))


def _without(server_id: ServerId, fleet: Fleet) -> Fleet:
    servers = tuple(one for one in fleet.servers if one.id != server_id)
    if not servers:
        raise ConfigError(f"{server_id} is the only server: add another one first")
    return replace(fleet, servers=servers)


def _with_new(fleet: Fleet, server: Server) -> Fleet:
    """Return a fleet without a file with one more server; demo servers, which stood in for it, take no new work."""
    is_demo = fleet.source is DeclaredBy.DEMO
    others = tuple(replace(one, is_drained=True) if is_demo else one for one in fleet.servers)
    why = f"{fleet.why} {server.address} was added in the page."
    return replace(fleet, source=DeclaredBy.FOUND, why=why, servers=(*others, server))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"it cannot be read ({error.strerror})", file=path) from error


@contextlib.contextmanager
def _alone(path: Path, target: Path) -> Iterator[None]:
    """Hold the lock that all writers of the file take, in this process and in others."""
    try:
        with exclusive(target.with_name(f".{target.name}.lock"), lambda: None):
            yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ConfigError:
    reason = error.strerror or type(error).__name__
    return ConfigError(f"it cannot be written ({reason}): the servers stay as they are", file=path)
