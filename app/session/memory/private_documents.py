"""The papers of a private window: it reads those of all windows, and what it writes goes with the page."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.ports.documents import DocumentStore, PaperKey


class PrivateDocuments:
    """See the module."""

    def __init__(self, inner: DocumentStore) -> None:
        self._inner = inner
        self._mine: dict[PaperKey, str | None] = {}

    async def read_kind(self, kind: str) -> Mapping[str, str]:
        """Papers.read_kind."""
        mine = {name: text for (of_kind, name), text in self._mine.items() if of_kind == kind}
        return {name: text for name, text in {**await self._inner.read_kind(kind), **mine}.items() if text is not None}

    async def read_paper(self, kind: str, name: str) -> str | None:
        """Papers.read_paper."""
        if (kind, name) in self._mine:
            return self._mine[kind, name]
        return await self._inner.read_paper(kind, name)

    async def write_papers(self, changes: Mapping[PaperKey, str | None]) -> None:
        """Papers.write_papers, until the page goes."""
        self._mine.update(changes)
