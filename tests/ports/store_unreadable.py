"""Unreadable task records: never skipped, shown to their owner, and deleted only on request."""

from __future__ import annotations

from dataclasses import replace

from app.core.errors import InvalidTransition, NotOwner
from app.core.model import PromptId, ServerId, StoredTasks, TaskState, Unreadable, WindowId
from app.core.records import BrokenRecord
from tests.ports.database import EmptyDatabase, ended, raises, registered, seen_claims, window

P1, P2 = PromptId("p-1"), PromptId("p-2")
W1, W2 = WindowId("w-1"), WindowId("w-2")
PAUSED = Unreadable(
    prompt_id=P2,
    owner=W1,
    server_id=ServerId("gpu-1"),
    title="沙丘 \ud83c",
    detail="Task.state has a value that this version does not know: 'paused'",
)


async def check_unreadable_record_is_returned_beside_the_others(database: EmptyDatabase) -> None:
    store = database.store()
    good = await registered(store, "p-1")
    await registered(store, "p-2")
    await database.damage("p-2", {"state": "paused"})
    expected = StoredTasks((good,), (PAUSED,))
    assert (await database.store().claim(window("w-1")))[1] == expected
    assert await store.read_tasks(W1) == expected
    assert await store.read_tasks() == expected


async def check_unreadable_record_is_returned_to_its_owner_only(database: EmptyDatabase) -> None:
    store = database.store()
    await registered(store, "p-1", owner="w-2")
    await database.damage("p-1", {"epoch": "one"})
    assert (await store.claim(window("w-1")))[1] == StoredTasks()
    assert [item.owner for item in (await store.read_tasks(W2)).unreadable] == [W2]


async def check_unreadable_record_without_owner_is_shown_to_all_windows(database: EmptyDatabase) -> None:
    store = database.store()
    good = await registered(store, "p-1")
    for prompt_id, changes in (("p-2", {"owner": None}), ("p-3", {"owner": 7}), ("p-4", {"owner": ["w-1"]})):
        await registered(store, prompt_id, owner="w-2")
        await database.damage(prompt_id, changes)
    await registered(store, "p-5", owner="w-2")
    await database.damage("p-5", {}, without=("owner",))
    for name in ("w-1", "w-2", "w-3"):
        _, records = await store.claim(window(name))
        assert records.tasks == ((good,) if name == "w-1" else ())
        assert [(item.prompt_id, item.owner) for item in records.unreadable] == [
            (f"p-{number}", None) for number in range(2, 6)
        ]
        assert await store.read_tasks(WindowId(name)) == records


async def check_damaged_record_keeps_its_readable_fields(database: EmptyDatabase) -> None:
    store = database.store()
    await registered(store, "p-2")
    await database.damage("p-2", {"server_id": {}, "title": 3})
    (unreadable,) = (await store.read_tasks(W1)).unreadable
    assert (unreadable.server_id, unreadable.title, unreadable.is_newer) == (None, "", False)
    assert unreadable.detail.startswith("Task.server_id ")


async def check_newer_record_is_distinguished_from_a_damaged_one(database: EmptyDatabase) -> None:
    store = database.store()
    await registered(store, "p-1")
    await registered(store, "p-2")
    await database.damage("p-1", {"v": 2, "newer": [1]})
    await database.damage("p-2", {"v": 2, "state": "paused"})
    records = await store.read_tasks(W1)
    assert [(task.prompt_id, task.v, task.extra) for task in records.tasks] == [("p-1", 2, {"newer": [1]})]
    assert records.unreadable == (replace(PAUSED, is_newer=True),)


async def check_choice_of_a_server_sees_unreadable_work(database: EmptyDatabase) -> None:
    store = database.store()
    good = await registered(store, "p-1")
    await registered(store, "p-2")
    await database.damage("p-2", {"state": "paused"})
    await ended(store, "p-3")
    await database.damage("p-3", {"outputs": 3})
    claims = await seen_claims(store)
    assert (list(claims.unfinished), list(claims.unreadable)) == ([good], [PAUSED]), "what was written ended counts not"


async def check_nothing_is_written_over_an_unreadable_record(database: EmptyDatabase) -> None:
    store = database.store()
    known = await registered(store, "p-2")
    await database.damage("p-2", {"state": "paused"})
    await raises(BrokenRecord, store.read_task(P2))
    await raises(BrokenRecord, store.update(known))
    await raises(BrokenRecord, store.keep_result(known, 0, database.blob(b"late"), 40.0))
    await raises(BrokenRecord, store.delete_task(replace(known, state=TaskState.LOST)))
    await raises(BrokenRecord, store.adopt(P2, (W1, 1), W2))
    await raises(NotOwner, store.update(replace(known, owner=W2)))
    assert (await store.read_tasks()).unreadable == (PAUSED,)
    assert await store.read_result(P2, 0) is None


async def check_unreadable_record_is_deleted_with_its_results(database: EmptyDatabase) -> None:
    store = database.store()
    kept, other = await ended(store, "p-2"), await ended(store, "p-1")
    for task in (kept, other):
        await store.keep_result(task, 0, database.blob(b"picture"), 40.0)
    await database.damage("p-2", {"outputs": 3})
    await store.delete_unreadable(P2, W1)
    await store.delete_unreadable(P2, W1)
    assert await database.store().read_tasks() == StoredTasks((other,))
    assert await store.read_result(P2, 0) is None
    assert await store.read_result(P1, 0) is not None


async def check_only_the_owner_deletes_an_unreadable_record(database: EmptyDatabase) -> None:
    store = database.store()
    good = await registered(store, "p-1")
    await registered(store, "p-2")
    await database.damage("p-2", {"state": "paused"})
    error = await raises(NotOwner, store.delete_unreadable(P2, W2))
    assert isinstance(error, NotOwner)
    assert (error.prompt_id, error.owner) == (P2, W1)
    await raises(InvalidTransition, store.delete_unreadable(P1, W1))
    assert await store.read_tasks() == StoredTasks((good,), (PAUSED,))
    await database.damage("p-2", {"owner": None})
    await store.delete_unreadable(P2, W2)
    assert await store.read_tasks() == StoredTasks((good,))
