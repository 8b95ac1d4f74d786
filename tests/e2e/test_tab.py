"""The title of a hidden tab, what wakes it, and when leaving asks for confirmation, in a real browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.kit.browser.tabs import PATIENCE, Tab, Tabs, open_tabs
from tests.kit.browser.work import break_server, paused, slow_workflow
from tests.kit.module_gateways import a_server, gateway_of_server
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

# The timers of a tab that has been hidden for some minutes fire once a minute; here, after two seconds.
LATE_TIMERS = "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/2"
# That applies only to chained timers, so each timer is delayed to make the test strict.
ALL_LATE = (
    "globalThis.areTimersLate = true;"
    "globalThis.setTimeout = ((real) => (f, ms = 0) => real(f, ms < 100 ? ms : ms + 600000))(setTimeout)"
)
UNDER_WAY = "(task) => ['queued', 'running', 'unreachable'].includes(task.state)"
ICON = "decodeURIComponent(document.getElementById('favicon').href)"

server = a_server("--step-seconds", "0.1")
gateway = gateway_of_server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_tab(gateway: Service, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Tabs, Tab]]:
    """A user's own browser with Mooring in a tab, for the whole module."""
    async with open_tabs(tmp_path_factory.mktemp("chromium") / "profile", LATE_TIMERS) as tabs:
        tab = await tabs.open(f"{gateway.url}/?lang=en")
        await tab.ready()
        assert await tab.call("document.title") == "Mooring"
        yield tabs, tab


@pytest_asyncio.fixture(loop_scope="session")
async def tabs(module_tab: tuple[Tabs, Tab]) -> AsyncIterator[Tabs]:
    """That browser; any error in one of its tabs fails the test."""
    tabs, _tab = module_tab
    yield tabs
    assert tabs.faults == []


@pytest_asyncio.fixture(loop_scope="session")
async def tab(module_tab: tuple[Tabs, Tab], tabs: Tabs) -> Tab:
    """The tab with Mooring, visible, with nothing under way and nothing recorded."""
    _tabs, tab = module_tab
    await tab.bring_to_front()
    if await tab.call("globalThis.areTimersLate"):
        await reload(tab)
    await tab.call(f"Promise.all(windowTasks.filter({UNDER_WAY}).map((task) => mooring.cancel(task.promptId)))")
    await tab.until(f"!windowTasks.some({UNDER_WAY})")
    await tab.until("/^Mooring( · last on gpu-1)?$/.test(document.title)")
    tabs.messages.clear()
    tabs.dialogs.clear()
    return tab


async def submit(tab: Tab, workflow: dict[str, Any]) -> str:
    return str(await tab.call(f"mooring.submitWorkflow({json.dumps(workflow)})"))


async def reload(tab: Tab) -> None:
    """Reload the page, and wait until Mooring is ready in it."""
    await tab.call("globalThis.isOld = true; location.reload()")
    await tab.until("!globalThis.isOld")
    await tab.ready()


async def hide(tabs: Tabs, tab: Tab) -> Tab:
    """Open another tab, without Mooring, in front of it."""
    other = await tabs.open("about:blank")
    await tab.until("document.hidden")
    return other


def state_is(prompt_id: str, state: str) -> str:
    return f"windowTasks.find((task) => task.promptId === '{prompt_id}')?.state === '{state}'"


async def test_hidden_tab_shows_progress_and_end_until_it_is_seen(tabs: Tabs, tab: Tab, server: Service) -> None:
    await hide(tabs, tab)
    await tab.call(f"globalThis.frames = 0; requestAnimationFrame(() => {{ frames += 1; }}); {ALL_LATE}; 0")
    async with paused(server):
        prompt_id = await submit(tab, slow_workflow())
        await tab.until(r"/^[1-9][0-9]%( · \d+:\d\d)? · gpu-1 · Mooring$/.test(document.title)")
        first, icon = await tab.call("document.title"), await tab.call(ICON)
        assert "stroke-dasharray" in icon, "a ring"
        percent = json.dumps(first.partition("%")[0])
        async with paused(server, at_step=3):
            await tab.until(f"document.title.includes('%') && !document.title.startsWith({percent})")
    await tab.until(state_is(prompt_id, "succeeded"))
    await tab.until("document.title === '✓ done · gpu-1 · Mooring'")
    assert await tab.call("frames") == 0, "the tab stayed hidden"
    assert await tab.call(ICON) != icon
    await tab.bring_to_front()
    await tab.until("document.title === 'Mooring · last on gpu-1'")
    await tab.until(f"document.querySelector('[data-prompt-id=\"{prompt_id}\"][data-state=succeeded]')")


async def test_failure_in_a_hidden_tab_is_marked(tabs: Tabs, tab: Tab) -> None:
    await hide(tabs, tab)
    refused = json.dumps(
        {"1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}}}
    )
    assert await tab.call(f"mooring.submitWorkflow({refused}).catch((error) => error.name)") == "PromptRejected"
    await tab.until("document.title === '! failed · gpu-1 · Mooring'")
    await tab.bring_to_front()
    await tab.until("document.title === 'Mooring · last on gpu-1'")


async def test_end_during_a_freeze_is_shown_on_resume(tabs: Tabs, tab: Tab, server: Service, gateway: Service) -> None:
    async with paused(server):
        prompt_id = await submit(tab, slow_workflow())
        await tab.until(state_is(prompt_id, "running"))
        front = await hide(tabs, tab)
        await tab.send("Page.setWebLifecycleState", state="frozen")
    base = f"{gateway.url}/servers/gpu-1"
    await front.send("Page.navigate", url=f"{gateway.url}/static/js/theme.js")
    await front.until(f"fetch('{base}/history/{prompt_id}').then((a) => a.json()).then((a) => '{prompt_id}' in a)")
    await tab.send("Page.setWebLifecycleState", state="active")
    await tab.until("document.title === '✓ done · gpu-1 · Mooring'")
    assert any("wake: resume" in line for line in tabs.messages)


async def test_page_events_wake_the_session(tabs: Tabs, tab: Tab, server: Service) -> None:
    """Visible, resumed, online, or back from the cache: each polls the server immediately."""
    async with paused(server):
        prompt_id = await submit(tab, slow_workflow())
        await tab.until(state_is(prompt_id, "running"))
        await tab.call(
            "new PerformanceObserver((list) => {"
            " looks += list.getEntries().filter((e) => /queue$/.test(e.name)).length; }"
            ").observe({type: 'resource'}); globalThis.looks = 0"
        )

        async def expect_wake(reason: str) -> None:
            await tab.until(f"looks > 0 && {json.dumps(reason)}")
            assert any(f"wake: {reason}" in line for line in tabs.messages), reason
            tabs.messages.clear()

        await hide(tabs, tab)
        tabs.messages.clear()
        await tab.call("looks = 0")
        await tab.bring_to_front()
        await expect_wake("visible")
        await tab.call("looks = 0; dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        await expect_wake("pageshow")
        await tab.call("looks = 0; document.dispatchEvent(new Event('resume'))")
        await expect_wake("resume")
        await tab.call(f"mooring.cancel('{prompt_id}')")
        await tab.until(state_is(prompt_id, "cancelled"))


async def test_offline_is_shown_and_ends_no_task(tabs: Tabs, tab: Tab, server: Service) -> None:
    async with paused(server):
        prompt_id = await submit(tab, slow_workflow())
        await set_network(tab, is_offline=True)
        await tab.until("document.querySelector('[data-testid=notice][data-kind=offline]')")
        assert not await tab.call(state_is(prompt_id, "lost"))
        tabs.messages.clear()
        await set_network(tab, is_offline=False)
        await tab.until("!document.querySelector('[data-testid=notice][data-kind=offline]')")
        assert any("wake: online" in line for line in tabs.messages)
    await tab.until(state_is(prompt_id, "succeeded"))
    tabs.faults.clear()  # requests without a network


async def set_network(tab: Tab, *, is_offline: bool) -> None:
    await tab.send("Network.enable")
    await tab.send(
        "Network.emulateNetworkConditions", offline=is_offline, latency=0, downloadThroughput=-1, uploadThroughput=-1
    )


LISTENERS = "(getEventListeners(window).beforeunload ?? []).length"


async def asked(tab: Tab, expression: str) -> int:
    """Return what an expression over the developer tools' own functions gives, in this moment."""
    result = await tab.send("Runtime.evaluate", expression=expression, includeCommandLineAPI=True, returnByValue=True)
    return int(result["result"]["value"])


async def wait_for_listeners(tab: Tab, count: int) -> None:
    """Wait until this many handlers would run; the page updates them with its next frame."""
    async with asyncio.timeout(PATIENCE):
        while await asked(tab, LISTENERS) != count:  # noqa: ASYNC110 - the condition is in another process
            await asyncio.sleep(0.05)


async def wait_until_saved(tab: Tab) -> None:
    """Wait until no handler is left; the record of an end may still be on its way to the disk."""
    await wait_for_listeners(tab, 0)


async def reload_once_saved(tab: Tab) -> None:
    """Reload in the very moment in which no handler is left: the page may write something else a moment later."""
    expression = f"!{LISTENERS} && (globalThis.isOld = true, location.reload(), true)"
    async with asyncio.timeout(PATIENCE):
        while not await asked(tab, expression):  # noqa: ASYNC110 - the condition is in another process
            await asyncio.sleep(0.05)
    await tab.until("!globalThis.isOld")
    await tab.ready()


async def test_leaving_needs_no_confirmation_while_work_runs(tabs: Tabs, tab: Tab, server: Service) -> None:
    async with paused(server):
        prompt_id = await submit(tab, slow_workflow())
        await tab.until(state_is(prompt_id, "running"))
        await reload_once_saved(tab)
        assert tabs.dialogs == []
        await tab.until(state_is(prompt_id, "running"))


async def test_leaving_needs_confirmation_during_an_upload(tabs: Tabs, tab: Tab, server: Service) -> None:
    upload = "mooring.uploadImage(new Blob(['picture'], {type: 'image/png'}), 'dunes.png')"
    assert (await tab.call(upload))["server"] == "gpu-1"
    await wait_until_saved(tab)
    await break_server(server, hang=True)
    await tab.call(f"void {upload}.catch(() => 0)")
    await wait_for_listeners(tab, 1)
    await tab.call("globalThis.isOld = true; location.reload()")
    await tab.until("!globalThis.isOld")
    assert tabs.dialogs == ["beforeunload"]
    await break_server(server, hang=False)
    await tab.ready()
    await wait_until_saved(tab)
