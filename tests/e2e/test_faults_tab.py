"""Work in tabs that are reloaded, duplicated, closed or crashed, in a real browser (promises 1 and 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Error, expect

from tests.kit.browser.chromium import held, wait_for_js
from tests.kit.browser.faults import (
    BROKEN_NETWORK,
    Fleet,
    expect_no_violation,
    expect_picture,
    until,
)
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.browser.work import ask_server, break_server, paused, slow_workflow
from tests.kit.module_gateways import gateway_of_fleet

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

gateway = gateway_of_fleet


async def test_tab_and_its_copy_keep_and_adopt_work(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow
) -> None:
    """First the copy is closed, then the original. First in the module: no run has taught how fast a server is."""
    await fleet.stop_workers()  # until both tabs have been opened and closed
    original = await module_user.open()
    works = [slow_workflow(), slow_workflow()]
    ids = [await original.submit(works[0])]
    copy = await duplicate(original)
    ids.append(await copy.submit(works[1]))
    servers = [(await each.facts())["lockedServer"] for each in (original, copy)]
    assert set(servers) == set(fleet.ports), "two windows, two servers"

    await close_and_adopt(copy, original, ids[1:])
    await close_and_adopt(original, window, ids)
    await fleet.start_workers()
    for prompt_id, work, server_id in zip(ids, works, servers, strict=True):
        task = await fleet.expect_delivered(window, prompt_id, work)
        assert task["executionServer"] == server_id
    assert await fleet.submits() == {"a": 1, "b": 1}


async def duplicate(window: MooringWindow) -> MooringWindow:
    """Duplicate the tab, and check that the copy is a new window without work."""
    copy = await window.duplicate()
    locks = [await each.call("debugWebSocketLock()") for each in (window, copy)]
    for name in ("windowId", "clientId"):
        assert locks[0][name] != locks[1][name]
    assert (locks[1]["lockedServer"], (await copy.facts())["tasks"]) == (None, [])
    await expect(copy.page.locator("[data-testid=notice][data-kind=duplicate]")).to_contain_text(
        "This tab is a copy of another one and has its own work."
    )
    return copy


async def close_and_adopt(closed: MooringWindow, heir: MooringWindow, ids: list[str]) -> None:
    """Close a tab, and adopt all its work in another one."""
    await closed.page.close()
    orphans = await heir.call("mooring.orphans()")
    assert sorted(orphan["promptId"] for orphan in orphans) == sorted(ids)
    for prompt_id in ids:
        await heir.call("mooring.adopt(a[0])", prompt_id)


async def test_work_of_a_crashed_tab_is_adopted_by_one_window(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow
) -> None:
    first, other, third = await module_user.open(), window, await module_user.open()
    workflow = slow_workflow()
    async with paused(*fleet.up.values()):
        prompt_id = await first.submit(workflow)
        await first.wait_state(prompt_id, "running")
        server_id, owner = (await first.task(prompt_id))["executionServer"], (await first.facts())["windowId"]
        assert await other.call("mooring.orphans()") == [], "its window lives"

        crashed = asyncio.get_running_loop().create_future()
        first.page.once("crash", lambda _: crashed.set_result(None))
        with pytest.raises(Error):
            await first.page.goto("chrome://crash")
        await crashed

        for finder in (other, third):
            (orphan,) = await finder.call("mooring.orphans()")
            assert (orphan["promptId"], orphan["owner"], orphan["isOwnerGone"]) == (prompt_id, owner, True)
        left = other.page.locator(f"[data-testid=orphan][data-prompt-id='{prompt_id}']")
        await other.show_left()
        await expect(left).to_have_attribute("data-server", server_id)
        await left.get_by_test_id("adopt").click()
        await other.wait_state(prompt_id, "running")
        assert await third.call("mooring.adopt(a[0]).catch((error) => error.name)", prompt_id) == "NotOwner"
        adopted = await other.task(prompt_id)
        assert (adopted["executionServer"], adopted["epoch"], adopted["isWard"]) == (server_id, 2, True)
        assert (await other.facts())["lockedServer"] is None, "a ward holds no window"
        assert (await other.facts())["webSocket"]["server"] is None
    await fleet.expect_delivered(other, prompt_id, workflow)
    await other.expect_told(prompt_id, "Adopted from a window that was closed.")
    assert (await third.facts())["tasks"] == []
    await third.page.close()
    assert sum((await fleet.submits()).values()) == 1


class Reloads:
    """Reloads of one window, each followed by checks that must hold at every moment."""

    def __init__(self, window: MooringWindow, window_id: str, client_id: str) -> None:
        self._window, self._identity = window, (window_id, client_id)
        self.count = 0

    @classmethod
    async def of(cls, window: MooringWindow) -> Reloads:
        """Begin with the window as it is."""
        lock = await window.call("debugWebSocketLock()")
        return cls(window, lock["windowId"], lock["clientId"])

    async def reload(self, locked: str | None, during: Callable[[], Awaitable[object]] | None = None) -> None:
        """Reload, and check that the window keeps its identity and its server and reports no inconsistency."""
        known = [task["promptId"] for task in await self._window.call("windowTasks")]
        await self._window.page.reload(wait_until="commit")
        if during is not None:
            await during()
        await self._window.ready()
        lock = await self._window.call("debugWebSocketLock()")
        assert (lock["windowId"], lock["clientId"]) == self._identity
        assert [task["promptId"] for task in await self._window.call("windowTasks")] == known
        assert lock["lockedServer"] == locked
        await expect_no_violation(self._window)
        self.count += 1


async def test_reload_at_eight_moments_loses_and_duplicates_nothing(
    module_user: BrowserUser, fleet: Fleet, window: MooringWindow
) -> None:
    module_user.watch.expected += BROKEN_NETWORK
    reloads = await Reloads.of(window)
    await reloads.reload(None, lambda: reload_immediately(window))  # a free window, twice
    await window.call("mooring.uploadImage(new Blob(['x'], {type: 'image/png'}), 'x.png')")
    assert (await window.facts())["lockedServer"] is not None
    await reloads.reload(None)  # with a reservation, and nothing sent
    async with paused(*fleet.up.values()):
        prompt_id = await reload_while_a_submit_is_held(window, fleet, reloads)
        await reload_while_a_cancel_waits(window, fleet, reloads, prompt_id)
    await reload_from_the_queue_to_the_picture(window, fleet, reloads)
    assert reloads.count == 8


async def reload_immediately(window: MooringWindow) -> None:
    """Reload a page that has only just begun to load; the browser raises if it is not committed yet."""
    while True:
        try:
            await window.page.reload(wait_until="commit")
        except Error as error:
            if "Not attached" not in str(error):
                raise
        else:
            return


async def reload_while_a_submit_is_held(window: MooringWindow, fleet: Fleet, reloads: Reloads) -> str:
    """Reload before the answer arrives, so that the next page has to find the prompt; return the prompt_id."""
    await fleet.break_all(next_submit="hold")
    await window.page.evaluate("(workflow) => void mooring.submitWorkflow(workflow)", slow_workflow())

    async def is_held() -> bool:
        return sum([(await ask_server(server, "/demo/faults"))["holding"] for server in fleet.up.values()]) == 1

    async def release() -> None:
        await fleet.break_all(release=True, next_submit=None)

    await until(is_held)
    task = (await window.call("windowTasks"))[-1]
    await reloads.reload(task["executionServer"], release)
    await window.wait_state(task["promptId"], "running")
    assert "page_went_away" in [note["detail"] for note in (await window.task(task["promptId"]))["notes"]]
    return str(task["promptId"])


async def reload_while_a_cancel_waits(window: MooringWindow, fleet: Fleet, reloads: Reloads, prompt_id: str) -> None:
    """Check that the cancel is kept, and done as soon as the server answers."""
    server_id = (await window.task(prompt_id))["executionServer"]
    await break_server(fleet[server_id], hang=True)
    await window.page.evaluate("(id) => void mooring.cancel(id).catch(() => 0)", prompt_id)
    await wait_for_js(
        window.page,
        "(id) => windowTasks.find((task) => task.promptId === id).notes.some((note) => note.kind === 'cancel_asked')",
        arg=prompt_id,
    )
    await reloads.reload(server_id)
    await break_server(fleet[server_id], hang=False)
    await window.wait_state(prompt_id, "cancelled")
    assert sum((await fleet.submits()).values()) == 1


async def reload_from_the_queue_to_the_picture(window: MooringWindow, fleet: Fleet, reloads: Reloads) -> None:
    """Reload while the task waits, runs, is being delivered, and after delivery."""
    await fleet.stop_workers()
    workflow = slow_workflow()
    prompt_id = await window.submit(workflow)
    await window.wait_state(prompt_id, "queued")
    server_id = (await window.task(prompt_id))["executionServer"]
    await reloads.reload(server_id)
    await window.connected()
    async with held(window.page, "**/view?*"):
        async with paused(fleet[server_id]):
            await break_server(fleet[server_id], dead_worker=False)
            await window.wait_progress(prompt_id)
            await reloads.reload(server_id)
        await window.wait_state(prompt_id, "succeeded")
        await reloads.reload(None)
        await expect(window.card(prompt_id)).to_contain_text("Being fetched …")
    await fleet.expect_delivered(window, prompt_id, workflow)
    await reloads.reload(None)
    await expect_picture(window, prompt_id, server_id, workflow)
