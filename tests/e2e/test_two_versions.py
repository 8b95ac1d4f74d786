"""An old and a new page of Mooring at the same time: they share the store, and the old one offers a reload."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.kit.browser.chromium import BARE, wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow, open_user
from tests.kit.browser.work import break_server, quick_workflow
from tests.kit.module_gateways import a_server, gateway_of_server
from tests.kit.services import ROOT, Service, free_ports, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

NOTICE = "[data-testid=notice][data-kind=newer]"
RELOAD = f"{NOTICE} [data-action=reload]"
BARE_ICON = "favicon.ico"  # a bare document has none

# A newer page opens the store at its own version. Resolves with the version before.
UPGRADE = """(version) => new Promise((resolve, reject) => {
  const open = indexedDB.open("mooring", version);
  open.onupgradeneeded = (event) => {
    open.result.createObjectStore("of-a-newer-version");
    globalThis.before = event.oldVersion;
  };
  open.onblocked = () => reject(new Error("the older page keeps the store"));
  open.onerror = () => reject(open.error);
  open.onsuccess = () => { open.result.close(); resolve(globalThis.before); };
})"""

# Read or change every record of an object store, without our code.
RECORDS = """([store, change]) => new Promise((resolve, reject) => {
  const open = indexedDB.open("mooring");
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const database = open.result, transaction = database.transaction(store, "readwrite");
    const get = transaction.objectStore(store).getAll();
    get.onsuccess = () => { for (const row of get.result) transaction.objectStore(store).put({...row, ...change}); };
    transaction.oncomplete = () => { database.close(); resolve(get.result); };
    transaction.onabort = () => reject(transaction.error);
  };
})"""

server = a_server("--step-seconds", "0.1")
gateway = gateway_of_server


async def test_older_page_keeps_the_store_and_fields_of_a_newer_one(user: BrowserUser, server: Service) -> None:
    """A newer page adds fields while the older one is away, and upgrades the store while the older one works."""
    later = {"v": 7, "of_a_newer_version": {"list": [1, None, "two"], "flag": True}}
    user.watch.expected.append(BARE_ICON)
    window = await user.open()
    await break_server(server, dead_worker=True)
    prompt_id = await window.submit(quick_workflow(1))
    await window.wait_state(prompt_id, "queued")
    await window.page.goto(f"{user.base}{BARE}")
    for store in ("tasks", "windows"):
        await records(window.page, store, later)
    await window.page.goto(f"{user.base}/")
    await window.ready()
    other = await bare_page(window, user.base)
    before = await other.evaluate(UPGRADE, 1_000)
    assert 0 < before < 1_000

    notice = window.page.locator(NOTICE)
    await expect(notice).to_contain_text("A newer version of Mooring is available.")
    assert await window.page.locator(RELOAD).count() == 0, "not in the middle of work"
    await break_server(server, dead_worker=False)
    task = await window.wait_for(prompt_id)
    assert (task["state"], task["outputs"][0]["delivery"]) == ("succeeded", "kept")
    assert [row["state"] for row in await records(other, "tasks")] == ["succeeded"], "it could write to the newer store"
    for store in ("tasks", "windows"):
        (row,) = await records(other, store)
        assert {name: row[name] for name in later} == later, store
    await window.card(prompt_id, "succeeded").wait_for()
    await window.page.locator(RELOAD).click()

    await wait_for_js(window.page, "() => !document.querySelector('[data-action=reload]')")
    await window.ready()
    await expect(notice).to_contain_text("Update Mooring where", ignore_case=True)
    await window.card(prompt_id, "succeeded").get_by_test_id("result-image").wait_for()
    second = await window.wait_for(await window.submit(quick_workflow(2)))
    assert second["state"] == "succeeded"
    await window.check()


async def bare_page(window: MooringWindow, base: str) -> Page:
    """Open a tab of the same profile without Mooring."""
    page = await window.page.context.new_page()
    await page.goto(f"{base}{BARE}")
    return page


async def records(page: Page, store: str, change: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the earlier records of an object store, and write a change into each."""
    return list(await page.evaluate(RECORDS, [store, change or {}]))


@pytest.fixture
def upgradable(tmp_path: Path) -> Path:
    """A copy of the gateway and the page, to be upgraded."""
    copy = tmp_path / "house"
    for folder in ("app", "gateway", "wire", "static", ".mooring/builds", ".mooring/snapshots"):
        if (ROOT / folder).exists():
            ignored = shutil.ignore_patterns("__pycache__", "making-*", "*.new")
            shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    for file in ("index.html", "pyscript.toml"):
        shutil.copy(ROOT / file, copy / file)
    return copy


def upgrade(clone: Path) -> None:
    """Replace a script by another one that an older page cannot use. The snapshot still fits."""
    source = clone / "static" / "js" / "scripting.js"
    source.unlink()  # it is a hard link to ours
    source.write_text("throw new Error('of another build');\n", encoding="utf-8")


async def build_path(window: MooringWindow) -> str:
    """Return the path of this window's build."""
    return str(await window.page.evaluate("document.documentElement.dataset.home"))


async def test_windows_keep_their_build_after_upgrade_and_offer_a_reload(
    browser: Browser, server: Service, upgradable: Path
) -> None:
    flags, port = ("--server", f"gpu-1={server.url}"), free_ports()
    with start_gateway(*flags, port=port, root=upgradable) as old:
        async with open_user(browser, old.url) as user:
            user.watch.expected += ["Failed to load resource", "WebSocket connection"]  # while the gateway is down
            working, idle = windows = [await user.open() for _ in range(2)]
            before = await build_path(idle)
            await break_server(server, dead_worker=True)
            prompt_id = await working.submit(quick_workflow(3))
            await working.wait_state(prompt_id, "queued")
            assert await working.page.locator(NOTICE).count() == 0
            old.stop()
            upgrade(upgradable)
            with start_gateway(*flags, port=port, root=upgradable):
                await expect(working.page.locator(NOTICE)).to_contain_text("This window finishes its work first")
                await idle.page.locator(RELOAD).wait_for()
                await uses_what_is_loaded_later(idle, before)
                await break_server(server, dead_worker=False)
                assert (await working.wait_for(prompt_id))["state"] == "succeeded"
                for window in windows:
                    await window.page.locator(RELOAD).click()
                    await wait_for_js(window.page, "() => !document.querySelector('[data-action=reload]')")
                    await window.ready()
                    await wait_for_js(window.page, "() => mooring.fleet().servers.length")  # with the build
                    assert await build_path(window) != before
                    assert await window.page.locator(NOTICE).count() == 0
                await working.card(prompt_id, "succeeded").wait_for()


async def uses_what_is_loaded_later(window: MooringWindow, home: str) -> None:
    """Open the scripting console, which loads a script, a worker and a Python of the window's own build."""
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url))
    await window.page.keyboard.press("s")
    await expect(window.page.get_by_test_id("script-status")).to_have_text("Python is ready.")
    scripts = [address for address in asked if "/static/js/" in address]
    assert scripts
    assert all(home in address for address in scripts)
    await window.page.keyboard.press("Escape")
    await expect(window.page.locator("dialog[open]")).to_have_count(0)
