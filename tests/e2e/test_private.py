"""A private window in a real browser: its results are shown and can be saved, and are never stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import demo_servers, paused, slow_workflow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

TEXT = "a harbour nobody shall know of"
# Everything that this origin stores: all rows of all stores, with sizes in place of Blobs, and both storages.
STORED = """async () => {
  const wait = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const found = { session: { ...sessionStorage }, local: { ...localStorage } };
  for (const { name } of await indexedDB.databases()) {
    const database = await wait(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      const objects = database.transaction(store).objectStore(store);
      const keys = await wait(objects.getAllKeys());
      found[`${name} ${store}`] = (await wait(objects.getAll())).map((row, place) => [keys[place], row]);
    }
    database.close();
  }
  return JSON.stringify(found, (_, value) => value instanceof Blob ? `${value.size} bytes` : value);
}"""


async def read_everything(page: Page) -> dict[str, Any]:
    """Return everything that is stored in this browser, by store."""
    found: dict[str, Any] = json.loads(await page.evaluate(STORED))
    return found


async def private_window(user: BrowserUser) -> MooringWindow:
    """Open a private window from another one as a user does."""
    ordinary = await user.open()
    await ordinary.page.keyboard.press("Control+K")
    await ordinary.page.keyboard.type("private window")
    async with ordinary.page.expect_popup() as opened:
        await ordinary.page.keyboard.press("Enter")
    window = MooringWindow(await opened.value)
    await window.ready()
    await expect(window.page.get_by_test_id("private-mark")).to_be_visible()
    await expect(ordinary.page.get_by_test_id("private-mark")).to_have_count(0)
    return window


async def test_private_window_delivers_after_reload_and_stores_none(user: BrowserUser, gateway: Service) -> None:
    window = await private_window(user)
    page = window.page
    assert "private" not in page.url
    await expect(page.locator("#results")).to_contain_text("A private window")
    await check_axe(page)
    async with paused(*demo_servers(gateway)):
        running = await window.submit(slow_workflow(text=TEXT))
        await window.wait_state(running, "running")
        assert TEXT not in json.dumps(await read_everything(page))
        await window.reload()
    await expect(page.get_by_test_id("private-mark")).to_be_visible()
    await window.card(running, "succeeded").locator("img").wait_for()
    assert len((await window.facts())["tasks"]) == 1

    await window.choose_sample("text")
    await page.locator("#field-1-text").fill(TEXT)
    done = await window.press_run()
    await window.card(done, "succeeded").locator("img").wait_for()
    assert await window.call("checkServerSwitchRisk()") is False
    await page.locator("[data-action=album]").click()
    cell = page.locator("#album-grid [role=option] img").first
    await cell.wait_for()
    await wait_for_js(page, "document.querySelector('#album-grid [role=option] img').naturalWidth > 0")
    kept = await read_everything(page)
    for secret in (TEXT, running, done, "DemoSampler", "mooring_0"):
        assert secret not in json.dumps(kept), f"{secret} is stored"
    assert [name for name, rows in kept.items() if name.endswith((" tasks", " results", " thumbnails")) and rows] == []

    await window.reload()
    await expect(page.get_by_test_id("private-mark")).to_be_visible()
    assert (await window.facts())["tasks"] == []
    await window.choose_sample("text")
    await expect(page.locator("#field-1-text")).not_to_have_value(TEXT)
