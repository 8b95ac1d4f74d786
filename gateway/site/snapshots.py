"""The memory snapshot that the page names, and making it while the gateway serves.

Set-up makes one. When the sources in `/app.zip` have changed since, the page names none, which is slower but
correct, and the next one is made in the background.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

from gateway.background_process import BackgroundProcess, Closed
from gateway.install.compression import ENDINGS
from gateway.install.failures import CommandFailed, SnapshotFailed
from gateway.install.place import Installation
from gateway.install.snapshot import PLAIN, Busy, MemorySnapshot, Snapshots
from gateway.page.archive import Archive
from gateway.page.tree import Tree
from gateway.site.codings import accepted
from gateway.tasks import start_task

_LONGEST_OUTPUT = 2_000  # characters of Node's output that are logged

_log = logging.getLogger(__name__)


class PageSnapshots:
    """The snapshots of one gateway. Call `close` at the end."""

    def __init__(self, root: Path) -> None:
        self._snapshots = Snapshots(Installation(root))
        self._key: tuple[Tree, str | None] | None = None  # of the last tree
        self._making: asyncio.Task[None] | None = None
        self._process = BackgroundProcess(root)
        self._unwritable: set[str] = set()  # keys; each is logged once

    async def current(self, tree: Tree) -> MemorySnapshot | None:
        """Return the snapshot for this tree; if there is none, start making it and return None."""
        archive = tree.archive
        if self._key is None or self._key[0] is not tree:  # all that it depends on is in the tree
            self._key = tree, await asyncio.to_thread(self._snapshots.key, archive.sources)
        key = self._key[1]
        if key is None:
            return None
        found = await asyncio.to_thread(self._snapshots.find, key)
        if found is None and not self._process.is_closed and (self._making is None or self._making.done()):
            self._making = start_task(self._make(key, archive))
        return found

    async def find(self, key: str, codings: str | None) -> tuple[Path, str] | None:
        """Return the file of a snapshot and its encoding, for a browser that accepts these; uncompressed if None.

        None if there is none.
        """
        coding = PLAIN if codings is None else next((name for name in ENDINGS if name in accepted(codings)), None)
        if coding is None or await asyncio.to_thread(self._snapshots.find, key) is None:
            return None
        return self._snapshots.file(key, coding), coding

    async def close(self) -> None:
        """Stop making one."""
        self._process.close()
        if self._making is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._making

    async def _make(self, key: str, archive: Archive) -> None:
        if key in self._unwritable or await asyncio.to_thread(self._snapshots.has_failed, key):
            return
        try:
            await asyncio.to_thread(self._snapshots.make, archive, self._process.run)
        except SnapshotFailed as error:
            cause = error.__cause__
            words = cause.output[-_LONGEST_OUTPUT:] if isinstance(cause, CommandFailed) else cause
            _log.warning("windows open more slowly, since Node could not make a memory snapshot: %s", words)
        except (Busy, Closed):
            return
        except OSError as error:
            self._unwritable.add(key)
            _log.warning("windows open more slowly, since a memory snapshot could not be written: %s", error)
        else:
            _log.info("the memory snapshot for the page's present sources is ready")
