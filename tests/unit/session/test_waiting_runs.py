"""The waiting line: waiting runs are sent two ahead, once each, through reloads, refusals and dead servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.core.errors import (
    BadInput,
    BadPlan,
    ConnectError,
    NoServerAvailable,
    NotOwner,
    StillRestoring,
    StorageError,
    TaskNotFound,
)
from app.core.model import PromptId, Task, TaskState, WindowId
from app.core.ports.http import Request, Response
from app.core.waiting_runs import AHEAD, Pause, WaitingRuns
from app.core.window import Free
from app.session import Picked
from app.workflows.plans.runs import Count, Plan, Seeds, plan_runs
from app.workflows.plans.targets import Target
from tests.kit.stage import PHOTO, A, B, C, Stage, line_of, scene, task_of, window_of
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow

NONCE = Target("2", "nonce")
STEPS = Target("2", "steps")


async def add(
    stage: Stage,
    page: Page,
    plan: Plan | int,
    *,
    steps: int = 3,
    picture: bytes | None = None,
    senders: int | None = None,
) -> None:
    """Let runs wait: so many different ones, or those of a plan."""
    stage._seed += 1
    workflow = a_workflow(steps, stage._seed, picture)
    wanted = (
        Seeds(NONCE, tuple(range(stage._seed * 1000, stage._seed * 1000 + plan))) if isinstance(plan, int) else plan
    )
    inputs = {("1", "image"): Picked(Bytes(picture, "image/png"), "photo.png")} if picture is not None else {}
    runs = plan_runs(workflow, wanted)
    await page.session.line.add(workflow, runs, title="many", inputs=inputs, senders=senders)


TOO_MANY = Response(
    429,
    {"x-mooring-gateway": "too-many-prompts; sent=no"},
    json.dumps({"error": {"message": "You have 2 prompts there."}}),
)


def labels(page: Page) -> list[str]:
    return [item.part.label for item in line_of(page).entries]


def tasks_of(page: Page) -> list[Task]:
    return sorted(window_of(page).tasks.values(), key=lambda task: task.created_at)


def unfinished(page: Page) -> int:
    return len(window_of(page).unfinished)


def all_done(page: Page, count: int) -> Callable[[], bool]:
    return lambda: not line_of(page).entries and sum(task.is_delivered for task in tasks_of(page)) == count


async def paused(stage: Stage, page: Page) -> None:
    """Pause, and wait until the runs in progress are sent."""
    await page.session.line.pause()
    await stage.until(lambda: not page.session.line.sending)


def posts(stage: Stage) -> int:
    return len(stage.requests("POST", "/prompt"))


# Two ahead


@scene
async def test_two_are_ahead_and_the_rest_waits(stage: Stage) -> None:
    page = await stage.window()
    most = 0

    def count() -> None:
        nonlocal most
        most = max(most, unfinished(page))

    page.session.subscribe(count)
    await add(stage, page, 5)
    await stage.until(lambda: unfinished(page) == AHEAD)
    assert len(line_of(page).entries) == 3
    await stage.until(all_done(page, 5))
    assert most == AHEAD
    assert [task.part.index for task in tasks_of(page) if task.part] == [0, 1, 2, 3, 4]
    assert {task.title for task in tasks_of(page)} == {"many"}
    assert len({task.server_id for task in tasks_of(page)}) == 1, "what goes on stays on its server"
    assert posts(stage) == 5


@scene
async def test_click_waits_behind_two_and_before_plans(stage: Stage) -> None:
    page = await stage.window()
    await stage.run(page, steps=40)
    await add(stage, page, 3, steps=40)
    await stage.until(lambda: unfinished(page) == 2)
    clicks = [await stage.run(page, steps=1), await stage.run(page, steps=1)]
    assert [entry.prompt_id for entry in line_of(page).entries][:2] == clicks
    assert unfinished(page) == AHEAD and len(line_of(page).entries) == 4
    assert (await stage.ended(page, clicks[0])).state is TaskState.SUCCEEDED
    await stage.until(all_done(page, 6))


@scene
async def test_send_all_now_waits_for_nothing(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 6, steps=100)
    await page.session.line.send_all()
    await stage.until(lambda: not line_of(page).entries and not page.session.line.sending)
    assert unfinished(page) == 6
    stage.world.leave(page, crashed=False)
    await stage.until(lambda: sum(len(machine.ran) for machine in stage.world.machines) == 6)


@scene
async def test_each_run_sets_its_own_values_and_carries_its_label(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, Seeds(NONCE, (2**64 - 1, 7)), picture=PHOTO)
    await stage.until(all_done(page, 2))
    made = {task.part.label: task for task in tasks_of(page) if task.part}
    assert set(made) == {f"nonce {2**64 - 1}", "nonce 7"}
    assert f'"nonce": {2**64 - 1}' in made[f"nonce {2**64 - 1}"].workflow
    assert all(task.inputs[0].original_name == "photo.png" for task in made.values())


# What waits holds nothing


@scene
async def test_waiting_runs_hold_no_window(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 3, steps=100)
    await paused(stage, page)
    for task in tasks_of(page):
        await page.session.cancel(task.prompt_id)
    await stage.until(lambda: not window_of(page).unfinished)
    assert window_of(page).mooring == Free()
    assert stage.world.database.reservations == {}
    was = {task.server_id for task in tasks_of(page)}
    other = next(server_id for server_id in (A, B, C) if server_id not in was)
    clicked = await stage.run(page, server_id=other)
    await page.session.line.resume()
    await stage.until(all_done(page, 4))
    assert task_of(page, clicked).server_id == other


# Pause, order, edit, take back


@scene
async def test_a_paused_line_sends_nothing_until_it_is_resumed(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 4, steps=2)
    await paused(stage, page)
    await stage.until(lambda: not window_of(page).unfinished)
    before = posts(stage)
    await stage.sleep(300.0)
    assert (posts(stage), line_of(page).pause) == (before, Pause.ASKED)
    await page.session.line.resume()
    await stage.until(all_done(page, 4))
    assert posts(stage) == 4


@scene
async def test_runs_are_moved_edited_and_taken_back_while_they_wait(stage: Stage) -> None:
    page = await stage.window()
    await stage.run(page, steps=40)
    await stage.run(page, steps=1)
    await add(stage, page, Seeds(NONCE, (1, 2, 3, 4)))
    first, second, third, fourth = (item.prompt_id for item in line_of(page).entries)
    line = page.session.line
    await line.move(fourth, first)
    assert labels(page) == ["nonce 4", "nonce 1", "nonce 2", "nonce 3"]
    await line.step(first, 1)
    assert labels(page) == ["nonce 4", "nonce 2", "nonce 1", "nonce 3"]
    await line.edit(third, {("2", "nonce"): 33}, "nonce 33")
    await line.remove(second)
    assert labels(page) == ["nonce 4", "nonce 1", "nonce 33"]
    with pytest.raises(TaskNotFound):
        await line.remove(second)
    await stage.until(all_done(page, 5))
    assert [task.part.label for task in tasks_of(page) if task.part] == ["nonce 4", "nonce 1", "nonce 33"]
    assert '"nonce": 33' in tasks_of(page)[-1].workflow


@scene
async def test_removed_run_that_was_being_sent_does_not_run(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 1, picture=PHOTO)
    await stage.until(lambda: page.session.runs and page.session.runs[0].stage.value == "uploading")
    (entry,) = line_of(page).entries
    with pytest.raises(TaskNotFound):
        await page.session.line.edit(entry.prompt_id, {}, "")
    await page.session.line.remove(entry.prompt_id)
    await stage.until(lambda: not page.session.line.sending)
    await stage.sleep(60.0)
    assert (posts(stage), tasks_of(page), page.session.runs) == (0, [], ())
    assert window_of(page).mooring == Free()


@scene
async def test_cancel_mine_removes_waiting_and_cancels_running(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    theirs = await stage.run(other, steps=60)
    await add(stage, page, 5, steps=200)
    await stage.until(lambda: unfinished(page) == 2)
    await page.session.line.cancel_mine()
    assert not line_of(page).entries
    await stage.until(lambda: not window_of(page).unfinished)
    assert {task.state for task in tasks_of(page)} == {TaskState.CANCELLED}
    assert (await stage.ended(other, theirs)).state is TaskState.SUCCEEDED


# What goes wrong


@scene
async def test_rejected_run_pauses_the_line(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, Seeds(STEPS, (1, 0, 0, 2)))
    await stage.until(lambda: line_of(page).pause is Pause.REJECTED)
    await stage.until(lambda: not window_of(page).unfinished)
    refused = next(task for task in tasks_of(page) if task.state is TaskState.FAILED)
    assert line_of(page).paused_by == refused.prompt_id
    assert labels(page) == ["steps 0", "steps 2"]
    page = await stage.reload(page)
    await stage.until(lambda: page.session.line.line is not None)
    assert line_of(page).pause is Pause.REJECTED, "a reload does not go on by itself"
    await page.session.line.remove(line_of(page).entries[0].prompt_id)
    await page.session.line.resume()
    await stage.until(all_done(page, 3))


@scene
async def test_a_run_that_fails_does_not_stop_the_others(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 4, steps=8)
    await stage.until(lambda: any(task.state is TaskState.RUNNING for task in tasks_of(page)))
    running = next(task for task in tasks_of(page) if task.state is TaskState.RUNNING)
    await page.session.cancel(running.prompt_id)
    await stage.until(all_done(page, 4))
    assert sorted(task.state.value for task in tasks_of(page)) == ["cancelled", *["succeeded"] * 3]


@scene
async def test_a_server_that_does_not_answer_burns_no_runs(stage: Stage) -> None:
    """Each task that was certainly not sent returns to its place, and is retried more and more rarely."""
    page = await stage.window()
    clicked = await stage.run(page, steps=40, server_id=A)
    for machine in stage.world.machines:
        machine.is_down = True
    await add(stage, page, Seeds(NONCE, (1, 2, 3)))
    await stage.sleep(200.0)
    assert labels(page) == ["nonce 1", "nonce 2", "nonce 3"]
    not_sent = [task for task in tasks_of(page) if task.end.failure]
    assert {task.end.failure.kind for task in not_sent if task.end.failure} == {"not_sent"}
    assert len(not_sent) == 1, "the latest try tells why, and the ones before are gone"
    assert 2 <= page.own.tries < 10
    assert [name for name in stage.world.database.tasks if name not in {clicked, not_sent[0].prompt_id}] == []
    assert line_of(page).entries[0].again_of == not_sent[-1].prompt_id
    assert page.session.line.stalled_by is not None
    for machine in stage.world.machines:
        machine.is_down = False
    page.session.wake("online")
    await stage.until(lambda: not line_of(page).entries)
    await stage.until(lambda: all(task.is_delivered for task in tasks_of(page)))
    ran = [task.part.label for task in tasks_of(page) if task.part and task.state is TaskState.SUCCEEDED]
    assert (ran, task_of(page, clicked).state) == (["nonce 1", "nonce 2", "nonce 3"], TaskState.SUCCEEDED)


@scene
async def test_line_respects_limit_of_one_prompt(stage: Stage) -> None:
    listed = replace(stage.world.network.fleet(), most_pending=1)
    stage.world.network.fleet = lambda: listed  # type: ignore[method-assign]
    page = await stage.window()
    ahead = set[int]()
    page.session.subscribe(lambda: ahead.add(len(window_of(page).unfinished)))
    await add(stage, page, 4, steps=8)
    await stage.until(all_done(page, 4))
    assert max(ahead) == 1
    assert {task.state for task in tasks_of(page)} == {TaskState.SUCCEEDED}


@scene
async def test_run_over_the_limit_waits_and_stops_nothing(stage: Stage) -> None:
    """Another window of the same user has as many there as the installation allows."""
    page = await stage.window()
    http = page.session._state.ports.http
    through, refusals = http.send, [TOO_MANY, TOO_MANY, TOO_MANY]

    async def send(request: Request) -> Response:
        if request.path.endswith("/prompt") and refusals:
            return refusals.pop()
        return await through(request)

    http.send = send  # type: ignore[method-assign]
    await add(stage, page, Seeds(NONCE, (1, 2, 3)))
    await stage.until(lambda: not line_of(page).entries)
    await stage.until(lambda: all(task.is_delivered for task in tasks_of(page)))
    assert line_of(page).pause is None
    ran = [task.part.label for task in tasks_of(page) if task.part and task.state is TaskState.SUCCEEDED]
    assert ran == ["nonce 1", "nonce 2", "nonce 3"]
    assert len(stage.requests("POST", "/prompt")) == 3, "each ran once"
    (refused,) = [task for task in tasks_of(page) if task.end.failure]
    (retried,) = [task for task in tasks_of(page) if task.again_of and not task.end.failure]
    assert retried.again_of == refused.prompt_id, "the latest try; the ones before are gone"


@scene
async def test_undeletable_try_stays_listed_and_stops_nothing(stage: Stage) -> None:
    page = await stage.window()
    ports = page.session._state.ports
    through, refusals = ports.http.send, [TOO_MANY, TOO_MANY, TOO_MANY]

    async def send(request: Request) -> Response:
        if request.path.endswith("/prompt") and refusals:
            return refusals.pop()
        return await through(request)

    async def fail(_: object) -> None:
        raise StorageError("delete_task", "unknown")

    ports.http.send, ports.store.delete_task = send, fail  # type: ignore[method-assign]
    await add(stage, page, 2)
    await stage.until(all_done(page, 5))
    assert [task.state for task in tasks_of(page)].count(TaskState.FAILED) == 3
    assert [task.state for task in tasks_of(page)].count(TaskState.SUCCEEDED) == 2


@scene
async def test_line_waits_for_a_server_and_continues_by_itself(stage: Stage) -> None:
    page = await stage.window()
    for machine in stage.world.machines:
        machine.is_down = True
    await add(stage, page, 3)
    await stage.until(lambda: isinstance(page.session.line.stalled_by, NoServerAvailable))
    assert (len(line_of(page).entries), tasks_of(page), page.session.runs) == (3, [], ())
    for machine in stage.world.machines:
        machine.is_down = False
    await stage.until(all_done(page, 3))


@scene
async def test_missing_input_pauses_line_and_is_named(stage: Stage) -> None:
    page = await stage.window()
    await stage.run(page, steps=100)
    await stage.run(page, steps=1)
    await add(stage, page, 2, picture=PHOTO)
    stage.world.database.inputs.clear()
    await stage.until(lambda: line_of(page).pause is Pause.UNUSABLE)
    assert isinstance(page.session.line.refusal, BadInput)
    assert page.session.line.refusal.name == "photo.png"
    assert len(line_of(page).entries) == 2
    assert page.session.runs == ()


@scene
async def test_full_store_refuses_runs_that_would_be_lost(stage: Stage) -> None:
    page = await stage.window()
    stage.world.database.is_full = True
    with pytest.raises(StorageError):
        await add(stage, page, 3)
    assert (line_of(page).entries, stage.world.database.waiting) == ((), {})
    stage.world.database.is_full = False
    with pytest.raises(BadPlan):
        await add(stage, page, Count(0))
    await add(stage, page, 3)
    await stage.until(all_done(page, 3))


# Windows come and go


@pytest.mark.parametrize("crashed", [False, True])
@scene
async def test_a_reload_loses_nothing_and_sends_nothing_twice(stage: Stage, crashed: bool) -> None:
    page = await stage.window()
    await add(stage, page, 6, steps=12)
    for _ in range(4):
        await stage.sleep(0.7)
        page = await stage.reload(page, crashed=crashed)
    await stage.until(lambda: page.session.line.line is not None)
    await stage.until(all_done(page, 6))
    assert posts(stage) == 6
    assert sorted(task.part.index for task in tasks_of(page) if task.part) == list(range(6))


@pytest.mark.parametrize("moment", ["before", "after"])
@scene
async def test_crash_while_registering_leaves_waiting_run_or_task(stage: Stage, moment: str) -> None:
    page = await stage.window()
    await add(stage, page, 3, steps=40)
    stage.once_stored(
        lambda: stage.world.database.reservations if moment == "before" else stage.world.database.tasks,
        page.life.freeze,
    )
    await stage.until(lambda: page.life.is_frozen)
    known = {*stage.world.database.waiting, *stage.world.database.tasks}
    assert (len(stage.world.database.tasks), len(known)) == (moment == "after", 3)
    page = await stage.reload(page, crashed=True)
    await stage.until(lambda: page.session.line.line is not None)
    await stage.until(lambda: not line_of(page).entries and not window_of(page).unfinished)
    assert {task.prompt_id for task in tasks_of(page)} == known, "the very same clicks"
    assert all(count == 1 for count in stage.world.posted.values())


@scene
async def test_a_duplicated_tab_owns_nothing_of_the_line(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 4, steps=40)
    await page.session.line.pause()
    twin = await stage.window(page.tab.duplicate())
    await stage.until(lambda: twin.session.line.line is not None)
    assert line_of(twin).entries == ()
    await stage.sleep(60.0)
    assert (twin.session.line.orphans, tasks_of(twin)) == ((), [])


@scene
async def test_line_of_closed_window_is_adopted_by_one(stage: Stage) -> None:
    gone, one, two = await stage.window(), await stage.window(), await stage.window()
    await add(stage, gone, 6, steps=2)
    await stage.until(lambda: len(line_of(gone).entries) == 4)
    owner = window_of(gone).window_id
    waiting = labels(gone)
    stage.world.leave(gone, crashed=True)
    for page in (one, two):
        page.session.wake("visible")
        await stage.until(lambda page=page: page.session.line.orphans)
        (found,) = page.session.line.orphans
        assert (found.owner, found.count, found.is_owner_gone) == (owner, 4, True)
    outcomes = await asyncio.gather(*(page.session.line.adopt(owner) for page in (one, two)), return_exceptions=True)
    assert sorted(type(item).__name__ for item in outcomes) == ["NoneType", "TaskNotFound"]
    heir = one if outcomes[0] is None else two
    await stage.until(all_done(heir, 4))
    assert [task.part.label for task in tasks_of(heir) if task.part] == waiting
    assert (one.session.line.orphans, two.session.line.orphans) == ((), ())


@scene
async def test_fresh_session_does_not_rest(stage: Stage) -> None:
    page = stage.world.open()
    assert (page.own.is_resting, page.own.tries) == (False, 0)


@scene
async def test_line_of_open_window_cannot_be_adopted(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    await add(stage, page, 4, steps=200)
    await stage.until(lambda: unfinished(page) == 2)
    await paused(stage, page)
    waiting = labels(page)
    with pytest.raises(TaskNotFound):
        await other.session.line.adopt(window_of(page).window_id)
    await page.session.line.resume()
    assert labels(page) == waiting
    assert line_of(other).entries == ()


@scene
async def test_window_sends_nothing_of_adopted_line(stage: Stage) -> None:
    """It was sending one; that one runs once, in the window that adopted the line."""
    sleeper, heir = await stage.window(), await stage.window()
    stage.once_requested("POST", "/upload", lambda _: sleeper.life.freeze())
    await add(stage, sleeper, 4, picture=PHOTO)
    await stage.until(lambda: sleeper.life.is_frozen)
    owner = window_of(sleeper).window_id
    stage.world.browser.held.discard(owner)  # as it looks where there are no locks
    await heir.session.find_orphans()
    await heir.session.line.adopt(owner)
    sleeper.life.thaw()
    sleeper.session.wake("resume")
    await stage.until(all_done(heir, 4))
    await stage.sleep(120.0)
    assert (line_of(sleeper).entries, tasks_of(sleeper), posts(stage)) == ((), [], 4)
    assert sorted(task.part.index for task in tasks_of(heir) if task.part) == [0, 1, 2, 3]
    await add(stage, sleeper, 2)
    await stage.until(all_done(sleeper, 2))


@pytest.mark.parametrize("by", ["wake", "add"])
@scene
async def test_window_shows_no_run_taken_by_another(stage: Stage, by: str) -> None:
    page, heir = await stage.window(), await stage.window()
    await add(stage, page, 3, steps=400)
    await stage.until(lambda: unfinished(page) == AHEAD)
    await paused(stage, page)
    assert len(labels(page)) == 1
    owner = window_of(page).window_id
    stage.world.browser.held.discard(owner)  # as it looks where there are no locks
    await heir.session.find_orphans()
    await heir.session.line.adopt(owner)
    assert len(labels(page)) == 1, "it has heard nothing of that"
    if by == "wake":
        page.session.wake("visible")
        await stage.until(lambda: line_of(page).entries == ())
    else:
        await add(stage, page, Seeds(NONCE, (7,)))
        assert labels(page) == ["nonce 7"], "the step is taken on what the store has"


@scene
async def test_an_adopted_line_waits_behind_the_heirs_own(stage: Stage) -> None:
    gone, heir = await stage.window(), await stage.window()
    await add(stage, gone, Seeds(NONCE, (1, 2)), steps=2)
    await paused(stage, gone)
    waiting = labels(gone)
    stage.world.leave(gone, crashed=True)
    await add(stage, heir, Seeds(NONCE, (8, 9)), steps=2)
    await paused(stage, heir)
    mine = labels(heir)
    await heir.session.find_orphans()
    await heir.session.line.adopt(window_of(gone).window_id)
    assert labels(heir) == [*mine, *waiting]


@scene
async def test_nothing_waits_before_records_are_read(stage: Stage) -> None:
    page = stage.world.open()
    with pytest.raises(StillRestoring):
        await page.session.line.remove(PromptId("x"))
    page.session.line.set_aside(PromptId("x"))
    assert (page.session.line.line, page.session.line.turn) == (None, None)


@pytest.mark.parametrize("by", ["wake", "add"])
@scene
async def test_unreadable_line_is_reported_and_takes_no_runs(stage: Stage, by: str) -> None:
    page = await stage.window()
    await add(stage, page, 3, steps=400)
    await paused(stage, page)
    waiting = labels(page)
    page = stage.world.reload(page)
    store, error = page.session._state.ports.store, StorageError("read_line", "unknown")
    read_line = store.read_line

    async def refuse(_: object) -> WaitingRuns:
        raise error

    store.read_line = refuse  # type: ignore[method-assign]
    await stage.until(lambda: page.session.line.error)
    assert (page.session.line.error, page.session.line.line) == (error, None)
    assert (page.session.line.stalled_by, page.session.line.refusal) == (None, None)
    with pytest.raises(StorageError) as caught:
        await add(stage, page, 1)
    assert caught.value is error
    store.read_line = read_line  # type: ignore[method-assign]
    if by == "wake":
        page.session.wake("online")
    else:
        await add(stage, page, 1)
    await stage.until(lambda: page.session.line.line is not None)
    assert page.session.line.error is None
    assert labels(page)[: len(waiting)] == waiting


@scene
async def test_run_sent_while_the_line_is_reread_waits_no_longer(stage: Stage) -> None:
    page = await stage.window()
    page.own.is_resting = True
    await add(stage, page, 3, steps=400)
    *_, last = labels(page)
    store, reading, gate = page.session._state.ports.store, asyncio.Event(), asyncio.Event()
    write_line, read_line = store.write_line, store.read_line

    async def refuse_once(*_: object) -> None:
        store.write_line = write_line  # type: ignore[method-assign]
        raise NotOwner("write_line")

    async def answer_late(window_id: WindowId) -> WaitingRuns:
        line = await read_line(window_id)
        reading.set()
        await gate.wait()
        return line

    store.write_line, store.read_line = refuse_once, answer_late  # type: ignore[method-assign]
    step = asyncio.ensure_future(page.session.line.pause())
    await reading.wait()
    page.session.line.hurry()
    await stage.until(lambda: unfinished(page) == AHEAD and not page.session.line.sending)
    gate.set()
    await step
    assert labels(page) == [last]


@scene
async def test_a_step_that_the_store_refuses_twice_is_refused(stage: Stage) -> None:
    page = await stage.window()
    tries: list[str] = []

    async def refuse(*_: object) -> None:
        tries.append("write")
        raise NotOwner("write_line")

    page.session._state.ports.store.write_line = refuse  # type: ignore[method-assign]
    with pytest.raises(NotOwner):
        await add(stage, page, 2)
    assert (len(tries), line_of(page).entries) == (2, ())


@scene
async def test_removed_runs_do_not_run(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 4, steps=40)
    await stage.until(lambda: unfinished(page) == AHEAD and not page.session.line.sending)
    await page.session.line.remove(*(item.prompt_id for item in line_of(page).entries))
    assert line_of(page).entries == ()
    assert stage.world.database.waiting == {}
    await stage.until(lambda: not window_of(page).unfinished)
    assert posts(stage) == AHEAD


@scene
async def test_runs_set_aside_are_not_sent_until_put_back(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 5, steps=1)
    line = page.session.line
    first, second = (item.prompt_id for item in list(line_of(page).entries)[-2:])
    line.set_aside(first, second)
    assert not line_of(page).has(first) and not line_of(page).has(second)
    await stage.until(lambda: line_of(page).entries == () and not window_of(page).unfinished)
    assert posts(stage) == 3
    assert set(stage.world.database.waiting) == {first, second}, "a page that goes away now has removed nothing"
    await line.remove(first)
    assert set(stage.world.database.waiting) == {second}
    line.put_back(second)
    assert line_of(page).has(second)
    await stage.until(lambda: posts(stage) == 4)


@scene
async def test_runs_that_cannot_be_removed_are_shown_again(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 4, steps=40)
    await paused(stage, page)
    waiting, store = [item.prompt_id for item in line_of(page).entries], page.session._state.ports.store

    async def fail(*_: object) -> None:
        raise StorageError("write_line", "unknown")

    store.write_line = fail  # type: ignore[method-assign]
    page.session.line.set_aside(*waiting)
    assert line_of(page).entries == ()
    with pytest.raises(StorageError):
        await page.session.line.remove(*waiting)
    assert [item.prompt_id for item in line_of(page).entries] == waiting


@scene
async def test_runs_set_aside_wait_after_reload(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 4, steps=40)
    line = page.session.line
    await stage.until(lambda: unfinished(page) == AHEAD and not line.sending)
    await line.pause()
    ids = [item.prompt_id for item in line_of(page).entries]
    line.set_aside(*ids)
    assert line_of(page).entries == ()
    reloaded = await stage.reload(page)
    await stage.until(lambda: reloaded.session.line.line is not None)
    assert [item.prompt_id for item in line_of(reloaded).entries] == ids


@scene
async def test_removing_a_run_twice_is_no_error(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 4, steps=40)
    await stage.until(lambda: unfinished(page) == AHEAD and not page.session.line.sending)
    aside = [item.prompt_id for item in line_of(page).entries]
    page.session.line.set_aside(*aside)
    await page.session.line.cancel_mine()
    await page.session.line.remove(*aside)
    assert stage.world.database.waiting == {}


@scene
async def test_an_empty_file_waits_for_nothing(stage: Stage) -> None:
    page = await stage.window()
    with pytest.raises(BadInput) as caught:
        await add(stage, page, 2, picture=b"")
    assert (caught.value.cause, caught.value.name) == ("empty", "photo.png")
    assert (line_of(page).entries, stage.world.database.inputs) == ((), {})
    await add(stage, page, 1, picture=b"x")
    await stage.until(lambda: posts(stage))


@scene
async def test_failed_cancel_is_raised_and_others_are_cancelled(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 2, steps=400)
    await stage.until(lambda: unfinished(page) == 2 and all(task.progress.answered_at for task in tasks_of(page)))
    stage.world.sims[tasks_of(page)[0].server_id].is_down = True
    with pytest.raises(ConnectError):
        await page.session.line.cancel_mine()
    assert all(task.progress.cancel_asked_at is not None for task in tasks_of(page)), (
        "each was tried, and is tried again"
    )


@scene
async def test_a_stop_is_over_once_each_of_them_was_tried(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 2, steps=400)
    await stage.until(lambda: unfinished(page) == 2)
    tried: list[PromptId] = []

    async def cancel(prompt_id: PromptId) -> None:
        if prompt_id == tasks_of(page)[0].prompt_id:
            raise ConnectError(A, "connect-failed")
        await stage.sleep(5.0)
        tried.append(prompt_id)

    page.session._watch.cancel = cancel  # type: ignore[method-assign]
    with pytest.raises(ConnectError):
        await page.session.line.cancel_mine()
    assert tried == [tasks_of(page)[1].prompt_id]


@pytest.mark.parametrize("by", ["resume", "adopt", "wake", "send_all", "put_back"])
@scene
async def test_resuming_line_ends_rest(stage: Stage, by: str) -> None:
    gone, page = await stage.window(), await stage.window()
    await add(stage, gone, 4, steps=400)
    await stage.until(lambda: unfinished(gone) == 2)
    await paused(stage, gone)
    stage.world.leave(gone, crashed=True)
    await page.session.find_orphans()
    for machine in stage.world.machines:
        machine.is_down = True
    await add(stage, page, 1)
    await stage.until(lambda: page.own.tries >= 6)
    for machine in stage.world.machines:
        machine.is_down = False
    since = stage.now
    if by == "resume":
        await page.session.line.resume()
    elif by == "adopt":
        await page.session.line.adopt(window_of(gone).window_id)
    elif by == "send_all":
        await page.session.line.send_all()
    elif by == "put_back":
        page.session.line.put_back(*(item.prompt_id for item in line_of(page).entries))
    else:
        page.session.wake("online")
    await stage.until(lambda: stage.requests("POST", "/prompt", since))
    assert stage.now - since < 2.0
