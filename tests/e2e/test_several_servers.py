"""Three windows of one real tab: three servers work for one waiting line, through a reload of the page."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.faults import Fleet
from tests.kit.browser.windows import MooringWindow
from tests.kit.module_gateways import gateway_of_fleet

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

SERVERS = {"a", "b", "c"}

gateway = gateway_of_fleet


async def add_lines(page: Page, count: int) -> None:
    """Add this many runs of small pictures for three servers to the waiting line; wait until each has two."""
    for name, value in (("steps", "1"), ("width", "64"), ("height", "64")):
        await page.locator(f"#field-1-{name}").fill(value)
    await page.get_by_test_id("open-many").click()
    await page.get_by_test_id("many-text").fill("\n".join(f"dune {number}" for number in range(count)))
    await page.get_by_test_id("many-senders").select_option("3")
    await page.get_by_test_id("many-add").click()
    await page.mouse.move(0, 0)  # under the pointer, rows of sent runs would stay where they waited
    await expect(page.locator("[data-testid=own-window][data-count='2']")).to_have_count(3)


async def servers_of(page: Page, part: str) -> set[str | None]:
    """Return the servers that the cards of a part of the page name."""
    cards = page.locator(f"{part} [data-testid=task-card]")
    return set(await cards.evaluate_all("(cards) => cards.map((card) => card.dataset.server)"))


async def test_batch_on_three_servers_survives_a_reload(window: MooringWindow, fleet: Fleet) -> None:
    page = window.page
    await window.choose_sample("text")
    await fleet.stop_workers()
    await add_lines(page, 9)
    windows = await page.get_by_test_id("own-window").all()
    assert {await item.get_attribute("data-server") for item in windows} == SERVERS
    await expect(page.locator("#now [data-testid=task-card]")).to_have_count(6)
    assert await servers_of(page, "#now") == SERVERS
    facts = await window.facts()
    sessions = [facts, *facts["crew"]]
    assert [len(item["tasks"]) for item in sessions] == [2, 2, 2]
    owners = {facts["windowId"], f"{facts['windowId']}+1", f"{facts['windowId']}+2"}
    assert {task["owner"] for task in await window.call("windowTasks")} == owners

    await window.reload()
    await expect(page.get_by_test_id("server-chip")).to_contain_text("3 servers")
    await fleet.start_workers()
    await wait_for_js(page, "() => windowTasks.filter(({ state }) => state === 'succeeded').length === 9")
    tasks = await window.call("Promise.all(windowTasks.map((task) => mooring.waitFor(task.promptId)))")
    assert {task["owner"] for task in tasks} == owners
    assert {task["executionServer"] for task in tasks} == SERVERS
    assert len({task["promptId"] for task in tasks}) == 9
    assert {output["delivery"] for task in tasks for output in task["outputs"]} == {"kept"}
    await window.check()


async def test_batch_on_three_servers_is_cancelled(window: MooringWindow, fleet: Fleet) -> None:
    page = window.page
    await window.choose_sample("text")
    await fleet.stop_workers()
    await add_lines(page, 40)
    theirs = "windowTasks.filter((task) => task.state === 'queued').at(-1).promptId"
    state = await page.evaluate(f"mooring.cancel({theirs})")
    assert state["executionServer"] in SERVERS, "a script reaches the work of each"
    await page.get_by_test_id("line-spread").select_option("2")
    await page.get_by_test_id("ask-cancel-mine").click()
    await page.get_by_test_id("cancel-mine").click()
    await expect(page.locator("#now [data-testid=task-card]")).to_have_count(0)
    cancelled = page.locator("#results [data-testid=task-card][data-state=cancelled]")
    assert {await card.get_attribute("data-server") for card in await cancelled.all()} == SERVERS
    await expect(cancelled.first).to_be_visible()
    await wait_for_js(page, "document.title.startsWith('Mooring · last on ')")
    await fleet.start_workers()
