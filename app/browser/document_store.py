"""The user's documents in IndexedDB: the core's `DocumentStore`. One object store, keyed by kind and name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import js
from pyodide.ffi import to_js

from app.browser.idb import Database, Steps
from app.browser.values import from_plain, js_object, present
from app.core.ports.documents import Changes, DocumentKey

DOCUMENTS = "papers"


class BrowserDocuments:
    """The documents of all windows, in the database of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_kind(self, kind: str) -> Mapping[str, str]:
        """All documents of a kind, by name."""

        def steps(transaction: Any) -> Steps[dict[str, str]]:
            first, last = to_js([kind, ""]), to_js([kind, []])  # a list comes after every text
            rows = from_plain((yield transaction.objectStore(DOCUMENTS).getAll(js.IDBKeyRange.bound(first, last))))
            return {str(row["name"]): str(row["text"]) for row in rows}

        return await self._database.run("read_kind", [DOCUMENTS], steps)

    async def read_document(self, kind: str, name: str) -> str | None:
        """One text, or None if there is none."""

        def steps(transaction: Any) -> Steps[str | None]:
            row = yield transaction.objectStore(DOCUMENTS).get(to_js([kind, name]))
            return None if present(row) is None else str(row.text)

        return await self._database.run("read_document", [DOCUMENTS], steps)

    async def write_documents(self, changes: Changes) -> None:
        """Write these texts and delete those that are None: durably, all of them or none."""

        def steps(transaction: Any) -> Steps[None]:
            yield from _write(transaction.objectStore(DOCUMENTS), changes)

        await self._database.run("write_documents", [DOCUMENTS], steps, write=True)

    async def change_documents(
        self, keys: Collection[DocumentKey], change: Callable[[Mapping[DocumentKey, str]], Changes]
    ) -> None:
        """Write what `change` makes of those of these texts that exist, in one transaction."""

        def steps(transaction: Any) -> Steps[None]:
            documents, found = transaction.objectStore(DOCUMENTS), dict[DocumentKey, str]()
            for kind, name in keys:
                row = yield documents.get(to_js([kind, name]))
                if present(row) is not None:
                    found[kind, name] = str(row.text)
            yield from _write(documents, change(found))

        await self._database.run("change_documents", [DOCUMENTS], steps, write=True)


def _write(documents: Any, changes: Changes) -> Steps[None]:
    for (kind, name), text in changes.items():
        if text is None:
            yield documents.delete(to_js([kind, name]))
        else:
            yield documents.put(js_object({"kind": kind, "name": name, "text": text}))
