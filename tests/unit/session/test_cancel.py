"""Promise 10 in its race conditions: what a cancel may hit, and what it reports when the queue has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.comfy import Queue
from app.core.errors import NotOwner, TaskNotFound
from app.core.evidence import Evidence, Finished, Seen
from app.core.model import PromptId, TaskState, WindowId
from app.core.records import encode
from tests.kit.stage import A, Stage, scene, task_of, window_of
from tests.ports.tasks import changed
from tests.simulation.server import NEW
from tests.simulation.world import Page

OTHERS = PromptId("somebody-else's")


async def cancel(page: Page, prompt_id: PromptId, queue: Queue) -> Evidence | None:
    """Cancel a task of this queue, which was read a moment before."""
    watch, task = page.session._watch, task_of(page, prompt_id)
    server = page.session.fleet.get(task.server_id)
    assert server is not None
    return await watch._canceller.cancel(task, server.base, queue)


@scene
async def test_task_of_another_window_is_not_cancelled(stage: Stage) -> None:
    """It was adopted during the poll that would repeat the cancel."""
    busy, page = await stage.window(), await stage.window()
    await stage.run(busy, steps=60, server_id=A)
    prompt_id = await stage.run(page, server_id=A)
    task = changed(task_of(page, prompt_id), cancel_asked_at=stage.now)
    page.session._state.records.set_window(window_of(page).settle(task))
    stage.once_requested(
        "GET", "/queue", lambda _: page.session._state.records.disown(task, NotOwner("story", prompt_id))
    )
    await stage.until(lambda: prompt_id in stage.world.sims[A].ran)
    assert stage.requests("POST", "/queue") == [] == stage.requests("POST", "/interrupt")


@scene
async def test_task_that_was_adopted_is_not_stopped_at_once(stage: Stage) -> None:
    """Its record is another window's when this one writes down that Stop was pressed."""
    stage.world.sims[A].install(NEW)
    page = await stage.window()
    prompt_id = await stage.run(page, steps=60, server_id=A)
    await stage.until(lambda: task_of(page, prompt_id).state is TaskState.RUNNING)
    task = stage.world.database.task(prompt_id)
    adopted = replace(task, owner=WindowId("another"), epoch=task.epoch + 1)
    stage.world.database.tasks[prompt_id] = encode(adopted)
    with pytest.raises(TaskNotFound):
        await page.session.cancel(prompt_id)
    assert stage.requests("POST", f"/api/jobs/{prompt_id}/cancel") == []


@pytest.mark.parametrize(("version", "is_hit"), [("0.3.55", False), ("0.3.64", True), ("", False)])
@scene
async def test_beside_other_prompts_only_servers_knowing_ids_are_interrupted(
    stage: Stage, version: str, is_hit: bool
) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    state = page.session._state
    state.servers.reported(
        replace(
            state.servers.fleet, servers=tuple(replace(item, version=version) for item in state.servers.fleet.servers)
        ),
        (),
    )
    assert await cancel(page, prompt_id, Queue((OTHERS, prompt_id), ())) is None
    assert bool(stage.requests("POST", "/interrupt")) is is_hit
    await page.session.cancel(prompt_id)


@scene
async def test_delete_after_start_finds_task_running(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    left = await cancel(page, prompt_id, Queue((), (prompt_id,)))
    assert isinstance(left, Seen) and left.is_running
    await page.session.cancel(prompt_id)


@scene
async def test_delete_after_end_finds_the_end(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, server_id=A)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    left = await cancel(page, prompt_id, Queue((), (prompt_id,)))
    assert isinstance(left, Finished) and left.end == "success"


@scene
async def test_stop_of_an_ended_job_is_no_removal(stage: Stage) -> None:
    """The server cancels nothing then, so what it no longer has may have been lost: a poll comes first."""
    stage.world.sims[A].install(NEW)
    page = await stage.window()
    prompt_id = await stage.run(page, server_id=A)
    ended = await stage.ended(page, prompt_id)
    server = page.session.fleet.get(A)
    assert server is not None
    assert await page.session._watch._canceller.stop_at_once(ended, server.base) is None
    assert stage.requests("POST", f"/api/jobs/{prompt_id}/cancel")
