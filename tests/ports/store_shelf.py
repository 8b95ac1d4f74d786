"""Thumbnails, settings and deletion in the store: thumbnails outlive originals, and deletion is complete."""

from __future__ import annotations

from dataclasses import replace

from app.core.errors import NotOwner, TaskNotFound
from app.core.model import InputFile, NodeId, Task, TaskState
from app.core.ports.blobs import Keep, KeepSettings
from app.core.ports.store import TaskStore
from tests.ports.database import BOUND, EmptyDatabase, ended, kept_of, raises, registered, reservation, task, window
from tests.ports.tasks import changed


async def check_picture_gets_a_smaller_thumbnail(database: EmptyDatabase) -> None:
    store = database.store()
    done = await ended(store, "p-1")
    picture = await database.picture(900, 600)
    assert await store.keep_thumbnail(done, 1, picture, 40.0)
    small = await database.store().read_thumbnail(done.prompt_id, 1)
    assert small is not None
    assert small.media_type == "image/webp"
    assert 0 < small.size < picture.size
    assert await store.read_thumbnail(done.prompt_id, 0) is None
    assert await store.read_result(done.prompt_id, 1) is None, "a thumbnail is no result"


async def check_other_files_get_no_thumbnail(database: EmptyDatabase) -> None:
    store = database.store()
    done = await ended(store, "p-1")
    assert not await store.keep_thumbnail(done, 0, database.blob(b"sound" * 100, "audio/flac"), 40.0)
    assert await store.read_thumbnail(done.prompt_id, 0) is None


async def check_only_the_owner_of_a_known_task_keeps_a_thumbnail(database: EmptyDatabase) -> None:
    store, picture = database.store(), await database.picture(64, 48)
    await raises(TaskNotFound, store.keep_thumbnail(task("p-1"), 0, picture, 40.0))
    known = await registered(store, "p-1")
    await raises(NotOwner, store.keep_thumbnail(replace(known, epoch=2), 0, picture, 40.0))
    assert await store.read_thumbnail(known.prompt_id, 0) is None


async def check_thumbnail_outlives_its_original(database: EmptyDatabase) -> None:
    store = database.store()
    done = await ended(store, "p-1")
    part = BOUND * 2 // 5
    for index in range(3):
        assert await store.keep_thumbnail(done, index, await database.picture(64, 48), 40.0 + index)
        assert await store.keep_result(done, index, database.blob(bytes(part)), 40.0 + index)
    assert await kept_of(store) == {("p-1", 1), ("p-1", 2)}
    assert all([await store.read_thumbnail(done.prompt_id, index) is not None for index in range(3)])


async def check_all_windows_see_one_setting(database: EmptyDatabase) -> None:
    store, other = database.store(), database.store()
    assert await store.read_settings() == KeepSettings(BOUND, Keep.ORIGINALS)
    wanted = KeepSettings(123_456, Keep.THUMBNAILS)
    await store.write_settings(wanted)
    assert await other.read_settings() == wanted
    assert (await other.usage()).settings == wanted


async def check_smaller_limit_deletes_the_oldest_immediately(database: EmptyDatabase) -> None:
    store = database.store()
    done = await ended(store, "p-1")
    assert await store.keep_thumbnail(done, 0, await database.picture(64, 48), 60.0)
    for index, at in ((0, 60.0), (1, 50.0), (2, 70.0)):  # index 1 is the oldest
        await store.keep_result(done, index, database.blob(bytes(1000)), at)
    await database.store().write_settings(KeepSettings(1500))
    assert await kept_of(store) == {("p-1", 2)}
    assert await store.read_thumbnail(done.prompt_id, 0) is not None
    await store.keep_result(done, 3, database.blob(bytes(1400)), 80.0)
    assert await kept_of(store) == {("p-1", 3)}, "the new cap is the cap"


async def check_only_thumbnails_are_kept_if_chosen(database: EmptyDatabase) -> None:
    store = database.store()
    done = await ended(store, "p-1")
    await store.keep_result(done, 0, database.blob(b"from before"), 40.0)
    await database.store().write_settings(KeepSettings(BOUND, Keep.THUMBNAILS))
    assert not await store.keep_result(done, 1, database.blob(b"x" * (BOUND + 1)), 50.0), "not even too large"
    assert await store.keep_thumbnail(done, 1, await database.picture(64, 48), 50.0)
    assert await kept_of(store) == {("p-1", 0)}, "what is here stays"
    await store.write_settings(KeepSettings(BOUND))
    assert await store.keep_result(done, 1, database.blob(b"now"), 60.0)


async def check_usage_adds_up(database: EmptyDatabase) -> None:
    store = database.store()
    empty = await store.usage()
    assert (empty.count, empty.size, empty.thumbnails, empty.thumbnails_size, empty.inputs_size) == (0, 0, 0, 0, 0)
    done = await ended(store, "p-1")
    await store.keep_result(done, 0, database.blob(bytes(1000)), 40.0)
    await store.keep_result(done, 1, database.blob(bytes(500)), 41.0)
    await store.keep_thumbnail(done, 0, await database.picture(64, 48), 40.0)
    await store.keep_input("aa", database.blob(bytes(300)), 40.0)
    usage = await database.store().usage()
    small = await store.read_thumbnail(done.prompt_id, 0)
    assert (usage.count, usage.size, usage.inputs_size) == (2, 1500, 300)
    assert small is not None
    assert (usage.thumbnails, usage.thumbnails_size) == (1, small.size)
    assert usage.used is None or usage.used > 0


async def check_usage_is_correct_after_every_operation(database: EmptyDatabase) -> None:
    """What a window has added up equals what a new window counts."""
    store, past = database.store(), database.past()
    await store.write_settings(KeepSettings(3000))
    one, two, three = [await ended(store, name) for name in ("p-1", "p-2", "p-3")]
    running, last = await registered(store, "p-4"), task("p-5")
    picture = await database.picture(64, 48)
    await store.usage()
    for call in (
        lambda: store.keep_result(one, 0, database.blob(bytes(1000)), 40.0),
        lambda: store.keep_result(one, 0, database.blob(bytes(700)), 41.0),
        lambda: store.keep_thumbnail(one, 0, picture, 41.0),
        lambda: store.keep_thumbnail(one, 0, picture, 42.0),
        lambda: store.keep_preview(running, picture, "image/png", 42.0),
        lambda: store.keep_result(two, 0, database.blob(bytes(900)), 43.0),
        lambda: store.keep_result(two, 1, database.blob(bytes(1800)), 44.0),  # p-1/0 makes room
        lambda: store.keep_result(three, 0, database.blob(bytes(100)), 45.0),
        lambda: store.keep_thumbnail(three, 0, picture, 45.0),
        lambda: store.keep_input("aa", database.blob(bytes(300)), 45.0),
        lambda: store.keep_input("aa", database.blob(bytes(300)), 46.0),
        lambda: store.write_settings(KeepSettings(2500)),
        lambda: store.delete_results(two.prompt_id),
        lambda: store.delete_preview(running.prompt_id),
        lambda: store.update(changed(one, is_proven=True)),
        lambda: past.archive(one),
        lambda: past.delete_past([one.prompt_id]),
        lambda: store.delete_task(three),
        lambda: with_inputs(store, last.prompt_id, "aa"),
        lambda: store.delete_task(last),
        lambda: store.keep_result(two, 0, database.blob(bytes(500)), 50.0),
        store.delete_results,
    ):
        await call()
        known, counted = await store.usage(), await database.store().usage()
        assert replace(known, used=None, quota=None) == replace(counted, used=None, quota=None)
        assert counted.size <= 3000
    assert (known.count, known.size, known.thumbnails, known.inputs_size) == (0, 0, 0, 0)


async def check_only_the_results_of_one_task_are_deleted(database: EmptyDatabase) -> None:
    store = database.store()
    done, other = await kept(database, store, "p-1"), await kept(database, store, "p-10")
    await database.store().delete_results(done.prompt_id)
    assert await kept_of(store) == {("p-10", 0)}
    assert await store.read_thumbnail(done.prompt_id, 0) is None
    assert await store.read_thumbnail(other.prompt_id, 0) is not None
    assert await store.read_task(done.prompt_id) == done, "the record stays"
    assert (await store.usage()).count == 1


async def check_all_results_are_deleted_and_nothing_else(database: EmptyDatabase) -> None:
    store = database.store()
    tasks = [await kept(database, store, name) for name in ("p-1", "p-2")]
    await store.keep_input("aa", database.blob(b"input"), 40.0)
    await store.write_settings(KeepSettings(5000))
    await store.delete_results()
    usage = await store.usage()
    assert (usage.count, usage.size, usage.thumbnails, usage.thumbnails_size) == (0, 0, 0, 0)
    assert (usage.inputs_size, usage.settings) == (5, KeepSettings(5000))
    assert [await store.read_task(item.prompt_id) for item in tasks] == tasks
    assert [await store.read_thumbnail(item.prompt_id, 0) for item in tasks] == [None, None]


async def check_deleting_a_task_deletes_its_thumbnails(database: EmptyDatabase) -> None:
    store = database.store()
    done, other = await kept(database, store, "p-1"), await kept(database, store, "p-10")
    await store.delete_task(done)
    assert await store.read_thumbnail(done.prompt_id, 0) is None
    assert await store.read_thumbnail(other.prompt_id, 0) is not None
    usage = await store.usage()
    assert (usage.count, usage.thumbnails) == (1, 1)


async def check_deleting_a_task_deletes_inputs_that_only_it_used(database: EmptyDatabase) -> None:
    store = database.store()
    for name in ("aa", "bb", "cc"):
        await store.keep_input(name, database.blob(name.encode()), 40.0)
    first = await with_inputs(store, "p-1", "aa", "bb")
    await with_inputs(store, "p-2", "bb")
    await store.delete_task(first)
    left = [name for name in ("aa", "bb", "cc") if await store.read_input(name) is not None]
    assert left == ["bb", "cc"], "cc is of a run that is not written down yet"


async def check_editor_file_is_deleted_with_its_last_task(database: EmptyDatabase) -> None:
    store = database.store()
    await store.keep_input("ee", database.blob(b"{}", "application/json"), 40.0)
    first, last = [await with_inputs(store, name, editor="ee") for name in ("p-1", "p-2")]
    await store.delete_task(first)
    assert await store.read_input("ee") is not None
    await store.delete_task(last)
    assert await store.read_input("ee") is None


async def check_editor_file_of_a_task_is_not_dropped_for_pictures(database: EmptyDatabase) -> None:
    store = database.store()
    part = BOUND * 2 // 5
    await store.keep_input("ee", database.blob(bytes(100), "application/json"), 40.0)
    await store.keep_input("ff", database.blob(bytes(100), "application/json"), 40.0)
    await with_inputs(store, "p-1", "aa", editor="ee")
    for number, name in enumerate(("aa", "bb", "cc")):
        await store.keep_input(name, database.blob(bytes(part)), 41.0 + number)
    left = [name for name in ("aa", "bb", "cc", "ee", "ff") if await store.read_input(name) is not None]
    assert left == ["bb", "cc", "ee"], "and one that no task has goes like any input"


async def check_persistence_is_reported_the_same_way(database: EmptyDatabase) -> None:
    store = database.store()
    promised = await store.persist()
    assert (await store.usage()).is_persistent == promised
    assert await store.persist(is_asked=True) in {promised, True}


async def check_window_claims_its_id_despite_kept_results(database: EmptyDatabase) -> None:
    store = database.store()
    await kept(database, store, "p-1")
    _, records = await store.claim(window("w-1"))
    assert [item.prompt_id for item in records.tasks] == ["p-1"]


async def kept(database: EmptyDatabase, store: TaskStore, prompt_id: str) -> Task:
    """Return an ended task with a result and its thumbnail."""
    done = await ended(store, prompt_id)
    await store.keep_thumbnail(done, 0, await database.picture(64, 48), 40.0)
    await store.keep_result(done, 0, database.blob(b"bytes"), 40.0)
    return done


async def with_inputs(store: TaskStore, prompt_id: str, *hashes: str, editor: str = "") -> Task:
    """Return an ended task that was made from these inputs."""
    await store.reserve(lambda _claims: reservation(prompt_id))
    inputs = tuple(
        InputFile(node_id=NodeId("1"), input_name="image", name=f"{item}.png", sha256=item) for item in hashes
    )
    made = changed(task(prompt_id), inputs=inputs, editor_sha256=editor)
    done = changed(made, state=TaskState.SUCCEEDED, ended_at=30.0)
    await store.register(done)
    return done
