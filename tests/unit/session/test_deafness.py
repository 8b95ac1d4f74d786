"""Promise 7: a poll proves that a socket is deaf; silence alone proves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.core.events import StartMessage
from app.core.evidence import Seen
from app.core.model import TaskState
from app.core.ports.sockets import Frame
from app.session.watching.deafness import FIRST_SILENCE, REPORTS_WITHIN, DeafnessDetector
from tests.kit.stage import A, B, Stage, noted, scene, task_of, window_of
from tests.simulation.world import Page, a_workflow


def deafen(stage: Stage, page: Page) -> None:
    """Open a second socket under one client_id: the server forgets the id, and the first receives nothing more."""
    server, client_id = stage.world.sims[A], window_of(page).client_id
    twin = server.connect(client_id, lambda _: None, lambda: None)
    server.disconnect(twin)


class SlowConnection:
    """A socket that takes a minute to close."""

    url = ""

    def __init__(self) -> None:
        self.closes = 0

    async def send(self, _text: str) -> None:
        raise NotImplementedError

    async def receive(self) -> Sequence[Frame]:
        raise NotImplementedError

    async def close(self) -> None:
        self.closes += 1
        await asyncio.sleep(60.0)


def is_open(page: Page) -> bool:
    """Whether the page's socket is open, as far as the page knows."""
    return page.session.socket.state == "open"


@scene
async def test_unreported_start_proves_socket_deaf(stage: Stage) -> None:
    busy, page = await stage.window(), await stage.window()
    await stage.run(busy, steps=100, server_id=A)
    second = await stage.run(page, steps=400, server_id=A)
    await stage.until(lambda: task_of(page, second).state is TaskState.QUEUED and is_open(page))
    deafen(stage, page)
    await stage.until(lambda: page.session.socket.deaf == 1)
    assert task_of(page, second).state is TaskState.RUNNING, "its end has proven nothing yet"
    await stage.until(lambda: is_open(page) and page.session.socket.reconnects == 1)
    await stage.until(lambda: second in page.session.progress)  # it receives events
    assert (await stage.ended(page, second)).state is TaskState.SUCCEEDED
    assert page.session.socket.deaf == 1


@scene
async def test_unreported_end_proves_socket_deaf(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=300, server_id=A)
    await stage.until_running(page, first)
    await stage.run(page, steps=900)  # keeps the window moored, so that the socket stays
    await stage.until(lambda: is_open(page))
    deafen(stage, page)
    assert (await stage.ended(page, first)).state is TaskState.SUCCEEDED
    await stage.until(lambda: page.session.socket.deaf == 1)
    await stage.sleep(REPORTS_WITHIN)
    assert page.session.socket.deaf == 1, "once, though it did not tell the next start either"


@scene
async def test_two_unreported_tasks_count_as_one_deafness(stage: Stage) -> None:
    """The socket takes a while to close: further missing events prove nothing new."""
    page = await stage.window()
    await stage.run(page, steps=900, server_id=A)
    await stage.until(lambda: is_open(page))
    hearing, connection = DeafnessDetector(page.own.window), SlowConnection()
    hearing.opened(connection)
    await stage.sleep(0.1)
    tasks = [task_of(page, await stage.run_now(page, steps=900)) for _ in range(2)]
    for task in tasks:
        hearing.seen(task, Seen(stage.now, True), stage.now)
    await stage.sleep(REPORTS_WITHIN * 2)
    assert (connection.closes, [item["cause"] for item in noted(page, "socket_reopened")]) == (1, ["deaf"])
    assert page.session.socket.deaf == 1


@scene
async def test_poll_from_before_the_socket_opened_proves_nothing(stage: Stage) -> None:
    """Its answer may be that of a server which was restarted since, and whose new process never had the task."""
    page = await stage.window()
    await stage.run(page, steps=900, server_id=A)
    await stage.until(lambda: is_open(page))
    task = task_of(page, await stage.run(page, steps=900))
    hearing, began = DeafnessDetector(page.own.window), stage.now
    await stage.sleep(0.1)
    hearing.opened(SlowConnection())
    hearing.seen(task, Seen(stage.now, False), began)
    assert not hearing.has_had(task)
    hearing.seen(task, Seen(stage.now, False), stage.now)
    assert hearing.has_had(task)


@scene
async def test_open_socket_forgets_tasks_that_the_window_dropped(stage: Stage) -> None:
    """It may stay open for thousands of them."""
    page = await stage.window()
    hearing = DeafnessDetector(page.own.window)
    await stage.run(page, steps=900, server_id=A)
    await stage.until(lambda: is_open(page))
    hearing.opened(SlowConnection())
    await stage.sleep(0.1)
    tasks = [task_of(page, await stage.run_now(page, steps=900)) for _ in range(3)]
    for task in tasks[:2]:
        hearing.seen(task, Seen(stage.now, False), stage.now)
        hearing.heard(task.prompt_id, StartMessage(task.prompt_id))
    page.session._state.records.set_window(window_of(page).drop(tasks[0].prompt_id))
    hearing.heard(tasks[2].prompt_id, StartMessage(tasks[2].prompt_id))
    opening = hearing._opening
    assert opening is not None
    assert (set(opening.states), set(opening.reported)) == (
        {tasks[1].prompt_id},
        {task.prompt_id for task in tasks[1:]},
    )


@scene
async def test_a_socket_that_broke_is_not_called_deaf(stage: Stage) -> None:
    page = await stage.window()
    address = stage.world.network.address_of(A) or ""
    first, second = await stage.run(page, steps=60, server_id=A), await stage.run(page, steps=400)
    await stage.until(lambda: task_of(page, second).state is TaskState.QUEUED and is_open(page))
    stage.world.network.stalled.add(address)
    await stage.until(lambda: task_of(page, second).state is TaskState.RUNNING)
    stage.world.network.refusing.add(address)
    for socket in tuple(stage.world.sims[A].all_sockets):
        stage.world.sims[A].drop(socket)
    await stage.sleep(REPORTS_WITHIN * 2)
    assert page.session.socket.deaf == 0
    stage.world.network.refusing.clear()
    stage.world.network.unstall()
    assert (await stage.ended(page, first)).state is TaskState.SUCCEEDED
    assert (await stage.ended(page, second)).state is TaskState.SUCCEEDED


@scene
async def test_start_of_task_never_seen_waiting_must_be_reported(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    assert is_open(page), "it stays for a while"
    deafen(stage, page)
    second = await stage.run(page, steps=400, server_id=A)
    await stage.until(lambda: page.session.socket.deaf == 1)
    assert task_of(page, second).state is TaskState.RUNNING


@scene
async def test_end_of_task_running_at_open_must_be_reported(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=400, server_id=A)
    page = await stage.reload(page)
    await stage.until(lambda: is_open(page) and first in page.session.progress)
    await stage.sleep(6.0)
    deafen(stage, page)
    assert (await stage.ended(page, first)).state is TaskState.SUCCEEDED
    await stage.until(lambda: page.session.socket.deaf == 1)


@scene
async def test_messages_still_being_handled_prove_nothing(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    deafen(stage, page)
    async with page.own.hearing.taking_in:
        second = await stage.run(page, steps=400, server_id=A)
        await stage.until_running(page, second)
        await stage.sleep(REPORTS_WITHIN * 2)
        assert page.session.socket.deaf == 0
    await stage.until(lambda: page.session.socket.deaf == 1)


@scene
async def test_events_some_seconds_after_a_poll_prove_no_deafness(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    address = stage.world.network.address_of(A) or ""
    stage.world.network.stalled.add(address)
    second = await stage.run(page, steps=400, server_id=A)
    await stage.until_running(page, second)
    await stage.sleep(REPORTS_WITHIN / 2)
    stage.world.network.unstall()
    await stage.sleep(REPORTS_WITHIN * 2)
    assert (page.session.socket.deaf, page.session.socket.reconnects) == (0, 0)


@scene
async def test_tasks_of_other_clients_prove_nothing(stage: Stage) -> None:
    """Events of a ward reach no socket of ours: its window's client_id is another."""
    busy, gone, page = await stage.window(), await stage.window(), await stage.window()
    await stage.run(busy, steps=400, server_id=B)
    ward = await stage.run(gone, steps=400, server_id=B)
    await stage.run(page, steps=8000, server_id=A)
    stage.world.leave(gone, crashed=True)
    await page.session.find_orphans()
    await page.session.adopt(ward)
    await stage.until(lambda: task_of(page, ward).state is TaskState.QUEUED)
    await stage.until(lambda: task_of(page, ward).state is TaskState.RUNNING)
    assert (await stage.ended(page, ward)).state is TaskState.SUCCEEDED
    await stage.sleep(REPORTS_WITHIN * 2)
    assert (page.session.socket.deaf, page.session.socket.reconnects) == (0, 0)


@scene
async def test_the_old_socket_is_closed_before_the_new_one_opens(stage: Stage) -> None:
    """Two simultaneous sockets make a client deaf."""
    page = await stage.window()
    first = await stage.run(page, steps=60, server_id=A)
    await stage.until_running(page, first)
    second = await stage.run(page, steps=400)
    deafen(stage, page)
    most, server = 0, stage.world.sims[A]
    while page.session.socket.reconnects == 0 or not is_open(page):
        mine = [item for item in server.all_sockets if item.client_id == window_of(page).client_id]
        most = max(most, len(mine))
        await stage.until(lambda: True)
        await stage.sleep(0.05)
    assert most == 1
    assert (await stage.ended(page, second)).state is TaskState.SUCCEEDED


@scene
async def test_complete_events_never_prove_deafness(stage: Stage) -> None:
    page = await stage.window()
    tasks = [await stage.run(page, steps=steps, server_id=A) for steps in (3, 80, 1, 40)]
    for prompt_id in tasks:
        assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    await stage.sleep(REPORTS_WITHIN * 2)
    assert (page.session.socket.deaf, page.session.socket.reconnects) == (0, 0)


@scene
async def test_silence_reopens_socket_at_doubling_intervals_and_ends_nothing(stage: Stage) -> None:
    stage.world.sims[A].pace = 6.0
    stage.world.sims[A].restart()
    page = await stage.window()
    slow = a_workflow(2, 1, None).with_values({("2", "seconds_per_step"): 60.0})  # six minutes from step to step
    prompt_id = await page.session.run(slow, server_id=A)
    await stage.until(lambda: page.session.socket.reconnects >= 1)
    first = stage.now
    await stage.until(lambda: page.session.socket.reconnects >= 2)
    assert stage.now - first > FIRST_SILENCE * 1.5
    assert page.session.socket.deaf == 0
    assert task_of(page, prompt_id).state in (TaskState.RUNNING, TaskState.SUCCEEDED)
    before = page.session.progress.get(prompt_id)
    await stage.until(lambda: page.session.progress.get(prompt_id) != before)
    heard, count = stage.now, page.session.socket.reconnects
    await stage.until(lambda: page.session.socket.reconnects > count)
    assert stage.now - heard < FIRST_SILENCE * 2.5, "one word, and the patience is the first again"
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_one_silence_reopens_socket_once_despite_slow_close(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=9000, server_id=A)
    await stage.until(lambda: is_open(page) and task_of(page, prompt_id).state is TaskState.RUNNING)
    stage.world.network.stalled.add(stage.world.network.address_of(A) or "")
    page.own.hearing.closed()
    hearing, connection = DeafnessDetector(page.own.window), SlowConnection()
    hearing.opened(connection)
    await stage.sleep(FIRST_SILENCE / 2)
    assert connection.closes == 0
    await stage.sleep(FIRST_SILENCE * 6)
    assert (connection.closes, [item["cause"] for item in noted(page, "socket_reopened")]) == (1, ["silent"])


@scene
async def test_a_silence_while_nothing_of_ours_runs_is_none(stage: Stage) -> None:
    other, page = await stage.window(), await stage.window()
    slow = a_workflow(15, 1, None).with_values({("2", "seconds_per_step"): FIRST_SILENCE})
    await other.session.run(slow, server_id=A)
    prompt_id = await stage.run(page, server_id=A)
    await stage.until(lambda: is_open(page) and task_of(page, prompt_id).state is TaskState.QUEUED)
    await stage.sleep(FIRST_SILENCE * 6)
    assert task_of(page, prompt_id).state is TaskState.QUEUED
    assert (page.session.socket.reconnects, is_open(page)) == (0, True)
