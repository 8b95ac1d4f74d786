"""What a session shows and does for the work of all its windows."""

from __future__ import annotations

import pytest

from app.core.errors import NoServerAvailable
from app.core.model import BatchId, Contact, Delivery, PromptId, ServerId, Task, TaskState
from app.core.ports.blobs import KeepSettings
from app.session.waiting.worker import WindowWorker
from app.workflows.plans.runs import Count, plan_runs
from tests.kit.stage import A, B, C, Stage, line_of, scene
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow
from tests.unit.session.test_capability import NODES, open_window
from tests.unit.session.test_visits import make_and_forget
from tests.unit.session.test_windows import all_home, all_tasks, spread, tasks_of

COSTLY = {**NODES, "SlowSteps": {**NODES["SlowSteps"], "api_node": True}}


def unfinished(page: Page) -> list[Task]:
    return [task for task in all_tasks(page) if not task.state.is_end]


@scene
async def test_session_shows_and_reaches_work_of_all_windows(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 6, 3, steps=40)
    await stage.until(lambda: len(all_tasks(page)) == 6)
    assert len(page.session.windows) == 3 and page.session.windows[0] is page.session.window
    theirs = next(task for task in all_tasks(page) if "+" in task.owner)
    await page.session.cancel(theirs.prompt_id)
    await stage.until(lambda: len(unfinished(page)) == 5)
    await stage.until(all_home(page, 6))
    await stage.until(lambda: any(task.state is TaskState.CANCELLED for task in all_tasks(page)))
    await page.session.delete_task(theirs.prompt_id)
    assert theirs.prompt_id not in {task.prompt_id for task in all_tasks(page)}
    done = next(task for task in all_tasks(page) if "+" in task.owner and task.delivery.outputs)
    assert await page.session.results.read(done.prompt_id) is not None
    await page.session.results.delete_all()
    assert await page.session.results.fetch(done.prompt_id) is not None, "from that session's own server"


@scene
async def test_cancel_mine_reaches_all_windows(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 12, 3, steps=400)
    await stage.until(lambda: len(all_tasks(page)) == 6)
    await page.session.line.cancel_mine()
    await stage.until(lambda: not unfinished(page))
    assert page.session.line.line is not None and not page.session.line.line.entries
    assert {task.state for task in all_tasks(page)} == {TaskState.CANCELLED}


@scene
async def test_cancel_mine_of_one_plan_leaves_the_others(stage: Stage) -> None:
    page = await stage.window()
    line = page.session.line

    async def plan(count: int) -> BatchId:
        stage._seed += 1
        workflow = a_workflow(200, stage._seed, None)
        return await line.add(workflow, plan_runs(workflow, Count(count)), title="many")

    first, second = await plan(3), await plan(2)
    await stage.until(lambda: len(unfinished(page)) == 2)
    await line.cancel_mine(first)
    assert line.line is not None
    assert {item.batch_id for item in line.line.entries} <= {second}
    await stage.until(lambda: {task.part.batch_id for task in unfinished(page) if task.part} == {second})
    cancelled = [task for task in all_tasks(page) if task.state is TaskState.CANCELLED]
    assert {task.part.batch_id for task in cancelled if task.part} == {first}


async def with_other(stage: Stage, *, steps: int = 900) -> tuple[Page, WindowWorker, Task]:
    """A page with another window that has a running task, and that task."""
    page = await stage.window()
    await spread(stage, page, 4, 2, steps=steps)
    await stage.until(lambda: len(all_tasks(page)) == 4 and not page.session.line.sending)
    (other,) = page.others
    await stage.until(lambda: any(task.state is TaskState.RUNNING for task in tasks_of(other)))
    return page, other, next(task for task in tasks_of(other) if task.state is TaskState.RUNNING)


@scene
async def test_progress_and_previews_of_all_windows_are_shown(stage: Stage) -> None:
    page, _, task = await with_other(stage)
    session, key = page.session, task.prompt_id
    await stage.until(lambda: key in session.progress and key in session.previews)
    await stage.until(lambda: session.outlook(task).eta is not None)
    assert {item.prompt_id for item in all_tasks(page) if item.state is TaskState.RUNNING} <= session.progress.keys()


@scene
async def test_poll_proves_the_deafness_of_that_windows_socket(stage: Stage) -> None:
    page, other, task = await with_other(stage, steps=300)
    await stage.until(lambda: other.window.socket.state == "open")
    server = stage.world.sims[task.server_id]
    server.disconnect(server.connect(task.client_id, lambda _: None, lambda: None))  # the server forgets the id
    await stage.until(lambda: other.window.socket.deaf == 1)
    await stage.until(lambda: other.window.socket.state == "open" and other.window.socket.reconnects == 1)
    assert page.session.socket.deaf == page.session.socket.reconnects == 0
    await stage.until(all_home(page, 4))


@scene
async def test_operations_reach_work_of_other_windows(stage: Stage) -> None:
    page, other, task = await with_other(stage)
    since = stage.now
    await page.session.look_again(task.prompt_id)
    assert [item for item in stage.requests("GET", "/queue", since) if item.server_id == task.server_id]
    second = next(item.prompt_id for item in tasks_of(other) if item.prompt_id != task.prompt_id)
    await page.session.cancel(second)
    await stage.until(lambda: other.window.get("test").tasks[second].state.is_end)
    repeated = await page.session.run_again(task.prompt_id)
    assert repeated in {item.prompt_id for item in tasks_of(other)}, "the window that holds its server"
    assert {item.prompt_id: item.state for item in tasks_of(other)}[task.prompt_id] is TaskState.RUNNING
    await page.session.give_up(task.prompt_id)
    assert {item.prompt_id: item.state for item in tasks_of(other)}[task.prompt_id] is TaskState.GIVEN_UP
    stage.move_server(task.server_id, "http://elsewhere.test:8188")
    await stage.until(
        lambda: all(item.progress.contact is Contact.MOVED for item in tasks_of(other) if not item.state.is_end)
    )
    await page.session.confirm_move(repeated)
    await stage.until(lambda: all(item.progress.contact is Contact.OK for item in tasks_of(other)))


@scene
async def test_unreadable_record_of_another_window_is_given_up(stage: Stage) -> None:
    page, other, task = await with_other(stage)
    records = stage.world.database.tasks
    records[task.prompt_id] = {**records[task.prompt_id], "state": "paused"}
    await page.session.verify()
    assert [item.prompt_id for item in other.window.get("test").unreadable] == [task.prompt_id]
    await page.session.give_up(task.prompt_id)
    assert task.prompt_id not in records


@scene
async def test_click_belongs_to_own_window_and_can_be_dismissed(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await page.session.run(a_workflow(3, 1, None), title="dunes", server_id=B)
    (task,) = tasks_of(page.own)
    assert (task.prompt_id, task.title, task.server_id) == (prompt_id, "dunes", B)
    await stage.ended(page, prompt_id)
    for number in (2, 3):
        with pytest.raises(NoServerAvailable):
            await page.session.run(a_workflow(3, number, None), server_id=ServerId("gone"))
    first, second = page.session.runs
    await page.session.dismiss_run(first.prompt_id)
    assert page.session.runs == (second,)
    await page.session.dismiss_run(second.prompt_id)
    assert page.session.runs == ()


@scene
async def test_orphans_are_adopted_by_own_window(stage: Stage) -> None:
    gone = await stage.window()
    prompt_id = await stage.run(gone, steps=400, server_id=C)
    stage.world.leave(gone, crashed=True)
    page = await stage.window()
    assert [item.task.prompt_id for item in await page.session.find_orphans()] == [prompt_id]
    assert (await page.session.adopt(prompt_id)).is_ward
    assert prompt_id in {task.prompt_id for task in tasks_of(page.own)}


@scene
async def test_costs_of_tasks_of_other_windows_are_known(stage: Stage) -> None:
    page, _ = await open_window(stage, {A: NODES, B: COSTLY, C: NODES})
    await spread(stage, page, 4, 2)
    await stage.until(all_home(page, 4))
    (other,) = page.others
    assert await page.session.uses_credits(tasks_of(other)[0].prompt_id)


@scene
async def test_result_that_only_its_server_knows_is_visited(stage: Stage) -> None:
    prompt_id, data = await make_and_forget(stage)
    page = await stage.window()
    task = await page.session.visit(A, prompt_id)
    assert task is not None and (task.prompt_id, task.server_id) == (prompt_id, A)
    blob = await page.session.results.fetch(prompt_id)
    assert blob is not None and await blob.read() == data


@scene
async def test_page_gets_deliveries_of_all_windows_once(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 4, 2)
    await stage.until(all_home(page, 4))
    assert page.session.results.take_fresh().keys() == {(task.prompt_id, 0) for task in all_tasks(page)}
    assert page.session.results.take_fresh() == {}
    (other,) = page.others
    done = tasks_of(other)[0].prompt_id
    await page.session.results.keep_drawing(done, 0, Bytes(b"a model", "image/png"))
    small = await page.session.results.read_thumbnail(done)
    assert small is not None and await small.read() == b"small a model"


@scene
async def test_kept_results_of_all_windows_are_read_and_deleted(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 4, 2)
    await stage.until(all_home(page, 4))
    (other,) = page.others
    done = tasks_of(other)[0]
    assert (await bytes_of_first(page, done.prompt_id)) is not None
    assert await page.session.results.read_thumbnail(done.prompt_id) is not None
    assert await page.session.results.read_thumbnail(done.prompt_id, 1) is None
    await stage.until(lambda: page.session.results.usage is not None and page.session.results.usage.count == 4)
    assert page.session.results.deletions == 0
    await page.session.results.delete_all()
    assert (page.session.results.deletions, await bytes_of_first(page, done.prompt_id)) == (1, None)
    await stage.until(lambda: all(item.delivery.outputs[0].delivery is Delivery.DROPPED for item in all_tasks(page)))
    asked = stage.world.database.persist_asked
    await page.session.results.ask_promise()
    assert stage.world.database.persist_asked == asked + 1


@scene
async def test_keep_settings_apply_to_all_windows(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 4, 2)
    await stage.until(all_home(page, 4))
    await page.session.results.configure(KeepSettings(0))
    assert stage.world.database.settings == KeepSettings(0)
    await stage.until(lambda: all(item.delivery.outputs[0].delivery is Delivery.DROPPED for item in all_tasks(page)))


async def bytes_of_first(page: Page, prompt_id: PromptId) -> bytes | None:
    blob = await page.session.results.read(prompt_id)
    return None if blob is None else await blob.read()


@pytest.mark.usefixtures("few")
@scene
async def test_past_tasks_of_all_windows_are_read(stage: Stage) -> None:
    page = await stage.window()
    other = await stage.window()
    theirs = await stage.run(other)
    await stage.ended(other, theirs)
    await spread(stage, page, 14, 2)
    await stage.until(lambda: page.others and all(len(tasks_of(item)) <= 4 for item in page.session.workers))
    await stage.until(lambda: not page.session.line.sending and not line_of(page).entries)
    await stage.until(lambda: all(len(tasks_of(item)) <= 4 for item in page.session.workers))
    assert page.session.past.changes
    ids = await page.session.past.read_ids()
    assert list(ids) == list(await page.session.past.read_ids())
    assert [row.prompt_id for row in await page.session.past.read_rows(ids)] == list(ids)
    assert theirs in {row.prompt_id for row in await page.session.past.read_others()}
    assert (await page.session.past.read_task(ids[0])).prompt_id == ids[0]
    await page.session.past.delete(ids[:1])
    assert ids[0] not in await page.session.past.read_ids()
