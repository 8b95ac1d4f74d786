"""A run of the line that could not be sent waits, pauses the others, or is reported; it is never lost."""

from __future__ import annotations

import asyncio
import logging

import pytest

from app.core.errors import BadInput, ConnectError, HttpStatusError, MooringError, NotOwner, StorageError
from app.core.model import PromptId, TaskState
from app.core.waiting_runs import Pause, WaitingRuns
from app.session import Session
from app.session.memory.sandbox import Sandbox
from app.session.submitting.submit import RunOrder
from app.session.waiting.sending import _is_of_the_run
from app.workflows.plans.runs import Count, Seeds, plan_runs
from tests.simulation.world import a_workflow
from tests.unit.session.stage import A, Stage, line_of, scene, task_of, window_of
from tests.unit.session.test_report import until
from tests.unit.session.test_waiting_runs import STEPS, add, all_done, labels, paused, posts, tasks_of
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

    session.worker.submitter.run = take  # type: ignore[method-assign]
    await session.start()
    await until(lambda: session.fleet.servers and "wake" not in names(session))
    workflow = a_workflow(1, 1, None)
    await session.line.add(workflow, plan_runs(workflow, Count(2)))
    await until(lambda: session.worker.is_resting and not session.line.sending)
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
    session.worker.is_resting = True
    workflow = a_workflow(1, 1, None)
    await session.line.add(workflow, plan_runs(workflow, Count(1)), senders=2)
    await settled()
    mate, taken = a_hand(), list[PromptId]()

    async def take(order: RunOrder) -> PromptId:
        taken.append(order.prompt_id)
        return order.prompt_id

    mate.submitter.run = take  # type: ignore[method-assign]
    session.line.enlist(mate)
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

    session.worker.submitter.run, mate.submitter.run = break_off, take  # type: ignore[method-assign]
    session.line.enlist(mate)
    await settled()
    workflow = a_workflow(1, 1, None)
    await session.line.add(workflow, plan_runs(workflow, Count(1)), senders=2)
    await settled()
    assert len(taken) == 1
    await session.stop()


@scene
async def test_a_pause_that_cannot_be_written_holds_for_this_page(stage: Stage) -> None:
    page = await stage.window()
    await add(stage, page, 4, steps=400)
    await paused(stage, page)
    waiting, worker, store = labels(page), page.session.worker, page.session._state.ports.store
    take, write_line, tries = worker.submitter.run, store.write_line, list[PromptId]()
    await page.session.line.send_all()

    async def refuse(order: RunOrder) -> PromptId:
        tries.append(order.prompt_id)
        raise BadInput("too-large", "photo.png")

    async def fail(_: object) -> None:
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

    async def fail(_: object) -> None:
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

    async def fail(_: object) -> None:
        raise FULL

    def go_down(_: object) -> None:
        store.write_line = fail  # type: ignore[method-assign]
        stage.world.sims[A].is_down = True

    stage.once_stored(lambda: len(stage.world.database.tasks) == 2, lambda: go_down(None))
    await stage.until(lambda: any(task.failure for task in tasks_of(page)))
    (failed,) = [task for task in tasks_of(page) if task.failure]
    assert failed.failure is not None and failed.failure.kind == "not_sent"
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
    await stage.until(lambda: page.session.worker.tries >= 3)
    for machine in stage.world.machines:
        machine.is_down = False
    await stage.until(all_done(page, 2))
    assert (page.session.worker.tries, page.session.worker.cause, page.session.runs) == (0, None, ())
    assert posts(stage) == 2


@scene
async def test_run_of_adopted_line_is_not_retried(stage: Stage) -> None:
    page, heir = await stage.window(), await stage.window()
    owner, tries = window_of(page).window_id, list[PromptId]()
    stage.world.browser.held.discard(owner)  # as it looks where there are no locks
    heir.session.worker.is_resting = True

    async def take(order: RunOrder) -> PromptId:
        tries.append(order.prompt_id)
        await heir.session.find_orphans()
        await heir.session.line.adopt(owner)
        raise NotOwner("register", order.prompt_id)

    page.session.worker.submitter.run = take  # type: ignore[method-assign]
    await add(stage, page, 3)
    await stage.until(lambda: tries and not page.session.line.sending)
    await stage.sleep(1.0)
    assert (line_of(page).entries, page.session.worker.is_resting, len(tries)) == ((), False, 1)


@scene
async def test_registered_run_leaves_line_although_it_cannot_be_read(stage: Stage) -> None:
    page = await stage.window()
    real, store = page.session.worker.submitter.run, page.session._state.ports.store
    read_line = store.read_line

    async def fail(_: object) -> WaitingRuns:
        raise StorageError("read_line", "unknown")

    async def take(order: RunOrder) -> PromptId:
        await real(order)
        store.read_line = fail  # type: ignore[method-assign]
        raise NotOwner("submit_workflow", order.prompt_id)

    page.session.worker.submitter.run = take  # type: ignore[method-assign]
    page.session._state._listeners.clear()  # so that nothing else reacts
    workflow = a_workflow(3, 1, None)
    await page.session.line.add(workflow, plan_runs(workflow, Count(1)))
    page.session.line.hurry()
    await stage.until(lambda: tasks_of(page) and not page.session.line.sending)
    assert line_of(page).entries == ()
    store.read_line = read_line  # type: ignore[method-assign]
