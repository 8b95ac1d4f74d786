"""Keeps the gateway's fleet in step with its file.

The file and the files that it refers to (logins, certificates) are read every two seconds: they are small, and neither
time nor size shows every change. A changed file is used once it has stayed the same for a moment, since an editor may
still be writing it. A mistake is logged once, with its line and key, and leaves the fleet as it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Protocol

from gateway.errors import ConfigError
from gateway.fleet.file import read_fleet
from gateway.fleet.fleet import DeclaredBy, Fleet, ReadFile
from gateway.fleet.state import FleetState
from gateway.http.deadlines import Deadlines
from gateway.tasks import for_ever, start_task

_log = logging.getLogger(__name__)


class FleetOwner(Protocol):
    """The owner of the fleet: the gateway."""

    changing: asyncio.Lock

    @property
    def state(self) -> FleetState:
        """The fleet's state."""

    def change(self, fleet: Fleet) -> None:
        """Use another fleet."""


@contextlib.asynccontextmanager
async def watched(
    owner: FleetOwner, deadlines: Deadlines, check: Callable[[Fleet], None] = lambda _: None
) -> AsyncIterator[None]:
    """Watch the gateway's fleet file, if it has one, during the block. `check` raises ConfigError."""
    if owner.state.fleet.source is not DeclaredBy.FILE:
        yield
        return
    watch = start_task(for_ever(FleetWatch(owner, deadlines, check).run, deadlines.fleet_file))
    try:
        yield
    finally:
        watch.cancel()


class FleetWatch:
    """Polls the files of a fleet, and applies changes."""

    def __init__(
        self, owner: FleetOwner, deadlines: Deadlines, check: Callable[[Fleet], None] = lambda _: None
    ) -> None:
        self._owner = owner
        self._check = check
        self._deadlines = deadlines
        self._path = owner.state.fleet.files[0].path
        self._problem = ""

    async def run(self) -> None:
        """Poll for ever."""
        while True:
            await asyncio.sleep(self._deadlines.fleet_file)
            await self.poll()

    async def poll(self) -> None:
        """Poll once. After a mistake everything is read: a missing file may exist by now."""
        files = self._owner.state.fleet.files
        if not self._problem and not await asyncio.to_thread(have_changed, files):
            return
        await self._settle()
        async with self._owner.changing:
            try:
                fleet = await asyncio.to_thread(read_fleet, self._path)
                self._check(fleet)
            except ConfigError as error:
                self._note_problem(str(error))
                return
            self._note_problem("")
            declared = self._owner.state.fleet.declared
            if fleet != declared:
                log_change(declared, fleet)
                self._owner.change(fleet)

    async def _settle(self) -> None:
        """Wait until the files stay the same for a moment: a certificate and its key are two."""
        seen = await asyncio.to_thread(self._contents)
        while True:
            await asyncio.sleep(self._deadlines.fleet_settles)
            before, seen = seen, await asyncio.to_thread(self._contents)
            if seen == before:
                return

    def _contents(self) -> list[ReadFile | None]:
        return [content_of(file.path) for file in self._owner.state.fleet.files]

    def _note_problem(self, problem: str) -> None:
        if problem == self._problem:
            return
        self._problem = problem
        self._owner.state.note_problem(problem)
        if problem:
            _log.error("the fleet file was not applied: %s", problem)
        else:
            _log.info("%s is valid now", self._path.name)


def have_changed(files: Iterable[ReadFile]) -> bool:
    """Whether one of the files has changed since it was read, or cannot be read any more."""
    return any(content_of(file.path) != file for file in files)


def content_of(path: Path) -> ReadFile | None:
    """Return a file with its present digest; None if it cannot be read."""
    try:
        return ReadFile.of(path, path.read_bytes())
    except OSError:
        return None


def log_change(before: Fleet, fleet: Fleet) -> None:
    """Log what has changed, without the values: one of them may be a login."""
    old, new = ({server.id: server for server in one.servers} for one in (before, fleet))
    for server_id in old.keys() | new.keys():
        if server_id not in new:
            _log.warning("the fleet has no server %s any more", server_id)
        elif server_id not in old:
            _log.info("the fleet has a new server, %s at %s", server_id, new[server_id].address)
        elif old[server_id].address != new[server_id].address:
            _log.warning("the fleet has another address for %s: %s", server_id, new[server_id].address)
        elif old[server_id] != new[server_id]:
            _log.info("the settings of %s have changed", server_id)
    if (before.rules, before.names, before.partner) != (fleet.rules, fleet.names, fleet.partner):
        _log.info("the rules of this installation have changed")
    for warning in fleet.warnings:
        _log.warning("%s", warning)
