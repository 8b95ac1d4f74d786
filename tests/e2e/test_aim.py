"""Runs do not aim at a server that does not answer, and wait for one that they ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.faults import HANGING
from tests.kit.browser.windows import BrowserUser
from tests.kit.platforms import posix_only, stopped
from tests.kit.services import Service, start_demo, start_gateway_to

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e, posix_only("no process can be stopped there")]

ENDED_ON = "(server) => windowTasks.some((task) => task.executionServer === server && task.state === 'succeeded')"
NOTICED = 30_000  # milliseconds until the fleet's state has a server that hangs


@pytest.fixture(scope="module")
def slow_and_quick() -> Iterator[tuple[Service, Service]]:
    with start_demo("--step-seconds", "0.2") as one, start_demo("--step-seconds", "0") as two:
        yield one, two


@pytest.fixture(scope="module")
def gateway(slow_and_quick: tuple[Service, Service]) -> Iterator[Service]:
    with start_gateway_to(a=slow_and_quick[0], b=slow_and_quick[1]) as service:
        yield service


async def test_press_for_a_server_that_hangs_waits_for_it(
    user: BrowserUser, slow_and_quick: tuple[Service, Service]
) -> None:
    user.watch.expected.append(HANGING)
    window = await user.open()
    page = window.page
    await window.choose_small_text()
    await page.get_by_test_id("where").select_option("a")
    with stopped(slow_and_quick[0].process.pid):
        await page.locator("[data-testid=run]:enabled").click()
        await expect(page.get_by_test_id("waiting-item")).to_have_count(1, timeout=NOTICED)
        await expect(page.locator("#line-stalled-by")).to_contain_text("a: no answer in time")
        await expect(page.locator(".run-card.is-bad")).to_have_count(0)
        assert await page.evaluate("windowTasks") == []
    await wait_for_js(page, ENDED_ON, arg="a")
    await expect(page.get_by_test_id("waiting-item")).to_have_count(0)


async def test_window_on_a_server_that_hangs_runs_on_another(
    user: BrowserUser, slow_and_quick: tuple[Service, Service]
) -> None:
    user.watch.expected.append(HANGING)
    window = await user.open()
    page = window.page
    await page.get_by_test_id("where").select_option("a")
    held = await window.run_slow()
    assert (await window.task(held))["executionServer"] == "a"
    await window.choose_small_text()
    with stopped(slow_and_quick[0].process.pid):
        button = page.locator("[data-testid=run]:enabled")
        await expect(button).to_contain_text("Run on b", timeout=NOTICED)
        await expect(page.locator("#run-words.is-silent")).to_contain_text("a does not answer")
        await expect(page.get_by_test_id("standing")).to_have_attribute("data-tone", "is-warn")
        await button.click()
        await wait_for_js(page, ENDED_ON, arg="b")
        assert (await window.task(held))["executionServer"] == "a"
    await expect(button).not_to_contain_text("Run on b", timeout=NOTICED)
    await window.press_cancel(held)
