"""A full disk: records replace kept results. These checks need a disk of `database.QUOTA` bytes."""

from __future__ import annotations

import json
import os

from app.core.errors import StorageError
from app.core.model import Task, WindowId
from app.core.ports.blobs import KeepSettings
from app.core.ports.store import TaskStore
from tests.ports.database import QUOTA, EmptyDatabase, ended, kept_of, raises, registered, reservation, task, window
from tests.ports.tasks import changed

PART = QUOTA // 20
WIDE = KeepSettings(100 * QUOTA)  # so that only the disk is a limit


async def check_record_replaces_the_oldest_results(database: EmptyDatabase) -> None:
    store = database.store()
    await store.write_settings(WIDE)
    done = await filled(database, store, 12)
    written: list[Task] = []
    while len(await kept_of(store)) == 12:
        assert len(written) < 40, "the disk never got full"
        written.append(await large(store, f"p-{len(written) + 2}"))
    kept = sorted(index for _, index in await kept_of(store))
    assert kept == list(range(12 - len(kept), 12)), "the oldest go first"
    assert len(kept) >= 8, "no more than was needed"
    assert all([await store.read_thumbnail(done.prompt_id, index) is not None for index in range(12)])
    assert [await store.read_task(item.prompt_id) for item in written] == written


async def check_every_kind_of_record_replaces_results(database: EmptyDatabase) -> None:
    store = database.store()
    await store.write_settings(WIDE)
    await filled(database, store, 14)
    for number in range(2, 10):
        known = await registered(store, f"p-{number}")
        await store.update(changed(known, title=noise(PART)))
        await store.reserve_and_register(changed(task(f"q-{number}"), title=noise(PART)), lambda _claims: None)
        taken = await store.adopt(known.prompt_id, (known.owner, known.epoch), WindowId("w-2"))
        _, records = await store.claim(window("w-2"))
        assert taken in records.tasks
    assert len(await kept_of(store)) < 14, "the disk never got full"


async def check_record_is_refused_only_if_nothing_can_be_dropped(database: EmptyDatabase) -> None:
    store = database.store()
    await store.write_settings(WIDE)
    done = await filled(database, store, 6)
    await store.keep_input("aa", database.blob(bytes(PART)), 40.0)
    written: list[Task] = []
    error: StorageError | None = None
    while error is None:
        assert len(written) < 80, "the disk never got full"
        try:
            written.append(await large(store, f"p-{len(written) + 2}"))
        except StorageError as refused:
            error = refused
    assert error.cause == "quota"
    assert await kept_of(store) == frozenset()
    assert await store.read_input("aa") is None
    assert await store.read_thumbnail(done.prompt_id, 5) is None
    assert [await store.read_task(item.prompt_id) for item in written] == written


async def check_new_result_replaces_the_oldest(database: EmptyDatabase) -> None:
    store = database.store()
    await store.write_settings(WIDE)
    done = await filled(database, store, 30)
    kept = sorted(index for _, index in await kept_of(store))
    assert kept == list(range(30 - len(kept), 30))
    assert 8 <= len(kept) < 30
    await store.keep_input("aa", database.blob(os.urandom(PART)), 80.0)
    assert await store.read_input("aa") is not None, "and so does an input"
    kept = sorted(index for _, index in await kept_of(store))
    await raises(StorageError, store.keep_result(done, 99, database.blob(os.urandom(2 * QUOTA)), 99.0))
    assert len(await kept_of(store)) == len(kept), "what can never fit drops nothing"


async def filled(database: EmptyDatabase, store: TaskStore, count: int) -> Task:
    """Return an ended task with this many kept results and thumbnails, index 0 the oldest."""
    done = await ended(store, "p-1")
    picture = await database.picture(32, 24)
    for index in range(count):
        assert await store.keep_thumbnail(done, index, picture, 40.0 + index)
        assert await store.keep_result(done, index, database.blob(os.urandom(PART)), 40.0 + index)
    return done


async def large(store: TaskStore, prompt_id: str) -> Task:
    """Register a task with a large workflow."""
    await store.reserve(lambda _claims: reservation(prompt_id))
    known = changed(task(prompt_id), workflow=json.dumps({"1": noise(PART)}))
    await store.register(known)
    return known


def noise(size: int) -> str:
    """Return text that compresses badly."""
    return os.urandom(size // 2).hex()
