"""Work of closed windows is found, adopted by one window, and run again with its kept inputs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from app.core.errors import BadInput, NoServerAvailable, NotOwner, TaskNotFound
from app.core.model import ClientId, Delivery, PromptId, StoredTasks, TaskState, WindowId
from app.core.window import Free, Restoring, Window
from app.session import RunStage
from app.session.delivery.past import Past
from app.session.memory.sandbox import Sandbox
from app.session.memory.store import MemoryStore
from app.session.salvage import Salvage
from app.session.state import State
from app.session.submitting.submit import SLEPT_OVER
from tests.kit.stage import PHOTO, A, Stage, bytes_of, scene, task_of, window_of
from tests.simulation.network import Mishap
from tests.simulation.world import Page


def orphan_ids(page: Page) -> list[PromptId]:
    """The orphans that a page shows."""
    return [item.task.prompt_id for item in page.session.orphans]


@scene
async def test_work_of_closed_window_is_adopted_as_ward(stage: Stage) -> None:
    gone = await stage.window()
    prompt_id = await stage.run(gone, steps=60, server_id=A)
    stage.world.leave(gone, crashed=True)
    heir = await stage.window()
    await stage.until(lambda: orphan_ids(heir) == [prompt_id])
    assert heir.session.orphans[0].is_owner_gone
    task = await heir.session.adopt(prompt_id)
    assert (task.is_ward, task.epoch, task.owner) == (True, 2, window_of(heir).window_id)
    assert window_of(heir).mooring == Free()
    assert heir.session.violations() == (), "the record is known, as the store has it"
    assert orphan_ids(heir) == []
    ended = await stage.ended(heir, prompt_id)
    assert ended.state is TaskState.SUCCEEDED
    assert await bytes_of(heir, prompt_id)


@scene
async def test_results_that_were_never_fetched_are_orphans_too(stage: Stage) -> None:
    gone = await stage.window()
    prompt_id = await stage.run(gone, steps=2, server_id=A)
    stage.once_stored(
        lambda: stage.world.database.task(prompt_id).state is TaskState.SUCCEEDED,
        lambda: void(stage.world.leave(gone, crashed=True)),
    )
    await stage.until(lambda: not gone.life.is_alive)
    heir = await stage.window()
    await stage.until(lambda: orphan_ids(heir) == [prompt_id])
    await heir.session.adopt(prompt_id)
    ended = await stage.ended(heir, prompt_id)
    assert [item.delivery for item in ended.delivery.outputs] == [Delivery.KEPT]


@scene
async def test_the_work_of_a_living_window_is_no_orphan(stage: Stage) -> None:
    alive = await stage.window()
    prompt_id = await stage.run(alive, steps=200)
    other = await stage.window()
    assert await other.session.find_orphans() == ()
    with pytest.raises(TaskNotFound):
        await other.session.adopt(prompt_id)
    assert stage.world.database.task(prompt_id).owner == window_of(alive).window_id


@scene
async def test_a_reload_is_no_death(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    await stage.run(page, steps=200)
    tab = stage.world.leave(page, crashed=False)
    searching = asyncio.ensure_future(other.session.find_orphans())
    await asyncio.sleep(0.5)
    await stage.window(tab)
    assert await searching == ()


@scene
async def test_window_closing_during_search_is_found_on_same_wake(stage: Stage) -> None:
    """The search has just learned that the window lives when that window closes and this page is woken."""
    gone, heir = await stage.window(), await stage.window()
    prompt_id = await stage.run(gone, steps=200)
    windows = heir.session._state.ports.windows
    ask = windows.is_alive

    async def answered(window_id: WindowId) -> bool | None:
        alive = await ask(window_id)
        if gone.life.is_alive:
            stage.world.leave(gone, crashed=True)
            heir.session.wake("online")
            await asyncio.sleep(1.0)
        return alive

    windows.is_alive = answered  # type: ignore[method-assign]
    heir.session.wake("visible")
    await stage.until(lambda: orphan_ids(heir) == [prompt_id])


@scene
async def test_one_of_two_heirs_gets_it(stage: Stage) -> None:
    gone, one, two = await stage.window(), await stage.window(), await stage.window()
    prompt_id = await stage.run(gone, steps=200)
    stage.world.leave(gone, crashed=True)
    await one.session.find_orphans()
    await two.session.find_orphans()
    results = await asyncio.gather(one.session.adopt(prompt_id), two.session.adopt(prompt_id), return_exceptions=True)
    refused = [item for item in results if isinstance(item, NotOwner)]
    assert len(refused) == 1
    owners = [page for page in (one, two) if prompt_id in window_of(page).tasks]
    assert len(owners) == 1
    assert orphan_ids(one) == orphan_ids(two) == []


@scene
async def test_work_adopted_before_answer_is_settled_by_polling(stage: Stage) -> None:
    gone = await stage.window()
    stage.once_requested("POST", "/prompt", lambda _: void(stage.world.leave(gone, crashed=True)))
    stage.begin(gone, steps=30, server_id=A)
    await stage.until(lambda: stage.requests("POST", "/prompt"))
    heir = await stage.window()
    await stage.until(lambda: heir.session.orphans)
    prompt_id = orphan_ids(heir)[0]
    assert heir.session.orphans[0].task.progress.answered_at is None
    await heir.session.adopt(prompt_id)
    assert (await stage.ended(heir, prompt_id)).state is TaskState.SUCCEEDED
    assert len(stage.requests("POST", "/prompt")) == 1


@scene
async def test_adopted_work_whose_post_never_arrived_is_lost(stage: Stage) -> None:
    gone = await stage.window()
    stage.world.weather.armed.append(Mishap("request lost", lambda exchange: exchange.route == ("POST", "prompt")))
    stage.world.weather.on_mishap.append(lambda *_: void(stage.world.leave(gone, crashed=True)))
    stage.begin(gone, steps=30, server_id=A)
    await stage.until(lambda: gone not in stage.world.pages)
    heir = await stage.window()
    await stage.until(lambda: heir.session.orphans)
    (prompt_id,) = orphan_ids(heir)
    await heir.session.adopt(prompt_id)
    assert task_of(heir, prompt_id).state is TaskState.UNCLEAR
    assert (await stage.ended(heir, prompt_id)).state is TaskState.LOST
    assert stage.requests("POST", "/prompt") == []


@scene
async def test_window_whose_task_was_adopted_does_not_post(stage: Stage) -> None:
    """Between the register and the POST a page may sleep for an hour; another window may have adopted the task."""
    page, heir = await stage.window(), await stage.window()
    database, heirs = stage.world.database, window_of(heir).window_id
    stage.world.sims[A].awake.clear()
    first = stage.begin(page, steps=3, server_id=A)  # holds the lane of a hung server
    await stage.until(lambda: any(item.stage is RunStage.SUBMITTING for item in page.session.runs))
    second = stage.begin(page, steps=3, server_id=A)
    await stage.until(lambda: len(database.all_tasks()) == 2 or second.done())
    adopt_of = [task for task in database.all_tasks() if task.progress.answered_at is None][-1]
    await stage.store().adopt(adopt_of.prompt_id, (adopt_of.owner, adopt_of.epoch), heirs)
    await stage.sleep(SLEPT_OVER)
    stage.world.sims[A].awake.set()
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert any(isinstance(item, NotOwner) for item in results)
    assert adopt_of.prompt_id not in stage.world.sims[A].ran


@scene
async def test_page_that_slept_checks_ownership_before_post(stage: Stage) -> None:
    page, heir = await stage.window(), await stage.window()
    asleep: list[bool] = []

    def fall_asleep() -> None:
        if not asleep and stage.world.database.tasks:
            asleep.append(True)
            page.life.freeze()

    stage.world.database.watchers.append(fall_asleep)
    running = stage.begin(page, steps=3, server_id=A)
    await stage.until(lambda: asleep)
    task = stage.world.database.all_tasks()[0]
    await stage.store().adopt(task.prompt_id, (task.owner, task.epoch), window_of(heir).window_id)
    await asyncio.sleep(60.0)
    page.life.thaw()
    assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], NotOwner)
    assert stage.requests("POST", "/prompt") == []


@scene
async def test_a_window_takes_back_what_was_taken_from_it(stage: Stage) -> None:
    """It does not know yet that its task went to another window, now closed; the old copy must not win."""
    page, thief = await stage.window(), await stage.window()
    prompt_id = await stage.run(page, steps=200)
    await stage.store().adopt(prompt_id, (window_of(page).window_id, 1), window_of(thief).window_id)
    stage.world.leave(thief, crashed=True)
    await page.session.find_orphans()
    task = await page.session.adopt(prompt_id)
    assert (task.epoch, task.is_ward) == (3, True)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert task_of(page, prompt_id).epoch == 3


@scene
async def test_result_adopted_and_taken_back_is_delivered(stage: Stage) -> None:
    page, heir = await stage.window(), await stage.window()
    stage.once_requested("GET", "/view", lambda server_id: setattr(stage.world.sims[server_id], "is_down", True))
    prompt_id = await stage.run(page, server_id=A)
    await stage.until(lambda: task_of(page, prompt_id).state.is_end)
    stage.world.browser.held.discard(window_of(page).window_id)  # as it looks where there are no locks
    await heir.session.find_orphans()
    await heir.session.adopt(prompt_id)
    page.session.wake("visible")
    await stage.until(lambda: prompt_id not in window_of(page).tasks)
    stage.world.leave(heir, crashed=True)
    await stage.sleep(120.0)
    await page.session.find_orphans()
    await page.session.adopt(prompt_id)
    stage.world.sims[A].is_down = False
    await stage.ended(page, prompt_id)
    assert await bytes_of(page, prompt_id)


@scene
async def test_result_adopted_during_fetch_is_dropped(stage: Stage) -> None:
    """Otherwise its old owner would show it as unfinished, until something wakes it."""
    page, heir = await stage.window(), await stage.window()
    stage.once_requested("GET", "/view", lambda _: hand_over(stage, window_of(heir).window_id))
    prompt_id = await stage.run(page)
    await stage.until(lambda: prompt_id not in window_of(page).tasks)
    assert stage.world.database.results == {}, "nothing was kept for an owner that is none"


@scene
async def test_page_starts_although_its_work_was_adopted(stage: Stage) -> None:
    page, heir = await stage.window(), await stage.window()
    stage.once_requested("POST", "/prompt", lambda _: void(stage.world.leave(page, crashed=True)))
    stage.begin(page, steps=30)
    await stage.until(lambda: not page.life.is_alive)
    taken: list[bool] = []

    def take() -> None:
        if isinstance(back.session.window, Window) and not taken:
            taken.append(True)
            (task,) = window_of(back).tasks.values()
            hand_over(stage, window_of(heir).window_id)
            let_go = back.session._state.records.disown  # as a wake does, here while the task is being written
            asyncio.get_running_loop().call_soon(let_go, task, TaskNotFound("verify", task.prompt_id))

    back = stage.world.open(page.tab)
    back.session.subscribe(take)
    await stage.until(lambda: taken and not window_of(back).tasks)
    prompt_id = await stage.run(back)
    assert (await stage.ended(back, prompt_id)).state is TaskState.SUCCEEDED
    assert stage.world.broken == []


def hand_over(stage: Stage, heir: WindowId) -> None:
    """Give the only task to another window, as an adoption does."""
    tasks = stage.world.database.tasks
    ((prompt_id, record),) = tasks.items()
    tasks[prompt_id] = {**record, "owner": heir, "epoch": record["epoch"] + 1, "is_ward": True}


def void(_: object) -> None:
    """Drop a value."""


# Run again


@scene
async def test_run_again_makes_new_task_with_same_inputs(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, picture=PHOTO)
    await stage.ended(page, first)
    second = await page.session.run_again(first)
    ended = await stage.ended(page, second)
    assert (second != first, ended.again_of, ended.state) == (True, first, TaskState.SUCCEEDED)
    assert ended.inputs == task_of(page, first).inputs
    assert stage.world.database.task(second).again_of == first


@scene
async def test_run_again_beside_other_work_stays_on_server(stage: Stage) -> None:
    page = await stage.window()
    done = await stage.ended(page, await stage.run(page, server_id=A))
    other = await stage.run(page, steps=400, server_id=A)
    repeated = await page.session.run_again(done.prompt_id)
    assert task_of(page, repeated).server_id == A
    await page.session.cancel(other)


@scene
async def test_run_elsewhere_gives_up_old_task_and_avoids_server(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=500, server_id=A)
    stage.world.sims[A].awake.clear()
    second = await page.session.run_again(first, elsewhere=True)
    assert task_of(page, first).state is TaskState.GIVEN_UP
    ended = await stage.ended(page, second)
    assert ended.server_id != A
    assert ended.state is TaskState.SUCCEEDED
    stage.world.sims[A].awake.set()


@scene
async def test_with_no_other_server_nothing_is_given_up(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=300, server_id=A)
    for server_id, server in stage.world.sims.items():
        server.is_down = server_id != A
    with pytest.raises(NoServerAvailable):
        await page.session.run_again(first, elsewhere=True)
    assert not task_of(page, first).state.is_end
    assert (await stage.ended(page, first)).state is TaskState.SUCCEEDED


@scene
async def test_missing_input_is_reported(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, picture=PHOTO)
    await stage.ended(page, first)
    stage.world.database.inputs.clear()
    with pytest.raises(BadInput) as refusal:
        await page.session.run_again(first)
    assert (refusal.value.cause, refusal.value.name) == ("input-not-kept", "photo.png")


@dataclass(eq=False)
class WaitingStore(MemoryStore):
    """A store that, on request, shows the tasks of all windows, with which a search begins."""

    searches: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def read_tasks(self, owner: WindowId | None = None) -> StoredTasks:
        self.searches += 1
        await self.may_answer.wait()
        return await super().read_tasks(owner)


async def test_requests_during_search_cause_one_more_search() -> None:
    store = WaitingStore()
    state = State(Sandbox(store=store).ports)
    state.records.set_window(Restoring(WindowId("w")).restored(ClientId("c"), []))
    salvage = Salvage(state, Past(state))
    for _ in range(4):
        salvage.search_soon()
        await asyncio.sleep(0)
    assert store.searches == 1
    store.may_answer.set()
    async with asyncio.timeout(5):
        while state._background:  # noqa: ASYNC110 - no event ends a search
            await asyncio.sleep(0)
    assert store.searches == 2
