"""The documents of a private window: it reads those of all windows, and forgets its own when the page closes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from app.core.ports.documents import Changes, DocumentKey, DocumentStore


class PrivateDocuments:
    def __init__(self, inner: DocumentStore) -> None:
        self._inner = inner
        self._mine: dict[DocumentKey, str | None] = {}

    async def read_kind(self, kind: str) -> Mapping[str, str]:
        mine = {name: text for (of_kind, name), text in self._mine.items() if of_kind == kind}
        return {name: text for name, text in {**await self._inner.read_kind(kind), **mine}.items() if text is not None}

    async def read_document(self, kind: str, name: str) -> str | None:
        if (kind, name) in self._mine:
            return self._mine[kind, name]
        return await self._inner.read_document(kind, name)

    async def write_documents(self, changes: Changes) -> None:
        """Write to this page's memory only."""
        self._mine.update(changes)

    async def change_documents(
        self, keys: Collection[DocumentKey], change: Callable[[Mapping[DocumentKey, str]], Changes]
    ) -> None:
        """Change this page's memory only. Nothing is awaited between reading that and writing."""
        shared = {key: await self._inner.read_document(*key) for key in keys}
        now = {key: self._mine.get(key, text) for key, text in shared.items()}
        self._mine.update(change({key: text for key, text in now.items() if text is not None}))
