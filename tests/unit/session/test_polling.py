"""The order of a poll: the queue first, then the history (docs/comfyui.md 3)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from app.core.model import TaskState
from app.core.truth import LOST_GAP
from tests.kit.stage import A, Stage, scene, task_of
from tests.simulation.server import Answer, SimServer


class Watched:
    """A server that ends its job between the first and the second request of a poll."""

    ONE_LOOK = 0.3  # seconds that its requests are apart at most; looks are further apart
    ANSWERED = 2.0  # seconds after the first look: the submit's own answer is known by then

    def __init__(self, server: SimServer) -> None:
        self._server = server
        self._request = server.request
        self._began_at: float | None = None
        self._first_at: float | None = None  # of the last one that was answered while the job ran
        server.request = self.request  # type: ignore[method-assign]

    async def request(self, method: str, path: str, query: Mapping[str, str], body: bytes = b"") -> Answer:
        is_look = method == "GET" and path.split("/")[1] in {"queue", "history"}
        now = asyncio.get_running_loop().time()
        if is_look and self._began_at is None:
            self._began_at = now
        if is_look and self._first_at is not None and now - self._first_at < self.ONE_LOOK:
            while self._server.running is not None or self._server.heap:  # noqa: ASYNC110 - it must end just now
                await asyncio.sleep(0.01)
        answer = await self._request(method, path, query, body)
        if is_look and self._began_at is not None and now - self._began_at > self.ANSWERED:
            self._first_at = asyncio.get_running_loop().time() if self._server.running is not None else None
        return answer


@scene
async def test_task_ending_between_requests_is_never_absent(stage: Stage) -> None:
    page = await stage.window()
    Watched(stage.world.sims[A])
    task = await stage.ended(page, await stage.run(page, steps=400, server_id=A))
    assert task.state is TaskState.SUCCEEDED
    assert [note for note in task.notes if note.kind.startswith("absent")] == []


@scene
async def test_clock_set_forward_makes_no_task_lost_sooner(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    stage.world.sims[A].restart()
    await stage.until(lambda: task_of(page, prompt_id).progress.absent_since is not None)
    first = stage.now
    stage.world.browser.clock_shift = 3600.0
    page.session.wake("story")
    await stage.until(lambda: task_of(page, prompt_id).state is TaskState.LOST)
    assert stage.now - first >= LOST_GAP
