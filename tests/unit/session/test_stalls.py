"""Stalled is a warning and never an end; a cancel hits nothing else; work of a moved server waits for the user."""

from __future__ import annotations

import pytest

from app.core.comfy import Queue
from app.core.errors import ServerMoved
from app.core.model import Contact, Delivery, TaskState, WindowId
from app.core.stall import IDLE_PATIENCE, UNLEARNED_PATIENCE
from app.session.watching.stalls import StallDetector
from tests.kit.builders import submitted
from tests.kit.stage import A, B, Stage, scene, task_of, window_of
from tests.ports.tasks import changed
from tests.simulation.world import a_workflow
from tests.unit.session.test_outlook import Forecasting

ELSEWHERE = "http://elsewhere.test:8188"


@scene
async def test_server_with_dead_executor_is_stalled_and_nothing_ends(stage: Stage) -> None:
    """It still accepts prompts that never run (docs/comfyui.md 8)."""
    page = await stage.window()
    server = stage.world.sims[A]
    server.kill_executor()
    prompt_id = await stage.run(page, server_id=A)
    began = stage.now
    await stage.until(lambda: prompt_id in page.session.stalled)
    assert stage.now - began >= IDLE_PATIENCE
    assert task_of(page, prompt_id).state is TaskState.QUEUED
    assert window_of(page).window_locked_server == A
    await page.session.give_up(prompt_id)
    assert page.session.stalled == frozenset()


@scene
async def test_work_that_moves_is_never_stalled(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=4000, server_id=A)
    seen: list[frozenset[object]] = []
    page.session.subscribe(lambda: seen.append(frozenset(page.session.stalled)))
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert set(seen) == {frozenset()}


@scene
async def test_run_with_rare_steps_is_never_stalled(stage: Stage) -> None:
    """All polls see the same, that it runs: only the socket reports its steps."""
    stage.world.sims[A].pace = 6.0
    stage.world.sims[A].restart()
    page = await stage.window()
    slow = a_workflow(5, 1, None).with_values({("2", "seconds_per_step"): 60.0})
    prompt_id = await page.session.run(slow, server_id=A)
    seen: set[frozenset[object]] = set()
    page.session.subscribe(lambda: seen.add(frozenset(page.session.stalled)))
    began = stage.now
    await stage.sleep(UNLEARNED_PATIENCE * 2)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert stage.now - began > UNLEARNED_PATIENCE * 2
    assert seen == {frozenset()}


@scene
async def test_task_that_becomes_next_is_not_stalled_immediately(stage: Stage) -> None:
    """A place further in front is a movement, although no event reports it."""
    other, page = await stage.window(), await stage.window()
    for seed in (1, 2):
        slow = a_workflow(15, seed, None).with_values({("2", "seconds_per_step"): UNLEARNED_PATIENCE / 10})
        await other.session.run(slow, server_id=A)
    prompt_id = await stage.run_now(page, server_id=A)
    await stage.until(lambda: task_of(page, prompt_id).progress.place == 2)
    await stage.sleep(UNLEARNED_PATIENCE * 1.2)
    await stage.until(lambda: task_of(page, prompt_id).progress.place == 1)
    await stage.sleep(60.0)
    assert task_of(page, prompt_id).progress.place == 1
    assert page.session.stalled == frozenset()
    assert page.session.still_for(prompt_id) <= 60.0 + IDLE_PATIENCE


def test_each_place_further_in_front_counts_as_movement() -> None:
    desk, task = Forecasting(), submitted()
    movements = StallDetector(desk.state)
    for at, place, is_stalled in (
        (0.0, 2, False),
        (25.0, 2, False),
        (50.0, 1, False),  # next since now, and nothing runs
        (49.0 + IDLE_PATIENCE, 1, False),
        (50.0 + IDLE_PATIENCE, 1, True),
    ):
        desk.clock.at = at
        desk.put(changed(task, place=place))
        movements.polled(task.server_id, [task], Queue((), (task.prompt_id,)))
        assert (task.prompt_id in desk.state.live.stalled) is is_stalled


@scene
async def test_event_ends_the_warning(stage: Stage) -> None:
    page = await stage.window()
    stage.world.sims[A].kill_executor()
    prompt_id = await stage.run(page, server_id=A)
    await stage.until(lambda: prompt_id in page.session.stalled)
    page.session._watch.movements.moved(prompt_id)
    assert page.session.stalled == frozenset()
    assert page.session.still_for(prompt_id) == 0.0
    await page.session.give_up(prompt_id)


@scene
async def test_of_what_has_ended_no_stillness_is_kept(stage: Stage) -> None:
    page = await stage.window()
    other = await stage.run(page, steps=400, server_id=A)
    ended = [await stage.run(page, steps=40) for _ in range(3)]
    await page.session.cancel(other)
    for prompt_id in ended:
        await stage.ended(page, prompt_id)
    await stage.until(lambda: not page.session._watch._watchers)
    assert page.session._state.live.stillness == {}
    assert page.session.still_for(ended[0]) == 0.0
    assert page.session._watch.movements._seen == {}


@scene
async def test_an_end_keeps_how_still_the_task_was(stage: Stage) -> None:
    page = await stage.window()
    ended = await stage.ended(page, await stage.run(page, steps=50, server_id=A))
    assert ended.end.longest_still is not None
    assert stage.world.database.task(ended.prompt_id).end.longest_still == ended.end.longest_still


@scene
async def test_new_address_gets_nothing_until_user_confirms_it(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=400, server_id=A)
    await stage.until_running(page, prompt_id)
    stage.move_server(A, ELSEWHERE)
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.MOVED)
    since = stage.now
    with pytest.raises(ServerMoved):
        await stage.run(page)
    assert [item for item in stage.asked if item.server_id == A and item.at > since] == []
    await page.session.confirm_move(prompt_id)
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.OK)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    back = await stage.reload(page)
    assert back.session.get_task_bound_image_url(prompt_id)


@scene
async def test_confirmed_server_is_polled_immediately(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=9000, server_id=A)
    await stage.until_running(page, prompt_id)
    stage.move_server(A, ELSEWHERE)
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.MOVED)
    await stage.sleep(120.0)
    since = stage.now
    await page.session.confirm_move(prompt_id)
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.OK)
    assert stage.now - since < 1.0, "not when the next look would have been due"


@scene
async def test_new_work_on_confirmed_server_is_sent_and_delivered(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=400, server_id=A)
    await stage.until_running(page, first)
    stage.move_server(A, ELSEWHERE)
    await stage.until(lambda: task_of(page, first).progress.contact is Contact.MOVED)
    await page.session.confirm_move(first)
    await stage.until(lambda: task_of(page, first).progress.contact is Contact.OK)
    second = await stage.run(page, steps=40)
    assert task_of(page, second).address == task_of(page, first).address
    assert task_of(page, second).confirmed_address == ELSEWHERE
    await stage.ended(page, first)
    page = await stage.reload(page)
    assert (await stage.ended(page, second)).delivery.outputs[0].delivery is Delivery.KEPT
    other = await stage.ended(page, await stage.run(page, server_id=B))
    assert other.confirmed_address == ""


@pytest.mark.parametrize("how", ["adopted", "damaged"])
@scene
async def test_confirmation_applies_although_one_task_is_gone(stage: Stage, how: str) -> None:
    page = await stage.window()
    first, second = [await stage.run(page, steps=400, server_id=A) for _ in range(2)]
    await stage.until_running(page, first)
    stage.move_server(A, ELSEWHERE)
    await stage.until(lambda: task_of(page, second).progress.contact is Contact.MOVED)
    known = task_of(page, first)
    if how == "adopted":
        await stage.store().adopt(first, (known.owner, known.epoch), WindowId("w-heir"))
    else:
        damaged = stage.world.database.tasks[first]
        stage.world.database.tasks[first] = {**damaged, "v": 2, "state": "paused"}
    await page.session.confirm_move(second)
    assert first not in window_of(page).tasks
    assert task_of(page, second).confirmed_address == ELSEWHERE
    assert [(item.prompt_id, item.is_newer) for item in window_of(page).unreadable] == (
        [(first, True)] if how == "damaged" else []
    )
    assert first not in page.session._state.records.stored
    assert first not in page.session.progress


@scene
async def test_a_server_that_has_left_the_fleet_cannot_be_confirmed(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=400, server_id=A)
    stage.tell_fleet(B)
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.MOVED)
    with pytest.raises(ServerMoved):
        await page.session.confirm_move(prompt_id)
