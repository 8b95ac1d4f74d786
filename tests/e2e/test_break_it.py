"""*Break it* in a real browser: a server is killed and started from the page, and the promises hold."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import demo_servers, paused, slow_workflow
from tests.kit.module_gateways import a_gateway
from tests.kit.services import Service

pytestmark = pytest.mark.asyncio(loop_scope="session")

# The browser logs each answer of the gateway about the unreachable server.
UNREACHABLE = (r"status of 50[24] ", r"WebSocket connection to ")

gateway = a_gateway(demo=2)  # its own, since a server is killed


def row(window: MooringWindow, fault: str) -> Locator:
    """Return the row of a fault in the panel."""
    return window.page.locator(f"[data-testid=fault][data-name={fault}]")


async def open_panel(window: MooringWindow) -> None:
    """Open the panel by keyboard, if it is not open."""
    if await window.page.locator("#break-it").get_attribute("open") is None:
        await window.page.locator("#break-it > summary").press("Enter")
    await row(window, "kill").get_by_role("button").wait_for()


async def test_killed_server_keeps_its_work_and_other_window_is_unaffected(
    window: MooringWindow, module_user: BrowserUser, gateway: Service
) -> None:
    module_user.watch.expected.extend(UNREACHABLE)
    other = await module_user.open()
    async with paused(*demo_servers(gateway, 2)):
        prompt_id, theirs = await window.submit(slow_workflow()), await other.submit(slow_workflow())
        await window.wait_state(prompt_id, "running")
        mine, its = [(await each.task(one))["executionServer"] for each, one in ((window, prompt_id), (other, theirs))]
        assert mine != its

        await open_panel(window)
        await expect(window.page.locator(f"[data-testid=break-server][value={mine}]")).to_be_checked()
        kill = row(window, "kill").get_by_role("button")
        await kill.press("Enter")
        now = window.page.get_by_test_id("broken-now")
        await expect(now).to_have_text(f"{mine} killed")
        await expect(other.page.get_by_test_id("broken-now")).to_have_text(f"{mine} killed")
        await expect(window.card(prompt_id)).to_contain_text(f"{mine} does not answer")
        assert (await window.facts())["lockedServer"] == mine
        await other.wait_state(theirs, "running")

        await expect(kill).to_have_text("Start it again")
        await expect(kill).to_be_focused()
        await kill.press("Enter")
        await expect(now).to_have_text("Nothing is broken now.")
        await expect(window.card(prompt_id, "lost")).to_contain_text("Lost")
        assert (await window.task(prompt_id))["executionServer"] == mine
        assert (await window.facts())["lockedServer"] is None
    assert (await other.wait_for(theirs))["state"] == "succeeded"
    assert (await other.task(theirs))["executionServer"] == its
    for each in (window, other):
        await each.check()


async def test_open_panel_is_accessible_and_fits_a_phone(window: MooringWindow) -> None:
    await window.page.set_viewport_size({"width": 360, "height": 780})
    await window.show("now")
    await open_panel(window)
    await row(window, "refuse-next").get_by_role("button").click()
    await expect(row(window, "refuse-next").get_by_role("button")).to_have_text("Take it back")
    await check_axe(window.page)
    assert await window.page.evaluate("document.documentElement.scrollWidth") == 360
    await window.page.get_by_test_id("break-reset").click()
    await expect(window.page.get_by_test_id("broken-now")).to_have_text("Nothing is broken now.")
