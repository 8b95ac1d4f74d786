"""The causes of ends in simulated runs: each end has the cause that the servers' answers prove."""

from __future__ import annotations

import pytest

from app.core.ends import EndCause, end_cause
from app.core.errors import ConnectError
from app.core.model import TaskState
from app.ui.runs.task_words import word_task
from tests.kit.page.stills import ENGLISH
from tests.kit.stage import A, Stage, line_of, scene, task_of, window_of
from tests.simulation.network import Mishap
from tests.simulation.world import a_workflow


async def by_another(stage: Stage, path: str, body: bytes) -> None:
    """Send another user's request to the server."""
    await stage.world.sims[A].request("POST", path, {}, body)


@scene
async def test_interrupt_by_another_user_is_named(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    await by_another(stage, "/interrupt", b"")
    task = await stage.ended(page, prompt_id)
    assert (task.state, end_cause(task)) == (TaskState.CANCELLED, EndCause.INTERRUPTED)
    assert word_task(task, ENGLISH).title == "Interrupted by another user"


@pytest.mark.parametrize("steps", [2, 900])
@scene
async def test_own_cancel_is_no_interrupt_by_another_user(stage: Stage, steps: int) -> None:
    page = await stage.window()
    await stage.run(page, steps=steps, server_id=A)
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await page.session.cancel(prompt_id)
    task = await stage.ended(page, prompt_id)
    assert (task.state, end_cause(task)) == (TaskState.CANCELLED, EndCause.CANCELLED)
    assert word_task(task, ENGLISH).title == "Stopped"


@scene
async def test_cancel_after_an_interrupt_by_another_user_changes_no_cause(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    await by_another(stage, "/interrupt", b"")
    await stage.until(lambda: task_of(page, prompt_id).end.told_end)
    await page.session.cancel(prompt_id)
    assert end_cause(await stage.ended(page, prompt_id)) is EndCause.INTERRUPTED


@scene
async def test_cleared_queue_is_shown_as_the_cause(stage: Stage) -> None:
    page = await stage.window()
    await stage.run(page, steps=900, server_id=A)
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until(lambda: task_of(page, prompt_id).progress.place == 1)
    await stage.sleep(7.0)  # polls are rare by now
    cleared_at = stage.now
    await by_another(stage, "/queue", b'{"clear": true}')
    await stage.until(lambda: "no longer has it" in word_task(task_of(page, prompt_id), ENGLISH).title)
    assert stage.now - cleared_at < 1.0
    task = await stage.ended(page, prompt_id)
    assert (task.state, end_cause(task)) == (TaskState.LOST, EndCause.REMOVED)
    assert word_task(task, ENGLISH).title == "Removed from the queue by another user"


@scene
async def test_removal_is_unknown_without_a_socket(stage: Stage) -> None:
    page = await stage.window()
    stage.world.network.refusing.add(stage.world.network.address_of(A) or "")
    await stage.run(page, steps=900, server_id=A)
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until(lambda: task_of(page, prompt_id).progress.place == 1)
    await by_another(stage, "/queue", b'{"clear": true}')
    assert end_cause(await stage.ended(page, prompt_id)) is EndCause.UNKNOWN


@scene
async def test_restart_is_no_removal_by_another_user(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    first = await stage.run(page, steps=900, server_id=A)
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until(lambda: task_of(page, prompt_id).progress.place == 1)
    stage.world.sims[A].restart()
    for item in (first, prompt_id):
        task = await stage.ended(page, item)
        assert (task.state, end_cause(task)) == (TaskState.LOST, EndCause.UNKNOWN)
        assert "probably restarted" in word_task(task, ENGLISH).advice or "history" in word_task(task, ENGLISH).advice


@scene
async def test_run_without_gateway_is_certainly_not_sent(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=100, server_id=A)
    await stage.until_running(page, first)
    stage.world.network.is_down = True
    stage.world.network.restart_gateway()
    await stage.until(lambda: page.session.socket.state != "open")
    with pytest.raises(ConnectError):
        await page.session.submit_workflow(a_workflow(3, 7, None))
    (task,) = [task for prompt_id, task in window_of(page).tasks.items() if prompt_id != first]
    assert task.state is TaskState.FAILED and task.end.failure is not None and task.end.failure.kind == "not_sent"
    assert "certainly not seen it" in word_task(task, ENGLISH).advice
    stage.world.network.is_down = False
    await stage.ended(page, first)
    assert len(stage.requests("POST", "/prompt")) == 1
    stage.world.network.is_down = True
    stage.world.network.restart_gateway()
    waiting = await stage.run(page)  # there is no task yet, so nothing can be unclear
    assert line_of(page).has(waiting) and page.session.runs == ()
    stage.world.network.is_down = False
    await stage.until(lambda: waiting in window_of(page).tasks)


@scene
async def test_lost_request_is_shown_as_never_seen(stage: Stage) -> None:
    page = await stage.window()
    lost = Mishap("request lost", lambda exchange: exchange.route == ("POST", "prompt"))
    stage.world.weather.armed.append(lost)
    task = await stage.ended(page, await stage.run(page, server_id=A))
    assert (task.state, end_cause(task)) == (TaskState.LOST, EndCause.NEVER_SEEN)
    words = word_task(task, ENGLISH)
    assert words.title == "Lost: never seen at gpu-1"
    assert "restarted" not in words.advice
