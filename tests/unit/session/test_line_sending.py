"""A run of the line that could not be sent waits, pauses the others, or is reported; it is never lost."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import (
    BadInput,
    ConnectError,
    HttpStatusError,
    MooringError,
    NotOwner,
    NotYourTurn,
    StorageError,
)
from app.core.model import PromptId, ServerId, TaskState, WindowId
from app.core.ports.http import Response
from app.core.waiting_runs import AHEAD, LineChange, Pause, WaitingRuns
from app.core.workflow import ApiWorkflow, parse_workflow
from app.session import RunStage, Session
from app.session.memory.sandbox import Sandbox
from app.session.submitting.submit import RunOrder
from app.session.waiting.sending import _is_of_the_run, _steady
from app.workflows.plans.runs import Count, Seeds, plan_runs
from tests.kit.stage import PHOTO, A, B, C, Stage, line_of, scene, task_of, window_of
from tests.simulation.world import a_workflow
from tests.unit.session.test_editors import Posts
from tests.unit.session.test_editors import run as run_with_editor
from tests.unit.session.test_file_feed import Folder, Memory, start, use, work_of
from tests.unit.session.test_named_files import EMPTY, OTHER, image_of, made, naming, opened
from tests.unit.session.test_report import until
from tests.unit.session.test_turns import OtherBrowser, Refusals, only_a
from tests.unit.session.test_waiting_runs import STEPS, TOO_MANY, add, all_done, labels, paused, posts, tasks_of
from tests.unit.session.test_windows import all_home, all_tasks, spread
from tests.unit.session.test_windows import tasks_of as tasks_of_session
from tests.unit.session.test_worker import a_hand, settled

FULL = StorageError("write_line", "quota")


@pytest.mark.parametrize(
    ("error", "is_so"),
    [
        (BadInput("too-large"), True),
        (HttpStatusError(A, 399), False),
        (HttpStatusError(A, 400), True),
        (HttpStatusError(A, 413), True),
        (HttpStatusError(A, 499), True),
        (HttpStatusError(A, 500), False),
        (ConnectError(A, "connect-failed"), False),
    ],
)
def test_run_with_own_fault_is_not_retried(error: MooringError, is_so: bool) -> None:
    assert _is_of_the_run(error) is is_so


def turn(starts_at: float | None, left: float, server_id: ServerId = A) -> NotYourTurn:
    return NotYourTurn("run", server_id, AHEAD, starts_at=starts_at, left=left)


@pytest.mark.parametrize(
    ("known", "latest", "shown"),
    [
        (None, turn(500.0, 100.0), 500.0),
        (turn(None, 0.0), turn(500.0, 100.0), 500.0),
        (turn(500.0, 100.0), turn(None, 0.0), None),
        (turn(500.0, 100.0), turn(509.0, 100.0), 500.0),
        (turn(500.0, 100.0), turn(491.0, 100.0), 500.0),
        (turn(500.0, 100.0), turn(511.0, 100.0), 511.0),
        (turn(500.0, 1.0), turn(501.5, 1.0), 500.0),
        (turn(500.0, 1.0), turn(502.5, 1.0), 502.5),
        (turn(500.0, 100.0, B), turn(501.0, 100.0), 501.0),
    ],
)
def test_shown_time_of_turn_changes_only_with_the_estimate(
    known: NotYourTurn | None, latest: NotYourTurn, shown: float | None
) -> None:
    found = _steady(latest, known)
    assert (found.starts_at, found.server_id, found.left) == (shown, latest.server_id, latest.left)


def names(session: Session) -> set[str]:
    """The background tasks."""
    return {task.get_name() for task in session._state._background}


async def test_our_own_bug_stops_sending_until_user_retries(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = Session(Sandbox().ports)
    taken: list[PromptId] = []
    mistakes = [ValueError("a mistake of ours")]

    async def take(order: RunOrder) -> PromptId:
        taken.append(order.prompt_id)
        if mistakes:
            raise mistakes.pop()
        return order.prompt_id

    session.workers[0].submitter.run = take  # type: ignore[method-assign]
    await session.start()
    await until(lambda: session.fleet.servers and "wake" not in names(session))
    workflow = a_workflow(1, 1, None)
    await session.line.add(workflow, plan_runs(workflow, Count(2)))
    await until(lambda: session.workers[0].is_resting and not session.line.sending)
    for _ in range(9):
        session._state.changed()
        await asyncio.sleep(0)
    assert (len(taken), session.line.sending) == (1, frozenset())
    assert session.line.line is not None and len(session.line.line.entries) == 2, "nothing is lost"
    assert [item.levelno for item in caplog.records if item.levelno >= logging.ERROR] == [logging.ERROR]
    session.line.hurry()
    await until(lambda: len(taken) >= 2)
    assert taken[1] == taken[0], "the very same click"
    await until(lambda: session.line.line is not None and not session.line.line.entries)
    assert len(taken) == len(set(taken)) + 1 == 3, "and none goes twice that was taken"
    await session.stop()


async def test_new_session_sends_from_line_immediately(caplog: pytest.LogCaptureFixture) -> None:
    session = Session(Sandbox().ports)
    await session.start()
    await until(lambda: session.fleet.servers and "wake" not in names(session))
    session.workers[0].is_resting = True
    workflow = a_workflow(1, 1, None)
    await session.line.add(workflow, plan_runs(workflow, Count(1)), senders=2)
    await settled()
    mate, taken = a_hand(), list[PromptId]()

    async def take(order: RunOrder) -> PromptId:
        taken.append(order.prompt_id)
        return order.prompt_id

    mate.submitter.run = take  # type: ignore[method-assign]
    session.line.add_window(mate)
    await settled()
    assert len(taken) == 1, "though nothing has changed since"
    assert [item for item in caplog.records if item.levelno >= logging.ERROR] == []
    await session.stop()


async def test_run_failed_by_one_session_is_tried_by_another() -> None:
    session = Session(Sandbox().ports)
    await session.start()
    await until(lambda: session.fleet.servers and "wake" not in names(session))
    mate, taken = a_hand(), list[PromptId]()

    async def break_off(_: RunOrder) -> PromptId:
        raise ValueError("a mistake of ours")

    async def take(order: RunOrder) -> PromptId:
        taken.append(order.prompt_id)
        return order.prompt_id

    session.workers[0].submitter.run, mate.submitter.run = break_off, take  # type: ignore[method-assign]
    session.line.add_window(mate)
    await settled()
    workflow = a_workflow(1, 1, None)
    await session.line.add(workflow, plan_runs(workflow, Count(1)), senders=2)
    await settled()
    assert len(taken) == 1
    await session.stop()


@pytest.mark.parametrize(("senders", "is_spread"), [(1, False), (2, True)])
async def test_only_runs_of_several_sessions_prefer_idle_servers(senders: int, is_spread: bool) -> None:
    session = Session(Sandbox().ports)
    orders: list[RunOrder] = []

    async def take(order: RunOrder) -> PromptId:
        orders.append(order)
        return order.prompt_id

    session.workers[0].submitter.run = take  # type: ignore[method-assign]
    await session.start()
    await until(lambda: session.fleet.servers and "wake" not in names(session))
    workflow = a_workflow(1, 1, None)
    await session.line.add(workflow, plan_runs(workflow, Count(1)), senders=senders)
    await until(lambda: orders)
    assert orders[0].wish.spreads is is_spread
    await session.stop()


@scene
async def test_busy_window_waits_until_others_are_open(stage: Stage) -> None:
    page, gate = await stage.window(), asyncio.Event()
    windows = page.session._state.ports.windows
    claim_other = windows.claim_other

    async def enlist_late(window_id: WindowId) -> bool:
        await gate.wait()
        return await claim_other(window_id)

    windows.claim_other = enlist_late  # type: ignore[method-assign]
    await spread(stage, page, 9, 3, steps=200)
    await stage.until(lambda: tasks_of(page))
    await stage.sleep(1.0)
    assert (len(tasks_of(page)), page.others) == (1, ())
    gate.set()
    await stage.until(lambda: len(all_tasks(page)) == 3 * AHEAD)


@scene
async def test_busy_window_continues_once_others_are_unavailable(stage: Stage) -> None:
    page, gate = await stage.window(), asyncio.Event()

    async def refuse_late(_: WindowId) -> bool:
        await gate.wait()
        return False

    page.session._state.ports.windows.claim_other = refuse_late  # type: ignore[method-assign]
    await spread(stage, page, 4, 3, steps=200)
    await stage.until(lambda: tasks_of(page) and not page.session.line.sending)
    await stage.sleep(1.0)
    assert not page.session.line.sending
    gate.set()
    await settled()
    assert page.session.line.sending, "though nothing else has changed"
    await stage.until(lambda: len(tasks_of(page)) == AHEAD)


@scene
async def test_busy_session_waits_while_another_chooses_an_idle_server(stage: Stage) -> None:
    page, gate = await stage.window(), asyncio.Event()
    await spread(stage, page, 3, 3, steps=1)
    await stage.until(all_home(page, 3))
    slow = page.others[1].submitter
    take = slow.run

    async def take_late(order: RunOrder) -> PromptId:
        await gate.wait()
        return await take(order)

    slow.run = take_late  # type: ignore[method-assign]
    await spread(stage, page, 9, 3, steps=200)
    await stage.until(lambda: len(all_tasks(page)) == 5)
    await stage.sleep(1.0)
    assert [len(tasks_of_session(session)) for session in page.session.workers] == [2, 2, 1]
    gate.set()
    await stage.until(lambda: len(all_tasks(page)) == 3 + 3 * AHEAD)


@scene
async def test_a_pause_that_cannot_be_written_holds_for_this_page(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 4, steps=400)
    await paused(stage, page)
    waiting, worker, store = labels(page), page.own, page.session._state.ports.store
    take, write_line, tries = worker.submitter.run, store.write_line, list[PromptId]()
    await page.session.line.send_all()

    async def refuse(order: RunOrder) -> PromptId:
        tries.append(order.prompt_id)
        raise BadInput("too-large", "photo.png")

    async def fail(*_: object) -> None:
        raise FULL

    worker.submitter.run = refuse  # type: ignore[method-assign]
    await page.session.line.resume()
    store.write_line = fail  # type: ignore[method-assign]
    await stage.until(lambda: line_of(page).pause is Pause.UNUSABLE)
    assert (line_of(page).paused_by, labels(page)) == (tries[0], waiting)
    assert isinstance(page.session.line.refusal, BadInput)
    await stage.sleep(60.0)
    assert len(tries) == 1
    worker.submitter.run, store.write_line = take, write_line  # type: ignore[method-assign]
    await page.session.line.resume()
    assert page.session.line.refusal is None, "it is for a pause that holds"
    await stage.until(lambda: not line_of(page).entries)


@scene
async def test_the_last_run_that_is_refused_pauses_nothing(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, Seeds(STEPS, (0,)))

    async def fail(*_: object) -> None:
        raise FULL

    page.session._state.ports.store.write_line = fail  # type: ignore[method-assign]
    await stage.until(lambda: tasks_of(page) and not page.session.line.sending)
    assert [task.state for task in tasks_of(page)] == [TaskState.FAILED]
    assert (line_of(page).entries, line_of(page).pause) == ((), None)


@scene
async def test_run_not_put_back_is_recorded_as_not_sent(stage: Stage) -> None:
    page = await stage.window()
    clicked = await stage.run(page, steps=100, server_id=A)
    await stage.until_running(page, clicked)
    store = page.session._state.ports.store
    write_line = store.write_line
    await add(stage, page, 2)

    async def fail(*_: object) -> None:
        raise FULL

    def go_down(_: object) -> None:
        store.write_line = fail  # type: ignore[method-assign]
        stage.world.sims[A].is_down = True

    stage.once_stored(lambda: len(stage.world.database.tasks) == 2, lambda: go_down(None))
    await stage.until(lambda: any(task.end.failure for task in tasks_of(page)))
    (failed,) = [task for task in tasks_of(page) if task.end.failure]
    assert failed.end.failure is not None and failed.end.failure.kind == "not_sent"
    assert len(line_of(page).entries) == 1, "the other one waits"
    await stage.until(lambda: page.session.line.stalled_by)
    store.write_line = write_line  # type: ignore[method-assign]
    stage.world.sims[A].is_down = False
    page.session.wake("online")
    await stage.until(all_done(page, 3))
    assert task_of(page, failed.prompt_id).state is TaskState.FAILED


@scene
async def test_recovered_server_resets_rest_intervals(stage: Stage) -> None:
    page = await stage.window()
    for machine in stage.world.machines:
        machine.is_down = True
    await add(stage, page, 2)
    await stage.until(lambda: page.own.tries >= 3)
    for machine in stage.world.machines:
        machine.is_down = False
    await stage.until(all_done(page, 2))
    assert (page.own.tries, page.own.cause, page.session.runs) == (0, None, ())
    assert posts(stage) == 2


@scene
async def test_run_of_adopted_line_is_not_retried(stage: Stage) -> None:
    page, heir = await stage.window(), await stage.window()
    owner, tries = window_of(page).window_id, list[PromptId]()
    stage.world.browser.held.discard(owner)  # as it looks where there are no locks
    heir.session.workers[0].is_resting = True

    async def take(order: RunOrder) -> PromptId:
        tries.append(order.prompt_id)
        await heir.session.find_orphans()
        await heir.session.line.adopt(owner)
        raise NotOwner("register", order.prompt_id)

    page.own.submitter.run = take  # type: ignore[method-assign]
    await add(stage, page, 3)
    await stage.until(lambda: tries and not page.session.line.sending)
    await stage.sleep(1.0)
    assert (line_of(page).entries, page.own.is_resting, len(tries)) == ((), False, 1)


@scene
async def test_registered_run_leaves_line_although_it_cannot_be_read(stage: Stage) -> None:
    page = await stage.window()
    real, store = page.own.submitter.run, page.session._state.ports.store
    read_line = store.read_line

    async def fail(*_: object) -> WaitingRuns:
        raise StorageError("read_line", "unknown")

    async def take(order: RunOrder) -> PromptId:
        await real(order)
        store.read_line = fail  # type: ignore[method-assign]
        raise NotOwner("submit_workflow", order.prompt_id)

    page.own.submitter.run = take  # type: ignore[method-assign]
    page.session._state._listeners.clear()  # so that nothing else reacts
    workflow = a_workflow(3, 1, None)
    await page.session.line.add(workflow, plan_runs(workflow, Count(1)))
    page.session.line.hurry()
    await stage.until(lambda: tasks_of(page) and not page.session.line.sending)
    assert line_of(page).entries == ()
    store.read_line = read_line  # type: ignore[method-assign]


@scene
async def test_run_whose_turn_has_come_is_shown_as_sending(stage: Stage) -> None:
    await only_a(stage)
    page = await stage.window()
    state, line = page.session._state, page.session.line
    state.servers.reported(replace(state.servers.fleet, has_users=True), ())
    other = OtherBrowser(page, "one", "two")
    prompt_id = await stage.run(page, picture=PHOTO)
    await stage.until(lambda: line.turn)
    other.prompts = ()
    await stage.until(lambda: [item for item in page.session.runs if item.stage is RunStage.UPLOADING])
    assert line.shown_sending == {prompt_id}


@scene
async def test_note_of_a_held_run_is_deleted_once(stage: Stage) -> None:
    await only_a(stage)
    busy, page = await stage.window(), await stage.window()
    for _ in range(AHEAD):
        await stage.run(busy, steps=200)
    await add(stage, page, 1)
    await stage.until(lambda: page.session.line.turn)
    store, released = page.session._state.ports.store, list[PromptId]()
    release = store.release_reservation

    async def note(prompt_id: PromptId) -> None:
        released.append(prompt_id)
        await release(prompt_id)

    store.release_reservation = note  # type: ignore[method-assign]
    await page.session.line.pause()
    for _ in range(5):
        page.session._state.changed()
        await stage.sleep(1.0)
    assert released == [entry.prompt_id for entry in line_of(page).entries]


@scene
async def test_run_is_known_by_its_first_id_after_retries(stage: Stage) -> None:
    page = await stage.window()
    Refusals(page, 2, TOO_MANY)
    await add(stage, page, 1)
    (entry,) = line_of(page).entries
    ended = await stage.ended(page, entry.prompt_id)
    assert (ended.state, ended.prompt_id == entry.prompt_id) == (TaskState.SUCCEEDED, False)


@scene
async def test_retry_keeps_the_failed_task_that_it_repeats(stage: Stage) -> None:
    page = await stage.window()
    rejected = await stage.run(page, steps=0)
    assert task_of(page, rejected).state is TaskState.FAILED
    Refusals(page, 2, TOO_MANY)
    Refusals(page, 1)
    prompt_id = await page.session.run_again(rejected)
    assert line_of(page).has(prompt_id)
    await stage.until(lambda: not line_of(page).entries and not page.session.line.sending)
    assert task_of(page, rejected).state is TaskState.FAILED


@pytest.mark.parametrize("retries", [0, 1, 2])
@scene
async def test_waiting_repeat_uses_files_of_its_first_server(stage: Stage, retries: int) -> None:
    page, _ = await opened(stage)
    first = await made(stage, page, picture(EMPTY), A)
    await made(stage, page, picture(OTHER), B)
    name = f"{first.delivery.outputs[0].filename} [output]"
    task = await made(stage, page, naming(name), A)
    stage.world.sims[C].is_down = True  # so that it goes to B
    Refusals(page, retries, TOO_MANY)
    Refusals(page, 1)
    prompt_id = await page.session.run_again(task.prompt_id, elsewhere=True)
    assert line_of(page).has(prompt_id)
    repeated = await stage.ended(page, prompt_id)
    stored = stage.world.network.servers[repeated.server_id].files.content(image_of(repeated))
    kept = await page.session.read_result(first.prompt_id)
    assert (repeated.server_id, repeated.state) == (B, TaskState.SUCCEEDED)
    assert kept is not None and stored == await kept.read(), "and not another file of that name"


def picture(node: dict[str, object]) -> ApiWorkflow:
    """A workflow that makes a picture of its own."""
    return parse_workflow({**json.loads(naming("x").text), **node})


@pytest.mark.parametrize("has_file", [True, False])
@scene
async def test_waiting_click_sends_its_editor_file_if_it_has_one(stage: Stage, has_file: bool) -> None:
    posts, page = Posts(stage), await stage.window()
    Refusals(page, 1)
    prompt_id = await run_with_editor(page, 7, None if has_file else "")
    assert line_of(page).has(prompt_id)
    task = await stage.ended(page, prompt_id)
    assert (posts.graph(task.prompt_id) is not None, bool(task.editor_sha256)) == (has_file, has_file)


@scene
async def test_waiting_repeat_records_why_it_has_no_editor_file(stage: Stage) -> None:
    page = await stage.window()
    done = await stage.ended(page, await run_with_editor(page, 7, "{"))
    Refusals(page, 1)
    prompt_id = await page.session.run_again(done.prompt_id)
    assert line_of(page).has(prompt_id)
    repeated = await stage.ended(page, prompt_id)
    assert repeated.editor_fault == done.editor_fault == "unreadable"


@scene
async def test_refused_file_that_cannot_leave_is_retried_rarely(stage: Stage) -> None:
    page = await stage.window()
    use(page, Memory())
    ports, tries = page.session._state.ports, list[float]()
    write_line = ports.store.write_line

    async def refuse(*_: object) -> Response:
        tries.append(stage.now)
        return Response(413, {}, "too large")

    async def fail_to_remove(change: LineChange, *files: Any) -> None:
        if change.removed:
            raise FULL
        await write_line(change, *files)

    ports.http.upload, ports.store.write_line = refuse, fail_to_remove  # type: ignore[method-assign]
    await start(page, Folder.of("a.png"))
    await stage.until(lambda: tries)
    await stage.sleep(60.0)
    assert 4 <= len(tries) <= 20, "each of three sessions rests in between"
    ports.store.write_line = write_line  # type: ignore[method-assign]
    await stage.until(lambda: not line_of(page).entries)
    assert [fault.cause for fault in work_of(page).progress.faults] == ["refused-file"]
    assert line_of(page).pause is None
