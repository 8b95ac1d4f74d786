"""Presses of Run at real ComfyUI servers, while one of them hangs.

    MOORING_REAL_COMFYUI=http://127.0.0.1:8188,http://127.0.0.1:8189 MOORING_REAL_PIDS=4711,4712 \\
        python3 -m tests tests/e2e/test_real_presses.py

Skipped without two addresses and the processes of both on this machine.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.test_aim import ENDED_ON, NOTICED
from tests.e2e.test_presses import HANGS, PRESS, STEPS, TASKS, expect_once, runs_on
from tests.e2e.test_real_comfyui import ADDRESSES, SERVERS, flags, slow_workflow
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.faults import HANGING
from tests.kit.browser.windows import BrowserUser
from tests.kit.browser.work import make_photo
from tests.kit.module_gateways import a_gateway
from tests.kit.platforms import posix_only, stopped

PIDS = [int(item) for item in os.environ.get("MOORING_REAL_PIDS", "").split(",") if item.strip()]
FIRST, SECOND = "real-0", "real-1"

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.e2e,
    posix_only("no process can be stopped there"),
    pytest.mark.skipif(
        min(len(ADDRESSES), len(PIDS)) < 2, reason="MOORING_REAL_COMFYUI or MOORING_REAL_PIDS names no two real servers"
    ),
]

gateway = a_gateway(*flags())


@pytest.mark.parametrize("is_hung", HANGS)
@pytest.mark.parametrize("step", STEPS)
async def test_reload_after_a_press_keeps_it_once(
    user: BrowserUser, tmp_path: Path, step: int | str, is_hung: bool
) -> None:
    user.watch.expected.append(HANGING)
    window = await user.open()
    await window.run_photo(make_photo(tmp_path, 5))
    before = {item[0] for item in await window.call(TASKS)}
    for server in SERVERS.values():
        before |= await runs_on(server)
    here = next(task["executionServer"] for task in await window.call("windowTasks"))
    hung = PIDS[[*SERVERS].index(here)]
    with stopped(hung) if is_hung else contextlib.nullcontext():
        async with window.page.expect_navigation():
            await window.page.evaluate(f"(when) => void ({PRESS})(when)", step)
        await window.ready()
    await expect_once(window, before, tuple(SERVERS.values()))
    await expect(window.page.locator(".run-card.is-bad")).to_have_count(0)


async def test_press_for_a_server_that_hangs_waits_for_it(user: BrowserUser, tmp_path: Path) -> None:
    user.watch.expected.append(HANGING)
    window = await user.open()
    page = window.page
    await window.choose_sample("enlarge")
    await window.put_picture(make_photo(tmp_path, 6))
    await page.get_by_test_id("where").select_option(FIRST)
    with stopped(PIDS[0]):
        await page.locator("[data-testid=run]:enabled").click()
        await expect(page.get_by_test_id("waiting-item")).to_have_count(1, timeout=NOTICED)
        await expect(page.locator("#line-stalled-by")).to_contain_text(f"{FIRST}: no answer in time")
        await expect(page.locator(".run-card.is-bad")).to_have_count(0)
    await wait_for_js(page, ENDED_ON, arg=FIRST)
    await expect(page.get_by_test_id("waiting-item")).to_have_count(0)


async def test_window_on_a_server_that_hangs_runs_on_another(user: BrowserUser, tmp_path: Path) -> None:
    user.watch.expected.append(HANGING)
    window = await user.open()
    page = window.page
    held = await window.submit(slow_workflow(60))
    await window.wait_state(held, "running")
    here = (await window.task(held))["executionServer"]
    other = SECOND if here == FIRST else FIRST
    await window.choose_sample("enlarge")
    await window.put_picture(make_photo(tmp_path, 7))
    with stopped(PIDS[[*SERVERS].index(here)]):
        button = page.locator("[data-testid=run]:enabled")
        await expect(button).to_contain_text(f"Run on {other}", timeout=NOTICED)
        await expect(page.locator("#run-words.is-silent")).to_contain_text(f"{here} does not answer")
        await expect(page.get_by_test_id("standing")).to_have_attribute("data-tone", "is-warn")
        await button.click()
        await wait_for_js(page, ENDED_ON, arg=other)
        assert (await window.task(held))["executionServer"] == here
    await expect(button).not_to_contain_text(f"Run on {other}", timeout=NOTICED)
    await window.press_cancel(held)


async def test_server_that_was_silent_for_a_moment_is_still_chosen(user: BrowserUser, tmp_path: Path) -> None:
    """Both servers miss a probe at most, and runs are still sent."""
    user.watch.expected.append(HANGING)
    window = await user.open()
    page = window.page
    await window.choose_sample("enlarge")
    await window.put_picture(make_photo(tmp_path, 8))
    await page.locator("#run-count").fill("4")
    await page.locator("#run-count").press("Tab")
    with stopped(PIDS[0]), stopped(PIDS[1]):
        await page.wait_for_timeout(1700)  # the moment that was found
    await page.locator("[data-testid=run]:enabled").click()
    await wait_for_js(page, "() => windowTasks.filter((task) => task.state === 'succeeded').length === 4")
    assert len(await window.call(TASKS)) == 4
