"""The console contract in plain Python: every name of docs/console.md, its shape, and its refusals."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.core.errors import BadInput, NoServerAvailable, ServerLockedError, ServerMoved, StillRestoring, TaskNotFound
from app.core.model import Fleet
from app.session import Session
from app.session.console import GETTERS, HELPERS, METHODS, VERSION, ConsoleContract
from app.session.memory.sandbox import HERE, THERE, Sandbox

WORKFLOW = {"9": {"class_type": "SaveImage", "inputs": {}}}


class Desk:
    """A contract over a session on a sandbox."""

    def __init__(self) -> None:
        self.sandbox = Sandbox()
        self.session = Session(self.sandbox.ports)
        self.contract = ConsoleContract(self.session)

    async def call(self, name: str, *arguments: Any) -> Any:
        value = self.contract.call(name, arguments)
        value = await value if inspect.isawaitable(value) else value
        json.dumps(value, allow_nan=False)  # plain values only
        return value


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.session.start()
    async with asyncio.timeout(10):
        while not desk.session.fleet.servers:  # noqa: ASYNC110 - the session tells no single event for it
            await asyncio.sleep(0)
    yield desk
    await desk.session.stop()


def test_every_name_of_the_contract_is_there() -> None:
    assert {*GETTERS, *HELPERS} == {
        "windowLockedServer",
        "windowTasks",
        "debugServerConsistency",
        "checkServerSwitchRisk",
        "validateServerConsistency",
        "debugWebSocketLock",
        "resetWebSocketServer",
        "testServerConsistencyFixes",
    }
    assert {*METHODS} == {
        "fleet",
        "getApiBaseUrl",
        "uploadImage",
        "releaseUploads",
        "submitWorkflow",
        "waitFor",
        "getTaskHistory",
        "getTaskBoundImageUrl",
        "cancel",
        "giveUp",
        "lookAgain",
        "runAgain",
        "orphans",
        "adopt",
        "tasks",
        "verify",
        "debugBundle",
    }
    for method in (*GETTERS.values(), *HELPERS.values(), *METHODS.values()):
        assert callable(getattr(ConsoleContract, method))


@pytest.mark.parametrize("name", [*GETTERS, *HELPERS, *METHODS])
def test_every_name_is_documented(name: str) -> None:
    document = (Path(__file__).parents[2] / "docs" / "console.md").read_text(encoding="utf-8")
    assert re.search(rf"[`. ]{name}[`(]", document)


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


async def test_before_the_records_are_read_nothing_is_claimed() -> None:
    desk = Desk()
    assert await desk.call("window_locked_server") is None
    assert await desk.call("window_tasks") == []
    assert not desk.contract.is_ready
    told = await desk.call("debug_server_consistency")
    assert (told["windowId"], told["lockedServer"], told["violations"]) == (None, None, [])
    with pytest.raises(StillRestoring):
        await desk.call("validate_server_consistency", "upload", HERE)
    with pytest.raises(StillRestoring):
        await desk.call("submit_workflow", WORKFLOW)


async def test_a_free_window_says_so(desk: Desk) -> None:
    assert desk.contract.is_ready
    assert desk.contract.error is None
    assert await desk.call("debug_server_consistency") == {
        "windowId": "sandbox",
        "lockedServer": None,
        "pendingTasks": 0,
        "webSocket": {"server": None, "state": "closed"},
        "tasks": [],
        "violations": [],
        "crew": [],
    }
    assert await desk.call("check_server_switch_risk") is False
    assert await desk.call("get_api_base_url") is None
    assert await desk.call("validate_server_consistency") == {"ok": True, "violations": []}
    assert await desk.call("validate_server_consistency", "submit", THERE) is True


async def test_a_moored_window_shows_its_server_and_refuses_others(desk: Desk) -> None:
    prompt_id = await desk.call("submit_workflow", WORKFLOW, {"title": "Dunes"})
    server = await desk.call("window_locked_server")
    other = THERE if server == HERE else HERE
    assert await desk.call("get_api_base_url") == f"/servers/{server}"
    told = await desk.call("debug_server_consistency")
    assert told["pendingTasks"] == 1
    assert [(task["promptId"], task["executionServer"]) for task in told["tasks"]] == [(prompt_id, server)]
    lock = await desk.call("debug_web_socket_lock")
    assert lock["holders"] == [prompt_id]
    assert lock["lockedServer"] == server
    assert lock["clientId"]
    with pytest.raises(ServerLockedError) as refused:
        await desk.call("validate_server_consistency", "submit", other)
    assert refused.value.facts() == {"operation": "submit", "asked": other, "locked": server, "holders": 1}
    assert (await desk.call("reset_web_socket_server"))["lockedServer"] == server
    [task] = await desk.call("window_tasks")
    assert (task["promptId"], task["executionServer"], task["title"]) == (prompt_id, server, "Dunes")


async def test_an_unknown_server_is_refused_in_a_free_window_too(desk: Desk) -> None:
    with pytest.raises(NoServerAvailable) as refused:
        await desk.call("validate_server_consistency", "submit", "nosuch")
    assert refused.value.facts() == {"operation": "submit", "causes": {"nosuch": "not_in_fleet"}, "lacking": {}}
    await desk.call("submit_workflow", WORKFLOW)
    with pytest.raises(ServerLockedError):
        await desk.call("validate_server_consistency", "submit", "nosuch")
    desk.sandbox.fleet.put(Fleet())
    async with asyncio.timeout(10):
        while desk.session.fleet.servers:  # noqa: ASYNC110 - the session has no event for it
            await asyncio.sleep(0)
    with pytest.raises(ServerMoved):
        await desk.call("validate_server_consistency", "submit", await desk.call("window_locked_server"))


async def test_a_task_is_followed_to_its_end(desk: Desk) -> None:
    prompt_id = await desk.call("submit_workflow", json.dumps(WORKFLOW))
    assert await desk.call("get_task_history", prompt_id) == {}
    server = await desk.call("window_locked_server")
    desk.sandbox.servers.finish(prompt_id)
    task = await desk.call("wait_for", prompt_id)
    assert task["state"] == "succeeded"
    assert [output["filename"] for output in task["outputs"]] == ["out_00001_.png"]
    assert (await desk.call("get_task_bound_image_url", prompt_id)).startswith(f"/servers/{server}/view?")
    assert (await desk.call("get_task_bound_image_url", prompt_id, 0)).startswith(f"/servers/{server}/view?")
    assert list(await desk.call("get_task_history", prompt_id)) == [prompt_id]
    assert await desk.call("verify") == {"ok": True, "violations": []}
    assert await desk.call("window_locked_server") is None


async def test_giving_up_frees_the_window(desk: Desk) -> None:
    prompt_id = await desk.call("submit_workflow", WORKFLOW)
    assert (await desk.call("give_up", prompt_id))["state"] == "given_up"
    assert await desk.call("window_locked_server") is None


async def test_running_elsewhere_names_the_old_task_and_gives_it_up(desk: Desk) -> None:
    first = await desk.call("submit_workflow", WORKFLOW)
    server = await desk.call("window_locked_server")
    second = await desk.call("run_again", first, {"elsewhere": True})
    told = {task["promptId"]: task for task in await desk.call("window_tasks")}
    assert told[first]["state"] == "given_up"
    assert (told[second]["againOf"], told[second]["executionServer"] != server) == (first, True)


async def test_running_again_stays_where_the_window_is_moored(desk: Desk) -> None:
    first = await desk.call("submit_workflow", WORKFLOW)
    second = await desk.call("run_again", first)
    assert {task["executionServer"] for task in await desk.call("window_tasks")} == {
        await desk.call("window_locked_server")
    }
    assert (await desk.call("look_again", second))["promptId"] == second


async def test_a_calm_browser_has_no_orphans(desk: Desk) -> None:
    assert await desk.call("orphans") == []


async def test_the_fleet_is_told(desk: Desk) -> None:
    told = await desk.call("fleet")
    assert [server["id"] for server in told["servers"]] == [HERE, THERE]
    assert set(told["servers"][0]) == {
        "id", "name", "address", "base", "health", "running", "pending", "version", "demo", "drained", "weight",
        "tags", "catalogue",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("wait_for", ["nothing"], TaskNotFound),
        ("wait_for", [], TaskNotFound),
        ("get_task_history", ["nothing"], TaskNotFound),
        ("get_task_bound_image_url", ["nothing"], TaskNotFound),
        ("cancel", ["nothing"], TaskNotFound),
        ("give_up", ["nothing"], TaskNotFound),
        ("look_again", ["nothing"], TaskNotFound),
        ("run_again", ["nothing"], TaskNotFound),
        ("adopt", ["nothing"], TaskNotFound),
        ("submit_workflow", [], BadInput),
        ("submit_workflow", [[1, 2]], BadInput),
        ("submit_workflow", ["{"], BadInput),
        ("submit_workflow", [WORKFLOW, {"inputs": {"9": "a.png"}}], BadInput),
        ("submit_workflow", [WORKFLOW, {"inputs": {"9": {"image": "a.png"}}}], BadInput),
        ("upload_image", [], BadInput),
        ("upload_image", ["a.png"], BadInput),
        ("fleet", ["too", "many"], TypeError),
        ("stop", [], TypeError),
    ],
)
async def test_bad_arguments_are_typed_refusals(
    desk: Desk, name: str, arguments: list[Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await desk.call(name, *arguments)
    assert await desk.call("window_locked_server") is None
    assert await desk.call("window_tasks") == []
