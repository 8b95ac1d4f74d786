"""The forecast of one task: seconds left, the place in the queue, and its first progress."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import pytest

from app.core.comfy import Queue
from app.core.durations import Durations, Ran
from app.core.eta import Outlook
from app.core.events import EndMessage, ExecutingMessage, NodeProgress, ProgressMessage, StartMessage
from app.core.job import job_of
from app.core.model import Job, NodeId, PromptId, ServerId, Task, TaskState
from app.core.plan import Measured, NodePace, Paces
from app.core.ports.store import Learned
from app.core.window import Window
from app.core.workflow import parse_workflow
from app.session.memory.sandbox import Sandbox, SandboxClock
from app.session.memory.store import MemoryStore
from app.session.state import State
from app.session.watching.forecast import EVERY, OFTEN, OLD, Forecast
from tests.kit.builders import CLIENT, ME, A, B, address, submitted
from tests.kit.made_runs import node, text_to_picture
from tests.ports.tasks import changed
from tests.unit.session.test_worker import settled
from wire.queue import OTHER as OF_ANOTHER

WORKFLOW = text_to_picture(steps=20)
PICTURE = Job("picture", 20.0, ("large.safetensors",))
OTHER = Job("other", 20.0, ("other.safetensors",))
PLAIN = Job("plain", 20.0)
ID, NEXT, FOREIGN = PromptId("p-1"), PromptId("p-2"), PromptId("p-9")
HERE = (A, address(A))
GUESSED = 3.0 + 0.5 + 0.5 + 0.25 + 20.0 + 2.0 + 0.25  # of all nodes, in steps; the last two are decoding and saving
MODELLESS = {"1": node("LoadImage"), "2": node("SaveImage", images=["1", 0])}
NOTHING_READ = json.dumps({"queue_running": [], "queue_pending": []})  # an answer without the prompts themselves
PACED = {"1": 4.0, "2": 1.0, "3": 1.0, "4": 1.0, "5": 10.0, "6": 2.0, "7": 1.0}


@dataclass(eq=False)
class Library(MemoryStore):
    """A store with the learned times that the test sets."""

    learned: Learned = field(default_factory=Learned)
    reads: int = 0
    taught: list[Measured] = field(default_factory=list)

    async def learn_paces(self, measured: Measured) -> None:
        self.taught.append(measured)

    async def read_learned(self) -> Learned:
        self.reads += 1
        return self.learned


@dataclass
class Standing(SandboxClock):
    """A clock with the time that the test sets."""

    at: float = 100.0
    set_by: float = 0.0

    def now(self) -> float:
        return self.at + self.set_by

    def steady(self) -> float:
        return self.at


@dataclass
class Forecasting:
    """A window with these tasks, and a forecast for them."""

    store: Library = field(default_factory=Library)
    clock: Standing = field(default_factory=Standing)

    def __post_init__(self) -> None:
        self.state = State(replace(Sandbox(store=self.store).ports, clock=self.clock))
        self.forecast = Forecast(self.state)

    async def know(self, durations: Durations | None = None, paces: Paces | None = None) -> None:
        """Set the learned times, and let them be read."""
        self.store.learned = Learned(durations or Durations(), paces or Paces())
        self.forecast.refresh_soon()
        await settled()

    def put(self, *tasks: Task) -> None:
        """Give the window these tasks."""
        self.state.records.set_window(Window(ME, CLIENT, tasks={task.prompt_id: task for task in tasks}))

    def left(self, task: Task) -> float | None:
        """The seconds shown for it."""
        eta = self.forecast.outlook(task).eta
        return None if eta is None else eta.left

    def polled(self, running: list[PromptId], pending: list[PromptId], text: str = "{}") -> None:
        """Let a poll read that queue."""
        self.forecast.polled(HERE, Queue(tuple(running), tuple(pending)), text)


def running(prompt_id: PromptId = ID, job: Job | None = PICTURE, **changes: object) -> Task:
    """A task of that window that has been running since 100."""
    facts = {"state": TaskState.RUNNING, "started_at": 100.0, "workflow": WORKFLOW.text, **changes}
    return submitted(prompt_id, job=job, **facts)


def waiting(prompt_id: PromptId = NEXT, job: Job | None = PLAIN) -> Task:
    """A waiting task."""
    return submitted(prompt_id, job=job, workflow=WORKFLOW.text)


def after(*runs: tuple[Job, int]) -> Durations:
    """What is learned on A from such runs in a row: each with its kind and its seconds."""
    durations, at = Durations(), 0
    for job, seconds in runs:
        ran = Ran(server_id=A, address=address(A), job=job, started_ms=at, ended_ms=at + seconds * 1000)
        durations, at = durations.learned(ran), ran.ended_ms
    return durations


WARM = after((PICTURE, 20), (PICTURE, 20))  # the first has loaded its models: it teaches nothing else
GONE = after((PICTURE, 20), (PICTURE, 20), (OTHER, 20))  # another model is loaded now


def paces(seconds: dict[str, float], server_id: ServerId = A) -> Paces:
    """The times of the nodes of such a run there."""
    nodes = {NodeId(name): NodePace(value) for name, value in seconds.items()}
    return Paces().learned(Measured(server_id=server_id, address=address(server_id), job=PICTURE, nodes=nodes))


def joined(*done: str, now: str) -> ProgressMessage:
    """What a late socket receives first: what is done, and what runs."""
    finished = [NodeProgress(NodeId(name), 1.0, 1.0, "finished") for name in done]
    return ProgressMessage(ID, (*finished, NodeProgress(NodeId(now), 0.0, 1.0, "running")))


# A task that runs


async def test_learning_during_run_gives_estimate() -> None:
    desk, task = Forecasting(), running()
    desk.put(task)
    assert desk.left(task) is None, "nothing is known yet"
    await desk.know(WARM)
    desk.clock.at += 5.0
    assert desk.left(task) == pytest.approx(15.0)


async def test_models_loaded_at_start_stay_known() -> None:
    desk, task = Forecasting(), running()
    desk.put(task)
    desk.forecast.received(task, StartMessage(ID))
    live = desk.forecast._live[ID]
    assert live.is_cold, "nobody knew what was loaded"
    await desk.know(WARM)
    assert live.total == pytest.approx(20.0)
    assert live.is_cold, "its own run has loaded that since"


async def test_repeated_refresh_reads_store_once() -> None:
    desk = Forecasting()
    desk.forecast.refresh_soon()
    desk.forecast.refresh_soon()
    await settled()
    assert desk.store.reads == 1
    desk.forecast.refresh_soon()
    await settled()
    assert desk.store.reads == 2


async def test_repeated_end_event_teaches_once() -> None:
    desk, task = Forecasting(), running()
    desk.put(task)
    for message in (StartMessage(ID), ExecutingMessage(ID, NodeId("5"))):
        desk.forecast.received(task, message)
    desk.clock.at += 9.0
    for _ in range(2):
        desk.forecast.received(task, EndMessage(ID, "success"))
    await settled()
    assert [item.nodes["5"].seconds for item in desk.store.taught] == [9.0]
    assert desk.store.reads == 1


async def test_task_ended_without_event_is_forgotten() -> None:
    desk = Forecasting()
    desk.put(running())
    desk.forecast.received(running(), StartMessage(ID))
    desk.put(running(NEXT))
    desk.forecast.received(running(NEXT), StartMessage(NEXT))
    assert set(desk.forecast._live) == {NEXT}


async def test_recently_loaded_models_need_no_loading_time() -> None:
    desk = Forecasting()
    await desk.know(GONE)
    desk.put(running())
    assert desk.left(running()) is None, "nobody knows how long these models load"
    desk.forecast.received(running(), StartMessage(ID))
    desk.put(running(NEXT))
    assert desk.left(running(NEXT)) == pytest.approx(20.0)


async def test_loading_time_of_missing_models_is_included() -> None:
    desk = Forecasting()
    await desk.know(after((PICTURE, 20), (PICTURE, 20), (OTHER, 20), (PICTURE, 32), (OTHER, 20)))
    desk.put(running())
    assert desk.left(running()) == pytest.approx(32.0)


@pytest.mark.parametrize("changes", [{"workflow": ""}, {"job": None}], ids=["no workflow", "no job"])
async def test_unreadable_workflow_has_no_estimate(changes: dict[str, object]) -> None:
    desk, task = Forecasting(), changed(running(), **changes)  # type: ignore[arg-type]
    await desk.know(WARM)
    desk.put(task)
    assert desk.forecast.outlook(task) == Outlook()
    desk.forecast.received(task, StartMessage(ID))
    assert desk.state.live.progress[ID].fraction == 0.0


async def test_nodes_known_to_be_done_need_no_time() -> None:
    desk, task = Forecasting(), running()
    await desk.know(WARM, paces(PACED))
    desk.put(task)
    desk.forecast.received(task, joined("1", "2", "3", "4", "5", now="6"))
    assert desk.left(task) == pytest.approx(3.0), "decoding and saving, as they were measured"


async def test_where_only_the_whole_is_known_its_nodes_share_it() -> None:
    desk, task = Forecasting(), running()
    await desk.know(WARM)
    desk.put(task)
    desk.forecast.received(task, joined("1", "2", "3", "4", "5", now="6"))
    assert desk.left(task) == pytest.approx(20.0 * 2.25 / GUESSED)


async def test_total_is_distributed_over_guessed_weights() -> None:
    desk = Forecasting()
    await desk.know(after((PLAIN, 2)))
    task = running(job=PLAIN, workflow=json.dumps(MODELLESS))
    desk.put(task)
    desk.forecast.received(task, joined("1", now="2"))
    assert desk.left(task) == pytest.approx(1.0)


async def test_nodes_that_took_no_time_elsewhere_break_nothing() -> None:
    desk = Forecasting()
    await desk.know(WARM, paces(dict.fromkeys(PACED, 0.0), B))
    desk.put(running())
    assert desk.left(running()) == pytest.approx(20.0)


async def test_cached_nodes_do_not_affect_pace_after_reload() -> None:
    desk, task = Forecasting(), running(cached=tuple(map(NodeId, "12345")))
    await desk.know(WARM, paces(PACED))
    desk.put(task)
    for name in ("5", "6"):
        desk.forecast.received(task, ExecutingMessage(ID, NodeId(name)))
    assert desk.left(task) == pytest.approx(3.0)


async def test_run_without_workflow_is_not_learned_as_cold() -> None:
    """Its loading time, which was none, would shorten what others have learned."""
    desk, task = Forecasting(), running(workflow="")
    desk.put(task)
    for message in (StartMessage(ID), ExecutingMessage(ID, NodeId("5")), EndMessage(ID, "success")):
        desk.forecast.received(task, message)
    await settled()
    assert [item.is_cold for item in desk.store.taught] == [False]


# How often


async def test_estimate_is_cached_and_counts_down() -> None:
    desk, task = Forecasting(), running()
    await desk.know(WARM)
    desk.put(task)
    desk.clock.at = 110.0
    assert desk.left(task) == pytest.approx(10.0)
    later = changed(task, started_at=105.0)
    assert desk.left(later) == pytest.approx(10.0), "it was worked out just now"
    desk.clock.at += OFTEN / 2
    assert desk.left(later) == pytest.approx(10.0 - OFTEN / 2)
    desk.clock.at += OFTEN / 2
    assert desk.left(later) == pytest.approx(15.0 - OFTEN)


async def test_set_clock_changes_no_time_left() -> None:
    desk, task = Forecasting(), running()
    await desk.know(WARM)
    desk.put(task)
    desk.clock.at = 105.0
    before = desk.forecast.outlook(task).eta
    desk.clock.set_by = -3600.0
    desk.clock.at += OFTEN
    after_it = desk.forecast.outlook(task).eta
    assert before is not None
    assert after_it is not None
    assert after_it.left == pytest.approx(before.left - OFTEN)
    assert after_it.ends_at == pytest.approx(before.ends_at - 3600.0)


async def test_the_last_second_counts_down_too() -> None:
    desk, task = Forecasting(), running()
    await desk.know(WARM)
    desk.put(task)
    desk.clock.at = 119.5
    assert desk.left(task) == pytest.approx(1.0)
    desk.clock.at += OFTEN / 2
    assert desk.left(task) == pytest.approx(1.0 - OFTEN / 2)


# A task that waits


async def test_who_waits_behind_its_own_run_waits_until_that_ends() -> None:
    desk = Forecasting()
    await desk.know(WARM)
    desk.put(running(), waiting())
    desk.polled([ID], [NEXT])
    desk.clock.at = 110.0
    assert desk.forecast.outlook(waiting()) != Outlook()
    assert desk.left(waiting()) == pytest.approx(10.0)


async def test_task_behind_anothers_run_waits_for_its_rest() -> None:
    desk = Forecasting()
    desk.put(waiting())
    text = json.dumps({"queue_running": [], "queue_pending": [[1, FOREIGN, MODELLESS]]})
    desk.polled([], [FOREIGN, NEXT], text)
    await desk.know(after((job_of(parse_workflow(MODELLESS)), 20)))
    desk.polled([FOREIGN], [NEXT], text)
    desk.clock.at += 5.0
    assert desk.left(waiting()) == pytest.approx(15.0)


@pytest.mark.parametrize(("has_users", "expected"), [(True, (2, 1)), (False, (None, None))])
async def test_runs_before_a_waiting_one_are_own_or_others(
    has_users: bool, expected: tuple[int | None, int | None]
) -> None:
    """Those of another browser of the same user are own ones."""
    desk = Forecasting()
    desk.state.servers.reported(replace(desk.state.servers.fleet, has_users=has_users), ())
    desk.put(running(), waiting())
    desk.polled([ID], [PromptId(f"{OF_ANOTHER}1"), FOREIGN, NEXT], NOTHING_READ)
    outlook = desk.forecast.outlook(waiting())
    assert (outlook.own, outlook.others) == expected


async def test_the_wait_of_all_is_worked_out_once_a_second() -> None:
    desk = Forecasting()
    await desk.know(WARM)
    desk.put(running(), waiting())
    desk.polled([ID], [NEXT])
    first = desk.forecast.outlook(waiting())
    assert first.eta is not None
    assert desk.forecast.outlook(waiting()) is first
    desk.clock.at += EVERY / 2
    assert desk.forecast.outlook(waiting()) is first
    desk.clock.at += EVERY / 2
    assert desk.left(waiting()) == pytest.approx(20.0 - EVERY)


async def test_unseen_queue_has_no_estimate() -> None:
    desk = Forecasting()
    desk.put(waiting())
    assert desk.forecast.outlook(waiting()) == Outlook()


async def test_old_poll_gives_no_estimate() -> None:
    desk = Forecasting()
    desk.put(waiting())
    desk.polled([], [NEXT])
    desk.clock.at += OLD - 1.0
    assert desk.forecast.outlook(waiting()) != Outlook()
    desk.clock.at += 2.0
    assert desk.forecast.outlook(waiting()) == Outlook()


async def test_started_task_has_no_place_in_queue() -> None:
    desk = Forecasting()
    desk.put(waiting())
    desk.polled([], [NEXT])
    assert desk.forecast.outlook(waiting()) != Outlook()
    desk.polled([NEXT], [])
    assert desk.forecast.outlook(waiting()) == Outlook()


# Its progress


async def test_cached_nodes_are_done_from_the_start() -> None:
    desk, task = Forecasting(), running(cached=(NodeId("1"),))
    desk.put(task)
    desk.forecast.received(task, ExecutingMessage(ID, NodeId("2")))
    assert desk.state.live.progress[ID].done == {"1": 1.0}


@pytest.mark.parametrize(("known", "weight"), [({}, 20.0), (PACED, 2.0)], ids=["guessed", "learned"])
async def test_node_with_many_steps_gains_weight_only_if_guessed(known: dict[str, float], weight: float) -> None:
    desk, task = Forecasting(), running()
    await desk.know(WARM if known else None, paces(known) if known else None)
    desk.put(task)
    desk.forecast.received(task, ProgressMessage(ID, (NodeProgress(NodeId("6"), 1.0, 100.0, "running"),)))
    assert desk.state.live.progress[ID].weights["6"] == weight
