"""An upgrade of the installed wheel under open windows: they go on, and offer a reload once they are idle."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.kit.browser.chromium import open_chromium
from tests.kit.browser.windows import MooringWindow
from tests.kit.browser.work import break_server, quick_workflow
from tests.kit.services import free_ports, start_demo, start_installed
from tests.kit.wheel import Installed, another_version, build

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

NOTICE = "[data-testid=notice][data-kind=newer]"
LATER = "static/js/scripting.js"  # a file that the page loads when it is first needed, or after a while
STATUS = "async (path) => (await fetch(path, { cache: 'reload' })).status"
HOME = "document.documentElement.dataset.home"


async def test_window_goes_on_over_an_upgrade_and_then_offers_a_reload(tmp_path: Path) -> None:
    old = build(tmp_path / "old")
    installed = Installed.make(tmp_path / "home", old)
    new, port = another_version(old, tmp_path / "new"), free_ports()
    with start_demo() as server:
        fleet = ["--server", f"gpu-1={server.url}"]
        async with open_chromium() as browser:
            with start_installed(installed, *fleet, port=port) as gateway:
                context = await browser.new_context()
                window = await MooringWindow.open(context, gateway.url)
                await window.ready()
                home = await window.page.evaluate(HOME)
                await break_server(server, dead_worker=True)
                prompt_id = await window.submit(quick_workflow(1))
                await window.wait_state(prompt_id, "queued")
            installed.install(new)
            with start_installed(installed, *fleet, port=port):
                await expect(window.page.locator(NOTICE)).to_contain_text("A newer version of Mooring is available.")
                assert await window.page.locator(f"{NOTICE} [data-action=reload]").count() == 0, (
                    "not in the middle of work"
                )
                assert await window.page.evaluate(STATUS, f"{home}{LATER}") == 200, "its own build is still there"
                await break_server(server, dead_worker=False)
                task = await window.wait_for(prompt_id)
                assert (task["state"], task["outputs"][0]["delivery"]) == ("succeeded", "kept")
                await window.page.locator(f"{NOTICE} [data-action=reload]").click()
                await window.page.wait_for_function(f"{HOME} !== {home!r}")
                await window.ready()
                assert (await window.task(prompt_id))["state"] == "succeeded"
            await context.close()
