"""The user's documents: shared by all windows, under their kind and name, until they are deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from app.core.errors import BadInput
from app.core.ports.documents import Changes, DocumentKey
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


async def check_change_of_documents_sees_what_is_there(database: EmptyDatabase) -> None:
    documents = database.documents()
    await documents.write_documents({("w", "a"): "1", ("w", "b"): "2"})
    seen: list[dict[DocumentKey, str]] = []

    def change(texts: Mapping[DocumentKey, str]) -> Changes:
        seen.append(dict(texts))
        return {("w", "a"): None, ("w", "c"): texts["w", "a"] + "!"}

    await documents.change_documents([("w", "a"), ("w", "never")], change)
    assert seen == [{("w", "a"): "1"}]
    assert dict(await database.documents().read_kind("w")) == {"b": "2", "c": "1!"}


async def check_changes_of_two_windows_at_the_same_time_are_both_kept(database: EmptyDatabase) -> None:
    def add(letter: str) -> Callable[[Mapping[DocumentKey, str]], Changes]:
        return lambda texts: {("w", "list"): texts.get(("w", "list"), "") + letter}

    windows = [database.documents() for _ in range(2)]
    await asyncio.gather(
        *(windows[number % 2].change_documents([("w", "list")], add(letter)) for number, letter in enumerate("abcdef"))
    )
    assert sorted(await database.documents().read_document("w", "list") or "") == list("abcdef")


async def check_failed_change_of_documents_writes_nothing(database: EmptyDatabase) -> None:
    documents = database.documents()
    await documents.write_documents({("w", "a"): "1"})

    def fail(_texts: Mapping[DocumentKey, str]) -> Changes:
        raise BadInput("damaged", "a")

    (error,) = await asyncio.gather(documents.change_documents([("w", "a")], fail), return_exceptions=True)
    assert isinstance(error, BadInput)
    assert await documents.read_document("w", "a") == "1"
