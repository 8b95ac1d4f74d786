"""A tab as the page sees it: its own session and its crew's together."""

from __future__ import annotations

from app.core.model import BatchId, Task, TaskState
from app.session.tab import Tab
from app.workflows.runs import Count, plan_runs
from tests.simulation.world import Page, a_workflow
from tests.unit.session.stage import Stage, scene
from tests.unit.session.test_crew import all_home, all_tasks, spread


def unfinished(page: Page) -> list[Task]:
    return [task for task in all_tasks(page) if not task.state.is_end]


@scene
async def test_a_tab_shows_everybodys_work_and_reaches_it(stage: Stage) -> None:
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
async def test_what_the_crew_would_lose_the_tab_would_lose(stage: Stage) -> None:
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
