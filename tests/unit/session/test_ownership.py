"""Promises 9 and 10: a window keeps its identity, work has one owner at a time, and a cancel hits only its task."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from app.core.errors import NotOwner, TaskNotFound
from app.core.model import Task, TaskState, WindowId
from app.core.window import Free
from app.session import RunStage
from tests.kit.stage import A, B, Stage, bytes_of, scene, task_of, window_of
from tests.ports.tasks import changed
from tests.simulation.world import a_workflow

# Identity


@scene
async def test_reload_keeps_window_server_client_and_task(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=100)
    await stage.until_running(page, prompt_id)
    before, known = window_of(page), task_of(page, prompt_id)
    back = await stage.reload(page)
    after = window_of(back)
    assert (after.window_id, after.client_id) == (before.window_id, before.client_id)
    assert after.window_locked_server == before.window_locked_server
    assert task_of(back, prompt_id).client_id == known.client_id
    await stage.until(lambda: prompt_id in back.session.progress)
    assert (await stage.ended(back, prompt_id)).state is TaskState.SUCCEEDED
    assert len(stage.requests("POST", "/prompt")) == 1


@scene
async def test_duplicated_tab_is_a_new_window_without_work(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=40)
    twin = await stage.window(page.tab.duplicate())
    assert twin.session.identity is not None and twin.session.identity.is_duplicate
    assert window_of(twin).window_id != window_of(page).window_id
    assert window_of(twin).client_id != window_of(page).client_id
    assert window_of(twin).tasks == {}
    assert window_of(twin).mooring == Free()
    with pytest.raises(TaskNotFound):
        await twin.session.cancel(prompt_id)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_a_window_whose_task_was_adopted_lets_go_of_it(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=60)
    known = task_of(page, prompt_id)
    adopted = await stage.store().adopt(prompt_id, (known.owner, known.epoch), WindowId("w-heir"))
    assert (adopted.owner, adopted.epoch, adopted.is_ward) == ("w-heir", known.epoch + 1, True)
    page.session.wake("pageshow")
    await stage.until(lambda: prompt_id not in window_of(page).tasks)
    assert window_of(page).mooring == Free()
    assert stage.world.database.task(prompt_id) == adopted, "not a word was written over it"
    assert page.session.violations() == ()


@scene
async def test_a_stale_owner_finds_out_at_its_next_write(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=30)
    known = task_of(page, prompt_id)
    adopted = await stage.store().adopt(prompt_id, (known.owner, known.epoch), WindowId("w-heir"))
    await stage.until(lambda: prompt_id not in window_of(page).tasks)
    assert stage.world.database.task(prompt_id) == adopted
    with pytest.raises(NotOwner):
        await stage.store().adopt(prompt_id, (known.owner, known.epoch), WindowId("w-late"))


@scene
async def test_task_adopted_right_after_a_write_is_let_go(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900)
    store, task = page.session._state.ports.store, task_of(page, prompt_id)
    update = store.update

    async def update_late(changed: Task) -> None:
        await update(changed)
        await stage.store().adopt(prompt_id, (task.owner, task.epoch), WindowId("w-heir"))
        await page.session.verify()

    store.update = update_late  # type: ignore[method-assign]
    assert await page.session._state.records.amend(prompt_id, partial(changed, title="changed")) is None
    assert prompt_id not in window_of(page).tasks
    assert page.session._state.records.stored == {}


@scene
async def test_a_ward_is_watched_to_its_end_and_holds_nothing(stage: Stage) -> None:
    page, heir = await stage.window(), await stage.window()
    prompt_id = await stage.run(page, steps=60, server_id=A)
    await stage.until_running(page, prompt_id)
    known = task_of(page, prompt_id)
    tab = stage.world.leave(heir, crashed=False)
    stage.world.leave(page, crashed=True)
    await stage.store().adopt(prompt_id, (known.owner, known.epoch), window_of(heir).window_id)
    heir = await stage.window(tab)
    other = await stage.run(heir, steps=60, server_id=B)
    assert window_of(heir).window_locked_server == B
    assert (await stage.ended(heir, prompt_id)).state is TaskState.SUCCEEDED
    assert await bytes_of(heir, prompt_id)
    assert {item.server.name for item in heir.sockets.opened} == {B}, "a ward opens no socket"  # type: ignore[union-attr]
    assert (await stage.ended(heir, other)).state is TaskState.SUCCEEDED


# Cancel


@scene
async def test_cancelling_waiting_task_removes_it_and_frees_window(stage: Stage) -> None:
    busy, page = await stage.window(), await stage.window()
    first = await stage.run(busy, steps=100, server_id=A)
    second = await stage.run(page, server_id=A)
    await stage.until(lambda: task_of(page, second).progress.place == 1)
    await page.session.cancel(second)
    assert task_of(page, second).state is TaskState.CANCELLED
    assert window_of(page).mooring == Free()
    assert stage.requests("POST", "/interrupt") == [], "somebody else's job runs there"
    assert (await stage.ended(busy, first)).state is TaskState.SUCCEEDED
    assert stage.world.sims[A].ran == [first]


@scene
async def test_a_running_task_is_interrupted_by_its_id(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=400)
    await stage.until_running(page, prompt_id)
    await page.session.cancel(prompt_id)
    task = await stage.ended(page, prompt_id)
    assert (task.state, task.end.is_proven) == (TaskState.CANCELLED, True)
    asked = [*stage.requests("POST", "/interrupt"), *stage.requests("POST", f"/api/jobs/{prompt_id}/cancel")]
    assert {item.server_id for item in asked} == {task.server_id}


@scene
async def test_lost_cancel_is_repeated_by_polls(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=4000)
    await stage.until_running(page, prompt_id)
    stage.once_requested("GET", "/queue", lambda _: setattr(stage.world.weather, "lose_before", 1.0))
    asking = asyncio.ensure_future(page.session.cancel(prompt_id))
    await asyncio.wait([asking])
    asking.exception()
    stage.world.weather.calm()
    assert (await stage.ended(page, prompt_id)).state is TaskState.CANCELLED


@scene
async def test_a_cancel_too_late_leaves_a_success(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page)
    await stage.ended(page, prompt_id)
    await page.session.cancel(prompt_id)
    assert task_of(page, prompt_id).state is TaskState.SUCCEEDED
    assert stage.requests("POST", "/interrupt") == []


@scene
async def test_cancelling_one_of_two_leaves_the_other(stage: Stage) -> None:
    page = await stage.window()
    ids = [await stage.run(page, steps=60) for _ in range(3)]
    await stage.until_running(page, ids[0])
    await page.session.cancel(ids[1])
    ends = [(await stage.ended(page, prompt_id)).state for prompt_id in ids]
    assert ends == [TaskState.SUCCEEDED, TaskState.CANCELLED, TaskState.SUCCEEDED]


@scene
async def test_task_dropped_during_cancel_stops_no_polling(stage: Stage) -> None:
    """Another window adopts it between our delete and the next poll; the window's other task is still polled."""
    busy, page = await stage.window(), await stage.window()
    await stage.run(busy, steps=200, server_id=A)
    kept, given = await stage.run(page, server_id=A), await stage.run_now(page, server_id=A)
    page.session._state.records.set_window(  # the person's wish is in the record, its request got lost
        window_of(page).settle(changed(task_of(page, given), cancel_asked_at=stage.now))
    )
    stage.once_requested(
        "POST",
        "/queue",
        lambda _: page.session._state.records.disown(task_of(page, given), TaskNotFound("story", given)),
    )
    await stage.until(lambda: given not in window_of(page).tasks)
    assert (await stage.ended(page, kept)).state is TaskState.SUCCEEDED


@scene
async def test_an_ended_task_can_be_deleted_with_its_results(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page)
    await stage.ended(page, prompt_id)
    await page.session.delete_task(prompt_id)
    assert prompt_id not in window_of(page).tasks
    assert stage.world.database.results == {}
    assert stage.world.database.task(prompt_id) is None
    assert await page.session.verify() == ()


@scene
async def test_text_of_any_kind_survives_the_way(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await page.session.run(a_workflow(2, 1, None), title="日本 “quoted” \u2028 😀")
    await stage.ended(page, prompt_id)
    back = await stage.reload(page)
    assert task_of(back, prompt_id).title == "日本 “quoted” \u2028 😀"


@scene
async def test_click_reports_adoption_of_its_task(stage: Stage) -> None:
    page = await stage.window()
    state = page.session._state

    def lose(_: object) -> None:
        [task] = window_of(page).tasks.values()
        state.records.disown(task, NotOwner("story", task.prompt_id))

    stage.once_requested("POST", "/prompt", lose)
    with pytest.raises(NotOwner):
        await stage.run(page)
    [run] = page.session.runs
    assert (run.stage, type(run.error)) == (RunStage.FAILED, NotOwner)
