"""Documents in memory, for tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from app.core.errors import StorageError
from app.core.ports.documents import Changes, DocumentKey


class MemoryDocuments:
    """One window's access to the shared `shelf`. While `is_full`, writes fail."""

    def __init__(self, shelf: dict[DocumentKey, str] | None = None) -> None:
        self.shelf = {} if shelf is None else shelf
        self.is_full = False

    async def read_kind(self, kind: str) -> Mapping[str, str]:
        return {name: text for (its_kind, name), text in sorted(self.shelf.items()) if its_kind == kind}

    async def read_document(self, kind: str, name: str) -> str | None:
        return self.shelf.get((kind, name))

    async def write_documents(self, changes: Changes) -> None:
        if self.is_full:
            raise StorageError("write_documents", "quota", "")
        for key, text in changes.items():
            if text is None:
                self.shelf.pop(key, None)
            else:
                self.shelf[key] = text

    async def change_documents(
        self, keys: Collection[DocumentKey], change: Callable[[Mapping[DocumentKey, str]], Changes]
    ) -> None:
        await self.write_documents(change({key: self.shelf[key] for key in keys if key in self.shelf}))
