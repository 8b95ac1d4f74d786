"""Record what an earlier build keeps in a browser, for `tests/e2e/test_last_release.py`.

    python -m tests.e2e.databases f8fe9fd8     # writes 0.1.0.json
    python -m tests.e2e.databases 8f741e97     # writes before-0154.json

A gateway of that revision, installed by its own set-up, serves its page with three demo servers. Three of its windows
are used until the browser's database holds

- a run that ended, with its result
- a batch over three servers in mid-run, with runs that wait
- a task of a closed window, adopted
- the waiting line of another window, paused
- the record of a private window's task
- a record in a state that no build knows, written by hand

and then it is read. All windows are open at that moment, as in a browser that crashes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from tests.e2e.databases import DAMAGE, FOLDER, REVISIONS, UNREADABLE, check_out, read_database
from tests.kit.browser.chromium import BARE, open_headless_shell, wait_for_js
from tests.kit.browser.windows import PATIENCE, BrowserUser, MooringWindow, open_user
from tests.kit.browser.work import demo_servers, paused, slow_workflow
from tests.kit.services import Service, start_gateway

SERVERS = 3
SET_UP = "from pathlib import Path; from gateway.install import set_up; set_up(Path.cwd())"
# Whether three windows of one session have tasks on three servers.
IS_SPREAD = """(() => {
  const left = windowTasks.filter(({ endedAt, title }) => !endedAt && title !== "Tide");
  return ["owner", "executionServer"].every((name) => new Set(left.map((task) => task[name])).size === 3);
})()"""
ITEM = "[data-testid=waiting-item][data-state=waiting]"


async def finish_a_run(window: MooringWindow) -> None:
    """Run a small picture, until it is delivered."""
    await window.choose_small_text()
    await window.page.locator("#field-1-steps").fill("1")
    prompt_id = await window.press_run()
    await window.card(prompt_id, "succeeded").locator("[data-testid=result][data-delivery=kept] img").wait_for()


async def begin_a_batch(window: MooringWindow) -> None:
    """Add nine runs for three servers, until each server has some. Others wait: two of a user's are ahead on each."""
    page = window.page
    await page.get_by_test_id("open-many").click()
    await page.get_by_test_id("many-text").fill("\n".join(f"dune {number}" for number in range(9)))
    await page.get_by_test_id("many-senders").select_option(str(SERVERS))
    await page.get_by_test_id("many-add").click()
    await wait_for_js(page, IS_SPREAD)
    await wait_for_js(page, "windowTasks.some(({ state, title }) => state === 'running' && title !== 'Tide')")


async def adopt_a_task(user: BrowserUser, heir: MooringWindow) -> None:
    """Submit a task in another window, close that, and adopt the task."""
    window = await user.open()
    prompt_id = await window.submit(slow_workflow(), "Tide")
    await window.wait_state(prompt_id, "running")
    await window.page.close()
    await heir.show_left()
    await heir.page.locator(f'[data-testid=orphan][data-prompt-id="{prompt_id}"]').get_by_test_id("adopt").click()
    await heir.card(prompt_id).wait_for()


async def leave_a_line(user: BrowserUser) -> None:
    """Let another window have two runs in a paused line. None is sent, since enough of the user's are ahead."""
    window = await user.open()
    page = window.page
    await window.choose_small_text()
    await page.locator("#field-1-steps").fill("1")
    await page.get_by_test_id("run-count").fill("2")
    await page.get_by_test_id("run-count").blur()
    await page.get_by_test_id("run").click()
    await expect(page.locator(ITEM)).to_have_count(2)
    await page.get_by_test_id("line-pause").click()
    await page.get_by_test_id("line-resume").wait_for()


async def work_in_private(ordinary: MooringWindow) -> None:
    """Submit a task in a private window."""
    await ordinary.page.keyboard.press("Control+K")
    await ordinary.page.keyboard.type("private window")
    async with ordinary.page.expect_popup() as opened:
        await ordinary.page.keyboard.press("Enter")
    window = MooringWindow(await opened.value)
    await window.ready()
    await window.wait_state(await window.submit(slow_workflow()), "running")


async def record(gateway: Service) -> dict[str, Any]:
    """Use the page of a gateway, and return the dump."""
    expect.set_options(timeout=PATIENCE)
    async with open_headless_shell() as browser, open_user(browser, gateway.url) as user:
        user.watch.expected.append("favicon.ico")  # a bare document has none
        window = await user.open()
        await finish_a_run(window)
        async with paused(*demo_servers(gateway, SERVERS)):
            await adopt_a_task(user, window)
            await work_in_private(window)
            await begin_a_batch(window)
            await leave_a_line(user)
            running = await window.call("windowTasks.find(({ state }) => state === 'running').promptId")
            bare = (await user.open(BARE, is_ready=False)).page
            await bare.evaluate(DAMAGE, [running, str(uuid.uuid4()), UNREADABLE])
            database = await read_database(bare)
            session = await window.page.evaluate("({ ...sessionStorage })")
    return {**database, "session": session, "port": gateway.port}


def main() -> None:
    """Record one dump."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", choices=REVISIONS.values())
    revision = parser.parse_args().revision
    [name] = [name for name, recorded in REVISIONS.items() if recorded == revision]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        check_out(revision, folder)
        subprocess.run([sys.executable, "-c", SET_UP], cwd=folder, check=True)
        with start_gateway(demo=SERVERS, root=folder) as gateway:
            dump = asyncio.run(record(gateway))
    file = FOLDER / f"{name}.json"
    file.write_text(f"{json.dumps(dump, indent=1)}\n", encoding="utf-8")
    print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
