"""Forecasts of a window: seconds left, the place in the queue, and the last preview after a reload."""

from __future__ import annotations

from contextlib import suppress

from app.core.errors import MooringError
from app.core.model import PromptId, TaskState
from app.core.workflow import parse_workflow
from app.session import Picked
from tests.kit.stage import A, Stage, scene, task_of
from tests.simulation.store import Bytes
from tests.simulation.world import Page

STEPS = 400  # of 0.05 s
SIZES = (("image", 300), ("mask", 700))  # bytes


def left(page: Page, prompt_id: PromptId) -> float | None:
    """The seconds shown until that task ends or, if it waits, starts."""
    eta = page.session.outlook(task_of(page, prompt_id)).eta
    return None if eta is None else eta.left


async def half_way(stage: Stage, page: Page, prompt_id: PromptId) -> float | None:
    """The relative error of the estimate at half of the run's time."""
    await stage.until_running(page, prompt_id)
    began = stage.now
    await stage.sleep(STEPS * 0.05 / 2)
    shown, at = left(page, prompt_id), stage.now
    await stage.until(lambda: task_of(page, prompt_id).state.is_end)
    assert at - began < stage.now - at + 4.0
    return None if shown is None else abs(shown - (stage.now - at)) / (stage.now - at)


@scene
async def test_remaining_time_comes_from_own_pace_and_earlier_runs(stage: Stage) -> None:
    page = await stage.window()
    for _ in range(2):
        wrong = await half_way(stage, page, await stage.run(page, steps=STEPS, server_id=A))
        assert wrong is not None
        assert wrong <= 0.25
    learned = await stage.store().read_learned()
    assert len(learned.paces.shapes) == 1
    assert learned.durations.typical.count == 2


@scene
async def test_damaged_node_durations_are_learned_anew(stage: Stage) -> None:
    page = await stage.window()
    stage.world.database.paces = {"shapes": "damaged"}
    await stage.ended(page, await stage.run(page, steps=STEPS, server_id=A))
    await stage.until(lambda: stage.world.database.paces != {"shapes": "damaged"})
    assert len((await stage.store().read_learned()).paces.shapes) == 1


@scene
async def test_known_kind_has_remaining_time_without_socket(stage: Stage) -> None:
    page = await stage.window()
    stage.world.weather.refuse_socket = 1.0
    first = await stage.run(page, steps=STEPS, server_id=A)
    await stage.until_running(page, first)
    assert left(page, first) is None, "such work was never seen"
    await stage.ended(page, first)
    wrong = await half_way(stage, page, await stage.run(page, steps=STEPS, server_id=A))
    assert wrong is not None
    assert wrong <= 0.25
    assert not page.session.progress
    last = await stage.run(page, steps=STEPS, server_id=A)
    await stage.until_running(page, last)
    page = await stage.reload(page)
    assert task_of(page, last).state is TaskState.RUNNING
    left(page, last)  # asked for before what was learned is read
    await stage.until(lambda: left(page, last) is not None)
    assert task_of(page, last).state is TaskState.RUNNING


@scene
async def test_another_window_knows_what_one_has_learned(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    await stage.ended(page, await stage.run(page, steps=STEPS, server_id=A))
    prompt_id = await stage.run(other, steps=STEPS, server_id=A)
    await stage.until_running(other, prompt_id)
    await stage.sleep(0.5)
    shown = left(other, prompt_id)
    assert shown is not None
    assert 15.0 <= shown <= 25.0


@scene
async def test_waiting_task_shows_its_place_and_start(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    await stage.ended(page, await stage.run(page, steps=STEPS, server_id=A))
    first = await stage.run(other, steps=STEPS, server_id=A)
    await stage.until_running(other, first)
    for _ in range(2):
        last = await stage.run_now(page, steps=STEPS, server_id=A)
    await stage.until(lambda: task_of(page, last).progress.place == 2)
    outlook = page.session.outlook(task_of(page, last))
    assert outlook.eta is not None
    shown, at = outlook.eta.left, stage.now
    await stage.until(lambda: task_of(page, last).state is TaskState.RUNNING)
    assert abs(shown - (stage.now - at)) <= 0.25 * (stage.now - at)


@scene
async def test_unreachable_or_cancelled_task_has_no_estimate(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page, steps=STEPS, server_id=A))
    prompt_id = await stage.run(page, steps=STEPS, server_id=A)
    await stage.until_running(page, prompt_id)
    await stage.sleep(1.0)
    assert left(page, prompt_id) is not None
    await page.session.cancel(prompt_id)
    assert task_of(page, prompt_id).state.is_end or left(page, prompt_id) is None


@scene
async def test_last_preview_is_shown_after_reload_until_a_newer_one(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=STEPS)
    await stage.until(lambda: prompt_id in stage.world.database.previews)
    page = await stage.reload(page, crashed=True)
    await stage.until(lambda: prompt_id in page.session.previews)
    assert page.session.previews[prompt_id].serial == 0, "no event has arrived here yet"
    await stage.until(lambda: page.session.previews[prompt_id].serial > 0)
    await stage.ended(page, prompt_id)
    await stage.until(lambda: not stage.world.database.previews)
    assert not page.session.previews


@scene
async def test_the_last_preview_of_left_work_comes_with_it(stage: Stage) -> None:
    gone = await stage.window()
    prompt_id = await stage.run(gone, steps=9000)
    await stage.until(lambda: prompt_id in stage.world.database.previews)
    stage.world.leave(gone, crashed=True)
    heir = await stage.window()
    await stage.until(lambda: heir.session.orphans)
    await heir.session.adopt(prompt_id)
    await stage.sleep(1.0)
    assert prompt_id in heir.session.previews, "its own socket will never bring one"


@scene
async def test_progress_is_restored_after_reload(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=STEPS)
    await stage.until(lambda: prompt_id in page.session.progress and page.session.progress[prompt_id].fraction > 0.5)
    page = await stage.reload(page)
    await stage.until(lambda: prompt_id in page.session.progress and page.session.progress[prompt_id].maximum == STEPS)
    assert page.session.progress[prompt_id].fraction > 0.5
    await stage.until(lambda: left(page, prompt_id) is not None)
    learned = await stage.store().read_learned()
    await stage.ended(page, prompt_id)
    assert (await stage.store().read_learned()).paces == learned.paces, "half of a run teaches nothing of its nodes"


@scene
async def test_incomplete_events_teach_nothing_about_nodes(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=STEPS, server_id=A)
    await stage.until(lambda: prompt_id in page.session.progress and page.session.progress[prompt_id].fraction > 0.3)
    page.session.reset_socket()
    await stage.ended(page, prompt_id)
    await stage.sleep(5.0)
    learned = await stage.store().read_learned()
    assert not learned.paces.shapes
    assert learned.durations.typical.count == 1, "the whole is known by the server's own clock"


@scene
async def test_upload_progress_counts_bytes_of_all_files(stage: Stage) -> None:
    page = await stage.window()
    shown: list[tuple[int, int, float]] = []
    page.session.subscribe(lambda: shown.extend((run.sent, run.size, run.fraction) for run in page.session.runs))
    files = {("1", name): Picked(Bytes(bytes(size), "image/png"), f"{name}.png") for name, size in SIZES}
    workflow = parse_workflow({"1": {"class_type": "LoadImage", "inputs": {name: "" for name, _ in SIZES}}})
    with suppress(MooringError):
        await page.session.run(workflow, title="two files", inputs=files)
    sent = [item[0] for item in shown if item[1]]
    assert sent == sorted(sent)
    assert {300, 1000} <= set(sent)
    assert {item[1] for item in shown} == {0, 1000}
    assert shown[-1][2] == 1.0
