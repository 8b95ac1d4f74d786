"""Polling queue and history: this alone is enough to bring every task to its end.

There is one watcher per server address, while it has unfinished tasks. A poll reads the queue first, then the history
of tasks that are not in it; in the other order it would miss a task that ends in between (docs/comfyui.md 3).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from app.core import comfy, jobs
from app.core.errors import ComfyError, HttpStatusError, ServerMoved, TaskNotFound, TransportError
from app.core.evidence import Absent, CancelAsked, Evidence, GivenUp, Moved, NoAnswer, Seen
from app.core.model import PromptId, ServerId, Task, TaskState
from app.core.truth import judge
from app.core.window import Window, get_api_base_url
from app.session.delivery.deliver import Courier
from app.session.state import State
from app.session.submitting.cancel import Canceller
from app.session.timing import Moment, first_of
from app.session.watching.deafness import DeafnessDetector
from app.session.watching.forecast import Forecast
from app.session.watching.restart_detection import Place, RestartDetection
from app.session.watching.stalls import StallDetector

log = logging.getLogger("mooring.session")

FIRST_PAUSE = 0.7  # seconds between polls while something may change at any moment
GROWTH = 1.4
LONGEST_PAUSE = 5.0  # with a silent socket
SOCKET_PAUSE = 5.0  # with a socket that has reported something lately
SOCKET_IS_FRESH = 4.0
LONGEST_SILENCE = 20.0  # between polls of a server that does not answer
QUEUE_SETTLES = 0.5  # seconds from a message that a queue is shorter to the check of that queue
MOST_ENDED = 20  # ended tasks that are polled at most


@dataclass(slots=True)
class Watcher:
    """The polling of one server: its pause, and the event that ends the pause early."""

    place: Place
    pause: float = FIRST_PAUSE
    is_doubtful: bool = True  # contact was lost, or never made: it may be another server
    hurry: asyncio.Event = field(default_factory=asyncio.Event)


class Watch:
    """Keeps a watcher for each server that has unfinished tasks of this session.

    `hearing_of` returns the detector of the window that has a task.
    """

    def __init__(
        self, state: State, forecast: Forecast, courier: Courier, hearing_of: Callable[[Task], DeafnessDetector]
    ) -> None:
        self._state = state
        self._forecast = forecast
        self._hearing_of = hearing_of
        self._courier = courier
        self._watchers: dict[Place, Watcher] = {}
        self._shrunk: set[ServerId] = set()  # servers whose queue will be checked soon
        self._polling_ended: dict[Place, bool] = {}  # places being polled, and whether another poll is wanted
        self._missed: dict[PromptId, float] = {}  # when a task was first found absent, by the clock that is never set
        self._canceller = Canceller(state, self._read_end)
        self.movements = StallDetector(state)
        self.restarts = RestartDetection(state, self._revisit)

    def poll_soon(self) -> None:
        """Poll all servers with unfinished tasks now: something has happened, or the window woke up.

        Watchers without tasks end by themselves.
        """
        for task in self._state.records.unfinished:
            place = (task.server_id, task.address)
            if place not in self._watchers:
                watcher = self._watchers[place] = Watcher(place)
                self._state.spawn(self._keep_polling(watcher), f"watch {task.server_id}")
        for watcher in self._watchers.values():
            watcher.pause = FIRST_PAUSE
            watcher.hurry.set()

    def queue_shrank(self, server_id: ServerId) -> None:
        """Check a server's queue soon, because prompts have left it: once for several in a row."""
        is_waiting = any(
            task.server_id == server_id and task.state is TaskState.QUEUED for task in self._state.records.unfinished
        )
        if is_waiting and server_id not in self._shrunk:
            self._shrunk.add(server_id)
            self._state.spawn(self._poll_queue(server_id), f"queue of {server_id}")

    async def _poll_queue(self, server_id: ServerId) -> None:
        await self._state.ports.clock.sleep(QUEUE_SETTLES)
        self._shrunk.discard(server_id)
        for watcher in self._watchers.values():
            if watcher.place[0] == server_id:
                watcher.hurry.set()

    def doubt(self, server_id: ServerId | None) -> None:
        """Poll now and check whether this is still the same server, because its socket broke."""
        for watcher in self._watchers.values():
            watcher.is_doubtful |= watcher.place[0] == server_id
        self.poll_soon()

    def _revisit(self, place: Place) -> None:
        """Poll all tasks there, also ended ones without a witnessed end, because the server has changed."""
        self.poll_ended({place})
        self.poll_soon()

    def poll_ended(self, places: Collection[Place] | None = None) -> None:
        """Poll the latest tasks without a witnessed end, at these places or everywhere.

        A POST of a frozen page may have arrived long after its task was found lost or cancelled.
        """
        latest = self._inferred()
        for place in latest if places is None else latest.keys() & places:
            if place in self._polling_ended:  # wakes come in bursts, and a hung server delays each poll
                self._polling_ended[place] = True
                continue
            self._polling_ended[place] = False
            self._state.spawn(self._poll_ended_at(place), f"poll ended tasks of {place[0]}")

    def _inferred(self) -> dict[Place, list[Task]]:
        inferred = [task for task in self._state.records.tasks.values() if _is_inferred(task)]
        inferred.sort(key=lambda task: task.end.ended_at or 0.0)
        latest: dict[Place, list[Task]] = {}
        for task in inferred[-MOST_ENDED:]:
            latest.setdefault((task.server_id, task.address), []).append(task)
        return latest

    async def _poll_ended_at(self, place: Place) -> None:
        try:
            while tasks := self._inferred().get(place):
                self._polling_ended[place] = False
                await self.poll(tasks)
                self.poll_soon()  # tasks found unfinished are watched from now on
                if not self._polling_ended[place]:
                    break
        finally:
            del self._polling_ended[place]

    def _tasks_at(self, place: Place) -> list[Task]:
        return [task for task in self._state.records.unfinished if (task.server_id, task.address) == place]

    async def _keep_polling(self, watcher: Watcher) -> None:
        try:
            await self._state.servers.has_fleet.wait()
            while tasks := self._tasks_at(watcher.place):
                watcher.hurry.clear()
                answered = await self.poll(tasks)
                watcher.is_doubtful = not (answered and await self._is_known(watcher))
                await self._rest(watcher, answered)
        finally:
            del self._watchers[watcher.place]

    async def _is_known(self, watcher: Watcher) -> bool:
        """Whether a server that has just answered is known to be the same one."""
        tasks = self._tasks_at(watcher.place)
        if not watcher.is_doubtful or not tasks:
            return True
        try:
            base = get_api_base_url("watch", tasks[0], self._state.servers.fleet)
            await self.restarts.verify(watcher.place, base)
        except (TransportError, ComfyError, ServerMoved) as error:
            log.info("%s not verified: %r", watcher.place[0], error)
            return False
        return True

    async def _rest(self, watcher: Watcher, answered: bool) -> None:
        longest = LONGEST_PAUSE if answered else LONGEST_SILENCE
        watcher.pause = min(longest, watcher.pause * GROWTH)
        pause = SOCKET_PAUSE if answered and self._is_reporting(watcher.place[0]) else watcher.pause
        pause *= 0.75 + 0.5 * self._state.ports.random.fraction()
        if busy := self._state.servers.busy_for(watcher.place[0]):  # whatever hurries: the answer has asked for this
            await self._state.ports.clock.sleep(max(pause, busy))
            return
        await first_of(self._state.ports.clock.sleep(pause), watcher.hurry.wait())

    def _is_reporting(self, server_id: ServerId) -> bool:
        """Whether the sockets of all windows with work on this server report on it now, so that polls can be rare."""
        tasks = [task for task in self._state.records.unfinished if task.server_id == server_id]
        if any(self._needs_history(task) for task in tasks):
            return False
        since = self._state.ports.clock.steady() - SOCKET_IS_FRESH
        sockets = [self._state.live.socket(owner) for owner in {task.owner for task in tasks}]
        return all(socket.is_reporting(server_id, since) for socket in sockets)

    @staticmethod
    def _needs_history(task: Task) -> bool:
        return bool(task.end.told_end) or task.state is TaskState.UNCLEAR or task.progress.absent_since is not None

    async def poll(self, tasks: Sequence[Task]) -> bool:
        """Poll one server for these tasks; return whether it answered."""
        began = Moment.now(self._state.ports.clock)
        first = tasks[0]
        try:
            base = get_api_base_url("get_task_history", first, self._state.servers.fleet)
            queue = await self._read_queue(first, base)
        except ServerMoved as error:
            await self._witness_all(tasks, Moved(began.at, error.present))
            return False
        except (TransportError, ComfyError) as error:
            await self._witness_all(tasks, NoAnswer(self._state.ports.clock.now(), silence_of(error)))
            return False
        for task in tasks:
            try:
                await self._poll_task(task, queue, base, began)
            except TaskNotFound as error:
                log.info("no longer watched: %r", error)
            except (TransportError, ComfyError) as error:  # of this task alone: the queue was answered
                await self._state.records.witness(
                    task.prompt_id, NoAnswer(self._state.ports.clock.now(), silence_of(error))
                )
        self.movements.polled(first.server_id, tasks, queue)
        return True

    async def _read_queue(self, task: Task, base: str) -> comfy.Queue:
        response = await self._state.servers.ask(task.server_id, comfy.queue_request(base))
        queue = comfy.read_queue(response, task.server_id)
        self._forecast.polled((task.server_id, task.address), queue, response.text)
        return queue

    async def _witness_all(self, tasks: Sequence[Task], evidence: Evidence) -> None:
        for task in tasks:
            await self._state.records.witness(task.prompt_id, evidence)

    async def _poll_task(self, task: Task, queue: comfy.Queue, base: str, began: Moment) -> None:
        prompt_id = task.prompt_id
        if (seen := queue.sight_of(prompt_id, self._state.ports.clock.now())) is not None:
            await self._record(task, seen, began)
            if task.progress.is_cancelling and (left := await self._canceller.cancel(task, base, queue)):
                await self._record(task, left, began)
            return
        if (found := await self._read_end(task, base, began)) is not None:
            await self._record(task, found, began)

    async def _record(self, task: Task, found: Evidence, began: Moment) -> None:
        """Record what a poll that began then has found, and deliver the results of an ended task."""
        recorded = await self._state.records.witness(task.prompt_id, found)
        self._hearing_of(task).seen(task, found, began.steady)
        if recorded is not None:
            self._courier.deliver(recorded)

    async def _read_end(self, task: Task, base: str, began: Moment) -> Evidence | None:
        """What history proves about a task that was not in the queue before."""
        response = await self._state.servers.ask(task.server_id, comfy.history_request(base, task.prompt_id))
        now = self._state.ports.clock.now()
        finished = comfy.read_history(response, task.server_id, task.prompt_id, now)
        if finished is not None:
            self.restarts.finished(task)
            return finished
        if not task.progress.is_answered:
            return None  # its POST was under way when this poll began
        return await self._ask_jobs(task, base, self._absent(task, began))

    def _absent(self, task: Task, began: Moment) -> Absent:
        """The task's absence, with the time since its first one if that was in this page."""
        now = Moment.now(self._state.ports.clock)
        if task.progress.absent_since is None:
            known = {item.prompt_id for item in self._state.records.unfinished}
            self._missed = {key: at for key, at in self._missed.items() if key in known}
            self._missed[task.prompt_id] = now.steady
            return Absent(began.at, now.at, self._hearing_of(task).has_had(task))
        missed = self._missed.get(task.prompt_id)
        apart = None if missed is None else began.steady - missed
        return Absent(began.at, now.at, self._hearing_of(task).has_had(task), apart)

    async def _ask_jobs(self, task: Task, base: str, absent: Absent) -> Evidence | None:
        """What a server with a jobs API reports about a task that is in neither queue nor history; else `absent`."""
        if not self._state.servers.fleet.has_jobs(task.server_id):
            return absent
        response = await self._state.servers.ask(task.server_id, jobs.active_request(base))
        status = jobs.read_active(response, task.server_id, task.prompt_id)
        return absent if status is None else Seen(self._state.ports.clock.now(), status == "in_progress")

    # Cancel

    async def cancel(self, prompt_id: PromptId) -> None:
        """Stop that task and no other: delete it from the queue, or interrupt it, by its id.

        A poll shows what the server did; a request that did not get through is repeated by the next one.
        """
        task = self._state.records.get_task("cancel", prompt_id)
        base = get_api_base_url("cancel", task, self._state.servers.fleet)
        await self._state.records.witness(prompt_id, CancelAsked(self._state.ports.clock.now()))
        if task.state.is_end:
            return
        began = Moment.now(self._state.ports.clock)
        task = self._state.records.get_task("cancel", prompt_id)  # raises if it is not ours any more
        found = await self._canceller.stop_at_once(task, base)
        if found is not None:
            await self._record(task, found, began)
        else:
            queue = await self._read_queue(task, base)
            task = self._state.records.get_task("cancel", prompt_id)
            await self._poll_task(task, queue, base, began)
        self.poll_soon()

    async def give_up(self, prompt_id: PromptId) -> None:
        """Stop watching, as the user chose: the task may still run, unobserved."""
        window = self._state.records.window_of(prompt_id)
        if window is not None and any(task.prompt_id == prompt_id for task in window.quarantined):
            await self._give_up_quarantined(window, prompt_id)
            return
        self._state.records.get_task("give_up", prompt_id)
        task = await self._state.records.witness(prompt_id, GivenUp(self._state.ports.clock.now()))
        if task is not None and not task.state.is_end and self._state.records.store_error is not None:
            raise self._state.records.store_error
        if task is not None:
            self._courier.deliver(task)  # outputs that the socket has reported

    async def _give_up_quarantined(self, window: Window, prompt_id: PromptId) -> None:
        task = next(task for task in window.quarantined if task.prompt_id == prompt_id)
        if task.owner == window.window_id:  # else the record is not ours to end
            await self._state.ports.store.update(judge(task, GivenUp(self._state.ports.clock.now())))
        window = self._state.records.get_window("give_up", window.window_id)
        self._state.records.set_window(window.release_quarantined(prompt_id))

    async def look_again(self, prompt_id: PromptId) -> None:
        """Poll now, also for a task that was found lost: positive evidence overturns that."""
        await self._state.servers.has_fleet.wait()
        task = self._state.records.get_task("look_again", prompt_id)
        await self.poll([task])
        self.poll_soon()


def _is_inferred(task: Task) -> bool:
    """Whether its end was only concluded from its absence. A task that a cancel removed was seen to leave the queue."""
    is_absent = task.state is TaskState.CANCELLED and task.progress.absent_since is not None
    is_lost = task.state is TaskState.LOST or comfy.met_busy(task.end.failure)
    return not task.end.is_proven and (is_lost or is_absent)


def silence_of(error: TransportError | ComfyError) -> str:
    """Return the cause of a poll without an answer, as `word_cause` words it."""
    match error:
        case TransportError():
            return error.cause
        case HttpStatusError():
            return f"status-{error.status}"
        case _:
            return "not-comfyui"
