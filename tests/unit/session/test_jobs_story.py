"""Promise 10 with and without the jobs API, and on servers that are too old to interrupt by prompt_id."""

from __future__ import annotations

import pytest

from app.core.model import TaskState
from tests.kit.stage import A, Stage, scene, task_of
from tests.simulation.network import Mishap
from tests.simulation.server import ANCIENT, NEW, OLD, Version


@pytest.mark.parametrize("has_jobs", [True, False])
@scene
async def test_a_cancel_takes_the_one_step_where_there_is_one(stage: Stage, has_jobs: bool) -> None:
    stage.world.sims[A].install(NEW if has_jobs else OLD)
    page = await stage.window()
    first = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, first)
    second = await stage.run(page, steps=900)
    await page.session.cancel(second)
    await page.session.cancel(first)
    assert (await stage.ended(page, second)).state is TaskState.CANCELLED
    assert (await stage.ended(page, first)).state is TaskState.CANCELLED
    assert bool(stage.requests("POST", "/api/jobs/")) is has_jobs
    assert bool(stage.requests("POST", "/interrupt")) is not has_jobs
    assert bool(stage.requests("POST", "/queue")) is not has_jobs


@pytest.mark.parametrize(
    ("version", "is_running", "first"),
    [(NEW, True, "POST"), (NEW, False, "POST"), (OLD, True, "POST"), (OLD, False, "GET"), (ANCIENT, True, "GET")],
)
@scene
async def test_stop_polls_first_only_where_it_may_miss(
    stage: Stage, version: Version, is_running: bool, first: str
) -> None:
    stage.world.sims[A].install(version)
    page = await stage.window()
    running = await stage.run(page, steps=900, server_id=A)
    await stage.until(lambda: task_of(page, running).state is TaskState.RUNNING)
    waiting = await stage.run(page, steps=900)
    pressed, stopped = len(stage.asked), running if is_running else waiting
    await page.session.cancel(stopped)
    stops = ("/queue", "/interrupt", f"/api/jobs/{stopped}/cancel")
    asked = [item for item in stage.asked[pressed:] if item.path.rstrip("?") in stops]
    assert asked[0].method == first
    posted = next(item.path.rstrip("?") for item in asked if item.method == "POST")
    assert posted == (f"/api/jobs/{stopped}/cancel" if version.has_jobs else "/interrupt" if is_running else "/queue")
    assert (await stage.ended(page, stopped)).state is TaskState.CANCELLED
    assert task_of(page, running).state is (TaskState.CANCELLED if is_running else TaskState.RUNNING)


@scene
async def test_an_old_server_is_interrupted_while_ours_alone_runs_there(stage: Stage) -> None:
    stage.world.sims[A].install(ANCIENT)
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    await page.session.cancel(prompt_id)
    assert (await stage.ended(page, prompt_id)).state is TaskState.CANCELLED


@scene
async def test_an_old_server_is_not_interrupted_while_another_prompt_runs(stage: Stage) -> None:
    """Our task waits behind it: it is deleted from the queue by its id, and nothing is interrupted."""
    stage.world.sims[A].install(ANCIENT)
    other, page = await stage.window(), await stage.window()
    theirs = await stage.run(other, steps=60, server_id=A)
    await stage.until_running(other, theirs)
    mine = await stage.run(page, steps=900, server_id=A)
    await page.session.cancel(mine)
    assert (await stage.ended(page, mine)).state is TaskState.CANCELLED
    assert stage.requests("POST", "/interrupt") == []
    assert (await stage.ended(other, theirs)).state is TaskState.SUCCEEDED


@scene
async def test_task_in_jobs_api_is_not_absent(stage: Stage) -> None:
    """The jobs API is the third place to check before two polls make it lost."""
    server = stage.world.sims[A]
    server.install(NEW)
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    server.is_forgetful = True  # queue and history show nothing
    await stage.until(lambda: len(stage.requests("GET", "/api/jobs?")) > 4)
    assert task_of(page, prompt_id).state is TaskState.RUNNING
    assert task_of(page, prompt_id).progress.absent_since is None
    server.is_forgetful = False
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_finished_job_is_not_requested_by_id(stage: Stage) -> None:
    """A browser logs the 404 as an error."""
    stage.world.sims[A].install(NEW)
    page = await stage.window()
    await stage.run(page, steps=900, server_id=A)
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until(lambda: task_of(page, prompt_id).progress.place == 1)
    await page.session.cancel(prompt_id)
    await stage.ended(page, prompt_id)
    assert stage.requests("GET", "/api/jobs?")
    assert not stage.requests("GET", "/api/jobs/")


@scene
async def test_an_unclear_submit_is_settled_by_the_jobs_api_too(stage: Stage) -> None:
    server = stage.world.sims[A]
    server.install(NEW)
    server.is_forgetful = True
    stage.world.weather.refuse_socket = 1.0
    page = await stage.window()
    stage.world.weather.armed.append(Mishap("answer lost", lambda exchange: exchange.route == ("POST", "prompt")))
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    server.is_forgetful = False
    assert len(stage.requests("POST", "/prompt")) == 1
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
