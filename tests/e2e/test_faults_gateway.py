"""Work while the gateway or the network is down, or the fleet has another address for its server."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, expect

from tests.kit.browser.faults import BROKEN_NETWORK, Fleet, KillableGateway, expect_no_violation, until
from tests.kit.browser.windows import open_user
from tests.kit.browser.work import ask_server, break_server, paused, slow_workflow

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]


ABILITY = re.compile("/servers/[^/]+/(features|node_replacements)")  # what a server can do: about no one window's work


@pytest.fixture
def gateway(killable_gateway: KillableGateway) -> KillableGateway:
    return killable_gateway


async def test_killed_gateway_loses_no_work(browser: Browser, gateway: KillableGateway, fleet: Fleet) -> None:
    async with open_user(browser, gateway.url) as user:
        user.watch.expected += BROKEN_NETWORK
        window = await user.open()
        workflow = slow_workflow()
        await fleet.stop_workers()
        prompt_id = await window.submit(workflow)
        await window.wait_state(prompt_id, "queued")
        await window.connected()
        before = await window.call("debugWebSocketLock()")
        server_id = before["lockedServer"]

        gateway.kill()
        await window.wait_state(prompt_id, "unreachable")
        notice = window.page.locator(".message-title", has_text="Mooring's gateway does not answer.")
        await notice.wait_for()
        await expect(window.card(prompt_id)).to_contain_text("Not asked about now")
        await expect(window.page.locator("main")).not_to_contain_text(f"{server_id} does not answer")
        assert (await window.facts())["lockedServer"] == server_id
        await expect_no_violation(window)

        gateway.start()
        await notice.wait_for(state="detached")
        await window.wait_state(prompt_id, "queued")
        await fleet.start_workers()
        task = await fleet.expect_delivered(window, prompt_id, workflow)
        after = await window.call("debugWebSocketLock()")
        assert task["executionServer"] == server_id
        assert (after["windowId"], after["clientId"]) == (before["windowId"], before["clientId"])
        assert after["reconnects"] > before["reconnects"]
        assert sum((await fleet.submits()).values()) == 1


async def test_submit_whose_answer_was_lost_with_the_gateway_is_found(
    browser: Browser, gateway: KillableGateway, fleet: Fleet
) -> None:
    async with open_user(browser, gateway.url) as user:
        user.watch.expected += BROKEN_NETWORK
        window = await user.open()
        await fleet.break_all(next_submit="silence")
        workflow = slow_workflow()

        async def has_arrived() -> bool:
            return sum((await fleet.submits()).values()) == 1

        async with paused(*fleet.up.values()):
            await window.page.evaluate("(workflow) => void mooring.submitWorkflow(workflow)", workflow)
            await until(has_arrived)
            (task,) = await window.call("windowTasks")
            gateway.kill()
            await window.wait_state(task["promptId"], "unclear", "unreachable")
            assert (await window.facts())["lockedServer"] == task["executionServer"]
        gateway.start()
        await fleet.expect_delivered(window, task["promptId"], workflow)
        assert sum((await fleet.submits()).values()) == 1


async def test_changed_address_needs_the_users_confirmation(
    browser: Browser, gateway: KillableGateway, fleet: Fleet
) -> None:
    async with open_user(browser, gateway.url) as user:
        user.watch.expected += BROKEN_NETWORK
        window = await user.open()
        workflow = slow_workflow()
        await fleet.stop_workers()
        prompt_id = await window.submit(workflow)
        await window.wait_state(prompt_id, "queued")
        server_id = (await window.facts())["lockedServer"]
        (other,) = set(fleet.ports) - {server_id}
        old_base = str(await window.call("mooring.getApiBaseUrl()"))
        sent: list[str] = []
        gateway.kill()
        window.page.on("request", lambda request: note_sent(sent, request.url, old_base))
        window.page.on("websocket", lambda socket: note_sent(sent, socket.url, old_base))
        gateway.start(**{server_id: fleet[other].url, other: fleet[server_id].url})
        await window.wait_state(prompt_id, "unreachable_moved")
        card = window.card(prompt_id)
        await expect(card).to_contain_text(f"{server_id} is no longer at the address that has this work")
        await expect(card).to_contain_text(f"{fleet[server_id].url} → {fleet[other].url}")
        refusal = await window.call("fetch(a[0]).then(async (it) => [it.status, await it.json()])", f"{old_base}/queue")
        assert (refusal[0], refusal[1]["error"]["cause"]) == (409, "server-moved"), "an older page"
        refused = "mooring.submitWorkflow(a[0]).catch((error) => error.name)"
        assert await window.call(refused, slow_workflow()) == "ServerMoved", "the window stays with its server"
        await window.call("mooring.lookAgain(a[0])", prompt_id)
        assert (await window.task(prompt_id))["state"] == "unreachable_moved"
        assert sent == []
        assert (await fleet.submits())[other] == 0
        await expect_no_violation(window)
        await window.reload()
        await window.wait_state(prompt_id, "unreachable_moved")
        assert sent == []

        gateway.kill()
        alias = fleet[server_id].url.replace("127.0.0.1", "localhost")
        gateway.start(**{server_id: alias})
        await expect(card).to_contain_text(f"→ {alias}")
        await card.get_by_test_id("ask-same-server").click()
        await window.page.get_by_test_id("confirm-same-server").click()
        await fleet.start_workers()
        task = await fleet.expect_delivered(window, prompt_id, workflow)
        assert task["executionServer"] == server_id
        assert sum((await fleet.submits()).values()) == 1
        assert sent, "from then on"


def note_sent(sent: list[str], address: str, old_base: str) -> None:
    """Record what a page sends or asks about work, except at the old address, which the gateway refuses."""
    path = urlsplit(address).path
    if path.startswith("/servers/") and f"{old_base}/" not in address and not ABILITY.fullmatch(path):
        sent.append(address)


async def test_offline_minute_ends_no_task_and_socket_reconnects(
    browser: Browser, gateway: KillableGateway, fleet: Fleet
) -> None:
    async with open_user(browser, gateway.url) as user:
        user.watch.expected += BROKEN_NETWORK
        profile = await user.new_profile()
        window = await user.open()
        workflow, later = slow_workflow(), slow_workflow(40)
        await fleet.stop_workers()
        prompt_id = await window.submit(workflow)
        await window.wait_state(prompt_id, "queued")
        later_id = await window.submit(later)  # with it the window stays bound until it is online again
        await window.connected()
        before = await window.call("debugWebSocketLock()")
        server = fleet[before["lockedServer"]]

        await profile.set_offline(True)
        await break_server(server, drop_sockets=True)  # the browser's own switch does not close open sockets
        await window.wait_state(prompt_id, "unreachable")
        await expect(window.page.locator("[data-testid=notice][data-kind=offline]")).to_contain_text(
            "The browser says that this device is offline."
        )

        async def has_ended() -> bool:
            return prompt_id in await ask_server(server, f"/history/{prompt_id}")

        await fleet.start_workers()
        await until(has_ended)
        await fleet.stop_workers()
        assert (await window.task(prompt_id))["state"] == "unreachable", "nothing but the server ends a task"
        assert (await window.facts())["lockedServer"] == before["lockedServer"]
        await expect_no_violation(window)

        await profile.set_offline(False)
        await window.connected()
        after = await window.call("debugWebSocketLock()")
        assert (after["lockedServer"], after["clientId"]) == (before["lockedServer"], before["clientId"])
        assert after["reconnects"] > before["reconnects"]
        await fleet.start_workers()
        await fleet.expect_delivered(window, prompt_id, workflow)
        await fleet.expect_delivered(window, later_id, later)
        assert sum((await fleet.submits()).values()) == 2
        await window.page.locator("[data-testid=notice][data-kind=offline]").wait_for(state="detached")
