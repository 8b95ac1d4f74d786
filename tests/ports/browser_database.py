"""The port suite's database in the browser. It runs only in Pyodide."""

from __future__ import annotations

import os
import traceback
from collections.abc import Collection, Mapping
from typing import Any

import js
from pyodide.ffi import create_once_callable

from app.browser.blobs import JsBlob
from app.browser.idb import Steps
from app.browser.store import BrowserStore
from app.browser.values import bytes_to_js, from_plain, js_object, plain
from app.core.ports.blobs import Blob
from app.core.ports.documents import DocumentStore
from app.core.ports.store import PastStore, TaskStore
from tests.ports import suite
from tests.ports.database import BOUND


class BrowserDatabase:
    """An empty IndexedDB database; every store is a separate connection, as in a window."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._stores: list[BrowserStore] = []

    def store(self) -> TaskStore:
        made = BrowserStore(self.name, results_bound=BOUND, inputs_bound=BOUND)
        self._stores.append(made)
        return made

    def past(self) -> PastStore:
        made = BrowserStore(self.name, results_bound=BOUND, inputs_bound=BOUND)
        self._stores.append(made)
        return made

    def documents(self) -> DocumentStore:
        made = BrowserStore(self.name)
        self._stores.append(made)
        return made.documents

    def blob(self, data: bytes, media_type: str = "") -> Blob:
        return JsBlob(js.Blob.new(js.Array.of(bytes_to_js(data)), js_object({"type": media_type})))

    async def picture(self, width: int, height: int) -> Blob:
        canvas = js.OffscreenCanvas.new(width, height)
        context = canvas.getContext("2d")
        grain = context.createImageData(width, height)
        grain.data.set(bytes_to_js(os.urandom(width * height * 4)))
        context.putImageData(grain, 0, 0)
        return JsBlob(await canvas.convertToBlob())

    async def damage(self, prompt_id: str, changes: Mapping[str, object], without: Collection[str] = ()) -> None:
        store = BrowserStore(self.name)

        def steps(transaction: Any) -> Steps[None]:
            tasks = transaction.objectStore("tasks")
            record = {**from_plain((yield tasks.get(prompt_id))), **changes}
            tasks.put(plain({name: value for name, value in record.items() if name not in without}))

        await store._database.run("damage", ["tasks"], steps, write=True)
        store.close()

    async def clear(self) -> None:
        for store in self._stores:
            store.close()
        await delete_database(self.name)


async def delete_database(name: str) -> None:
    """Delete a database, and wait until it is deleted."""

    def start(resolve: Any, reject: Any) -> None:
        request = js.indexedDB.deleteDatabase(name)
        request.onsuccess, request.onerror, request.onblocked = resolve, reject, reject

    await js.Promise.new(create_once_callable(start))


async def run_check(name: str) -> str:
    """Run one check on an empty store, and return "" or the traceback."""
    database = BrowserDatabase(f"check {name}")
    try:
        await {**suite.checks(), **suite.room_checks()}[name](database)
    except Exception:  # noqa: BLE001 - the page's test reports it
        return traceback.format_exc()
    finally:
        await database.clear()
    return ""
