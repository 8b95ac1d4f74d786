"""A result that only its server knows: read from the history, shown, and stored nowhere."""

from __future__ import annotations

import json

import pytest

from app.core.errors import ConnectError, TaskNotFound
from app.core.evidence import Finished
from app.core.model import Delivery, PromptId, ServerId, TaskState
from app.core.ports.http import Request, Response
from app.session import live
from app.session.delivery import visits
from app.session.servers import Servers
from tests.kit.stage import A, B, Stage, bytes_of, scene, window_of


async def make_and_forget(stage: Stage) -> tuple[PromptId, bytes]:
    """Run something in one window, delete it there, and return its id and bytes."""
    page = await stage.window()
    prompt_id = await stage.run(page, steps=1, server_id=A)
    await stage.ended(page, prompt_id)
    await stage.until(lambda: window_of(page).tasks[prompt_id].is_delivered)
    data = await bytes_of(page, prompt_id)
    await page.session.delete_task(prompt_id)
    return prompt_id, data


@scene
async def test_result_is_read_from_its_server_and_not_stored(stage: Stage) -> None:
    prompt_id, data = await make_and_forget(stage)
    page = await stage.window()
    with pytest.raises(TaskNotFound):
        await page.session.past.read_task(prompt_id)
    task = await page.session.visit(A, prompt_id)
    assert task is not None
    assert (task.state, task.server_id, task.end.is_proven) == (TaskState.SUCCEEDED, A, True)
    assert [output.delivery for output in task.delivery.outputs] == [Delivery.NOT_KEPT] * len(task.delivery.outputs)
    assert await page.session.past.read_task(prompt_id) == task
    blob = await page.session.results.fetch(prompt_id, 0)
    assert blob is not None
    assert await blob.read() == data
    assert prompt_id not in window_of(page).tasks
    assert window_of(page).window_locked_server is None, "no server holds the window"
    reloaded = await stage.reload(page)
    with pytest.raises(TaskNotFound):
        await reloaded.session.past.read_task(prompt_id)


@scene
async def test_visited_run_has_the_workflow_and_times_of_its_server(stage: Stage) -> None:
    page = await stage.window()
    done = await stage.ended(page, await stage.run(page, steps=40, server_id=A))
    task = await page.session.visit(A, done.prompt_id)
    assert task is not None and task.end.server_started_ms is not None and task.end.server_ended_ms is not None
    assert json.loads(task.workflow) == json.loads(done.workflow)
    assert task.end.seconds == done.end.seconds
    assert task.end.server_ended_ms == done.end.server_ended_ms
    assert (task.created_at, task.progress.started_at, task.end.ended_at) == (
        task.end.server_started_ms / 1000,
        task.end.server_started_ms / 1000,
        task.end.server_ended_ms / 1000,
    )


@scene
async def test_visited_run_without_recorded_times_has_that_of_the_visit(stage: Stage) -> None:
    page = await stage.window()
    task = visits._task(
        window_of(page).window_id, page.session.fleet.servers[0], PromptId("p"), Finished(5.0, "success"), ""
    )
    assert (task.created_at, task.progress.started_at, task.end.ended_at, task.workflow) == (5.0, 5.0, 5.0, "")


@scene
async def test_run_that_the_server_does_not_have_is_none(stage: Stage) -> None:
    prompt_id, _ = await make_and_forget(stage)
    page = await stage.window()
    assert await page.session.visit(B, prompt_id) is None
    assert await page.session.visit(A, PromptId("00000000-0000-4000-8000-000000000000")) is None
    with pytest.raises(ConnectError):
        await page.session.visit(ServerId("gone"), prompt_id)
    assert len(stage.world.broken) == 2, (
        "no work of this window is at another server than its own, only links name these"
    )
    stage.world.broken.clear()


@scene
async def test_run_of_another_user_is_none(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    page = await stage.window()

    async def refuse(_servers: Servers, _server_id: ServerId, _request: Request) -> Response:
        return Response(403, {"x-mooring-gateway": "not-yours; sent=no"})

    monkeypatch.setattr(Servers, "ask", refuse)
    assert await page.session.visit(A, PromptId("00000000-0000-4000-8000-000000000000")) is None


@scene
async def test_few_visited_runs_are_held(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_VISITED", 1)
    first, second = (await make_and_forget(stage))[0], (await make_and_forget(stage))[0]
    page = await stage.window()
    for prompt_id in (first, second):
        assert await page.session.visit(A, prompt_id)
    assert await page.session.past.read_task(second)
    with pytest.raises(TaskNotFound):
        await page.session.past.read_task(first)
