"""A busy proxy in front of a server: nothing is lost or runs twice, and it is tried again when the proxy asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from app.core.busy import BUSY
from app.core.errors import ServerBusy
from app.core.model import Failure, TaskState
from app.core.ports.http import Http, Request, Response
from app.core.truth import LOST_GAP
from app.session.waiting.worker import FIRST_REST
from app.ui.kit.messages import word_error
from tests.kit.page.stills import ENGLISH
from tests.kit.stage import PHOTO, A, Stage, line_of, scene, task_of, window_of
from tests.simulation.world import Page


@dataclass
class Proxy:
    """The Http port with a proxy in front of all servers, which answers the next requests to a route."""

    http: Http
    answers: list[tuple[str, Response, bool]] = field(default_factory=list)  # the route, and whether it is passed on

    async def send(self, request: Request) -> Response:
        for item in self.answers:
            route, response, is_passed_on = item
            if request.path.endswith(route):
                self.answers.remove(item)
                if is_passed_on:
                    await self.http.send(request)
                return response
        return await self.http.send(request)

    async def fetch(self, request: Request) -> Response:
        return await self.http.fetch(request)

    async def upload(self, request: Request, on_progress: Callable[[float], None]) -> Response:
        return self.answers.pop()[1] if self.answers else await self.http.upload(request, on_progress)


def put_proxy(page: Page, *answers: tuple[str, Response, bool]) -> None:
    """Put a proxy in front of the servers of a page."""
    state = page.session._state
    state.ports = replace(state.ports, http=Proxy(state.ports.http, list(answers)))


async def until_delivered(stage: Stage, page: Page) -> None:
    """Wait until nothing waits, and a task of the page has succeeded."""
    await stage.until(
        lambda: (
            not line_of(page).entries
            and any(task.is_delivered and task.state is TaskState.SUCCEEDED for task in window_of(page).tasks.values())
        )
    )


@pytest.mark.parametrize("status", [429, 503])
@scene
async def test_busy_prompt_is_sent_again_after_the_wait(stage: Stage, status: int) -> None:
    page = await stage.window()
    put_proxy(page, ("/prompt", Response(status, {"retry-after": "40"}), False))
    since = stage.now
    prompt_id = await stage.run(page, server_id=A)
    await stage.until(lambda: page.session.line.stalled_by)
    error = page.session.line.stalled_by
    assert isinstance(error, ServerBusy)
    assert (error.server_id, line_of(page).entries[0].prompt_id) == (A, prompt_id)
    assert word_error(error, ENGLISH).title == f"{A} is busy."
    assert error.retry_at is not None
    assert f"tried again at {ENGLISH.formats.clock(error.retry_at)}" in word_error(error, ENGLISH).advice
    await until_delivered(stage, page)
    [posted] = stage.requests("POST", "/prompt")
    assert posted.at - since >= 40.0


@scene
async def test_busy_prompt_without_a_time_waits_for_longer_each_time(stage: Stage) -> None:
    page = await stage.window()
    put_proxy(page, *([("/prompt", Response(429), False)] * 3))
    since = stage.now
    await stage.run(page, server_id=A)
    await until_delivered(stage, page)
    [posted] = stage.requests("POST", "/prompt")
    assert posted.at - since >= FIRST_REST * (1 + 2 + 4)
    assert len(window_of(page).tasks) == 1, "a proven refusal leaves no task"


@scene
async def test_queued_prompt_with_a_busy_answer_runs_once(stage: Stage) -> None:
    page = await stage.window()
    put_proxy(page, ("/prompt", Response(502), True))
    prompt_id = await stage.run(page, server_id=A)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert len(stage.requests("POST", "/prompt")) == 1


@scene
async def test_prompt_is_looked_up_before_it_is_sent_again(stage: Stage) -> None:
    page = await stage.window()
    stage.world.network.refusing.add(stage.world.network.address_of(A) or "")
    put_proxy(page, ("/prompt", Response(502), False))
    since = stage.now
    await stage.run(page, server_id=A)
    await until_delivered(stage, page)
    [posted] = stage.requests("POST", "/prompt")
    [tried] = [task for task in window_of(page).tasks.values() if task.state is TaskState.FAILED]
    assert (tried.end.failure, tried.end.is_proven) == (Failure(kind="not_sent", message=BUSY), False)
    looks = [item for item in stage.requests("GET", "/history", since) if item.at < posted.at]
    assert looks[-1].at - looks[0].at >= LOST_GAP


@scene
async def test_busy_upload_waits_in_the_line(stage: Stage) -> None:
    page = await stage.window()
    put_proxy(page, ("/upload/image", Response(503, {"retry-after": "30"}), False))
    since = stage.now
    await stage.run(page, server_id=A, picture=PHOTO)
    await until_delivered(stage, page)
    [posted] = stage.requests("POST", "/prompt")
    assert posted.at - since >= 30.0


@scene
async def test_busy_polls_wait_and_end_nothing(stage: Stage) -> None:
    page = await stage.window()
    stage.world.network.refusing.add(stage.world.network.address_of(A) or "")
    prompt_id = await stage.run(page, steps=100, server_id=A)
    await stage.until_running(page, prompt_id)
    put_proxy(page, ("/queue", Response(503, {"retry-after": "25"}), False))
    proxy = page.session._state.ports.http
    assert isinstance(proxy, Proxy)
    await stage.until(lambda: not proxy.answers)
    since = stage.now
    await stage.until(lambda: stage.requests("GET", "/queue", since))
    assert stage.now - since >= 24.0
    assert not task_of(page, prompt_id).state.is_end
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
