"""A private window leaves nothing in the store, and loses nothing while its work is unfinished."""

from __future__ import annotations

import json

import pytest

from app.core.errors import StorageError
from app.core.model import Delivery, PromptId, TaskState
from app.core.ports.blobs import Keep, KeepSettings
from app.core.window import Free
from app.session import Picked
from app.workflows.plans.runs import Seeds, plan_runs
from app.workflows.plans.targets import Target
from tests.kit.stage import PHOTO, A, Stage, bytes_of, scene, task_of, window_of
from tests.simulation.browser import Tab
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow


async def private_window(stage: Stage) -> Page:
    """Open a page of a private window."""
    return await stage.window(Tab(stage.world.browser, {"mooring.private": "yes"}))


def traces(stage: Stage) -> str:
    """Everything in the store, as text, except for identities, which reveal nothing about any work."""
    kept = {
        name: value
        for name, value in vars(stage.world.database).items()
        if name not in {"watchers", "windows", "_read"}
    }
    return json.dumps(kept, default=lambda item: repr(vars(item) if hasattr(item, "__dict__") else item))


@scene
async def test_no_trace_of_private_work_after_delivery(stage: Stage) -> None:
    page = await private_window(stage)
    prompt_id = await stage.run(page, picture=PHOTO)
    task = await stage.ended(page, prompt_id)
    assert [item.delivery for item in task.delivery.outputs] == [Delivery.KEPT]
    assert await bytes_of(page, prompt_id)
    assert await page.session.results.read_thumbnail(prompt_id) is not None
    assert task_of(page, prompt_id).title == "story", "the page itself knows it whole"
    database = stage.world.database
    assert (database.tasks, database.results, database.thumbnails, database.inputs) == ({}, {}, {}, {})
    assert prompt_id not in traces(stage)
    assert database.durations == {} == database.paces, "nothing was learned"
    assert not await page.session.verify(), "and the guard finds nothing amiss"


@scene
async def test_private_record_before_post_has_no_text(stage: Stage) -> None:
    page = await private_window(stage)
    prompt_id = await stage.run(page, steps=200, picture=PHOTO)
    stored = stage.world.database.task(prompt_id)
    assert (stored.prompt_id, stored.server_id, stored.owner) == (
        prompt_id,
        task_of(page, prompt_id).server_id,
        window_of(page).window_id,
    )
    assert (stored.title, stored.workflow, stored.inputs) == ("", "", ())
    assert task_of(page, prompt_id).workflow
    assert "LoadImage" not in traces(stage)
    assert "photo.png" not in traces(stage)


@scene
async def test_reload_delivers_private_work(stage: Stage) -> None:
    page = await private_window(stage)
    prompt_id = await stage.run(page, steps=60, server_id=A)
    page = await stage.reload(page)
    assert prompt_id in window_of(page).tasks
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert await bytes_of(page, prompt_id)
    assert window_of(page).mooring == Free()
    assert prompt_id not in traces(stage)
    page = await stage.reload(page)
    assert window_of(page).tasks == {}, "the page had it, and the page is gone"


@scene
async def test_private_work_that_cannot_be_written_down_is_not_sent(stage: Stage) -> None:
    page = await private_window(stage)
    stage.world.database.is_blocked = True
    with pytest.raises(StorageError):
        await stage.run(page)
    assert stage.requests("POST", "/prompt") == []


@scene
async def test_private_window_and_others_do_not_share_past_tasks(stage: Stage) -> None:
    open_one = await stage.window()
    before = await stage.run(open_one)
    await stage.ended(open_one, before)
    left = await stage.run(open_one, steps=200)
    stage.world.leave(open_one, crashed=True)
    page = await private_window(stage)
    assert await page.session.find_orphans() == ()
    assert await page.session.past.read_others() == []
    prompt_id = await stage.run(page)
    await stage.ended(page, prompt_id)
    other = await stage.window()
    assert [item.task.prompt_id for item in await other.session.find_orphans()] == [left]
    assert prompt_id not in [row.prompt_id for row in await other.session.past.read_others()]


@scene
async def test_private_work_of_crashed_page_is_found_without_text(stage: Stage) -> None:
    page = await private_window(stage)
    prompt_id = await stage.run(page, steps=60, server_id=A)
    stage.world.leave(page, crashed=True)
    heir = await stage.window()
    orphans = await heir.session.find_orphans()
    assert [(item.task.prompt_id, item.task.title, item.task.workflow) for item in orphans] == [(prompt_id, "", "")]
    await heir.session.adopt(prompt_id)
    assert (await stage.ended(heir, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_many_private_runs_wait_in_memory_and_each_runs_once(stage: Stage) -> None:
    page = await private_window(stage)
    workflow = a_workflow(3, 5, PHOTO)
    runs = plan_runs(workflow, Seeds(Target("2", "nonce"), (501, 502, 503, 504)))
    line = page.session.line
    stage.world.sims[A].awake.clear()
    await line.add(
        workflow, runs, title="many", inputs={("1", "image"): Picked(Bytes(PHOTO, "image/png"), "photo.png")}
    )
    await line.pause()
    await stage.until(lambda: not line.sending)
    assert line.line is not None
    assert "nonce" not in traces(stage)
    await line.move(line.line.entries[3].prompt_id, line.line.entries[0].prompt_id)
    await line.remove(line.line.entries[1].prompt_id)
    stage.world.sims[A].awake.set()
    await line.resume()
    await stage.until(lambda: sum(task.is_delivered for task in window_of(page).tasks.values()) == 3)
    assert len(stage.requests("POST", "/prompt")) == 3
    assert stage.world.database.tasks == {}


@scene
async def test_private_results_have_the_bound_that_was_set(stage: Stage) -> None:
    page = await private_window(stage)
    ids = [await stage.run(page) for _ in range(3)]
    for prompt_id in ids:
        await stage.ended(page, prompt_id)
    await page.session.results.configure(KeepSettings(cap_bytes=1))
    await stage.until(lambda: task_of(page, ids[0]).delivery.outputs[0].delivery is Delivery.DROPPED)
    assert task_of(page, ids[2]).delivery.outputs[0].delivery is Delivery.KEPT, "the latest stays"
    await page.session.results.configure(KeepSettings(keep=Keep.THUMBNAILS))
    later = await stage.run(page)
    assert [item.delivery for item in (await stage.ended(page, later)).delivery.outputs] == [Delivery.THUMBNAIL]
    await page.session.results.delete_all()
    assert await page.session.results.read_thumbnail(later) is None


@pytest.mark.usefixtures("few")
@scene
async def test_a_long_private_day_stays_in_memory_too(stage: Stage) -> None:
    page = await private_window(stage)
    ids: list[PromptId] = []
    for _ in range(6):
        ids.append(await stage.run(page, steps=1, server_id=A))
        await stage.ended(page, ids[-1])
    page.session.wake("online")
    await stage.until(lambda: len(window_of(page).tasks) <= 4)
    laid_by = await page.session.past.read_ids()
    assert set(laid_by) == set(ids) - set(window_of(page).tasks)
    assert [row.prompt_id for row in await page.session.past.read_rows(laid_by)] == list(laid_by)
    assert (await page.session.past.read_task(laid_by[0])).workflow
    await page.session.past.delete(laid_by[:1])
    assert len(await page.session.past.read_ids()) == len(laid_by) - 1
    assert ids[0] not in traces(stage)


@scene
async def test_a_private_task_is_deleted_with_what_it_made(stage: Stage) -> None:
    page = await private_window(stage)
    prompt_id = await stage.run(page)
    await stage.ended(page, prompt_id)
    await page.session.delete_task(prompt_id)
    assert prompt_id not in window_of(page).tasks
    assert await page.session.results.read(prompt_id) is None
