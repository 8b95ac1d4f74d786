"""A fleet that is shared: a user waits for at most two runs of another one, however many windows that one has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import ask_server, paused, slow_workflow
from tests.kit.module_gateways import a_server
from tests.kit.services import Service, start_gateway
from tests.kit.studio import PASSWORD, write_users
from wire.turns import AHEAD

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]


server = a_server("--step-seconds", "0.02")


@pytest.fixture(scope="module")
def gateway(server: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway with users in front of one server."""
    users = tmp_path_factory.mktemp("turns") / "users.toml"
    write_users(users)
    with start_gateway("--server", f"a={server.url}", "--users", str(users)) as service:
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def user(module_user: BrowserUser) -> AsyncIterator[BrowserUser]:
    module_user.watch.restart()
    module_user.watch.expected += [r"status of 40[13]", r"status of 429"]
    yield module_user
    module_user.watch.check()


async def log_in(page: Page, base: str, name: str) -> MooringWindow:
    await page.goto(base)
    await page.locator("#name").fill(name)
    await page.locator("#password").fill(PASSWORD)
    await page.locator("#enter").click()
    window = MooringWindow(page)
    await window.ready()
    return window


async def queue_of(server: Service) -> list[str]:
    """The prompts that run and wait on a server, in order."""
    queue = await ask_server(server, "/queue")
    return [row[1] for part in ("queue_running", "queue_pending") for row in sorted(queue[part])]


async def open_tab(profile: BrowserContext, base: str) -> MooringWindow:
    window = await MooringWindow.open(profile, base)
    await window.ready()
    return window


async def test_another_user_waits_for_two_runs_at_most(user: BrowserUser, server: Service) -> None:
    profile = await user.new_profile()
    first = await log_in(await profile.new_page(), user.base, "alice")
    windows = [first, *[await open_tab(profile, user.base) for _ in range(2)]]
    bob = await log_in(await (await user.new_profile()).new_page(), user.base, "bob")
    async with paused(server):
        for window in windows:
            await window.choose_sample("slow")
            await window.page.get_by_test_id("run-count").fill("2")
            await window.page.locator("[data-testid=run]:enabled").click()
            await window.page.locator("[data-testid=task-card], [data-testid=waiting-item]").first.wait_for()
        for window in windows[1:]:
            await expect(window.page.get_by_test_id("line-turn")).to_contain_text("2 runs of yours are ahead")
        of_alice = await queue_of(server)
        his = await bob.submit(slow_workflow(2), "his")
        assert (len(of_alice), await queue_of(server)) == (AHEAD, [*of_alice, his])
        place = bob.card(his, "queued").locator(".step-name")
        await place.filter(has_text="2 runs of others before it").wait_for()
        await windows[2].press_on(windows[2].page.locator("#waiting"), "line-all")
        async with asyncio.timeout(60):  # the labelled exception: both of its runs go there now
            while len(await queue_of(server)) < len(of_alice) + 1 + 2:  # noqa: ASYNC110 - a server sends no event
                await asyncio.sleep(0.1)
    assert (await bob.wait_for(his))["state"] == "succeeded"
    await first.page.get_by_test_id("waiting-item").first.wait_for(state="detached")
    await first.check()
