"""Mooring without a secure context, without a store, and without servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.kit.browser.chromium import IS_RESTORED, open_headless_shell, wait_for_snapshot
from tests.kit.browser.faults import Fleet
from tests.kit.browser.windows import BrowserUser, open_user
from tests.kit.browser.work import paused, quick_workflow, slow_workflow
from tests.kit.module_gateways import gateway_of_fleet
from tests.kit.services import free_ports, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

STUDIO = "--host-resolver-rules=MAP studio.lan 127.0.0.1"

SERVERS = ("a",)
gateway = gateway_of_fleet


@pytest_asyncio.fixture(loop_scope="session")
async def studio_user(fleet: Fleet, tmp_path: Path) -> AsyncIterator[BrowserUser]:
    """A user at http://studio.lan, which is no secure context: no Web Locks and no crypto.subtle."""
    file = tmp_path / "fleet.toml"
    file.write_text(f'[gateway]\nnames = ["studio.lan"]\n\n[[server]]\nid = "a"\nurl = "{fleet["a"].url}"\n', "utf-8")
    with start_gateway("--fleet", str(file), port=free_ports()) as gateway:
        async with (
            open_headless_shell(STUDIO) as browser,
            open_user(browser, f"http://studio.lan:{gateway.port}") as user,
        ):
            await wait_for_snapshot(gateway.url)
            yield user


async def test_main_job_and_identity_without_a_secure_context(
    studio_user: BrowserUser, fleet: Fleet, photo: Path
) -> None:
    window = await studio_user.open()
    assert await window.page.evaluate(IS_RESTORED), "a browser on plain http takes no Zstandard, but gzip"
    assert await window.page.evaluate("() => [isSecureContext, 'locks' in navigator]") == [False, False]
    prompt_id = await window.run_photo(photo)
    await window.check()
    await window.page.get_by_test_id("open-settings").click()
    await expect(window.page.get_by_test_id("has-notices")).to_be_disabled()
    await expect(window.page.locator("#has-notices-about")).to_contain_text("only for pages over https")
    await expect(window.page.get_by_test_id("has-sound")).to_be_enabled()
    await window.page.keyboard.press("Escape")

    async with paused(fleet["a"]):
        running = await window.submit(slow_workflow())
        before = await window.facts()
        twin = await window.duplicate()
        assert (await twin.facts())["windowId"] != before["windowId"]
        assert (await twin.facts())["tasks"] == []
        await window.reload()
    assert (await window.facts())["windowId"] == before["windowId"]
    assert (await window.wait_for(running))["state"] == "succeeded"
    await window.card(prompt_id, "succeeded").get_by_test_id("result-image").wait_for()


async def test_store_that_cannot_be_opened_refuses_runs_with_the_cause(user: BrowserUser) -> None:
    await (await user.new_profile()).add_init_script(
        "const open = IDBFactory.prototype.open; IDBFactory.prototype.open = function (name, version) {"
        " if (name === 'mooring') throw new DOMException('denied', 'SecurityError');"
        " return open.call(this, name, version); };"
    )
    page = (await user.open(is_ready=False)).page
    await page.get_by_test_id("notice").first.wait_for()
    assert "StorageError" in await page.evaluate(
        "(w) => mooring.submitWorkflow(w).then(() => 'sent', (error) => error.name)", quick_workflow()
    )


async def test_missing_servers_are_reported_with_each_cause(user: BrowserUser, fleet: Fleet) -> None:
    user.watch.expected.append("Failed to load resource")
    window = await user.open()
    fleet.kill("a")
    error = await window.page.evaluate(
        "(w) => mooring.submitWorkflow(w).then(() => null, (e) => ({name: e.name, causes: e.causes}))",
        quick_workflow(),
    )
    assert error["name"] == "NoServerAvailable"
    assert list(error["causes"]) == ["a"]
    assert (await window.facts())["lockedServer"] is None
