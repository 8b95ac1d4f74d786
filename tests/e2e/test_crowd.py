"""Six windows on three servers, with the same file names on each: nothing mixes (promises 1 and 11)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.kit.browser.faults import BROKEN_NETWORK, Fleet, expect_no_violation, kept_picture
from tests.kit.browser.windows import BrowserUser, MooringWindow, open_user
from tests.kit.browser.work import paused, slow_workflow
from tests.kit.module_gateways import gateway_of_fleet
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

WINDOWS = 6
MOST_STARTING = 3  # windows that start at the same time
SERVERS = ("a", "b", "c")

gateway = gateway_of_fleet


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowd(browser: Browser, gateway: Service) -> AsyncIterator[list[MooringWindow]]:
    """Six windows of one user."""
    async with open_user(browser, gateway.url) as user:
        user.watch.expected += BROKEN_NETWORK  # a server is killed in one test
        await user.new_profile()
        yield await open_windows(user, WINDOWS)


async def open_windows(user: BrowserUser, count: int) -> list[MooringWindow]:
    """Open this many windows, a few at a time."""
    gate = asyncio.Semaphore(MOST_STARTING)

    async def one() -> MooringWindow:
        async with gate:
            return await user.open()

    return list(await asyncio.gather(*(one() for _ in range(count))))


async def submit_all(windows: list[MooringWindow], works: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Submit one workflow from each window at the same time, and return the tasks."""
    ids = await asyncio.gather(*(window.submit(work) for window, work in zip(windows, works, strict=True)))
    return [await window.task(prompt_id) for window, prompt_id in zip(windows, ids, strict=True)]


async def expect_all_delivered(
    fleet: Fleet, windows: list[MooringWindow], works: list[dict[str, Any]], tasks: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Check that each window has the picture of its own work, from its own server, made once; return the tasks."""
    homes = []
    for window, work, task in zip(windows, works, tasks, strict=True):
        home = await window.wait_for(task["promptId"])
        assert (home["state"], home["executionServer"]) == ("succeeded", task["executionServer"])
        assert await kept_picture(window, task["promptId"]) == (task["executionServer"], work)
        await window.card(task["promptId"], "succeeded").get_by_test_id("result-image").wait_for()
        assert fleet.runs(work) == {task["executionServer"]: 1}
        await expect_no_violation(window)
        homes.append(home)
    return homes


async def test_same_file_names_of_six_windows_never_mix(crowd: list[MooringWindow], fleet: Fleet) -> None:
    before = await fleet.submits()
    works = [slow_workflow() for _ in crowd]
    for work in works:
        work["2"]["inputs"]["filename_prefix"] = "same-name"
    tasks = await submit_all(crowd, works)
    spread = Counter(task["executionServer"] for task in tasks)
    assert spread == dict.fromkeys(SERVERS, WINDOWS // len(SERVERS)), "simultaneous choices are spread"
    assert len({(await window.facts())["windowId"] for window in crowd}) == WINDOWS
    homes = await expect_all_delivered(fleet, crowd, works, tasks)
    files = Counter(output["filename"] for home in homes for output in home["outputs"])
    assert files == {"same-name_00001_.png": 3, "same-name_00002_.png": 3}, "each name is on each server"
    after = await fleet.submits()
    assert {server_id: after[server_id] - before[server_id] for server_id in SERVERS} == spread


async def test_only_windows_of_a_killed_server_wait_for_it(crowd: list[MooringWindow], fleet: Fleet) -> None:
    async with paused(*fleet.up.values()):
        works = [slow_workflow() for _ in crowd]
        tasks = await submit_all(crowd, works)
        killed = tasks[0]["executionServer"]
        fleet.kill(killed)
    rest = [index for index, task in enumerate(tasks) if task["executionServer"] != killed]
    stuck = [index for index, task in enumerate(tasks) if task["executionServer"] == killed]
    await expect_all_delivered(fleet, *([row[index] for index in rest] for row in (crowd, works, tasks)))
    for index in stuck:
        await crowd[index].wait_state(tasks[index]["promptId"], "unreachable")
    fleet.start(killed)
    for index in stuck:
        window, prompt_id = crowd[index], tasks[index]["promptId"]
        await window.wait_state(prompt_id, "lost")
        assert fleet.runs(works[index]) == {}, "none went elsewhere"
        await expect_no_violation(window)
