"""Stored tasks that are damaged from outside: shown on the page, block new work, and can be given up."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.kit.browser.windows import BrowserUser
from tests.kit.browser.work import demo_servers, paused, quick_workflow, slow_workflow
from tests.kit.services import Service

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

# Read a task's record, and write it back with changes if there are any.
TOUCH = """([id, changes]) => new Promise((resolve, reject) => {
  const open = indexedDB.open("mooring");
  open.onerror = () => reject(open.error);
  open.onsuccess = () => {
    const transaction = open.result.transaction("tasks", "readwrite");
    const tasks = transaction.objectStore("tasks");
    const read = tasks.get(id);
    let found = null;
    read.onsuccess = () => {
      found = read.result ?? null;
      if (found && changes) tasks.put(found = {...found, ...changes});
    };
    transaction.onabort = () => reject(transaction.error);
    transaction.oncomplete = () => { open.result.close(); resolve(found); };
  };
})"""

REFUSAL = """async (workflow) => {
  try {
    return {promptId: await mooring.submitWorkflow(workflow)};
  } catch (error) {
    return {name: error.name, promptId: error.promptId, serverId: error.serverId, isNewer: error.isNewer};
  }
}"""


async def test_unreadable_task_blocks_new_work_until_given_up_or_readable(
    user: BrowserUser, gateway: Service, photo: Path
) -> None:
    window, other = await user.open(), await user.open()
    async with paused(*demo_servers(gateway)):
        prompt_id = await window.submit(slow_workflow())
        await window.wait_state(prompt_id, "running")
        server_id = (await window.facts())["lockedServer"]
        damaged = await other.page.evaluate(TOUCH, [prompt_id, {"state": "paused"}])
        assert damaged["state"] == "paused"
        await window.reload()

        notice = window.page.locator("[data-testid=notice][data-kind=unreadable]")
        await expect(notice).to_contain_text("A stored task is damaged and cannot be read.")
        await expect(notice).to_contain_text(f"test → {server_id} · Task.state")
        await expect(window.page.get_by_test_id("run")).to_be_disabled()
        await expect(window.page.locator("#run-words")).to_contain_text("a stored task cannot be read")
        facts = await window.facts()
        assert facts["lockedServer"] is None
        assert len(facts["violations"]) == 1
        assert facts["violations"][0].startswith(f"unreadable: {prompt_id} on {server_id}: ")
        refused = await window.page.evaluate(REFUSAL, quick_workflow())
        assert refused == {"name": "UnreadableRecord", "promptId": prompt_id, "serverId": server_id, "isNewer": False}
        await other.check()

        await notice.get_by_test_id("give-up-record").click()
        question = window.page.get_by_test_id("give-up-dialog")
        await expect(question).to_contain_text(f"{server_id} may still run it")
        await question.get_by_test_id("confirm-give-up").click()
    await expect(notice).to_have_count(0)
    assert await other.page.evaluate(TOUCH, [prompt_id, None]) is None
    await window.check()

    prompt_id = await window.run_photo(photo)
    before = await window.task(prompt_id)
    await other.page.evaluate(TOUCH, [prompt_id, {"v": 2, "state": "paused"}])
    assert len((await window.call("mooring.verify()"))["violations"]) == 1
    await expect(notice).to_contain_text("newer version of Mooring")
    await other.page.evaluate(TOUCH, [prompt_id, {"v": 2, "state": before["state"], "newer": [1]}])
    async with window.page.expect_navigation():
        await notice.locator("[data-action=reload]").click()
    await window.ready()
    await expect(window.card(prompt_id, "succeeded")).to_be_visible()
    await expect(notice).to_have_count(0)
    await window.check()
    assert (await other.page.evaluate(TOUCH, [prompt_id, None]))["newer"] == [1]
