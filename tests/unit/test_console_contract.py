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


class Console:
    """The contract of a session in a sandbox."""

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
async def console() -> AsyncIterator[Console]:
    console = Console()
    await console.session.start()
    async with asyncio.timeout(10):
        while not console.session.fleet.servers:  # noqa: ASYNC110 - the session has no event for it
            await asyncio.sleep(0)
    yield console
    await console.session.stop()


def test_contract_has_every_name() -> None:
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


def test_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


async def test_nothing_is_claimed_before_the_records_are_read() -> None:
    console = Console()
    assert await console.call("window_locked_server") is None
    assert await console.call("window_tasks") == []
    assert not console.contract.is_ready
    report = await console.call("debug_server_consistency")
    assert (report["windowId"], report["lockedServer"], report["violations"]) == (None, None, [])
    with pytest.raises(StillRestoring):
        await console.call("validate_server_consistency", "upload", HERE)
    with pytest.raises(StillRestoring):
        await console.call("submit_workflow", WORKFLOW)


async def test_free_window_reports_no_server(console: Console) -> None:
    assert console.contract.is_ready
    assert console.contract.error is None
    assert await console.call("debug_server_consistency") == {
        "windowId": "sandbox",
        "lockedServer": None,
        "pendingTasks": 0,
        "webSocket": {"server": None, "state": "closed"},
        "tasks": [],
        "violations": [],
        "crew": [],
    }
    assert await console.call("check_server_switch_risk") is False
    assert await console.call("get_api_base_url") is None
    assert await console.call("validate_server_consistency") == {"ok": True, "violations": []}
    assert await console.call("validate_server_consistency", "submit", THERE) is True


async def test_moored_window_shows_its_server_and_refuses_others(console: Console) -> None:
    prompt_id = await console.call("submit_workflow", WORKFLOW, {"title": "Dunes"})
    server = await console.call("window_locked_server")
    other = THERE if server == HERE else HERE
    assert await console.call("get_api_base_url") == f"/servers/{server}"
    report = await console.call("debug_server_consistency")
    assert report["pendingTasks"] == 1
    assert [(task["promptId"], task["executionServer"]) for task in report["tasks"]] == [(prompt_id, server)]
    lock = await console.call("debug_web_socket_lock")
    assert lock["holders"] == [prompt_id]
    assert lock["lockedServer"] == server
    assert lock["clientId"]
    with pytest.raises(ServerLockedError) as refused:
        await console.call("validate_server_consistency", "submit", other)
    assert refused.value.facts() == {"operation": "submit", "asked": other, "locked": server, "holders": 1}
    assert (await console.call("reset_web_socket_server"))["lockedServer"] == server
    [task] = await console.call("window_tasks")
    assert (task["promptId"], task["executionServer"], task["title"]) == (prompt_id, server, "Dunes")


async def test_unknown_server_is_refused_in_a_free_window_too(console: Console) -> None:
    with pytest.raises(NoServerAvailable) as refused:
        await console.call("validate_server_consistency", "submit", "nosuch")
    assert refused.value.facts() == {"operation": "submit", "causes": {"nosuch": "not_in_fleet"}, "lacking": {}}
    await console.call("submit_workflow", WORKFLOW)
    with pytest.raises(ServerLockedError):
        await console.call("validate_server_consistency", "submit", "nosuch")
    console.sandbox.fleet.put(Fleet())
    async with asyncio.timeout(10):
        while console.session.fleet.servers:  # noqa: ASYNC110 - the session has no event for it
            await asyncio.sleep(0)
    with pytest.raises(ServerMoved):
        await console.call("validate_server_consistency", "submit", await console.call("window_locked_server"))


async def test_task_is_followed_to_its_end(console: Console) -> None:
    prompt_id = await console.call("submit_workflow", json.dumps(WORKFLOW))
    assert await console.call("get_task_history", prompt_id) == {}
    server = await console.call("window_locked_server")
    console.sandbox.servers.finish(prompt_id)
    task = await console.call("wait_for", prompt_id)
    assert task["state"] == "succeeded"
    assert [output["filename"] for output in task["outputs"]] == ["out_00001_.png"]
    assert (await console.call("get_task_bound_image_url", prompt_id)).startswith(f"/servers/{server}/view?")
    assert (await console.call("get_task_bound_image_url", prompt_id, 0)).startswith(f"/servers/{server}/view?")
    assert list(await console.call("get_task_history", prompt_id)) == [prompt_id]
    assert await console.call("verify") == {"ok": True, "violations": []}
    assert await console.call("window_locked_server") is None


async def test_giving_up_frees_the_window(console: Console) -> None:
    prompt_id = await console.call("submit_workflow", WORKFLOW)
    assert (await console.call("give_up", prompt_id))["state"] == "given_up"
    assert await console.call("window_locked_server") is None


async def test_running_elsewhere_gives_up_the_old_task(console: Console) -> None:
    first = await console.call("submit_workflow", WORKFLOW)
    server = await console.call("window_locked_server")
    second = await console.call("run_again", first, {"elsewhere": True})
    tasks = {task["promptId"]: task for task in await console.call("window_tasks")}
    assert tasks[first]["state"] == "given_up"
    assert (tasks[second]["againOf"], tasks[second]["executionServer"] != server) == (first, True)


async def test_run_again_stays_where_the_window_is_moored(console: Console) -> None:
    first = await console.call("submit_workflow", WORKFLOW)
    second = await console.call("run_again", first)
    assert {task["executionServer"] for task in await console.call("window_tasks")} == {
        await console.call("window_locked_server")
    }
    assert (await console.call("look_again", second))["promptId"] == second


async def test_browser_without_closed_windows_has_no_orphans(console: Console) -> None:
    assert await console.call("orphans") == []


async def test_fleet_lists_its_servers(console: Console) -> None:
    fleet = await console.call("fleet")
    assert [server["id"] for server in fleet["servers"]] == [HERE, THERE]
    assert set(fleet["servers"][0]) == {
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
async def test_invalid_arguments_raise_typed_errors(
    console: Console, name: str, arguments: list[Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await console.call(name, *arguments)
    assert await console.call("window_locked_server") is None
    assert await console.call("window_tasks") == []
