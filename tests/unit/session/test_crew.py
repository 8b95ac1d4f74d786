"""The crew, played: more sessions in one tab, each with its own id, server and records, fed from one waiting line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.core.line import AHEAD, Line, crew_id
from app.core.model import Task, TaskState
from app.core.window import Window
from app.session import Session
from app.workflows.runs import Seeds, plan_runs
from app.workflows.targets import Target
from tests.simulation.world import Page, a_workflow
from tests.unit.session.stage import Stage, scene, window_of


async def spread(stage: Stage, page: Page, count: int, hands: int, *, steps: int = 8) -> None:
    """Let so many runs wait for so many sessions."""
    stage._seed += 1
    workflow = a_workflow(steps, stage._seed, None)
    first = stage._seed * 1000
    runs = plan_runs(workflow, Seeds(Target("2", "nonce"), tuple(range(first, first + count))))
    await page.session.line.add(workflow, runs, title="many", hands=hands)


def tasks_of(session: Session) -> list[Task]:
    return list(session.window.tasks.values()) if isinstance(session.window, Window) else []


def all_tasks(page: Page) -> list[Task]:
    return [task for session in page.crew.everybody for task in tasks_of(session)]


def line_of(page: Page) -> Line:
    assert page.session.line.line is not None
    return page.session.line.line


def all_home(page: Page, count: int) -> Callable[[], bool]:
    def is_so() -> bool:
        tasks = all_tasks(page)
        return (
            page.session.line.line is not None
            and not line_of(page).entries
            and len(tasks) == count
            and all(task.is_delivered for task in tasks)
        )

    return is_so


def posts(stage: Stage) -> int:
    return len(stage.requests("POST", "/prompt"))


@scene
async def test_a_crew_spreads_over_the_servers_two_ahead_on_each(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 12, 3, steps=40)
    await stage.until(lambda: len(all_tasks(page)) == 3 * AHEAD)
    await stage.sleep(0.5)
    assert len(page.crew.everybody) == 3
    for session in page.crew.everybody:
        assert len([task for task in tasks_of(session) if not task.state.is_end]) <= AHEAD
    await stage.until(all_home(page, 12))
    assert {task.server_id for task in all_tasks(page)} == {"gpu-1", "gpu-2", "gpu-3"}
    assert posts(stage) == 12
    assert {task.state for task in all_tasks(page)} == {TaskState.SUCCEEDED}


@scene
async def test_each_of_a_crew_is_a_window_of_its_own(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 9, 3)
    await stage.until(lambda: len(page.crew.sessions) == 2)
    await stage.until(all_home(page, 9))
    windows = [session.window for session in page.crew.everybody if isinstance(session.window, Window)]
    me = window_of(page).window_id
    assert [window.window_id for window in windows] == [me, crew_id(me, 1), crew_id(me, 2)]
    assert len({window.client_id for window in windows}) == 3
    for session in page.crew.everybody:
        for task in tasks_of(session):
            assert page.crew.session_of(task.prompt_id) is session
            assert isinstance(session.window, Window)
            assert (task.owner, task.client_id) == (session.window.window_id, session.window.client_id)
    assert all(isinstance(session.violations(), tuple) and not session.violations() for session in page.crew.everybody)


@scene
async def test_a_line_for_one_server_needs_no_crew(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 4, 1)
    await stage.until(all_home(page, 4))
    assert page.crew.sessions == ()
    await spread(stage, page, 6, 2)
    await stage.until(lambda: len(page.crew.sessions) == 1)
    await page.session.line.spread(1)
    await stage.until(all_home(page, 10))


@pytest.mark.parametrize("crashed", [False, True])
@scene
async def test_a_reload_takes_the_crew_up_again_with_all_its_work(stage: Stage, crashed: bool) -> None:
    page = await stage.window()
    await spread(stage, page, 9, 3, steps=20)
    for _ in range(3):
        await stage.sleep(1.5)
        page = await stage.reload(page, crashed=crashed)
    await stage.until(all_home(page, 9))
    assert posts(stage) == 9
    page = await stage.reload(page)
    await stage.until(all_home(page, 9))
    assert len(page.crew.sessions) == 2, "whoever owns results is here again, though nothing waits"
    assert page.session.orphans == ()


@scene
async def test_a_duplicated_tab_has_none_of_the_crew(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 9, 3, steps=40)
    await stage.until(lambda: len(all_tasks(page)) == 6)
    twin = await stage.window(page.tab.duplicate())
    await stage.sleep(20.0)
    assert (all_tasks(twin), twin.crew.sessions, twin.session.orphans) == ([], (), ())
    await stage.until(all_home(page, 9))


@scene
async def test_the_work_of_a_dead_crew_is_found_and_adopted_as_any_windows(stage: Stage) -> None:
    gone = await stage.window()
    await spread(stage, gone, 9, 3, steps=40)
    await stage.until(lambda: len(all_tasks(gone)) == 6 and not gone.session.line.sending)
    owners = {task.owner for task in all_tasks(gone)}
    stage.world.leave(gone, crashed=True)
    heir = await stage.window()
    await stage.until(lambda: len(heir.session.orphans) == 6 and heir.session.line.orphans)
    assert {item.task.owner for item in heir.session.orphans} == owners
    for orphan in heir.session.orphans:
        await heir.session.adopt(orphan.task.prompt_id)
    await heir.session.line.adopt(heir.session.line.orphans[0].owner)
    assert line_of(heir).hands == 3, "it goes on as the person wished"
    await stage.until(all_home(heir, 9))
    assert posts(stage) == 9
    assert len(heir.crew.sessions) == 2


@scene
async def test_a_pause_holds_for_the_whole_crew_and_cancel_mine_stops_all_of_it(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    theirs = await stage.run(other, steps=200)
    await spread(stage, page, 12, 3, steps=200)
    await stage.until(lambda: len(all_tasks(page)) == 6)
    await page.session.line.pause()
    await page.session.line.cancel_mine()
    await stage.until(lambda: all(task.state is TaskState.CANCELLED for task in all_tasks(page)))
    assert (len(all_tasks(page)), line_of(page).entries) == (6, ())
    assert (await stage.ended(other, theirs)).state is TaskState.SUCCEEDED


@scene
async def test_one_dead_server_holds_up_nobody_but_the_session_that_is_moored_there(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 12, 3, steps=10)
    await stage.until(lambda: len(all_tasks(page)) == 6)
    held = next(session for session in page.crew.everybody if tasks_of(session))
    assert isinstance(held.window, Window)
    server_id = held.window.window_locked_server
    assert server_id is not None
    stage.world.sims[server_id].is_down = True
    await stage.until(lambda: not line_of(page).entries and not page.session.line.sending)
    assert len([task for task in all_tasks(page) if task.failure]) <= 1, "what is known not to answer is sent nothing"
    stage.world.sims[server_id].is_down = False
    await stage.until(lambda: all(task.is_delivered for task in all_tasks(page)))
    done = [task for task in all_tasks(page) if task.state is TaskState.SUCCEEDED]
    assert sorted(task.part.index for task in done if task.part) == list(range(12))


@scene
async def test_news_of_the_fleet_and_its_absence_reach_the_crew(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 40, 2, steps=40)
    await stage.until(lambda: page.crew.sessions and page.crew.sessions[0].fleet.servers)
    (mate,) = page.crew.sessions
    stage.world.network.is_down = True
    await stage.until(lambda: mate.fleet_error is not None)
    stage.world.network.is_down = False
    await stage.until(lambda: mate.fleet_error is None)
    stage.world.network.removed.add(stage.world.machines[0].name)  # type: ignore[arg-type]
    await stage.until(lambda: len(mate.fleet.servers) == 2)
