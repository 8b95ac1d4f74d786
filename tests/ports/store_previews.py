"""The last previews of running tasks in the store: one small preview each, for a few tasks, none after the end."""

from __future__ import annotations

from dataclasses import replace

from app.core.errors import NotOwner, TaskNotFound
from app.core.model import PromptId, TaskState
from app.core.ports.store import TaskStore
from tests.ports.database import EmptyDatabase, ended, raises, registered, task
from tests.ports.tasks import changed

MOST = 24


async def check_last_preview_is_kept_and_small(database: EmptyDatabase) -> None:
    store = database.store()
    running = await registered(store, "p-1")
    assert await store.read_preview(running.prompt_id) is None
    picture = await database.picture(900, 600)
    assert await store.keep_preview(running, picture, "image/png", 40.0)
    first = await database.store().read_preview(running.prompt_id)
    assert first is not None
    assert first.media_type == "image/webp"
    assert 0 < first.size < picture.size
    assert await store.keep_preview(running, await database.picture(32, 16), "image/png", 45.0)
    second = await store.read_preview(running.prompt_id)
    assert second is not None
    assert second.size < first.size, "it is the later one"


async def check_preview_must_be_a_picture(database: EmptyDatabase) -> None:
    store = database.store()
    running = await registered(store, "p-1")
    assert not await store.keep_preview(running, database.blob(b"x" * 100), "application/octet-stream", 40.0)
    assert await store.read_preview(running.prompt_id) is None


async def check_only_the_owner_of_a_running_task_keeps_a_preview(database: EmptyDatabase) -> None:
    store, picture = database.store(), await database.picture(64, 48)
    await raises(TaskNotFound, store.keep_preview(task("p-1"), picture, "image/png", 40.0))
    known = await registered(store, "p-1")
    await raises(NotOwner, store.keep_preview(replace(known, epoch=2), picture, "image/png", 40.0))
    done = await ended(store, "p-2")
    assert not await store.keep_preview(done, picture, "image/png", 40.0)
    assert not await store.keep_preview(replace(done, state=TaskState.RUNNING), picture, "image/png", 41.0)
    assert await kept(store, 2) == []


async def check_preview_is_deleted_and_is_no_thumbnail(database: EmptyDatabase) -> None:
    store, picture = database.store(), await database.picture(64, 48)
    for name in ("p-1", "p-10"):
        assert await store.keep_preview(await registered(store, name), picture, "image/png", 40.0)
    usage = await store.usage()
    assert (usage.thumbnails, usage.thumbnails_size, usage.count) == (0, 0, 0)
    assert await store.read_thumbnail(PromptId("p-1"), 0) is None
    await database.store().delete_preview(PromptId("p-1"))
    await store.delete_preview(PromptId("p-1"))
    assert await store.read_preview(PromptId("p-1")) is None
    assert await store.read_preview(PromptId("p-10")) is not None
    await store.delete_results(PromptId("p-10"))
    assert await store.read_preview(PromptId("p-10")) is None


async def check_all_results_are_deleted_with_the_previews(database: EmptyDatabase) -> None:
    store = database.store()
    running = await registered(store, "p-1")
    await store.keep_preview(running, await database.picture(64, 48), "image/png", 40.0)
    await store.delete_results()
    assert await store.read_preview(running.prompt_id) is None
    assert await store.keep_preview(running, await database.picture(64, 48), "image/png", 41.0)


async def check_deleting_a_task_deletes_its_preview(database: EmptyDatabase) -> None:
    store = database.store()
    running = await registered(store, "p-1")
    await store.keep_preview(running, await database.picture(64, 48), "image/png", 40.0)
    done = changed(running, state=TaskState.SUCCEEDED, ended_at=50.0)
    await store.update(done)
    await store.delete_task(done)
    assert await store.read_preview(running.prompt_id) is None


async def check_previews_of_a_few_tasks_are_kept(database: EmptyDatabase) -> None:
    store, picture = database.store(), await database.picture(16, 16)
    for number in range(MOST + 2):
        running = await registered(store, f"p-{number}")
        assert await store.keep_preview(running, picture, "image/png", 40.0 + number)
    assert await kept(store, MOST + 2) == [f"p-{number}" for number in range(2, MOST + 2)]


async def kept(store: TaskStore, count: int) -> list[str]:
    """Return the tasks that have a preview."""
    names = [f"p-{number}" for number in range(count + 1)]
    return [name for name in names if await store.read_preview(PromptId(name)) is not None]
