"""Many runs on the page in a real browser: added from a table, reordered, changed and stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.kit.browser.axe import UNMARKED, check_axe
from tests.kit.browser.faults import Fleet
from tests.kit.browser.windows import BrowserUser, MooringWindow
from tests.kit.module_gateways import gateway_of_fleet
from tests.kit.services import ROOT

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.e2e]

ARTIFACTS = ROOT / "tests" / "artifacts"
ITEM = "[data-testid=waiting-item][data-state=waiting]"
LABELS = f"{ITEM} .row-part"
TABLE = "Text,seed,steps\n" + "\n".join(f"沙丘 {number},{number},200" for number in range(1, 9))

gateway = gateway_of_fleet


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def stopped_fleet(module_fleet: Fleet) -> None:
    """Have the servers keep all work in their queues."""
    await module_fleet.stop_workers()


def runs_file(folder: Path) -> Path:
    """Write a table as a Chinese spreadsheet does, with an invalid last row."""
    file = folder / "runs.csv"
    file.write_bytes((TABLE + "\n沙丘,many,200").encode("gb18030"))
    return file


async def add_table(page: Page, folder: Path) -> None:
    """Add a table with an invalid row, check the message by row and input, and add it without the row."""
    await page.get_by_test_id("open-many").click()
    await page.get_by_test_id("many-file").set_input_files(runs_file(folder))
    await expect(page.locator("#many-kind-table")).to_be_checked()
    await expect(page.get_by_test_id("many-outcome")).to_contain_text("Row 10: “many” does not fit “seed”")
    await page.get_by_test_id("many-text").fill(TABLE)
    await expect(page.get_by_test_id("many-outcome")).to_contain_text("8 runs")
    await page.get_by_test_id("many-senders").select_option("1")
    await check_axe(page)
    await expect(page.get_by_test_id("many-add")).to_have_text("Run 8")
    await page.get_by_test_id("many-add").click()
    await page.get_by_test_id("show-line").click()
    await expect(page.locator(ITEM)).to_have_count(6)


async def reorder(window: MooringWindow) -> None:
    """Reorder by dragging, and by the menu, which keeps the focus on its row."""
    page = window.page
    rows = page.locator(ITEM)
    await rows.nth(5).drag_to(rows.nth(0), target_position={"x": 40, "y": 3})
    await expect(page.locator(LABELS).first).to_contain_text("沙丘 8")
    await rows.first.get_by_test_id("menu").focus()
    await page.keyboard.press("Enter")
    await rows.first.get_by_test_id("line-down").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(LABELS).nth(1)).to_contain_text("沙丘 8")
    assert await page.evaluate("document.activeElement.closest('#waiting, #main') !== document.body")


async def change_first(window: MooringWindow) -> None:
    """Change the text, and an input that the table does not have."""
    page = window.page
    await window.press_on(page.locator(ITEM).first, "line-edit")
    dialog = page.get_by_test_id("edit-dialog")
    await dialog.locator("textarea").fill("a red dune")
    await dialog.get_by_test_id("edit-more").fill("width")
    await page.locator("#combo-list [role=option]").first.click()
    field = dialog.locator("[data-name=width]")
    await field.fill("many")
    await expect(page.get_by_test_id("save-edit")).to_be_disabled()
    await field.fill("320")
    await expect(page.get_by_test_id("save-edit")).to_be_enabled()
    await check_axe(page)
    await page.get_by_test_id("save-edit").click()
    await dialog.wait_for(state="detached")
    await expect(page.locator(LABELS).first).to_contain_text("a red dune")
    await expect(page.locator(LABELS).first).to_contain_text("width 320")


async def test_table_is_added_reordered_changed_and_stopped(user: BrowserUser, tmp_path: Path) -> None:
    window = await user.open()
    page = window.page
    await window.choose_sample("slow")
    await add_table(page, tmp_path)
    await page.get_by_test_id("line-pause").click()
    await page.get_by_test_id("line-resume").wait_for()
    await reorder(window)
    await change_first(window)
    order = await page.locator(LABELS).all_inner_texts()
    await window.reload()
    await page.get_by_test_id("show-line").click()
    await expect(page.locator(ITEM)).to_have_count(6)
    assert await page.locator(LABELS).all_inner_texts() == order
    await expect(page.get_by_test_id("where")).to_be_disabled()
    await page.get_by_test_id("ask-cancel-mine").click()
    await expect(page.get_by_test_id("cancel-dialog")).to_contain_text("6 waiting · 2 on a server")
    await check_axe(page)
    await page.get_by_test_id("cancel-mine").click()
    notice = page.locator("#errors [data-kind=stopped]")
    await expect(notice).to_contain_text("8 runs stopped")
    await expect(notice).to_contain_text("6 waited and are not sent")
    await expect(page.locator("#waiting")).to_be_empty()
    await expect(page.locator("[data-testid=task-card][data-state=cancelled]")).to_have_count(2)
    await expect(page.get_by_test_id("where")).to_be_enabled()
    assert len((await window.facts())["tasks"]) == 2, "removed runs never ran"


async def test_all_texts_about_many_runs_are_in_the_catalogue(user: BrowserUser) -> None:
    window = await user.open("/?lang=pseudo")
    page = window.page
    await window.choose_sample("slow")
    await page.get_by_test_id("open-many").click()
    for kind in ("table", "seeds", "lines", "grid"):
        await window.plan_as(kind)
        assert await page.evaluate(UNMARKED) == []
    await page.get_by_test_id("many-across-text").fill("40, 50")
    await page.get_by_test_id("many-down-text").fill("1, 2, 3, 4, 5, 6, 7, 8")
    await page.get_by_test_id("many-senders").select_option("1")
    await page.get_by_test_id("many-add").click()
    await page.get_by_test_id("open-sheet").click()
    await page.get_by_test_id("sheet-dialog").wait_for()
    assert await page.evaluate(UNMARKED) == []
    await page.keyboard.press("Escape")
    await page.locator(ITEM).first.wait_for()
    assert await page.evaluate(UNMARKED) == []
    await page.get_by_test_id("line-pause").click()
    await page.get_by_test_id("line-resume").wait_for()
    await window.press_on(page.locator(ITEM).last, "line-edit")
    await page.get_by_test_id("edit-dialog").wait_for()
    assert await page.evaluate(UNMARKED) == []
    await page.keyboard.press("Escape")
    await page.get_by_test_id("ask-cancel-mine").click()
    await page.get_by_test_id("cancel-dialog").wait_for()
    assert await page.evaluate(UNMARKED) == []
    await page.get_by_test_id("cancel-mine").last.click()
    await expect(page.locator("#waiting")).to_be_empty()
