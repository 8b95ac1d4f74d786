"""The console API in a real window: its names, shapes and errors, and no Python proxies."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from app.session.console import GETTERS, HELPERS, METHODS, VERSION
from app.workflows.reading import Source, read_source
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import MooringWindow, open_user
from tests.kit.browser.work import demo_servers, paused, quick_workflow, slow_workflow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

# Whether a value is JSON or a promise, and no Python proxy.
IS_PLAIN = """(value) => {
  const check = (item) => item === null || ["string", "number", "boolean"].includes(typeof item)
    || (Array.isArray(item) ? item.every(check)
      : Object.getPrototypeOf(item) === Object.prototype && Object.values(item).every(check));
  return check(value);
}"""

REFUSAL = """async (action) => {
  try {
    await (0, eval)(action);
    return null;
  } catch (error) {
    return {isError: error instanceof Error, name: error.name, message: error.message, own: {...error}};
  }
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(browser: Browser, gateway: Service) -> AsyncIterator[Page]:
    """One window for the tests that change nothing in it."""
    async with open_user(browser, gateway.url) as user:
        yield (await user.open()).page


async def refusal(page: Page, action: str) -> dict[str, Any]:
    """Return the error of an expression in the console."""
    answer = await page.evaluate(REFUSAL, action)
    assert answer is not None, f"{action} was not refused"
    assert answer["isError"]
    return dict(answer)


async def test_every_name_exists_and_answers_in_json(page: Page) -> None:
    for name in HELPERS:
        assert await page.evaluate(f"typeof window.{name} + ' ' + window.{name}.name") == f"function {name}"
    for name in METHODS:
        assert await page.evaluate(f"typeof mooring.{name} + ' ' + mooring.{name}.name") == f"function {name}"
    assert await page.evaluate("mooring.version") == VERSION
    assert await page.evaluate("mooring.ready.then((it) => it === mooring)")
    assert await page.evaluate("[windowLockedServer, windowTasks]") == [None, []]
    answer = await page.evaluate("debugServerConsistency()")
    assert answer.pop("windowId") == await page.evaluate("sessionStorage.getItem('mooring.window')")
    assert answer == {
        "lockedServer": None,
        "pendingTasks": 0,
        "webSocket": {"server": None, "state": "closed"},
        "tasks": [],
        "crew": [],
        "violations": [],
    }
    assert await page.evaluate("checkServerSwitchRisk()") is False
    assert await page.evaluate("validateServerConsistency()") == {"ok": True, "violations": []}
    assert await page.evaluate("validateServerConsistency('submit', 'demo-2')") is True
    assert [item["id"] for item in await page.evaluate("mooring.fleet().servers")] == ["demo-1", "demo-2", "demo-3"]
    assert await page.evaluate("mooring.getApiBaseUrl()") is None
    assert await page.evaluate("mooring.verify() instanceof Promise")
    for expression in (
        "windowTasks",
        "debugServerConsistency()",
        "debugWebSocketLock()",
        "validateServerConsistency()",
        "resetWebSocketServer()",
        "mooring.fleet()",
        "mooring.tasks()",
        "mooring.verify()",
    ):
        assert await page.evaluate(f"async () => ({IS_PLAIN})(await {expression})"), expression


async def test_read_only_names_cannot_be_written(page: Page) -> None:
    for name in GETTERS:
        answer = await page.evaluate(
            f"(() => {{ 'use strict'; try {{ window.{name} = 1; }} catch (error) {{ return error.name; }} }})()"
        )
        assert answer == "TypeError"
    await page.evaluate("windowTasks.push('a snapshot of no consequence')")
    assert await page.evaluate("windowTasks") == []


async def test_refusals_are_errors_with_fields(page: Page) -> None:
    for action in ("mooring.waitFor('none')", "mooring.getTaskHistory('none')", "mooring.cancel('none')"):
        answer = await refusal(page, action)
        assert (answer["name"], answer["own"]["promptId"]) == ("TaskNotFound", "none")
    answer = await refusal(page, "mooring.getTaskBoundImageUrl('none')")
    assert answer["name"] == "TaskNotFound"
    answer = await refusal(page, "mooring.submitWorkflow([])")
    assert (answer["name"], answer["own"]["cause"]) == ("BadInput", "bad-workflow")
    answer = await refusal(page, "mooring.uploadImage('dunes.png')")
    assert (answer["name"], answer["own"]["cause"]) == ("BadInput", "not-a-file")
    answer = await refusal(page, "mooring.fleet(1, 2, 3)")
    assert answer["name"] == "TypeError"


async def test_script_runs_a_workflow_and_the_window_stays_locked(window: MooringWindow, gateway: Service) -> None:
    page = window.page
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    async with paused(*demo_servers(gateway)):
        prompt_id = await page.evaluate("(it) => mooring.submitWorkflow(it, {title: 'Dunes'})", slow_workflow())
        server = await page.evaluate("windowLockedServer")
        other = next(name for name in ("demo-1", "demo-2") if name != server)
        [task] = await page.evaluate("windowTasks")
        assert (task["promptId"], task["executionServer"], task["title"]) == (prompt_id, server, "Dunes")
        base = await page.evaluate("mooring.getApiBaseUrl()")
        assert re.fullmatch(rf"/servers/{server}@[0-9a-f]{{8}}", base)

        answer = await refusal(page, f"validateServerConsistency('submit', '{other}')")
        assert answer["name"] == "ServerLockedError"
        assert server in answer["message"]
        assert {key: answer["own"][key] for key in ("operation", "asked", "locked", "holders")} == {
            "operation": "submit",
            "asked": other,
            "locked": server,
            "holders": 1,
        }

        await window.connected()
        lock = await page.evaluate("debugWebSocketLock()")
        assert lock["holders"] == [prompt_id]
        assert f"{base}/ws?clientId={lock['clientId']}" in lock["webSocket"]["url"]
        await page.evaluate("resetWebSocketServer()")
        await wait_for_js(
            page,
            "(before) => debugWebSocketLock().reconnects > before && debugWebSocketLock().webSocket.state === 'open'",
            arg=lock["reconnects"],
        )
        second = await page.evaluate("debugWebSocketLock()")
        assert (second["lockedServer"], second["webSocket"]["url"]) == (server, lock["webSocket"]["url"])

    task = await page.evaluate("(id) => mooring.waitFor(id)", prompt_id)
    assert (task["state"], task["executionServer"]) == ("succeeded", server)
    address = await page.evaluate("(id) => mooring.getTaskBoundImageUrl(id)", prompt_id)
    assert address.startswith(f"{base}/view?")
    assert await page.evaluate("(address) => fetch(address).then((answer) => answer.status)", address) == 200
    history = await page.evaluate("(id) => mooring.getTaskHistory(id)", prompt_id)
    assert list(history) == [prompt_id]
    assert await page.evaluate("mooring.verify()") == {"ok": True, "violations": []}

    window_id = await page.evaluate("debugServerConsistency().windowId")
    for said in ("validateServerConsistency: refused", "debugWebSocketLock: {", "waitFor: {"):
        assert any(line.startswith(f"[mooring {window_id[:8]}] {said}") for line in lines), said


async def test_upload_holds_the_server_for_the_submit(window: MooringWindow) -> None:
    page = window.page
    picture = """async (name) => {
      const canvas = new OffscreenCanvas(16, 12);
      canvas.getContext("2d").fillRect(0, 0, 8, 6);
      return mooring.uploadImage(await canvas.convertToBlob(), name);
    }"""
    uploaded = await page.evaluate(picture, "dunes.png")
    assert set(uploaded) == {"name", "subfolder", "type", "server"}
    assert uploaded["server"] == await page.evaluate("windowLockedServer")
    assert (await page.evaluate("debugWebSocketLock()"))["holders"] != []
    image = f"{uploaded['subfolder']}/{uploaded['name']}"
    workflow = {
        "1": {"class_type": "LoadImage", "inputs": {"image": image}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "console"}},
    }
    prompt_id = await page.evaluate("(it) => mooring.submitWorkflow(JSON.stringify(it))", workflow)
    task = await page.evaluate("(id) => mooring.waitFor(id)", prompt_id)
    assert (task["state"], task["executionServer"]) == ("succeeded", uploaded["server"])
    assert await page.evaluate("windowLockedServer") is None

    await page.evaluate(picture, "again.png")
    assert await page.evaluate("windowLockedServer") is not None
    await page.evaluate("mooring.releaseUploads()")
    assert await page.evaluate("windowLockedServer") is None


async def test_blobs_are_uploaded_with_the_workflow(window: MooringWindow) -> None:
    page = window.page
    workflow = {
        "1": {"class_type": "LoadImage", "inputs": {"image": ""}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "console"}},
    }
    submit = """async (workflow) => {
      const canvas = new OffscreenCanvas(24, 18);
      canvas.getContext("2d").fillRect(0, 0, 9, 9);
      const file = new File([await canvas.convertToBlob()], "sand.png", {type: "image/png"});
      return mooring.waitFor(await mooring.submitWorkflow(workflow, {inputs: {"1": {image: file}}}));
    }"""
    task = await page.evaluate(submit, workflow)
    assert task["state"] == "succeeded"


async def test_editor_graph_is_embedded_in_pictures_after_reload(window: MooringWindow) -> None:
    page = window.page
    graph = {"nodes": [{"id": 2, "type": "SaveImage", "pos": [10, 20]}], "links": [], "extra": {"author": "沙丘"}}
    submit = "([it, workflow]) => mooring.submitWorkflow(it, {workflow})"
    first = await page.evaluate(submit, [quick_workflow(colour=71), json.dumps(graph)])
    assert json.loads((await picture_of(page, first)).graph or "") == graph
    await window.reload()
    second = await page.evaluate("(id) => mooring.runAgain(id)", first)
    picture = await picture_of(page, second)
    assert json.loads(picture.graph or "") == graph
    assert json.loads(picture.api or "") == quick_workflow(colour=71)
    answer = await refusal(page, "mooring.submitWorkflow({1: {class_type: 'A'}}, {workflow: {}})")
    assert (answer["name"], answer["own"]["cause"]) == ("BadInput", "bad-workflow")


async def picture_of(page: Page, prompt_id: str) -> Source:
    """Return the metadata of a run's first picture, once it exists."""
    assert (await page.evaluate("(id) => mooring.waitFor(id)", prompt_id))["state"] == "succeeded"
    read = """async (id) => {
      const answer = await fetch(mooring.getTaskBoundImageUrl(id));
      return [...new Uint8Array(await answer.arrayBuffer())];
    }"""
    return read_source(bytes(await page.evaluate(read, prompt_id)))


async def test_cancel_and_give_up_return_the_task(window: MooringWindow, gateway: Service) -> None:
    page = window.page
    async with paused(*demo_servers(gateway)):
        one = await page.evaluate("(it) => mooring.submitWorkflow(it)", slow_workflow())
        other = await page.evaluate("(it) => mooring.submitWorkflow(it)", slow_workflow())
        assert (await page.evaluate("(id) => mooring.cancel(id)", other))["promptId"] == other
        assert (await page.evaluate("(id) => mooring.waitFor(id)", other))["state"] == "cancelled"
        assert (await page.evaluate("(id) => mooring.giveUp(id)", one))["state"] == "given_up"
    assert await page.evaluate("windowLockedServer") is None


async def test_self_check_passes_and_leaves_user_data_alone(window: MooringWindow) -> None:
    page = window.page
    prompt_id = await page.evaluate("(it) => mooring.submitWorkflow(it)", quick_workflow())
    await page.evaluate("(id) => mooring.waitFor(id)", prompt_id)
    before = await page.evaluate("windowTasks")
    answer = await page.evaluate("testServerConsistencyFixes()")
    assert (answer["failed"], answer["passed"]) == (0, len(answer["results"]))
    assert answer["passed"] >= 5
    assert all(set(result) == {"name", "ok", "detail"} for result in answer["results"])
    assert await page.evaluate("windowTasks") == before
    assert await page.evaluate("windowLockedServer") is None
