"""A press of Run is a record: a reload keeps it from the click on, a crash from the store's transaction on."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from app.core.balancer import Wish
from app.core.errors import BadInput, MooringError, NoServerAvailable, StorageError, TaskNotFound
from app.core.model import PromptId, ServerId, TaskState
from app.core.ports.blobs import Blob
from app.core.ports.store import NO_FILES
from app.core.presses import LONGEST, read_presses
from app.core.waiting_runs import LineChange
from app.core.workflow import parse_workflow
from app.session import Picked, RunStage
from app.session.facts import Run
from app.workflows.plans.runs import PlannedRun
from tests.kit.stage import PHOTO, A, B, Stage, line_of, scene, task_of, window_of
from tests.simulation.browser import PRESSES
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow
from wire.health import Health

PRESS = PromptId("aaaaaaaa-0000-4000-8000-000000000000")

Step = Callable[[Stage, Page], object]


def runs(stage: Stage) -> Counter[str]:
    """How often each prompt really started."""
    return Counter(prompt_id for sim in stage.world.sims.values() for prompt_id in sim.ran)


def failed(page: Page) -> list[Run]:
    """The presses that are shown as not sent."""
    return [run for run in page.session.runs if run.stage is RunStage.FAILED]


def is_at(*stages: RunStage) -> Step:
    return lambda _, page: any(run.stage in stages for run in page.session.runs)


STEPS: dict[str, Step] = {
    "click": lambda _, page: PRESSES in page.tab.storage,
    "recorded": lambda stage, _: PRESS in stage.world.database.waiting,
    "choosing": is_at(RunStage.RESERVING),
    "loads asked": lambda stage, _: any("/fleet/loads" in line for line in stage.world.trace),
    "reserved": lambda stage, _: stage.world.database.reservations,
    "connecting": is_at(RunStage.CONNECTING),
    "uploading": is_at(RunStage.UPLOADING),
    "registering": is_at(RunStage.REGISTERING),
    "registered": lambda stage, _: PRESS in stage.world.database.tasks,
    "submitting": is_at(RunStage.SUBMITTING),
    "posted": lambda stage, _: PRESS in stage.world.promises.sent,
}
MAYBE_SENT = {"registered", "submitting", "posted"}
BEFORE_RECORD = {"click", "choosing"}  # at the earliest


async def press_until(stage: Stage, page: Page, step: str, picture: bytes | None = None) -> None:
    """Press Run, and return as soon as the press has come to this step."""
    stage.world.network.on_sent.append(lambda exchange: stage.world.note(exchange.path))
    stage.begin(page, prompt_id=PRESS, picture=picture)
    await until_at(stage, page, step)


async def until_taken_over(stage: Stage, page: Page) -> None:
    """Wait until a page has the press of an earlier one, as a run that waits or as a task."""
    line = page.session.line
    await stage.until(lambda: page.own.has_task(PRESS) or (line.line is not None and line.line.has(PRESS)))


async def until_at(stage: Stage, page: Page, step: str) -> None:
    """Wait in steps that are shorter than any port takes."""
    end = stage.now + 30.0
    while not STEPS[step](stage, page):
        assert stage.now < end, f"never {step}"
        await asyncio.sleep(0.0005)


@pytest.mark.parametrize("crashed", [False, True], ids=["reload", "crash"])
@pytest.mark.parametrize("step", [step for step in STEPS if step not in {"connecting", "uploading"}])
@scene
async def test_press_runs_once_after_a_reload_at_each_step(stage: Stage, step: str, crashed: bool) -> None:
    page = await stage.window()
    await press_until(stage, page, step)
    tab = stage.world.leave(page, crashed=crashed)
    if crashed:
        tab.storage.pop(PRESSES, None)
    back = await stage.window(tab)
    if crashed and step in BEFORE_RECORD and PRESS not in stage.world.database.waiting:
        return  # from the click on only a reload keeps it
    await until_taken_over(stage, back)
    task = await stage.ended(back, PRESS)
    if step in MAYBE_SENT and task.state is TaskState.LOST:  # it is never posted again
        assert runs(stage) == {}
    else:
        assert (task.state, runs(stage)) == (TaskState.SUCCEEDED, {PRESS: 1})
    assert not tab.storage.get(PRESSES) or not read_presses(tab.storage[PRESSES])


@pytest.mark.parametrize("step", ["recorded", "reserved", "connecting", "uploading"])
@scene
async def test_press_with_file_runs_once_after_a_crash(stage: Stage, step: str) -> None:
    page = await stage.window()
    await press_until(stage, page, step, PHOTO)
    back = await stage.reload(page, crashed=True)
    assert (await stage.ended(back, PRESS)).state is TaskState.SUCCEEDED
    assert runs(stage) == {PRESS: 1}


@scene
async def test_press_without_its_file_asks_for_it(stage: Stage) -> None:
    page = await stage.window()
    await press_until(stage, page, "click", PHOTO)
    back = await stage.reload(page)
    await stage.until(lambda: failed(back))
    (run,) = failed(back)
    assert isinstance(run.error, BadInput) and run.error.facts() == {
        "cause": "input-not-kept",
        "name": "photo.png",
        "detail": "",
    }
    again = await stage.reload(back, crashed=True)
    await stage.until(lambda: failed(again))
    assert runs(stage) == {}


@scene
async def test_press_waits_while_no_server_answers(stage: Stage) -> None:
    """A server hangs while the press chooses: the reload keeps it, and it is sent when servers answer."""
    page = await stage.window()
    for sim in stage.world.sims.values():
        sim.is_down = True
    await press_until(stage, page, "choosing")
    back = await stage.reload(page)
    await stage.until(lambda: back.session.line.stalled_by is not None)
    assert [item.prompt_id for item in line_of(back).entries] == [PRESS]
    for sim in stage.world.sims.values():
        sim.is_down = False
    assert (await stage.ended(back, PRESS)).state is TaskState.SUCCEEDED


@scene
async def test_refused_press_is_sent_when_it_is_tried_again(stage: Stage) -> None:
    page = await stage.window()
    fleet = page.session.fleet
    drained = tuple(replace(item, is_drained=True) for item in fleet.servers)
    page.session._state.servers.reported(replace(fleet, servers=drained), ())
    with pytest.raises(NoServerAvailable):
        await stage.run(page, prompt_id=PRESS)
    page.session._state.servers.reported(fleet, ())
    await page.session.retry_run(PRESS)
    assert failed(page) == []
    await stage.ended(page, PRESS)
    assert runs(stage) == {PRESS: 1} and stage.world.database.waiting == {}
    with pytest.raises(TaskNotFound):
        await page.session.retry_run(PRESS)


@scene
async def test_refused_press_keeps_its_reason_until_it_is_dismissed(stage: Stage) -> None:
    page = await stage.window()
    with pytest.raises(NoServerAvailable) as caught:
        await stage.run(page, prompt_id=PRESS, server_id=ServerId("gone"))
    back = await stage.reload(page, crashed=True)
    await stage.until(lambda: failed(back))
    (run,) = failed(back)
    assert (run.prompt_id, run.title) == (PRESS, "story")
    assert isinstance(run.error, NoServerAvailable) and run.error.facts() == caught.value.facts()
    assert not line_of(back).entries, "it waits for nothing"
    assert await back.session.knows(PRESS)
    other = await stage.run(back)
    await stage.ended(back, other)
    await back.session.dismiss_run(PRESS)
    assert failed(back) == []
    assert failed(await stage.reload(back)) == []
    assert stage.world.database.lines == stage.world.database.waiting == {}
    assert runs(stage) == {other: 1}


async def crash_with(stage: Stage, page: Page, presses: str) -> Page:
    """Crash a page when the browser has written these presses to its session storage, and load its tab again."""
    tab = stage.world.leave(page, crashed=True)
    tab.storage[PRESSES] = presses
    return await stage.window(tab)


@scene
async def test_press_survives_a_crash_that_changes_the_window_id(stage: Stage) -> None:
    """Without Web Locks the id of a page that crashed is lost, and its tab comes back as another window."""
    stage.world.browser.has_locks = False
    page = await stage.window()
    was = page.tab.window_id
    await press_until(stage, page, "click")
    back = await crash_with(stage, page, page.tab.storage[PRESSES])
    assert back.tab.window_id != was
    await until_taken_over(stage, back)
    assert (await stage.ended(back, PRESS)).state is TaskState.SUCCEEDED
    assert runs(stage) == {PRESS: 1}
    assert not read_presses(back.tab.storage[PRESSES])


@scene
async def test_press_in_the_line_of_a_gone_window_stays_there(stage: Stage) -> None:
    """The page crashes before its tab has forgotten the press: adopting that line sends it once."""
    stage.world.browser.has_locks = False
    page = await stage.window()
    await press_until(stage, page, "click")
    presses, was = page.tab.storage[PRESSES], page.session.identity
    await until_at(stage, page, "recorded")
    back = await crash_with(stage, page, presses)
    await stage.until(lambda: not read_presses(back.tab.storage[PRESSES]))
    assert was is not None and not line_of(back).entries
    await back.session.find_orphans()
    await back.session.line.adopt(was.window_id)
    assert (await stage.ended(back, PRESS)).state is TaskState.SUCCEEDED
    assert runs(stage) == {PRESS: 1}


@scene
async def test_unreadable_line_of_another_window_delays_no_press(stage: Stage) -> None:
    other, page = await stage.window(), await stage.window()
    await other.session.line.add(a_workflow(3, 1, None), [PlannedRun(0, {}, "one")], wish=Wish(asked=ServerId("gone")))
    stage.world.leave(other, crashed=True)
    (row,) = stage.world.database.waiting.values()
    row["v"], row["templates"] = 99, "of a later version"
    await press_until(stage, page, "click")
    back = await stage.reload(page)
    await until_taken_over(stage, back)
    assert (await stage.ended(back, PRESS)).state is TaskState.SUCCEEDED


@pytest.mark.parametrize("has_locks", [True, False], ids=["locks", "no locks"])
@scene
async def test_copied_tab_runs_no_press_of_the_other(stage: Stage, has_locks: bool) -> None:
    stage.world.browser.has_locks = has_locks
    page = await stage.window()
    await press_until(stage, page, "click")
    copy = await stage.window(page.tab.duplicate())
    await stage.until(lambda: PRESS in stage.world.database.tasks)
    assert (await stage.ended(page, PRESS)).state is TaskState.SUCCEEDED
    await stage.sleep(5.0)
    assert runs(stage) == {PRESS: 1}
    assert failed(copy) == [] and not line_of(copy).entries
    assert not read_presses(copy.tab.storage[PRESSES])


@scene
async def test_press_is_kept_if_a_copy_has_taken_the_windows_id(stage: Stage) -> None:
    """A tab that was just duplicated crashes: its copy starts first, and is the window that the press names."""
    page = await stage.window()
    was, copied = page.tab.window_id, page.tab.duplicate()
    await press_until(stage, page, "click")
    presses = page.tab.storage[PRESSES]
    tab = stage.world.leave(page, crashed=True)
    tab.storage[PRESSES] = presses  # the browser had written it
    copy = await stage.window(copied)
    back = await stage.window(tab)
    assert copy.tab.window_id == was != back.tab.window_id
    await stage.until(lambda: failed(back))
    (run,) = failed(back)
    assert isinstance(run.error, BadInput) and run.error.cause == "press-in-doubt"
    assert runs(stage) == {} and not line_of(copy).has_record(PRESS)
    await back.session.retry_run(PRESS)
    assert (await stage.ended(back, PRESS)).state is TaskState.SUCCEEDED
    assert runs(stage) == {PRESS: 1}


@scene
async def test_press_of_a_frozen_and_copied_tab_runs_once(stage: Stage) -> None:
    """Without Web Locks its silence looks like that of a crash, so the copy takes the press over."""
    stage.world.browser.has_locks = False
    page = await stage.window()
    pressed = stage.begin(page, prompt_id=PRESS)
    await until_at(stage, page, "click")
    page.life.freeze()
    copy = await stage.window(page.tab.duplicate())
    await until_taken_over(stage, copy)
    page.life.thaw()
    with pytest.raises(StorageError):
        await pressed
    assert (await stage.ended(copy, PRESS)).state is TaskState.SUCCEEDED
    assert runs(stage) == {PRESS: 1} and [run.prompt_id for run in failed(page)] == [PRESS]


@scene
async def test_press_of_a_private_window_leaves_its_id_alone(stage: Stage) -> None:
    tab = (await stage.window()).tab.duplicate()
    tab.storage.clear()
    tab.storage["mooring.private"] = "yes"
    page = await stage.window(tab)
    for sim in stage.world.sims.values():
        sim.is_down = True
    await press_until(stage, page, "loads asked")
    (left,) = read_presses(tab.storage[PRESSES])
    assert (left.prompt_id, left.batch, left.entries, left.editor) == (PRESS, None, (), "")
    assert stage.world.database.waiting == {}
    back = await stage.reload(page)
    await stage.until(lambda: failed(back))
    (run,) = failed(back)
    assert (run.prompt_id, run.title, run.started_at) == (PRESS, "", left.at)
    assert isinstance(run.error, BadInput) and run.error.cause == "press-not-kept"
    await back.session.dismiss_run(PRESS)
    assert failed(await stage.reload(back)) == []


@scene
async def test_sent_press_of_a_private_window_is_forgotten(stage: Stage) -> None:
    page = await stage.window()
    page.tab.storage["mooring.private"] = "yes"
    page = await stage.reload(page)
    assert (await stage.ended(page, await stage.run(page))).state is TaskState.SUCCEEDED
    assert not read_presses(page.tab.storage[PRESSES])
    assert failed(await stage.reload(page)) == []


@pytest.mark.parametrize("step", ["click", "recorded"])
@scene
async def test_press_with_a_count_runs_each_once_after_a_reload(stage: Stage, step: str) -> None:
    page = await stage.window()
    planned = [PlannedRun(index, {}, str(index)) for index in range(3)]
    adding = page.session.line.add(a_workflow(3, 1, None), planned, title="three", press=PRESS)
    stage.world.spawn(adding, "add")
    await until_at(stage, page, step)
    back = await stage.reload(page)
    await stage.until(lambda: len(stage.world.database.all_tasks()) == 3)
    assert await back.session.knows(PRESS)
    for task in stage.world.database.all_tasks():
        assert task.part is not None and task.part.batch_id == PRESS
        await stage.ended(back, task.prompt_id)
    assert sorted(runs(stage).values()) == [1, 1, 1]
    assert runs(stage)[PRESS] == 1


@scene
async def test_press_too_large_for_the_tab_shows_once_it_is_stored(stage: Stage) -> None:
    page = await stage.window()
    noise = "".join(map(chr, range(0x4E00, 0x4E00 + 20_000))) * 3
    text = stage.world.chance.sample(noise, len(noise))
    work = parse_workflow(json.dumps({"1": {"class_type": "Note", "inputs": {"text": "".join(text)}}}))
    stored = list[bool]()
    database = stage.world.database

    def note() -> None:
        if page.session.runs:
            stored.append(bool(database.waiting or database.tasks))

    page.session.subscribe(note)
    await page.session.run(work, title="large")
    assert stored and all(stored)
    assert len(page.tab.storage.get(PRESSES, "")) < LONGEST


@scene
async def test_full_store_sends_the_press_without_keeping_its_file(stage: Stage) -> None:
    page = await stage.window()
    stage.world.database.inputs_bound = 10
    store = page.session._state.ports.store
    write_line, tries = store.write_line, list[int]()

    async def full(change: LineChange, files: Mapping[str, Blob] = NO_FILES, kept_at: float = 0.0) -> None:
        tries.append(len(files))
        if files:
            raise StorageError("write_line", "quota")
        await write_line(change, files, kept_at)

    store.write_line = full  # type: ignore[method-assign]
    prompt_id = await page.session.run(
        a_workflow(3, 1, PHOTO), title="x", inputs={("1", "image"): Picked(Bytes(PHOTO, "image/png"), "photo.png")}
    )
    assert tries[:2] == [1, 0]
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert task_of(page, prompt_id).inputs


@scene
async def test_press_is_taken_over_once_if_a_wake_comes_meanwhile(stage: Stage) -> None:
    page = await stage.window()
    await press_until(stage, page, "click")
    back = stage.world.open(stage.world.leave(page, crashed=False))
    wakes, refused = list[asyncio.Task[None]](), list[Run]()

    def wake() -> None:
        refused.extend(failed(back))
        if back.session.line.line is not None and not wakes:
            wakes.append(asyncio.ensure_future(back.session.line.reread()))

    back.session.subscribe(wake)
    await until_taken_over(stage, back)
    await wakes[0]
    assert (await stage.ended(back, PRESS)).state is TaskState.SUCCEEDED
    assert (refused, runs(stage)) == ([], {PRESS: 1})


@scene
async def test_press_refused_after_a_blocked_store_is_shown(stage: Stage) -> None:
    """The store fails once the line was read: the press is taken over with the next wake, and shown with its reason."""
    page, database = await stage.window(), stage.world.database
    await press_until(stage, page, "click", PHOTO)
    back = stage.world.open(stage.world.leave(page, crashed=False))

    def block() -> None:
        database.is_blocked = back.session.line.line is not None

    end = back.session.subscribe(block)
    await stage.until(lambda: database.is_blocked)
    end()
    await stage.sleep(1.0)
    assert read_presses(back.tab.storage[PRESSES])
    database.is_blocked = False
    back.session.wake("visible")
    await stage.until(lambda: PRESS in stage.world.database.waiting)
    await stage.until(lambda: failed(back))
    assert [run.prompt_id for run in failed(back)] == [PRESS]


@scene
async def test_press_that_cannot_be_stored_is_not_sent(stage: Stage) -> None:
    page = await stage.window()
    stage.world.database.is_blocked = True
    with pytest.raises(StorageError):
        await stage.run(page, prompt_id=PRESS)
    stage.world.database.is_blocked = False
    assert [run.prompt_id for run in failed(page)] == [PRESS]
    assert stage.requests("POST", "/prompt") == []
    assert not read_presses(page.tab.storage[PRESSES])
    await page.session.dismiss_run(PRESS)
    assert failed(page) == []


@scene
async def test_refused_press_leaves_the_line_as_if_it_were_empty(stage: Stage) -> None:
    page = await stage.window()
    with pytest.raises(MooringError):
        await stage.run(page, prompt_id=PRESS, server_id=ServerId("gone"))
    planned = [PlannedRun(index, {}, str(index)) for index in range(3)]
    await page.session.line.add(a_workflow(3, 1, None), planned, senders=3)
    await page.session.line.send_all()
    await stage.until(lambda: not line_of(page).entries)
    line = page.session.line._keeper.line
    assert line is not None and (line.senders, line.is_unbounded, line.pause) == (1, False, None)
    assert [item.prompt_id for item in line.refused] == [PRESS]


@scene
async def test_click_in_flight_is_neither_shown_nor_sent_by_the_line(stage: Stage) -> None:
    page = await stage.window()
    seen = list[int]()
    page.session.subscribe(lambda: seen.append(len(line_of(page).entries)))
    await stage.ended(page, await stage.run(page, server_id=A))
    assert not any(seen)
    assert len(stage.requests("POST", "/prompt")) == 1


@scene
async def test_press_for_a_server_that_hangs_waits_until_it_answers(stage: Stage) -> None:
    page = await stage.window()
    stage.world.network.late += [A, A]
    assert await stage.run(page, prompt_id=PRESS, server_id=A) == PRESS
    assert line_of(page).has(PRESS) and failed(page) == []
    assert page.session.line.stalled_by == page.own.cause
    assert isinstance(page.own.cause, NoServerAvailable)
    assert page.own.cause.causes == {A: "timeout"}, "the line says why"
    seen = list[bool]()

    def note() -> None:
        if page.session.line.sending and not window_of(page).reservations and not window_of(page).tasks:
            seen.append(page.session.line.stalled_by is not None)

    page.session.subscribe(note)
    stage.world.network.late += [A, A]
    await stage.until(lambda: PRESS in window_of(page).tasks)
    assert seen and all(seen), "also while it is tried again"
    assert (await stage.ended(page, PRESS)).server_id == A
    assert runs(stage) == {PRESS: 1}


@scene
async def test_press_for_a_hanging_server_survives_a_reload(stage: Stage) -> None:
    page = await stage.window()
    stage.report(Health.DOWN, A)
    await stage.run(page, prompt_id=PRESS, server_id=A)
    back = await stage.reload(page, crashed=True)
    await stage.until(lambda: line_of(back).has(PRESS))
    stage.report(Health.WELL, A)
    await stage.until(lambda: PRESS in window_of(back).tasks)
    assert (await stage.ended(back, PRESS)).server_id == A


@scene
async def test_press_waits_while_the_server_of_its_window_is_silent(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=4000, server_id=A)
    stage.report(Health.TIMEOUT, A)
    await stage.until(lambda: page.own.obstacle is not None)
    assert await stage.run(page, prompt_id=PRESS) == PRESS
    await stage.sleep(20.0)
    assert line_of(page).has(PRESS) and set(window_of(page).tasks) == {first}, "nothing fails"
    stage.report(Health.WELL, A)
    await stage.until(lambda: PRESS in window_of(page).tasks)
    assert task_of(page, PRESS).server_id == A


@pytest.mark.parametrize("picture", [None, PHOTO], ids=["no file", "file"])
@scene
async def test_press_waits_if_its_prompt_could_not_be_sent(stage: Stage, picture: bytes | None) -> None:
    """The server of its window ends before its silence is known."""
    page, sim = await stage.window(), stage.world.sims[A]
    held = await stage.run(page, steps=40, server_id=A)
    stage.once_stored(lambda: PRESS in stage.world.database.tasks, lambda: setattr(sim, "is_down", True))
    waiting = await stage.run(page, prompt_id=PRESS, picture=picture)
    assert line_of(page).has(waiting) and page.session.line.stalled_by is not None
    assert set(window_of(page).tasks) == {held} and failed(page) == []
    sim.is_down = False
    page.session.wake("online")
    await stage.until(lambda: waiting in window_of(page).tasks)
    task = await stage.ended(page, waiting)
    assert (task.state, task.server_id, runs(stage)) == (TaskState.SUCCEEDED, A, {held: 1, waiting: 1})


@scene
async def test_press_waits_for_the_gateway(stage: Stage) -> None:
    page = await stage.window()
    stage.world.network.is_down = True
    assert await stage.run(page, prompt_id=PRESS) == PRESS
    await stage.sleep(10.0)
    assert line_of(page).has(PRESS) and failed(page) == []
    assert page.session.line.stalled_by is not None
    stage.world.network.is_down = False
    await stage.until(lambda: PRESS in window_of(page).tasks)
    await stage.ended(page, PRESS)
    assert runs(stage) == {PRESS: 1}


@scene
async def test_press_that_no_server_can_ever_take_is_refused(stage: Stage) -> None:
    page = await stage.window()
    stage.report(Health.DOWN, B)
    with pytest.raises(NoServerAvailable):
        await stage.run(page, prompt_id=PRESS, server_id=ServerId("gone"))
    assert [run.prompt_id for run in failed(page)] == [PRESS] and not line_of(page).entries
