"""The user's documents: shared by all windows, under their kind and name, until they are deleted."""

from __future__ import annotations

from tests.ports.database import EmptyDatabase


async def check_document_is_available_to_every_window(database: EmptyDatabase) -> None:
    await database.documents().write_documents({("workflow", "a/1"): "沙丘 \u2028 {}", ("preset", "a/1"): ""})
    assert await database.documents().read_document("workflow", "a/1") == "沙丘 \u2028 {}"
    assert await database.documents().read_document("preset", "a/1") == ""
    assert await database.documents().read_document("workflow", "a") is None


async def check_documents_are_read_by_kind(database: EmptyDatabase) -> None:
    documents = database.documents()
    await documents.write_documents(
        {("work", "x"): "1", ("workflow", "b"): "2", ("workflow", "a"): "3", ("workflows", ""): "4"}
    )
    assert dict(await documents.read_kind("workflow")) == {"a": "3", "b": "2"}
    assert dict(await documents.read_kind("workflows")) == {"": "4"}
    assert dict(await documents.read_kind("none")) == {}


async def check_documents_are_changed_and_deleted_in_one_transaction(database: EmptyDatabase) -> None:
    documents = database.documents()
    await documents.write_documents({("w", "a"): "1", ("w", "b"): "1"})
    await documents.write_documents({("w", "a"): "2", ("w", "b"): None, ("w", "never"): None})
    assert dict(await database.documents().read_kind("w")) == {"a": "2"}
