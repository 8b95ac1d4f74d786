"""Stopping one prompt on its server: by its id, and no other (promise 10).

Which request does it depends on where the prompt is and on what its server supports: one request with a jobs API, else
a delete from the queue or an interrupt. The first, and an interrupt of what is known to run, need no poll before them
where the server acts on the named prompt alone. A poll shows the effect.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from app.core import comfy, jobs
from app.core.evidence import Absent, Evidence, NoAnswer, Removed
from app.core.model import Task, TaskState
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

    async def stop_at_once(self, task: Task, base: str) -> Evidence | None:
        """Stop a task without a poll before, and return what a poll right after that found; None if a poll comes first.

        That is so until its POST is answered, and where the request may miss it, or hit another prompt.
        """
        if not task.progress.is_answered:
            return None
        cancelled = await self._cancel_job(task, base)
        if cancelled is None and task.state is TaskState.RUNNING and self._interrupts_by_id(task):
            await self._send(task, base, is_running=True)
        elif not cancelled:
            return None
        return await self._poll_after(task, base, was_there=bool(cancelled))

    async def cancel(self, task: Task, base: str, queue: comfy.Queue) -> Evidence | None:
        """Stop a task that this queue has. If it was pending, return what a poll right after that found."""
        self._state.records.get_task("cancel", task.prompt_id)  # raises if it is not ours any more
        is_running = task.prompt_id in queue.running
        if await self._cancel_job(task, base) is None:
            if is_running and queue.running != (task.prompt_id,) and not self._interrupts_by_id(task):
                log.warning("%s is not interrupted: another prompt runs there, and it may be hit", task.prompt_id)
                return None
            await self._send(task, base, is_running=is_running)
        return None if is_running else await self._poll_after(task, base, was_there=True)

    async def _send(self, task: Task, base: str, *, is_running: bool) -> None:
        build = comfy.interrupt_request if is_running else comfy.delete_request
        comfy.check_done(await self._state.servers.ask(task.server_id, build(base, task.prompt_id)), task.server_id)

    async def _cancel_job(self, task: Task, base: str) -> bool | None:
        """Cancel in one step where the server has jobs, and return whether it had this one; None where it has none."""
        if not self._state.servers.fleet.has_jobs(task.server_id):
            return None
        request = jobs.job_cancel_request(base, task.prompt_id)
        return jobs.read_job_cancel(await self._state.servers.ask(task.server_id, request), task.server_id)

    def _interrupts_by_id(self, task: Task) -> bool:
        """False where an old server, which ignores the id, would stop another prompt that runs beside ours."""
        server = self._state.servers.fleet.get(task.server_id)
        return server is not None and interrupts_by_id(server.version)

    async def _poll_after(self, task: Task, base: str, *, was_there: bool) -> Evidence:
        """Poll after our request: a task that was there before and has no trace now was removed by it."""
        began = Moment.now(self._state.ports.clock)
        queue = comfy.read_queue(
            await self._state.servers.ask(task.server_id, comfy.queue_request(base)), task.server_id
        )
        now = self._state.ports.clock.now()
        if (seen := queue.sight_of(task.prompt_id, now)) is not None:
            return seen
        known = self._state.records.get_task("cancel", task.prompt_id)
        found = await self._read_end(known, base, began)
        return Removed(now) if was_there and isinstance(found, Absent) else found or NoAnswer(now, "")
