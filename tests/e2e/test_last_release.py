"""A browser with what an earlier build has stored: today's page continues it, alone and beside a page of that build.

`databases/` holds what 0.1.0 had stored, and the build before windows of one session were joined (`before-0154`), in
the middle of work. `databases/__main__.py` says what is in them, and records them.

The servers were restarted meanwhile: they know none of the recorded prompts.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.databases import REVISIONS, UNREADABLE, Dump, check_out, has_revision, read_database, share_set_up
from tests.kit.browser.chromium import BARE, held, wait_for_js
from tests.kit.browser.windows import BrowserUser, MooringWindow, open_user
from tests.kit.browser.work import ask_server, break_server, demo_servers, paused
from tests.kit.services import Service, free_ports, start_demo, start_gateway

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

ITEM = "[data-testid=waiting-item][data-state=waiting]"
ADOPTED = "Tide"  # the title of the task that was adopted
READ_LARGE = """async (picture) => {
  const bytes = new Uint8Array(await (await fetch(picture.src)).arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
}"""
HAVE_SUCCEEDED = """(ids) => ids.every((id) => {
  const task = windowTasks.find(({ promptId }) => promptId === id);
  return task?.state === "succeeded" && task.outputs[0].delivery === "kept";
})"""
HAVE_STATE = """([ids, state]) => ids.every((id) => {
  return windowTasks.find(({ promptId }) => promptId === id)?.state === state;
})"""


class Recorded:
    """What a dump holds, by whose it is."""

    def __init__(self, dump: Dump) -> None:
        self.dump = dump
        tasks, waiting = dump.rows("tasks"), dump.rows("waiting")
        own = dump.window_id
        sessions = {own, f"{own}+1", f"{own}+2"}
        unreadable, others = [], []
        for task in tasks:
            (unreadable if task["state"] == UNREADABLE else others).append(task)
        [self.unreadable] = unreadable
        [self.ended] = [task for task in others if task["state"] == "succeeded"]
        [self.private] = [task for task in others if task["owner"] not in sessions]
        self.left = [task for task in others if task not in (self.ended, self.private)]
        [self.adopted] = [task["prompt_id"] for task in self.left if task["title"] == ADOPTED]
        self.batch = [task for task in self.left if task["title"] != ADOPTED]
        self.unfinished = [str(task["prompt_id"]) for task in self.left]
        self.own_line = _ids(row for row in waiting if row["owner"] == own)
        self.other_line = _ids(row for row in waiting if row["owner"] != own)
        self.servers = {task["prompt_id"]: task["server_id"] for task in tasks}
        assert {task["owner"] for task in self.batch} == sessions
        assert len({task["server_id"] for task in self.batch}) == 3
        assert self.own_line
        assert self.other_line


def _ids(rows: Iterator[dict[str, Any]]) -> list[str]:
    return [str(row["prompt_id"]) for row in sorted(rows, key=lambda row: row["place"])]


async def restore(user: BrowserUser, dump: Dump) -> MooringWindow:
    """Open the tab that was recorded, in a new profile with the recorded database."""
    user.watch.expected.append("favicon.ico")  # a bare document has none
    window = await MooringWindow.open(await user.new_profile(), f"{user.base}{BARE}")
    await dump.fill(window.page)
    return window


async def count_received(servers: list[Service]) -> int:
    """Return how many prompts these servers have received."""
    return sum([int((await break_server(server))["submits"]) for server in servers])


async def where_run(servers: list[Service]) -> dict[str, str]:
    """Return the servers by the prompts of their histories; no prompt may be in two."""
    found: dict[str, str] = {}
    for number, server in enumerate(servers, 1):
        for prompt_id in await ask_server(server, "/history"):
            assert prompt_id not in found
            found[prompt_id] = f"demo-{number}"
    return found


async def check_sent_once(
    window: MooringWindow, servers: list[Service], recorded: Recorded, sent: list[str], before: int
) -> None:
    """Check that these runs were posted once each, no other prompt was, and each task still has its server."""
    assert await count_received(servers) - before == len(sent)
    ran = await where_run(servers)
    assert sorted(set(ran) & {*sent, *recorded.servers}) == sorted(sent)
    rows = {row["prompt_id"]: row for row in Dump(await read_database(window.page)).rows("tasks")}
    assert {prompt_id: rows[prompt_id]["server_id"] for prompt_id in sent} == {key: ran[key] for key in sent}
    for prompt_id, row in rows.items():
        assert row["server_id"] == recorded.servers.get(prompt_id, row["server_id"])
    assert rows[recorded.private["prompt_id"]] == recorded.private


async def adopt_line(window: MooringWindow, recorded: Recorded) -> None:
    """Adopt the paused line of the other recorded window, and send it."""
    await window.show_left()
    await window.page.locator("[data-testid=line-adopt]").click()
    items = window.page.locator(ITEM)
    await expect(items).to_have_count(len(recorded.other_line))
    assert await items.evaluate_all("(items) => items.map((item) => item.dataset.promptId)") == recorded.other_line
    await window.page.get_by_test_id("line-resume").click()
    await window.page.mouse.move(0, 0)  # the rows stay in place under the pointer


async def give_up_unreadable(window: MooringWindow, recorded: Recorded) -> None:
    """Check that the unreadable record is shown, and give it up."""
    notice = window.page.locator("[data-testid=notice][data-kind=unreadable]")
    await expect(notice).to_contain_text("A stored task is damaged and cannot be read.")
    await expect(notice).to_contain_text(f"{ADOPTED} → {recorded.unreadable['server_id']} · Task.state")
    await notice.get_by_test_id("give-up-record").click()
    await window.page.get_by_test_id("confirm-give-up").click()
    await expect(notice).to_have_count(0)


@pytest.mark.parametrize("name", REVISIONS)
async def test_work_of_an_earlier_build_continues(user: BrowserUser, gateway: Service, name: str) -> None:
    recorded = Recorded(dump := Dump.read(name, gateway.port))
    [picture] = dump.rows("results")
    servers = demo_servers(gateway)
    before = await count_received(servers)
    window = await restore(user, dump)
    page = window.page
    async with held(page, "**/history/*"):  # a task that is not found is lost after it was looked up twice
        await page.goto(user.base)
        await window.ready()
        for prompt_id in recorded.unfinished:
            await expect(page.locator(f"#now [data-prompt-id='{prompt_id}']").first).to_be_visible()
        await expect(window.card(recorded.adopted)).to_contain_text("Adopted from a window that was closed.")
    ended = recorded.ended["prompt_id"]
    await window.card(ended, "succeeded").locator("[data-testid=result][data-delivery=kept] img").wait_for()
    large = await window.open_large(ended)
    assert base64.b64decode(await large.evaluate(READ_LARGE)) == base64.b64decode(picture["blob"]["$blob"])
    await window.close_large()

    await wait_for_js(page, HAVE_STATE, arg=[recorded.unfinished, "lost"])
    for prompt_id in recorded.unfinished:
        await expect(window.card(prompt_id, "lost")).to_contain_text("Lost")
    await wait_for_js(page, HAVE_SUCCEEDED, arg=recorded.own_line)
    await give_up_unreadable(window, recorded)
    await adopt_line(window, recorded)
    await wait_for_js(page, HAVE_SUCCEEDED, arg=recorded.other_line)
    await expect(page.locator("#waiting")).to_be_empty()
    assert [task["promptId"] for task in await window.call("mooring.orphans()")] == [recorded.private["prompt_id"]]
    await check_sent_once(window, servers, recorded, [*recorded.own_line, *recorded.other_line], before)
    await window.check()


@contextlib.contextmanager
def start_servers(first: int) -> Iterator[list[Service]]:
    """Start three demo servers on neighbouring ports."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(start_demo("--step-seconds", "0", port=first + number)) for number in range(3)]


@pytest.mark.parametrize("name", REVISIONS)
async def test_page_of_an_earlier_build_works_beside_todays(browser: Browser, tmp_path: Path, name: str) -> None:
    if not has_revision(REVISIONS[name]):
        pytest.skip(f"this repository does not have {REVISIONS[name]}")
    check_out(REVISIONS[name], tmp_path)
    share_set_up(tmp_path)
    port = free_ports(4)
    recorded = Recorded(Dump.read(name, port))
    with start_servers(port + 1) as servers:
        flags = [
            word for number in (1, 2, 3) for word in ("--server", f"demo-{number}=http://127.0.0.1:{port + number}")
        ]
        with start_gateway(*flags, port=port, root=tmp_path) as earlier:
            async with open_user(browser, earlier.url) as user, paused(*servers):
                user.watch.expected += ["Failed to load resource", "WebSocket connection"]  # while the gateway is down
                old = await restore(user, recorded.dump)
                await old.page.goto(user.base)
                await old.ready()
                await wait_for_js(old.page, HAVE_STATE, arg=[recorded.unfinished, "lost"])
                await wait_for_js(old.page, "windowTasks.some(({ state }) => state === 'running')")
                earlier.stop()
                with start_gateway(*flags, port=port):
                    new = await MooringWindow.open(old.page.context, user.base)
                    await new.ready()
                    await adopt_line(new, recorded)
                    for server in servers:
                        await break_server(server, pause_at_step=None)
                    await wait_for_js(old.page, HAVE_SUCCEEDED, arg=recorded.own_line)
                    await wait_for_js(new.page, HAVE_SUCCEEDED, arg=recorded.other_line)
                    await give_up_unreadable(old, recorded)
                    await check_sent_once(new, servers, recorded, [*recorded.own_line, *recorded.other_line], 0)
                    for window in (old, new):
                        await window.check()
