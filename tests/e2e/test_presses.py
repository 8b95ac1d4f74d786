"""A press of Run is there, once, wherever a reload comes between the click and its first request.

`MOORING_PRESS_ROUNDS=100 python3 -m tests tests/e2e/test_presses.py` reloads so often at each step; `test_engines.py`
does it in Firefox and WebKit.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.faults import HANGING, until
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import ask_server
from tests.kit.platforms import posix_only, stopped
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

ROUNDS = int(os.environ.get("MOORING_PRESS_ROUNDS", "1"))
HANGS = [pytest.param(False, id="healthy"), pytest.param(True, id="one hangs")]
# Press Run, and reload: after some milliseconds, or in the turn of the loop in which a condition holds.
PRESS = """(when) => new Promise(() => {
  document.querySelector("#run [data-action=run]:enabled").click();
  if (when === 0) return location.reload();
  if (typeof when === "number") return setTimeout(() => location.reload(), when);
  const is = {
    recorded: () => sessionStorage["mooring.presses"] === undefined,
    card: () => document.querySelector("[data-testid=run-card], [data-testid=task-card]"),
  }[when];
  const ready = new MessageChannel();
  const look = () => is() ? location.reload() : ready.port2.postMessage(null);
  ready.port1.onmessage = look;
  look();
})"""
STEPS = [0, 1, 5, 30, "recorded", "card"]
TASKS = "windowTasks.map((task) => [task.promptId, task.state])"


@pytest.fixture(scope="module")
def gateway(gateway_to_two: Service) -> Service:
    return gateway_to_two


async def runs_on(server: Service) -> set[str]:
    """Return the prompts that a server has, waiting, running or in its history."""
    queue = await ask_server(server, "/queue")
    return {item[1] for item in (*queue["queue_running"], *queue["queue_pending"])} | {
        *await ask_server(server, "/history")
    }


async def expect_once(window: MooringWindow, before: set[str], servers: tuple[Service, ...]) -> None:
    """Wait until the one new press has ended, and check that it ran at most once, and is never lost in silence."""

    async def is_over() -> bool:
        fresh = [item for item in await window.call(TASKS) if item[0] not in before]
        return len(fresh) == 1 and fresh[0][1] in {"succeeded", "lost"}

    await until(is_over)
    ((prompt_id, state),) = [item for item in await window.call(TASKS) if item[0] not in before]
    found = [prompt_id in await runs_on(server) for server in servers]
    assert found.count(True) == (state == "succeeded")
    new = set[str]().union(*[await runs_on(server) for server in servers]) - before
    assert new <= {prompt_id}, "one press is one run"
    before.add(prompt_id)


@posix_only("no process can be stopped there")
@pytest.mark.parametrize("is_hung", HANGS)
@pytest.mark.parametrize("step", STEPS)
async def test_reload_after_a_press_keeps_it_once(
    window: MooringWindow,
    module_user: BrowserUser,
    two_servers: tuple[Service, Service],
    step: int | str,
    is_hung: bool,
) -> None:
    module_user.watch.expected += [HANGING] if is_hung else []
    await window.choose_small_text()
    before = {item[0] for item in await window.call(TASKS)}
    for server in two_servers:
        before |= await runs_on(server)
    for _ in range(ROUNDS):
        with stopped(two_servers[0].process.pid) if is_hung else contextlib.nullcontext():
            async with window.page.expect_navigation():
                await window.page.evaluate(f"(when) => void ({PRESS})(when)", step)
            await window.ready()
        await expect_once(window, before, two_servers)
        await expect(window.page.locator(".run-card.is-bad")).to_have_count(0)


@posix_only("no process can be stopped there")
async def test_reload_while_a_server_is_chosen_keeps_the_press(
    window: MooringWindow, module_user: BrowserUser, two_servers: tuple[Service, Service]
) -> None:
    """One server hangs, so that choosing takes seconds."""
    module_user.watch.expected.append(HANGING)
    await window.choose_small_text()
    before = {item[0] for item in await window.call(TASKS)}
    for server in two_servers:
        before |= await runs_on(server)
    with stopped(two_servers[0].process.pid):
        async with window.page.expect_request("**/fleet/loads"):
            await window.page.locator("[data-testid=run]:enabled").click()
        await window.reload()
        await wait_for_js(
            window.page, "(known) => windowTasks.some((task) => !known.includes(task.promptId))", arg=[*before]
        )
    await expect_once(window, before, two_servers)


async def test_press_with_a_count_is_kept_whole(window: MooringWindow) -> None:
    await window.choose_small_text()
    before = {item[0] for item in await window.call(TASKS)}
    await window.page.locator("#run-count").fill("3")
    await window.page.locator("#run-count").press("Tab")
    async with window.page.expect_navigation():
        await window.page.evaluate(f"(when) => void ({PRESS})(when)", 0)
    await window.ready()

    async def fresh() -> list[str]:
        return [state for prompt_id, state in await window.call(TASKS) if prompt_id not in before]

    async def are_over() -> bool:
        return sorted(await fresh()) == ["succeeded"] * 3

    await until(are_over)


async def test_refused_press_stays_after_a_reload_until_it_is_dismissed(user: BrowserUser, gateway: Service) -> None:
    window = await user.open()
    page = window.page
    await window.choose_small_text()
    await page.route("**/fleet/loads", lambda route: route.fulfill(status=400, body="{}"))
    user.watch.expected += [r"status of 400"]
    await page.locator("[data-testid=run]:enabled").click()
    card = page.locator(".run-card.is-bad")
    await expect(card).to_be_visible()
    await expect(card).to_contain_text("Mooring's gateway gave an answer that cannot be read.")
    shown = await card.inner_text()
    await window.reload()
    await expect(card).to_have_count(1)
    assert await card.inner_text() == shown, "with its reason"
    await card.locator("[data-action=dismiss-run]").click()
    await expect(card).to_have_count(0)
    await window.reload()
    await expect(card).to_have_count(0)


async def test_press_whose_file_was_not_stored_asks_for_it(window: MooringWindow, photo: Path) -> None:
    """The tab has its name, and not its bytes."""
    await window.choose_sample("enlarge")
    page = window.page
    await page.evaluate(
        """() => {
          const put = IDBObjectStore.prototype.put;
          IDBObjectStore.prototype.put = function (...row) {
            if (this.name === "inputs") throw new DOMException("no room for this test", "QuotaExceededError");
            return put.apply(this, row);
          };
        }"""
    )
    await window.put_picture(photo)
    async with page.expect_navigation():
        await page.evaluate(f"(when) => void ({PRESS})(when)", 0)
    await window.ready()
    card = page.locator(".run-card.is-bad")
    await expect(card).to_contain_text(photo.name)
    await card.locator("[data-action=dismiss-run]").click()
    await expect(card).to_have_count(0)
