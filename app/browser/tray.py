"""The tray in IndexedDB: the core's `Tray`. The service worker (`static/home/worker.js`) puts the files beside it.

It has a database of its own, so that the worker, which may be of another version, never opens that of the tasks. A
worker does not know who is logged in: the first window that reads a file makes it its user's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import js
from pyodide.ffi import JsException, create_proxy

from app.browser.blobs import JsBlob, to_js_blob
from app.browser.idb import Database, Steps
from app.browser.owned import owned
from app.browser.thumbnails import make_thumbnail
from app.browser.values import js_object, present
from app.core.errors import BadInput
from app.core.ports.blobs import Blob
from app.core.ports.tray import MOST_BYTES, MOST_FILES, SharedFile

NAME = "mooring.tray"  # of the database, and of the channel on which changes are reported
FILES = "files"


class BrowserTray:
    """The files of this page's user."""

    def __init__(self) -> None:
        self._database = Database(NAME, 1, _create)
        self._channel: Any = js.BroadcastChannel.new(NAME)

    async def read_shared(self) -> tuple[SharedFile, ...]:
        """All files, the oldest first. Those that no user has yet are this user's from now on."""

        def steps(transaction: Any) -> Steps[tuple[SharedFile, ...]]:
            files, found = transaction.objectStore(FILES), list[SharedFile]()
            for row in (yield files.getAll()):
                if present(row.store) is None:
                    row.store = _user()
                    files.put(row)
                if row.store == _user():
                    found.append(_file(row))
            return tuple(found)

        return await self._database.run("read_shared", [FILES], steps, write=True)

    async def take_shared(self, file_ids: Collection[int]) -> frozenset[int]:
        """Take files out, and return those that were still there: of several windows only one takes a file."""

        def steps(transaction: Any) -> Steps[frozenset[int]]:
            files, taken = transaction.objectStore(FILES), set[int]()
            for file_id in file_ids:
                row = yield files.get(file_id)
                if row is not None and row.store == _user():
                    files.delete(file_id)
                    taken.add(file_id)
            return frozenset(taken)

        taken = await self._database.run("take_shared", [FILES], steps, write=True)
        self._channel.postMessage("")
        return taken

    async def admit_shared(self, file_ids: Collection[int]) -> bool:
        """Put files that wait into the tray, or return False if it has no room for all of them."""

        def steps(transaction: Any) -> Steps[bool]:
            files = transaction.objectStore(FILES)
            rows = [row for row in (yield files.getAll()) if row.store == _user()]
            admitted = [row for row in rows if present(row.waits) and int(row.id) in file_ids]
            there = [row for row in rows if not present(row.waits)] + admitted
            if len(there) > MOST_FILES or sum(int(row.blob.size) for row in there) > MOST_BYTES:
                return False
            for row in admitted:
                row.waits = False
                files.put(row)
            return True

        is_admitted = await self._database.run("admit_shared", [FILES], steps, write=True)
        self._channel.postMessage("")
        return is_admitted

    async def copy_of(self, file: SharedFile) -> Blob:
        """A copy that can be read after the file was taken: in WebKit its own Blob then often cannot."""
        blob = await to_js_blob(file.blob)
        try:
            parts = js.Array.of(await blob.arrayBuffer())
        except JsException as error:
            raise BadInput("shared-gone", file.name) from error
        return JsBlob(js.File.new(parts, file.name, js_object({"type": blob.type, "lastModified": file.changed})))

    async def picture_of(self, file: SharedFile) -> Blob | None:
        """Return a small picture of it; None if it is none."""
        small = await make_thumbnail(await to_js_blob(file.blob))
        return None if small is None else JsBlob(small)

    def listen_shared(self, changed: Callable[[], None]) -> None:
        """Call back when files were shared, or another window took some; the proxy lives as long as the page."""
        self._channel.onmessage = create_proxy(lambda _event: changed())

    async def clear(self) -> None:
        """Take out everything of this user."""
        await self.take_shared([file.file_id for file in await self.read_shared()])


def _file(row: Any) -> SharedFile:
    changed, waits = int(row.blob.lastModified), bool(present(row.waits))
    return SharedFile(int(row.id), str(row.name), JsBlob(row.blob), changed, waits)


def _user() -> str:
    return owned("")


def _create(transaction: Any, _old_version: int) -> None:
    transaction.db.createObjectStore(FILES, js_object({"keyPath": "id", "autoIncrement": True}))
