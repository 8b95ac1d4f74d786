"""Work on servers that are killed, restarted, cleared or deaf, in a real browser (promises 5 to 8)."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Route, expect

from tests.kit.browser.chromium import held, wait_for_js
from tests.kit.browser.faults import (
    BROKEN_NETWORK,
    Fleet,
    cancel_prompts,
    expect_no_violation,
    post_server,
    until,
)
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import ask_server, load_server, paused, runs_of, slow_workflow
from tests.kit.module_gateways import gateway_of_fleet
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

gateway = gateway_of_fleet


def evidence(task: dict[str, Any]) -> list[str]:
    """Return the kinds of a task's notes, except that its server lost its history, which each test begins without."""
    return [note["kind"] for note in task["notes"] if note["kind"] != "server_changed"]


async def test_killed_server_is_waited_for_and_the_loss_is_reported(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow
) -> None:
    """With one task running and one waiting behind it."""
    module_user.watch.expected += BROKEN_NETWORK
    workflows = [slow_workflow(), slow_workflow()]
    async with paused(*fleet.up.values()):
        ids = [await window.submit(workflow) for workflow in workflows]
        for prompt_id, state in zip(ids, ("running", "queued"), strict=True):
            await window.wait_state(prompt_id, state)
        server_id = (await window.task(ids[0]))["executionServer"]
        (other,) = set(fleet.ports) - {server_id}
        before = await fleet.submits()

        fleet.kill(server_id)
        for prompt_id in ids:
            await window.wait_state(prompt_id, "unreachable")
            await expect(window.card(prompt_id)).to_contain_text(f"{server_id} does not answer")
        assert (await window.facts())["lockedServer"] == server_id
        await expect_no_violation(window)
        fleet.start(server_id)

    for prompt_id in ids:
        await window.wait_state(prompt_id, "lost")
        card = window.card(prompt_id, "lost")
        await expect(card).to_contain_text(f"{server_id} answers, but has it neither in its queue nor in its history.")
    assert await fleet.submits() == {server_id: 0, other: before[other]}, "one was sent twice"
    assert (await window.facts())["lockedServer"] is None
    await expect_no_violation(window)

    for prompt_id, workflow in zip(ids, workflows, strict=True):
        second_id = str(await window.call("mooring.runAgain(a[0])", prompt_id))
        assert (await window.task(second_id))["againOf"] == prompt_id
        await fleet.expect_delivered(window, second_id, workflow)
        assert (await window.task(prompt_id))["state"] == "lost"


async def test_press_waits_if_its_prompt_could_not_be_sent(user: BrowserUser, fleet: Fleet) -> None:
    """Its server is killed when the prompt leaves the page, before any probe can notice."""
    user.watch.expected += BROKEN_NETWORK
    window = await user.open()
    page, tried = window.page, list[str]()
    await window.choose_small_text()
    await page.get_by_test_id("where").select_option("a")

    async def kill_first(route: Route) -> None:
        if not tried:
            tried.append(json.loads(route.request.post_data or "")["prompt_id"])
            fleet.kill("a")
        await route.continue_()

    await page.route("**/prompt", kill_first)
    await page.locator("[data-testid=run]:enabled").click()
    await expect(page.get_by_test_id("waiting-item")).to_have_count(1)
    await wait_for_js(page, "windowTasks.length === 0")
    # Until the next probe by the failed request, then by the server's condition.
    await expect(page.locator("#line-stalled-by")).to_contain_text(re.compile("a cannot be reached|a: no connection"))
    await expect(page.locator(".run-card.is-bad")).to_have_count(0)
    server = fleet.start("a")
    await wait_for_js(page, "windowTasks.some((task) => task.state === 'succeeded')")
    ((prompt_id, server_id),) = await window.call("windowTasks.map((task) => [task.promptId, task.executionServer])")
    assert prompt_id not in tried and server_id == "a"
    assert await runs_of(server, prompt_id) == 1 and sum((await fleet.submits()).values()) == 1


async def test_server_killed_before_delivery_delivers_after_restart(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow
) -> None:
    module_user.watch.expected += BROKEN_NETWORK
    killed: list[str] = []

    async def kill_first(route: Route) -> None:
        if not killed:
            killed.append((await window.facts())["tasks"][-1]["executionServer"])
            fleet.kill(killed[0])
        await route.continue_()

    await window.page.route("**/view?*", kill_first)
    workflow = slow_workflow()
    prompt_id = await window.submit(workflow)
    card = window.card(prompt_id, "succeeded")
    await expect(card).to_contain_text("Being fetched …")
    assert (await window.facts())["lockedServer"] is None, "a task that waits for delivery holds no window"
    await window.reload()
    await expect(card).to_contain_text("Being fetched …")
    await expect_no_violation(window)

    (server_id,) = killed
    fleet.start(server_id)
    assert (await fleet.expect_delivered(window, prompt_id, workflow))["executionServer"] == server_id
    assert (await fleet.submits())[server_id] == 0
    await expect(card.locator("[data-testid=result][data-delivery=kept]")).to_be_visible()


async def test_submit_without_answer_is_found_by_polling(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow
) -> None:
    """Its answer is lost, and later the page is reloaded before an answer comes."""
    module_user.watch.expected += BROKEN_NETWORK
    await fleet.break_all(next_submit="lost")
    workflow = slow_workflow()
    prompt_id = await window.submit(workflow)
    task = await fleet.expect_delivered(window, prompt_id, workflow)
    assert "unclear" in [note["kind"] for note in task["notes"]]
    assert sum((await fleet.submits()).values()) == 1

    await fleet.break_all(next_submit="silence")
    workflow = slow_workflow()

    async def has_arrived() -> bool:
        return sum((await fleet.submits()).values()) == 2

    async with paused(*fleet.up.values()):
        await window.page.evaluate("(workflow) => void mooring.submitWorkflow(workflow)", workflow)
        await until(has_arrived)
        before = (await window.call("windowTasks"))[-1]
        assert before["promptId"] != prompt_id
        assert before["state"] in {"registered", "running"}
        await window.reload()
    task = await fleet.expect_delivered(window, before["promptId"], workflow)
    assert task["executionServer"] == before["executionServer"]
    assert sum((await fleet.submits()).values()) == 2


async def test_lost_submit_is_reported_and_not_repeated(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow
) -> None:
    module_user.watch.expected += BROKEN_NETWORK
    await fleet.break_all(next_submit="unsent")
    workflow = slow_workflow()
    async with held(window.page, "**/history/*"):  # unclear until the server has been asked twice
        prompt_id = await window.submit(workflow)
        await window.wait_state(prompt_id, "unclear")
        server_id = (await window.facts())["lockedServer"]
        assert server_id == (await window.task(prompt_id))["executionServer"], "it may still run there"
        await expect(window.card(prompt_id)).to_contain_text(f"No clear answer from {server_id}")
        await expect(window.card(prompt_id)).to_contain_text("and not sent a second time")
    await window.wait_state(prompt_id, "lost")
    notes = evidence(await window.task(prompt_id))
    assert notes[-3:] == ["unclear", "absent", "absent_again"]
    assert sum((await fleet.submits()).values()) == 1
    assert fleet.runs(workflow) == {}
    await expect_no_violation(window)


async def test_deaf_socket_is_detected_and_reopened(fleet: Fleet, window: MooringWindow) -> None:
    workflow = slow_workflow()
    async with paused(*fleet.up.values()):
        others = {server_id: await load_server(server, 1) for server_id, server in fleet.up.items()}
        prompt_id = await window.submit(workflow)
        await window.wait_state(prompt_id, "queued")
        await window.connected()
        async with window.page.expect_request("**/queue") as polled:  # the page knows by this socket that it waits
            pass
        await (await polled.value).response()
        before = await window.call("debugWebSocketLock()")
        server = fleet[before["lockedServer"]]
        await deafen(server, before["clientId"])
        await cancel_prompts(server, others[before["lockedServer"]])
        await window.wait_state(prompt_id, "running")

        await wait_for_js(window.page, "(n) => debugWebSocketLock().reconnects > n", arg=before["reconnects"])
        await until(lambda: receives_events(server, before["clientId"]))
        bundle = await window.call("mooring.debugBundle()")
        assert '"cause": "deaf"' in json.dumps(bundle)
        after = await window.call("debugWebSocketLock()")
        assert (after["clientId"], after["lockedServer"]) == (before["clientId"], before["lockedServer"])
        async with paused(server, at_step=3):
            await window.wait_progress(prompt_id)
    await fleet.expect_delivered(window, prompt_id, workflow)


async def deafen(server: Service, client_id: str) -> None:
    """Open and close a second socket under a client_id: ComfyUI forgets the first one, which stays open."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.url}/ws?clientId={client_id}") as socket,
    ):
        await socket.receive()
    assert not await receives_events(server, client_id)


async def receives_events(server: Service, client_id: str) -> bool:
    """Return whether the server's events for a client arrive at a socket."""
    sockets = (await ask_server(server, "/demo/faults"))["sockets"]
    assert client_id in sockets["open"] or not sockets["open"]
    return client_id in sockets["hearing"]


async def test_success_survives_a_cleared_history(fleet: Fleet, window: MooringWindow) -> None:
    workflow = slow_workflow()
    async with contextlib.AsyncExitStack() as polls:  # held until the end has been reported and the history cleared
        async with paused(*fleet.up.values()):
            prompt_id = await window.submit(workflow)
            await window.wait_state(prompt_id, "running")
            server = fleet[(await window.facts())["lockedServer"]]
            await polls.enter_async_context(held(window.page, "**/queue", "**/history/*"))

        async def is_in_history() -> bool:
            return prompt_id in await ask_server(server, f"/history/{prompt_id}")

        await until(is_in_history)
        await post_server(server, "/history", {"clear": True})
        await wait_for_js(
            window.page, "(id) => windowTasks.at(-1).notes.some((note) => note.kind === 'told_end')", arg=prompt_id
        )

    task = await fleet.expect_delivered(window, prompt_id, workflow)
    assert evidence(task)[-3:] == ["told_end", "absent", "absent_again"]
    assert not await is_in_history()
