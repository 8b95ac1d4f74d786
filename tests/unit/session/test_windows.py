"""The windows of a session, each with its own id, server and records, all sending from one waiting line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from app.core.errors import StorageError
from app.core.model import StoredTasks, Task, TaskState, WindowId
from app.core.waiting_runs import AHEAD, EVERY, numbered_window
from app.core.window import Window
from app.session.console import ConsoleContract
from app.session.waiting.worker import WindowWorker
from app.session.windows import MEND
from app.workflows.plans.runs import Seeds, plan_runs
from app.workflows.plans.targets import Target
from tests.kit.stage import A, B, C, Stage, line_of, scene, window_of
from tests.simulation.world import Page, a_workflow
from tests.unit.session.test_file_feed import Folder, Memory, start, use
from wire.health import Health


async def spread(stage: Stage, page: Page, count: int, senders: int, *, steps: int = 8) -> None:
    """Let so many runs wait for so many sessions."""
    stage._seed += 1
    workflow = a_workflow(steps, stage._seed, None)
    first = stage._seed * 1000
    runs = plan_runs(workflow, Seeds(Target("2", "nonce"), tuple(range(first, first + count))))
    await page.session.line.add(workflow, runs, title="many", senders=senders)


def tasks_of(worker: WindowWorker) -> list[Task]:
    return list(worker.window.restored.tasks.values()) if worker.window.restored else []


def all_tasks(page: Page) -> list[Task]:
    return [task for window in page.windows for task in window.tasks.values()]


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
async def test_windows_spread_over_servers_two_ahead_on_each(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 12, 3, steps=40)
    await stage.until(lambda: len(all_tasks(page)) == 3 * AHEAD)
    await stage.sleep(0.5)
    assert len(page.session.workers) == 3
    for worker in page.session.workers:
        assert len([task for task in tasks_of(worker) if not task.state.is_end]) <= AHEAD
    await stage.until(all_home(page, 12))
    assert {task.server_id for task in all_tasks(page)} == {"gpu-1", "gpu-2", "gpu-3"}
    assert posts(stage) == 12
    assert {task.state for task in all_tasks(page)} == {TaskState.SUCCEEDED}


def servers_in_order(page: Page) -> list[str]:
    return [task.server_id for task in sorted(all_tasks(page), key=lambda task: task.created_at)]


@scene
async def test_each_idle_server_gets_a_run_before_any_second(stage: Stage) -> None:
    stage.world.sims[B].pace = 40.0  # a slow server, as the first runs show
    stage.world.sims[B].restart()
    stage.world.power(stage.world.sims[B])
    page = await stage.window()
    for server_id in (A, B, C):
        await stage.ended(page, await stage.run(page, steps=8, server_id=server_id))
    for count in (3, 5):
        before = len(all_tasks(page))
        await spread(stage, page, count, 3, steps=8)
        await stage.until(all_home(page, before + count))
        assert sorted(servers_in_order(page)[before : before + 3]) == [A, B, C]


@scene
async def test_window_on_shared_server_moves_to_idle_one(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    for server_id in (B, C):
        await stage.run(await stage.window() if server_id == C else other, steps=100, server_id=server_id)
    await spread(stage, page, 40, 3, steps=20)
    await stage.until(all_home(page, 40))
    assert {task.server_id for task in all_tasks(page)} == {A, B, C}


@scene
async def test_unavailable_window_keeps_no_run_waiting(stage: Stage) -> None:
    page = await stage.window()
    me = window_of(page).window_id
    page.tab.browser.held |= {numbered_window(me, 1), numbered_window(me, 2)}  # another page holds them
    await spread(stage, page, 4, 3, steps=40)
    await stage.until(lambda: len(all_tasks(page)) == AHEAD)


@scene
async def test_unavailable_window_keeps_no_file_from_being_copied(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 9, 2, steps=400)
    await stage.until(lambda: len(all_tasks(page)) == 2 * AHEAD and not page.session.line.sending)
    await page.session.line.pause()
    waiting = len(line_of(page).entries)
    tab, mate = stage.world.leave(page, crashed=True), numbered_window(window_of(page).window_id, 1)
    tab.browser.held.add(mate)  # another page holds it
    page = await stage.window(tab)
    use(page, Memory())
    await start(page, Folder.of("a.png"))
    await stage.until(lambda: len(line_of(page).entries) == waiting + 1)
    assert page.others == ()


@scene
async def test_each_window_has_its_own_id_and_tasks(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 9, 3)
    await stage.until(lambda: len(page.others) == 2)
    await stage.until(all_home(page, 9))
    windows = page.windows
    me = window_of(page).window_id
    assert [window.window_id for window in windows] == [me, numbered_window(me, 1), numbered_window(me, 2)]
    assert len({window.client_id for window in windows}) == 3
    for window in windows:
        for task in window.tasks.values():
            assert (task.owner, task.client_id) == (window.window_id, window.client_id)
            worker = page.worker_of(task.prompt_id)
            assert worker is not None and worker.window.window_id == window.window_id
    assert page.session.violations() == ()


@scene
async def test_console_has_the_work_of_all_windows(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 9, 3, steps=40)
    await stage.until(lambda: len(all_tasks(page)) == 6 and not page.session.line.sending)
    contract = ConsoleContract(page.session)
    tasks = contract.window_tasks()
    assert {task["promptId"] for task in tasks} == {task.prompt_id for task in all_tasks(page)}
    pending = contract.debug_server_consistency()
    assert {task["executionServer"] for task in pending["tasks"]} == {pending["lockedServer"]}
    assert len({item["lockedServer"] for item in (pending, *pending["crew"])}) == 3
    theirs = next(task for task in tasks if task["owner"] != pending["windowId"])
    assert (await contract.cancel(theirs["promptId"]) or {})["promptId"] == theirs["promptId"]
    assert (await contract.wait_for(theirs["promptId"]))["state"] == "cancelled"
    assert await contract.verify() == {"ok": True, "violations": []}
    assert contract.check_server_switch_risk() is False
    await page.session.line.cancel_mine()


@scene
async def test_opening_other_windows_searches_no_orphans(stage: Stage) -> None:
    page = await stage.window()
    await stage.sleep(10.0)
    store, searches = page.session._state.ports.store, list[float]()
    read_lines = store.read_lines

    async def count() -> Mapping[WindowId, int]:
        searches.append(stage.now)
        return await read_lines()

    store.read_lines = count  # type: ignore[method-assign]
    await spread(stage, page, 9, 3, steps=40)
    await stage.until(lambda: len(page.others) == 2 and len(all_tasks(page)) == 6)
    assert searches == []
    page.session.wake("visible")
    await stage.until(lambda: searches)


@scene
async def test_line_for_one_server_needs_one_window(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 4, 1)
    await stage.until(all_home(page, 4))
    assert page.others == ()
    await spread(stage, page, 6, 2)
    await stage.until(lambda: len(page.others) == 1)
    await page.session.line.spread(1)
    await stage.until(all_home(page, 10))


@pytest.mark.parametrize("crashed", [False, True])
@scene
async def test_reload_reopens_windows_with_work(stage: Stage, crashed: bool) -> None:
    page = await stage.window()
    await spread(stage, page, 9, 3, steps=20)
    for _ in range(3):
        await stage.sleep(1.5)
        page = await stage.reload(page, crashed=crashed)
    await stage.until(all_home(page, 9))
    assert posts(stage) == 9
    page = await stage.reload(page)
    await stage.until(all_home(page, 9))
    assert len(page.others) == 2, "windows that own results are open again, though nothing waits"
    assert page.session.orphans == ()


@scene
async def test_duplicated_tab_has_none_of_the_other_windows(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 9, 3, steps=40)
    await stage.until(lambda: len(all_tasks(page)) == 6)
    twin = await stage.window(page.tab.duplicate())
    await stage.sleep(20.0)
    assert (all_tasks(twin), twin.others, twin.session.orphans) == ([], (), ())
    await stage.until(all_home(page, 9))


@scene
async def test_work_of_closed_windows_is_found_and_adopted(stage: Stage) -> None:
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
    assert line_of(heir).senders == 3, "it goes on as the user wished"
    await stage.until(all_home(heir, 9))
    assert posts(stage) == 9
    assert len(heir.others) == 2


@scene
async def test_pause_and_cancel_mine_apply_to_all_windows(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    theirs = await stage.run(other, steps=200)
    await spread(stage, page, 12, 3, steps=200)
    await stage.until(lambda: len(all_tasks(page)) >= 4 and not page.session.line.sending)
    started = len(all_tasks(page))
    await page.session.line.pause()
    await page.session.line.cancel_mine()
    await stage.until(lambda: all(task.state is TaskState.CANCELLED for task in all_tasks(page)))
    assert (len(all_tasks(page)), line_of(page).entries) == (started, ())
    assert (await stage.ended(other, theirs)).state is TaskState.SUCCEEDED


@scene
async def test_dead_server_delays_only_its_own_window(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 12, 3, steps=10)
    await stage.until(lambda: len(all_tasks(page)) == 6)
    held = next(worker for worker in page.session.workers if tasks_of(worker))
    server_id = held.locked
    assert server_id is not None
    stage.world.sims[server_id].is_down = True
    await stage.until(lambda: held.obstacle is not None and line_of(page).entries)
    assert page.session.line.stalled_by is None, "the others go on"
    await stage.until(lambda: not line_of(page).entries and not page.session.line.sending)
    assert len([task for task in all_tasks(page) if task.end.failure]) <= 1, (
        "what is known not to answer is sent nothing"
    )
    stage.world.sims[server_id].is_down = False
    await stage.until(lambda: all(task.is_delivered for task in all_tasks(page)))
    done = [task for task in all_tasks(page) if task.state is TaskState.SUCCEEDED]
    assert sorted(task.part.index for task in done if task.part) == list(range(12))


@scene
async def test_a_line_is_spread_while_it_waits(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 9, 1, steps=400)
    await stage.until(lambda: len(all_tasks(page)) == AHEAD)
    for senders in (2, 3):
        since = stage.now
        await page.session.line.spread(senders)
        assert line_of(page).senders == senders
        await stage.until(lambda senders=senders: len(page.others) == senders - 1)
        assert stage.now - since < 1.0
    await stage.until(lambda: len(all_tasks(page)) == 3 * AHEAD)


@scene
async def test_wake_rereads_all_windows_and_stop_ends_them(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 9, 3, steps=900)
    await stage.until(lambda: len(page.others) == 2 and len(all_tasks(page)) == 6)
    await stage.sleep(30.0)
    lost = tasks_of(page.others[1])[0]
    del stage.world.database.tasks[lost.prompt_id]
    page.session.wake("visible")
    await stage.until(lambda: lost not in all_tasks(page))
    await page.session.stop()
    assert page.session._state._background == set()


@scene
async def test_window_is_opened_once_another_page_releases_its_id(stage: Stage) -> None:
    page = await stage.window()
    held, mate = stage.world.browser.held, numbered_window(window_of(page).window_id, 1)
    held.add(mate)
    windows, tries = page.session._state.ports.windows, list[WindowId]()
    claim_other = windows.claim_other

    async def count(window_id: WindowId) -> bool:
        tries.append(window_id)
        return await claim_other(window_id)

    windows.claim_other = count  # type: ignore[method-assign]
    await spread(stage, page, 12, 3, steps=200)
    await stage.until(lambda: page.others)
    await stage.sleep(MEND * 3)
    assert 2 <= tries.count(mate) <= 4, "not without a pause"
    assert [worker.window.window_id for worker in page.others] == [numbered_window(window_of(page).window_id, 2)]
    held.discard(mate)
    since = stage.now
    await stage.until(lambda: len(page.others) == 2)
    assert stage.now - since <= MEND + 1.0
    assert [worker.window.window_id for worker in page.others] == [
        mate,
        numbered_window(window_of(page).window_id, 2),
    ], "by their numbers"


@scene
async def test_windows_of_an_unreadable_store_are_opened_later(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 4, 2, steps=900)
    await stage.until(lambda: len(all_tasks(page)) == 4)
    page = stage.world.reload(page)
    store, began = page.session._state.ports.store, stage.now
    read_tasks = store.read_tasks

    async def fail_at_first(owner: WindowId | None = None) -> StoredTasks:
        if owner is None and stage.now < began + 1:
            raise StorageError("read_tasks", "blocked")
        return await read_tasks(owner)

    store.read_tasks = fail_at_first  # type: ignore[method-assign]
    await stage.until(lambda: page.others)
    assert stage.now - began >= MEND
    await stage.until(lambda: len(all_tasks(page)) == 4)


@scene
async def test_other_windows_wait_for_an_unreadable_store(stage: Stage) -> None:
    stage.world.database.is_blocked = True
    page = stage.world.open()
    await stage.until(lambda: page.session.store_error)
    await stage.sleep(MEND * 2)
    stage.world.database.is_blocked = False
    page.session.wake("online")
    await stage.until(lambda: isinstance(page.session.window, Window) and page.session.line.line is not None)
    await spread(stage, page, 4, 2)
    await stage.until(all_home(page, 4))
    assert len(page.others) == 1


@scene
async def test_batch_uses_servers_that_answer_after_run_was_pressed(stage: Stage) -> None:
    page = await stage.window()
    stage.report(Health.DOWN, B, C)
    await stage.until(lambda: sum(server.health.is_silent for server in page.session.fleet.servers) == 2)
    await spread(stage, page, 12, EVERY, steps=40)
    await stage.until(lambda: len(all_tasks(page)) == AHEAD)
    assert {task.server_id for task in all_tasks(page)} == {A} and not page.others
    stage.report(Health.WELL, B, C)
    await stage.until(lambda: {task.server_id for task in all_tasks(page)} == {A, B, C})
    assert len(page.session.workers) == 3
    await stage.until(all_home(page, 12))
    assert posts(stage) == 12


@scene
async def test_batch_leaves_a_server_that_dies_to_its_window(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 12, EVERY, steps=20)
    await stage.until(lambda: len(all_tasks(page)) == 3 * AHEAD)
    held = window_of(page).window_locked_server
    assert held is not None
    stage.report(Health.DOWN, held)
    await stage.until(lambda: not line_of(page).entries)
    assert len(page.session.workers) == 3, "no session more than servers"
    stage.report(Health.WELL, held)
    await stage.until(lambda: all(task.is_delivered for task in all_tasks(page)))


@scene
async def test_batch_on_every_server_opens_no_window_without_a_run(stage: Stage) -> None:
    page = await stage.window()
    await spread(stage, page, 2, EVERY, steps=20)
    await stage.until(lambda: len(all_tasks(page)) == 2)
    assert len({task.server_id for task in all_tasks(page)}) == 2, "none is second while a server is idle"
    await stage.until(all_home(page, 2))
    assert len(page.session.workers) == 2


@scene
async def test_run_for_another_server_is_sent_by_another_window(stage: Stage) -> None:
    page = await stage.window()
    held = await stage.run(page, steps=4000, server_id=A)
    stage.report(Health.DOWN, A)
    await stage.until(lambda: page.own.silence is not None)
    waiting = await stage.run(page)
    apart = await page.session.run(a_workflow(3, 77, None), server_id=B, is_apart=True)
    await stage.until(lambda: page.worker_of(apart) is not None)
    (mate,) = page.others
    assert [(task.prompt_id, task.server_id) for task in tasks_of(mate)] == [(apart, B)]
    assert set(window_of(page).tasks) == {held}, "the window sends to its own server only"
    assert [item.prompt_id for item in line_of(page).entries] == [waiting], "what waits stays where it is"
    await stage.until(lambda: all(task.is_delivered for task in tasks_of(mate)))
    assert line_of(page).has(waiting)
    stage.report(Health.WELL, A)
    await stage.until(lambda: waiting in window_of(page).tasks)
    assert {task.prompt_id for task in tasks_of(mate)} == {apart}


@pytest.mark.parametrize("crashed", [False, True])
@scene
async def test_run_for_another_server_survives_a_reload(stage: Stage, crashed: bool) -> None:
    page = await stage.window()
    await stage.run(page, steps=4000, server_id=A)
    stage.report(Health.DOWN, A)
    await stage.until(lambda: page.own.silence is not None)
    stage.report(Health.DOWN, B)
    apart = await page.session.run(a_workflow(3, 77, None), server_id=B, is_apart=True)
    page = await stage.reload(page, crashed=crashed)
    assert page.others == ()
    stage.report(Health.WELL, B)
    await stage.until(lambda: page.worker_of(apart) is not None)
    assert [task.server_id for task in tasks_of(page.others[0])] == [B]


@scene
async def test_failed_run_is_repeated_on_another_server(stage: Stage) -> None:
    page = await stage.window()
    held = await stage.run(page, steps=4000, server_id=A)
    failed = await stage.run(page)
    await page.session.cancel(failed)
    await stage.until(lambda: window_of(page).tasks[failed].state.is_end)
    stage.report(Health.DOWN, A)
    await stage.until(lambda: page.own.silence is not None)
    again = await page.session.run_again(failed, server_id=C)
    await stage.until(lambda: page.worker_of(again) is not None)
    assert [task.server_id for task in tasks_of(page.others[0])] == [C]
    assert window_of(page).window_locked_server == A and not window_of(page).tasks[held].state.is_end


@scene
async def test_run_for_another_server_goes_by_the_window_once_that_is_free(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await page.session.run(a_workflow(3, 77, None), server_id=B, is_apart=True)
    assert window_of(page).tasks[prompt_id].server_id == B and not page.others
