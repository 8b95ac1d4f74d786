"""The port for the user's own documents: named texts in this browser's store, shared by all its windows.

Workflows, presets and recent values are kept there. The modules that write a text know what is in it (`app/workflows`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

DocumentKey = tuple[str, str]  # its kind, and its name within that kind
Changes = Mapping[DocumentKey, str | None]  # texts to write; None deletes


class DocumentStore(Protocol):
    """Texts by kind and name. Each operation is one transaction, and raises StorageError if that fails."""

    async def read_kind(self, kind: str) -> Mapping[str, str]:
        """All texts of a kind, by name."""

    async def read_document(self, kind: str, name: str) -> str | None:
        """One text, or None if there is none."""

    async def write_documents(self, changes: Changes) -> None:
        """Write these texts and delete those that are None: durably, all of them or none."""

    async def change_documents(
        self, keys: Collection[DocumentKey], change: Callable[[Mapping[DocumentKey, str]], Changes]
    ) -> None:
        """Write what `change` makes of those of these texts that exist. No other window writes in between."""
