"""A window holds its latest tasks whole; older ones are moved to the past tasks, and nothing of them is lost."""

from __future__ import annotations

import pytest

from app.core.errors import NotOwner, StorageError, TaskNotFound
from app.core.model import PromptId, Task, TaskState, WindowId
from app.core.records import encode
from app.core.window import Window
from app.session.delivery.past import Past
from app.session.memory.sandbox import Sandbox
from app.session.memory.store import MemoryStore
from app.session.salvage import OLD
from app.session.state import State
from tests.kit.builders import CLIENT, ME, submitted
from tests.kit.stage import PHOTO, A, B, Stage, bytes_of, scene, task_of, window_of
from tests.simulation.world import Page


async def made(stage: Stage, page: Page, count: int) -> list[PromptId]:
    """Make so many pictures, one after another."""
    found = []
    for _ in range(count):
        found.append(await stage.run(page, steps=1, server_id=A))
        await stage.ended(page, found[-1])
    return found


@pytest.mark.usefixtures("few")
@scene
async def test_past_task_keeps_record_and_bytes(stage: Stage) -> None:
    page = await stage.window()
    ids = await made(stage, page, 6)
    await stage.until(lambda: len(window_of(page).tasks) <= 4)
    gone = [item for item in ids if item not in window_of(page).tasks]
    assert gone == ids[: len(gone)]
    assert list(await page.session.past.read_ids()) == gone[::-1]
    whole = await page.session.past.read_task(gone[0])
    assert (whole.prompt_id, whole.server_id, whole.is_delivered) == (gone[0], A, True)
    assert [row.title for row in await page.session.past.read_rows(gone)] == ["story"] * len(gone)
    assert await bytes_of(page, gone[0])
    assert page.session.violations() == ()


@pytest.mark.usefixtures("few")
@scene
async def test_a_reload_reads_only_what_the_window_holds(stage: Stage) -> None:
    page = await stage.window()
    ids = await made(stage, page, 6)
    await stage.until(lambda: len(window_of(page).tasks) <= 4)
    later = await stage.reload(page)
    assert set(window_of(later).tasks) <= set(ids[-4:])
    assert await later.session.past.read_task(ids[0])


@pytest.mark.usefixtures("few")
@scene
async def test_failing_store_leaves_task_in_window(stage: Stage) -> None:
    page = await stage.window()
    ids = await made(stage, page, 4)
    stage.world.database.is_blocked = True
    page.session.past.refresh()
    await stage.sleep(5.0)
    assert set(window_of(page).tasks) == set(ids)
    stage.world.database.is_blocked = False
    await made(stage, page, 1)
    await stage.until(lambda: len(window_of(page).tasks) <= 4)


@pytest.mark.usefixtures("few")
@scene
async def test_failed_move_is_retried_on_wake(stage: Stage) -> None:
    page = await stage.window()
    store = page.session._state.ports.past
    assert store is not None
    archive = store.archive

    tries: list[PromptId] = []

    async def fail(task: Task) -> None:
        tries.append(task.prompt_id)
        raise StorageError("archive", "quota")

    store.archive = fail  # type: ignore[method-assign]
    ids = await made(stage, page, 6)
    await stage.sleep(60.0)
    assert len(window_of(page).tasks) == 6
    tries.clear()
    page.session.past.refresh()
    await stage.sleep(1.0)
    assert tries == ids[:1], "the others would fail likewise"
    store.archive = archive  # type: ignore[method-assign]
    page.session.wake("visible")
    await stage.until(lambda: len(window_of(page).tasks) <= 4)


@pytest.mark.usefixtures("few")
@scene
async def test_deleted_past_task_loses_its_bytes(stage: Stage) -> None:
    page = await stage.window()
    ids = await made(stage, page, 6)
    await stage.until(lambda: len(window_of(page).tasks) <= 4)
    await page.session.past.delete(ids[:1])
    assert ids[0] not in await page.session.past.read_ids()
    assert await bytes_of(page, ids[0]) is None
    with pytest.raises(TaskNotFound):
        await page.session.past.read_task(ids[0])


@scene
async def test_delivered_work_of_closed_window_is_moved_by_another(stage: Stage) -> None:
    gone = await stage.window()
    ids = await made(stage, gone, 2)
    stage.world.leave(gone, crashed=True)
    heir = await stage.window()
    for _ in range(3):
        heir.session.wake("visible")
        await stage.sleep(40.0)
    assert set(await heir.session.past.read_ids()) == set(ids)
    assert heir.session.orphans == ()


@pytest.mark.usefixtures("few")
@scene
async def test_past_task_runs_again_with_kept_input(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=1, picture=PHOTO)
    await stage.ended(page, first)
    await made(stage, page, 6)
    await stage.until(lambda: first not in window_of(page).tasks)
    later = await page.session.run_again(first)
    task = await stage.ended(page, later)
    assert (task.again_of, [item.original_name for item in task.inputs]) == (first, ["photo.png"])
    with pytest.raises(TaskNotFound):
        await page.session.run_again(PromptId("never was"))


@scene
async def test_tasks_of_open_window_stay_there(stage: Stage) -> None:
    alive, other = await stage.window(), await stage.window()
    ids = await made(stage, alive, 2)
    for _ in range(3):
        other.session.wake("visible")
        await stage.sleep(40.0)
    stage.world.browser.clock_shift += 2 * OLD
    other.session.wake("visible")
    await stage.sleep(40.0)
    assert set(window_of(alive).tasks) == set(ids)
    assert list(await other.session.past.read_ids()) == []


@scene
async def test_with_unknown_liveness_only_old_tasks_are_moved(stage: Stage) -> None:
    stage.world.browser.has_locks = False
    gone = await stage.window()
    ids = await made(stage, gone, 2)
    stage.world.leave(gone, crashed=True)
    heir = await stage.window()
    for _ in range(3):
        heir.session.wake("visible")
        await stage.sleep(40.0)
    assert list(await heir.session.past.read_ids()) == []
    stage.world.browser.clock_shift += OLD
    heir.session.wake("visible")
    await stage.sleep(10.0)
    assert set(await heir.session.past.read_ids()) == set(ids)


@scene
async def test_task_keeps_project_of_its_run(stage: Stage) -> None:
    page = await stage.window()
    page.session.name_project("  harbour ")
    first = await stage.run(page, steps=1)
    page.session.name_project("x" * 200)
    later = await page.session.run_again((await stage.ended(page, first)).prompt_id)
    tasks = window_of(page).tasks
    assert (tasks[first].project, len(tasks[later].project)) == ("harbour", 80)


@pytest.mark.usefixtures("few")
@scene
async def test_moves_and_deletions_are_counted_once(stage: Stage) -> None:
    page = await stage.window()
    store = page.session._state.ports.past
    assert store is not None
    archive, moved = store.archive, list[PromptId]()

    async def count(task: Task) -> None:
        moved.append(task.prompt_id)
        page.session.past.refresh()  # one more reason, while it is done
        await archive(task)

    store.archive = count  # type: ignore[method-assign]
    assert page.session.past.changes == 0
    ids = await made(stage, page, 6)
    await stage.until(lambda: len(window_of(page).tasks) <= 4)
    await stage.sleep(1.0)
    gone = [item for item in ids if item not in window_of(page).tasks]
    assert (moved, page.session.past.changes) == (gone, len(gone))
    await page.session.past.delete(gone[:1])
    assert page.session.past.changes == len(gone) + 1


@pytest.mark.usefixtures("few")
@scene
async def test_task_taken_by_another_window_is_dropped_and_others_moved(stage: Stage) -> None:
    page = await stage.window()
    ids = await made(stage, page, 3)
    known = task_of(page, ids[0])
    await stage.store().adopt(ids[0], (known.owner, known.epoch), WindowId("w-heir"))
    ids += await made(stage, page, 3)
    await stage.until(lambda: len(window_of(page).tasks) <= 4)
    assert ids[0] not in window_of(page).tasks
    assert set(await page.session.past.read_ids()) == set(ids[1:]) - set(window_of(page).tasks)
    assert stage.world.database.task(ids[0]).owner == "w-heir"  # type: ignore[union-attr]


@scene
async def test_unsettled_or_missing_task_is_skipped(stage: Stage) -> None:
    page = await stage.window()
    (done,) = await made(stage, page, 1)
    running = await stage.run(page, steps=400)
    task = task_of(page, done)
    page.session._state.records.forget(done)
    for item in (task, task_of(page, running)):
        assert await page.session.past._lay_by(item) is True, "others are laid by all the same"
    assert list(await page.session.past.read_ids()) == []
    assert running in window_of(page).tasks


@scene
async def test_task_that_came_back_during_move_stays(stage: Stage) -> None:
    """Another window had taken it, and this one takes it back between the check and the store's refusal."""
    page = await stage.window()
    (done,) = await made(stage, page, 1)
    state = page.session._state
    assert state.ports.past is not None

    async def refuse(task: Task) -> None:
        there = await stage.store().adopt(done, (task.owner, task.epoch), WindowId("w-heir"))
        state.records.adopted(await stage.store().adopt(done, (there.owner, there.epoch), task.owner))
        raise NotOwner("archive", done)

    state.ports.past.archive = refuse  # type: ignore[method-assign]
    assert await page.session.past._lay_by(task_of(page, done)) is True
    assert task_of(page, done) == stage.world.database.task(done)
    assert page.session.violations() == ()


@scene
async def test_only_ended_tasks_of_others_are_listed(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    (theirs,) = await made(stage, other, 1)
    await stage.run(other, steps=400, server_id=B)
    await made(stage, page, 1)
    assert [row.prompt_id for row in await page.session.past.read_others()] == [theirs]
    assert (await page.session.past.read_task(theirs)).prompt_id == theirs


@scene
async def test_only_settled_tasks_of_closed_window_are_moved(stage: Stage) -> None:
    gone, page = await stage.window(), await stage.window()
    (settled,) = await made(stage, gone, 1)
    running = await stage.run(gone, steps=400)
    tasks = [task_of(gone, running), task_of(gone, settled)]
    stage.world.leave(gone, crashed=True)
    await page.session.past.lay_by_of_gone(tasks)
    assert list(await page.session.past.read_ids()) == [settled]
    assert set(stage.world.database.tasks) == {running}


async def test_without_past_store_nothing_is_moved() -> None:
    state = State(Sandbox().ports)
    tasks = [submitted(f"p-{n}", state=TaskState.CANCELLED, ended_at=200.0 + n, is_proven=True) for n in range(60)]
    state.window = Window(ME, CLIENT, tasks={task.prompt_id: task for task in tasks})
    store = state.ports.store
    assert isinstance(store, MemoryStore)
    store.database.tasks.update({task.prompt_id: encode(task) for task in tasks})
    laid_by = Past(state)
    laid_by.refresh()
    await laid_by.lay_by_of_gone(tasks)
    await laid_by.delete([tasks[0].prompt_id])
    assert state._background == set()
    assert (await laid_by.read_ids(), await laid_by.read_rows(["p-1"])) == ((), ())  # type: ignore[list-item]
    assert await laid_by.read_task(tasks[1].prompt_id) == tasks[1]
    assert (laid_by.changes, len(state.window.tasks)) == (0, 60)
