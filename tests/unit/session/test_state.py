"""The shared state of a session: notifications, notes, and what is forgotten with a task."""

from __future__ import annotations

import asyncio

import pytest

from app.core.model import Contact, Note, WindowId
from app.core.window import Window
from app.session.memory.sandbox import Sandbox
from app.session.state import State
from tests.kit.stage import A, B, Stage, noted, scene, task_of, window_of


@scene
async def test_unsubscribed_listener_is_not_called(stage: Stage) -> None:
    page = await stage.window()
    calls: list[str] = []
    leave = page.session.subscribe(lambda: calls.append("change"))
    page.session._state.changed()
    assert calls == ["change"]
    leave()
    page.session._state.changed()
    assert calls == ["change"]


@scene
async def test_steps_of_progress_reach_only_those_who_follow_them(stage: Stage) -> None:
    page = await stage.window()
    calls: list[str] = []
    page.session.subscribe(lambda: calls.append("change"))
    page.session.subscribe(lambda: None, lambda: calls.append("move"))
    prompt_id = await stage.run(page, steps=200)
    await stage.until(lambda: page.session.progress.get(prompt_id))
    calls.clear()
    before = page.session.progress[prompt_id]
    await stage.until(lambda: page.session.progress[prompt_id].value > before.value + 20)
    assert calls.count("move") > 10
    assert calls.count("change") < 5


@scene
async def test_store_error_is_noted_and_its_end_is_not(stage: Stage) -> None:
    page = await stage.window()
    assert noted(page, "store_error") == []
    stage.world.database.is_blocked = True
    page.session.wake("online")
    await stage.until(lambda: page.session.store_error)
    count = len(noted(page, "store_error"))
    assert count > 0
    stage.world.database.is_blocked = False
    page.session.wake("online")
    await stage.until(lambda: page.session.store_error is None)
    assert len(noted(page, "store_error")) == count


def a_state() -> State:
    """A state of its own."""
    return State(Sandbox().ports)


async def test_background_work_is_held_until_done() -> None:
    state = a_state()
    work = state.spawn(asyncio.sleep(0), "short")
    assert state._background == {work}
    await work
    await asyncio.sleep(0)
    assert state._background == set()


async def test_an_error_in_the_background_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def break_off() -> None:
        raise ValueError("a mistake of ours")

    state = a_state()
    await asyncio.wait({state.spawn(break_off(), "mistaken")})
    await asyncio.sleep(0)
    assert [(item.levelname, item.getMessage()) for item in caplog.records] == [
        ("ERROR", "mistaken ended: ValueError('a mistake of ours')")
    ]


async def test_a_stop_returns_once_everything_has_ended() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)  # as a socket is closed
            ended.append("work")

    state = a_state()
    state.spawn(work(), "long")
    await asyncio.sleep(0)
    await state.stop()
    assert ended == ["work"]


# What is written, and what is left


@scene
async def test_transient_fields_are_not_written(stage: Stage) -> None:
    other, page = await stage.window(), await stage.window()
    for _ in range(3):
        await stage.run_now(other, steps=100, server_id=A)
    prompt_id = await stage.run_now(page, steps=900, server_id=A)
    await stage.until(lambda: (task_of(page, prompt_id).progress.place or 0) > 1)
    records, place = stage.world.database.tasks, task_of(page, prompt_id).progress.place
    written = records[prompt_id]
    await stage.until(lambda: task_of(page, prompt_id).progress.place not in (place, None))
    assert records[prompt_id] is written
    home = stage.world.sims[A]
    home.is_down = True
    for socket in tuple(home.all_sockets):
        home.drop(socket)
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.UNREACHABLE)
    written = records[prompt_id]
    await stage.sleep(120.0)
    assert task_of(page, prompt_id).progress.silent_looks > 3
    assert records[prompt_id] is written


@pytest.mark.parametrize("how", ["adopted", "damaged", "deleted"])
@scene
async def test_dropped_task_leaves_nothing_in_state(stage: Stage, how: str) -> None:
    page = await stage.window()
    kept, gone = await stage.run(page, steps=400, server_id=A), await stage.run(page, steps=400)
    await stage.until_running(page, kept)
    state, known = page.session._state, task_of(page, gone)
    await stage.until(lambda: {kept, gone} <= state.live.stillness.keys())
    if how == "adopted":
        await stage.store().adopt(gone, (known.owner, known.epoch), WindowId("w-heir"))
    elif how == "damaged":
        stage.world.database.tasks[gone] = {**stage.world.database.tasks[gone], "state": "paused"}
    else:
        await page.session.give_up(gone)
        assert gone not in state.live.stillness
        await page.session.delete_task(gone)
    if how != "deleted":
        await page.session._state.records.amend(gone, lambda task: task.with_note(Note(stage.now, "story")))
    assert gone not in window_of(page).tasks
    assert [*state.records.stored] == [kept]
    assert not {gone} & {*state.live.progress, *state.live.previews, *state.live.stillness, *state.live.stalled}
    await page.session.cancel(kept)


@scene
async def test_known_records_are_those_last_written(stage: Stage) -> None:
    page = await stage.window()
    task = await stage.ended(page, await stage.run(page))
    assert (*page.session._state.records.stored.values(),) == (task,) == stage.world.database.records().tasks
    tab = stage.world.leave(page, crashed=False)
    stage.world.network.is_down = True
    back = stage.world.open(tab)
    await stage.until(lambda: isinstance(back.session.window, Window))
    assert back.session.violations() == (), "also before anything wakes it"


@scene
async def test_failing_store_keeps_its_error_on_wake(stage: Stage) -> None:
    page = await stage.window()
    prompt_ids = [await stage.run(page, steps=900, server_id=A) for _ in range(2)]
    await stage.until_running(page, prompt_ids[0])
    stage.world.database.is_full = True
    for prompt_id in prompt_ids:
        await page.session._state.records.amend(prompt_id, lambda task: task.with_note(Note(stage.now, "story")))
    page.session.wake("online")
    await stage.sleep(5.0)
    assert page.session.store_error is not None
    assert page.session.has_loose_ends
    stage.world.database.is_full = False
    page.session.wake("online")
    await stage.until(lambda: page.session.store_error is None)
    assert page.session._state.records.loose_ends.unwritten == ()


@scene
async def test_unwritten_task_of_another_window_is_no_loose_end(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    stage.world.database.is_full = True
    known = task_of(page, prompt_id)
    await page.session._state.records.amend(prompt_id, lambda task: task.with_note(Note(stage.now, "story")))
    stage.world.database.is_full = False
    await stage.store().adopt(prompt_id, (known.owner, known.epoch), WindowId("w-heir"))
    page.session.wake("pageshow")
    await stage.until(lambda: prompt_id not in window_of(page).tasks)
    await stage.until(lambda: page.session.store_error is None)
    assert page.session._state.records.loose_ends.unwritten == ()


@scene
async def test_deleted_or_moved_task_is_dropped_on_wake(stage: Stage) -> None:
    page = await stage.window()
    task = await stage.ended(page, await stage.run(page))
    await stage.store().delete_task(task)
    page.session.wake("pageshow")
    await stage.until(lambda: window_of(page).tasks == {})
    assert page.session.violations() == ()


@scene
async def test_record_naming_another_server_is_a_violation(stage: Stage) -> None:
    page = await stage.window()
    task = await stage.ended(page, await stage.run(page, server_id=A))
    record = stage.world.database.tasks[task.prompt_id]
    stage.world.database.tasks[task.prompt_id] = {**record, "server_id": B}
    assert await page.session.verify() == (f"store: {task.prompt_id} is on {B} there and on {A} here",)
    stage.world.database.tasks[task.prompt_id] = record
    assert await page.session.verify() == ()
    stage.world.broken.clear()  # the world has seen it too
