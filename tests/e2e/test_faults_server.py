"""What becomes of work whose server is killed, restarted, cleared or deaf, in a real browser (promises 5 to 8)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.e2e.fault_kit import (
    BROKEN_NETWORK,
    Fleet,
    a_workflow,
    expect_no_violation,
    start_fleet,
)
from tests.e2e.window_kit import Desk
from tests.e2e.work_kit import load_server
from tests.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]


@pytest.fixture(scope="module")
def module_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two servers for all of this module."""
    with start_fleet(tmp_path_factory.mktemp("fleet"), "a", "b") as opened:
        yield opened


@pytest.fixture(scope="module")
def gateway(module_fleet: Fleet) -> Iterator[Service]:
    """Their gateway, which `desk` is at."""
    with module_fleet.gateway() as service:
        yield service


@pytest.fixture
def fleet(module_fleet: Fleet) -> Fleet:
    """The servers as new."""
    module_fleet.renew()
    return module_fleet


@pytest.mark.parametrize("state", ["queued", "running"])
async def test_a_server_killed_in_mid_work_is_waited_for_and_the_loss_is_told(
    desk: Desk, fleet: Fleet, state: str
) -> None:
    desk.watch.expected += BROKEN_NETWORK
    window = await desk.open()
    if state == "queued":
        for server_id in fleet.ports:
            await load_server(fleet[server_id], 1)
    workflow = a_workflow(steps=100)
    prompt_id = await window.submit(workflow)
    await window.wait_state(prompt_id, state)
    server_id = (await window.task(prompt_id))["executionServer"]
    (other,) = set(fleet.ports) - {server_id}
    before = await fleet.submits()

    fleet.kill(server_id)
    await window.wait_state(prompt_id, "unreachable")
    await expect(window.card(prompt_id)).to_contain_text(f"{server_id} does not answer")
    assert (await window.facts())["lockedServer"] == server_id
    await expect_no_violation(window)

    fleet.start(server_id)
    await window.wait_state(prompt_id, "lost")
    card = window.card(prompt_id, "lost")
    await expect(card).to_contain_text(f"{server_id} answers, but has it neither in its queue nor in its history.")
    assert await fleet.submits() == {server_id: 0, other: before[other]}, "it was sent again"
    assert (await window.facts())["lockedServer"] is None
    await expect_no_violation(window)

    again = str(await window.call("mooring.runAgain(a[0])", prompt_id))
    task = await window.task(again)
    assert task["againOf"] == prompt_id
    if state == "queued":  # somebody else's work is still on the other server
        assert task["executionServer"] == server_id
    await fleet.expect_home(window, again, workflow)
    assert (await window.task(prompt_id))["state"] == "lost"
