"""Many runs of one click in a real browser: they wait in the window, survive a reload, and each runs once."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.faults import until
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import ask_server, break_server
from tests.kit.module_gateways import a_server, gateway_of_server
from tests.kit.services import ROOT, Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

ARTIFACTS = ROOT / "tests" / "artifacts"
ITEM = "[data-testid=waiting-item][data-state=waiting]"
IS_GONE = """(id) => new Promise((resolve) => {
  const open = indexedDB.open("mooring");
  open.onsuccess = () => {
    const asked = open.result.transaction("waiting").objectStore("waiting").getKey(id);
    asked.onsuccess = () => { open.result.close(); resolve(asked.result === undefined); };
  };
})"""

SUCCEEDED = "(count) => windowTasks.filter(({ state }) => state === 'succeeded').length === count"

server = a_server("--step-seconds", "0.01")
gateway = gateway_of_server


async def ask_for(window: MooringWindow, count: int) -> None:
    """Add this many runs of a small picture to the waiting line."""
    page = window.page
    await window.choose_sample("text")
    for name in ("width", "height"):
        await page.locator(f"#field-1-{name}").fill("64")
    await page.locator("[data-testid=run-count]").fill(str(count))
    await page.locator("[data-testid=run-count]").blur()
    await page.locator("[data-testid=run]").click()


async def waiting(page: Page) -> list[str]:
    """Return the prompt_ids of the waiting runs in order."""
    return list(await page.locator(ITEM).evaluate_all("(items) => items.map((item) => item.dataset.promptId)"))


async def wait_until_two_are_ahead(page: Page, count: int, *, sent: int = 2) -> list[str]:
    """Wait until two runs are sent, `sent` with earlier ones, and return the others."""
    await page.mouse.move(0, 0)  # the queue keeps still under the pointer
    await expect(page.locator("[data-testid=task-card]")).to_have_count(sent)
    await expect(page.locator(ITEM)).to_have_count(count)
    return await waiting(page)


async def test_waiting_runs_are_ordered_survive_a_reload_and_run_once(user: BrowserUser, server: Service) -> None:
    window = await user.open()
    page = window.page
    before = (await break_server(server, dead_worker=True))["submits"]
    await ask_for(window, 6)
    order = await wait_until_two_are_ahead(page, 4)
    await expect(page.locator("[data-testid=waiting-words]")).to_contain_text("Keep this page open")
    await page.locator("[data-testid=line-pause]").click()
    await page.locator("[data-testid=line-resume]").wait_for()
    await window.press_on(page.locator(f"#waiting-{order[2]}"), "line-up")
    await expect(page.locator(ITEM).nth(1)).to_have_attribute("data-prompt-id", order[2])
    await window.press_on(page.locator(f"#waiting-{order[0]}"), "line-down")
    await expect(page.locator(ITEM).first).to_have_attribute("data-prompt-id", order[2])
    await page.locator(f"#waiting-{order[3]} [data-action=line-remove]").click()
    await expect(page.locator(ITEM)).to_have_count(3)
    await check_axe(page)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=ARTIFACTS / "waiting.png")
    await page.mouse.move(0, 0)  # the notice stays under the pointer
    await until(lambda: page.evaluate(IS_GONE, order[3]))  # until then a reload restores the removed run
    await window.reload()
    await expect(page.locator(ITEM)).to_have_count(3)
    order = [order[2], order[0], order[1]]
    assert await waiting(page) == order
    await break_server(server, dead_worker=False)
    await wait_for_js(page, SUCCEEDED, arg=2)
    assert await waiting(page) == order, "the line is still paused"
    await break_server(server, dead_worker=True)
    await page.locator("[data-testid=line-resume]").click()
    assert await wait_until_two_are_ahead(page, 1, sent=4) == order[2:]
    await break_server(server, dead_worker=False)
    await expect(page.locator("#waiting")).to_be_empty()
    await wait_for_js(page, SUCCEEDED, arg=5)
    tasks = (await window.facts())["tasks"]
    assert [task["state"] for task in tasks] == ["succeeded"] * 5
    assert list(await ask_server(server, "/history"))[-3:] == order
    assert (await ask_server(server, "/demo/faults"))["submits"] - before == 5


async def test_waiting_runs_of_a_closed_window_are_adopted(user: BrowserUser, server: Service) -> None:
    window = await user.open()
    await break_server(server, dead_worker=True)
    await ask_for(window, 4)
    await wait_until_two_are_ahead(window.page, 2)
    await window.page.locator("[data-testid=line-pause]").click()
    await window.page.locator("[data-testid=line-resume]").wait_for()
    heir = await user.open()
    await window.page.close()  # the other window detects this without a reload
    await heir.show_left()
    await heir.page.locator("[data-testid=line-adopt]").click()
    await expect(heir.page.locator(ITEM)).to_have_count(2)
    await expect(heir.page.locator("[data-testid=line-resume]")).to_be_visible()
    await heir.press_on(heir.page.locator("#waiting"), "line-clear")
    await expect(heir.page.locator("#waiting")).to_be_empty()
