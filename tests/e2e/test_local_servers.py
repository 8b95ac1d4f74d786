"""A server that was found on this machine is listed in *Fleet*, and takes work once the user has chosen it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from gateway.fleet.fleet import DeclaredBy, Fleet, LocalServer
from gateway.http.servers import Server, ServerId
from tests.kit.browser.axe import check_axe
from tests.kit.browser.windows import BrowserUser
from tests.kit.browser.work import quick_workflow, runs_of
from tests.kit.gateways import Running, open_fleet
from tests.kit.services import Service, start_demo

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

LOCAL = ServerId("local-8189")


@pytest.fixture
def known_and_found() -> Iterator[tuple[Service, Service]]:
    """The demo server of the fleet, and the one that was found."""
    with start_demo("--step-seconds", "0.02") as known, start_demo("--step-seconds", "0.02") as found:
        yield known, found


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(known_and_found: tuple[Service, Service]) -> AsyncIterator[Running]:
    """A gateway that has found a server, at which `user` works."""
    known, found = known_and_found
    fleet = Fleet(DeclaredBy.DEMO, "a demo", (Server(ServerId("demo-1"), "demo-1", known.url),))
    async with open_fleet(fleet, probe_well=1.0, probe_down=1.0) as running:
        devices = ("cuda:0 NVIDIA GeForce RTX 4090",)
        running.gateway.state.note_local((LocalServer(Server(LOCAL, LOCAL, found.url), "0.30.0", devices),))
        yield running


async def test_server_found_on_this_machine_works_once_chosen(
    user: BrowserUser, known_and_found: tuple[Service, Service]
) -> None:
    window = await user.open()
    page = window.page
    await page.get_by_test_id("open-fleet").click()
    listed = page.get_by_test_id("local-server")
    await expect(listed).to_contain_text("ComfyUI 0.30.0 · cuda:0 NVIDIA GeForce RTX 4090")
    await expect(page.get_by_test_id("server")).to_have_count(1)
    await check_axe(page)
    await page.get_by_role("button", name=f"Use {LOCAL}").click()
    found = f"local-{known_and_found[1].url.rpartition(':')[2]}"
    await expect(page.locator(f"[data-testid=server][data-server={found}]")).to_have_attribute("data-health", "well")
    await expect(listed).to_have_count(0)
    prompt_id = await window.submit(quick_workflow(2))
    assert (await window.task(prompt_id))["executionServer"] == found, "the demo server takes nothing new"
    await window.wait_state(prompt_id, "succeeded")
    assert [await runs_of(server, prompt_id) for server in known_and_found] == [0, 1]
