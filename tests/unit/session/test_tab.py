"""A tab as the page sees it: its own session and its crew's together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.balancer import Leaning
from app.core.errors import BadInput, ConnectError, NoServerAvailable, StorageError
from app.core.model import BatchId, Contact, Delivery, PromptId, ServerId, Task, TaskState
from app.core.ports.blobs import KeepSettings
from app.core.server_fingerprint import RestartSign
from app.core.window import Window
from app.session import Session
from app.session.facts import Noticed
from app.session.tab import Tab
from app.workflows.plans.runs import Count, plan_runs
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow
from tests.unit.session.stage import A, B, C, Stage, line_of, scene
from tests.unit.session.test_capability import NODES, open_window
from tests.unit.session.test_crew import all_home, all_tasks, spread, tasks_of
from tests.unit.session.test_visits import make_and_forget

COSTLY = {**NODES, "SlowSteps": {**NODES["SlowSteps"], "api_node": True}}


def unfinished(page: Page) -> list[Task]:
    return [task for task in all_tasks(page) if not task.state.is_end]


@scene
async def test_tab_shows_and_reaches_work_of_all_sessions(stage: Stage) -> None:
    page = await stage.window()
    tab = Tab(page.crew)
    await spread(stage, page, 6, 3, steps=40)
    await stage.until(lambda: len(all_tasks(page)) == 6)
    assert len(tab.windows) == 3 and tab.windows[0] is tab.window
    mates = next(task for task in all_tasks(page) if "+" in task.owner)
    await tab.cancel(mates.prompt_id)
    await stage.until(lambda: len(unfinished(page)) == 5)
    await stage.until(all_home(page, 6))
    await stage.until(lambda: any(task.state is TaskState.CANCELLED for task in all_tasks(page)))
    await tab.delete_task(mates.prompt_id)
    assert mates.prompt_id not in {task.prompt_id for task in all_tasks(page)}
    done = next(task for task in all_tasks(page) if "+" in task.owner and task.outputs)
    assert await tab.results.read(done.prompt_id) is not None
    await tab.results.delete_all()
    assert await tab.results.fetch(done.prompt_id) is not None, "from that session's own server"


@scene
async def test_loose_ends_of_crew_are_those_of_tab(stage: Stage) -> None:
    page = await stage.window()
    tab = Tab(page.crew)
    await spread(stage, page, 6, 3, steps=40)
    await stage.until(lambda: any(mate.has_loose_ends for mate in page.crew.sessions))
    assert tab.has_loose_ends
    await stage.until(all_home(page, 6))
    assert not tab.has_loose_ends


@scene
async def test_cancel_mine_reaches_the_crew(stage: Stage) -> None:
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


async def with_mate(stage: Stage, *, steps: int = 900) -> tuple[Page, Tab, Session, Task]:
    """A tab with one crew session that has a running task, and that task."""
    page = await stage.window()
    await spread(stage, page, 4, 2, steps=steps)
    await stage.until(lambda: len(all_tasks(page)) == 4 and not page.session.line.sending)
    (mate,) = page.crew.sessions
    await stage.until(lambda: any(task.state is TaskState.RUNNING for task in tasks_of(mate)))
    return page, Tab(page.crew), mate, next(task for task in tasks_of(mate) if task.state is TaskState.RUNNING)


@scene
async def test_other_operations_go_to_own_session(stage: Stage) -> None:
    page, tab, _, _ = await with_mate(stage)
    session, state = page.session, page.session._state
    state.fleet_error = ConnectError(None, "network")
    for name in (
        "window",
        "identity",
        "fleet",
        "fleet_error",
        "orphans",
        "orphan_records",
        "line",
        "files",
        "models",
        "model_downloads",
    ):
        assert getattr(tab, name) is getattr(session, name) is not None, name
    sha256 = await tab.keep_input(Bytes(b"picture"))
    assert sha256 == await session.keep_input(Bytes(b"picture"))
    tab.name_project("harbour")
    assert state.tab.project == "harbour"
    tab.lean({A: Leaning.AVOID})
    assert state.leanings == {A: Leaning.AVOID}
    calls: list[str] = []
    leave = tab.subscribe(lambda: calls.append("change"))
    state.changed()
    leave()
    state.changed()
    assert calls == ["change"]


@scene
async def test_tab_shows_state_of_crew_sessions(stage: Stage) -> None:
    page, tab, mate, task = await with_mate(stage)
    key = task.prompt_id
    await stage.until(lambda: key in mate.progress and key in mate.previews)
    assert tab.progress[key] == mate.progress[key]
    assert tab.previews[key] == mate.previews[key]
    await stage.until(lambda: mate.outlook(task).eta is not None)
    assert tab.outlook(task).eta is not None
    state = mate._state
    state.stalled = frozenset({key})
    assert tab.stalled == {key}
    state.stillness[key] = state.stillness[key].polled(state.stillness[key].polled_at + 7.0)
    assert tab.still_for(key) == mate.still_for(key) >= 7.0
    state.noticed[A] = Noticed(RestartSign.ANOTHER, 1.0)
    assert tab.noticed == {A: Noticed(RestartSign.ANOTHER, 1.0)}
    page.session._state.noticed[A] = Noticed(RestartSign.HISTORY_GONE, 2.0)
    assert tab.noticed[A].sign is RestartSign.HISTORY_GONE, "the tab's own comes first"
    assert tab.store_error is None
    state.store_error = error = StorageError("update", "quota")
    assert tab.store_error is error


@scene
async def test_operations_reach_work_of_crew_sessions(stage: Stage) -> None:
    _, tab, mate, task = await with_mate(stage)
    since = stage.now
    await tab.look_again(task.prompt_id)
    assert [item for item in stage.requests("GET", "/queue", since) if item.server_id == task.server_id]
    other = next(item.prompt_id for item in tasks_of(mate) if item.prompt_id != task.prompt_id)
    await tab.cancel(other)
    await stage.until(lambda: {item.prompt_id: item.state for item in tasks_of(mate)}[other].is_end)
    repeated = await tab.run_again(task.prompt_id)
    assert repeated in {item.prompt_id for item in tasks_of(mate)}, "who holds its server"
    assert {item.prompt_id: item.state for item in tasks_of(mate)}[task.prompt_id] is TaskState.RUNNING
    await tab.give_up(task.prompt_id)
    assert {item.prompt_id: item.state for item in tasks_of(mate)}[task.prompt_id] is TaskState.GIVEN_UP
    stage.move_server(task.server_id, "http://elsewhere.test:8188")
    await stage.until(lambda: all(item.contact is Contact.MOVED for item in tasks_of(mate) if not item.state.is_end))
    await tab.confirm_move(repeated)
    await stage.until(lambda: all(item.contact is Contact.OK for item in tasks_of(mate)))


@scene
async def test_unreadable_record_of_crew_is_given_up_by_tab(stage: Stage) -> None:
    _, tab, mate, task = await with_mate(stage)
    records = stage.world.database.tasks
    records[task.prompt_id] = {**records[task.prompt_id], "state": "paused"}
    await mate.verify()
    assert isinstance(mate.window, Window)
    assert [item.prompt_id for item in mate.window.unreadable] == [task.prompt_id]
    await tab.give_up(task.prompt_id)
    assert task.prompt_id not in records


@scene
async def test_click_belongs_to_own_session_and_can_be_dismissed(stage: Stage) -> None:
    page = await stage.window()
    tab = Tab(page.crew)
    prompt_id = await tab.run(a_workflow(3, 1, None), title="dunes", server_id=B)
    (task,) = tasks_of(page.session)
    assert (task.prompt_id, task.title, task.server_id) == (prompt_id, "dunes", B)
    await stage.ended(page, prompt_id)
    for number in (2, 3):
        with pytest.raises(NoServerAvailable):
            await tab.run(a_workflow(3, number, None), server_id=ServerId("gone"))
    first, second = tab.runs
    await tab.dismiss_run(first.prompt_id)
    assert tab.runs == (second,)
    await tab.dismiss_run(second.prompt_id)
    assert tab.runs == ()


@scene
async def test_orphans_are_adopted_by_own_session(stage: Stage) -> None:
    gone = await stage.window()
    prompt_id = await stage.run(gone, steps=400, server_id=C)
    stage.world.leave(gone, crashed=True)
    page = await stage.window()
    tab = Tab(page.crew)
    assert [item.task.prompt_id for item in await tab.find_orphans()] == [prompt_id]
    assert (await tab.adopt(prompt_id)).is_ward
    assert prompt_id in {task.prompt_id for task in tasks_of(page.session)}


@scene
async def test_queries_to_servers_go_through_own_session(stage: Stage) -> None:
    page, _ = await open_window(stage, {A: NODES})
    tab = Tab(page.crew)
    workflow = a_workflow(3, 1, None)
    assert await tab.standing(workflow) == await page.session.standing(workflow)
    known = await tab.catalogue(A, frozenset({"SlowSteps"}))
    assert known is not None and "SlowSteps" in known.entries
    with pytest.raises(BadInput):
        await tab.choices(A, "/x")
    asked: list[str] = []

    async def refresh_all() -> None:
        asked.append("all")

    page.session._submitter.capable.refresh_all = refresh_all  # type: ignore[method-assign]
    await tab.refresh_catalogues()
    assert asked == ["all"]


@scene
async def test_costs_of_crew_tasks_are_known_to_tab(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: NODES, B: COSTLY, C: NODES})
    page.crew._ports = replace(page.crew._ports, catalogues=catalogues)
    await spread(stage, page, 4, 2)
    await stage.until(all_home(page, 4))
    (mate,) = page.crew.sessions
    assert await Tab(page.crew).uses_credits(tasks_of(mate)[0].prompt_id)


# What was made


@scene
async def test_result_that_only_its_server_knows_is_visited_by_tab(stage: Stage) -> None:
    prompt_id, data = await make_and_forget(stage)
    page = await stage.window()
    tab = Tab(page.crew)
    task = await tab.visit(A, prompt_id)
    assert task is not None and (task.prompt_id, task.server_id) == (prompt_id, A)
    blob = await tab.results.fetch(prompt_id)
    assert blob is not None and await blob.read() == data


@scene
async def test_page_gets_deliveries_and_drawings_of_crew_once(stage: Stage) -> None:
    page = await stage.window()
    tab = Tab(page.crew)
    await spread(stage, page, 4, 2)
    await stage.until(all_home(page, 4))
    assert tab.results.take_fresh().keys() == {(task.prompt_id, 0) for task in all_tasks(page)}
    assert tab.results.take_fresh() == {}
    (mate,) = page.crew.sessions
    done = tasks_of(mate)[0].prompt_id
    await tab.results.keep_drawing(done, 0, Bytes(b"a model", "image/png"))
    small = await tab.results.read_thumbnail(done)
    assert small is not None and await small.read() == b"small a model"


@scene
async def test_kept_results_are_shared_by_tab(stage: Stage) -> None:
    page = await stage.window()
    tab = Tab(page.crew)
    await spread(stage, page, 4, 2)
    await stage.until(all_home(page, 4))
    (mate,) = page.crew.sessions
    done = tasks_of(mate)[0]
    assert (await bytes_of_first(tab, done.prompt_id)) is not None
    assert await tab.results.read_thumbnail(done.prompt_id) is not None
    assert await tab.results.read_thumbnail(done.prompt_id, 1) is None
    await stage.until(lambda: tab.results.usage is not None and tab.results.usage.count == 4)
    assert tab.results.deletions == 0
    await tab.results.delete_all()
    assert (tab.results.deletions, await bytes_of_first(tab, done.prompt_id)) == (1, None)
    await stage.until(lambda: all(item.outputs[0].delivery is Delivery.DROPPED for item in all_tasks(page)))
    asked = stage.world.database.persist_asked
    await tab.results.ask_promise()
    assert stage.world.database.persist_asked == asked + 1


@scene
async def test_keep_settings_apply_to_all_sessions(stage: Stage) -> None:
    page = await stage.window()
    tab = Tab(page.crew)
    await spread(stage, page, 4, 2)
    await stage.until(all_home(page, 4))
    await tab.results.configure(KeepSettings(0))
    assert stage.world.database.settings == KeepSettings(0)
    await stage.until(lambda: all(item.outputs[0].delivery is Delivery.DROPPED for item in all_tasks(page)))


async def bytes_of_first(tab: Tab, prompt_id: PromptId) -> bytes | None:
    blob = await tab.results.read(prompt_id)
    return None if blob is None else await blob.read()


@pytest.mark.usefixtures("few")
@scene
async def test_past_tasks_are_shared_by_tab(stage: Stage) -> None:
    page = await stage.window()
    tab = Tab(page.crew)
    other = await stage.window()
    theirs = await stage.run(other)
    await stage.ended(other, theirs)
    await spread(stage, page, 14, 2)
    await stage.until(lambda: page.crew.sessions and all(len(tasks_of(item)) <= 4 for item in page.crew.all_sessions))
    await stage.until(lambda: not page.session.line.sending and not line_of(page).entries)
    await stage.until(lambda: all(len(tasks_of(item)) <= 4 for item in page.crew.all_sessions))
    assert all(item.past.changes for item in page.crew.all_sessions)
    assert tab.past.changes == sum(item.past.changes for item in page.crew.all_sessions)
    ids = await tab.past.read_ids()
    assert list(ids) == list(await page.session.past.read_ids())
    assert [row.prompt_id for row in await tab.past.read_rows(ids)] == list(ids)
    assert theirs in {row.prompt_id for row in await tab.past.read_others()}
    assert (await tab.past.read_task(ids[0])).prompt_id == ids[0]
    await tab.past.delete(ids[:1])
    assert ids[0] not in await tab.past.read_ids()
