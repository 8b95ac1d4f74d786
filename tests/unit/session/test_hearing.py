"""Promise 7: a deaf socket is proven deaf by what a look has seen; silence alone proves nothing."""

from __future__ import annotations

from app.core.model import TaskState
from app.session.hearing import FIRST_SILENCE, TELLS_WITHIN
from tests.simulation.world import Page, a_workflow
from tests.unit.session.stage import A, Stage, scene, task_of, window_of


def deafen(stage: Stage, page: Page) -> None:
    """What two sockets under one client_id do: the server forgets the id, and the open one hears nothing any more."""
    server, client_id = stage.world.sims[A], window_of(page).client_id
    twin = server.connect(client_id, lambda _: None, lambda: None)
    server.disconnect(twin)


def is_open(page: Page) -> bool:
    """Whether the page's socket is open, as far as it can tell."""
    return page.session.socket.state == "open"


@scene
async def test_a_deaf_socket_is_proven_by_a_start_that_it_did_not_tell(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=100, server_id=A)
    await stage.until_running(page, first)
    second = await stage.run(page, steps=400)
    await stage.until(lambda: task_of(page, second).state is TaskState.QUEUED and is_open(page))
    deafen(stage, page)
    await stage.until(lambda: page.session.socket.deaf == 1)
    await stage.until(lambda: is_open(page) and page.session.socket.reconnects == 1)
    await stage.until(lambda: second in page.session.progress)  # it hears again
    assert (await stage.ended(page, second)).state is TaskState.SUCCEEDED
    assert page.session.socket.deaf == 1


@scene
async def test_a_deaf_socket_is_proven_by_an_end_that_it_did_not_tell(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=300, server_id=A)
    await stage.until_running(page, first)
    await stage.run(page, steps=900)  # keeps the window moored, so that the socket stays
    await stage.until(lambda: is_open(page))
    deafen(stage, page)
    assert (await stage.ended(page, first)).state is TaskState.SUCCEEDED
    await stage.until(lambda: page.session.socket.deaf == 1)


@scene
async def test_the_old_socket_is_closed_before_the_new_one_opens(stage: Stage) -> None:
    """Two at once are what makes a client deaf."""
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
async def test_a_socket_that_tells_everything_is_never_found_deaf(stage: Stage) -> None:
    page = await stage.window()
    tasks = [await stage.run(page, steps=steps, server_id=A) for steps in (3, 80, 1, 40)]
    for prompt_id in tasks:
        assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    await stage.sleep(TELLS_WITHIN * 2)
    assert (page.session.socket.deaf, page.session.socket.reconnects) == (0, 0)


@scene
async def test_minutes_of_silence_open_the_socket_again_at_doubling_intervals_and_end_nothing(stage: Stage) -> None:
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
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
