"""Work in a real browser: tabs navigated away, hidden and discarded, pages cached, popups blocked (promise 9)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.kit.browser.faults import KEPT_BYTES, Fleet, origin_of, until
from tests.kit.browser.tabs import Tab, Tabs, open_tabs
from tests.kit.browser.work import slow_workflow
from tests.kit.module_gateways import gateway_of_fleet
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

DISCARDS = "document.querySelector('discards-main')?.shadowRoot?.querySelector('discards-tab')?.shadowRoot"
DISCARD = f"""(() => {{
  const row = [...({DISCARDS} ?? document).querySelectorAll("tbody tr")].find((row) => row.innerText.includes(HERE));
  if (!row) return "not listed yet";
  if (row.innerText.includes("discarded")) return "discarded";
  [...row.querySelectorAll(".actions-cell div")].find((link) => link.innerText.includes("Urgent")).click();
  return "asked";
}})()"""

gateway = gateway_of_fleet


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_tabs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tabs]:
    """A user's browser for the whole module, with its developer pages enabled."""
    profile = tmp_path_factory.mktemp("chromium") / "profile"
    profile.mkdir()
    (profile / "Local State").write_text(json.dumps({"internal_only_uis_enabled": True}))
    async with open_tabs(profile) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def own_tabs(module_tabs: Tabs) -> AsyncIterator[Tabs]:
    """That browser, without the tabs of other tests; any error in a tab fails the test."""
    before = await all_targets(module_tabs)
    yield module_tabs
    for target in set(await all_targets(module_tabs)) - set(before):
        await module_tabs.send("Target.closeTarget", targetId=target)
    assert module_tabs.faults == []


async def all_targets(tabs: Tabs) -> dict[str, str]:
    """Return the tabs with their addresses, including discarded ones."""
    found = (await tabs.send("Target.getTargets"))["targetInfos"]
    return {target["targetId"]: target["url"] for target in found if target["type"] in ("page", "tab")}


TRIES = 6


async def open_mooring(tabs: Tabs, gateway: Service) -> Tab:
    """A tab with Mooring in it."""
    tab = await tabs.open(f"{gateway.url}/?lang=en")
    await tab.ready()
    return tab


async def submit(tab: Tab, workflow: dict[str, Any]) -> str:
    """Submit, wait until the server has it, and return the prompt_id."""
    prompt_id = str(await tab.call(f"mooring.submitWorkflow({json.dumps(workflow)})"))
    state = f"windowTasks.find((task) => task.promptId === '{prompt_id}').state"
    await tab.until(f"['queued', 'running'].includes({state})")
    return prompt_id


async def expect_delivered_in(tab: Tab, fleet: Fleet, prompt_id: str, workflow: dict[str, Any]) -> None:
    """Check as `Fleet.expect_delivered` does, in a tab that is made visible."""
    await tab.bring_to_front()
    task = await tab.call(f"mooring.waitFor('{prompt_id}')")
    assert (task["state"], [output["delivery"] for output in task["outputs"]]) == ("succeeded", ["kept"])
    found = await tab.call(f"({KEPT_BYTES})('{prompt_id}/0')")
    assert origin_of(found) == (task["executionServer"], workflow)
    await tab.until(f"document.querySelector('[data-prompt-id=\"{prompt_id}\"] [data-testid=result-image]')")
    assert fleet.runs(workflow) == {task["executionServer"]: 1}
    assert (await tab.call("debugServerConsistency()"))["violations"] == []
    assert (await tab.call("mooring.verify()"))["violations"] == []


async def attach(tabs: Tabs, target: str) -> Tab:
    """Return a tab that opened by itself, or was restored."""
    session = (await tabs.send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
    tab = Tab(tabs, target, session)
    await tab.send("Runtime.enable")
    return tab


async def targets_at(tabs: Tabs, gateway: Service) -> set[str]:
    """Return the tabs at the gateway, including discarded ones."""
    return {target for target, address in (await all_targets(tabs)).items() if address.startswith(gateway.url)}


async def discard(tabs: Tabs, tab: Tab, gateway: Service) -> str:
    """Have the browser discard a hidden tab, as it does when memory is short, and return the new target."""
    before = await targets_at(tabs, gateway)
    list_of_tabs = await tabs.open("chrome://discards")
    await tabs.send("Target.detachFromTarget", sessionId=tab._session)  # a tab with a debugger is not discarded

    async def is_discarded() -> bool:
        return bool(await list_of_tabs.call(DISCARD.replace("HERE", json.dumps(gateway.url))) == "discarded")

    await until(is_discarded)
    (target,) = await targets_at(tabs, gateway) - before
    return target


async def test_discarded_tab_restores_its_work_or_loses_it_to_adoption(
    own_tabs: Tabs, gateway: Service, fleet: Fleet
) -> None:
    tab = await open_mooring(own_tabs, gateway)
    await fleet.stop_workers()
    first, second = slow_workflow(), slow_workflow()
    window_id = (await tab.call("debugServerConsistency()"))["windowId"]
    ids = [await submit(tab, first), await submit(tab, second)]
    target = await discard(own_tabs, tab, gateway)

    other = await open_mooring(own_tabs, gateway)
    orphans = await other.call("mooring.orphans()")
    assert [orphan["promptId"] for orphan in orphans] == ids
    await other.call(f"mooring.adopt('{ids[0]}')")
    await fleet.start_workers()
    await expect_delivered_in(other, fleet, ids[0], first)

    await own_tabs.send("Target.activateTarget", targetId=target)
    back = await attach(own_tabs, target)
    await back.ready()
    facts = await back.call("debugServerConsistency()")
    assert facts["windowId"] == window_id
    assert [task["promptId"] for task in facts["tasks"]] == [ids[1]], "the other task has another owner"
    await expect_delivered_in(back, fleet, ids[1], second)
    assert sum((await fleet.submits()).values()) == 2


async def leave_page(tab: Tab) -> None:
    """Go to another page in the tab, so that this one is kept in the back/forward cache.

    The browser does not keep a page with a request under way, so this may need several attempts.
    """
    for _ in range(TRIES):
        if await try_to_leave(tab):
            return
        await go_back(tab)
    raise AssertionError("the browser never kept the page")


async def try_to_leave(tab: Tab) -> bool:
    """Go to another page, and return whether this one was kept."""
    await tab.call("addEventListener('pagehide', (event) => localStorage.setItem('is cached', event.persisted))")
    await tab.call("globalThis.isOld = true; void setTimeout(() => location.assign('/static/js/theme.js'))")
    await tab.until("!globalThis.isOld && location.pathname !== '/' && document.readyState === 'complete'")
    return bool(await tab.call("localStorage.getItem('is cached')") == "true")


async def go_back(tab: Tab) -> bool:
    """Go back in the tab, and return whether the page came from the cache."""
    await tab.call("void setTimeout(() => history.back())")
    await tab.until("location.pathname === '/'")
    await tab.ready()
    return bool(await tab.call("globalThis.isOld ?? false"))


async def test_cached_page_continues_unless_its_work_was_adopted(
    own_tabs: Tabs, gateway: Service, fleet: Fleet
) -> None:
    tab, workflow = await open_mooring(own_tabs, gateway), slow_workflow()
    await fleet.stop_workers()
    before = (await tab.call("debugServerConsistency()"))["windowId"]
    prompt_id = await submit(tab, workflow)
    for _ in range(TRIES):
        await leave_page(tab)
        if await go_back(tab):
            break
    else:
        raise AssertionError("the page never came out of the cache")
    await fleet.start_workers()
    await expect_delivered_in(tab, fleet, prompt_id, workflow)

    await fleet.stop_workers()
    workflow = slow_workflow()
    prompt_id = await submit(tab, workflow)
    await leave_page(tab)
    other = await open_mooring(own_tabs, gateway)
    (orphan,) = await other.call("mooring.orphans()")
    assert (orphan["promptId"], orphan["owner"]) == (prompt_id, before)
    await other.call(f"mooring.adopt('{prompt_id}')")
    await tab.bring_to_front()
    assert not await go_back(tab), "the check whether it lives has evicted it"
    facts = await tab.call("debugServerConsistency()")
    assert facts["windowId"] == before
    assert (facts["lockedServer"], prompt_id in [task["promptId"] for task in facts["tasks"]]) == (None, False)
    await fleet.start_workers()
    await expect_delivered_in(other, fleet, prompt_id, workflow)
    assert sum((await fleet.submits()).values()) == 2


async def test_hidden_window_and_popup_each_deliver_their_work(own_tabs: Tabs, gateway: Service, fleet: Fleet) -> None:
    tab, first, second = await open_mooring(own_tabs, gateway), slow_workflow(), slow_workflow()
    await fleet.stop_workers()
    assert await blocks_popups(own_tabs)
    await tab.bring_to_front()
    prompt_id = await submit(tab, first)
    dead = await tab.call("windowLockedServer")
    fleet.kill(dead)
    await fleet.start_workers()
    await tab.until("windowTasks[0].state === 'unreachable'")
    known = await targets_at(own_tabs, gateway)
    await click(tab, "[data-testid=open-window]")

    fresh: set[str] = set()

    async def has_opened() -> bool:  # a new tab has this address, then none, then this one
        fresh.update(await targets_at(own_tabs, gateway) - known)
        return bool(fresh)

    await until(has_opened)
    (target,) = fresh
    opened = await attach(own_tabs, target)
    await opened.ready()
    assert await tab.call("document.hidden")
    ids = [(await each.call("debugServerConsistency()"))["windowId"] for each in (tab, opened)]
    assert ids[0] != ids[1]
    its_own = await submit(opened, second)
    assert await opened.call("windowLockedServer") != dead
    fleet.start(dead)
    await tab.until("windowTasks[0].state === 'lost'")
    second_id = str(await tab.call(f"mooring.runAgain('{prompt_id}')"))
    assert (await tab.call(f"mooring.waitFor('{second_id}')"))["state"] == "succeeded"
    assert await tab.call("document.hidden"), "the tab stayed hidden"
    await expect_delivered_in(opened, fleet, its_own, second)
    await expect_delivered_in(tab, fleet, second_id, first)


async def blocks_popups(tabs: Tabs) -> bool:
    """Return whether a page without a user gesture may not open a window."""
    result = await (await tabs.open("about:blank")).send(
        "Runtime.evaluate", expression="window.open('about:blank') === null"
    )
    return bool(result["result"]["value"])


async def click(tab: Tab, selector: str) -> None:
    """Click with the mouse in the middle of an element."""
    found = f"document.querySelector({json.dumps(selector)})"
    await tab.until(found)
    box = f"(() => {{ const b = {found}.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] }})()"
    await tab.call(f"{found}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    x, y = await tab.call(box)
    for kind in ("mousePressed", "mouseReleased"):
        await tab.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
