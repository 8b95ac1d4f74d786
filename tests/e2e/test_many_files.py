"""A run for each file of a real folder, through a reload in the middle: names, failures, and what is left out."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.kit.browser.axe import check_axe
from tests.kit.browser.chromium import wait_for_js
from tests.kit.browser.faults import Fleet
from tests.kit.browser.windows import MooringWindow
from tests.kit.browser.work import make_photo
from tests.kit.module_gateways import gateway_of_fleet

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

GOOD = 12  # small photos, one of them in a nested folder under the name of another one
SUCCEEDED = "windowTasks.filter(({ state }) => state === 'succeeded')"

gateway = gateway_of_fleet


@pytest.fixture(scope="module")
def holiday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a camera leaves it: photos, a broken one, a drawing, a text, a hidden file, and a nested folder."""
    folder = tmp_path_factory.mktemp("many") / "holiday"
    (folder / "evening").mkdir(parents=True)
    for number in range(GOOD - 1):
        make_photo(folder, number)
    shutil.move(make_photo(folder / "evening", 20), folder / "evening" / "dunes-0.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    (folder / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "notes.txt").write_text("low tide at nine")
    (folder / ".hidden.png").write_bytes(b"x")
    return folder


async def choose_folder(page: Page, folder: Path) -> None:
    """Choose a folder in the dialog."""
    await page.get_by_test_id("files-dialog").get_by_test_id("choose-folder").set_input_files(folder)


async def drop_folder(page: Page, folder: Path) -> None:
    """Drop a folder on the page, as a file manager does."""
    devtools = await page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        await devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 400, "data": data})
    await devtools.detach()


async def test_folder_is_run_file_by_file_through_a_reload(window: MooringWindow, fleet: Fleet, holiday: Path) -> None:
    page = window.page
    await fleet.stop_workers()
    await window.choose_sample("enlarge")
    await page.locator("#field-2-width").fill("64")  # small pictures are made quickly
    await drop_folder(page, holiday)
    chosen = page.get_by_test_id("files-chosen")
    await expect(chosen).to_contain_text(f"{GOOD + 1} pictures")
    await choose_folder(page, holiday)
    await expect(chosen).to_contain_text("chosen twice")
    await expect(chosen).to_contain_text(f"{GOOD + 1} pictures")
    left = page.get_by_test_id("files-left")
    for words in ("notes.txt", "convert it to PNG", "drawing.svg", "hidden"):
        await expect(left).to_contain_text(words)
    await check_axe(page)
    await page.get_by_test_id("files-add").click()
    work = page.get_by_test_id("files-work")
    await expect(work.get_by_test_id("files-fault")).to_contain_text("broken.png")
    await expect(work.get_by_test_id("files-unread")).to_have_count(0)  # all are copied
    waiting = page.get_by_test_id("waiting-count")
    await expect(waiting).to_have_text(str(GOOD - 4))  # two servers have two each
    await window.reload()
    await expect(waiting).to_have_text(str(GOOD - 4))
    await expect(work.get_by_test_id("files-missing")).to_have_count(0)  # all that wait are kept
    await fleet.start_workers()
    await wait_for_js(page, f"() => {SUCCEEDED}.length === {GOOD}")
    tasks = await window.call(f"Promise.all({SUCCEEDED}.map((task) => mooring.waitFor(task.promptId)))")
    assert {task["executionServer"] for task in tasks} == {"a", "b"}
    downloads = page.locator("#results [data-testid=download]")
    await expect(downloads).to_have_count(GOOD)
    links = await downloads.evaluate_all("(items) => items.map((item) => item.download)")
    names = {found[0] for link in links if (found := re.search(r"(evening-)?dunes-\d+", link))}
    assert names == {*(f"dunes-{number}" for number in range(GOOD - 1)), "evening-dunes-0"}
    await expect(page.get_by_test_id("batch-done")).to_contain_text(f"{GOOD} of {GOOD + 1} done")
    await expect(work.get_by_test_id("files-counts")).to_have_count(0)  # the same, in other words
    await work.get_by_test_id("files-retry").click()  # that one alone, which the reload has taken
    await expect(work.get_by_test_id("files-missing")).to_contain_text("1 file is not here")
    await work.get_by_test_id("choose-folder").set_input_files(holiday)
    await expect(work.get_by_test_id("files-fault")).to_contain_text("broken.png")
    assert await page.evaluate("windowTasks.length") == GOOD
    await work.get_by_test_id("files-dismiss").click()
    await expect(work).to_have_count(0)
