"""The main job and faults with real ComfyUI servers, in a real browser.

    MOORING_REAL_COMFYUI=http://127.0.0.1:8188,http://127.0.0.1:8189 python3 -m pytest tests/e2e/test_real_comfyui.py

Skipped without two addresses. Image nodes need no model. With `MOORING_REAL_COMFYUI_RESTART`, a command that kills
and restarts the first of them, a restart during a run is tested too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Error, FilePayload, Route, expect

from app.workflows.reading import read_source
from tests.e2e.test_open_workflow import drop, picture_of, pixels
from tests.e2e.test_team import ask, everything, open_logged_in
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow, open_user
from tests.kit.browser.work import ask_server, make_photo, quick_workflow, runs_of
from tests.kit.module_gateways import a_gateway
from tests.kit.services import free_ports, start_gateway
from tests.kit.studio import write_users

ADDRESSES = [item.strip() for item in os.environ.get("MOORING_REAL_COMFYUI", "").split(",") if item.strip()]
RESTART = os.environ.get("MOORING_REAL_COMFYUI_RESTART", "")

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.e2e,
    pytest.mark.skipif(len(ADDRESSES) < 2, reason="MOORING_REAL_COMFYUI names no two real servers"),
]


class Real:
    """A real server by its own address."""

    def __init__(self, server_id: str, url: str) -> None:
        self.server_id = server_id
        self.url = url


SERVERS: dict[str, Any] = {f"real-{index}": Real(f"real-{index}", url) for index, url in enumerate(ADDRESSES[:2])}


def flags() -> list[str]:
    return [part for server in SERVERS.values() for part in ("--server", f"{server.server_id}={server.url}")]


gateway = a_gateway(*flags())


def slow_workflow(steps: int = 14) -> dict[str, Any]:
    """Return a chain of blurs that is in no cache and takes a CPU some time."""
    source = {"width": 1024, "height": 1024, "batch_size": 1, "color": random.randrange(1 << 24)}
    workflow: dict[str, Any] = {"1": {"class_type": "EmptyImage", "inputs": source}}
    for index in range(steps):
        inputs = {"image": [str(index + 1), 0], "blur_radius": 20, "sigma": 5.0}
        workflow[str(index + 2)] = {"class_type": "ImageBlur", "inputs": inputs}
    last = {"images": [str(steps + 1), 0], "filename_prefix": "e2e-real"}
    return {**workflow, "900": {"class_type": "SaveImage", "inputs": last}}


async def need(path: str, *names: str) -> None:
    """Skip the test if no server's answer at this path has all of these names."""
    async with aiohttp.ClientSession() as session:
        for address in ADDRESSES:
            async with session.get(f"{address}{path}") as reply:
                known = await reply.json() if reply.status == 200 else {}
            if known.keys() >= {*names}:
                return
    pytest.skip(f"no server knows {', '.join(names)}")


async def check_runs(window: MooringWindow, prompt_id: str) -> dict[str, Any]:
    """Check that a task succeeded and ran once on its own server alone, and that its picture is delivered."""
    task = await window.wait_for(prompt_id)
    assert task["state"] == "succeeded", task
    runs = {server_id: await runs_of(server, prompt_id) for server_id, server in SERVERS.items()}
    assert runs == {server_id: int(server_id == task["executionServer"]) for server_id in SERVERS}
    assert [output["delivery"] for output in task["outputs"]] == ["kept"]
    await window.check()
    return task


async def test_main_job_in_two_windows_on_two_servers(user: BrowserUser, tmp_path: Path) -> None:
    one, two = await user.open(), await user.open()
    first, second = await asyncio.gather(
        one.send_photo(make_photo(tmp_path, 1)), two.send_photo(make_photo(tmp_path, 2))
    )
    used = {(await check_runs(one, first))["executionServer"], (await check_runs(two, second))["executionServer"]}
    assert used == set(SERVERS)


async def test_two_users_see_only_their_own_work(browser: Browser, tmp_path: Path) -> None:
    write_users(tmp_path / "users.toml")
    with start_gateway(*flags(), "--users", str(tmp_path / "users.toml")) as service:
        async with open_user(browser, service.url) as user:
            user.watch.expected += ["status of 403"]
            alice, bob = [await open_logged_in(await user.new_profile(), user.base, name) for name in ("alice", "bob")]
            photos = [make_photo(tmp_path, number) for number in (3, 4)]
            one, two = await asyncio.gather(
                *(item.send_photo(photo) for item, photo in zip((alice, bob), photos, strict=True))
            )
            tasks = {one: await check_runs(alice, one), two: await check_runs(bob, two)}
            long_one = await alice.submit(slow_workflow(60))
            await alice.wait_state(long_one, "running")

            texts = {one: await everything(alice, SERVERS), two: await everything(bob, SERVERS)}
            assert one in texts[one] and two in texts[two]
            assert two not in texts[one] and one not in texts[two] and long_one not in texts[two]
            server = tasks[one]["executionServer"]
            _, history = await ask(alice, f"/servers/{server}/history/{one}")
            (picture,) = [image for made in json.loads(history)[one]["outputs"].values() for image in made["images"]]
            query = "&".join(f"{name}={picture[name]}" for name in ("filename", "subfolder", "type"))
            assert (await ask(bob, f"/servers/{server}/view?{query}"))[0] == 403
            assert (await ask(bob, f"/servers/{server}/history/{one}"))[0] == 403

            await alice.reload()
            await alice.press_cancel(long_one)
            assert (await alice.wait_for(long_one))["state"] == "cancelled"
            await bob.check()


async def test_rejected_prompt_shows_its_node_errors(user: BrowserUser) -> None:
    user.watch.expected.append("status of 400")
    window = await user.open()
    bad = quick_workflow()
    bad["1"]["inputs"]["width"] = -5
    with pytest.raises(Exception, match=r"smaller than min"):
        await window.submit(bad)
    assert (await window.facts())["lockedServer"] is None


async def test_reload_during_a_run_keeps_everything(user: BrowserUser) -> None:
    window = await user.open()
    prompt_id = await window.submit(slow_workflow())
    await window.wait_state(prompt_id, "running")
    before = await window.facts()
    await window.reload()
    after = await window.facts()
    assert (after["windowId"], after["lockedServer"]) == (before["windowId"], before["lockedServer"])
    await check_runs(window, prompt_id)


async def test_cancel_stops_only_our_prompt(user: BrowserUser) -> None:
    window = await user.open()
    running = await window.submit(slow_workflow(60))
    await window.wait_state(running, "running")
    waiting = await window.submit(slow_workflow(2))
    await window.call("mooring.cancel(a[0])", waiting)
    assert (await window.wait_for(waiting))["state"] == "cancelled"
    other = await window.submit(slow_workflow(2))
    await window.call("mooring.cancel(a[0])", running)
    assert (await window.wait_for(running))["state"] == "cancelled"
    await check_runs(window, other)


async def test_deaf_socket_is_detected_and_reopened(user: BrowserUser) -> None:
    window = await user.open()
    first = await window.submit(slow_workflow())
    await window.wait_state(first, "running")
    second = await window.submit(slow_workflow(40))  # its unreported start proves deafness, some seconds later
    await window.wait_state(second, "queued")
    lock = await window.call("debugWebSocketLock()")
    server = SERVERS[lock["lockedServer"]]
    async with aiohttp.ClientSession() as session:
        twin = await session.ws_connect(f"{server.url}/ws?clientId={lock['clientId']}")
        await twin.receive()
        await twin.close()
    await wait_for_js(
        window.page,
        "(before) => debugWebSocketLock().reconnects > before && debugWebSocketLock().webSocket.state === 'open'",
        arg=lock["reconnects"],
        timeout=120_000,
    )
    await check_runs(window, first)
    await check_runs(window, second)


async def test_lost_answer_is_settled_by_polling(user: BrowserUser) -> None:
    user.watch.expected.append("Failed to load resource")
    window = await user.open()

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort("connectionreset")

    await window.page.route("**/prompt", lose, times=1)
    prompt_id = await window.submit(slow_workflow(3))
    assert "unclear" in {note["kind"] for note in (await window.task(prompt_id))["notes"]}
    await check_runs(window, prompt_id)


async def test_work_of_a_closed_window_is_adopted(user: BrowserUser) -> None:
    gone, heir = await user.open(), await user.open()
    prompt_id = await gone.submit(slow_workflow())
    await gone.wait_state(prompt_id, "running")
    await gone.page.close()
    await heir.reload()
    while prompt_id not in [item["promptId"] for item in await heir.call("mooring.orphans()")]:
        pass
    await heir.call("mooring.adopt(a[0])", prompt_id)
    await check_runs(heir, prompt_id)


async def test_gateway_killed_and_restarted_during_a_run_loses_nothing(browser: Browser) -> None:
    port = free_ports()
    with start_gateway(*flags(), port=port) as gateway:
        async with open_user(browser, gateway.url) as user:
            user.watch.expected.append("Failed to load resource|WebSocket")
            window = await user.open()
            prompt_id = await window.submit(slow_workflow())
            await window.wait_state(prompt_id, "running")
            gateway.kill()
            with start_gateway(*flags(), port=port):
                await check_runs(window, prompt_id)


async def test_cleared_history_loses_no_reported_end(user: BrowserUser) -> None:
    window = await user.open()
    prompt_id = await window.submit(slow_workflow(10))
    await window.wait_state(prompt_id, "running")
    server = SERVERS[(await window.task(prompt_id))["executionServer"]]
    async with aiohttp.ClientSession() as session:
        while (await window.task(prompt_id))["state"] == "running" and not await ask_server(
            server, f"/history/{prompt_id}"
        ):  # a clear may remove the entry before it is read
            await session.post(f"{server.url}/history", json={"clear": True})
        await session.post(f"{server.url}/history", json={"clear": True})
    task = await window.wait_for(prompt_id)
    assert task["state"] == "succeeded"
    assert [output["delivery"] for output in task["outputs"]] == ["kept"]


async def test_editor_workflow_runs_and_its_picture_can_be_opened(user: BrowserUser) -> None:
    window = await user.open()
    page, colour = window.page, random.randrange(1 << 24)
    await drop(page, "plain.json", json.dumps(editor_graph(colour)).encode(), "application/json")
    await expect(page.locator("#field-1-color")).to_have_value(str(colour))
    await page.locator("#field-1-width").fill("96")
    prompt_id = await window.press_run()
    await check_runs(window, prompt_id)
    first = await picture_of(window, prompt_id)
    inside = read_source(first, "again.png")
    assert inside.graph is not None and json.loads(inside.graph)["nodes"][0]["widgets_values"] == [96, 48, 1, colour]
    await drop(page, "again_00001_.png", first, "image/png")
    await expect(page.locator("#workflow-title")).to_have_text("again")
    await expect(page.locator("#field-1-width")).to_have_value("96")
    second_id = await window.press_run()
    await window.wait_for(second_id)
    assert pixels(await picture_of(window, second_id)) == pixels(first)


async def test_result_of_one_server_runs_on_the_other(user: BrowserUser, tmp_path: Path) -> None:
    first, second = SERVERS
    window = await user.open()
    await window.choose_sample("enlarge")
    await window.put_picture(make_photo(tmp_path, random.randrange(1000)))
    await window.page.get_by_test_id("where").select_option(first)
    made = await picture_of(window, await window.press_run())
    other = await user.open()
    file = FilePayload(name="made_00001_.png", mimeType="image/png", buffer=made)
    await other.page.locator("#open-file-input").set_input_files(file)
    await expect(other.page.locator("#workflow-title")).to_have_text("made")
    await other.page.get_by_test_id("where").select_option(second)
    task = await check_runs(other, await other.press_run())
    assert task["executionServer"] == second


async def test_workflow_with_its_own_choices_runs(user: BrowserUser) -> None:
    await need("/object_info", "CustomCombo")
    window = await user.open()
    inputs = {"choice": "screen", "index": 1, "option1": "add", "option2": "screen", "option3": ""}
    workflow = {**quick_workflow(), "50": {"class_type": "CustomCombo", "inputs": inputs}}
    workflow["51"] = {"class_type": "PreviewAny", "inputs": {"source": ["50", 0]}}
    assert (await window.wait_for(await window.submit(workflow)))["state"] == "succeeded"


async def test_replaced_class_runs_as_its_replacement(user: BrowserUser) -> None:
    await need("/node_replacements", "OldInvert")
    window = await user.open()
    workflow = quick_workflow(random.randrange(1 << 24))
    workflow["5"] = {"class_type": "OldInvert", "inputs": {"picture": ["1", 0]}}
    workflow["2"]["inputs"]["images"] = ["5", 0]
    await check_runs(window, await window.submit(workflow))


async def test_missing_file_of_an_unreached_node_is_not_needed(user: BrowserUser) -> None:
    window = await user.open()
    workflow = quick_workflow(random.randrange(1 << 24))
    workflow["7"] = {"class_type": "LoadImage", "inputs": {"image": "not-here.png"}}
    workflow["8"] = {"class_type": "ImageInvert", "inputs": {"image": ["7", 0]}}
    await check_runs(window, await window.submit(workflow))


async def test_upload_of_a_script_runs_again_on_the_other_server(user: BrowserUser) -> None:
    window = await user.open()
    name = await window.call(DRAW_AND_UPLOAD, random.randrange(360))
    workflow = quick_workflow()
    workflow["1"] = {"class_type": "LoadImage", "inputs": {"image": name}}
    first = await check_runs(window, await window.submit(workflow))
    second_id = str(await window.call("mooring.runAgain(a[0], {elsewhere: true})", first["promptId"]))
    second = await check_runs(window, second_id)
    assert {first["executionServer"], second["executionServer"]} == set(SERVERS)


async def test_picture_that_arrives_on_a_server_is_found(user: BrowserUser, tmp_path: Path) -> None:
    window = await user.open()
    photo = make_photo(tmp_path, random.randrange(1000))
    name = f"late-{random.randrange(1 << 24)}.png"
    workflow = quick_workflow()
    workflow["1"] = {"class_type": "LoadImage", "inputs": {"image": name}}
    with pytest.raises(Exception, match="NoServerAvailable"):
        await window.submit(workflow)
    form = aiohttp.FormData()
    form.add_field("image", photo.read_bytes(), filename=name, content_type="image/png")
    async with aiohttp.ClientSession() as session, session.post(f"{ADDRESSES[1]}/upload/image", data=form) as reply:
        assert reply.status == 200
    prompt_id = None
    while prompt_id is None:
        with contextlib.suppress(Error):  # an answer counts for some seconds
            prompt_id = await window.submit(workflow)
    assert (await check_runs(window, prompt_id))["executionServer"] == "real-1"


async def test_spread_runs_use_both_idle_servers(user: BrowserUser) -> None:
    window = await user.open()
    page = window.page
    await drop(page, "plain.json", json.dumps(editor_graph(random.randrange(1 << 24))).encode(), "application/json")
    await page.locator("#field-1-width").fill("96")
    await page.get_by_test_id("run-count").fill("4")
    await page.get_by_test_id("run-count").blur()
    await page.get_by_test_id("run").click()
    await wait_for_js(page, "() => windowTasks.length >= 2")
    tasks = await page.evaluate("windowTasks")
    assert {task["executionServer"] for task in tasks[:2]} == set(SERVERS)
    await wait_for_js(page, "() => windowTasks.length === 4 && windowTasks.every((task) => task.state === 'succeeded')")


async def test_ends_caused_by_another_user_are_named(user: BrowserUser) -> None:
    window = await user.open()
    running = await window.submit(slow_workflow(60))
    await window.wait_state(running, "running")
    waiting = await window.submit(slow_workflow(2))
    await window.wait_state(waiting, "queued")
    server = SERVERS[(await window.task(running))["executionServer"]]
    async with aiohttp.ClientSession() as session:
        await session.post(f"{server.url}/queue", json={"delete": [waiting]})
        await session.post(f"{server.url}/interrupt", json={})
    found = [await window.wait_for(running), await window.wait_for(waiting)]
    assert [(task["state"], task["cause"]) for task in found] == [("cancelled", "interrupted"), ("lost", "removed")]


DRAW_AND_UPLOAD = """(async () => {
  const canvas = new OffscreenCanvas(64, 48);
  const context = canvas.getContext("2d");
  context.fillStyle = `hsl(${a[0]} 60% 50%)`;
  context.fillRect(0, 0, 64, 48);
  const uploaded = await mooring.uploadImage(await canvas.convertToBlob(), "drawn.png");
  return uploaded.subfolder ? `${uploaded.subfolder}/${uploaded.name}` : uploaded.name;
})()"""


def editor_graph(colour: int) -> dict[str, Any]:
    """Return one picture in one step, as the editor saves it."""
    nodes = [
        {
            "id": 1, "type": "EmptyImage", "pos": [0, 0], "size": [300, 130], "mode": 0, "order": 0, "flags": {},
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}], "widgets_values": [64, 48, 1, colour],
        },
        {
            "id": 2, "type": "SaveImage", "pos": [400, 0], "size": [300, 200], "mode": 0, "order": 1, "flags": {},
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}], "widgets_values": ["e2e-real"],
        },
    ]  # fmt: skip
    return {"nodes": nodes, "links": [[1, 1, 0, 2, 0, "IMAGE"]], "groups": [], "version": 0.4}


@pytest.mark.skipif(not RESTART, reason="MOORING_REAL_COMFYUI_RESTART names no command")
async def test_restart_during_a_run_is_reported_as_lost_with_evidence(user: BrowserUser) -> None:
    user.watch.expected.append("Failed to load resource|WebSocket")
    window = await user.open()
    first = await window.submit(quick_workflow(random.randrange(1 << 24)))
    await window.wait_for(first)
    while True:
        prompt_id = await window.submit(slow_workflow(60))
        if (await window.task(prompt_id))["executionServer"] == "real-0":
            break
        await window.call("mooring.cancel(a[0])", prompt_id)
        await window.wait_for(prompt_id)
    await window.wait_state(prompt_id, "running")
    restart = await asyncio.create_subprocess_shell(RESTART)
    assert await restart.wait() == 0
    task = await window.wait_for(prompt_id)
    assert task["state"] == "lost", task
    await window.check()
