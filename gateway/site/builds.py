"""The build of the page that is served now, and earlier ones that open windows still use.

Set-up stores one. When files have changed since, the next page is of another build, which is stored first. It is
compressed while the gateway serves; what is not compressed yet is sent uncompressed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container
from pathlib import Path

from gateway.install.builds import Builds, packed
from gateway.install.compression import ENDINGS
from gateway.install.packed import page_of
from gateway.install.place import Installation
from gateway.page.tree import Tree
from gateway.tasks import start_task

_log = logging.getLogger(__name__)


class PageBuilds:
    """The builds of one gateway. Call `close` at the end."""

    def __init__(self, root: Path) -> None:
        self._files, self._builds = page_of(Installation(root)), Builds(Installation(root))
        self._tree: Tree | None = None
        self._packing: asyncio.Task[None] | None = None
        self._is_closed = False

    async def current(self) -> Tree:
        """Return the present files, stored as a build. Call it once at a time."""
        before = self._tree
        if before is not None and self._files.is_fixed:
            return before
        tree = self._tree = await asyncio.to_thread(self._files.current)
        is_new = before is None or tree.build.key != before.build.key
        if is_new and await asyncio.to_thread(self._keep, tree):
            self._packing = start_task(self._pack(tree, self._packing))
        return tree

    async def find(self, key: str, path: str) -> Path | bytes | None:
        """Return a file of a build, or the bytes of one that could not be stored; None if there is none."""
        tree = self._tree
        is_current = tree is not None and tree.build.key == key
        build = tree.build if tree is not None and is_current else await asyncio.to_thread(self._builds.read, key)
        content = None if build is None else build.files.get(path)
        if content is None:
            return None
        file = self._builds.file(content)
        if await asyncio.to_thread(file.exists):
            return file
        return tree.contents.get(content) if tree is not None and is_current else None

    async def close(self) -> None:
        """Stop compressing."""
        self._is_closed = True
        if self._packing is not None:
            await self._packing

    def _keep(self, tree: Tree) -> bool:
        try:
            self._builds.keep(tree.build, tree.contents)
        except OSError as error:
            _log.warning("files could not be stored, so open windows lose them at the next upgrade: %s", error)
            return False
        return True

    async def _pack(self, tree: Tree, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        try:
            await asyncio.to_thread(self._builds.pack, tree.build, lambda: self._is_closed)
        except OSError as error:
            _log.warning("first visits load more, since files could not be packed: %s", error)


def best_coding(file: Path, codings: Container[str]) -> tuple[Path, str]:
    """Return the smallest form of a file that may be sent, and its encoding; empty for the file itself. Reads files."""
    for coding in ENDINGS:
        if coding in codings and (found := packed(file, coding)).exists():
            return found, coding
    return file, ""
