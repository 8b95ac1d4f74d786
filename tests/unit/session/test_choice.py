"""The choice of a server: learned times decide the next one, drained servers are refused, patient runs wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.balancer import Wish
from app.core.errors import NoServerAvailable, ServerUnable
from app.core.model import Fleet, ServerId, TaskState
from app.core.window import Free
from app.workflows.plans.runs import Seeds, plan_runs
from app.workflows.plans.targets import Target
from tests.kit.stage import A, B, C, Stage, scene, task_of, window_of
from tests.simulation.world import a_workflow


def drain(stage: Stage, *server_ids: ServerId) -> None:
    """Drain these servers."""
    network = stage.world.network
    servers = (replace(item, is_drained=item.server_id in server_ids) for item in network.fleet().servers)
    drained = Fleet(tuple(servers), "simulation")
    network.fleet = lambda: drained  # type: ignore[method-assign]


@scene
async def test_learned_duration_is_known_to_next_window(stage: Stage) -> None:
    first = await stage.window()
    prompt_id = await stage.run(first, steps=20, server_id=A)
    task = await stage.ended(first, prompt_id)
    assert task.choice is not None and task.choice.scores == {}, "nothing was learned before"
    await stage.until(lambda: bool(stage.world.database.durations))
    second = await stage.window()
    choice = task_of(second, await stage.run(second, steps=20)).choice
    assert choice is not None and set(choice.scores) == {A, B, C}
    took = ((task.end.server_ended_ms or 0) - (task.end.server_started_ms or 0)) / 1000
    assert choice.scores[A] == pytest.approx(took, abs=0.3)


@pytest.mark.parametrize("late", [A, B])
@scene
async def test_late_answer_of_an_idle_server_keeps_it_in_the_choice(stage: Stage, late: ServerId) -> None:
    stage.tell_fleet(A, B)
    busy = B if late == A else A
    first, second = await stage.window(), await stage.window()
    await stage.run(first, steps=900, server_id=busy)
    stage.world.network.late.append(late)
    chosen = task_of(second, await stage.run(second))
    assert chosen.server_id == late, "two windows, two servers"
    assert chosen.choice is not None and chosen.choice.refused == {}


@scene
async def test_server_that_stays_late_is_left_out_of_the_choice(stage: Stage) -> None:
    stage.tell_fleet(A, B)
    page = await stage.window()
    stage.world.network.late += [A, A]
    chosen = task_of(page, await stage.run(page))
    assert chosen.choice is not None and chosen.choice.refused == {A: "timeout"}


@scene
async def test_failure_to_learn_does_not_prevent_runs(stage: Stage) -> None:
    page = await stage.window()
    stage.world.database.durations = {"kinds": "damaged"}
    prompt_id = await stage.run(page)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_drained_server_takes_no_new_work_and_keeps_its_own(stage: Stage) -> None:
    moored = await stage.window()
    first = await stage.run(moored, steps=30, server_id=A)
    drain(stage, A, B)
    other = await stage.window()
    chosen = task_of(other, await stage.run(other))
    assert chosen.server_id == C
    assert chosen.choice is not None and chosen.choice.refused == {A: "drained", B: "drained"}
    second = await stage.run(moored)
    assert task_of(moored, second).server_id == A, "a mooring lasts until its work has ended"
    for prompt_id in (first, second):
        assert (await stage.ended(moored, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_a_drained_server_is_not_even_asked_for(stage: Stage) -> None:
    drain(stage, A)
    page = await stage.window()
    with pytest.raises(NoServerAvailable) as caught:
        await stage.run(page, server_id=A)
    assert caught.value.causes == {A: "drained"}
    assert stage.requests("POST", "/prompt") == []


@scene
async def test_a_server_that_lacks_something_gets_no_such_work(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await page.session.run(a_workflow(3, 1, None), unable={A: "lacks", C: "lacks"})
    assert task_of(page, prompt_id).server_id == B
    lonely = await stage.window()
    with pytest.raises(NoServerAvailable) as caught:
        await lonely.session.run(a_workflow(3, 2, None), unable=dict.fromkeys((A, B, C), "lacks"))
    assert caught.value.causes == dict.fromkeys((A, B, C), "lacks")
    assert window_of(lonely).mooring == Free()


@scene
async def test_lacking_moored_server_is_reported_before_sending(stage: Stage) -> None:
    page = await stage.window()
    await stage.run(page, steps=30, server_id=A)
    before = len(stage.asked)
    with pytest.raises(ServerUnable) as caught:
        await page.session.run(a_workflow(3, 1, None), unable={A: "lacks"})
    assert (caught.value.server_id, caught.value.cause) == (A, "lacks")
    assert not [item for item in stage.asked[before:] if item.method == "POST"]
    assert window_of(page).window_locked_server == A


@scene
async def test_patient_run_gets_first_idle_server(stage: Stage) -> None:
    busy = [await stage.window() for _ in (A, B, C)]
    for page, server_id, steps in zip(busy, (A, B, C), (60, 12, 60), strict=True):
        await stage.run(page, steps=steps, server_id=server_id)
    page = await stage.window()
    workflow = a_workflow(3, 1, None)
    runs = plan_runs(workflow, Seeds(Target("2", "nonce"), (1,)))
    await page.session.line.add(workflow, runs, wish=Wish(is_patient=True))
    await stage.until(lambda: page.session.line.stalled_by is not None)
    error = page.session.line.stalled_by
    assert isinstance(error, NoServerAvailable) and error.causes == dict.fromkeys((A, B, C), "busy")
    await stage.until(lambda: bool(window_of(page).tasks))
    (task,) = window_of(page).tasks.values()
    assert task.server_id == B
    assert (await stage.ended(page, task.prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_who_waits_for_one_server_goes_to_no_other(stage: Stage) -> None:
    stage.world.sims[B].is_down = True
    page = await stage.window()
    workflow = a_workflow(3, 1, None)
    await page.session.line.add(workflow, plan_runs(workflow, Seeds(Target("2", "nonce"), (1,))), wish=Wish(asked=B))
    await stage.until(lambda: page.session.line.stalled_by is not None)
    assert stage.requests("POST", "/prompt") == []
    stage.world.sims[B].is_down = False
    await stage.until(lambda: bool(window_of(page).tasks))
    assert {task.server_id for task in window_of(page).tasks.values()} == {B}
