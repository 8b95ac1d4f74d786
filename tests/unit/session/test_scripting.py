"""The results of a script's calls: what it asked for, or a typed error; and which arguments are optional."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import pytest_asyncio

from app.core.errors import BadInput, HttpStatusError, PromptRejected, ProtocolError, StorageError, TaskNotFound
from app.core.model import TaskState
from app.core.ports.http import Request, Response
from app.session import Session
from app.session.console import ConsoleContract, _editor, _inputs
from app.session.memory.sandbox import Sandbox
from app.session.selfcheck import CHECKS
from tests.simulation.store import Bytes
from tests.unit.session.test_report import NamedBytes, TalkingServers, until, workflow


@dataclass
class Servers(TalkingServers):
    """Servers whose history answers can be changed; uploads are recorded."""

    text: str = "a rose"
    said: Response | None = None  # to each question for a history
    uploads: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        if self.said is not None and "/history/" in request.path:
            return self.said
        if request.form is not None:
            self.uploads.append(request.form.filename)
        return super().answer(request)


@dataclass
class Script:
    """A contract over a session on a sandbox."""

    servers: Servers
    sandbox: Sandbox
    session: Session
    contract: ConsoleContract

    async def call(self, name: str, *arguments: Any) -> Any:
        value = self.contract.call(name, arguments)
        return await value if hasattr(value, "__await__") else value

    async def failed(self) -> str:
        """A task that has ended with a picture and a text."""
        prompt_id = str(await self.call("submit_workflow", workflow("a rose")))
        self.servers.fail(prompt_id)
        await self.call("look_again", prompt_id)
        await until(lambda: self.session.window.tasks[prompt_id].state.is_end)
        return prompt_id


@pytest_asyncio.fixture
async def script() -> AsyncIterator[Script]:
    servers = Servers()
    sandbox = Sandbox(servers=servers)
    session = Session(sandbox.ports)
    await session.start()
    await until(lambda: session.fleet.servers)
    yield Script(servers, sandbox, session, ConsoleContract(session))
    await session.stop()


# Work


async def test_refusal_is_raised_and_kept(script: Script) -> None:
    script.servers.refuses = True
    with pytest.raises(PromptRejected):
        await script.call("submit_workflow", workflow("a rose"))
    (task,) = script.session.window.tasks.values()
    assert task.state is TaskState.FAILED


@pytest.mark.parametrize(
    ("said", "kind"), [(Response(500, text="{}"), HttpStatusError), (Response(200, text="<html>"), ProtocolError)]
)
async def test_a_history_that_is_none_is_an_error(script: Script, said: Response, kind: type[Exception]) -> None:
    prompt_id = await script.call("submit_workflow", workflow("a rose"))
    script.servers.said = said
    with pytest.raises(kind):
        await script.call("get_task_history", prompt_id)


async def test_outputs_have_addresses_but_texts_and_missing_ones_do_not(script: Script) -> None:
    prompt_id = await script.failed()
    picture, text = (await script.call("window_tasks"))[0]["outputs"]
    assert ("text" in picture, text["text"]) == (False, "a rose")
    assert "filename=a+rose_00001_.png&" in await script.call("get_task_bound_image_url", prompt_id, 0)
    with pytest.raises(BadInput):
        await script.call("get_task_bound_image_url", prompt_id, 1)
    for index in (2, -1):
        with pytest.raises(TaskNotFound):
            await script.call("get_task_bound_image_url", prompt_id, index)
    assert (await script.call("cancel", prompt_id))["promptId"] == prompt_id, (
        "too late, so the task is returned unchanged"
    )


async def test_upload_returns_its_place_and_holds_server_until_release(script: Script) -> None:
    result = await script.call("upload_image", NamedBytes(b"one", "image/png"), "photo.jpg")
    server = await script.call("window_locked_server")
    assert result == {"name": "zq-uploaded.png", "subfolder": "a rose", "type": "input", "server": server}
    await script.call("upload_image", NamedBytes(b"two", "image/png"))
    assert [name.rpartition(".")[2] for name in script.servers.uploads] == ["jpg", "png"], "the name it was given first"
    await script.call("release_uploads")
    assert await script.call("window_locked_server") is None


async def test_a_file_without_a_name_has_that_of_its_input(script: Script) -> None:
    for blob, name in ((NamedBytes(b"one", "image/png"), "zq-name.png"), (Bytes(b"two", "image/png"), "image")):
        prompt_id = await script.call("submit_workflow", workflow("a rose"), {"inputs": {"1": {"image": blob}}})
        assert [item.original_name for item in script.session.window.tasks[prompt_id].inputs] == [name]


def test_who_brings_no_file_and_no_graph_brings_none() -> None:
    assert _inputs(None) == {}
    assert _editor(None) == ""


# Looking


async def test_listener_is_notified_until_it_unsubscribes(script: Script) -> None:
    result: list[str] = []
    leave = script.contract.subscribe(lambda: result.append("change"))
    script.session._state.changed()
    leave()
    script.session._state.changed()
    assert result == ["change"]


async def test_unreadable_store_is_the_error_until_ready(script: Script) -> None:
    error = StorageError("update", "quota")
    script.session._state.records.failed(error)
    assert script.contract.error is None
    script.session._state.records._windows.clear()
    assert script.contract.error is error


async def test_last_event_age_is_reported(script: Script) -> None:
    assert (await script.call("debug_web_socket_lock"))["lastEventAge"] is None
    for seconds, expected in ((5.0, 5.0), (-60.0, 0.0)):  # the second by a clock that was set back
        window = script.session.workers[0].window
        window.set_socket(replace(window.socket, last_event_at=time.monotonic() - seconds))
        assert (await script.call("debug_web_socket_lock"))["lastEventAge"] == pytest.approx(expected, abs=0.9)


async def test_reset_reopens_socket_and_returns_its_server(script: Script) -> None:
    await script.call("submit_workflow", workflow("a rose"))
    asked: list[str] = []
    script.session.reset_socket = lambda: asked.append("reset")  # type: ignore[method-assign]
    result = await script.call("reset_web_socket_server")
    assert (asked, result["lockedServer"]) == (["reset"], script.session.window.window_locked_server)


async def test_invalid_workflow_is_refused(script: Script) -> None:
    for wrong in (Bytes(b"{}"), [1, 2], 7, None):
        with pytest.raises(BadInput):
            await script.call("submit_workflow", wrong)


async def test_self_check_reports_each_check(script: Script) -> None:
    result = await script.call("test_server_consistency_fixes")
    assert (result["passed"], result["failed"]) == (len(CHECKS), 0)
    assert [(item["name"], item["ok"]) for item in result["results"]] == [(name, True) for name in CHECKS]
