"""At most two runs of one browser are ahead on a server, over all its windows; the rest waits for its turn."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from app.core.comfy import waits_for_turn
from app.core.errors import ConnectError, NotYourTurn, ServerLockedError, StorageError
from app.core.eta import Eta
from app.core.model import PromptId, Task, TaskState
from app.core.ports.http import Request, Response
from app.core.turns import READ_BEFORE, Turn
from app.core.waiting_runs import Pause
from app.session import Run, RunStage
from app.session.scripting import TURN_REST
from app.session.submitting.reservations import expect_turn
from app.session.waiting.worker import LONGEST_WHILE_BUSY
from app.workflows.plans.runs import Seeds, plan_runs
from app.workflows.plans.targets import Target
from tests.kit.stage import PHOTO, A, B, Stage, line_of, scene, task_of, window_of
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow
from wire.queue import OTHER
from wire.turns import AHEAD, NOT_YOUR_TURN


def on_server(stage: Stage) -> list[PromptId]:
    """The prompts in A's queue."""
    machine = stage.world.sims[A]
    running = [machine.running] if machine.running is not None else []
    return [PromptId(item[1]) for item in (*running, *machine.heap)]


async def add(stage: Stage, page: Page, count: int, *, steps: int = 40) -> None:
    """Let many runs wait in this window, all of them for A."""
    workflow = a_workflow(steps, 1, None)
    runs = plan_runs(workflow, Seeds(Target("2", "nonce"), tuple(range(count))))
    await page.session.line.add(workflow, runs, title="many")
    await stage.until(lambda: line_of(page).entries)


def tasks_of(page: Page) -> list[Task]:
    return list(window_of(page).tasks.values())


async def only_a(stage: Stage) -> None:
    stage.tell_fleet(A)


@scene
async def test_windows_share_the_two_places(stage: Stage) -> None:
    await only_a(stage)
    pages = [await stage.window() for _ in range(3)]
    most = 0

    def count(*_: object) -> None:
        nonlocal most
        most = max(most, len(on_server(stage)))

    stage.world.network.on_request.append(count)
    for page in pages:
        await add(stage, page, 4)
    await stage.until(lambda: sum(task.state is TaskState.SUCCEEDED for page in pages for task in tasks_of(page)) == 12)
    assert most == AHEAD


@scene
async def test_third_click_waits_and_keeps_its_id(stage: Stage) -> None:
    await only_a(stage)
    one, two, three = [await stage.window() for _ in range(3)]
    for page in (one, two):
        await stage.run(page, steps=100)
    waiting = await stage.run(three, steps=2)
    assert [entry.prompt_id for entry in line_of(three).entries] == [waiting]
    turn = three.session.line.turn
    await stage.until(lambda: three.session.line.turn is not None)
    turn = three.session.line.turn
    assert turn is not None and (turn.server_id, turn.own, turn.others) == (A, 2, None)
    assert (await stage.ended(three, waiting)).prompt_id == waiting


@scene
async def test_click_survives_a_reload_while_it_waits(stage: Stage) -> None:
    await only_a(stage)
    one, page = await stage.window(), await stage.window()
    for _ in range(2):
        await stage.run(one, steps=100)
    waiting = await stage.run(page, steps=2)
    page = await stage.reload(page, crashed=True)
    await stage.until(lambda: page.session.line.line is not None)
    assert (await stage.ended(page, waiting)).state is TaskState.SUCCEEDED


@scene
async def test_closed_window_holds_no_turn(stage: Stage) -> None:
    await only_a(stage)
    gone, page = await stage.window(), await stage.window()
    for _ in range(2):
        await stage.run(gone, steps=20)
    stage.world.leave(gone, crashed=True)
    waiting = await stage.run(page, steps=2)
    assert (await stage.ended(page, waiting)).state is TaskState.SUCCEEDED, "though no window saw the others end"


@scene
async def test_window_that_waits_longest_comes_first(stage: Stage) -> None:
    await only_a(stage)
    busy, late, early = [await stage.window() for _ in range(3)]
    for _ in range(2):
        await stage.run(busy, steps=150)
    first = await stage.run(early, steps=2)
    await stage.sleep(1.0)
    await add(stage, busy, 5, steps=150)
    second = await stage.run(late, steps=2)
    await stage.until(lambda: tasks_of(early) and tasks_of(late))
    assert task_of(early, first).created_at < task_of(late, second).created_at
    assert len(tasks_of(busy)) == AHEAD, "it has begun to wait for its third run later"


@scene
async def test_click_does_not_wait_for_the_plan_of_another_window(stage: Stage) -> None:
    await only_a(stage)
    busy, page = await stage.window(), await stage.window()
    await add(stage, busy, 9, steps=100)
    await stage.until(lambda: len(on_server(stage)) == AHEAD)
    waiting = await stage.run(page, steps=2)
    await stage.until(lambda: waiting in {item.prompt_id for item in tasks_of(page)})
    assert len(tasks_of(busy)) <= AHEAD + 1, "at most one of its other runs was before it"


@scene
async def test_send_all_now_waits_for_no_turn(stage: Stage) -> None:
    await only_a(stage)
    one, two = await stage.window(), await stage.window()
    for _ in range(2):
        await stage.run(one, steps=300)
    await add(stage, two, 3)
    await two.session.line.send_all()
    await stage.until(lambda: len(on_server(stage)) == 5)


@scene
async def test_click_behind_two_waits_without_a_word_of_sending(stage: Stage) -> None:
    page = await stage.window()
    for _ in range(AHEAD):
        await stage.run(page, steps=300)
    shown: list[Run] = []
    page.session.subscribe(lambda: shown.extend(page.session.runs))
    waiting = await stage.run(page, steps=2)
    assert line_of(page).has(waiting)
    assert shown == []


@scene
async def test_click_that_loses_its_place_is_shown_as_waiting(stage: Stage) -> None:
    """Two clicks in the same moment, and one place. Another window of the session sends the one that waits."""
    page = await stage.window()
    await stage.run(page, steps=100, server_id=A)
    shown: list[Run] = []
    page.session.subscribe(lambda: shown.extend(run for run in page.session.runs if line_of(page).has(run.prompt_id)))
    for click in [stage.begin(page, steps=100), stage.begin(page)]:
        await click
    (waiting,) = line_of(page).entries
    assert page.session.runs == () and shown == []
    await page.session.line.spread(2)
    await stage.until(lambda: page.worker_of(waiting.prompt_id) in page.others)
    await stage.until(lambda: not page.session.runs)


@scene
async def test_click_waits_for_no_turn_while_all_are_sent(stage: Stage) -> None:
    page = await stage.window()
    line = page.session.line
    for _ in range(AHEAD):
        await stage.run(page, steps=900)
    await add(stage, page, 2)
    await line.send_all()
    page.own.is_resting = True  # so that some still wait
    clicked = await stage.run(page)
    assert clicked in {task.prompt_id for task in tasks_of(page)} and len(line_of(page).entries) == 2
    await line.pause()
    with pytest.raises(NotYourTurn):
        await stage.run(page)
    assert len(tasks_of(page)) == AHEAD + 1


@scene
async def test_no_turn_is_shown_once_nothing_waits(stage: Stage) -> None:
    await only_a(stage)
    busy, page = await stage.window(), await stage.window()
    for _ in range(AHEAD):
        await stage.run(busy, steps=400)
    waiting = await stage.run(page)
    await stage.until(lambda: page.session.line.turn)
    await page.session.line.remove(waiting)
    assert page.own.turn is not None
    assert page.session.line.turn is None


@scene
async def test_removed_run_holds_up_no_other_window(stage: Stage) -> None:
    await only_a(stage)
    busy, early, late = [await stage.window() for _ in range(3)]
    held = [await stage.run(busy, steps=400) for _ in range(2)]
    first, second = await stage.run(early, steps=2), await stage.run(late, steps=2)
    await stage.until(lambda: stage.world.database.reservations.keys() >= {first, second})
    await early.session.line.remove(first)
    await busy.session.cancel(held[1])
    await stage.sleep(2 * LONGEST_WHILE_BUSY)
    assert second in {item.prompt_id for item in tasks_of(late)}


@scene
async def test_run_moved_back_in_its_line_holds_up_no_other_window(stage: Stage) -> None:
    await only_a(stage)
    busy, early, late = [await stage.window() for _ in range(3)]
    held = [await stage.run(busy, steps=400) for _ in range(2)]
    await add(stage, early, 2, steps=2)
    await stage.until(lambda: early.session.line.turn is not None)
    waiting = await stage.run(late, steps=2)
    await stage.until(lambda: late.session.line.turn is not None)
    await early.session.line.move(line_of(early).entries[0].prompt_id)
    await busy.session.cancel(held[1])
    await stage.sleep(2 * LONGEST_WHILE_BUSY)
    assert waiting in {item.prompt_id for item in tasks_of(late)}


@scene
async def test_click_for_another_server_than_the_windows_is_refused(stage: Stage) -> None:
    page = await stage.window()
    for _ in range(2):
        await stage.run(page, server_id=A, steps=100)
    with pytest.raises(ServerLockedError):
        await stage.run(page, server_id=B)
    assert line_of(page).entries == ()


@scene
async def test_waiting_run_can_be_changed_while_it_asks(stage: Stage) -> None:
    await only_a(stage)
    busy, page = await stage.window(), await stage.window()
    for _ in range(2):
        await stage.run(busy, steps=100)
    await add(stage, page, 1)
    await stage.until(lambda: page.session.line.turn is not None)
    http, line, edits = page.session._state.ports.http, page.session.line, list[asyncio.Task[None]]()
    through, (entry,) = http.send, line_of(page).entries

    async def edit_in_between(request: Request) -> Response:
        if line.sending and not edits:
            edits.append(asyncio.ensure_future(line.edit(entry.prompt_id, {("2", "nonce"): 77}, "changed")))
        return await through(request)

    http.send = edit_in_between  # type: ignore[method-assign]
    await stage.until(lambda: edits and edits[0].done())
    await edits[0]
    assert line_of(page).entries[0].part.label == "changed"


@pytest.mark.parametrize("count", [1, 500])
@scene
async def test_waiting_costs_the_same_however_many_runs_wait(stage: Stage, count: int) -> None:
    await only_a(stage)
    busy, page = await stage.window(), await stage.window()
    for _ in range(2):
        await stage.run(busy, steps=2_000)
    await add(stage, page, count)
    await stage.until(lambda: page.session.line.turn is not None)
    store, asked = page.session._state.ports.store, list[str]()
    for name in ("reserve", "write_line", "release_reservation", "read_line", "read_input"):
        setattr(store, name, counted(getattr(store, name), name, asked))
    http = page.session._state.ports.http
    http.send = counted(http.send, "request", asked)  # type: ignore[method-assign]
    await stage.sleep(60.0)
    assert len(line_of(page).entries) == count
    tries = asked.count("reserve")
    assert 6 <= tries <= 10, "once in ten seconds at last"
    assert Counter(asked) == {"request": tries, "reserve": tries}


def counted(call: Any, name: str, calls: list[str]) -> Any:
    """Return `call`, which notes its name each time."""

    async def noted(*arguments: Any) -> Any:
        calls.append(name)
        return await call(*arguments)

    return noted


@scene
async def test_failure_after_a_wait_is_retried_soon(stage: Stage) -> None:
    worker = (await stage.window()).own
    for cause, tries in ((NotYourTurn(), 1), (NotYourTurn(), 2), (ConnectError(), 1), (ConnectError(), 2)):
        worker.rest(cause, lambda: None)
        assert worker.tries == tries


@scene
async def test_click_does_not_join_a_paused_line(stage: Stage) -> None:
    await only_a(stage)
    page = await stage.window()
    await stage.run(page, steps=100)
    await stage.run(page, steps=100)
    await add(stage, page, 2)
    await page.session.line.pause()
    try:
        await stage.run(page)
    except NotYourTurn as error:
        assert error.is_held
    else:
        raise AssertionError("it was taken")
    assert line_of(page).pause is Pause.ASKED and len(line_of(page).entries) == 2
    assert [run.error for run in page.session.runs if isinstance(run.error, NotYourTurn)]


@scene
async def test_click_that_may_not_wait_holds_up_no_other_window(stage: Stage) -> None:
    await only_a(stage)
    busy, page = await stage.window(), await stage.window()
    for _ in range(2):
        await stage.run(busy, steps=100)
    await add(stage, page, 1)
    await page.session.line.pause()
    with pytest.raises(NotYourTurn):
        await stage.run(page)
    await stage.until(lambda: not stage.world.database.reservations)


@scene
async def test_script_waits_for_its_turn(stage: Stage) -> None:
    await only_a(stage)
    one, page = await stage.window(), await stage.window()
    for _ in range(2):
        await stage.run(one, steps=60)
    prompt_id = await page.session.submit_workflow(a_workflow(2, 9, None), title="script")
    assert len([item for item in tasks_of(one) if not item.state.is_end]) < AHEAD
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


TAKEN = Response(
    429,
    {"x-mooring-gateway": f"{NOT_YOUR_TURN}; sent=no"},
    json.dumps({"error": {"message": "You have 2 prompts there."}}),
)


class Refusals:
    """Refuses the first prompts: by default a gateway's, where another browser of the same user has the places."""

    def __init__(self, page: Page, count: int, answer: Response = TAKEN) -> None:
        self._http, self.left, self._answer = page.session._state.ports.http, count, answer
        self._through = self._http.send
        self._http.send = self._send  # type: ignore[method-assign]

    async def _send(self, request: Request) -> Response:
        if request.path.endswith("/prompt") and self.left:
            self.left -= 1
            return self._answer
        return await self._through(request)


class OtherBrowser:
    """Prompts of another browser in every server's queue, as the gateway's loads show them to this page."""

    def __init__(self, page: Page, *prompts: str) -> None:
        self._http, self.prompts, self.asked_at = page.session._state.ports.http, prompts, list[float]()
        self._clock, self._through = page.session._state.ports.clock, self._http.send
        self._http.send = self._send  # type: ignore[method-assign]

    async def _send(self, request: Request) -> Response:
        response = await self._through(request)
        if request.path != "/fleet/loads":
            return response
        self.asked_at.append(self._clock.now())
        answer = json.loads(response.text)
        for load in answer["servers"].values():
            load["pending"] += self.prompts
        return replace(response, text=json.dumps(answer))


@pytest.mark.parametrize("has_users", [True, False])
@scene
async def test_other_browsers_runs_count_where_users_are_known(stage: Stage, has_users: bool) -> None:
    await only_a(stage)
    page = await stage.window()
    state = page.session._state
    state.servers.reported(replace(state.servers.fleet, has_users=has_users), ())
    other, stages = OtherBrowser(page, "one", f"{OTHER}1", "two"), list[RunStage]()
    prompt_id = await stage.run(page)
    assert [entry.prompt_id for entry in line_of(page).entries] == ([prompt_id] if has_users else [])
    if not has_users:
        return
    await stage.until(lambda: page.session.line.turn)
    turn = page.session.line.turn
    assert turn is not None and (turn.own, turn.others) == (2, 1)
    page.session.subscribe(lambda: stages.extend(run.stage for run in page.session.runs))
    asked = len(other.asked_at)
    await stage.until(lambda: len(other.asked_at) >= asked + 2)
    assert stages == [], "a run that only asks for its turn is not shown"
    other.prompts = ()
    await stage.ended(page, prompt_id)
    assert {RunStage.CONNECTING, RunStage.SUBMITTING} <= set(stages)


@scene
async def test_waiting_script_shows_no_run_and_asks_at_intervals(stage: Stage) -> None:
    await only_a(stage)
    page = await stage.window()
    state = page.session._state
    state.servers.reported(replace(state.servers.fleet, has_users=True), ())
    other, shown = OtherBrowser(page, "one", "two"), list[bool]()
    page.session.subscribe(lambda: shown.append(bool(page.session.runs)))
    submitting = asyncio.ensure_future(page.session.submit_workflow(a_workflow(2, 9, None), title="script"))
    await stage.until(lambda: len(other.asked_at) >= 4)
    assert not all(shown[shown.index(True) :])
    assert all(later - earlier >= TURN_REST for earlier, later in pairwise(other.asked_at))
    other.prompts = ()
    assert (await stage.ended(page, await submitting)).state is TaskState.SUCCEEDED


@scene
async def test_places_of_closed_windows_hold_no_turn(stage: Stage) -> None:
    await only_a(stage)
    for _ in range(AHEAD):
        gone = await stage.window()
        await gone.session.upload_image(Bytes(PHOTO, "image/png"), "photo.png")
        stage.world.leave(gone, crashed=True)
    page = await stage.window()
    prompt_id = await stage.run(page, steps=2)
    assert prompt_id in {task.prompt_id for task in tasks_of(page)} and not line_of(page).entries


@scene
async def test_run_behind_ended_work_of_closed_window_is_stored(stage: Stage) -> None:
    await only_a(stage)
    gone, page = await stage.window(), await stage.window()
    ended = await stage.run(gone, steps=20)
    await stage.run(page, steps=900)
    stage.world.leave(gone, crashed=True)
    await stage.until(lambda: ended not in on_server(stage))
    await stage.sleep(READ_BEFORE)  # the queue that is read next is certainly newer than its submit
    prompt_id = await stage.run(page)
    assert prompt_id in stage.world.database.tasks and not line_of(page).entries
    assert stage.world.database.reservations == {}


def test_wait_without_an_estimate_has_no_time() -> None:
    eta = Eta(left=12.345, ends_at=112.345, good_until=112.345)
    for turn, expected in (
        (Turn(since=0.0, own=AHEAD), (None, 0.0)),
        (Turn(since=0.0, own=2, eta=eta), (112.345, 12.3)),
    ):
        with pytest.raises(NotYourTurn) as caught:
            expect_turn(turn, A)
        assert (caught.value.starts_at, caught.value.left) == expected


@scene
async def test_script_that_the_gateway_refuses_waits_and_leaves_no_card(stage: Stage) -> None:
    page = await stage.window()
    refusals = Refusals(page, 3)
    began = stage.now
    prompt_id = await page.session.submit_workflow(a_workflow(2, 9, None), title="script")
    assert stage.now - began >= 3 * TURN_REST
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert (refusals.left, [task.prompt_id for task in tasks_of(page)]) == (0, [prompt_id])
    assert [*stage.world.database.tasks] == [prompt_id]


@scene
async def test_click_that_the_gateway_refuses_waits_and_leaves_no_card(stage: Stage) -> None:
    page = await stage.window()
    refusals = Refusals(page, 3)
    prompt_id = await stage.run(page)
    assert [entry.prompt_id for entry in line_of(page).entries] == [prompt_id] and tasks_of(page) == []
    done = await stage.ended(page, prompt_id)
    assert (refusals.left, done.state, len(tasks_of(page))) == (0, TaskState.SUCCEEDED, 1)


@scene
async def test_refused_run_is_kept_if_it_cannot_wait(stage: Stage) -> None:
    await only_a(stage)
    page = await stage.window()
    Refusals(page, 1)

    async def fail(*_: object) -> None:
        raise StorageError("write_line", "quota")

    await add(stage, page, 1)
    page.session._state.ports.store.write_line = fail  # type: ignore[method-assign]
    await stage.until(lambda: [task for task in tasks_of(page) if task.state is TaskState.FAILED])
    await stage.sleep(10.0)
    assert [waits_for_turn(task.end.failure) for task in tasks_of(page)] == [True], (
        "its record is all that is left of it"
    )


@scene
async def test_repeated_run_that_waits_keeps_what_it_repeats(stage: Stage) -> None:
    page = await stage.window()
    done = await stage.ended(page, await stage.run(page))
    Refusals(page, 2)
    prompt_id = await page.session.run_again(done.prompt_id)
    again = await stage.ended(page, prompt_id)
    assert (again.state, again.again_of) == (TaskState.SUCCEEDED, done.prompt_id)


@scene
async def test_script_repeats_what_the_gateway_refuses(stage: Stage) -> None:
    page = await stage.window()
    Refusals(page, 2)
    prompt_id = await page.session.submit_workflow(a_workflow(2, 9, None), title="script")
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert len(tasks_of(page)) == 1
