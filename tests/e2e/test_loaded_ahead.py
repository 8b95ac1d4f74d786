"""A window that the browser loads ahead, because the pointer rests on a link that would open it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.kit.browser.cdp import BareChromium, BareTab, open_bare_chromium
from tests.kit.browser.chromium import wait_for_drawing, wait_for_snapshot
from tests.kit.browser.work import quick_workflow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

READY = "globalThis.mooring && mooring.ready.then(() => document.body.matches(':not(.is-booting)'))"
LINK = "#open-window"
WAITS = "document.prerendering && performance.getEntriesByName('mooring-begun').length > 0"  # Python runs, and waits
# What this browser has stored for Mooring, and the locks that its windows hold, but for the first window's own. Some
# seconds after its start it notes what it has done with its memory snapshot.
TRACES = """(async () => {
  const wait = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const database = await wait(indexedDB.open("mooring"));
  const stores = {};
  for (const store of [...database.objectStoreNames]) {
    stores[store] = await wait(database.transaction(store).objectStore(store).getAllKeys());
  }
  database.close();
  const { held, pending } = await navigator.locks.query();
  const locks = [...held, ...pending].map(({ name }) => name).sort();
  const keys = Object.keys(localStorage).filter((key) => !key.startsWith("mooring.snapshot")).sort();
  const { windowId } = debugServerConsistency();
  const others = (found) => found.filter((name) => !JSON.stringify(name).includes(windowId));
  for (const store in stores) stores[store] = others(stores[store]);
  return JSON.stringify([stores, keys, others(locks)]);
})()"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium(gateway: Service, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BareChromium]:
    """A browser with one window of Mooring."""
    await wait_for_snapshot(gateway.url)
    await wait_for_drawing(gateway.url)
    async with open_bare_chromium(tmp_path_factory.mktemp("profile"), f"{gateway.url}/?lang=en") as opened:
        await opened.first.until(READY)
        yield opened


async def open_panel(tab: BareTab) -> None:
    """Open the panel *Windows*, unless it is open."""
    if not await tab.evaluate(f"document.querySelector('{LINK}') !== null"):
        await tab.click("[data-action=open-windows]")
    await tab.point_at("#windows-title")


async def facts(tab: BareTab) -> dict[str, Any]:
    return dict(await tab.evaluate("debugServerConsistency()"))


async def test_window_loaded_ahead_leaves_no_trace(chromium: BareChromium) -> None:
    first = chromium.first
    await open_panel(first)
    before = await first.evaluate(TRACES)
    await first.point_at(LINK)
    ahead = await chromium.ahead()
    await ahead.until(WAITS)
    assert await first.evaluate(TRACES) == before
    assert await ahead.evaluate("sessionStorage.length") == 0
    assert await first.evaluate("document.querySelectorAll('.windows > li').length") == 1
    await first.point_at("#windows-title")
    await chromium.dropped()
    assert await first.evaluate(TRACES) == before


async def test_window_loaded_ahead_is_a_window_once_it_is_opened(chromium: BareChromium) -> None:
    first = chromium.first
    await open_panel(first)
    await first.point_at(LINK)
    ahead = await chromium.ahead()
    await ahead.until(WAITS)
    await first.click(LINK)
    second = await chromium.opened(ahead)
    await second.until("document.querySelector('#form textarea') !== null")
    await second.evaluate("document.querySelector('#form textarea').select()")
    await second.call("Input.insertText", text="typed at once")
    await second.until(READY)
    assert await second.evaluate("performance.getEntriesByType('navigation')[0].activationStart > 0")
    assert await second.evaluate("document.querySelector('#form textarea').value") == "typed at once"
    assert (await facts(first))["windowId"] != (await facts(second))["windowId"]
    task = await second.evaluate(
        f"mooring.submitWorkflow({json.dumps(quick_workflow())}).then((id) => mooring.waitFor(id))"
    )
    assert task["state"] == "succeeded"
