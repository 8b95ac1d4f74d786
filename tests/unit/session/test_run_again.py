"""Running a task elsewhere gives the old one up, so another server must be available first.

While other work holds the window, another session of the tab sends it.
"""

from __future__ import annotations

import json

import pytest

from app.core.errors import BadInput, NoServerAvailable
from app.core.model import NodeId, TaskState, Template
from app.core.workflow import parse_workflow
from app.workflows.plans.runs import PlannedRun
from tests.kit.stage import PHOTO, A, B, C, Stage, line_of, scene, task_of, window_of
from tests.simulation.store import Bytes
from tests.simulation.world import a_workflow
from wire.turns import AHEAD


@scene
async def test_elsewhere_gives_up_nothing_without_another_server(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    for name in (B, C):
        stage.world.sims[name].is_down = True
    with pytest.raises(NoServerAvailable) as caught:
        await page.session.run_again(prompt_id, elsewhere=True)
    assert set(caught.value.causes) >= {B, C}
    assert task_of(page, prompt_id).state is TaskState.RUNNING
    await page.session.cancel(prompt_id)


@scene
async def test_elsewhere_beside_other_work_is_sent_by_another_window(stage: Stage) -> None:
    page = await stage.window()
    first, second = [await stage.run(page, steps=900, server_id=A) for _ in range(2)]
    stage.world.sims[A].awake.clear()
    again = await page.session.run_again(first, elsewhere=True)
    await stage.until(lambda: page.worker_of(again) is not None)
    assert page.worker_of(again) in page.others
    task = await page.session.wait_for(again)
    assert (task.state, task.again_of, task.server_id == A) == (TaskState.SUCCEEDED, first, False)
    assert (task_of(page, first).state, task_of(page, second).state.is_end) == (TaskState.GIVEN_UP, False)
    assert window_of(page).window_locked_server == A, "the window sends to its own server only"
    stage.world.sims[A].awake.set()


@scene
async def test_elsewhere_does_not_wait_for_the_server_that_it_avoids(stage: Stage) -> None:
    page = await stage.window()
    old = await stage.run(page, server_id=A)
    await stage.ended(page, old)
    for _ in range(AHEAD):
        await stage.run(page, steps=900, server_id=A)
    again = await page.session.run_again(old, elsewhere=True)
    await stage.until(lambda: page.worker_of(again) is not None)
    assert line_of(page).entries == ()


@scene
async def test_elsewhere_uses_another_server_and_gives_up_old_task(stage: Stage) -> None:
    page = await stage.window()
    old = await stage.run(page, steps=900, server_id=A, picture=PHOTO)
    await stage.until_running(page, old)
    new = await page.session.run_again(old, elsewhere=True)
    assert task_of(page, old).state is TaskState.GIVEN_UP
    assert task_of(page, new).server_id != A
    assert task_of(page, new).again_of == old
    assert [item.sha256 for item in task_of(page, new).inputs] == [item.sha256 for item in task_of(page, old).inputs]


@scene
async def test_missing_input_refuses_run_and_is_named(stage: Stage) -> None:
    page = await stage.window()
    old = await stage.run(page, server_id=A, picture=PHOTO)
    await stage.ended(page, old)
    stage.world.database.inputs.clear()
    with pytest.raises(BadInput, match="photo"):
        await page.session.run_again(old)
    assert len(stage.requests("POST", "/prompt")) == 1


@scene
async def test_upload_of_a_script_is_copied_to_another_server(stage: Stage) -> None:
    page = await stage.window()
    uploaded = await page.session.upload_image(Bytes(PHOTO, "image/png"), "photo.png")
    graph = json.loads(a_workflow(2, 1, PHOTO).text)
    graph["1"]["inputs"]["image"] = uploaded.input_value
    old = await page.session.submit_workflow(parse_workflow(graph))
    first = await stage.ended(page, old)
    assert (first.state, [(item.node_id, item.input_name) for item in first.inputs]) == (
        TaskState.SUCCEEDED,
        [("1", "image")],
    )
    new = await page.session.run_again(old, elsewhere=True)
    task = await stage.ended(page, new)
    assert (task.state, task.server_id == task_of(page, old).server_id) == (TaskState.SUCCEEDED, False)
    assert [item.original_name for item in task.inputs] == ["photo.png"]


@scene
async def test_repeated_run_keeps_the_template_of_its_prompt(stage: Stage) -> None:
    page = await stage.window()
    made = (Template(NodeId("2"), "text", "a {calm|grey} sea"),)
    first = await page.session.run(a_workflow(3, 1, None), title="drawn", server_id=A, templates=made)
    await stage.ended(page, first)
    second = await page.session.run_again(first)
    assert task_of(page, first).templates == task_of(page, second).templates == made
    assert task_of(page, second).workflow == task_of(page, first).workflow


@scene
async def test_waiting_run_keeps_the_template_of_its_prompt(stage: Stage) -> None:
    page = await stage.window()
    made = (Template(NodeId("2"), "text", "a {calm|grey} sea"),)
    runs = [PlannedRun(0, {}, "first", templates=made), PlannedRun(1, {}, "second")]
    await page.session.line.add(a_workflow(3, 1, None), runs)
    await stage.until(lambda: len(window_of(page).tasks) == 2)
    assert {task.part.label: task.templates for task in window_of(page).tasks.values() if task.part} == {
        "first": made,
        "second": (),
    }


@scene
async def test_other_values_make_a_run_of_its_own(stage: Stage) -> None:
    page = await stage.window()
    old = await stage.run(page, server_id=A, picture=PHOTO)
    await stage.ended(page, old)
    key = ("1", "steps")
    before = parse_workflow(task_of(page, old).workflow)
    new = await page.session.run_again(old, values={key: 3})
    after = task_of(page, new)
    assert parse_workflow(after.workflow).value(*key) == 3 != before.value(*key)
    assert after.again_of is None and after.title == task_of(page, old).title
    assert [item.sha256 for item in after.inputs] == [item.sha256 for item in task_of(page, old).inputs]
