"""A restarted, cleared or replaced server is noticed, and all of its tasks are polled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.core.ends import UNDATED_RESTART
from app.core.errors import ComfyError, TaskNotFound
from app.core.evidence import Absent, CancelAsked
from app.core.model import Delivery, PromptId, Task, TaskState
from app.core.ports.http import Response
from app.core.server_fingerprint import RestartSign
from app.core.truth import LOST_GAP
from app.session.memory.sandbox import HERE, THERE, Sandbox, make_fleet
from app.session.state import State
from app.session.watching.restart_detection import RestartDetection
from tests.kit.stage import A, B, Stage, scene, task_of
from tests.simulation.server import NEW, SimServer
from tests.simulation.world import Page
from tests.unit.session.test_files import Answering


def sign_of(page: Page) -> RestartSign | None:
    """What the page has noticed about server A."""
    noticed = page.session.noticed.get(A)
    return noticed.sign if noticed else None


def drop_sockets(server: SimServer) -> None:
    """Break every socket to a server."""
    for socket in tuple(server.all_sockets):
        server.drop(socket)


@scene
async def test_fallen_number_shows_restart(stage: Stage) -> None:
    page = await stage.window()
    for _ in range(2):
        await stage.ended(page, await stage.run(page, server_id=A))
    before = await stage.run(page, server_id=A, steps=600)
    stage.world.sims[A].restart()
    after = await stage.run(page, server_id=A, steps=200)
    await stage.until(lambda: sign_of(page) is RestartSign.NUMBER_FELL)
    await stage.until(lambda: "server_changed" in {note.kind for note in task_of(page, before).notes})
    ended = await stage.ended(page, after)
    assert ended.state is TaskState.SUCCEEDED
    assert "server_changed" not in {note.kind for note in ended.notes}  # it began after the restart


@scene
async def test_restart_before_an_adopted_task_was_sent_is_not_its_end(stage: Stage) -> None:
    """The heir's last number is older than the task, so that the restart may have been before the task was sent."""
    heir, other = await stage.window(), await stage.window()
    for _ in range(3):
        await stage.ended(heir, await stage.run(heir, server_id=A))
    stage.world.sims[A].restart()
    adopted = await stage.run(other, server_id=A, steps=600)
    await stage.until_running(other, adopted)
    stage.world.leave(other, crashed=True)
    assert [item.task.prompt_id for item in await heir.session.find_orphans()] == [adopted]
    await heir.session.adopt(adopted)
    await stage.run(heir, server_id=A)
    await stage.until(lambda: "server_changed" in {note.kind for note in task_of(heir, adopted).notes})
    signs = [note.detail for note in task_of(heir, adopted).notes if note.kind == "server_changed"]
    assert RestartSign.NUMBER_FELL.value not in signs and UNDATED_RESTART in signs


@scene
async def test_restart_without_open_page_is_known_from_records(stage: Stage) -> None:
    page = await stage.window()
    for _ in range(2):
        await stage.ended(page, await stage.run(page, server_id=A))
    tab = stage.world.leave(page, crashed=False)
    stage.world.sims[A].restart()
    page = await stage.window(tab)
    await stage.ended(page, await stage.run(page, server_id=A))
    await stage.until(lambda: sign_of(page) is RestartSign.NUMBER_FELL)


@scene
async def test_numbers_of_another_server_are_ignored(stage: Stage) -> None:
    page = await stage.window()
    for server_id in (A, A, A, B):
        await stage.ended(page, await stage.run(page, server_id=server_id))
    page = await stage.reload(page)
    for server_id in (B, A):
        await stage.ended(page, await stage.run(page, server_id=server_id))
    assert page.session.noticed == {}


@scene
async def test_task_dropped_while_noting_does_not_affect_others(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    first, other = [await stage.run(page, steps=600, server_id=A) for _ in range(2)]

    def has_noted(prompt_id: PromptId) -> bool:
        known = stage.world.database.task(prompt_id)
        return known is not None and "server_changed" in {note.kind for note in known.notes}

    let_go = page.session._state.records.disown
    stage.once_stored(lambda: has_noted(first), lambda: let_go(task_of(page, other), TaskNotFound("story", other)))
    stage.world.sims[A].restart()
    await stage.until(lambda: sign_of(page) is RestartSign.HISTORY_GONE)
    assert (await stage.ended(page, first)).state is TaskState.LOST


@scene
async def test_lost_history_is_noticed_after_socket_broke(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    prompt_id = await stage.run(page, steps=600, server_id=A)
    await stage.until_running(page, prompt_id)
    stage.world.sims[A].restart()
    await stage.until(lambda: sign_of(page) is RestartSign.HISTORY_GONE)
    lost = await stage.ended(page, prompt_id)
    assert lost.state is TaskState.LOST
    assert "server_changed" in {note.kind for note in lost.notes}


@scene
async def test_a_calm_server_gives_no_sign(stage: Stage) -> None:
    page = await stage.window()
    for steps in (1, 30, 2):
        await stage.ended(page, await stage.run(page, server_id=A, steps=steps))
    for server in stage.world.sims.values():
        for socket in tuple(server.all_sockets):
            server.drop(socket)
    await stage.ended(page, await stage.run(page, server_id=A, steps=100))
    assert page.session.noticed == {}


@scene
async def test_another_comfyui_at_the_address_is_noticed(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=600, server_id=A)
    await stage.until_running(page, prompt_id)
    await stage.until(lambda: stage.requests("GET", "/system_stats"))
    await stage.sleep(1.0)
    stage.world.sims[A].install(NEW)
    await stage.until(lambda: sign_of(page) is RestartSign.ANOTHER)


@scene
async def test_two_simultaneous_submits_are_no_restart(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=100, server_id=A)
    others = [stage.begin(page, steps=2) for _ in range(4)]
    for asked in others:
        await stage.ended(page, await asked)
    await stage.ended(page, first)
    assert page.session.noticed == {}


@scene
async def test_restart_causes_poll_of_lost_tasks(stage: Stage) -> None:
    """Another server may have answered in between."""
    page = await stage.window()
    prompt_id = await stage.run(page, steps=3000, server_id=A)
    await stage.until_running(page, prompt_id)
    server = stage.world.sims[A]
    server.is_forgetful = True
    await stage.until(lambda: task_of(page, prompt_id).state is TaskState.LOST)
    other = await stage.run(page, steps=10, server_id=A)
    server.is_forgetful = False
    await stage.sleep(10.0)
    assert task_of(page, prompt_id).state is TaskState.LOST
    server._rest.version = NEW
    drop_sockets(server)
    await stage.until(lambda: sign_of(page) is RestartSign.ANOTHER)
    await stage.until(lambda: task_of(page, prompt_id).state is TaskState.RUNNING)
    assert task_of(page, prompt_id).is_ward
    assert task_of(page, other).state is TaskState.QUEUED


@scene
async def test_lost_task_found_ended_is_delivered(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=60, server_id=A)
    await stage.until_running(page, prompt_id)
    server = stage.world.sims[A]
    server.is_forgetful, stage.world.weather.refuse_socket = True, 1.0
    drop_sockets(server)
    await stage.until(lambda: task_of(page, prompt_id).state is TaskState.LOST)
    server.is_forgetful, stage.world.weather.refuse_socket = False, 0.0
    other = await stage.run(page, steps=3000, server_id=A)
    await stage.until(lambda: page.session.socket.state == "open")
    server._rest.version = NEW
    drop_sockets(server)
    await stage.until(lambda: task_of(page, prompt_id).state is TaskState.SUCCEEDED)
    task = await stage.ended(page, prompt_id)
    assert [item.delivery for item in task.delivery.outputs] == [Delivery.KEPT]
    assert not task_of(page, other).state.is_end, "nothing else has made the window look"


async def test_invalid_answer_is_reported_for_that_server_only() -> None:
    state = State(replace(Sandbox().ports, http=Answering(response=Response(500))))
    state.servers.reported(make_fleet(), ())
    with pytest.raises(ComfyError) as caught:
        async with state.servers.control(THERE):
            await RestartDetection(state, lambda _: None).verify(
                (HERE, "http://sandbox-1.invalid:8188"), f"/servers/{HERE}"
            )
    assert caught.value.server_id == HERE
    assert set(state.servers._control) == {HERE, THERE}


@pytest.mark.parametrize("is_cancelled", [False, True])
@scene
async def test_unwitnessed_ends_are_polled_on_wake(stage: Stage, *, is_cancelled: bool) -> None:
    """The POST of a frozen page is sent an hour later."""
    page = await stage.window()
    prompt_id = await stage.run(page, steps=60, server_id=A)
    await stage.until_running(page, prompt_id)
    server = stage.world.sims[A]
    server.is_forgetful, stage.world.weather.refuse_socket = True, 1.0
    drop_sockets(server)
    if is_cancelled:
        await page.session._state.records.witness(prompt_id, CancelAsked(stage.now))
    await stage.until(lambda: task_of(page, prompt_id).state.is_end)
    assert task_of(page, prompt_id).state is (TaskState.CANCELLED if is_cancelled else TaskState.LOST)
    server.is_forgetful, stage.world.weather.refuse_socket = False, 0.0
    await stage.until(lambda: prompt_id in server.history)
    await stage.sleep(30.0)
    assert task_of(page, prompt_id).state.is_end and not task_of(page, prompt_id).end.is_proven
    page.session.wake("visible")
    await stage.until(lambda: task_of(page, prompt_id).state is TaskState.SUCCEEDED)
    assert [item.delivery for item in (await stage.ended(page, prompt_id)).delivery.outputs] == [Delivery.KEPT]


@scene
async def test_ten_simultaneous_wakes_cause_two_polls(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=60, server_id=A)
    await stage.until_running(page, prompt_id)
    stage.world.sims[A].is_forgetful, stage.world.weather.refuse_socket = True, 1.0
    drop_sockets(stage.world.sims[A])
    await stage.until(lambda: task_of(page, prompt_id).state is TaskState.LOST)
    watch, looks, answers = page.session._watch, list[int](), asyncio.Event()

    async def poll(tasks: Sequence[Task]) -> bool:
        looks.append(len(tasks))
        await answers.wait()
        return True

    monkeypatch.setattr(watch, "poll", poll)
    for _ in range(5):
        watch.poll_ended()
        watch.poll_ended()
        await stage.sleep(0.1)
    assert looks == [1], "a server that hangs is asked once"
    answers.set()
    await stage.until(lambda: not watch._polling_ended)
    assert looks == [1, 1], "and once more, since what came meanwhile may have been missed"


@scene
async def test_latest_ended_tasks_are_polled_first(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may still be in transit."""
    page = await stage.window()
    first, second = [await stage.run(page, steps=60, server_id=A) for _ in range(2)]
    await stage.until_running(page, first)
    for prompt_id in (second, first):
        await page.session._state.records.witness(
            prompt_id, *(Absent(at, at) for at in (stage.now, stage.now + 2 * LOST_GAP))
        )
        assert task_of(page, prompt_id).state is TaskState.LOST
        await stage.sleep(0.1)
    monkeypatch.setattr("app.session.watching.watch.MOST_ENDED", 1)
    (latest,) = page.session._watch._inferred().values()
    assert [task.prompt_id for task in latest] == [first]


@scene
async def test_task_removed_by_cancel_is_not_polled(stage: Stage) -> None:
    page = await stage.window()
    first, second = [await stage.run(page, steps=60, server_id=A) for _ in range(2)]
    await stage.until_running(page, first)
    await page.session.cancel(second)
    await stage.until(lambda: task_of(page, second).state is TaskState.CANCELLED)
    assert page.session._watch._inferred() == {}
