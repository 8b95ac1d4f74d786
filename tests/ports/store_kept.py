"""Kept results and inputs in the store: complete, bounded, and deleted with their task."""

from __future__ import annotations

from dataclasses import replace

from app.core.errors import InvalidTransition, StorageError, TaskNotFound
from app.core.model import PromptId, TaskState
from tests.ports.database import BOUND, EmptyDatabase, ended, raises, registered, task


async def check_kept_result_is_read_back_unchanged(database: EmptyDatabase) -> None:
    store = database.store()
    done = await ended(store, "p-1")
    data = bytes(range(256)) * 40
    await store.keep_result(done, 1, database.blob(data, "image/png"), 40.5)
    kept = await database.store().read_result(done.prompt_id, 1)
    assert kept is not None
    assert (kept.prompt_id, kept.index, kept.kept_at) == ("p-1", 1, 40.5)
    assert (kept.blob.size, kept.blob.media_type) == (len(data), "image/png")
    assert await kept.blob.read() == data
    assert await store.read_result(done.prompt_id, 0) is None
    assert await store.read_result(PromptId("p"), 1) is None


async def check_result_is_kept_only_for_a_known_task(database: EmptyDatabase) -> None:
    store = database.store()
    await raises(TaskNotFound, store.keep_result(task("p-1"), 0, database.blob(b"x"), 40.0))
    assert await store.read_result(PromptId("p-1"), 0) is None


async def check_kept_results_are_bounded_and_the_oldest_deleted(database: EmptyDatabase) -> None:
    store = database.store()
    done = await ended(store, "p-1")
    part = BOUND * 2 // 5
    for index, at in ((0, 60.0), (1, 50.0), (2, 70.0)):  # index 1 is the oldest
        await store.keep_result(done, index, database.blob(bytes([index]) * part), at)
    kept = [await store.read_result(done.prompt_id, index) for index in range(3)]
    assert [item is not None for item in kept] == [True, False, True]
    assert await store.read_task(done.prompt_id) == done, "the record outlives its bytes"


async def check_result_kept_twice_is_counted_once(database: EmptyDatabase) -> None:
    store = database.store()
    done = await ended(store, "p-1")
    part = BOUND * 2 // 5
    await store.keep_result(done, 0, database.blob(b"a" * part), 40.0)
    for at in (50.0, 60.0, 70.0):
        await store.keep_result(done, 1, database.blob(b"b" * part), at)
    assert await store.read_result(done.prompt_id, 0) is not None


async def check_result_over_the_bound_is_refused_and_evicts_nothing(database: EmptyDatabase) -> None:
    store = database.store()
    done = await ended(store, "p-1")
    await store.keep_result(done, 0, database.blob(b"small"), 40.0)
    error = await raises(StorageError, store.keep_result(done, 1, database.blob(b"x" * (BOUND + 1)), 50.0))
    assert isinstance(error, StorageError)
    assert error.cause == "quota"
    assert await store.read_result(done.prompt_id, 0) is not None
    assert await store.read_result(done.prompt_id, 1) is None


async def check_result_of_exactly_the_bound_is_kept(database: EmptyDatabase) -> None:
    store = database.store()
    done = await ended(store, "p-1")
    assert await store.keep_result(done, 0, database.blob(bytes(BOUND)), 40.0)
    assert await store.read_result(done.prompt_id, 0) is not None


async def check_deleting_a_task_deletes_its_results(database: EmptyDatabase) -> None:
    store = database.store()
    done, other = await ended(store, "p-1"), await ended(store, "p-10")
    for item in (done, other):
        await store.keep_result(item, 0, database.blob(b"bytes"), 40.0)
    await store.delete_task(done)
    assert await store.read_task(done.prompt_id) is None
    assert await store.read_result(done.prompt_id, 0) is None
    assert await store.read_result(other.prompt_id, 0) is not None
    await raises(TaskNotFound, store.delete_task(done))


async def check_unfinished_task_is_not_deleted(database: EmptyDatabase) -> None:
    store = database.store()
    known = await registered(store, "p-1")
    await raises(InvalidTransition, store.delete_task(replace(known, state=TaskState.SUCCEEDED)))
    assert await store.read_task(known.prompt_id) == known


async def check_inputs_are_kept_by_their_hash_and_bounded(database: EmptyDatabase) -> None:
    store = database.store()
    part = BOUND * 2 // 5
    for number, name in enumerate(("aa", "bb", "cc")):
        await store.keep_input(name, database.blob(name.encode() * (part // 2), "image/jpeg"), 40.0 + number)
    assert await store.read_input("aa") is None
    kept = await database.store().read_input("cc")
    assert kept is not None
    assert (kept.size, kept.media_type) == (part, "image/jpeg")
    assert await kept.read() == b"cc" * (part // 2)
    assert await store.read_input("dd") is None
    assert [await store.find_input(start) for start in ("c", "cc", "ccc", "d")] == ["cc", "cc", None, None]
