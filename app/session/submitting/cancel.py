"""Stopping one prompt that a poll has just found on its server: by its id, and no other (promise 10).

Which request does it depends on where the prompt is and on what its server supports: one request with a jobs API, else
a delete from the queue or an interrupt. A poll shows the effect.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from app.core import comfy, jobs
from app.core.evidence import Absent, Evidence, NoAnswer, Removed
from app.core.model import Task
from app.session.state import State
from app.session.timing import Moment
from wire.versions import interrupts_by_id

log = logging.getLogger("mooring.session")

ReadEnd = Callable[[Task, str, Moment], Awaitable[Evidence | None]]


class Canceller:
    """Stops prompts. `read_end` reads the end of a task from its server: (task, base, when the poll began)."""

    def __init__(self, state: State, read_end: ReadEnd) -> None:
        self._state = state
        self._read_end = read_end

    async def cancel(self, task: Task, base: str, queue: comfy.Queue) -> Evidence | None:
        """Stop a task that this queue has. If it was pending, return what a poll right after that found."""
        self._state.get_task("cancel", task.prompt_id)  # raises if it is not ours any more
        is_running = task.prompt_id in queue.running
        if not await self._cancel_job(task, base):
            if is_running and not self._may_interrupt(task, queue):
                log.warning("%s is not interrupted: another prompt runs there, and it may be hit", task.prompt_id)
                return None
            build = comfy.interrupt_request if is_running else comfy.delete_request
            comfy.check_done(await self._state.ask(task.server_id, build(base, task.prompt_id)), task.server_id)
        return None if is_running else await self._poll_after(task, base)

    async def _cancel_job(self, task: Task, base: str) -> bool:
        """Cancel in one step where the server has jobs; False where it has none."""
        if not self._state.fleet.has_jobs(task.server_id):
            return False
        request = jobs.job_cancel_request(base, task.prompt_id)
        return jobs.read_job_cancel(await self._state.ask(task.server_id, request), task.server_id)

    def _may_interrupt(self, task: Task, queue: comfy.Queue) -> bool:
        """False where an old server, which ignores the id, would stop another prompt that runs beside ours."""
        server = self._state.fleet.get(task.server_id)
        return queue.running == (task.prompt_id,) or (server is not None and interrupts_by_id(server.version))

    async def _poll_after(self, task: Task, base: str) -> Evidence:
        """Poll after our delete: a task without a trace was removed; otherwise the poll's finding stands."""
        began = Moment.now(self._state.ports.clock)
        queue = comfy.read_queue(await self._state.ask(task.server_id, comfy.queue_request(base)), task.server_id)
        now = self._state.ports.clock.now()
        if (seen := queue.sight_of(task.prompt_id, now)) is not None:
            return seen
        known = self._state.get_task("cancel", task.prompt_id)
        found = await self._read_end(known, base, began)
        return Removed(now) if isinstance(found, Absent) else found or NoAnswer(now, "")
