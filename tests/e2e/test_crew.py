"""A crew of three in one real tab: three servers work for one waiting line, through reloads of the page."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.browser_kit import load_python, run_python, start_python, wait_for_js
from tests.e2e.window_kit import BrowserUser
from tests.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

START = """
    import js
    from app.browser.adapters import make_ports
    from app.session import Session
    from app.session.waiting.crew import Crew
    from pyodide.ffi import create_proxy

    ports = make_ports(on_build=lambda _: None, on_newer=lambda _: None, on_person=lambda _: None)
    session = Session(ports)
    crew = Crew(session, ports)
    await session.start()
    crew.start()
    js.globalThis.crew = create_proxy(crew)
    js.globalThis.captain = create_proxy(session)
    return session.identity.window_id
"""
ADD = """
    import js
    from app.core.workflow import parse_workflow
    from app.workflows.plans.runs import Seeds, plan_runs
    from app.workflows.plans.targets import find_target

    workflow = parse_workflow(graph)
    runs = plan_runs(workflow, Seeds(find_target(workflow, "seed"), tuple(range(count))))
    await js.globalThis.captain.unwrap().line.add(workflow, runs, title="crew", senders=3)
    return len(runs)
"""
STATE = """
    import js

    crew = js.globalThis.crew.unwrap()
    line = crew.all_sessions[0].line.line
    tasks = [task for item in crew.all_sessions if item.worker.window for task in item.worker.window.tasks.values()]
    return {
        "waiting": -1 if line is None else len(line.entries),
        "crew": len(crew.all_sessions),
        "tasks": [[task.owner, task.client_id, task.server_id, task.is_delivered, task.part.index] for task in tasks],
        "violations": [text for item in crew.all_sessions for text in item.violations()],
    }
"""
GRAPH = {
    "1": {
        "class_type": "DemoSampler",
        "inputs": {"text": "crew", "seed": 1, "steps": 40, "width": 128, "height": 96},
    },
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "crew"}},
}


async def until(page: Page, count: int, *, crew: int = 3) -> dict[str, Any]:
    """Wait until nothing waits and all tasks are delivered, and return the tab's state."""
    while True:
        state: dict[str, Any] = await run_python(page, STATE)
        is_delivered = len(state["tasks"]) == count and all(task[3] for task in state["tasks"])
        if state["waiting"] == 0 and is_delivered and state["crew"] == crew:
            return state
        await page.wait_for_timeout(200)


async def test_crew_of_three_uses_three_servers_and_survives_reloads(browser: Browser, gateway: Service) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await load_python(page, gateway.url)
    me = await run_python(page, START)
    await run_python(page, ADD, graph=GRAPH, count=9)
    while len((await run_python(page, STATE))["tasks"]) < 6:
        await page.wait_for_timeout(100)
    await page.reload()
    await start_python(page)
    assert await run_python(page, START) == me
    state = await until(page, 9)
    assert {task[2] for task in state["tasks"]} == {"demo-1", "demo-2", "demo-3"}
    assert {task[0] for task in state["tasks"]} == {me, f"{me}+1", f"{me}+2"}
    assert len({task[1] for task in state["tasks"]}) == 3, "each session has its own client_id"
    assert sorted(task[4] for task in state["tasks"]) == list(range(9))
    assert state["violations"] == []
    await page.reload()
    await start_python(page)
    assert await run_python(page, START) == me
    assert len((await until(page, 9))["tasks"]) == 9
    await context.close()


async def test_nine_runs_use_each_of_three_idle_servers(user: BrowserUser) -> None:
    window = await user.open()
    page = window.page
    await window.choose_sample("slow")
    await page.get_by_test_id("run-count").fill("9")
    await page.get_by_test_id("run-count").blur()
    await page.get_by_test_id("run").click()
    await wait_for_js(page, "() => windowTasks.length >= 6")
    tasks = await page.evaluate("windowTasks")
    assert {task["executionServer"] for task in tasks[:3]} == {"demo-1", "demo-2", "demo-3"}
    assert len({task["owner"] for task in tasks}) == 3
    facts = await window.facts()
    assert [len(item["tasks"]) for item in (facts, *facts["crew"])] == [2, 2, 2]
    state = await page.evaluate("mooring.cancel(windowTasks.at(-1).promptId)")
    assert state["executionServer"] in {"demo-1", "demo-2", "demo-3"}, "a script reaches the work of each"
    await page.get_by_test_id("line-cancel").click()
    await page.get_by_test_id("cancel-mine").last.click()
    await expect(page.locator("#now [data-testid=task-card]")).to_have_count(0)


async def test_waiting_line_is_spread_over_three_servers(user: BrowserUser) -> None:
    window = await user.open()
    page = window.page
    await window.choose_sample("slow")
    await page.get_by_test_id("open-many").click()
    await page.get_by_test_id("many-text").fill("\n".join(f"dune {number}" for number in range(40)))
    await page.get_by_test_id("many-senders").select_option("3")
    await page.get_by_test_id("many-add").click()
    crew = page.get_by_test_id("crew-item")
    await expect(page.locator("[data-testid=crew-item][data-count='2']")).to_have_count(3)
    servers = {await item.get_attribute("data-server") for item in await crew.all()}
    assert servers == {"demo-1", "demo-2", "demo-3"}
    cards = page.locator("#now [data-testid=task-card]")
    assert {await card.get_attribute("data-server") for card in await cards.all()} == servers
    await expect(page.get_by_test_id("server-chip")).to_contain_text("3 servers")
    await window.reload()
    await expect(page.get_by_test_id("server-chip")).to_contain_text("3 servers")
    await page.get_by_test_id("line-spread").select_option("2")
    await page.get_by_test_id("line-cancel").click()
    await page.get_by_test_id("cancel-mine").click()
    await expect(cards).to_have_count(0)
    ended = page.locator("#results [data-testid=task-card]")
    assert {await card.get_attribute("data-server") for card in await ended.all()} == servers
    await expect(page.locator("#results [data-testid=task-card][data-state=cancelled]").first).to_be_visible()
    await wait_for_js(page, "document.title.startsWith('Mooring · last on ')")
