"""The main job in Firefox: started from the memory snapshot, typed with real keys, reloaded during a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.firefox_kit import firefox_path, open_firefox
from tests.e2e.work_kit import demo_servers, paused, slow_workflow
from tests.services import Service

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.e2e,
    pytest.mark.skipif(firefox_path() is None, reason="there is no Firefox on this machine"),
]

UP = "globalThis.mooring && mooring.ready.then(() => document.body.matches(':not(.is-booting)'))"
CONTROL, ENTER = "\ue009", "\ue007"


async def test_main_job_in_firefox(gateway: Service, tmp_path: Path) -> None:
    async with open_firefox(tmp_path) as firefox:
        tab = await firefox.open(f"{gateway.url}/?lang=en")
        await tab.until(UP)
        assert await tab.evaluate("performance.getEntriesByName('mooring-python')[0].detail") == "restored", (
            firefox.messages
        )

        await tab.evaluate("document.querySelector('#pick-text').click()")
        await tab.until("document.querySelector('#fields-text')")
        await tab.evaluate("document.querySelector('#fields-text textarea').select()")
        await tab.press(*"a calm sea")
        await tab.until("document.querySelector('#fields-text textarea').value === 'a calm sea'")
        await tab.press(CONTROL, ENTER)
        await tab.until("windowTasks.some((task) => task.state === 'succeeded')")
        await tab.until("document.querySelector('[data-testid=result-image]')?.naturalWidth > 0")
        assert await tab.evaluate("mooring.tasks().length") == 1, "one click, one run"

        async with paused(*demo_servers(gateway)):
            running = await tab.evaluate(f"mooring.submitWorkflow({json.dumps(slow_workflow())})")
            held = await tab.evaluate("windowLockedServer")
            await tab.until("windowTasks.some((task) => task.state === 'running')")
            window_id = await tab.evaluate("debugServerConsistency().windowId")
            await tab.reload()
            await tab.until("performance.getEntriesByType('navigation')[0].type === 'reload'")
            await tab.until(UP)
            assert await tab.evaluate("debugServerConsistency().windowId") == window_id
        done = await tab.evaluate(f"mooring.waitFor({json.dumps(running)})")
        assert (done["state"], done["executionServer"]) == ("succeeded", held)
        assert await tab.evaluate("checkServerSwitchRisk()") is False
        await tab.until("[...document.querySelectorAll('[data-testid=result-image]')].length === 2")
        assert firefox.faults == []
