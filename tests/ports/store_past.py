"""Past tasks: rows of a list, with the whole record and all results available."""

from __future__ import annotations

from dataclasses import replace

from app.core.errors import InvalidTransition, NotOwner, TaskNotFound
from app.core.model import Delivery, InputFile, NodeId, Output, PromptId, Task, TaskState
from app.core.past import past_of
from app.core.ports.store import TaskStore
from tests.ports.database import EmptyDatabase, raises, registered
from tests.ports.tasks import changed


def used(sha256: str) -> InputFile:
    return InputFile(node_id=NodeId("1"), input_name="image", name="x.png", sha256=sha256)


async def settled(store: TaskStore, prompt_id: str, at: float = 30.0, inputs: tuple[InputFile, ...] = ()) -> Task:
    """Return a task that has ended and whose picture is delivered."""
    known = await registered(store, prompt_id)
    made = Output(node_id=NodeId("2"), kind="images", filename="沙丘.png", delivery=Delivery.KEPT, size=5)
    done = changed(
        known, state=TaskState.SUCCEEDED, ended_at=at, is_proven=True, outputs=(made,), inputs=inputs, project="dunes"
    )
    await store.update(done)
    return done


async def check_past_task_is_complete_and_no_longer_claimed(database: EmptyDatabase) -> None:
    store, past = database.store(), database.past()
    done = await settled(store, "p-1")
    await store.keep_result(done, 0, database.blob(b"bytes"), 40.0)
    await past.archive(done)
    assert await store.read_task(done.prompt_id) is None
    assert (await store.read_tasks()).tasks == ()
    assert await database.past().read_past_task(done.prompt_id) == done
    assert list(await database.past().read_past([done.prompt_id])) == [past_of(done)]
    kept = await store.read_result(done.prompt_id, 0)
    assert kept is not None
    assert await kept.blob.read() == b"bytes"


async def check_past_tasks_are_listed_latest_first(database: EmptyDatabase) -> None:
    store, past = database.store(), database.past()
    for name, at in (("p-1", 50.0), ("p-2", 70.0), ("p-3", 60.5)):
        await past.archive(await settled(store, name, at))
    assert list(await past.read_past_ids()) == ["p-2", "p-3", "p-1"]
    wanted = [PromptId(name) for name in ("p-3", "gone", "p-2")]
    assert [row.prompt_id for row in await past.read_past(wanted)] == ["p-3", "p-2"]
    assert list(await past.read_past([])) == []


async def check_only_settled_tasks_become_past(database: EmptyDatabase) -> None:
    store, past = database.store(), database.past()
    running = await registered(store, "p-1")
    await raises(InvalidTransition, past.archive(running))
    done = await settled(store, "p-2")
    coming = changed(done, outputs=(replace(done.delivery.outputs[0], delivery=Delivery.PENDING),))
    await store.update(coming)
    await raises(InvalidTransition, past.archive(done))
    assert [task.prompt_id for task in (await store.read_tasks()).tasks] == ["p-1", "p-2"]
    assert list(await past.read_past_ids()) == []


async def check_only_the_owner_moves_a_task_to_the_past(database: EmptyDatabase) -> None:
    store, past = database.store(), database.past()
    done = await settled(store, "p-1")
    await raises(NotOwner, past.archive(replace(done, epoch=2)))
    await past.archive(done)
    await raises(TaskNotFound, past.archive(done))
    await raises(TaskNotFound, store.update(done))
    assert list(await past.read_past_ids()) == ["p-1"]


async def check_deleting_a_past_task_deletes_what_only_it_used(database: EmptyDatabase) -> None:
    store, past = database.store(), database.past()
    one = await settled(store, "p-1", inputs=(used("mine"), used("shared"), used("running")))
    two = await settled(store, "p-2", inputs=(used("shared"),))
    await settled(store, "p-3", inputs=(used("running"),))
    for name in ("mine", "shared", "running"):
        await store.keep_input(name, database.blob(name.encode()), 30.0)
    await store.keep_result(one, 0, database.blob(b"bytes"), 40.0)
    await past.archive(one)
    await past.archive(two)
    await past.delete_past([one.prompt_id, PromptId("gone")])
    assert await past.read_past_task(one.prompt_id) is None
    assert list(await past.read_past_ids()) == ["p-2"]
    assert await store.read_result(one.prompt_id, 0) is None
    assert [await store.read_input(name) is not None for name in ("mine", "shared", "running")] == [False, True, True]


async def check_deleted_task_leaves_inputs_of_past_tasks(database: EmptyDatabase) -> None:
    store, past = database.store(), database.past()
    await past.archive(await settled(store, "p-1", inputs=(used("shared"),)))
    other = await settled(store, "p-2", inputs=(used("shared"), used("mine")))
    for name in ("mine", "shared"):
        await store.keep_input(name, database.blob(name.encode()), 30.0)
    await store.delete_task(other)
    assert [await store.read_input(name) is not None for name in ("mine", "shared")] == [False, True]
