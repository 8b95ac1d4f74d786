"""The header's panels: other windows, servers, and what a window holds.

One profile with two windows serves the whole module; real tabs are used only where visibility matters.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import SHORT_LIVED, WITHOUT_LOCKS, wait_for_js
from tests.kit.browser.faults import BROKEN_NETWORK
from tests.kit.browser.tabs import Tab, Tabs, open_tabs
from tests.kit.browser.windows import FIRST_SCRIPT, BrowserUser, MooringWindow, open_user
from tests.kit.browser.work import demo_servers, paused, slow_workflow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

SERVERS = ("demo-1", "demo-2", "demo-3")
OVERFLOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(browser: Browser, gateway: Service) -> AsyncIterator[tuple[MooringWindow, MooringWindow, BrowserUser]]:
    """Two windows of one user, and the user."""
    async with open_user(browser, gateway.url) as user:
        user.watch.expected += BROKEN_NETWORK
        yield await user.open(), await user.open(), user


async def open_panel(window: MooringWindow, name: str) -> Locator:
    """Open a panel by keyboard, and check that it has the focus."""
    await window.page.get_by_test_id(f"open-{name}").focus()
    await window.page.keyboard.press("Enter")
    panel = window.page.get_by_test_id(f"{name}-panel")
    await panel.wait_for()
    await wait_for_js(window.page, "() => document.querySelector('dialog[open]')?.contains(document.activeElement)")
    return panel


async def close_panel(window: MooringWindow, name: str) -> None:
    """Close the panel by Escape, and check that its button has the focus."""
    await window.page.keyboard.press("Escape")
    await window.page.get_by_test_id(f"{name}-panel").wait_for(state="detached")
    await expect(window.page.get_by_test_id(f"open-{name}")).to_be_focused()


async def moored_to(window: MooringWindow) -> str:
    return str((await window.facts())["lockedServer"])


async def test_windows_panel_follows_the_other_window_live(
    pair: tuple[MooringWindow, MooringWindow, BrowserUser],
    gateway: Service,
) -> None:
    first, second, _user = pair
    panel = await open_panel(first, "windows")
    rows = panel.get_by_test_id("window-row")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(0)).to_contain_text("This window")
    await expect(rows.nth(1)).to_contain_text("nothing yet")
    await check_axe(first.page)

    await second.choose_sample("slow")
    async with paused(*demo_servers(gateway)):
        prompt_id = await second.press_run()
        await expect(rows.nth(1)).to_contain_text("1 running")
        await expect(rows.nth(1).locator(".chip")).to_have_text(await moored_to(second))
        assert await first.page.evaluate("document.querySelector('dialog[open]').contains(document.activeElement)")
        await second.press_cancel(prompt_id)
    await expect(rows.nth(1)).to_contain_text("1 ended")
    await expect(rows.nth(1)).to_contain_text("last on")

    await second.choose_small_text()
    await second.card(await second.press_run(), "succeeded").wait_for()
    await expect(rows.nth(1).locator("img")).to_be_visible()
    await close_panel(first, "windows")


async def without_locks(tabs: Tabs, address: str) -> Tab:
    """Open Mooring in a tab without Web Locks, as on a plain HTTP address."""
    tab = await tabs.open("about:blank")
    await tab.send("Page.addScriptToEvaluateOnNewDocument", source=f"{WITHOUT_LOCKS}\n{FIRST_SCRIPT}")
    await tab.send("Page.navigate", url=address)
    await tab.ready()
    return tab


async def test_located_tab_is_marked_until_seen_with_or_without_locks(gateway: Service, tmp_path: Path) -> None:
    async with open_tabs(tmp_path, SHORT_LIVED) as tabs:
        wanted = await without_locks(tabs, f"{gateway.url}/")
        looking = await without_locks(tabs, f"{gateway.url}/")
        await looking.call("document.querySelector('#open-windows').click()")
        await looking.until("document.querySelectorAll('[data-testid=window-row]').length === 2")
        assert await wanted.call("document.visibilityState") == "hidden"
        icon = await wanted.call("document.getElementById('favicon').href")
        await looking.call("document.querySelector('[data-testid=show-window]').click()")
        await wanted.until("document.title === '▶ here · Mooring'")
        assert await wanted.call("document.getElementById('favicon').href") != icon
        assert await wanted.call("document.visibilityState") == "hidden", "no page may come to the front by itself"
        await looking.until("document.querySelector('.window-asked')?.textContent.includes('▶ here')")
        await wanted.bring_to_front()
        await wanted.until("document.title === 'Mooring'")
        await looking.bring_to_front()
        await wanted.send("Page.navigate", url="about:blank")
        await looking.until("document.querySelectorAll('[data-testid=window-row]').length === 1")


async def test_fleet_panel_shows_each_server_and_the_windows_choice(
    pair: tuple[MooringWindow, MooringWindow, BrowserUser],
    gateway: Service,
) -> None:
    first, second, _user = pair
    async with paused(*demo_servers(gateway)):
        prompt_id = await second.submit(slow_workflow(), "Tide")
        await second.card(prompt_id, "running").wait_for()
        server_id = await moored_to(second)
        panel = await open_panel(first, "fleet")
        mine = panel.locator(f"[data-testid=server][data-server={server_id}]")
        await expect(panel.get_by_test_id("server")).to_have_count(3)
        await expect(mine).to_contain_text("Window 2")
        await expect(mine.locator(".device")).to_contain_text("memory free")
        await expect(mine.locator("svg.spark")).to_have_attribute("role", "img")
        await expect(mine).to_contain_text("Busy for")
        await expect(panel.get_by_test_id("timeline")).to_contain_text("Window 2")
        row = panel.get_by_test_id("mooring-row").first
        await expect(row).to_contain_text("Window 2")
        await row.locator("summary").click()
        await expect(row.locator(".loads li")).to_have_count(3)
        await check_axe(first.page)
        await close_panel(first, "fleet")
        await second.press_cancel(prompt_id)


async def test_window_uses_preferred_and_skips_avoided_servers(
    pair: tuple[MooringWindow, MooringWindow, BrowserUser],
    gateway: Service,
) -> None:
    first, _second, _user = pair
    panel = await open_panel(first, "fleet")
    for server_id, leaning in zip(SERVERS, ("avoid", "", "prefer"), strict=True):
        await panel.locator(f"#lean-{server_id}").select_option(leaning)
    await close_panel(first, "fleet")
    async with paused(*demo_servers(gateway)):
        await first.choose_sample("slow")
        prompt_id = await first.press_run()
        assert await moored_to(first) == "demo-3"
        await first.press_on(first.card(prompt_id), "opens")
        await expect(first.card(prompt_id)).to_contain_text("demo-3 is preferred by this window.")
        await expect(first.card(prompt_id)).to_contain_text("this window avoids it")
        await first.press_cancel(prompt_id)

        panel = await open_panel(first, "fleet")
        await panel.locator("#lean-demo-1").select_option("only")
        await close_panel(first, "fleet")
        await first.reload()
        panel = await open_panel(first, "fleet")
        await expect(panel.locator("#lean-demo-3")).to_have_value("prefer")
        await close_panel(first, "fleet")
        await expect(first.page.get_by_test_id("where")).to_have_value("demo-1")
        await expect(first.page.get_by_test_id("server-chip")).to_contain_text(
            re.compile(r"demo-1\s*Chosen for the next run")
        )
        assert (await first.facts())["lockedServer"] is None, "a choice binds nothing"
        prompt_id = await first.press_run()
        assert await moored_to(first) == "demo-1"
        await first.press_cancel(prompt_id)
    panel = await open_panel(first, "fleet")
    for server_id in SERVERS:
        await panel.locator(f"#lean-{server_id}").select_option("")
    await close_panel(first, "fleet")


async def test_failing_server_is_counted_and_shown_with_its_cause(
    pair: tuple[MooringWindow, MooringWindow, BrowserUser],
) -> None:
    first, _second, _user = pair
    fault = (
        "(fault) => fetch('/demo/break', {method: 'POST', headers: {'content-type': 'application/json'}, body: fault})"
    )
    panel, badge = first.page.get_by_test_id("fleet-panel"), first.page.locator("#open-fleet .ill")
    ill = panel.locator("[data-testid=server][data-server=demo-2]")
    await first.page.evaluate(fault, '{"server": "demo-2", "fault": "kill"}')
    try:
        await expect(badge).to_contain_text("1 server is not well")
        await open_panel(first, "fleet")
        await expect(ill).to_contain_text("Not running")
        await expect(ill.locator(".message-advice")).to_be_visible()
        await check_axe(first.page)
    finally:  # other modules use it too
        await first.page.evaluate(fault, '{"server": "demo-2", "fault": "start"}')
    await expect(ill).to_have_attribute("data-health", "well")
    await expect(badge).to_have_count(0)
    await close_panel(first, "fleet")


async def test_panels_are_sheets_without_overflow_on_a_phone(
    pair: tuple[MooringWindow, MooringWindow, BrowserUser],
) -> None:
    first, _second, _user = pair
    page = first.page
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.emulate_media(color_scheme="dark")
    await page.get_by_test_id("open-settings").click()
    await page.locator("#setting-language").select_option("zh-CN")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect_sheets(first)
    await page.emulate_media(color_scheme="light")
    await page.goto(f"{page.url.partition('?')[0]}?lang=pseudo")
    await first.ready()
    await expect_sheets(first)


async def expect_sheets(window: MooringWindow) -> None:
    page = window.page
    assert not await page.evaluate(OVERFLOW)
    for opener, name in (("server-chip", "fleet"), ("open-windows", "windows")):
        await page.get_by_test_id(opener).click()
        panel = page.get_by_test_id(f"{name}-panel")
        await panel.locator("[data-testid=server], .window-row").first.wait_for()
        assert not await page.evaluate(OVERFLOW)
        wide = await panel.locator(".drawer-body").evaluate("(body) => body.scrollWidth - body.clientWidth")
        assert wide <= 0
        await panel.evaluate("(panel) => Promise.all(panel.getAnimations().map((each) => each.finished))")
        box = await panel.bounding_box()
        assert box is not None and (box["width"], box["height"]) == (360, 740)
        await check_axe(page)
        await page.keyboard.press("Escape")
        await panel.wait_for(state="detached")
        await expect(page.get_by_test_id(opener)).to_be_focused()
